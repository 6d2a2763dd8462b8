"""Which stratum a record is in: each axis a column's value, the stratum their combination.

Columns in: those of the strata. Columns out: the axes as values (a number rounded half to even to a multiple of
`round`, else the column as it is) and `__stratum__`, String, the values joined by ` | `, null outside the strata.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import STRATUM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.recipe.model import Stratum

SEPARATOR: Final = " | "


def with_strata(frame: pl.DataFrame, strata: Sequence[Stratum]) -> pl.DataFrame:
    """Return `frame` with `__stratum__` and one column per axis, named by `axis_name`."""
    axes = [_axis(stratum, frame.schema[stratum.column]).alias(axis_name(stratum)) for stratum in strata]
    names = [_escaped(pl.col(axis_name(stratum)).cast(pl.String), len(strata)) for stratum in strata]
    # concat_str is null where any value is: a record with a null on one axis is in no stratum.
    return frame.with_columns(axes).with_columns(pl.concat_str(names, separator=SEPARATOR).alias(STRATUM))


def axis_name(stratum: Stratum) -> str:
    """Return the internal name of an axis; the column's own name stays free for its raw values."""
    return f"__axis__{stratum.column}"


def _escaped(name: pl.Expr, axes: int) -> pl.Expr:
    """Escape the separator's sign in crossed values: `a | b` by `c` and `a` by `b | c` are two strata."""
    if axes == 1:
        return name
    return name.str.replace_all("\\", "\\\\", literal=True).str.replace_all("|", "\\|", literal=True)


def _axis(stratum: Stratum, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(stratum.column)
    if dtype.is_float():
        value = _plain_zero(pl.when(value.is_finite()).then(value))
    if stratum.round is not None:
        value = _rounded(value.cast(pl.Float64), stratum.round)
    inside = pl.lit(value=True)
    if stratum.min is not None:
        inside &= value >= stratum.min
    if stratum.max is not None:
        inside &= value <= stratum.max
    return pl.when(inside).then(value)


def _plain_zero(value: pl.Expr) -> pl.Expr:
    """Make 0 of -0, which would show as another stratum (Polars leaves `value + 0.0` out)."""
    return pl.when(value == 0).then(0.0).otherwise(value)


def _rounded(value: pl.Expr, unit: float) -> pl.Expr:
    """Round half to even to multiples of `unit`; Int64 where the unit is whole, so that a stratum reads `399`."""
    finite = pl.when(value.is_finite()).then(value)
    # numpy divides; Polars multiplies by the reciprocal of a scalar, by which 49 / 49 is less than 1.
    rounded = finite.map_batches(lambda batch: _nearest(batch, unit), return_dtype=pl.Float64)
    if unit == int(unit):
        return rounded.cast(pl.Int64, strict=False)
    # 0.1 has no exact double: rounding the product to the unit's own digits gives `0.3`, not `0.30000000000000004`.
    digits = len(f"{Decimal(repr(unit)):f}".partition(".")[2])
    return _plain_zero(rounded.round(digits))


def _nearest(values: pl.Series, unit: float) -> pl.Series:
    return pl.Series(values.name, np.rint(values.to_numpy() / unit) * unit, nan_to_null=True)
