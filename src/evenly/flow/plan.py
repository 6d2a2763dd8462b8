"""From the pool to the plan: survey, census, quotas; the ledger of each part is written on the way (DESIGN section 3).

Only thin columns are read here. A recipe that asks nothing of the whole pool needs no survey, one whose size is in rows
no ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import CATEGORY, ID, KEY, LABEL, PIECE, PLACE, SOURCE, STRATUM, TOKENS, WEIGHT
from evenly.core.census import merge, take_census
from evenly.core.composition import Expected, expect, merge_compositions, take_composition
from evenly.core.measure import Summary, summarise
from evenly.core.quotas import marginals_met, with_quotas
from evenly.core.select import TRAIN
from evenly.core.split import split_sizes
from evenly.core.strata import with_strata
from evenly.core.survey import (
    Facts,
    balanced,
    count_values,
    facts_of,
    filter_columns,
    merge_counts,
    plain_axes,
    surveyed_columns,
)
from evenly.core.weights import weight_columns, with_keys, with_weights
from evenly.errors import DataError
from evenly.flow.budget import Budget, within_budget
from evenly.flow.ledgers import GROUP_ROWS, write_ledger
from evenly.flow.others import other_censuses
from evenly.recipe.balance import TokenSize, WeightTable
from evenly.recipe.needs import COUNTED

if TYPE_CHECKING:
    from pathlib import Path

    from evenly.core.axes import Axis
    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


@dataclass(frozen=True)
class Plan:
    """What the recipe would draw from its pool, without a row being selected.

    Attributes:
        strata: the census with quotas, one row per stratum; see `evenly.core.census` and `evenly.core.quotas`.
        outside: records of the pool that are in no stratum.
        held_out: records of the pool that were set aside before anything was counted.
        pool: a summary of all other records of the pool.
        expected: what the selection is expected to look like, where that was asked for.
        asked: rows that the recipe asks for, or None where it gives no such number.
        axes: what the strata are made by; see `evenly.core.strata`.
        marginals: how the wanted marginals of policy rake are met; see `evenly.core.quotas.marginals_met`.
    """

    strata: pl.DataFrame
    outside: int
    pool: Summary
    expected: Expected | None = None
    marginals: pl.DataFrame | None = None
    asked: int | None = None
    held_out: int = 0
    axes: tuple[Axis, ...] = ()

    @property
    def selected(self) -> int:
        """Records that the quotas select."""
        return int(self.strata["quota"].sum())

    @property
    def repeated(self) -> int:
        """Rows besides them that repeat a record."""
        return int(self.strata["repeated"].sum())

    @property
    def missing(self) -> int:
        """Rows that are not there of what is asked for: in all, or of single strata."""
        drawn = self.strata["quota"] + self.strata["repeated"]
        in_all = 0 if self.asked is None else self.asked - int(drawn.sum())
        return max(in_all, int((self.strata["wanted"] - drawn).clip(0).sum()))


@dataclass(frozen=True)
class _Work:
    """What counting one part takes."""

    recipe: Recipe
    pool: Pool
    facts: Facts
    scratch: Path | None
    composed: bool


@dataclass(frozen=True)
class _Counted:
    """What parts hold: census, composition (for expectations), records outside the strata and held out, a summary."""

    census: pl.DataFrame
    composition: pl.DataFrame
    outside: int
    summary: Summary
    held_out: int


def make_plan(
    recipe: Recipe, pool: Pool, scratch: Path | None, engine: Engine, reporter: Reporter, *, expected: bool = False
) -> Plan:
    """Take the census of a pool and allocate; with `scratch`, each part's ledger is left there for `draw`.

    A size in tokens needs the ledgers, and so `scratch`. With `expected`, the plan says what to expect of a selection.

    Raises:
        DataError: for a bad weight, or when no record is in a stratum.
        AllocationError: when the recipe's wishes can't be met together.
    """
    facts = _survey(recipe, pool, engine, reporter)
    others = other_censuses(recipe, facts, engine, reporter)
    counted = _count(_Work(recipe, pool, facts, scratch, expected), engine, reporter)
    census = counted.census
    refuse_empty(census, recipe, counted.summary.rows)
    size = recipe.balance.size
    if isinstance(size, TokenSize) and scratch is not None:
        budget = Budget(recipe, census, facts, others, size.tokens)
        strata, spent = within_budget(budget, scratch, len(pool.groups(GROUP_ROWS)), engine)
    else:
        strata, spent = with_quotas(census, recipe, facts, others), None
    told = None
    if expected:
        selected = int(strata["quota"].sum())
        told = expect(
            counted.composition,
            strata,
            labelled=bool(counted.summary.label),
            counted=recipe.tokenizer is not None,
            trained=split_sizes(recipe.split.shares, selected).get(TRAIN, 0) / max(1, selected),
        )
        if spent is not None:  # the draw was made: no need to expect
            told = replace(told, tokens=float(spent))
    met = marginals_met(strata, recipe, facts, others) if recipe.balance.marginals else None
    asked = size if isinstance(size, int) else None
    return Plan(strata, counted.outside, counted.summary, told, met, asked, counted.held_out, facts.axes)


def refuse_empty(census: pl.DataFrame, recipe: Recipe, rows: int) -> None:
    """Refuse a census of so many records of which none can be drawn.

    Raises:
        DataError: which says why.
    """
    if not census.height:
        columns = ", ".join(stratum.column for stratum in recipe.balance.strata)
        message = (
            f"recipe.balance.strata: none of {rows:,} records is in a stratum of {columns}. "
            "Check filter, min, max, edges and nulls."
        )
        raise DataError(message)
    if not int(census["eligible"].sum()):
        message = f"recipe.balance.weight: all {rows:,} records have the weight 0. Give some a weight above 0."
        raise DataError(message)


def category_column(recipe: Recipe) -> str | None:
    """Return the column whose values the views show as categories, or None.

    That of the weight table, else a stratum's own that is not a number, else one that comes from the path.
    """
    if isinstance(recipe.balance.weight, WeightTable):
        return recipe.balance.weight.column
    plain = [one.column for one in recipe.balance.strata if not one.numeric and one.kind in {"value", "other_below"}]
    given = [name for source in recipe.sources for name in source.columns]
    given += [SOURCE] if len(recipe.sources) > 1 else []
    return next((name for name in [*plain, *given] if name != recipe.balance.label), None)


def describe(frame: pl.DataFrame, recipe: Recipe) -> Summary:
    """Return the summary of some records that have the label, category and token columns of the pool."""
    named = {LABEL: recipe.balance.label, CATEGORY: category_column(recipe), TOKENS: TOKENS}
    found = {key: frame[name] if name is not None and name in frame.columns else None for key, name in named.items()}
    return summarise(found[LABEL], found[CATEGORY], found[TOKENS], frame.height)


def _survey(recipe: Recipe, pool: Pool, engine: Engine, reporter: Reporter) -> Facts:
    """Count the values that the balance's quantiles, small categories, statistics and rare values come from."""
    columns = surveyed_columns(recipe.balance)
    if not columns:
        return Facts(plain_axes(recipe.balance.strata))
    work = partial(_survey_group, recipe=recipe, pool=pool, columns=columns)
    groups = pool.groups(GROUP_ROWS)
    with reporter.phase("survey", len(groups), "groups") as advance:
        counts = engine.fold(work, groups, merge_counts, advance=advance)
        advance.counts["records"] = pool.index.kept
    return facts_of(recipe.balance, counts)


