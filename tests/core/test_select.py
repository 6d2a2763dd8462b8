"""Selection: a plain oracle, exact enumeration of tiny populations, folds in any order, inclusion probabilities."""

from __future__ import annotations

import math
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from evenly.core.census import take_census
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, cut_offs, reach, select, short, take, within
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.core.weights import with_keys
from evenly.recipe.model import Recipe

from ..whole import weighted  # noqa: TID252 - the tests are no package to name

LEDGER = ("__id__", "__stratum__", "__weight__", "__key__")


def recipe(seed: int = 42, **changes: object) -> Recipe:
    source = {"name": "shop", "files": "x.jsonl", "id": "id"}
    balance = {"strata": [{"column": "slot"}], "weight": "w", **changes}
    data = {"name": "r", "seed": seed, "sources": [source], "template": {"prompt": "{slot}"}, "balance": balance}
    return Recipe.from_dict(data)


def ledger_and_plan(frame: pl.DataFrame, wanted: Recipe) -> tuple[pl.DataFrame, pl.DataFrame]:
    keyed = with_keys(with_strata(frame, plain_axes(wanted.balance.strata)), wanted)
    return keyed.select(LEDGER), with_quotas(
        take_census(keyed, [axis.column for axis in wanted.balance.strata]), wanted
    )


def draw(frame: pl.DataFrame, wanted: Recipe) -> pl.DataFrame:
    ledger, plan = ledger_and_plan(frame, wanted)
    return select(candidates(ledger, plan), plan)


def records(slots: list[Any], weights: list[float]) -> pl.DataFrame:
    names = [f"id-{number}" for number in range(len(slots))]
    return pl.DataFrame({"__id__": names, "slot": slots, "w": pl.Series(weights, dtype=pl.Float64)})


def plan_of(rows: list[tuple[str, int, int, float, float]]) -> pl.DataFrame:
    """Return a plan: stratum, quota, eligible, smallest and largest weight."""
    schema = {
        "__stratum__": pl.String,
        "quota": pl.Int64,
        "repeated": pl.Int64,
        "eligible": pl.UInt64,
        "weight_min": pl.Float64,
        "weight_max": pl.Float64,
    }
    return pl.DataFrame([(*row[:2], 0, *row[2:]) for row in rows], schema, orient="row")


def test_an_example_worked_by_hand() -> None:
    rows = [
        ("b", "s", 2.0, 0.3),
        ("a", "s", 1.0, 0.3),
        ("c", "s", 1.0, 0.1),
        ("d", "s", 1.0, 0.9),
        ("e", "t", 1.0, 5.0),
    ]
    ledger = pl.DataFrame([*rows, ("f", None, 1.0, 0.0), ("g", "s", 0.0, math.inf)], [*LEDGER], orient="row")
    plan = plan_of([("s", 2, 4, 1, 2), ("t", 1, 1, 1, 1), ("u", 3, 3, 1, 1)])
    # of the two with the key 0.3 the smaller id goes first, and the other is the cut-off
    assert sorted(candidates(ledger, plan)["__id__"]) == ["a", "b", "c", "e"]
    selected = select(candidates(ledger, plan), plan).sort("__id__")
    assert selected.select("__id__").to_series().to_list() == ["a", "c", "e"]
    assert selected["__pi__"].to_list() == pytest.approx([1 - math.exp(-0.3), 1 - math.exp(-0.3), 1.0], rel=1e-15)
    assert selected.columns == [*LEDGER, "__pi__", "__times__"]


def test_inclusion_probabilities() -> None:
    # equal weights: exactly n / N; unequal: by the cut-off; whole: 1, however unequal; one stratum each
    slots = ["equal"] * 7 + ["unequal"] * 7 + ["whole"] * 2
    weights = [3.0] * 7 + [1.0, 5, 5, 1, 1, 5, 2] + [1.0, 9]
    ledger, plan = ledger_and_plan(records(slots, weights), recipe(cap=3))
    selected = select(candidates(ledger, plan), plan)
    found = {stratum[0]: rows for stratum, rows in selected.group_by("__stratum__")}
    assert {stratum: rows.height for stratum, rows in found.items()} == {"equal": 3, "unequal": 3, "whole": 2}
    assert found["equal"]["__pi__"].to_list() == [3 / 7] * 3
    assert found["whole"]["__pi__"].to_list() == [1.0, 1.0]
    tau = ledger.filter(pl.col("__stratum__") == "unequal")["__key__"].sort()[3]
    expected = [-math.expm1(-weight * tau) for weight in found["unequal"]["__weight__"]]
    assert found["unequal"]["__pi__"].to_list() == pytest.approx(expected, rel=1e-15)
    assert selected["__pi__"].is_between(0, 1, closed="right").all()


