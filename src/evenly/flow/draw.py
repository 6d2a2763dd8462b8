"""From the pool to the selection: ledger and census of each part, quotas, smallest keys, splits (DESIGN section 3).

Only thin columns are read here. The ledger of each part is written once to scratch; the selection is a fold over those
that keeps, per stratum, its quota and one more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import CATEGORY, ID, KEY, LABEL, LINE, PART, PIECE, ROW, SOURCE, STRATUM, TOKENS, WEIGHT
from evenly.core.census import merge, take_census
from evenly.core.measure import Summary, summarise
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, select, with_design_weights
from evenly.core.split import assign, refuse_large_lite, shuffle, split_sizes
from evenly.core.strata import with_strata
from evenly.core.weights import weight_columns, with_keys
from evenly.errors import DataError
from evenly.recipe.model import WeightTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

FOLD_ROWS: Final = 2_000_000
"""Candidates that may wait before they are cut to what can still be selected."""


@dataclass(frozen=True)
class Plan:
    """What the recipe would draw from its pool, without a row being selected.

    Attributes:
        strata: the census with quotas, one row per stratum; see `evenly.core.census` and `evenly.core.quotas`.
        outside: records of the pool that are in no stratum.
        pool: a summary of all records of the pool.
    """

    strata: pl.DataFrame
    outside: int
    pool: Summary

    @property
    def selected(self) -> int:
        """Records that the quotas select."""
        return int(self.strata["quota"].sum())


@dataclass(frozen=True)
class Draw:
    """A selection.

    Attributes:
        rows: one row per selected record: __id__, __part__, __row__, __stratum__, __key__, __pi__, __design_weight__,
            __split__ (null: unassigned); those of a split also have __position__ and __shard__ in `placed`.
        placed: the rows of the splits with their place in the output.
        sizes: split -> rows.
    """

    rows: pl.DataFrame
    placed: pl.DataFrame
    sizes: dict[str, int]


def make_plan(recipe: Recipe, pool: Pool, scratch: Path | None, engine: Engine, reporter: Reporter) -> Plan:
    """Take the census of a pool and allocate; with `scratch`, each part's ledger is left there for `draw`.

    Raises:
        DataError: for a bad weight, or when no record is in a stratum.
        AllocationError: when the recipe's wishes can't be met together.
    """
    censuses: list[pl.DataFrame] = []
    outside, seen = 0, Summary()
    work = partial(_census_of_part, recipe=recipe, pool=pool, scratch=scratch)
    with reporter.phase("census", len(pool.index.parts), "parts") as advance:
        for census, without, summary in engine.map(work, range(len(pool.index.parts))):
            censuses.append(census)
            outside += without
            seen.add(summary)
            advance(1)
    census = merge(censuses)
    if not census.height:
        columns = ", ".join(stratum.column for stratum in recipe.balance.strata)
        message = (
            f"recipe.balance.strata: none of {seen.rows:,} records is in a stratum of {columns}. "
            "Check min, max and nulls."
        )
        raise DataError(message)
    plan = Plan(with_quotas(census, recipe), outside, seen)
    if not plan.selected:
        message = f"recipe.balance.weight: every one of {seen.rows:,} records has the weight 0, so none can be drawn."
        raise DataError(message)
    return plan


def draw(recipe: Recipe, pool: Pool, plan: Plan, scratch: Path, reporter: Reporter) -> Draw:
    """Select by the plan's quotas from the ledgers in `scratch`, split, and give each row its place in the output.

    Raises:
        SplitError: when the splits want more than is selected.
    """
    sizes = split_sizes(recipe.split.shares, plan.selected)
    refuse_large_lite(recipe.split.lite or {}, sizes)
    waiting: list[pl.DataFrame] = []
    rows = 0
    with reporter.phase("select", len(pool.index.parts), "parts") as advance:
        for ledger in ledgers(pool, scratch):
            found = candidates(ledger.drop(PIECE, LINE), plan.strata)
            waiting.append(found)
            rows += found.height
            if rows > max(FOLD_ROWS, 2 * plan.selected):
                waiting = [candidates(pl.concat(waiting), plan.strata)]
                rows = waiting[0].height
            advance(1)
    selected = select(pl.concat(waiting), plan.strata)
    split = with_design_weights(assign(selected, sizes))
    return Draw(split, shuffle(split, recipe.seed, recipe.export.shard_rows), sizes)


def ledgers(pool: Pool, scratch: Path) -> Iterator[pl.DataFrame]:
    """Yield each part's ledger: __id__, __piece__, __line__, __part__, __row__, __stratum__, __weight__, __key__."""
    for number in range(len(pool.index.parts)):
        yield pl.read_parquet(_ledger_path(scratch, number), glob=False)


def category_column(recipe: Recipe) -> str | None:
    """Return the column whose values the views show as categories, or None.

    That of the weight table, else a stratum's own that is not a number, else one that comes from the path.
    """
    if isinstance(recipe.balance.weight, WeightTable):
        return recipe.balance.weight.column
    plain = [stratum.column for stratum in recipe.balance.strata if stratum.round is None and stratum.min is None]
    given = [name for source in recipe.sources for name in source.columns]
    given += [SOURCE] if len(recipe.sources) > 1 else []
    return next((name for name in [*plain, *given] if name != recipe.balance.label), None)


def describe(frame: pl.DataFrame, recipe: Recipe) -> Summary:
    """Return the summary of some records that have the label, category and token columns of the pool."""
    named = {LABEL: recipe.balance.label, CATEGORY: category_column(recipe), TOKENS: TOKENS}
    found = {key: frame[name] if name is not None and name in frame.columns else None for key, name in named.items()}
    return summarise(found[LABEL], found[CATEGORY], found[TOKENS], frame.height)


def _census_of_part(number: int, recipe: Recipe, pool: Pool, scratch: Path | None) -> tuple[pl.DataFrame, int, Summary]:
    frame = pool.part(number, _thin_columns(recipe))
    keyed = with_keys(with_strata(frame, recipe.balance.strata), recipe)
    if scratch is not None:
        place = [pl.lit(number, dtype=pl.UInt32).alias(PART), pl.int_range(pl.len(), dtype=pl.UInt32).alias(ROW)]
        ledger = keyed.select(ID, PIECE, LINE, *place, STRATUM, WEIGHT, KEY)
        ledger.write_parquet(_ledger_path(scratch, number), compression="lz4", statistics=False)
    outside = keyed[STRATUM].null_count()
    return take_census(keyed, recipe.balance.strata), outside, describe(frame, recipe)


def _thin_columns(recipe: Recipe) -> list[str]:
    """Return the columns of the pool that strata, weights and views look at."""
    wanted = {ID, PIECE, LINE, *weight_columns(recipe), *(stratum.column for stratum in recipe.balance.strata)}
    wanted |= {name for name in (recipe.balance.label, category_column(recipe)) if name is not None}
    if recipe.tokenizer is not None:
        wanted.add(TOKENS)
    return sorted(wanted)


def _ledger_path(scratch: Path, number: int) -> Path:
    return scratch / f"ledger-{number:06d}.parquet"
