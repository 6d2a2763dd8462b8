"""The selection against the design that it claims to be: every subset's exact probability, and totals over seeds.

Seeds are what a user changes, so they are what varies here: 50,000 of them (200,000 in the long form) for populations
that are small enough to be enumerated, 1,000 for totals.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from evenly.core.hashing import hashed, uniform
from evenly.core.select import select
from evenly.core.weights import with_keys
from evenly.recipe.model import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.statistical

SEEDS = 50_000
MANY_SEEDS = 200_000
CHUNK = 10_000
SIGMAS = 4.5
"""About one in 150,000 correct frequencies would fall outside; some eighty are compared."""

POPULATIONS: dict[str, tuple[list[float], int]] = {
    "two of three": ([1.0, 5.0, 2.0], 2),
    "one of four": ([1.0, 1.0, 5.0, 0.5], 1),
    "three of five": ([1.0, 5.0, 5.0, 1.0, 0.2], 3),
    "four of six": ([3.0, 1.0, 1.0, 8.0, 2.0, 1.0], 4),
    "half of six, alike": ([2.0] * 6, 3),
}


def exact(weights: Sequence[float], number: int) -> dict[tuple[int, ...], float]:
    """Return the probability of each subset under successive sampling: draw by weight, one after the other."""
    found: Counter[tuple[int, ...]] = Counter()
    for order in permutations(range(len(weights)), number):
        left, chance = sum(weights), 1.0
        for place in order:
            chance *= weights[place] / left
            left -= weights[place]
        found[tuple(sorted(order))] += chance  # pyright: ignore[reportArgumentType] - a counter of probabilities
    return dict(found)


def records() -> pl.DataFrame:
    rows = [
        (f"{name}/{place}", name, place, weight)
        for name, (weights, _) in POPULATIONS.items()
        for place, weight in enumerate(weights)
    ]
    return pl.DataFrame(rows, ["__id__", "population", "place", "__weight__"], orient="row")


def key(seed: int) -> pl.Expr:
    """Return a record's key under a seed, as `evenly.core.weights` makes it."""
    return (-(-uniform(hashed("__id__", "select", seed))).log1p() / pl.col("__weight__")).alias(str(seed))


def under_seeds(frame: pl.DataFrame, seeds: range) -> Iterator[pl.DataFrame]:
    """Yield the records once for every seed, with `seed` and `__key__`, some seeds at a time."""
    for start in range(seeds.start, seeds.stop, CHUNK):
        some = range(start, min(start + CHUNK, seeds.stop))
        wide = [frame.select(key(seed) for seed in some[part : part + 1000]) for part in range(0, len(some), 1000)]
        keys = pl.concat(wide, how="horizontal")
        yield pl.concat([frame, keys], how="horizontal").unpivot(
            index=frame.columns, variable_name="seed", value_name="__key__"
        )


def test_the_keys_compared_here_are_those_of_a_recipe() -> None:
    frame = records()
    source = {"name": "s", "files": "x", "id": "id"}
    for seed in (0, 42, 199_999):
        balance = {"strata": [{"column": "population"}], "cap": 1, "weight": "__w"}
        recipe = Recipe.from_dict(
            {"name": "r", "seed": seed, "sources": [source], "template": {"prompt": "{place}"}, "balance": balance}
        )
        keyed = with_keys(frame.with_columns(__w=pl.col("__weight__"), __stratum__=pl.col("population")), recipe)
        assert keyed["__key__"].to_list() == frame.select(key(seed)).to_series().to_list()


@pytest.mark.parametrize("seeds", [SEEDS, pytest.param(MANY_SEEDS, marks=pytest.mark.soak)])
def test_every_subset_comes_as_often_as_successive_sampling_draws_it(seeds: int) -> None:
    quotas = {name: number for name, (_, number) in POPULATIONS.items()}
    seen: Counter[tuple[str, tuple[int, ...]]] = Counter()
    for some in under_seeds(records(), range(seeds)):
        ledger = some.with_columns(pl.format("{} {}", "population", "seed").alias("__stratum__"))
        plan = (
            ledger.group_by("__stratum__", "population")
            .agg(eligible=pl.len(), weight_min=pl.col("__weight__").min(), weight_max=pl.col("__weight__").max())
            .with_columns(
                quota=pl.col("population").replace_strict(quotas, return_dtype=pl.Int64), repeated=pl.lit(0, pl.Int64)
            )
        )
        drawn = select(ledger, plan).group_by("__stratum__", "population").agg(pl.col("place").sort())
        assert drawn.height == ledger["__stratum__"].n_unique()
        subsets = drawn.group_by("population", "place").len()
        for name, places, rows in subsets.iter_rows():
            seen[name, tuple(places)] += rows
    for name, (weights, number) in POPULATIONS.items():
        expected = exact(weights, number)
        assert math.fsum(expected.values()) == pytest.approx(1)
        for subset in combinations(range(len(weights)), number):
            chance = expected[subset]
            error = math.sqrt(chance * (1 - chance) / seeds)
            assert abs(seen[name, subset] / seeds - chance) < SIGMAS * error, (name, subset)


def test_totals_over_a_thousand_seeds_are_those_of_the_population() -> None:
    chance = np.random.default_rng(5)
    weights = np.where(np.arange(400) < 160, 5.0, 1.0)
    values = chance.lognormal(1, 0.6, 400) * np.where(weights > 1, 2, 1)
    frame = pl.DataFrame({"__id__": [f"r{place}" for place in range(400)], "__weight__": weights, "value": values})
    estimates: list[tuple[float, float]] = []
    for some in under_seeds(frame, range(1_000)):
        ledger = some.with_columns(__stratum__=pl.col("seed"))
        plan = pl.DataFrame({"__stratum__": ledger["seed"].unique()}).with_columns(
            quota=pl.lit(150, dtype=pl.Int64),
            repeated=pl.lit(0),
            eligible=pl.lit(400),
            weight_min=pl.lit(1.0),
            weight_max=pl.lit(5.0),
        )
        selected = select(ledger, plan)
        sums = selected.group_by("seed").agg(
            rows=(1 / pl.col("__pi__")).sum(), value=(pl.col("value") / pl.col("__pi__")).sum()
        )
        estimates += sums.select("rows", "value").rows()
    for found, truth in zip(np.array(estimates).T, (400.0, float(values.sum())), strict=True):
        error = found.std(ddof=1) / math.sqrt(found.size)
        assert found.size == 1_000
        assert error / truth < 0.005  # a bias of two points is four standard errors
        assert abs(found.mean() - truth) < SIGMAS * error