def test_small_probabilities_keep_their_digits() -> None:
    ledger = pl.DataFrame([("a", "s", 1.0, 1e-17), ("b", "s", 2.0, 2e-17)], [*LEDGER], orient="row")
    plan = plan_of([("s", 1, 2, 1, 2)])
    assert select(ledger, plan)["__pi__"].to_list() == pytest.approx([2e-17], rel=1e-15)


def test_every_digit_of_a_probability_is_the_same_on_every_processor() -> None:
    # numpy's expm1 has other last digits where a processor has AVX-512: one in fourteen of these
    weights = [1 + number / 997 for number in range(5_000)]
    rows = [(f"{number}", "s", weight, number / 10_000) for number, weight in enumerate(weights)]
    plan = plan_of([("s", 4_000, 5_000, 1.0, weights[-1])])
    found = select(pl.DataFrame(rows, [*LEDGER], orient="row"), plan).sort("__weight__")
    assert found["__pi__"].to_list() == [-math.expm1(-weight * 0.4) for weight in weights[:4_000]]


def test_a_weight_of_zero_is_never_selected_not_even_from_a_whole_stratum() -> None:
    frame = records(["a"] * 6 + ["b"] * 2, [0, 1, 0, 2, 0, 0, 0, 0])
    selected = draw(frame, recipe(cap=5, take_all="slot = 'a'"))
    assert sorted(selected["__id__"]) == ["id-1", "id-3"]
    assert selected["__pi__"].to_list() == [1, 1]


def test_nothing_to_select() -> None:
    ledger, plan = ledger_and_plan(records(["a"], [0]), recipe(cap=1))
    assert select(candidates(ledger, plan), plan).height == 0
    assert "__pi__" in select(candidates(ledger.clear(), plan), plan).columns


# Keys of few values, so that ties are common.
KEYS = st.sampled_from([0.1, 0.1, 0.2, 0.3, math.inf])
ROWS = st.lists(st.tuples(st.sampled_from(["s", "s", "t", None]), KEYS), max_size=25)


def ledger_of(rows: list[tuple[str | None, float]]) -> pl.DataFrame:
    named = [(f"{number:03d}", stratum, 1.0, key) for number, (stratum, key) in enumerate(rows)]
    schema: dict[str, Any] = dict(zip(LEDGER, [pl.String, pl.String, pl.Float64, pl.Float64], strict=True))
    return pl.DataFrame(named, schema, orient="row")


def oracle(rows: list[tuple[str | None, float]], quotas: dict[str, int]) -> list[str]:
    chosen: list[str] = []
    for stratum, quota in quotas.items():
        keyed = [(key, f"{number:03d}") for number, (its, key) in enumerate(rows) if its == stratum and key < math.inf]
        chosen += [name for _, name in sorted(keyed)[:quota]]
    return sorted(chosen)


