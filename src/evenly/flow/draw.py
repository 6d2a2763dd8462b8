"""From the plan to the selection: cut-offs, split, shuffled places (DESIGN section 3).

No record comes here. Each step is a fold over the groups of parts whose end is small: the strata's cut-offs, by which
each group selects its own; then the rows of an order at which a split or a shard begins (see `evenly.core.order`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import polars as pl

from evenly.columns import GROUP, ID, KEY, NAME, PART, PI, ROW, SPLIT, STRATUM, TIMES
from evenly.core.order import add_bins, count_bins, find_bins, in_bins, leading_bits, no_rows, rows_at
from evenly.core.select import (
    add_counts,
    candidates,
    cut_offs,
    reach,
    repeat,
    short,
    split_counts,
    take,
    with_design_weights,
    within,
)
from evenly.core.split import (
    SPLITS,
    assign,
    cut_ranks,
    refuse_large_lite,
    shard_ranks,
    shuffled,
    split_order,
    split_sizes,
    with_shards,
)
from evenly.engines.base import itself
from evenly.flow.ledgers import GROUP_ROWS, read_chosen, read_ledger, write_chosen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from evenly.engines.base import Engine, Outcome
    from evenly.flow.plan import Plan
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


@dataclass(frozen=True)
class Draw:
    """A selection, as far as it is not the records themselves: those lie in the scratch folder, see `drawn_rows`.

    Attributes:
        seed: the recipe's.
        groups: numbers of the parts that were drawn from together.
        sizes: split -> records.
        order: the splits in the order in which they are filled.
        splits: the rows at which a split begins.
        shards: the rows at which a shard begins.
        counts: records and rows by stratum and split, see `evenly.core.select.split_counts`.
    """

    seed: int
    groups: list[list[int]]
    sizes: dict[str, int]
    order: tuple[str, ...]
    splits: pl.DataFrame = field(default_factory=no_rows)
    shards: pl.DataFrame = field(default_factory=no_rows)
    counts: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def selected(self) -> int:
        """Records that are selected."""
        return int(self.counts["records"].sum())

    @property
    def repeated(self) -> int:
        """Rows besides them that repeat one."""
        return int(self.counts["rows"].sum()) - self.selected

    @property
    def rows(self) -> dict[str, int]:
        """Split -> rows, repetitions included."""
        found = dict(self.counts.group_by(SPLIT).agg(pl.col("rows").sum()).iter_rows())
        return {split: int(found.get(split, 0)) for split in self.sizes}


def draw(recipe: Recipe, pool: Pool, plan: Plan, scratch: Path, engine: Engine, reporter: Reporter) -> Draw:
    """Select by the plan's quotas from the ledgers in `scratch`, split, and give each row its place in the output.

    Raises:
        SplitError: when the splits want more than is selected.
    """
    sizes = split_sizes(recipe.split.shares, plan.selected)
    refuse_large_lite(recipe.split.lite or {}, sizes)
    order, ranks = cut_ranks(sizes, plan.selected)
    drawn = Draw(recipe.seed, pool.groups(GROUP_ROWS), sizes, order)
    everyone = range(len(drawn.groups))
    with reporter.phase("select", 2 * len(everyone), "groups") as advance:
        cuts = fold_candidates(len(everyone), scratch, plan.strata, cut_offs, engine, advance)
        for _ in engine.map(partial(_choose, scratch=scratch, cuts=cuts, drawn=drawn, pool=pool), everyone):
            advance(1)
        work = _Cutting(engine, scratch)
        drawn = replace(drawn, splits=work.rows_at(_split_order, drawn, {SPLITS: ranks}, plan.selected))
        drawn = replace(drawn, counts=engine.fold(partial(_count, drawn=drawn, scratch=scratch), everyone, add_counts))
        starts = shard_ranks(drawn.rows, recipe.export.shard_rows)
        return replace(drawn, shards=work.rows_at(_shuffled_order, drawn, starts, sum(drawn.rows.values())))


def drawn_rows(drawn: Draw, scratch: Path, number: int) -> pl.DataFrame:
    """Return the rows of a group: its selected records, those of a split as often as they are in the output.

    Columns: __id__, __part__, __row__, __stratum__, __key__, __pi__, __design_weight__, __split__ (null: unassigned),
    __epoch__, and for those of a split __shard__ and their place in the shuffled order, __hash__.
    """
    records = assign(read_chosen(scratch, number), drawn.order, drawn.splits)
    rows = repeat(with_design_weights(records, drawn.counts))
    placed = with_shards(shuffled(rows, drawn.seed), drawn.shards).drop(GROUP, NAME)
    return pl.concat([placed, rows.filter(pl.col(SPLIT).is_null())], how="diagonal")


def fold_candidates(
    groups: int,
    scratch: Path,
    strata: pl.DataFrame,
    finish: Callable[[pl.DataFrame, pl.DataFrame], Outcome],
    engine: Engine,
    advance: Callable[[int], object] = itself,
) -> Outcome:
    """Return `finish(candidates of all ledgers, strata)`: of the rows that a plan's quotas can still select."""
    wanted = strata.select(STRATUM, "quota", "repeated", "eligible", "weight_min", "weight_max")
    combine = partial(_combine, wanted=wanted)
    for reaches in (reach(wanted), None):
        leaf = partial(_candidates_of, scratch=scratch, wanted=wanted, reaches=reaches)
        end = partial(_finish, wanted=wanted, finish=finish, sure=reaches is None)
        found = engine.fold(leaf, range(groups), combine, end, advance)
        if found:
            return found[0]
        advance(-groups)
    raise AssertionError


