"""JSON Lines by msgspec: only the columns that the recipe reads, each line on its own.

Measured on real listings: msgspec takes half the processor time of Polars' `read_ndjson`. It names the line that is
broken and leaves an object's text exact.

Lines are decoded some hundreds at a time in one call, where it is certain that each of them is one object; their values
go into flat lists at once, so that no row lives long enough for Python's garbage collector to look at. Where such a
call fails, its lines are decoded one by one; a line that the fast types refuse is read again by `_slow_row`, which says
what is wrong with it, or finds that it is fine after all.
"""

from __future__ import annotations

import json
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from evenly.columns import LINE
from evenly.io import canonical
from evenly.io.arrays import element_blocks
from evenly.io.blocks import TOO_LONG, Block, Rejected, as_number, as_record
from evenly.io.streams import BOM, Overlong, line_blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from evenly.io.blocks import Piece
    from evenly.recipe.needs import Need

Text = str | int | float | bool | None

FAST_TYPES: Final[dict[str, Any]] = {
    "any": Text,
    "text": Text,
    "boolean": Text,
    "number": int | float | None,
    "list": list[Text] | Text,
    "json": msgspec.Raw,
    "record": None,
}
"""Kind -> what msgspec decodes it as."""

JSON_TYPES: Final = {int: "integer", float: "number", bool: "boolean", str: "text"}

TOGETHER: Final = 256
"""Lines that are decoded by one call."""

NEWLINE, RETURN, OPEN, CLOSE = b"\n\r{}"

LARGEST: Final = 2**63 - 1
"""Largest integer that a column of integers holds; one with a larger value stays text."""


