"""Which stratum a record is in: each axis a column's value, the stratum their combination.

Columns in: those of the axes. Columns out: the axes as values (see `evenly.core.axes`) and `__stratum__`, Categorical,
their names joined by ` | `, null outside the strata. Without an axis all records are one stratum, `all`. Names are made
once for each combination that occurs, and records carry a number for theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import STRATUM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.core.axes import Axis

SEPARATOR: Final = " | "

FEW: Final = 10_000
"""Whole numbers that get a name each whether or not a record has them."""

ALL: Final = "all"
"""The stratum of a recipe without strata."""


def with_strata(frame: pl.DataFrame, axes: Sequence[Axis], inside: pl.Series | None = None) -> pl.DataFrame:
    """Return `frame` with `__stratum__` and one column per axis, named by `axis_name`.

    Records that are not `inside`, Boolean, are in no stratum.

    Raises:
        DataError: for a column that an axis can't be made of.
    """
    if inside is not None:
        placed = with_strata(frame, axes)
        return placed.with_columns(pl.when(inside).then(STRATUM).alias(STRATUM))
    if not axes:
        return frame.with_columns(pl.lit(ALL, dtype=pl.Categorical).alias(STRATUM))
    placed = frame.with_columns(axis.values(frame[axis.column]).alias(axis_name(axis.column)) for axis in axes)
    columns = [axis_name(axis.column) for axis in axes]
    if len(axes) == 1 and (numbers := _numbers(placed[columns[0]])) is not None:
        names = stratum_names([numbers], axes).cast(pl.Categorical)
        return placed.with_columns(names.gather(placed[columns[0]] - numbers[0]))
    there = placed.select(columns).unique()
    named = there.with_columns(stratum_names([there[name] for name in columns], axes).cast(pl.Categorical))
    return placed.join(named, on=columns, how="left", nulls_equal=True, maintain_order="left")


def _numbers(values: pl.Series) -> pl.Series | None:
    """Return all whole numbers from the least to the greatest of some, where they are few: a look-up without a join."""
    low, high = (values.min(), values.max()) if values.dtype == pl.Int64 else (None, None)
    if not isinstance(low, int) or not isinstance(high, int) or high - low >= FEW or high == 2**63 - 1:
        return None
    return pl.Series(range(low, high + 1), dtype=pl.Int64)


def stratum_names(values: Sequence[pl.Series], axes: Sequence[Axis]) -> pl.Series:
    """Return `__stratum__`, String: the names of the strata that have these values on their axes."""
    names = [axis.names(one).alias(str(place)) for place, (axis, one) in enumerate(zip(axes, values, strict=True))]
    shown = [_escaped(pl.col(name.name), len(axes)) for name in names]
    # concat_str is null where any value is: a record with a null on one axis is in no stratum.
    return pl.DataFrame(names).select(pl.concat_str(shown, separator=SEPARATOR).alias(STRATUM))[STRATUM]


def axis_name(column: str) -> str:
    """Return the internal name of an axis; the column's own name stays free for its raw values."""
    return f"__axis__{column}"


def _escaped(name: pl.Expr, axes: int) -> pl.Expr:
    """Escape the separator's sign in crossed values: `a | b` by `c` and `a` by `b | c` are two strata."""
    if axes == 1:
        return name
    return name.str.replace_all("\\", "\\\\", literal=True).str.replace_all("|", "\\|", literal=True)
