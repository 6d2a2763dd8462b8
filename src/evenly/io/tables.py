"""Tables whose columns have types (Parquet, Arrow) as blocks: a value keeps its own type where it can.

Whole numbers become Int64, others Float64; dictionaries are the texts that they stand for. What a type becomes is the
same in every format.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa

from evenly.columns import LINE
from evenly.errors import LONGEST_CHOICE, DataError
from evenly.io.blocks import Block, Rejected, as_lists, as_number, as_record
from evenly.io.gate import admit
from evenly.io.records import as_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evenly.io.blocks import File
    from evenly.recipe.needs import Need

BATCH_ROWS: Final = 10_000
"""Rows of a block: some 16 MB of listings."""

CASTS: Final[dict[str, pl.DataType]] = {"number": pl.Float64(), "text": pl.String()}
"""Kind -> dtype, where the recipe's use decides it."""

NULLS: Final[dict[str, pl.DataType]] = {"number": pl.Float64(), "list": pl.List(pl.String)}
"""Kind -> dtype of a column of nulls, where that is not text."""


def wanted_columns(schema: Any, needs: Sequence[Need]) -> list[str]:  # noqa: ANN401 - pyarrow's schema
    """Return the columns of a file that are read: all of them where a need is the whole record."""
    if any(need.kind == "record" for need in needs):
        return list(schema.names)
    return [name for name in dict.fromkeys(need.column for need in needs) if name in set(schema.names)]


def columns_of(schema: Any, file: File) -> dict[str, str]:  # noqa: ANN401 - pyarrow's schema
    """Return a table's columns with what they are read as: integer, number, text, or their own type's name.

    Raises:
        DataError: for two columns of one name.
    """
    if len(set(schema.names)) < len(schema.names):
        repeated = next(name for name in schema.names if schema.names.count(name) > 1)
        message = f"{file}: two columns have the name '{repeated[:LONGEST_CHOICE]}'. Rename one."
        raise DataError(message)
    return {field.name: _family(field.type) for field in schema}


def block_of(batch: pa.RecordBatch, first: int, needs: Sequence[Need], file: File) -> Block:
    """Return the rows of a batch that are what the recipe needs, numbered from `first`; others are rejected.

    Raises:
        pyarrow.ArrowException: for a damaged batch: text that is not UTF-8, offsets that lead nowhere.
        DataError: when a column is not what the recipe needs.
    """
    batch.validate(full=True)
    admitted, odd = admit(batch)
    frame: Any = pl.DataFrame(pa.Table.from_batches([admitted]))
    return _block(frame, first, needs, file, odd)


def _block(frame: pl.DataFrame, first: int, needs: Sequence[Need], file: File, odd: Mapping[int, str]) -> Block:
    """Return the rows of a frame that are what the recipe needs; others are rejected, `odd` ones (row -> why) too."""
    columns: list[pl.Series] = []
    reasons = dict(odd)
    for need in needs:
        column = _needed(frame, need, file)
        columns.append(column)
        for row, reason in _misfits(frame, need, column):
            reasons.setdefault(row, reason)
    rejected = {
        row: Rejected(first + row, reason, as_record(frame.row(row, named=True))) for row, reason in reasons.items()
    }
    lines = pl.int_range(first, first + frame.height, dtype=pl.UInt64, eager=True).alias(LINE)
    read = pl.DataFrame([*columns, lines])
    good = read.filter(~pl.int_range(pl.len()).is_in(list(rejected))) if rejected else read
    types = {name: _types_of(good[name]) for name in good.columns if name != LINE}
    return Block(good, [rejected[row] for row in sorted(rejected)], types)


def _misfits(frame: pl.DataFrame, need: Need, read: pl.Series) -> Iterator[tuple[int, str]]:
    """Yield the rows of a column whose value could not be `read` though it is there, each with why."""
    dtype = frame.schema.get(need.column)
    if need.drift == "coerce" and need.kind == "number" and dtype == pl.String:
        no_number = frame[need.column].map_elements(_is_no_number, return_dtype=pl.Boolean)
        for row in (read.is_null() & no_number).arg_true():
            yield row, f"wrong type: '{need.column}' is text, expected a number"
    if need.kind == "json" and dtype == pl.Binary:
        for row in (read.is_null() & frame[need.column].is_not_null()).arg_true():
            yield row, f"not UTF-8: '{need.column}' is binary, expected text"


