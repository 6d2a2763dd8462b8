"""From the plan to the selection: cut-offs, split, shuffled places (DESIGN section 3).

No record comes here. Each step is a fold over the groups of parts whose end is small: the strata's cut-offs, by which
each group selects its own; then the rows of an order at which a split or a shard begins (see `evenly.core.order`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import polars as pl

from evenly.columns import GROUP, ID, KEY, NAME, PI, PLACE, SPLIT, STRATUM, TIMES, WEIGHT
from evenly.core.order import add_bins, count_bins, find_bins, in_bins, leading_bits, no_rows, rows_at
from evenly.core.select import (
    add_counts,
    candidates,
    cut_offs,
    fewer,
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
from evenly.flow.ledgers import GROUP_ROWS, read_ledger, read_rows, write_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evenly.engines.base import Engine, Outcome, Result
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
    bits = leading_bits(plan.selected)
    with reporter.phase("select", 3 * len(everyone), "groups") as advance:
        cuts = fold_candidates(len(everyone), scratch, plan.strata, cut_offs, engine, advance)
        choose = partial(_choose, cuts=cuts, pool=pool, drawn=drawn, scratch=scratch, bits=bits)
        bins = find_bins(engine.fold(choose, everyone, add_bins, advance=advance), {SPLITS: ranks})
        drawn = replace(drawn, splits=_rows_at(bins, _split_order, bits, drawn, scratch, engine))
        place = partial(_place, drawn=drawn, scratch=scratch, bits=bits)
        counts, order = engine.fold(place, everyone, _added, advance=advance)
        drawn = replace(drawn, counts=counts)
        advance.counts |= {"records": pool.index.kept, "selected": drawn.selected, "splits": drawn.sizes}
        bins = find_bins(order, shard_ranks(drawn.rows, recipe.export.shard_rows))
        return replace(drawn, shards=_rows_at(bins, _shuffled_order, bits, drawn, scratch, engine))


def drawn_rows(drawn: Draw, scratch: Path, number: int) -> pl.DataFrame:
    """Return the rows of a group: its selected records, those of a split as often as they are in the output.

    Columns: __id__, __part__, __row__, __stratum__, __key__, __pi__, __design_weight__, __split__ (null: unassigned),
    __epoch__, and for those of a split __shard__ and what shards are ordered by, __hash__. They come by part and row.
    """
    records = with_design_weights(with_splits(number, drawn, scratch), drawn.counts)
    return with_shards(shuffled(repeat(records), drawn.seed), drawn.shards).drop(PLACE, GROUP, NAME)


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

    def looked_at(reaches: pl.DataFrame | None, end: Callable[[pl.DataFrame], Result]) -> Result:
        """Return what a fold over the candidates within some reaches, or over all, ends with."""
        leaf = partial(_candidates_of, scratch=scratch, wanted=wanted, reaches=reaches)
        return engine.fold(leaf, range(groups), partial(_combine, wanted=wanted), end, advance)

    found = looked_at(reach(wanted), partial(_finish_unless_short, wanted=wanted, finish=finish))
    if found:
        return found[0]
    advance(-groups)
    return looked_at(None, partial(_finish, wanted=wanted, finish=finish))


def _candidates_of(number: int, scratch: Path, wanted: pl.DataFrame, reaches: pl.DataFrame | None) -> pl.DataFrame:
    """Return the candidates of a group as the fold needs them; write them as the selection does."""
    ledger = read_ledger(scratch, number).with_row_index(PLACE)
    found = candidates(ledger, wanted) if reaches is None else within(ledger, reaches)
    write_rows(scratch, "candidates", number, found)
    return found.drop(PLACE, WEIGHT)


def _combine(found: list[pl.DataFrame], wanted: pl.DataFrame) -> pl.DataFrame:
    return fewer(pl.concat(found), wanted)


def _finish(
    found: pl.DataFrame, wanted: pl.DataFrame, finish: Callable[[pl.DataFrame, pl.DataFrame], Outcome]
) -> Outcome:
    return finish(found, wanted)


def _finish_unless_short(
    found: pl.DataFrame, wanted: pl.DataFrame, finish: Callable[[pl.DataFrame, pl.DataFrame], Outcome]
) -> tuple[Outcome] | None:
    return None if short(found, wanted) else (finish(found, wanted),)


def with_splits(number: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    """Return the records that a group selects, with their splits and their places in its ledger, `__place__`."""
    return assign(read_rows(scratch, "chosen", number), drawn.order, drawn.splits)


def _choose(number: int, cuts: pl.DataFrame, pool: Pool, drawn: Draw, scratch: Path, bits: int) -> pl.DataFrame:
    """Write what a group selects: its candidates up to the cut-offs, with their places in the pool.

    Returns how many of them lie in each bin of the order that splits are cut from.
    """
    taken = take(read_rows(scratch, "candidates", number), cuts).sort(PLACE)
    places = pool.places(drawn.groups[number])[taken[PLACE]]
    chosen = taken.select(PLACE, ID, STRATUM, KEY, PI, TIMES).hstack(places)
    write_rows(scratch, "chosen", number, chosen)
    return count_bins(split_order(chosen), bits)


def _place(number: int, drawn: Draw, scratch: Path, bits: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what of a group lies in each stratum and split, and in each bin of the splits' shuffled orders."""
    records = with_splits(number, drawn, scratch)
    return split_counts(records), count_bins(shuffled(repeat(records), drawn.seed).drop_nulls(GROUP), bits)


def _added(counted: list[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    return add_counts([counts for counts, _ in counted]), add_bins([bins for _, bins in counted])


class _Order(Protocol):
    """The rows of a group of parts in an order, see `evenly.core.order`."""

    def __call__(self, number: int, drawn: Draw, scratch: Path) -> pl.DataFrame: ...


def _split_order(number: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    del drawn
    return split_order(read_rows(scratch, "chosen", number))


def _shuffled_order(number: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    return shuffled(repeat(with_splits(number, drawn, scratch)), drawn.seed).drop_nulls(GROUP)


def _rows_at(bins: pl.DataFrame, order: _Order, bits: int, drawn: Draw, scratch: Path, engine: Engine) -> pl.DataFrame:
    """Return the rows at the ranks whose bins these are, from a look at all groups' rows that lie in them."""
    if not bins.height:
        return no_rows()
    gather = partial(_gather, order=order, bins=bins, bits=bits, drawn=drawn, scratch=scratch)
    return rows_at(engine.fold(gather, range(len(drawn.groups)), pl.concat), bins)


def _gather(number: int, order: _Order, bins: pl.DataFrame, bits: int, drawn: Draw, scratch: Path) -> pl.DataFrame:
    return in_bins(order(number, drawn, scratch), bins, bits)
