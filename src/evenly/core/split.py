"""Split: exact sizes, from an order that every seed shares.

Records are ordered by h('split', id), unsalted. The small splits (all but `train`) take their records from the low end
first, so that a record of the test set tends to stay there under another seed or size; `train` comes next.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import EPOCH, GROUP, HASH, ID, NAME, SHARD, SPLIT
from evenly.core.hashing import hashed
from evenly.core.order import sections
from evenly.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SPLITS: Final = "splits"
"""The group of the order that splits are cut from: all that is selected."""


class SplitError(UserError):
    """Split sizes that the selection can't fill."""


def split_sizes(shares: Mapping[str, int | float], selected: int) -> dict[str, int]:
    """Return rows per split, in the recipe's order: whole numbers are rows, fractions shares of `selected`.

    A fraction's rows are cumulative cuts rounded half to even, so that fractions that sum to 1 leave no record over.

    Raises:
        SplitError: when the splits ask for more rows than are selected.
    """
    sizes: dict[str, int] = {}
    cut, before = 0.0, 0
    for name, share in shares.items():
        if isinstance(share, int):
            sizes[name] = share
            continue
        cut += share
        here = min(round(cut * selected), selected)
        sizes[name], before = here - before, here
    wanted = sum(sizes.values())
    if wanted > selected:
        asked = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        message = (
            f"recipe.split: {wanted:,} rows are wanted ({asked}), the selection has {selected:,}. "
            "Lower the splits, use fractions, or select more (a higher cap)."
        )
        raise SplitError(message)
    return sizes


def refuse_large_lite(lite: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Refuse a lite set that is larger than its split.

    Raises:
        SplitError: saying how many rows the split has.
    """
    for name, rows in lite.items():
        if rows > sizes[name]:
            message = (
                f"recipe.split.lite.{name}: {rows:,} rows are wanted, the split has {sizes[name]:,}. "
                "Lower it: a lite set is a subset of its split."
            )
            raise SplitError(message)


def lite_rows(rows: pl.DataFrame, of_split: pl.DataFrame) -> pl.DataFrame:
    """Return a split's first rows as a set of its own: with the design weights that a smaller set has.

    `rows` are the examples (columns `stratum`, `design_weight`); `of_split` has `stratum` and `rows`, the split's own.
    """
    here = rows.group_by("stratum").agg(pl.len().alias("here"))
    factors = here.join(of_split, on="stratum").select("stratum", factor=pl.col("rows") / pl.col("here"))
    # Apart from the rows, whose kept columns may have any name.
    factor = rows.select("stratum").join(factors, on="stratum", how="left", maintain_order="left")["factor"]
    return rows.with_columns((pl.col("design_weight") * factor).alias("design_weight"))


def cut_ranks(sizes: Mapping[str, int], selected: int) -> tuple[tuple[str, ...], list[int]]:
    """Return the splits in the order in which they are filled, and the ranks at which one ends and what follows begins.

    There is a rank for each split whose end is not that of the selection: records beyond the last are in no split.
    """
    order = sorted(sizes, key=lambda name: (name == "train", list(sizes).index(name)))
    ends = list(accumulate(sizes[name] for name in order))
    return tuple(order), [end for end in ends if end < selected]


def split_order(selected: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of an order (see `evenly.core.order`), in which the splits follow each other."""
    return selected.select(pl.lit(SPLITS).alias(GROUP), hashed(ID, "split").alias(HASH), pl.col(ID).alias(NAME))


def assign(selected: pl.DataFrame, order: Sequence[str], first: pl.DataFrame) -> pl.DataFrame:
    """Return `selected` with `__split__`, String, null for records that no split wants.

    `order` has the splits, `first` the rows at the ranks of `cut_ranks`.
    """
    names = pl.Series(SPLIT, [*order, None], dtype=pl.String)
    return selected.with_columns(names.gather(sections(split_order(selected), first)))


def shard_ranks(sizes: Mapping[str, int], shard_rows: int) -> dict[str, list[int]]:
    """Return the ranks, in the shuffled order of each split of so many rows, at which shards but the first begin.

    Shards of a split differ by one row at most and hold at most `shard_rows`.
    """
    found: dict[str, list[int]] = {}
    for split, rows in sizes.items():
        shards = -(-rows // shard_rows)
        found[split] = [-(-shard * rows // shards) for shard in range(1, shards)]
    return found


def shuffled(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return rows (with `__epoch__`) with their place in the shuffled order of their split, see `evenly.core.order`.

    The group is null for a record that is in no split. Where records repeat, each of their rows has a place of its own.
    """
    again = pl.when(pl.col(EPOCH) > 1).then(pl.format("{}\x1f{}", ID, EPOCH)).otherwise(pl.col(ID))
    name = again if rows.select((pl.col(EPOCH) > 1).any()).item() else pl.col(ID)
    return rows.with_columns(pl.col(SPLIT).alias(GROUP), hashed(name, "shuffle", seed).alias(HASH), name.alias(NAME))


def with_shards(rows: pl.DataFrame, first: pl.DataFrame) -> pl.DataFrame:
    """Return `shuffled` rows with `__shard__`, UInt32, null in no split; `first` are the rows at `shard_ranks`."""
    shards = np.zeros(rows.height, np.uint32)
    for split in rows[GROUP].drop_nulls().unique():
        own = (rows[GROUP] == split).fill_null(value=False)
        shards[own.to_numpy()] = sections(rows.filter(own), first.filter(pl.col(GROUP) == split))
    known = pl.when(pl.col(GROUP).is_not_null()).then(pl.Series(SHARD, shards))
    return rows.with_columns(known.alias(SHARD))
