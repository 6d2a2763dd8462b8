"""CSV by blocks, through Python's own reader: a record may span lines, and a bad row has to be told with its line.

Every field is text; an empty one is null. A quote that never closes would swallow the rest of the file: where a record
can't be read, its first line is rejected and reading goes on at the next.
"""

from __future__ import annotations

import csv
import math
from collections import deque
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import LINE
from evenly.errors import LONGEST_CHOICE, DataError
from evenly.io.blocks import LINE_BYTES, SHOWN_BYTES, TOO_LONG, Block, Rejected, as_lists, as_number, as_record
from evenly.io.dialects import UTF8, dialect_of, open_text
from evenly.io.streams import open_bytes

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Sequence

    from evenly.io.blocks import File, Piece
    from evenly.io.dialects import Dialect
    from evenly.recipe.needs import Need

BLOCK_ROWS: Final = 10_000
"""Rows of a block: some 16 MB of listings."""

RECORD_LINES: Final = 10_000
"""Lines that one record may span; a quote still open by then was never meant as one."""


ENDS: Final = ("\n", "\r")
"""What a line ends with; a file may have either, or both together."""


class _Overlong(str):
    """The first characters of a line that is longer than `LINE_BYTES`; the rest of it was passed over."""

    __slots__ = ()


def _lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of a text, none of them longer in memory than the limit."""
    while line := text.readline(LINE_BYTES):
        if len(line) < LINE_BYTES or line.endswith(ENDS):
            yield line
            continue
        while (rest := text.readline(LINE_BYTES)) and not rest.endswith(ENDS):
            pass
        yield _Overlong(line[:SHOWN_BYTES])


class _Lines:
    """The lines of a file, of which those of the current record can be taken back."""

    def __init__(self, lines: Iterator[str]) -> None:
        """Read from `lines`."""
        self._source = lines
        self._again: deque[str] = deque()
        self.record: list[str] = []
        self.next_line = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.record) >= RECORD_LINES:
            message = f"a quote is not closed within {RECORD_LINES:,} lines"
            raise csv.Error(message)
        line = self._again.popleft() if self._again else next(self._source)
        self.record.append(line)
        if isinstance(line, _Overlong):
            raise csv.Error(TOO_LONG)
        return line

    def done(self) -> int:
        """Begin a new record; return the line (from 0) at which the last one began."""
        began, self.next_line = self.next_line, self.next_line + len(self.record)
        self.record = []
        return began

    def give_up(self) -> tuple[int, str]:
        """Give up the record's first line, which is returned with its number, and take the others back."""
        first, *rest = self.record or [""]
        self._again.extendleft(reversed(rest))
        self.record = [first]
        return self.done(), first


