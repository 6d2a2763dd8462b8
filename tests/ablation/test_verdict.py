"""Verdicts: intervals that hold the truth as often as they say, and words that keep to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.ablation.metrics import NUMERIC, Truth
from evenly.ablation.verdict import Effect, effect_of, holm, judge, own_interval, rows_needed

MAE = NUMERIC[0]


def made(rng: np.random.Generator, seeds: int, rows: int, worse: float) -> tuple[np.ndarray, np.ndarray, Truth]:
    """Return predictions of a base and of a variant whose errors are so much larger, with noise of seeds and rows."""
    label = np.exp(rng.normal(3, 1, rows))
    row = np.abs(rng.normal(10, 4, rows))
    own = np.abs(rng.normal(0, 3, rows))
    base = label + row + rng.normal(0, 0.3, (seeds, 1)) + rng.normal(0, 1, (seeds, rows))
    variant = label + (row + own) * (1 + worse) + rng.normal(0, 0.3, (seeds, 1)) + rng.normal(0, 1, (seeds, rows))
    return base, variant, Truth(label, np.zeros(rows, np.int64))


@pytest.mark.statistical
def test_intervals_hold_the_true_change_at_least_as_often_as_they_say() -> None:
    # The mean of |normal(10, 4)| is 10.0083, of |normal(0, 3)| 2.3937. At a coverage of 95 % fewer than 350 of 400
    # hold it once in 10^10 such runs.
    true = (10.0083 + 2.3937) * 1.1 / 10.0083 - 1
    held = 0
    for number in range(400):
        base, variant, truth = made(np.random.default_rng(number), 10, 300, 0.1)
        effect = effect_of(MAE.of(variant, truth), MAE.of(base, truth))
        low, high = effect.interval(0.05)
        held += low <= true <= high
    assert 350 <= held <= 399


def test_an_effect_is_the_relative_change() -> None:
    base, variant, truth = made(np.random.default_rng(1), 4, 200, 0.5)
    one, other = MAE.of(variant, truth), MAE.of(base, truth)
    assert effect_of(one, other).change == pytest.approx(one.value / other.value - 1)
    assert effect_of(other, other) == Effect(0.0, 0.0, 3.0, 200, 200)
    low, high = own_interval(one)
    assert low < one.value < high


def test_copies_of_a_row_in_one_group_tell_no_more_than_the_row() -> None:
    base, variant, truth = made(np.random.default_rng(4), 6, 150, 0.2)
    once = effect_of(MAE.of(variant, truth), MAE.of(base, truth))
    copied = np.tile(np.arange(150), 3)
    three = Truth(truth.label[copied], truth.strata[copied])
    ours, theirs = (MAE.of(one[:, copied], three) for one in (variant, base))
    grouped = effect_of(ours, theirs, copied)
    assert (grouped.rows, grouped.groups) == (450, 150)
    assert grouped.error == pytest.approx(once.error)
    assert grouped.freedom == pytest.approx(once.freedom)
    assert effect_of(ours, theirs).error < once.error


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_corrects_as_it_is_defined_and_its_levels_go_with_it(chances: list[float]) -> None:
    corrected, levels = holm(chances)
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    rejected = True
    for rank, place in enumerate(order):
        rejected = rejected and chances[place] <= 0.05 / (len(chances) - rank)
        assert (corrected[place] <= 0.05 + 1e-12) == rejected or abs(corrected[place] - 0.05) < 1e-9
        if abs(chances[place] - levels[place]) > 1e-12:
            assert (chances[place] < levels[place]) == rejected
        assert corrected[place] >= chances[place]


def test_words_say_which_way_and_only_what_matters() -> None:
    effects = [
        ("better", Effect(-0.10, 0.01, 30, 500, 500)),
        ("worse", Effect(0.10, 0.01, 30, 500, 500)),
        ("unsure", Effect(-0.10, 0.08, 30, 500, 500)),
        ("small", Effect(-0.01, 0.001, 30, 500, 500)),
        ("few", Effect(-0.50, 0.01, 30, 40, 12)),
        ("none", Effect(math.nan, math.nan, 1, 500, 500)),
    ]
    lower = {one.region: one for one in judge(effects, 0.02, "lower")}
    higher = {one.region: one.word for one in judge(effects, 0.02, "higher")}
    assert {name: one.word for name, one in lower.items()} == {
        "better": "helps",
        "worse": "hurts",
        **dict.fromkeys(("unsure", "small", "few", "none"), "cannot tell"),
    }
    assert (higher["better"], higher["worse"]) == ("hurts", "helps")
    assert lower["unsure"].why == "the interval holds 0"
    assert lower["small"].why == "smaller than what matters"
    assert lower["few"].why == "12 groups of test rows, at least 30 are needed"
    assert lower["none"].to_dict()["change"] is None
    assert all((one.low > 0 or one.high < 0) == (one.p <= 0.05) for one in lower.values() if not math.isnan(one.low))


def test_a_smaller_effect_takes_more_rows() -> None:
    assert rows_needed(0.02) == 601
    assert rows_needed(0.01) > 4 * rows_needed(0.02) - 10
    assert rows_needed(0.5) == 30
