"""The selection against numpy's weighted choice without replacement, and its weights against the totals they estimate.

A replicate is a stratum: the same records under other ids, so that hundreds of draws are one frame. Ids are fixed and
numpy is seeded, so that a test gives one answer for ever; each says how far chance could have taken it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from evenly.core.census import take_census
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, select
from evenly.core.split import split_sizes
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.core.weights import with_keys
from evenly.recipe.model import Recipe

from ..whole import split as split_of  # noqa: TID252 - the tests are no package to name
from ..whole import weighted as with_weights  # noqa: TID252

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.statistical

SIGMAS = 4.0
"""About one in 16,000 correct selections would fall outside; some forty are compared here."""


@dataclass(frozen=True)
class Population:
    """The records of a stratum, by their place: weights, of which `heavy` are 5 and the others 1, and a value each."""

    weights: NDArray[np.float64]
    values: NDArray[np.float64]

    @property
    def size(self) -> int:
        """Records."""
        return self.weights.size


def population(size: int, heavy: float) -> Population:
    """Return `size` records; those of weight 5 are worth more on average, so that ignoring weights would show."""
    chance = np.random.default_rng(size)
    weights = np.where(np.arange(size) < round(size * heavy), 5.0, 1.0)
    return Population(weights, chance.lognormal(1.0, 0.6, size) * np.where(weights > 1, 2.0, 1.0))


def recipe(cap: int, seed: int = 42) -> Recipe:
    balance: dict[str, Any] = {"strata": [{"column": "slot"}], "weight": "w", "cap": cap}
    source = {"name": "shop", "files": "x.jsonl", "id": "id"}
    return Recipe.from_dict(
        {"name": "r", "seed": seed, "sources": [source], "template": {"prompt": "{slot}"}, "balance": balance}
    )


def draw(of: Population, cap: int, replicates: int, seed: int = 42) -> pl.DataFrame:
    """Return the selected rows of `replicates` strata, with their place in the population and their value."""
    frame = pl.DataFrame(
        {
            "slot": np.repeat(np.arange(replicates), of.size),
            "place": np.tile(np.arange(of.size), replicates),
            "w": np.tile(of.weights, replicates),
            "value": np.tile(of.values, replicates),
        }
    ).with_columns(pl.format("replicate {} item {}", "slot", "place").alias("__id__"))
    wanted = recipe(cap, seed)
    keyed = with_keys(with_strata(frame, plain_axes(wanted.balance.strata)), wanted)
    plan = with_quotas(take_census(keyed, [axis.column for axis in wanted.balance.strata]), wanted)
    ledger = keyed.select("__id__", "__stratum__", "__weight__", "__key__", "slot", "place", "value")
    return select(candidates(ledger, plan), plan)


def z_score(estimates: NDArray[np.float64], truth: float) -> float:
    """Return by how many standard errors the mean of independent estimates misses the truth."""
    return float((estimates.mean() - truth) / (estimates.std(ddof=1) / math.sqrt(estimates.size)))


def relative_error(estimates: NDArray[np.float64], truth: float) -> float:
    """Return the standard error of the mean as a share of the truth: what a test with these estimates can see."""
    return float(estimates.std(ddof=1) / math.sqrt(estimates.size) / truth)


# Records, share of weight 5, cap, replicates.
CASES = [
    (50, 0.5, 20, 5_000),
    (50, 0.1, 40, 1_500),
    (600, 0.7, 200, 800),
    (1_000, 0.3, 120, 1_000),
    (5_000, 0.5, 1_200, 300),
]


@pytest.mark.parametrize(("size", "heavy", "cap", "replicates"), CASES)
def test_shares_of_the_heavy_are_numpys(size: int, heavy: float, cap: int, replicates: int) -> None:
    of = population(size, heavy)
    selected = draw(of, cap, replicates)
    ours = selected.group_by("slot").agg((pl.col("__weight__") > 1).mean().alias("share"))["share"].to_numpy()
    chance = np.random.default_rng(7)
    probabilities = of.weights / of.weights.sum()
    theirs = np.array(
        [(of.weights[chance.choice(size, cap, replace=False, p=probabilities)] > 1).mean() for _ in range(replicates)]
    )
    error = math.hypot(ours.std() / math.sqrt(replicates), theirs.std() / math.sqrt(replicates))
    assert error < 0.004  # so that a bias of two points is at least five standard errors
    assert abs(ours.mean() - theirs.mean()) < SIGMAS * error
    assert ours.std() == pytest.approx(theirs.std(), rel=0.25)  # 300 replicates know a deviation to 4 %


@pytest.mark.parametrize(("size", "heavy", "cap", "replicates"), CASES)
def test_weighted_totals_are_those_of_the_population(size: int, heavy: float, cap: int, replicates: int) -> None:
    of = population(size, heavy)
    selected = draw(of, cap, replicates)
    inverse = 1 / pl.col("__pi__")
    sums = selected.group_by("slot").agg(
        rows=inverse.sum(),
        heavy=(inverse * (pl.col("__weight__") > 1)).sum(),
        value=(inverse * pl.col("value")).sum(),
    )
    truths = {"rows": float(size), "heavy": float((of.weights > 1).sum()), "value": float(of.values.sum())}
    for name, truth in truths.items():
        estimates = sums[name].to_numpy()
        assert relative_error(estimates, truth) < 0.004, name  # a bias of two points is five standard errors
        assert abs(z_score(estimates, truth)) < SIGMAS, name
    # without the weights the heavy would be over-counted: what the test is there to see
    plain = selected.group_by("slot").agg((size / cap * (pl.col("__weight__") > 1)).sum().alias("heavy"))
    assert abs(z_score(plain["heavy"].to_numpy(), truths["heavy"])) > 3 * SIGMAS


def test_each_split_estimates_the_totals_too() -> None:
    of = population(400, 0.4)
    selected = draw(of, 150, 1_000)
    parts = split_of(selected, split_sizes({"train": 0.6, "validation": 0.3}, selected.height))
    weighted = with_weights(parts)
    estimated = pl.col("__design_weight__") * pl.col("value")
    sums = weighted.group_by("slot", "__split__").agg(rows=pl.col("__design_weight__").sum(), value=estimated.sum())
    for name in ("train", "validation"):
        estimates = sums.filter(pl.col("__split__") == name)
        assert estimates.height == 1_000  # every stratum has rows of the split
        for column, truth in (("rows", 400.0), ("value", float(of.values.sum()))):
            found = estimates[column].to_numpy()
            assert relative_error(found, truth) < 0.01, (name, column)
            assert abs(z_score(found, truth)) < SIGMAS, (name, column)


def test_equal_weights_select_every_record_equally_often() -> None:
    # 60 of 150, 2,000 times: each record 800 times, standard deviation 22; chi-square of 149 degrees of freedom
    # (scaled, since a draw without replacement varies less), mean 149, standard deviation 17
    flat = Population(np.full(150, 2.0), np.ones(150))
    selected = draw(flat, 60, 2_000)
    assert (selected["__pi__"] == 60 / 150).all()
    counts = selected["place"].value_counts()["count"].to_numpy()
    assert counts.size == 150
    statistic = ((counts - 800) ** 2).sum() / (2_000 * 0.4 * 0.6) * 149 / 150
    assert 149 - SIGMAS * 17.3 < statistic < 149 + SIGMAS * 17.3


def test_two_records_are_selected_together_as_often_as_by_chance() -> None:
    # 4 of 12, 20,000 times: a pair comes together with probability 4 * 3 / (12 * 11) = 1/11, 1,818 times,
    # standard deviation 41; 66 pairs
    selected = draw(Population(np.ones(12), np.ones(12)), 4, 20_000)
    members = np.zeros((20_000, 12))
    members[selected["slot"].to_numpy(), selected["place"].to_numpy()] = 1
    together = np.matmul(members.T, members)[np.triu_indices(12, 1)]
    expected, deviation = 20_000 / 11, math.sqrt(20_000 / 11 * 10 / 11)
    assert np.abs(together - expected).max() < 4.5 * deviation


def test_seeds_draw_anew() -> None:
    # the same strata under eight seeds: a record is taken 4 times of 10 each time, whatever it was before
    of = population(50, 1.0)
    flags = np.zeros((8, 100 * of.size))
    for seed in range(8):
        selected = draw(of, 20, 100, seed)
        flags[seed, selected["slot"].to_numpy() * of.size + selected["place"].to_numpy()] = 1
    # correlations over 5,000 records: standard deviation 0.014
    correlations: NDArray[np.float64] = np.asarray(np.corrcoef(flags))
    assert np.abs(correlations[np.triu_indices(8, 1)]).max() < 0.07


def test_the_split_does_not_look_at_what_selection_looked_at() -> None:
    # keys of the test rows against those of the others, by rank within the stratum: means of uniforms
    of = Population(np.ones(100), np.ones(100))
    selected = split_of(draw(of, 40, 200), {"train": 4_000, "test": 4_000})
    ranked = selected.with_columns(rank=(pl.col("__key__").rank().over("slot") - 0.5) / 40)
    means = ranked.group_by("__split__").agg(pl.col("rank").mean())
    # 4,000 uniforms: the mean has the standard deviation 0.289 / sqrt(4,000) = 0.0046
    assert all(abs(mean - 0.5) < SIGMAS * 0.0046 for mean in means["rank"])


def test_small_splits_are_spread_over_the_strata_as_the_selection_is() -> None:
    # 2,000 test rows of 300 strata with 40 selected rows each: hypergeometric, mean 6.67, variance 5.54
    of = Population(np.ones(60), np.ones(60))
    selected = split_of(draw(of, 40, 300), {"test": 2_000, "train": 10_000})
    tested = selected.group_by("slot").agg((pl.col("__split__") == "test").sum().alias("rows"))["rows"].to_numpy()
    assert tested.sum() == 2_000
    fraction = 2_000 / 12_000
    statistic = ((tested - 40 * fraction) ** 2).sum() / (40 * fraction * (1 - fraction))
    # about chi-square of 299 degrees of freedom: standard deviation 24.5
    assert abs(statistic - 299) < SIGMAS * 24.5