def read(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield the blocks of a piece of a JSON Lines file, or of a JSON array; see `evenly.io.blocks`."""
    if piece.format == "json":
        for elements, end in element_blocks(piece.file):
            yield Rows(needs).take_each(elements, careful=True).block(end)
        return
    line = 0
    for block in line_blocks(piece.file, piece.start, piece.stop):
        rows = Rows(needs)
        if isinstance(block, Overlong):
            rows.rejected.append(Rejected(line, TOO_LONG, block.decode("utf-8", "backslashreplace")))
            yield rows.block(1)
            line += 1
            continue
        if line == 0 and piece.start == 0:
            block = block.removeprefix(BOM)  # noqa: PLW2901 - the same block without its mark
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == NEWLINE)
        lines = ends.size
        try:
            yield rows.take(block, ends, line).block(lines)
        except canonical.NoTextError:
            numbered = enumerate(block.removesuffix(b"\n").split(b"\n"), line)
            yield Rows(needs).take_each(numbered, careful=True).block(lines)
        line += lines


class Rows:
    """The rows of one block as they gather, column by column."""

    def __init__(self, needs: Sequence[Need]) -> None:
        """Begin without rows."""
        self.needs = needs
        self.rejected: list[Rejected] = []
        self._numbers: list[int] = []
        self._values: list[list[Any]] = [[] for _ in needs]
        self._lengths: list[list[int | None]] = [[] for _ in needs]
        """Of each row's list, in a column of lists; its items lie in the values."""
        self._decoder = decoder(needs)
        self._get = [attrgetter(f"c{place}") for place in range(len(needs))]
        self._together = all(need.kind != "record" for need in needs)

    def take(self, block: bytes, ends: NDArray[np.int64], first: int) -> Rows:
        """Take the lines of a block, whose newlines are at `ends`, the first one numbered `first`."""
        clean = _is_utf8(block)
        if not block.endswith(b"\n"):
            ends = np.append(ends, len(block))
        single = _are_objects(block, ends)
        view = memoryview(block)
        begin = 0
        for start in range(0, ends.size, TOGETHER):
            stop = min(start + TOGETHER, ends.size)
            end = int(ends[stop - 1])
            some = view[begin:end]
            suspect = not clean and not _is_utf8(bytes(some))
            together = self._together and not suspect and single[start:stop].all()
            if together and self._take_together(some, stop - start):
                self._numbers.extend(range(first + start, first + stop))
            else:
                self.take_each(enumerate(bytes(some).split(b"\n"), first + start), suspect=suspect)
            begin = end + 1
        return self

    def _take_together(self, lines: memoryview, number: int) -> bool:
        """Take a number of lines, or none of them: where one does not decode, or is more than one object."""
        try:
            rows = self._decoder.decode_lines(lines)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if len(rows) != number:
            return False
        self._append(rows)
        return True

    def take_each(self, numbered: Iterable[tuple[int, bytes]], *, suspect: bool = True, careful: bool = False) -> Rows:
        """Take records one by one, each with its line; `suspect` ones may not be UTF-8.

        With `careful` a record is refused here that holds a JSON value without a text, which `block` would find.
        """
        rows: list[Any] = []
        for number, line in numbered:
            row = self._one(line, suspect=suspect, careful=careful)
            if row is None:
                continue
            if isinstance(row, str):
                self.rejected.append(Rejected(number, row, line.decode("utf-8", "backslashreplace").rstrip("\r")))
                continue
            rows.append(row)
            self._numbers.append(number)
        self._append(rows)
        return self

    def _one(self, line: bytes, *, suspect: bool, careful: bool) -> Any:  # noqa: ANN401 - a row, why there is none, or None
        try:
            if suspect:
                line.decode()
            row = self._decoder.decode(line)
            for place, need in enumerate(self.needs):
                if careful and need.kind == "json":
                    canonical.text(bytes(getattr(row, f"c{place}")).decode())
                if need.kind == "record":
                    setattr(row, f"c{place}", as_record(msgspec.json.decode(line)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, canonical.NoTextError):
            return _slow_row(line, self.needs) if line.strip() else None
        return row

    def _append(self, rows: Sequence[Any]) -> None:
        for need, get, values, lengths in zip(self.needs, self._get, self._values, self._lengths, strict=True):
            if need.kind == "list":
                _append_lists(map(get, rows), values, lengths)
            elif need.kind == "json":
                values.extend(map(bytes, map(get, rows)))
            else:
                values.extend(map(get, rows))

    def block(self, lines: int) -> Block:
        """Return the rows taken so far as a block of so many `lines` of the file."""
        columns: dict[str, pl.Series] = {}
        types: dict[str, frozenset[str]] = {}
        for need, values, lengths in zip(self.needs, self._values, self._lengths, strict=True):
            if need.kind == "list":
                columns[need.column], types[need.column] = _list_series(need.column, values, lengths), frozenset()
            else:
                columns[need.column], types[need.column] = _series(need, values)
        frame = pl.DataFrame({**columns, LINE: pl.Series(self._numbers, dtype=pl.UInt64)})
        return Block(frame, sorted(self.rejected, key=lambda row: row.line), types, lines)


def _are_objects(block: bytes, ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each line, given where they end, whether it begins with `{` and ends with `}`.

    Of such lines, as many decoded objects as there are lines is one in each: within an object no `}` is followed by a
    newline and `{`, since a comma would have to stand between, and no text holds a newline as it is.
    """
    content = np.frombuffer(block, np.uint8)
    if not content.size:
        return np.zeros(ends.size, np.bool_)
    begins = np.append(0, ends[:-1] + 1)
    last = np.maximum(ends - 1, 0)
    last = np.where(content[last] == RETURN, np.maximum(last - 1, 0), last)
    first = content[np.minimum(begins, content.size - 1)]
    return (first == OPEN) & (content[last] == CLOSE) & (last > begins)


def _append_lists(lists: Iterable[Any], values: list[Any], lengths: list[int | None]) -> None:
    """Append the items of lists to `values`, and each list's length to `lengths`; a scalar is a list of one."""
    for items in lists:
        if type(items) is list:
            values.extend(items)  # pyright: ignore[reportUnknownArgumentType] - scalars
            lengths.append(len(items))  # pyright: ignore[reportUnknownArgumentType]
        elif items is None:
            lengths.append(None)
        else:
            values.append(items)
            lengths.append(1)


def decoder(needs: Sequence[Need]) -> msgspec.json.Decoder[Any]:
    """Return a decoder of one line into a tuple-like row of the needed columns; an absent one is null."""
    fields: list[tuple[str, Any, Any]] = []
    for place, need in enumerate(needs):
        absent: Any = msgspec.Raw(b"null") if need.kind == "json" else None
        fields.append((f"c{place}", FAST_TYPES[need.kind], absent))
    names = {f"c{place}": need.column for place, need in enumerate(needs)}
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=names, gc=False))


def _series(need: Need, values: list[Any]) -> tuple[pl.Series, frozenset[str]]:
    """Return decoded values as a Series of the kind's dtype, and the JSON types met in a column read as `any`."""
    met = set(map(type, values)) - {type(None)}
    if need.kind == "number":
        numbers = values if met <= {float} else [_number(v) for v in values]
        return pl.Series(need.column, numbers, dtype=pl.Float64).fill_nan(None), frozenset()
    if need.kind == "json":
        return canonical.texts(pl.Series(need.column, values, dtype=pl.Binary).cast(pl.String)), frozenset()
    if need.kind == "record":
        return pl.Series(need.column, values, dtype=pl.String), frozenset()
    if met <= {str}:
        return pl.Series(need.column, values, dtype=pl.String), frozenset({"text"} if met else ())
    texts = [_text(v) for v in values]
    too_big = int in met and any(isinstance(v, int) and abs(v) > LARGEST for v in values)
    types = {"text"} if too_big else {JSON_TYPES[kind] for kind in met}
    return pl.Series(need.column, texts, dtype=pl.String), frozenset(types)


def _number(value: float | None) -> float | None:
    """Return a JSON number as a float: Python's NaN as null, a number beyond all floats as infinite."""
    try:
        number = None if value is None else float(value)
    except OverflowError:
        return math.inf if value is not None and value > 0 else -math.inf
    return None if number is None or math.isnan(number) else number


def _is_utf8(block: bytes) -> bool:
    """Say whether bytes are UTF-8 throughout; msgspec looks only at the values that it decodes."""
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(value: Text) -> str | None:
    """Return a scalar as text: a string as it is, anything else as Python's json.dumps writes it."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _list_series(name: str, values: list[Any], lengths: list[int | None]) -> pl.Series:
    """Return the items of lists as a Series of List(String), built flat: Polars' own way over Python lists takes 1.6 s.

    An item that is no text is what Python's json.dumps writes.
    """
    if not set(map(type, values)) <= {str, type(None)}:
        values = [_text(value) for value in values]
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum([length or 0 for length in lengths], out=offsets[1:])
    arrow: Any = pa  # its stubs know no array of a type that is found at run time
    missing = arrow.array([length is None for length in lengths]) if None in lengths else None
    texts: Any = pl.Series(values, dtype=pl.String)
    items = texts.to_arrow(compat_level=pl.CompatLevel.newest())  # shares the texts
    lists: Any = arrow.LargeListArray.from_arrays(arrow.array(offsets), items, mask=missing)
    return pl.Series(name, lists, dtype=pl.List(pl.String))


class _Row:
    """A row read the slow way, with the attributes of the fast one."""


def _slow_row(line: bytes, needs: Sequence[Need]) -> _Row | str:
    """Return a line's row, or why it has none."""
    try:
        line.decode()
        parsed = _parsed(line)
    except UnicodeDecodeError as fault:
        return f"not UTF-8 at byte {fault.start}"
    except RecursionError:
        return "not JSON: nested too deep"
    except ValueError as fault:
        return f"not JSON: {' '.join(str(fault).split())}"
    if not isinstance(parsed, dict):
        return f"not a JSON object but {_json_type(parsed)}"
    fields = cast("dict[str, Any]", parsed)
    row = _Row()
    for place, need in enumerate(needs):
        value = as_record(fields) if need.kind == "record" else fields.get(need.column)
        if not _fits(need.kind, value) and need.drift != "error":
            number = as_number(value) if need.kind == "number" and isinstance(value, str) else None
            value = number if number is not None or need.drift == "null" else value
        if not _fits(need.kind, value):
            return f"wrong type: '{need.column}' is {_json_type(value)}, expected {_expected(need.kind)}"
        setattr(row, f"c{place}", json.dumps(value).encode() if need.kind == "json" else value)
    return row


def _parsed(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return a line's value, as Python's json reads it where that takes more: the NaN and Infinity that it writes.

    Raises:
        ValueError: saying why there is none.
    """
    try:
        return msgspec.json.decode(line)
    except msgspec.DecodeError as fault:
        refused = fault
    try:
        parsed = json.loads(line.decode())
        json.dumps(parsed, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        message = "a text holds half a character (a lone surrogate)"
        raise ValueError(message) from None
    except (ValueError, RecursionError):
        raise refused from None
    return parsed


def _fits(kind: str, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if kind == "json" or value is None:
        return True
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "list" and isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return not any(isinstance(item, list | dict) for item in items)
    return not isinstance(value, list | dict)


def _expected(kind: str) -> str:
    if kind == "number":
        return "a number"
    return (
        "a list of texts or a text" if kind == "list" else "text (name it under as_text to take any value as JSON text)"
    )


def _json_type(value: Any) -> str:  # noqa: ANN401 - any JSON value
    scalars = {str: "text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return {dict: "an object", list: "a list", **scalars}[type(value)]  # pyright: ignore[reportUnknownArgumentType]