def _needed(frame: pl.DataFrame, need: Need, file: File) -> pl.Series:
    """Return what is read for one need: nulls where the file lacks the column or has nothing but nulls in it."""
    if need.kind == "record":
        return as_records(frame).alias(need.column)
    if need.column not in frame.columns or frame.schema[need.column] == pl.Null:
        return pl.Series(need.column, [None] * frame.height, dtype=NULLS.get(need.kind, pl.String()))
    column = frame[need.column]
    if need.drift == "error" or _is_read(column.dtype, need):
        return _column(column, need, file)
    if need.kind == "number" and column.dtype == pl.String:
        return pl.Series(
            need.column, [None if text is None else as_number(text) for text in column], dtype=pl.Float64
        ).fill_nan(None)
    if need.drift == "coerce":
        return _column(column, need, file)  # which refuses it
    return pl.Series(need.column, [None] * frame.height, dtype=NULLS.get(need.kind, pl.String()))


def _is_no_number(text: str) -> bool:
    return as_number(text) is None


def _family(dtype: Any) -> str:  # noqa: ANN401 - pyarrow's types
    """Return what a column of a Parquet type is read as; files whose columns agree in it make one pool."""
    if pa.types.is_dictionary(dtype):
        return _family(dtype.value_type)
    if pa.types.is_integer(dtype) and not pa.types.is_uint64(dtype):
        return "integer"
    if pa.types.is_floating(dtype):
        return "number"
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return "text"
    return str(dtype)


def _is_read(dtype: pl.DataType, need: Need) -> bool:
    """Say whether a column of a type can be read as what the recipe needs."""
    if need.kind == "json":
        return True
    if need.kind == "list" and isinstance(dtype, pl.List):
        return not isinstance(dtype.inner, pl.List | pl.Array | pl.Struct)
    if isinstance(dtype, pl.List | pl.Array | pl.Struct | pl.Binary | pl.Object):
        return False
    return need.kind != "number" or dtype.is_numeric()


def _column(column: pl.Series, need: Need, file: File) -> pl.Series:
    dtype = column.dtype
    if not _is_read(dtype, need):
        wanted = "a number" if need.kind == "number" else "text (name it under as_text to take any value as JSON text)"
        message = f"recipe.{need.path}: column '{need.column}' of {file} is {dtype}, expected {wanted}."
        raise DataError(message)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        column, dtype = column.cast(pl.String), pl.String()
    if dtype == pl.Duration and need.kind != "number":  # Polars makes no text of one anywhere else
        column, dtype = column.dt.to_string("iso"), pl.String()
    if need.kind == "json" and dtype == pl.Binary:
        return pl.Series(column.name, [None if value is None else _utf8(value) for value in column], dtype=pl.String)
    if need.kind == "json":
        nested = isinstance(dtype, pl.List | pl.Array | pl.Struct)
        return _as_json_text(column) if nested else column.cast(pl.String)
    if need.kind == "list":
        lists = isinstance(dtype, pl.List)
        return column.cast(pl.List(pl.String)) if lists else column.to_frame().select(as_lists(column.name)).to_series()
    if need.kind in CASTS:
        cast = column.cast(CASTS[need.kind])
        return cast.fill_nan(None) if need.kind == "number" else cast
    if dtype.is_integer() and dtype != pl.UInt64:  # UInt64 may hold more than Int64 does, and is kept
        return column.cast(pl.Int64)
    return column.cast(pl.Float64) if dtype.is_float() else column


def _utf8(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _types_of(column: pl.Series) -> frozenset[str]:
    """Return the type that the values of a column have, in the words of the other readers; none where all are null."""
    if column.null_count() == column.len():
        return frozenset()
    names = {"Int64": "integer", "Float64": "number", "Boolean": "boolean", "String": "text"}
    return frozenset({names.get(str(column.dtype), str(column.dtype))})


def _as_json_text(column: pl.Series) -> pl.Series:
    texts = [None if value is None else json.dumps(value, default=str) for value in column.to_list()]
    return pl.Series(column.name, texts, dtype=pl.String)
