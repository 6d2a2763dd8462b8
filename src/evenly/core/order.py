"""Where some ranks of an order lie, exactly, with no sort of it: counts by leading bits, then a look at a few rows.

Rows are ordered within their group by (hash, name). Counts of the hashes' leading bits add up over parts and say in
which bin a wanted rank lies; of that bin alone the rows are gathered. So an order over any number of parts is cut into
sections of exact sizes by what is small, and each part says by itself in which section its rows are.

Frames have `__group__` String, `__hash__` UInt64 and `__name__` String. A rank counts from 0 within its group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import GROUP, HASH, NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MOST_BITS: Final = 20

SPARE_BITS: Final = 6
"""A bin holds two to the power of this many rows, about."""


def leading_bits(rows: int) -> int:
    """Return by how many leading bits of their hashes so many rows are counted."""
    return min(max(1, rows.bit_length() - SPARE_BITS), MOST_BITS)


def count_bins(frame: pl.DataFrame, bits: int) -> pl.DataFrame:
    """Return the rows of each bin: `__group__`, `bin` UInt64, `rows` UInt64."""
    return frame.group_by(GROUP, _bin(bits)).agg(pl.len().cast(pl.UInt64).alias("rows"))


def add_bins(counts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add counts of disjoint rows."""
    return pl.concat(counts).group_by(GROUP, "bin").agg(pl.col("rows").sum())


def find_bins(counts: pl.DataFrame, ranks: Mapping[str, Sequence[int]]) -> pl.DataFrame:
    """Return the bin of each wanted rank: `__group__`, `rank` Int64, `bin` UInt64, `before` Int64, rows of lower bins.

    A rank that is not below the group's number of rows has no bin.
    """
    wanted = pl.DataFrame(
        [(group, rank) for group, own in ranks.items() for rank in own],
        {GROUP: pl.String, "rank": pl.Int64},
        orient="row",
    )
    after = pl.col("rows").cast(pl.Int64).cum_sum().over(GROUP)
    ends = counts.sort(GROUP, "bin").with_columns(after.alias("after"))
    ends = ends.select(GROUP, "bin", "after", (pl.col("after") - pl.col("rows").cast(pl.Int64)).alias("before"))
    found = wanted.sort("rank").join_asof(
        ends.sort("before"), left_on="rank", right_on="before", by=GROUP, coalesce=False, check_sortedness=False
    )
    return found.filter(pl.col("rank") < pl.col("after")).select(GROUP, "rank", "bin", "before")


def in_bins(frame: pl.DataFrame, bins: pl.DataFrame, bits: int) -> pl.DataFrame:
    """Return the rows that lie in some bins, with their `bin`."""
    wanted = bins.select(GROUP, "bin").unique()
    return frame.select(GROUP, HASH, NAME, _bin(bits)).join(wanted, on=[GROUP, "bin"], how="semi")


def rows_at(gathered: pl.DataFrame, bins: pl.DataFrame) -> pl.DataFrame:
    """Return the row at each wanted rank, from all rows of the ranks' bins: `__group__`, `rank`, hash and name."""
    place = pl.int_range(pl.len()).over(GROUP, "bin").cast(pl.Int64)
    ordered = gathered.sort(GROUP, HASH, NAME).with_columns(place.alias("place"))
    wanted = bins.with_columns((pl.col("rank") - pl.col("before")).alias("place"))
    found = wanted.join(ordered, on=[GROUP, "bin", "place"], how="left")
    return found.select(GROUP, "rank", HASH, NAME).sort(GROUP, "rank")


def no_rows() -> pl.DataFrame:
    """Return what `rows_at` no rank is."""
    return pl.DataFrame(schema={GROUP: pl.String, "rank": pl.Int64, HASH: pl.UInt64, NAME: pl.String})


def sections(frame: pl.DataFrame, first: pl.DataFrame) -> NDArray[np.int64]:
    """Return the section of each row: how many of the rows `first`, with which sections begin, are not beyond it.

    `first` has the rows of one group, in their order; so has `frame`, in any.
    """
    hashes, starts = frame[HASH].to_numpy(), first[HASH].to_numpy()
    found = np.searchsorted(starts, hashes, side="right").astype(np.int64)
    # Where hashes are equal, names decide.
    same = np.flatnonzero(np.isin(hashes, starts, kind="sort"))  # numpy 2.0.0 has no table of such large numbers
    edges = list(zip(starts.tolist(), first[NAME].to_list(), strict=True))
    rows = frame[same].select(HASH, NAME).rows()
    found[same] = [sum(edge <= row for edge in edges) for row in rows]
    return found


def _bin(bits: int) -> pl.Expr:
    return (pl.col(HASH) // 2 ** (64 - bits)).alias("bin")
