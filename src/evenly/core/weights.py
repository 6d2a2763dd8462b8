"""Each record's relative weight within its stratum, and the key that decides whether it is selected."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import ID, KEY, STRATUM, WEIGHT
from evenly.core.hashing import hashed, uniform
from evenly.core.survey import interval_numbers
from evenly.errors import DataError
from evenly.recipe.balance import InverseDensity, WeightTable
from evenly.recipe.expression import parse_expression, to_polars

if TYPE_CHECKING:
    from evenly.core.survey import Facts
    from evenly.recipe.balance import Density
    from evenly.recipe.model import Recipe


def with_weights(frame: pl.DataFrame, recipe: Recipe, facts: Facts | None = None) -> pl.DataFrame:
    """Return `frame` with `__weight__` (Float64).

    Raises:
        DataError: for a weight that is negative, null or not finite, naming one record where the frame has ids.
    """
    weighted = frame.with_columns(_weight(recipe, frame, facts).alias(WEIGHT))
    _refuse_bad(weighted)
    return weighted


def with_keys(frame: pl.DataFrame, recipe: Recipe, facts: Facts | None = None) -> pl.DataFrame:
    """Return `frame` with `__weight__` and `__key__` (Float64).

    key = -log1p(-u) / weight with u from h('select', seed, id): the n smallest keys of a stratum are a successive
    weighted sample without replacement (Efraimidis and Spirakis, 2006). Weight 0 gives an infinite key: never selected.

    Raises:
        DataError: for a weight that is negative, null or not finite, naming one record.
    """
    weighted = with_weights(frame, recipe, facts)
    # A weight of 1e-308 would give an infinite key too, and its record was counted as one that can be drawn.
    drawn = pl.min_horizontal(exponential(recipe.seed) / pl.col(WEIGHT), pl.lit(sys.float_info.max))
    key = pl.when(pl.col(WEIGHT) > 0).then(drawn).otherwise(float("inf"))
    return weighted.with_columns(key.alias(KEY))


def exponential(seed: int) -> pl.Expr:
    """Return the key of a record of weight 1, Float64: -log1p(-u) with u from h('select', seed, id)."""
    return -(-uniform(hashed(ID, "select", seed))).log1p()


def weight_columns(recipe: Recipe) -> list[str]:
    """Return the columns that the weight looks at, sorted."""
    weight = recipe.balance.weight
    if weight is None:
        return []
    if isinstance(weight, WeightTable):
        return [weight.column]
    if isinstance(weight, InverseDensity):
        return [weight.inverse_density.column]
    return sorted(set(parse_expression(weight, "number").columns) - set(recipe.balance.stats))


def _weight(recipe: Recipe, frame: pl.DataFrame, facts: Facts | None) -> pl.Series | pl.Expr:
    weight = recipe.balance.weight
    if weight is None:
        return pl.lit(1.0)
    if isinstance(weight, InverseDensity):
        return _inverse_density(weight.inverse_density, frame, facts)
    if isinstance(weight, WeightTable):
        return table_weights(frame[weight.column], weight)
    stats = [] if facts is None else list(facts.stats.items())
    known = frame.with_columns(pl.lit(value).alias(name) for name, value in stats)
    return known.with_columns(to_polars(parse_expression(weight, "number")).cast(pl.Float64).alias(WEIGHT))[WEIGHT]


def table_weights(column: pl.Series, table: WeightTable) -> pl.Series:
    """Return the weights that a table gives to values by their text; there are few distinct ones."""
    if column.dtype == pl.String:
        return column.replace_strict(table.values, default=table.default, return_dtype=pl.Float64)
    distinct = column.unique()
    shown, values = distinct.cast(pl.String), table.values
    if column.dtype.is_float():  # a whole number shows as `5` in text, as in expressions
        shown = shown.str.strip_suffix(".0")
        values = {text.removesuffix(".0"): one for text, one in values.items()}
    weights = shown.replace_strict(values, default=table.default, return_dtype=pl.Float64)
    return column.replace_strict(distinct, weights, return_dtype=pl.Float64)


def _inverse_density(rare: Density, frame: pl.DataFrame, facts: Facts | None) -> pl.Series:
    """Return 1 / records in the value's interval, to the power alpha; null for a null."""
    place = interval_numbers(frame[rare.column], rare.width)
    rows = [] if facts is None else list(facts.density.items())
    weights = {number: float(count) ** -rare.alpha for number, count in rows}
    return place.replace_strict(weights, default=None, return_dtype=pl.Float64)


def _refuse_bad(frame: pl.DataFrame) -> None:
    """Refuse a weight that is no weight. Only records in a stratum count: the others are never drawn."""
    weight = pl.col(WEIGHT)
    bad = frame.filter(pl.col(STRATUM).is_not_null() & ~(weight.is_finite() & (weight >= 0)).fill_null(value=False))
    if bad.height:
        first = bad.sort(ID if ID in bad.columns else WEIGHT).row(0, named=True)
        named = f"record '{first[ID]}'" if ID in bad.columns else "a record"
        message = (
            f"recipe.balance.weight: {named} has the weight {first[WEIGHT]}, "
            "expected a finite number of at least 0 for every record. Use coalesce(…, 1), or filter in curate."
        )
        raise DataError(message)
