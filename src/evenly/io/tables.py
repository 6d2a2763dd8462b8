"""CSV and Parquet by blocks.

CSV goes through Python's own reader: a record may span lines, and a row with too many or too few fields has to be told
from a good one, with its line. Every field is text; an empty one is null.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from evenly.columns import LINE
from evenly.errors import DataError, choices_line, did_you_mean
from evenly.io.blocks import Block, Rejected, unreadable
from evenly.io.streams import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evenly.io.blocks import Piece
    from evenly.recipe.needs import Need

CSV_ROWS: Final = 10_000
"""Rows of a CSV block: some 16 MB of listings."""

FIELD_BYTES: Final = 64 * 2**20
"""Longest field that the CSV reader takes; Python's default, 128 KB, is less than a long description."""


def read_csv(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield the blocks of a CSV file with a header line; see `evenly.io.blocks`."""
    csv.field_size_limit(FIELD_BYTES)
    with open_bytes(piece.path) as stream:
        # Bytes that are not UTF-8 become lone surrogates here, by which their rows are known again.
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, strict=True)
        header = next(reader, None)
        if header is None:
            return
        columns = {need.column: place_of(need, header, piece.path) for need in needs}
        while block := _csv_block(reader, columns, needs, len(header)):
            yield block


def read_parquet(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield row groups start..stop of a Parquet file; see `evenly.io.blocks`. Values keep their type where they can."""
    try:
        with pq.ParquetFile(piece.path) as file:
            for need in needs:
                place_of(need, file.schema_arrow.names, piece.path)
            names = list(dict.fromkeys(need.column for need in needs))
            row = 0
            for batch in file.iter_batches(
                batch_size=CSV_ROWS, row_groups=list(range(piece.start, piece.stop)), columns=names
            ):
                frame = pl.from_arrow(pa.Table.from_batches([batch]))
                if not isinstance(frame, pl.DataFrame):
                    return
                lines = pl.int_range(row, row + frame.height, dtype=pl.UInt64, eager=True)
                cast = [_parquet_column(frame[need.column], need, piece.path) for need in needs]
                yield Block(pl.DataFrame([*cast, lines.alias(LINE)]), [], {})
                row += frame.height
    except pa.ArrowException as fault:
        raise unreadable(piece.path, fault) from None


def row_groups(path: Path) -> Iterator[tuple[int, int, int]]:
    """Yield (first row group, one after the last, rows before) of each piece of a Parquet file.

    Raises:
        DataError: when it is no Parquet file.
    """
    try:
        metadata = pq.read_metadata(path)
    except pa.ArrowException as fault:
        raise unreadable(path, fault) from None
    rows = 0
    for group in range(metadata.num_row_groups):
        yield group, group + 1, rows
        rows += metadata.row_group(group).num_rows


def header_of(path: Path, kind: str) -> list[str]:
    """Return the column names of a CSV or Parquet file."""
    if kind == "parquet":
        try:
            schema: Any = pq.read_schema(path)
            return list(schema.names)
        except pa.ArrowException as fault:
            raise unreadable(path, fault) from None
    with open_bytes(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        return next(csv.reader(text), [])


def place_of(need: Need, columns: Sequence[str], path: Path) -> int:
    """Return where a needed column stands among a file's columns.

    Raises:
        DataError: when it is not there.
    """
    if need.column in columns:
        return list(columns).index(need.column)
    near = did_you_mean(need.column, columns)
    message = f"recipe.{need.path}: no column '{need.column}' in {path}.{near}{choices_line('columns', columns)}"
    raise DataError(message)


def _csv_block(reader: Any, places: dict[str, int], needs: Sequence[Need], width: int) -> Block | None:  # noqa: ANN401 - csv's reader has no public type
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    read = 0
    while read < CSV_ROWS:
        line = reader.line_num
        try:
            fields = next(reader, None)
        except csv.Error as fault:
            read += 1
            rejected.append(Rejected(line, f"not CSV: {fault}", ""))
            continue
        if fields is None:
            break
        if not fields:
            continue  # a blank line
        read += 1
        reason = _csv_fault(fields, width, places, needs)
        if reason is None:
            rows.append(fields)
            numbers.append(line)
        else:
            rejected.append(Rejected(line, reason, _csv_line(fields)))
    if not read:
        return None
    columns = [_csv_column([row[places[need.column]] for row in rows], need) for need in needs]
    return Block(pl.DataFrame([*columns, pl.Series(LINE, numbers, dtype=pl.UInt64)]), rejected, {})


def _csv_fault(fields: list[str], width: int, places: dict[str, int], needs: Sequence[Need]) -> str | None:
    if len(fields) != width:
        return f"{len(fields)} fields, the header has {width}"
    for field in fields:
        if not field.isascii() and any("\ud800" <= character <= "\udfff" for character in field):
            return "not UTF-8"
    for need in needs:
        if need.kind == "number" and fields[places[need.column]] and not _is_number(fields[places[need.column]]):
            return f"wrong type: '{need.column}' is '{fields[places[need.column]][:40]}', expected a number"
    return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _csv_line(fields: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue().encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _csv_column(values: list[str], need: Need) -> pl.Series:
    column = pl.Series(need.column, [value or None for value in values], dtype=pl.String)
    if need.kind == "number":
        return column.cast(pl.Float64)
    return column.cast(pl.List(pl.String)) if need.kind == "list" else column


def _parquet_column(column: pl.Series, need: Need, path: Path) -> pl.Series:
    dtype = column.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column, dtype = column.cast(pl.String), pl.String()
    nested = isinstance(dtype, pl.List | pl.Array | pl.Struct)
    if need.kind == "json":
        return _as_json_text(column) if nested else column.cast(pl.String)
    if need.kind == "list" and isinstance(dtype, pl.List) and not isinstance(dtype.inner, pl.List | pl.Struct):
        return column.cast(pl.List(pl.String))
    if nested or (need.kind == "number" and not dtype.is_numeric()) or isinstance(dtype, pl.Binary | pl.Object):
        wanted = "a number" if need.kind == "number" else "text (name it under as_text to take any value as JSON text)"
        message = f"recipe.{need.path}: column '{need.column}' of {path} is {dtype}, expected {wanted}."
        raise DataError(message)
    if need.kind == "number":
        return column.cast(pl.Float64)
    if need.kind == "text":
        return column.cast(pl.String)
    return column.cast(pl.List(pl.String)) if need.kind == "list" else column


def _as_json_text(column: pl.Series) -> pl.Series:
    texts = [None if value is None else json.dumps(_plain(value), default=str) for value in column]
    return pl.Series(column.name, texts, dtype=pl.String)


def _plain(value: Any) -> Any:  # noqa: ANN401 - nested Parquet values
    return list(value) if isinstance(value, pl.Series) else value
