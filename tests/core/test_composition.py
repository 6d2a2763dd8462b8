"""What a plan expects of its selection, against what is selected under many seeds."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from evenly.core.census import take_census
from evenly.core.composition import Expected, expect, merge_compositions, take_composition
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, select
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.core.weights import with_keys
from evenly.recipe.model import Recipe

SEEDS = 200


def pool() -> pl.DataFrame:
    chance = np.random.default_rng(2)
    rows = 3_000
    return pl.DataFrame(
        {
            "__id__": [f"r{number}" for number in range(rows)],
            "__tokens__": pl.Series(chance.integers(20, 200, rows), dtype=pl.UInt32),
            "slot": chance.choice(["a", "b", "c"], rows, p=[0.8, 0.15, 0.05]),
            "kind": chance.choice(["x", "y"], rows, p=[0.7, 0.3]),
            "price": chance.lognormal(3, 0.8, rows).round(2),
        }
    )


def recipe(seed: int, weight: str | None) -> Recipe:
    balance = {"label": "price", "strata": [{"column": "slot"}], "cap": 250}
    return Recipe.from_dict(
        {
            "name": "r",
            "seed": seed,
            "sources": [{"name": "s", "files": "x", "id": "id"}],
            "template": {"prompt": "{kind}"},
            "balance": {**balance, **({} if weight is None else {"weight": weight})},
        }
    )


def expected(weight: str | None, cuts: int = 1) -> tuple[Expected, list[pl.DataFrame]]:
    """Return what a plan expects, and what every seed selects."""
    frame = pool()
    drawn: list[pl.DataFrame] = []
    told: Expected | None = None
    for seed in range(SEEDS):
        wanted = recipe(seed, weight)
        keyed = with_keys(with_strata(frame, plain_axes(wanted.balance.strata)), wanted)
        plan = with_quotas(take_census(keyed, ["slot"]), wanted)
        if told is None:
            parts = [take_composition(keyed[place::cuts], "price", "kind") for place in range(cuts)]
            told = expect(merge_compositions(parts), plan, labelled=True, counted=True)
        drawn.append(select(candidates(keyed, plan), plan))
    assert told is not None
    return told, drawn


@pytest.mark.parametrize("weight", [None, "case when kind = 'y' then 5 else 1 end", "price"])
def test_what_is_expected_is_what_seeds_select_on_average(weight: str | None) -> None:
    told, drawn = expected(weight, cuts=3)
    means = np.array([rows["price"].mean() for rows in drawn], np.float64)
    assert told.label_mean is not None
    assert told.label_error is not None
    error = means.std(ddof=1) / math.sqrt(SEEDS)
    # to the first order: a half of a per cent for the conditional design besides chance
    assert abs(told.label_mean - means.mean()) < 4 * error + 0.005 * means.mean()
    assert told.label_error == pytest.approx(means.std(ddof=1), rel=0.2)
    share = np.array([(rows["kind"] == "y").sum() for rows in drawn], np.float64)
    assert told.categories["y"] == pytest.approx(share.mean(), rel=0.01)
    tokens = np.array([rows["__tokens__"].cast(pl.Int64).sum() for rows in drawn], np.float64)
    assert told.tokens == pytest.approx(tokens.mean(), rel=0.005)
    assert math.fsum(told.categories.values()) == pytest.approx(drawn[0].height)


def test_parts_add_up_in_any_order() -> None:
    wanted = recipe(1, "price")
    keyed = with_keys(with_strata(pool(), plain_axes(wanted.balance.strata)), wanted)
    plan = with_quotas(take_census(keyed, ["slot"]), wanted)
    whole = expect(take_composition(keyed, "price", "kind"), plan, labelled=True, counted=True)
    parts = [take_composition(keyed[place::4], "price", "kind") for place in (2, 0, 3, 1)]
    again = expect(merge_compositions(parts), plan, labelled=True, counted=True)
    assert again.label_mean == pytest.approx(whole.label_mean, rel=1e-12)
    assert again.categories == pytest.approx(whole.categories, rel=1e-12)


def test_a_whole_stratum_has_no_error() -> None:
    wanted = recipe(1, None)
    frame = pool().filter(pl.col("slot") == "c")
    keyed = with_keys(with_strata(frame, plain_axes(wanted.balance.strata)), wanted)
    plan = with_quotas(take_census(keyed, ["slot"]), wanted)
    told = expect(take_composition(keyed, "price", "kind"), plan, labelled=True, counted=True)
    assert told.label_mean == pytest.approx(frame["price"].mean())
    assert told.label_error == 0


def simple(balance: dict[str, object], seed: int = 1) -> Recipe:
    return Recipe.from_dict(
        {
            "name": "r",
            "seed": seed,
            "sources": [{"name": "s", "files": "x", "id": "id"}],
            "template": {"prompt": "{kind}"},
            "balance": {"label": "price", "strata": [{"column": "slot"}], **balance},
        }
    )


def told_of(frame: pl.DataFrame, wanted: Recipe) -> tuple[Expected, pl.DataFrame, pl.DataFrame]:
    """Return what a plan expects, the records with keys, and the plan."""
    keyed = with_keys(with_strata(frame, plain_axes(wanted.balance.strata)), wanted)
    plan = with_quotas(take_census(keyed, ["slot"]), wanted)
    composition = merge_compositions([take_composition(keyed, "price", "kind")])
    return expect(composition, plan, labelled=True, counted=True), keyed, plan


def test_records_without_a_label_leave_the_mean_of_the_others_alone() -> None:
    frame = pool().with_columns(pl.when(pl.int_range(pl.len()) % 3 > 0).then("price").alias("price"))
    told, _, _ = told_of(frame, simple({"policy": "equal", "size": 400}))
    means: list[float] = []
    for seed in range(SEEDS):
        _, keyed, plan = told_of(frame, simple({"policy": "equal", "size": 400}, seed))
        mean = select(candidates(keyed, plan), plan)["price"].mean()
        assert isinstance(mean, float)
        means.append(mean)
    assert told.label_mean is not None
    assert told.label_mean == pytest.approx(np.mean(means), abs=4 * float(np.std(means)) / math.sqrt(SEEDS))
    assert told.label_error == pytest.approx(np.std(means), rel=0.2)


@pytest.mark.parametrize("cap", [1, 2])
def test_the_chances_of_one_and_of_two_records_are_exact(cap: int) -> None:
    # 20,000 strata of two records of weight 1, one of 5 and one of 2: successive sampling worked out draw by draw
    weights = [1.0, 1.0, 5.0, 2.0]
    chances = [weight / 9 for weight in weights]
    if cap == 2:
        for place, weight in enumerate(weights):
            others = [one for other, one in enumerate(weights) if other != place]
            chances[place] += sum(one / 9 * weight / (9 - one) for one in others)
    rows = 20_000
    frame = pl.DataFrame(
        {
            "__id__": [f"r{number}" for number in range(4 * rows)],
            "__tokens__": pl.Series([1] * 4 * rows, dtype=pl.UInt32),
            "slot": [number // 4 for number in range(4 * rows)],
            "kind": ["light", "light", "heavy", "middle"] * rows,
            "w": weights * rows,
            "price": [1.0, 2.0, 3.0, 4.0] * rows,
        }
    )
    told, keyed, plan = told_of(frame, simple({"cap": cap, "weight": "w"}))
    assert told.categories["heavy"] == pytest.approx(rows * chances[2], rel=1e-9)
    assert told.categories["light"] == pytest.approx(rows * 2 * chances[0], rel=1e-9)
    drawn = select(candidates(keyed, plan), plan)
    for kind, number in told.categories.items():
        found = drawn.filter(pl.col("kind") == kind).height
        assert abs(found - number) < 4.5 * math.sqrt(number)
