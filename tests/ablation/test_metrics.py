"""Measures: their values by definition, and the influence of each row by taking it out."""

from __future__ import annotations

import numpy as np
import pytest

from evenly.ablation.metrics import CATEGORICAL, NUMERIC, Measure, Truth, measures_for

RNG = np.random.default_rng(11)
LABEL = np.exp(RNG.normal(3, 1, 400))
STRATA = (LABEL // 15).astype(np.int64)
STRATA[:5] = -1
SAID = LABEL * np.exp(RNG.normal(0, 0.4, (3, 400)))
CLASSES = RNG.integers(0, 4, 400).astype(np.float64)
GUESSED = np.where(RNG.random((3, 400)) < 0.6, CLASSES, RNG.integers(0, 4, (3, 400)))


def by_name(name: str) -> Measure:
    return next(one for one in (*NUMERIC, *CATEGORICAL) if one.name == name)


def test_values_are_those_of_the_definitions() -> None:
    truth = Truth(LABEL, STRATA)
    off = np.abs(SAID - LABEL)
    expected = {
        "mae": off.mean(axis=1),
        "balanced_mae": np.mean([off[:, s == STRATA].mean(axis=1) for s in np.unique(STRATA[STRATA >= 0])], axis=0),
        "rmsle": np.sqrt(((np.log1p(SAID) - np.log1p(LABEL)) ** 2).mean(axis=1)),
        "geometric": np.exp(np.log(np.maximum(off, 1e-3 * np.median(LABEL))).mean(axis=1)),
        "green": ((off < 40) | (off < 0.2 * LABEL)).mean(axis=1),
        "orange": ((off < 80) | (off < 0.4 * LABEL)).mean(axis=1),
    }
    for measure in NUMERIC:
        assert measure.of(SAID, truth).values == pytest.approx(expected[measure.name])


def test_values_of_classes_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

    truth = Truth(CLASSES, STRATA, categorical=True)
    oracles = {
        "macro_f1": lambda said: f1_score(CLASSES, said, average="macro"),
        "balanced_accuracy": lambda said: balanced_accuracy_score(CLASSES, said),
        "accuracy": lambda said: accuracy_score(CLASSES, said),
    }
    for name, oracle in oracles.items():
        assert by_name(name).of(GUESSED, truth).values == pytest.approx([oracle(said) for said in GUESSED])
    right = (GUESSED == CLASSES).mean(axis=0)
    large = [s for s in np.unique(STRATA[STRATA >= 0]) if (s == STRATA).sum() >= 10]
    worst = min(right[s == STRATA].mean() for s in large)
    assert by_name("worst_group").of(GUESSED, truth).value == pytest.approx(worst)


@pytest.mark.parametrize("measure", [*NUMERIC, *CATEGORICAL[:3]], ids=lambda one: one.name)
def test_the_influence_of_a_row_is_what_more_weight_on_it_does(measure: Measure) -> None:
    categorical = measure in CATEGORICAL
    label, said = (CLASSES, GUESSED) if categorical else (LABEL, SAID)
    truth = Truth(label, STRATA, categorical)
    whole = measure.of(said, truth)
    assert whole.influence.mean(axis=1) == pytest.approx([0, 0, 0], abs=1e-9)
    # All rows 50 times, one of them once more: its weight grows from 1 / n to (1 + e) / n.
    times = 50
    for row in (7, 100, 399):
        index = np.concatenate([np.tile(np.arange(400), times), [row]])
        more = measure.of(said[:, index], Truth(label[index], STRATA[index], categorical))
        moved = (more.values - whole.values) * (400 * times)
        assert moved == pytest.approx(whole.influence[:, row], rel=0.05, abs=0.02 * np.abs(whole.influence).max())


def test_logarithms_are_left_out_where_a_label_is_below_0() -> None:
    names = [one.name for one in measures_for(Truth(np.array([-3.0, 2.0]), np.zeros(2, np.int64)))]
    assert "rmsle" not in names
    assert "mae" in names


def test_rows_in_no_stratum_count_in_no_mean_over_strata() -> None:
    truth = Truth(np.array([1.0, 2.0, 3.0]), np.array([-1, -1, -1]))
    assert np.isnan(by_name("balanced_mae").of(np.zeros((2, 3)), truth).value)
