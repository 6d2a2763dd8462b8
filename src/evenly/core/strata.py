"""Which stratum a record is in: each axis a column's value, the stratum their combination.

Columns in: those of the axes. Columns out: the axes as values (see `evenly.core.axes`) and `__stratum__`, String, their
names joined by ` | `, null outside the strata. Without an axis all records are one stratum, `all`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import STRATUM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.core.axes import Axis

SEPARATOR: Final = " | "

ALL: Final = "all"
"""The stratum of a recipe without strata."""


def with_strata(frame: pl.DataFrame, axes: Sequence[Axis]) -> pl.DataFrame:
    """Return `frame` with `__stratum__` and one column per axis, named by `axis_name`.

    Raises:
        DataError: for a column that an axis can't be made of.
    """
    if not axes:
        return frame.with_columns(pl.lit(ALL).alias(STRATUM))
    values = [axis.values(frame[axis.column]).alias(axis_name(axis.column)) for axis in axes]
    return frame.with_columns(*values, stratum_names([*values], axes))


def stratum_names(values: Sequence[pl.Series], axes: Sequence[Axis]) -> pl.Series:
    """Return `__stratum__`, the names of the strata that have these values on their axes."""
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
