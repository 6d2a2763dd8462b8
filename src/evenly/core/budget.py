"""A size in tokens: the most rows of a policy whose records, the very ones that it draws, cost at most so many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import ID, KEY, STRATUM, TOKENS

if TYPE_CHECKING:
    from collections.abc import Callable


def cost(ranked: pl.DataFrame, plan: pl.DataFrame) -> int:
    """Return the tokens of what a plan selects, repetitions included.

    `ranked` has `__stratum__` and `__tokens__` of at least the records that the plan selects, see `in_rank`.
    """
    places = ranked.lazy().join(
        plan.lazy().select(STRATUM, "quota", "repeated", pl.col("eligible").cast(pl.Int64)), on=STRATUM, how="inner"
    )
    rows = pl.col("quota") + pl.col("repeated")
    times = rows // pl.col("eligible") + (pl.col("rank") < rows % pl.col("eligible")).cast(pl.Int64)
    # Where nothing repeats, rows < eligible: the first `rows` records once. Where all are taken: rows == eligible.
    found = places.with_columns(times.alias("times")).select((pl.col(TOKENS).cast(pl.Int64) * pl.col("times")).sum())
    return int(found.collect().item())


def in_rank(candidates: pl.DataFrame) -> pl.DataFrame:
    """Return `__stratum__`, `__tokens__` and `rank` (the record's place by key in its stratum, from 0)."""
    ordered = candidates.select(pl.col(STRATUM).cast(pl.String), TOKENS, KEY, ID).sort(KEY, ID)
    return ordered.select(STRATUM, TOKENS, pl.int_range(pl.len()).over(STRATUM).alias("rank"))


def largest(budget: int, low: int, high: int, cost_of: Callable[[int], int | None]) -> int:
    """Return the largest size from `low` to `high` that costs at most `budget`, found by halving; `low` fits.

    `cost_of` gives None for a size that can't be had; quotas grow with the size, and so does what they cost.
    """
    while high > low:
        middle = (low + high + 1) // 2
        tokens = cost_of(middle)
        if tokens is not None and tokens <= budget:
            low = middle
        else:
            high = middle - 1
    return low
