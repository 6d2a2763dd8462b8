"""What the whole pool says before anything is counted: quantiles, small categories, named numbers, rare values.

A survey counts the distinct values of the columns that these look at; counts add up, in any order. What is made of them
is exact: no sketch, and sums that no order of floats can change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenly.columns import KEEP
from evenly.core.axes import FARTHEST, Axis, quantile_edges
from evenly.errors import DataError
from evenly.recipe.balance import InverseDensity
from evenly.recipe.expression import parse_expression, to_polars
from evenly.recipe.statistic import statistic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.recipe.balance import Balance, Stratum

Counts = dict[str, pl.DataFrame]
"""Column -> its distinct values (`value`) and how many records have each (`rows`, UInt64)."""


@dataclass(frozen=True)
class Facts:
    """What the balance knows of the whole pool.

    Attributes:
        axes: the strata's axes.
        stats: the recipe's named numbers.
        density: of an inverse-density weight: interval's number -> records.
    """

    axes: tuple[Axis, ...]
    stats: Mapping[str, float] = field(default_factory=dict[str, float])
    density: Mapping[int, int] = field(default_factory=dict[int, int])


def surveyed_columns(balance: Balance) -> list[str]:
    """Return the columns whose values a survey has to count, sorted; none for most recipes."""
    named = {stratum.column for stratum in balance.strata if stratum.kind in {"quantile", "other_below"}}
    named |= {column for _, column, _ in map(statistic, balance.stats.values())}
    if isinstance(balance.weight, InverseDensity):
        named.add(balance.weight.inverse_density.column)
    return sorted(named)


def count_values(frame: pl.DataFrame, columns: Sequence[str]) -> Counts:
    """Count the distinct values of some columns, nulls and NaN left out."""
    return {column: _counted(frame[column]) for column in columns}


def _counted(values: pl.Series) -> pl.DataFrame:
    values = values.drop_nulls().alias("value")
    if values.dtype.is_float():
        values = values.filter(values.is_finite())
    return values.to_frame().group_by("value").agg(pl.len().cast(pl.UInt64).alias("rows"))


def merge_counts(counts: Sequence[Counts]) -> Counts:
    """Add counts of disjoint records; values are sorted."""
    return {
        column: pl.concat([one[column] for one in counts], how="vertical_relaxed")
        .group_by("value")
        .agg(pl.col("rows").sum())
        .sort("value")
        for column in counts[0]
    }


def facts_of(balance: Balance, counts: Counts) -> Facts:
    """Return what a recipe's balance knows of a pool, from the counts of its `surveyed_columns`.

    Raises:
        DataError: for a number over a column that has no numbers.
    """
    stats = {name: _value(name, text, counts) for name, text in balance.stats.items()}
    density: dict[int, int] = {}
    if isinstance(balance.weight, InverseDensity):
        rare = balance.weight.inverse_density
        table = counts[rare.column]
        places = interval_numbers(table["value"], rare.width).to_list()
        for place, rows in zip(places, table["rows"].to_list(), strict=True):
            density[place] = density.get(place, 0) + rows
    return Facts(tuple(_axis(stratum, counts) for stratum in balance.strata), stats, density)


def balanced(frame: pl.DataFrame, balance: Balance) -> pl.Series | None:
    """Return which records the recipe's `balance.filter` lets into strata, Boolean; None where it has none."""
    if balance.filter is None:
        return None
    answer = to_polars(parse_expression(balance.filter, "boolean")).fill_null(value=False)
    return frame.with_columns(answer.alias(KEEP))[KEEP]  # with_columns: an answer without a column is one


def filter_columns(balance: Balance) -> list[str]:
    """Return the columns that `balance.filter` looks at."""
    return [] if balance.filter is None else list(parse_expression(balance.filter, "boolean").columns)


def plain_axes(strata: Sequence[Stratum]) -> tuple[Axis, ...]:
    """Return the axes of strata that need no survey."""
    return tuple(_axis(stratum, {}) for stratum in strata)


def interval_numbers(values: pl.Series, width: float) -> pl.Series:
    """Return the number of the interval of some width that each value lies in, Int64; null for a null.

    Values so large that doubles tell no interval from the next share the last one.
    """
    # numpy divides; Polars multiplies by the reciprocal, and a value could land in the interval beside its own.
    with np.errstate(over="ignore"):
        places = np.clip(np.floor(values.cast(pl.Float64).to_numpy() / width), -FARTHEST, FARTHEST)
    return pl.Series(values.name, places, nan_to_null=True).cast(pl.Int64)


def _axis(stratum: Stratum, counts: Counts) -> Axis:
    if stratum.edges is not None:
        return Axis(stratum, edges=tuple(stratum.edges))
    if stratum.quantile is not None:
        table = counts[stratum.column]
        inside = pl.lit(value=True)
        if stratum.min is not None:
            inside &= pl.col("value") >= stratum.min
        if stratum.max is not None:
            inside &= pl.col("value") <= stratum.max
        table = table.filter(inside)
        return Axis(stratum, edges=quantile_edges(table["value"], table["rows"], stratum.quantile))
    if stratum.other_below is not None:
        table = counts[stratum.column]
        floor, total = stratum.other_below, int(table["rows"].sum())
        # A share is divided, not multiplied: 7 of 100 is 0.07, and 0.07 of 100 is a little more than 7.
        enough = [
            rows / total >= floor if isinstance(floor, float) else rows >= floor for rows in table["rows"].to_list()
        ]
        large = table["value"].filter(pl.Series(enough, dtype=pl.Boolean)).cast(pl.String)
        return Axis(stratum, kept=frozenset(large.to_list()))
    return Axis(stratum)


def _value(name: str, text: str, counts: Counts) -> float:
    """Return a named number, exactly: sums of value x rows that are rounded once, in the values' order."""
    function, column, share = statistic(text)
    table = counts[column]
    rows = table["rows"].to_list()
    total = sum(rows)
    if function == "count":
        return float(total)
    if not table["value"].dtype.is_numeric() or not total:
        message = (
            f"recipe.balance.stats.{name}: '{column}' has no numbers. Put `- number: {{column: {column}}}` into curate."
        )
        raise DataError(message)
    values: list[float] = table["value"].cast(pl.Float64).to_list()
    mean = math.fsum(value * number for value, number in zip(values, rows, strict=True)) / total
    squares = math.fsum((value - mean) ** 2 * number for value, number in zip(values, rows, strict=True))
    made = {
        "min": values[0],
        "max": values[-1],
        "sum": math.fsum(value * number for value, number in zip(values, rows, strict=True)),
        "mean": mean,
        "std": math.sqrt(squares / total),
    }
    return made[function] if function in made else _quantile(values, rows, 0.5 if share is None else share)


def _quantile(values: list[float], rows: list[int], share: float) -> float:
    """Return the smallest value below or at which at least that share of the records lies."""
    wanted, seen = share * sum(rows), 0
    for value, number in zip(values, rows, strict=True):
        seen += number
        if seen >= wanted:
            return value
    return values[-1]