def _survey_group(parts: list[int], recipe: Recipe, pool: Pool, columns: list[str]) -> dict[str, pl.DataFrame]:
    frame, present = thin_frame(pool, parts, recipe, [*columns, *filter_columns(recipe.balance)]), pool.present(parts)
    frame = frame if present is None else frame.filter(present)
    kept = balanced(frame, recipe.balance)
    return count_values(frame if kept is None else frame.filter(kept), columns)


def _count(work: _Work, engine: Engine, reporter: Reporter) -> _Counted:
    groups = list(enumerate(work.pool.groups(GROUP_ROWS)))
    with reporter.phase("census", len(groups), "groups") as advance:
        counted = engine.fold(partial(_count_group, work=work), groups, _merged, advance=advance)
        advance.counts |= {
            "records": work.pool.index.kept,
            "held_out": counted.held_out,
            "outside_strata": counted.outside,
            "strata": counted.census.height,
        }
    return counted


def _merged(counted: list[_Counted]) -> _Counted:
    """Add what disjoint parts hold."""
    summary = Summary.merged(one.summary for one in counted)
    composition = merge_compositions([one.composition for one in counted])
    census, outside = merge([one.census for one in counted]), sum(one.outside for one in counted)
    return _Counted(census, composition, outside, summary, sum(one.held_out for one in counted))


