"""A pool held ready in memory, so that what another seed or another balance would select is known at once.

It is asked with a whole recipe and answers with that recipe's plan and its very records, those that `run` would write.
What an answer is made of is kept until something that it depends on changes: the seed decides the order of the records,
filter and strata their cells, weights and quotas how far each cell is taken (see `evenly.core.cells`). So a quota costs
a few thousandths of a second, and a weight by category hardly more.

Memory is about a hundred bytes for each record: this is for one person's page, not for a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import polars as pl

from evenly.columns import ID, KEY, STRATUM, TOKENS, WEIGHT
from evenly.core.allocate import AllocationError
from evenly.core.budget import largest
from evenly.core.cells import arrange, cut, in_order
from evenly.core.census import take_census
from evenly.core.pictures import count, edges_of
from evenly.core.quotas import possible_sizes, with_quotas
from evenly.core.strata import with_strata
from evenly.core.survey import balanced, count_values, facts_of, filter_columns, merge_counts, surveyed_columns
from evenly.core.weights import exponential, table_weights, weight_columns, with_keys
from evenly.errors import UserError, choices_line, did_you_mean
from evenly.flow.budget import too_little
from evenly.flow.others import other_censuses
from evenly.flow.pictures import pictured_columns, placed, told
from evenly.flow.plan import category_column, describe, refuse_empty, thin_frame
from evenly.recipe.model import InverseDensity, Tokens, WeightTable
from evenly.recipe.needs import COUNTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.core.cells import Cells, Cut
    from evenly.core.survey import Facts
    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

Made = TypeVar("Made")


@dataclass(frozen=True)
class Look:
    """What a recipe selects.

    Attributes:
        strata: the census with quotas, one row per stratum; see `evenly.core.census` and `evenly.core.quotas`.
        outside: records of the pool that are in no stratum.
        rows: Int64: the selected records, by their numbers among those of the pool that are not held out, ascending.
    """

    strata: pl.DataFrame
    outside: int
    rows: NDArray[np.int64]


@dataclass(frozen=True)
class _Ground:
    """What filter and strata make of the records.

    Attributes:
        name: what it depends on.
        placed: the records with `__stratum__`.
        census: with every weight 1.
        stratum: Int64 [records]: the number of each one's stratum in the census; -1 outside.
    """

    name: str
    facts: Facts
    others: Mapping[str, pl.DataFrame]
    placed: pl.DataFrame
    census: pl.DataFrame
    stratum: NDArray[np.int64]


@dataclass(frozen=True)
class _Kinds:
    """What weights go by: the distinct values of a column, and the number of each record's, Int64 [records]."""

    values: pl.Series
    numbers: NDArray[np.int64]


