"""Split: exact sizes, from an order that every seed shares.

Records are ordered by h('split', id), unsalted. The small splits (all but `train`) take their records from the low end
first, so that a record of the test set tends to stay there under another seed or size; `train` comes next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import EPOCH, ID, POSITION, SHARD, SPLIT
from evenly.core.hashing import hashed
from evenly.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping


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
                "A lite set is a subset of its split."
            )
            raise SplitError(message)


def lite_rows(rows: pl.DataFrame, of_split: pl.DataFrame) -> pl.DataFrame:
    """Return a split's first rows as a set of its own: with the design weights that a smaller set has.

    `rows` are the examples (columns `stratum`, `design_weight`); `of_split` has `stratum` and `rows`, the split's own.
    """
    here = rows.group_by("stratum").agg(pl.len().alias("here"))
    factors = here.join(of_split, on="stratum").select("stratum", factor=pl.col("rows") / pl.col("here"))
    weight = pl.col("design_weight") * pl.col("factor")
    joined = rows.join(factors, on="stratum", how="left", maintain_order="left")
    return joined.with_columns(weight.alias("design_weight")).select(rows.columns)


def assign(selected: pl.DataFrame, sizes: Mapping[str, int]) -> pl.DataFrame:
    """Return `selected` with `__split__`, String, null for records that no split wants."""
    order = sorted(sizes, key=lambda name: (name == "train", list(sizes).index(name)))
    bounds: list[tuple[str, int]] = []
    stop = 0
    for name in order:
        stop += sizes[name]
        bounds.append((name, stop))
    rank = pl.int_range(pl.len())
    label: pl.Expr = pl.lit(None, dtype=pl.String)
    for name, bound in reversed(bounds):
        label = pl.when(rank < bound).then(pl.lit(name)).otherwise(label)
    return selected.sort(hashed(ID, "split"), ID).with_columns(label.alias(SPLIT))


def shuffle(assigned: pl.DataFrame, seed: int, shard_rows: int) -> pl.DataFrame:
    """Return the rows of splits with `__position__` in their split's shuffled order and `__shard__`, UInt32.

    Shards of a split differ by one row at most and hold at most `shard_rows`. Where records repeat (`__epoch__`), each
    of their rows has a place of its own.
    """
    again = pl.when(pl.col(EPOCH) > 1).then(pl.format("{}\x1f{}", ID, EPOCH)).otherwise(pl.col(ID))
    place = pl.int_range(pl.len(), dtype=pl.UInt32).over(SPLIT)
    rows = pl.len().over(SPLIT).cast(pl.Int64)
    shards = (rows + shard_rows - 1) // shard_rows
    return (
        assigned.filter(pl.col(SPLIT).is_not_null())
        .sort(hashed(again, "shuffle", seed), ID)
        .with_columns(place.alias(POSITION))
        .with_columns((pl.col(POSITION).cast(pl.Int64) * shards // rows).cast(pl.UInt32).alias(SHARD))
    )