def _count_group(group: tuple[int, list[int]], work: _Work) -> _Counted:
    number, parts = group
    recipe = work.recipe
    named = [] if work.scratch is None else [ID]
    everyone = thin_frame(work.pool, parts, recipe, [*_thin_columns(recipe), *named])
    present = work.pool.present(parts)
    frame = everyone if present is None else everyone.filter(present)
    placed = with_strata(frame, work.facts.axes, balanced(frame, recipe.balance))
    if work.scratch is None:
        placed = _weighted(placed, parts, work)
    else:
        placed = with_keys(placed, recipe, work.facts)
        write_ledger(work.scratch, number, _of_everyone(_ledger(placed, recipe), everyone, present))
    category = category_column(recipe) if work.composed else None
    composition = take_composition(placed if work.composed else placed.clear(), recipe.balance.label, category)
    census = take_census(placed, [axis.column for axis in work.facts.axes])
    held_out = everyone.height - frame.height
    return _Counted(census, composition, placed[STRATUM].null_count(), describe(frame, recipe), held_out)


def _weighted(placed: pl.DataFrame, parts: list[int], work: _Work) -> pl.DataFrame:
    """Return the frame with weights; no id is read, unless an error has to name one."""
    try:
        return with_weights(placed, work.recipe, work.facts)
    except DataError:
        named, present = work.pool.thin(parts, [ID])[ID], work.pool.present(parts)
        named = named if present is None else named.filter(present)
        return with_weights(placed.with_columns(named), work.recipe, work.facts)


def _ledger(keyed: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Return what a ledger has of some records."""
    return keyed.select(ID, STRATUM, WEIGHT, KEY, *([TOKENS] if isinstance(recipe.balance.size, TokenSize) else []))


def _of_everyone(ledger: pl.DataFrame, everyone: pl.DataFrame, present: pl.Series | None) -> pl.DataFrame:
    """Return a ledger of all records of some parts: those that are held out have nothing but their id."""
    if present is None:
        return ledger
    places = ledger.drop(ID).with_columns(present.arg_true().alias(PLACE))
    numbered = everyone.select(ID).with_row_index(PLACE)
    return numbered.join(places, on=PLACE, how="left", maintain_order="left").drop(PLACE)


def thin_frame(pool: Pool, parts: list[int], recipe: Recipe, columns: list[str]) -> pl.DataFrame:
    """Return some columns of some parts, also of what is held out; token counts go by their public name too."""
    there = pool.columns() if COUNTED in columns else []
    counted = COUNTED in columns and COUNTED not in there and recipe.tokenizer is not None
    named = {TOKENS if name == COUNTED and counted else name for name in columns}
    frame = pool.thin(parts, sorted(named))
    return frame.with_columns(pl.col(TOKENS).cast(pl.Float64).alias(COUNTED)) if counted else frame


def _thin_columns(recipe: Recipe) -> list[str]:
    """Return the columns of the pool that strata, weights and views look at; at least one, to count records by."""
    wanted = {*weight_columns(recipe), *(stratum.column for stratum in recipe.balance.strata)}
    wanted |= {*filter_columns(recipe.balance)}
    wanted |= {name for name in (recipe.balance.label, category_column(recipe)) if name is not None}
    if recipe.tokenizer is not None:
        wanted.add(TOKENS)
    return sorted(wanted) or [PIECE]