@given(rows=ROWS, quotas=st.tuples(st.integers(0, 3), st.integers(0, 8)), data=st.data())
def test_folding_parts_in_any_order_selects_the_smallest_keys(
    rows: list[tuple[str | None, float]], quotas: tuple[int, int], data: st.DataObject
) -> None:
    ledger = ledger_of(rows)
    finite = ledger.filter(pl.col("__key__").is_finite())
    there = {stratum: finite.filter(pl.col("__stratum__") == stratum).height for stratum in ("s", "t")}
    wanted = {stratum: min(quota, there[stratum]) for stratum, quota in zip("st", quotas, strict=True)}
    plan = plan_of([(stratum, quota, there[stratum], 1, 1) for stratum, quota in wanted.items()])
    whole = select(candidates(ledger, plan), plan)
    assert sorted(whole["__id__"]) == oracle(rows, wanted)

    order = data.draw(st.permutations(range(len(rows))))
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4))), len(rows)]
    parts = [candidates(ledger[order[start:stop]], plan) for start, stop in pairwise(cuts)]
    folded = parts[0]
    for part in parts[1:]:
        folded = candidates(pl.concat([part, folded]), plan)
    assert_frame_equal(select(folded, plan), whole, check_row_order=False)
    assert_frame_equal(select(pl.concat(parts), plan), whole, check_row_order=False)
    assert folded.height <= sum(quota + 1 for quota in wanted.values() if quota)
    own = [take(ledger[order[start:stop]], cut_offs(folded, plan)) for start, stop in pairwise(cuts)]
    assert_frame_equal(pl.concat(own), whole, check_row_order=False)


Row = tuple[str | None, float]
POPULATION = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from([0.0, 0.5, 1.0, 5.0])), min_size=1, max_size=40
)


@given(rows=POPULATION, cap=st.integers(1, 8), seed=st.integers(0, 2**63 - 1), data=st.data())
def test_the_order_of_records_changes_nothing_and_a_smaller_cap_selects_a_subset(
    rows: list[tuple[str | None, float]], cap: int, seed: int, data: st.DataObject
) -> None:
    frame = records([slot for slot, _ in rows], [weight for _, weight in rows])
    selected = draw(frame, recipe(seed, cap=cap))
    other = draw(frame[data.draw(st.permutations(range(len(rows))))], recipe(seed, cap=cap))
    assert_frame_equal(selected, other, check_row_order=False)
    assert set(draw(frame, recipe(seed, cap=max(1, cap - 1)))["__id__"]) <= set(selected["__id__"])
    for slot in ("a", "b", "c"):
        eligible = sum(its == slot and weight > 0 for its, weight in rows)
        assert selected.filter(pl.col("__stratum__") == slot).height == min(cap, eligible)


@given(old=POPULATION, new=POPULATION, cap=st.integers(1, 8))
def test_appended_data_displaces_only_what_it_beats(old: list[Row], new: list[Row], cap: int) -> None:
    both = records([slot for slot, _ in [*old, *new]], [weight for _, weight in [*old, *new]])
    before = set(draw(both[: len(old)], recipe(cap=cap))["__id__"])
    after = set(draw(both, recipe(cap=cap))["__id__"])
    assert not (after - before) & set(both["__id__"][: len(old)])


def successive(weights: list[float], size: int) -> dict[tuple[int, ...], float]:
    """Return the probability of each ordered draw of `size` records without replacement."""
    chances: dict[tuple[int, ...], float] = {}
    for order in permutations(range(len(weights)), size):
        chance, left = 1.0, sum(weights)
        for place in order:
            chance *= weights[place] / left
            left -= weights[place]
        chances[order] = chance
    return chances


@pytest.mark.statistical
@pytest.mark.parametrize(
    ("weights", "size"),
    [
        ([1, 5], 1),
        ([1, 2, 3], 2),
        ([1, 5, 5, 1], 3),
        ([1, 1, 1, 1, 1], 2),
        ([1, 2, 3, 5, 8], 2),
        ([0.1, 1, 10, 3, 3], 3),
    ],
    ids=str,
)
def test_every_ordered_draw_is_as_likely_as_enumeration_says(weights: list[float], size: int) -> None:
    # 40,000 strata of the same records under other ids. An order of probability p has the standard deviation
    # sqrt(p (1 - p) / 40,000), at most 0.0025: being wrong by 0.02 would be 8 of them or more. At most 60 orders a
    # case, fixed ids: 4.5 standard deviations allow for the largest of 130 in all.
    replicates = 40_000
    slots = np.repeat(np.arange(replicates), len(weights))
    frame = records(slots.tolist(), weights * replicates)
    places = frame.select("__id__", place=pl.int_range(pl.len()) % len(weights))
    selected = draw(frame, recipe(cap=size)).join(places, on="__id__").sort("__stratum__", "__key__")
    orders = selected.group_by("__stratum__", maintain_order=True).agg("place")["place"].to_list()
    assert len(orders) == replicates
    names, counts = np.unique(np.array(orders), axis=0, return_counts=True)
    observed = {tuple(order): int(count) for order, count in zip(names.tolist(), counts, strict=True)}
    chances = successive(weights, size)
    assert set(observed) <= set(chances)
    for order, chance in chances.items():
        expected, deviation = replicates * chance, math.sqrt(replicates * chance * (1 - chance))
        assert abs(observed.get(order, 0) - expected) < 4.5 * deviation + 1, order


