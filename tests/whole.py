"""Split and shuffle of a frame that is in one piece: what the flow does in passes over many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.core.order import count_bins, find_bins, in_bins, leading_bits, rows_at
from evenly.core.select import split_counts, with_design_weights
from evenly.core.split import SPLITS, assign, cut_ranks, shard_ranks, shuffled, split_order, with_shards

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def at_ranks(order: pl.DataFrame, ranks: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    bits = leading_bits(order.height)
    bins = find_bins(count_bins(order, bits), ranks)
    return rows_at(in_bins(order, bins, bits), bins)


def split(selected: pl.DataFrame, sizes: Mapping[str, int]) -> pl.DataFrame:
    order, ranks = cut_ranks(sizes, selected.height)
    return assign(selected, order, at_ranks(split_order(selected), {SPLITS: ranks}))


def weighted(selected: pl.DataFrame) -> pl.DataFrame:
    return with_design_weights(selected, split_counts(selected.with_columns(__times__=pl.lit(1, pl.UInt32))))


def shuffle(assigned: pl.DataFrame, seed: int, shard_rows: int) -> pl.DataFrame:
    """Return the rows of splits in their output's order, with `__shard__`."""
    placed = shuffled(assigned, seed).drop_nulls("__split__")
    sizes = dict(placed.group_by("__split__").len().iter_rows())
    ordered = with_shards(placed, at_ranks(placed, shard_ranks(sizes, shard_rows)))
    return ordered.sort("__split__", "__shard__", "__hash__", "__id__")