def read(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield the blocks of a CSV file with a header line; see `evenly.io.blocks`.

    Raises:
        DataError: when the file has no header, or one that is no text where whole records are read.
    """
    csv.field_size_limit(LINE_BYTES)
    dialect = dialect_of(piece.file)
    with open_bytes(piece.file) as stream, open_text(piece.file, stream, dialect.encoding) as text:
        lines = _Lines(_lines_of(text))
        header = _header(lines, piece.file, dialect)
        lines.done()
        if any(need.kind == "record" for need in needs) and any(_is_damaged(name, dialect) for name in header):
            raise DataError(_no_text_header(piece.file, dialect))
        places = {need.column: header.index(need.column) for need in needs if need.column in header}
        while block := _block(lines, places, needs, header, dialect):
            yield block


def header_of(file: File) -> dict[str, str]:
    """Return the columns of a CSV file, all of them text.

    Raises:
        DataError: when it has no header line, or two columns of one name.
    """
    dialect = dialect_of(file)
    with open_bytes(file) as stream, open_text(file, stream, dialect.encoding) as text:
        return dict.fromkeys(_header(_Lines(_lines_of(text)), file, dialect), "text")


def _header(lines: _Lines, file: File, dialect: Dialect) -> list[str]:
    try:
        header = next(csv.reader(lines, strict=True, delimiter=dialect.delimiter), None) or []
    except csv.Error as fault:
        message = f"{file}:1: the header line is no CSV: {fault}. Check its quotes."
        raise DataError(message) from None
    if not header:
        message = f"{file}: has no header line. Give a CSV file whose first line names the columns."
        raise DataError(message)
    if len(set(header)) < len(header):
        repeated = next(name for name in header if header.count(name) > 1)
        message = f"{file}:1: two columns have the name '{repeated[:LONGEST_CHOICE]}'. Rename one."
        raise DataError(message)
    return header


def _block(
    lines: _Lines, places: dict[str, int], needs: Sequence[Need], header: list[str], dialect: Dialect
) -> Block | None:
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    reader = csv.reader(lines, strict=True, delimiter=dialect.delimiter)
    while len(rows) + len(rejected) < BLOCK_ROWS:
        try:
            fields = next(reader, None)
        except csv.Error as fault:
            number, raw = lines.give_up()
            rejected.append(Rejected(number, f"not CSV: {fault}", _shown(raw)))
            reader = csv.reader(lines, strict=True, delimiter=dialect.delimiter)
            continue
        if fields is None:
            break
        raw = lines.record
        number = lines.done()
        if not fields:
            continue  # a blank line
        reason = _fault(fields, len(header), places, needs, dialect)
        if reason is None:
            rows.append(fields)
            numbers.append(number)
        else:
            rejected.append(Rejected(number, reason, _shown("".join(raw))))
    if not rows and not rejected:
        return None
    columns = [_column(_values(rows, need, places, header), need) for need in needs]
    types = {column.name: frozenset({"text"}) for column in columns if column.null_count() < column.len()}
    return Block(pl.DataFrame([*columns, pl.Series(LINE, numbers, dtype=pl.UInt64)]), rejected, types)


def _values(rows: list[list[str]], need: Need, places: dict[str, int], header: list[str]) -> list[str]:
    """Return what the rows have in a column, empty texts where the file lacks it."""
    if need.kind == "record":
        return [as_record({name: field or None for name, field in zip(header, row, strict=True)}) for row in rows]
    place = places.get(need.column)
    return [""] * len(rows) if place is None else [row[place] for row in rows]


def _fault(
    fields: list[str], width: int, places: dict[str, int], needs: Sequence[Need], dialect: Dialect
) -> str | None:
    if len(fields) != width:
        return f"{len(fields)} fields, the header has {width}"
    for field in fields:
        if not field.isascii() and _is_damaged(field, dialect):
            return f"not {_encoding_name(dialect)}"
    for need in needs:
        if need.kind == "number" and need.drift != "null" and need.column in places:
            field = fields[places[need.column]]
            if field and as_number(field) is None:
                return f"wrong type: '{need.column}' is '{field[:40]}', expected a number"
    return None


def _no_text_header(file: File, dialect: Dialect) -> str:
    return (
        f"{file}:1: the header line is not {_encoding_name(dialect)}, and a source without `id` is named by whole "
        "rows, column by column. Name the file's `encoding` in the recipe's source, or mend the line."
    )


def _encoding_name(dialect: Dialect) -> str:
    return "UTF-8" if dialect.encoding == UTF8 else dialect.encoding


def _is_damaged(field: str, dialect: Dialect) -> bool:
    """Say whether a field holds what stands for bytes that are no text in the file's encoding."""
    if "\ufffd" in field and dialect.encoding.startswith(("utf-16", "utf-32")):
        return True
    return any("\ud800" <= character <= "\udfff" for character in field)


def _known(text: str) -> float | None:
    """Return a field that is a number, or null for an empty one or `nan`, which says that there is none."""
    number = as_number(text)
    return None if number is None or math.isnan(number) else number


def _shown(raw: str) -> str:
    """Return a raw record without its line end, bytes that are not UTF-8 as escapes."""
    return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _column(values: list[str], need: Need) -> pl.Series:
    if need.kind == "number":
        return pl.Series(need.column, [_known(value) for value in values], dtype=pl.Float64)
    column = pl.Series(need.column, [value or None for value in values], dtype=pl.String)
    return column.to_frame().select(as_lists(column.name)).to_series() if need.kind == "list" else column