def test_design_weights_share_a_stratum_among_its_splits() -> None:
    rows = [("s", 0.5, "train"), ("s", 0.25, "train"), ("s", 0.5, "test"), ("s", 0.5, None), ("t", 1.0, "test")]
    selected = pl.DataFrame(rows, ["__stratum__", "__pi__", "__split__"], orient="row")
    # s has four selected: two of them in train, one in test, one in none
    assert weighted(selected)["__design_weight__"].to_list() == [4.0, 8.0, 8.0, 8.0, 1.0]


@given(st.lists(st.tuples(st.sampled_from("st"), st.sampled_from(["train", "test", None])), min_size=1))
def test_with_equal_weights_each_split_adds_up_to_the_stratum(rows: list[tuple[str, str | None]]) -> None:
    # pi = 1/4: every split that has records of a stratum stands for all of the stratum's 4 x selected
    frame = pl.DataFrame(rows, {"__stratum__": pl.String, "__split__": pl.String}, orient="row")
    found = weighted(frame.with_columns(__pi__=pl.lit(0.25)))
    sums = found.group_by("__stratum__", "__split__").agg(pl.col("__design_weight__").sum())
    for stratum, _, total in sums.iter_rows():
        assert total == pytest.approx(4 * sum(its == stratum for its, _ in rows))


def skewed(weights: list[float], seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the ledger and the plan, 30 of each stratum, of strata with 20 to 2,000 records."""
    slots = [str(slot) for slot, size in enumerate([20, 30, 31, 200, 2_000]) for _ in range(size)]
    mixed = np.random.default_rng(seed).choice(weights, len(slots)).tolist()
    return ledger_and_plan(records(slots, mixed), recipe(seed, cap=30))


@pytest.mark.parametrize("weights", [[1.0], [1, 5], [1e-6, 1, 1e6], [0, 1]], ids=str)
def test_what_lies_within_reach_holds_all_candidates_and_little_else(weights: list[float]) -> None:
    for seed in range(20):
        ledger, plan = skewed(weights, seed)
        near = within(ledger, reach(plan))
        found = candidates(near, plan)
        assert not short(found, plan)
        assert_frame_equal(found, candidates(ledger, plan), check_row_order=False)
        if weights == [1.0]:  # of 2,000 records 31 are wanted, 31 + 6 sqrt(31) + 36 = 100 expected
            assert near.filter(pl.col("__stratum__") == "4").height < 150


def test_too_short_a_reach_is_noticed() -> None:
    ledger, plan = skewed([1.0, 2.0], 1)
    missed = 0
    for place in range(plan.height):
        reaches = reach(plan).with_columns(
            reach=pl.when(pl.int_range(pl.len()) == place).then(1e-6).otherwise(pl.col("reach"))
        )
        missed += short(candidates(within(ledger, reaches), plan), plan)
    assert missed == plan.height


def test_records_repeat_by_their_keys_wherever_they_lie() -> None:
    rows = [(f"{number}", "s", 1.0, number / 10) for number in range(5)]
    ledger = pl.DataFrame(rows, [*LEDGER], orient="row")
    plan = plan_of([("s", 5, 5, 1, 1)]).with_columns(repeated=pl.lit(7, pl.Int64))
    # 12 rows of five records: two each, and once more for the two of the smallest keys
    cuts = cut_offs(ledger, plan)
    for part in (ledger, ledger[3:], ledger[::-1]):
        times = dict(take(part, cuts).select("__id__", "__times__").iter_rows())
        assert times == {name: 3 if name in "01" else 2 for name in part["__id__"]}
