"""What of Arrow's types Polars can't take, made into what it can, before any value gets there.

Polars panics at decimals of 256 bits and at dates that no calendar of its own has; it knows no time zone that is an
offset, and makes no text of a map. Here these become decimals of 128 bits, nulls whose rows are told, UTC, and lists of
{key, value}.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterator

OFFSET: Final = re.compile(r"[+-]\d\d:?\d\d")
"""A time zone that is an offset; the instants are the same in UTC."""

DAY: Final = 86_400
UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Unit -> how many make a second."""

MOMENTS: Final = (-62_135_510_400, 253_402_214_400)
"""Seconds since 1970 from the year 1 to 9999, which Python's dates end at; a day less, for time zones."""

SPANS: Final = (-86_399_999_913_600, 86_399_999_913_600)
"""Seconds of a duration that Python holds."""

BEYOND: Final = "beyond the years 1 to 9999, expected a date or a duration that Python has"

arrow: Any = pa  # its stubs know no type that is found at run time
compute: Any = pc
types: Any = arrow.types


def admit(batch: Any) -> tuple[Any, dict[int, str]]:  # noqa: ANN401 - pyarrow's record batches
    """Return a batch that Polars can take, and the rows of which a value had to be made null: row -> why.

    Raises:
        pyarrow.ArrowException: for a value within lists or objects that can't be taken, a decimal of too many digits.
    """
    odd: dict[int, str] = {}
    columns: list[Any] = []
    for name, given in zip(batch.schema.names, batch.columns, strict=True):
        target = _target(given.type)
        column = given if target == given.type else given.cast(target)
        outside = _outside(column)
        if outside is not None:
            odd |= dict.fromkeys(compute.indices_nonzero(outside).to_pylist(), f"wrong type: '{name}' is {BEYOND}")
            column = compute.if_else(outside, arrow.scalar(None, column.type), column)
        elif any(_outside(leaf) is not None for leaf in _leaves(column)):
            message = f"column '{name}' holds what is {BEYOND}"
            raise pa.ArrowInvalid(message)
        columns.append(column)
    return arrow.RecordBatch.from_arrays(columns, names=batch.schema.names), odd


def _target(dtype: Any) -> Any:  # noqa: ANN401 - pyarrow's types
    """Return the type that Polars can take for one of Arrow's."""
    if types.is_decimal256(dtype):
        return arrow.decimal128(38, dtype.scale)
    if types.is_timestamp(dtype):
        return arrow.timestamp(dtype.unit, "UTC") if OFFSET.fullmatch(dtype.tz or "") else dtype
    if types.is_dictionary(dtype):
        inner = _target(dtype.value_type)
        return dtype if inner == dtype.value_type and _limits(inner) is None else inner
    return _nested_target(dtype)


def _nested_target(dtype: Any) -> Any:  # noqa: ANN401 - pyarrow's types
    if types.is_map(dtype):
        return arrow.list_(arrow.struct([("key", _target(dtype.key_type)), ("value", _target(dtype.item_type))]))
    if types.is_struct(dtype):
        return arrow.struct([field.with_type(_target(field.type)) for field in dtype])
    if not _is_list(dtype):
        return dtype
    item = dtype.value_field.with_type(_target(dtype.value_type))
    if types.is_fixed_size_list(dtype):
        return arrow.list_(item, dtype.list_size)
    return arrow.large_list(item) if types.is_large_list(dtype) else arrow.list_(item)


def _is_list(dtype: Any) -> bool:  # noqa: ANN401 - pyarrow's types
    return types.is_list(dtype) or types.is_large_list(dtype) or types.is_fixed_size_list(dtype)


def _limits(dtype: Any) -> tuple[int, int] | None:  # noqa: ANN401 - pyarrow's types
    """Return the least and the largest number that a date, a moment or a duration may be; None for other types."""
    if types.is_date32(dtype):
        return MOMENTS[0] // DAY, MOMENTS[1] // DAY
    if types.is_date64(dtype):
        return MOMENTS[0] * UNITS["ms"], MOMENTS[1] * UNITS["ms"]
    if types.is_timestamp(dtype) or types.is_duration(dtype):
        low, high = MOMENTS if types.is_timestamp(dtype) else SPANS
        return max(low * UNITS[dtype.unit], -(2**63)), min(high * UNITS[dtype.unit], 2**63 - 1)
    return None


def _outside(column: Any) -> Any:  # noqa: ANN401 - pyarrow's arrays
    """Return which dates, moments or durations lie outside their limits, or None where none does."""
    limits = _limits(column.type)
    if limits is None:
        return None
    numbers = column.cast(arrow.int32() if types.is_date32(column.type) else arrow.int64()).cast(arrow.int64())
    found = compute.min_max(numbers).as_py()
    if found["min"] is None or (found["min"] >= limits[0] and found["max"] <= limits[1]):
        return None
    outside = compute.or_(compute.less(numbers, limits[0]), compute.greater(numbers, limits[1]))
    return compute.fill_null(outside, False)  # noqa: FBT003 - the value that nulls get


def _leaves(column: Any) -> Iterator[Any]:  # noqa: ANN401 - pyarrow's arrays
    """Yield the arrays of scalars within lists and objects."""
    if types.is_struct(column.type):
        for inner in column.flatten():
            yield from _leaves(inner)
    elif _is_list(column.type):
        yield from _leaves(column.flatten())
    else:
        yield column
