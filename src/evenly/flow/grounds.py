"""What a recipe's filter, strata and weights make of a pool that is held in memory; kept until one of them changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenly.columns import ID, KEY, STRATUM, WEIGHT
from evenly.core.cells import arrange, in_order
from evenly.core.census import take_census
from evenly.core.strata import with_strata
from evenly.core.survey import balanced, count_values, facts_of, filter_columns, merge_counts, surveyed_columns
from evenly.core.weights import exponential, table_weights, weight_columns, with_keys
from evenly.flow.others import other_censuses
from evenly.recipe.balance import InverseDensity, WeightTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from evenly.core.cells import Cells
    from evenly.core.survey import Facts
    from evenly.flow.held import Held
    from evenly.recipe.model import Recipe


@dataclass(frozen=True)
class Ground:
    """What filter and strata make of the records.

    Attributes:
        name: what it depends on.
        placed: the records with `__stratum__`.
        census: with every weight 1.
        stratum: Int64 [records]: the number of each one's stratum in the census; -1 outside.
        outside: records that are in no stratum.
    """

    name: str
    facts: Facts
    others: Mapping[str, pl.DataFrame]
    placed: pl.DataFrame
    census: pl.DataFrame
    stratum: NDArray[np.int64]
    outside: int


@dataclass(frozen=True)
class Kinds:
    """What weights go by: the distinct values of a column, and the number of each record's, Int64 [records]."""

    values: pl.Series
    numbers: NDArray[np.int64]


@dataclass(frozen=True)
class Drawing:
    """Records as they are drawn from: by cell, with the weight of each kind of cell, and their census."""

    cells: Cells
    weights: NDArray[np.float64]
    census: pl.DataFrame


def ground_of(held: Held, recipe: Recipe) -> Ground:
    """Return the ground of a recipe.

    Raises:
        UserError: for a column that the pool does not hold.
        DataError: for a column that strata can't be made of.
    """
    density = ["weight"] if isinstance(recipe.balance.weight, InverseDensity) else []
    name = _told(recipe, "strata", "filter", "stats", "target", "marginals", *density)
    return held.memo("ground", name, lambda: _make_ground(held, recipe, name))


def _make_ground(held: Held, recipe: Recipe, name: str) -> Ground:
    balance = recipe.balance
    axes, surveyed = [stratum.column for stratum in balance.strata], surveyed_columns(balance)
    frame = held.columns([ID, *axes, *surveyed, *filter_columns(balance)])
    inside = balanced(frame, balance)
    counts = merge_counts([count_values(frame if inside is None else frame.filter(inside), surveyed)])
    facts = facts_of(balance, counts)
    others = other_censuses(recipe, facts, held.engine, held.reporter)
    records = with_strata(frame, facts.axes, inside)
    census = take_census(records.with_columns(pl.lit(1.0).alias(WEIGHT)), axes)
    numbers = _numbered(records[STRATUM], census[STRATUM])
    outside = int((numbers < 0).sum())
    return Ground(name, facts, others, records.select(ID, STRATUM), census, numbers, outside)


def drawing_of(held: Held, recipe: Recipe, ground: Ground) -> Drawing:
    """Return how a recipe draws from its ground.

    Raises:
        DataError: for a bad weight.
    """
    weight = recipe.balance.weight
    if weight is None:
        cells = cells_by(held, recipe.seed, ground, None)
        return Drawing(cells, np.ones(1), ground.census)
    if isinstance(weight, WeightTable):
        cells = cells_by(held, recipe.seed, ground, weight.column)
        weights = table_weights(kinds_of(held, weight.column).values, weight).to_numpy()
        return Drawing(cells, weights, _weighed(ground.census, cells, weights))
    key = (ground.name, recipe.seed, _told(recipe, "weight"))
    cells = held.memo("cells", key, lambda: _keyed_cells(held, recipe, ground))
    return Drawing(cells, np.ones(1), _census(held, recipe, ground))


def base_keys(held: Held, seed: int) -> NDArray[np.float64]:
    """Return the keys that records have under the weight 1."""
    return held.memo("exponential", seed, lambda: held.frame.select(exponential(seed)).to_series().to_numpy())


def kinds_of(held: Held, column: str) -> Kinds:
    """Return the distinct values of a column, nulls last."""
    return held.memo("kinds", column, lambda: _make_kinds(held.columns([column])[column]))


def cells_by(held: Held, seed: int, ground: Ground, column: str | None) -> Cells:
    """Return the records by stratum and value of a column; their weights are not in the base keys."""

    def make() -> Cells:
        base = base_keys(held, seed)
        order = held.memo("order", seed, lambda: in_order(base, held.frame[ID]))
        kinds = np.zeros(base.size, np.int64) if column is None else kinds_of(held, column).numbers
        return arrange(ground.stratum, kinds, base, order)

    return held.memo("cells", (ground.name, seed, column), make)


def _make_kinds(values: pl.Series) -> Kinds:
    distinct = values.unique().sort(nulls_last=True)
    named = distinct.drop_nulls()
    numbers = values.replace_strict(named, np.arange(len(named)), default=len(named), return_dtype=pl.Int64)
    return Kinds(distinct, numbers.to_numpy())


def _keyed_cells(held: Held, recipe: Recipe, ground: Ground) -> Cells:
    """Return the records by stratum, where each one has a weight of its own."""
    base = _keyed(held, recipe, ground)[KEY].to_numpy()
    return arrange(ground.stratum, np.zeros(base.size, np.int64), base, in_order(base, held.frame[ID]))


def _keyed(held: Held, recipe: Recipe, ground: Ground) -> pl.DataFrame:
    frame = held.columns(weight_columns(recipe))
    return with_keys(ground.placed.hstack(frame), recipe, ground.facts)


def _census(held: Held, recipe: Recipe, ground: Ground) -> pl.DataFrame:
    """Return the census of weights of their own."""

    def make() -> pl.DataFrame:
        weights = _keyed(held, recipe, ground).select(STRATUM, WEIGHT)
        counted = take_census(weights, []).drop("rows")
        return ground.census.drop("eligible", "weight_min", "weight_max").join(counted, on=STRATUM, how="left")

    key = (ground.name, _told(recipe, "weight"))
    return held.memo("census", key, lambda: make().select(ground.census.columns))


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