def _candidates_of(number: int, scratch: Path, wanted: pl.DataFrame, reaches: pl.DataFrame | None) -> pl.DataFrame:
    ledger = read_ledger(scratch, number)
    return candidates(ledger if reaches is None else within(ledger, reaches), wanted)


def _combine(found: list[pl.DataFrame], wanted: pl.DataFrame) -> pl.DataFrame:
    return candidates(pl.concat(found), wanted)


def _finish(
    found: pl.DataFrame,
    wanted: pl.DataFrame,
    finish: Callable[[pl.DataFrame, pl.DataFrame], Outcome],
    *,
    sure: bool,
) -> tuple[Outcome] | None:
    return None if not sure and short(found, wanted) else (finish(found, wanted),)


def _choose(number: int, scratch: Path, cuts: pl.DataFrame, drawn: Draw, pool: Pool) -> None:
    """Write what a group selects: the rows of its ledger up to the cut-offs, with their places in the pool."""
    parts = drawn.groups[number]
    ledger = pl.concat([read_ledger(scratch, number), pool.places(parts)], how="horizontal")
    columns = (ID, PART, ROW, STRATUM, KEY, PI, TIMES)
    write_chosen(scratch, number, take(ledger, cuts).select(columns))


def _count(number: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    return split_counts(assign(read_chosen(scratch, number), drawn.order, drawn.splits))


def _split_order(number: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    del drawn
    return split_order(read_chosen(scratch, number))


def _shuffled_order(number: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    records = assign(read_chosen(scratch, number), drawn.order, drawn.splits)
    return shuffled(repeat(with_design_weights(records, drawn.counts)), drawn.seed)


class _Order(Protocol):
    """The rows of a group of parts in an order, see `evenly.core.order`."""

    def __call__(self, number: int, drawn: Draw, scratch: Path) -> pl.DataFrame: ...


@dataclass(frozen=True)
class _Cutting:
    """Finds the rows at some ranks of an order over all groups."""

    engine: Engine
    scratch: Path

    def rows_at(self, order: _Order, drawn: Draw, ranks: Mapping[str, Sequence[int]], rows: int) -> pl.DataFrame:
        """Return the rows at the ranks of each of the order's groups; `rows` are in it, about."""
        if not any(ranks.values()):
            return no_rows()
        here = partial(order, drawn=drawn, scratch=self.scratch)
        everyone, bits = range(len(drawn.groups)), leading_bits(rows)
        counts = self.engine.fold(partial(_count_order, order=here, bits=bits), everyone, add_bins)
        bins = find_bins(counts, ranks)
        gather = partial(_gather, order=here, bins=bins, bits=bits)
        return rows_at(self.engine.fold(gather, everyone, pl.concat), bins)


def _count_order(number: int, order: Callable[[int], pl.DataFrame], bits: int) -> pl.DataFrame:
    return count_bins(order(number), bits)


def _gather(number: int, order: Callable[[int], pl.DataFrame], bins: pl.DataFrame, bits: int) -> pl.DataFrame:
    return in_bins(order(number), bins, bits)
