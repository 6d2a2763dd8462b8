"""From a census to the plan: which strata are taken whole, and each one's quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import STRATUM
from evenly.core.allocate import POLICIES, Wish
from evenly.core.hashing import hashed
from evenly.core.strata import axis_name
from evenly.recipe.expression import parse_expression, to_polars

if TYPE_CHECKING:
    from evenly.recipe.model import Recipe


def with_quotas(census: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Return the census with `take_all` (Boolean), `quota` (Int64) and `bound` (String: what set the quota).

    `bound` is `take_all`, `cap` (more than the quota was there) or `capacity` (all that was there).

    Raises:
        AllocationError: when the wishes can't be met together.
    """
    policy = POLICIES[recipe.balance.policy]
    whole = _take_all(census, recipe)
    hashes = census.select(hashed(STRATUM, "allocate"))[STRATUM]
    wish = Wish(recipe.balance.cap, recipe.balance.size, whole.to_numpy())
    quotas = policy(census["eligible"].cast(pl.Int64).to_numpy(), hashes.to_numpy(), wish)
    bound = (
        pl.when(pl.col("take_all"))
        .then(pl.lit("take_all"))
        .when(pl.col("quota") < pl.col("eligible").cast(pl.Int64))
        .then(pl.lit("cap"))
        .otherwise(pl.lit("capacity"))
    )
    planned = census.with_columns(whole, pl.Series("quota", quotas, dtype=pl.Int64))
    return planned.with_columns(bound.alias("bound"), _no_variance().alias("no_variance"))


def _take_all(census: pl.DataFrame, recipe: Recipe) -> pl.Series:
    """Return which strata are taken whole; a null answer (SQL's unknown) takes nothing whole."""
    text = recipe.balance.take_all
    if text is None:
        return pl.Series("take_all", [False], dtype=pl.Boolean).new_from_index(0, census.height)
    values = census.select(pl.col(axis_name(axis)).alias(axis.column) for axis in recipe.balance.strata)
    answer = to_polars(parse_expression(text, "boolean")).fill_null(value=False)
    return values.with_columns(answer.alias("take_all"))["take_all"]  # with_columns: an answer without a column is one


def _no_variance() -> pl.Expr:
    """Return which strata select one of several records of unequal weight: they have no finite variance."""
    return (pl.col("quota") == 1) & (pl.col("weight_min") != pl.col("weight_max")) & (pl.col("eligible") > 1)