class Live:
    """A pool held ready for recipes that differ in seed and balance."""

    def __init__(self, recipe: Recipe, pool: Pool, engine: Engine, reporter: Reporter) -> None:
        """Read the ids of the pool of a recipe, or of the side of it that is balanced; other columns when asked."""
        self.pool = pool
        self._recipe, self._engine, self._reporter = recipe, engine, reporter
        self._parts = range(len(pool.index.parts))
        self._present = pool.present(self._parts)
        self._kept: dict[str, tuple[object, Any]] = {}
        self.frame = self._read([ID])

    def look(self, recipe: Recipe) -> Look:
        """Return what a recipe selects, which has the sources, steps and template of the one that the pool is of.

        Raises:
            UserError: for a column that the pool does not hold, and a size in tokens under rake.
            DataError: for a bad weight, or when no record is in a stratum.
            AllocationError: when the recipe's wishes can't be met together.
        """
        ground = self._ground(recipe)
        cells, weights = self._cells(recipe, ground)
        census = _weighed(ground.census, cells, weights) if weights is not None else self._census(recipe, ground)
        refuse_empty(census, recipe, self.frame.height)
        each = np.ones(int(cells.kind.max(initial=0)) + 1) if weights is None else weights
        taken = partial(self._taken, cells=cells, weights=each)
        size = recipe.balance.size
        if isinstance(size, Tokens):
            strata = self._within(size.tokens, recipe, census, ground, partial(self._cost, ground, cells, taken))
        else:
            strata = with_quotas(census, recipe, ground.facts, ground.others)
        outside = int((ground.stratum < 0).sum())
        chosen = np.zeros(self.frame.height, np.bool_)
        chosen[cells.rows[taken(strata).places(cells)]] = True
        return Look(strata, outside, np.flatnonzero(chosen))  # in the pool's order: what is read of them lies together

    def pictures(self, recipe: Recipe, rows: NDArray[np.int64]) -> dict[str, Any]:
        """Return what charts show of the pool and of some of its records, as `evenly.flow.pictures.take_pictures` does.

        Each record counts once.
        """
        key = recipe.balance.label, category_column(recipe)
        frame = self.columns(pictured_columns(recipe))
        summary = self._memo("summary", key, lambda: describe(frame, recipe))
        edges = self._memo("edges", key, lambda: edges_of(summary))
        where = self._memo("placed", key, lambda: placed(frame, recipe, edges))
        before = self._memo("before", key, lambda: count(where))
        return told(edges, {"before": before, "after": count(where, rows)})

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of all records that are not held out.

        Raises:
            UserError: for a column that the pool does not hold.
        """
        missing = [name for name in dict.fromkeys(names) if name not in self.frame.columns]
        there = [*self.pool.columns(), *([COUNTED] if self._recipe.tokenizer is not None else [])]
        for name in missing:
            if name not in there:
                own = [one for one in there if not one.startswith("__")]
                message = f"recipe.balance: the curated pool has no column '{name}'.{did_you_mean(name, own)}"
                raise UserError(message + choices_line("columns", own))
        if missing:
            self.frame = self.frame.hstack(self._read(missing))
        return self.frame.select(list(dict.fromkeys(names)))

    def _read(self, names: list[str]) -> pl.DataFrame:
        frame = thin_frame(self.pool, list(self._parts), self._recipe, names).select(names)
        return frame if self._present is None else frame.filter(self._present)

    def _memo(self, name: str, key: object, make: Callable[[], Made]) -> Made:
        """Return what was made for this key, or make it."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            self._kept[name] = kept = (key, make())
        return cast("Made", kept[1])

    def _ground(self, recipe: Recipe) -> _Ground:
        density = ["weight"] if isinstance(recipe.balance.weight, InverseDensity) else []
        name = _told(recipe, "strata", "filter", "stats", "target", "marginals", *density)
        return self._memo("ground", name, lambda: self._make_ground(recipe, name))

    def _make_ground(self, recipe: Recipe, name: str) -> _Ground:
        balance = recipe.balance
        axes, surveyed = [stratum.column for stratum in balance.strata], surveyed_columns(balance)
        frame = self.columns([ID, *axes, *surveyed, *filter_columns(balance)])
        inside = balanced(frame, balance)
        counts = merge_counts([count_values(frame if inside is None else frame.filter(inside), surveyed)])
        facts = facts_of(balance, counts)
        others = other_censuses(recipe, facts, self._engine, self._reporter)
        records = with_strata(frame, facts.axes, inside)
        census = take_census(records.with_columns(pl.lit(1.0).alias(WEIGHT)), axes)
        numbers = _numbered(records[STRATUM], census[STRATUM])
        return _Ground(name, facts, others, records.select(ID, STRATUM), census, numbers)

    def _cells(self, recipe: Recipe, ground: _Ground) -> tuple[Cells, NDArray[np.float64] | None]:
        """Return the records by cell, and the weight of each kind; None where weights are in the base keys."""
        weight = recipe.balance.weight
        if weight is None or isinstance(weight, WeightTable):
            base = self._memo("exponential", recipe.seed, lambda: self._exponential(recipe.seed))
            order = self._memo("order", recipe.seed, lambda: in_order(base, self.frame[ID]))
            if weight is None:
                alike = np.zeros(base.size, np.int64)
                key = (ground.name, recipe.seed, None)
                return self._memo("cells", key, lambda: arrange(ground.stratum, alike, base, order)), np.ones(1)
            kinds = self._memo("kinds", weight.column, lambda: self._kinds(weight.column))
            key = (ground.name, recipe.seed, weight.column)
            cells = self._memo("cells", key, lambda: arrange(ground.stratum, kinds.numbers, base, order))
            return cells, table_weights(kinds.values, weight).to_numpy()
        key = (ground.name, recipe.seed, _told(recipe, "weight"))
        return self._memo("cells", key, lambda: self._keyed_cells(recipe, ground)), None

    def _keyed_cells(self, recipe: Recipe, ground: _Ground) -> Cells:
        """Return the records by stratum, where each one has a weight of its own."""
        base = self._keyed(recipe, ground)[KEY].to_numpy()
        return arrange(ground.stratum, np.zeros(base.size, np.int64), base, in_order(base, self.frame[ID]))

    def _keyed(self, recipe: Recipe, ground: _Ground) -> pl.DataFrame:
        frame = self.columns(weight_columns(recipe))
        return with_keys(ground.placed.hstack(frame), recipe, ground.facts)

    def _census(self, recipe: Recipe, ground: _Ground) -> pl.DataFrame:
        """Return the census of weights of their own."""

        def make() -> pl.DataFrame:
            weights = self._keyed(recipe, ground).select(STRATUM, WEIGHT)
            counted = take_census(weights, []).drop("rows")
            return ground.census.drop("eligible", "weight_min", "weight_max").join(counted, on=STRATUM, how="left")

        key = (ground.name, _told(recipe, "weight"))
        return self._memo("census", key, lambda: make().select(ground.census.columns))

    def _exponential(self, seed: int) -> NDArray[np.float64]:
        return self.frame.select(exponential(seed)).to_series().to_numpy()

    def _kinds(self, column: str) -> _Kinds:
        values = self.columns([column])[column]
        distinct = values.unique().sort(nulls_last=True)
        named = distinct.drop_nulls()
        numbers = values.replace_strict(named, np.arange(len(named)), default=len(named), return_dtype=pl.Int64)
        return _Kinds(distinct, numbers.to_numpy())

    def _taken(self, strata: pl.DataFrame, cells: Cells, weights: NDArray[np.float64]) -> Cut:
        return cut(cells, strata["quota"].to_numpy(), weights, self.frame[ID])

    def _within(
        self,
        budget: int,
        recipe: Recipe,
        census: pl.DataFrame,
        ground: _Ground,
        cost: Callable[[pl.DataFrame], int],
    ) -> pl.DataFrame:
        """Return the plan of the most rows that cost at most so many tokens, see `evenly.flow.budget`."""
        if recipe.balance.policy == "rake":
            message = "recipe.balance.size: under rake a size in tokens is found by a run alone. Give it in rows here."
            raise UserError(message)

        def plan(size: int) -> pl.DataFrame:
            return with_quotas(census, recipe, ground.facts, ground.others, size)

        def cost_of(size: int) -> int | None:
            try:
                return cost(plan(size))
            except AllocationError:
                return None

        least, most = possible_sizes(census, recipe, ground.facts, ground.others)
        if (spent := cost_of(least)) is None or spent > budget:
            raise AllocationError(too_little(budget, least))
        return plan(largest(budget, least, most, cost_of))

    def _cost(self, ground: _Ground, cells: Cells, taken: Callable[[pl.DataFrame], Cut], strata: pl.DataFrame) -> int:
        """Return the tokens of what a plan selects, repetitions included."""
        tokens = self.columns([TOKENS])[TOKENS].to_numpy()
        quota, repeated = strata["quota"], strata["repeated"]
        selected = cells.rows[taken(strata).places(cells)]
        if not repeated.sum():
            return int(tokens[selected].sum(dtype=np.int64))
        again = cells.rows[taken(strata.with_columns(quota=repeated % quota)).places(cells)]
        times = 1 + (repeated // quota).fill_null(0).to_numpy()
        return int((tokens[selected] * times[ground.stratum[selected]]).sum() + tokens[again].sum(dtype=np.int64))


def _numbered(strata: pl.Series, names: pl.Series) -> NDArray[np.int64]:
    """Return the number of each record's stratum among some names, -1 for none; names are compared once each."""
    codes = names.cast(pl.Categorical).to_physical().to_numpy()
    numbers = np.full(int(codes.max(initial=0)) + 1, -1)
    numbers[codes] = np.arange(codes.size)
    own = strata.to_physical()
    return np.where(own.is_null().to_numpy(), -1, numbers[own.fill_null(0).to_numpy()])


def _weighed(census: pl.DataFrame, cells: Cells, weights: NDArray[np.float64]) -> pl.DataFrame:
    """Return a census with what can be drawn under some weights of kinds."""
    weight, strata = weights[cells.kind], census.height
    drawn = weight > 0
    low, high = np.full(strata, np.inf), np.full(strata, -np.inf)
    np.minimum.at(low, cells.stratum[drawn], weight[drawn])
    np.maximum.at(high, cells.stratum[drawn], weight[drawn])
    none = np.isinf(low)
    return census.with_columns(
        pl.Series("eligible", cells.totals(np.where(drawn, cells.sizes, 0), strata), dtype=pl.UInt64),
        pl.Series("weight_min", np.where(none, np.nan, low), nan_to_null=True),
        pl.Series("weight_max", np.where(none, np.nan, high), nan_to_null=True),
    )


def _told(recipe: Recipe, *keys: str) -> str:
    """Return some keys of the balance as text."""
    return json.dumps(recipe.balance.model_dump(mode="json", include=set(keys)), sort_keys=True)
