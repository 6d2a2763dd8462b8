"""The census: how many records each stratum has. Small, and mergeable: `merge([a, b])` counts what both counted.

Columns of a census, one row per stratum, sorted by `__stratum__`:
    __stratum__ String; __axis__<column> the stratum's values; `rows` UInt64 (N); `eligible` UInt64 (those of weight
    above 0: what can be drawn); `weight_min`, `weight_max` Float64 over the eligible (equal: an unweighted stratum).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import STRATUM, WEIGHT
from evenly.core.strata import axis_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def take_census(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Count a frame that has strata over `columns` and weights; records outside the strata are left out."""
    drawable = pl.col(WEIGHT) > 0
    return (
        frame.lazy()
        .filter(pl.col(STRATUM).is_not_null())
        .group_by(STRATUM)
        .agg(
            *[pl.col(axis_name(column)).first() for column in columns],
            pl.len().cast(pl.UInt64).alias("rows"),
            drawable.sum().cast(pl.UInt64).alias("eligible"),
            pl.col(WEIGHT).filter(drawable).min().alias("weight_min"),
            pl.col(WEIGHT).filter(drawable).max().alias("weight_max"),
        )
        .with_columns(pl.col(STRATUM).cast(pl.String))
        .sort(STRATUM)
        .collect()
    )


def merge(censuses: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add censuses of disjoint records; the order of `censuses` does not matter."""
    axes = [name for name in censuses[0].columns if name.startswith("__axis__")]
    return (
        pl.concat(censuses, how="vertical_relaxed")
        .lazy()
        .group_by(STRATUM)
        .agg(
            pl.col(axes).first(),
            pl.col("rows").sum(),
            pl.col("eligible").sum(),
            pl.col("weight_min").min(),
            pl.col("weight_max").max(),
        )
        .sort(STRATUM)
        .collect()
    )
