"""Measures of predictions, each with what every test row adds to it, so that its error can be told.

Predictions are arrays of seeds x test rows. A measure gives a value for each seed, and the influence of each row on it:
how far the value moves per share of weight that the row gains (Hampel, "The influence curve and its role in robust
estimation", 1974). For a mean of losses that is the loss less the mean; for the others it follows by their derivative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

NEAREST: Final = 1e-3
"""Of the typical label: an error that is smaller counts as that in the geometric mean, which one zero would make 0."""

NEAR, FAR = (40.0, 0.2), (80.0, 0.4)
"""The course's hits: an error below so much, or below that share of the label, is green, or at least orange."""

FEWEST_OF_GROUP: Final = 10
"""Test rows of a stratum from which it can be the worst."""


@dataclass(frozen=True)
class Truth:
    """What is known of some test rows.

    Attributes:
        label: their labels, or the numbers of their classes.
        strata: the numbers of their strata, from 0; -1 for a row that is in none.
        categorical: whether the label is a class.
    """

    label: Floats
    strata: Ints
    categorical: bool = False

    def some(self, which: NDArray[np.bool_]) -> Truth:
        """Return what is known of some of the rows."""
        return Truth(self.label[which], self.strata[which], self.categorical)


@dataclass(frozen=True)
class Measured:
    """A measure of predictions: `values`, Float64 of each seed, and `influence`, Float64 of seeds x rows."""

    values: Floats
    influence: Floats

    @property
    def value(self) -> float:
        """The mean over the seeds."""
        return float(self.values.mean())


@dataclass(frozen=True)
class Measure:
    """A measure: its name, what it says, whether less is better, and the function of predictions and truth."""

    name: str
    what: str
    better: Literal["lower", "higher"]
    of: Callable[[Floats, Truth], Measured]
    unit: Literal["label", "share", "none"] = "none"


def _mean(losses: Floats) -> Measured:
    values = losses.mean(axis=1)
    return Measured(values, losses - values[:, None])


def _within(losses: Floats, groups: Ints) -> Measured:
    """Return the mean over groups of the mean within each; rows of the group -1 don't count."""
    known = groups >= 0
    _, places = np.unique(groups[known], return_inverse=True)
    sizes = np.bincount(places)
    if not sizes.size:
        return _nothing(losses)
    inside = losses[:, known]
    rows: list[Floats] = list(inside)
    means = np.stack([np.bincount(places, row, sizes.size) for row in rows]) / sizes
    influence = np.zeros_like(losses)
    influence[:, known] = (inside - means[:, places]) * (groups.size / (sizes.size * sizes[places]))
    return Measured(means.mean(axis=1), influence)


def _nothing(losses: Floats) -> Measured:
    """Return what no row tells."""
    return Measured(np.full(len(losses), np.nan), np.zeros_like(losses))


def _through(mean: Measured, curve: Callable[[Floats], Floats], slope: Callable[[Floats], Floats]) -> Measured:
    """Return a function of a mean, with its influence by the function's slope there."""
    return Measured(curve(mean.values), mean.influence * slope(mean.values)[:, None])


def _mae(predicted: Floats, truth: Truth) -> Measured:
    return _mean(np.abs(predicted - truth.label))


def _balanced_mae(predicted: Floats, truth: Truth) -> Measured:
    return _within(np.abs(predicted - truth.label), truth.strata)


def _rmsle(predicted: Floats, truth: Truth) -> Measured:
    # A prediction below 0 is as far off as one of 0.
    gap = np.log1p(np.maximum(predicted, 0.0)) - np.log1p(truth.label)
    return _through(_mean(gap**2), np.sqrt, lambda mean: 0.5 / np.sqrt(np.maximum(mean, 1e-300)))


def _geometric(predicted: Floats, truth: Truth) -> Measured:
    least = NEAREST * float(np.median(np.abs(truth.label))) or NEAREST
    return _through(_mean(np.log(np.maximum(np.abs(predicted - truth.label), least))), np.exp, np.exp)


def _hits(amount: float, share: float) -> Callable[[Floats, Truth], Measured]:
    def hits(predicted: Floats, truth: Truth) -> Measured:
        off = np.abs(predicted - truth.label)
        return _mean(((off < amount) | (off < share * np.abs(truth.label))).astype(np.float64))

    return hits


def _accuracy(predicted: Floats, truth: Truth) -> Measured:
    return _mean((predicted == truth.label).astype(np.float64))


def _balanced_accuracy(predicted: Floats, truth: Truth) -> Measured:
    return _within((predicted == truth.label).astype(np.float64), truth.label.astype(np.int64))


def _worst_group(predicted: Floats, truth: Truth) -> Measured:
    """Return the accuracy within the stratum where it is lowest, over all seeds; of strata with enough rows."""
    right = (predicted == truth.label).astype(np.float64)
    names, sizes = np.unique(truth.strata[truth.strata >= 0], return_counts=True)
    large: list[int] = names[sizes >= FEWEST_OF_GROUP].tolist()
    if not large:
        return _nothing(right)
    worst = min(large, key=lambda name: float(right[:, truth.strata == name].mean()))
    return _within(right, np.where(truth.strata == worst, 0, -1).astype(np.int64))


def _macro_f1(predicted: Floats, truth: Truth) -> Measured:
    """Return the mean over the test's classes of F1 = 2 hits / (predicted + there); its slope gives the influence."""
    values = np.zeros(predicted.shape[0])
    influence = np.zeros_like(predicted)
    classes = np.unique(truth.label)
    for name in classes:
        there = (truth.label == name).astype(np.float64)[None, :]
        said = (predicted == name).astype(np.float64)
        hit = said * there
        both = (said + there).mean(axis=1, keepdims=True)
        hits = hit.mean(axis=1, keepdims=True)
        values += (2 * hits / both).ravel()
        influence += 2 * (hit - hits) / both - 2 * hits * (said + there - both) / both**2
    return Measured(values / classes.size, influence / classes.size)


NUMERIC: Final = (
    Measure("mae", "mean absolute error", "lower", _mae, "label"),
    Measure("balanced_mae", "mean over strata of the mean absolute error in each", "lower", _balanced_mae, "label"),
    Measure("rmsle", "root mean squared error of log(1 + label)", "lower", _rmsle),
    Measure("geometric", "geometric mean of the absolute errors", "lower", _geometric, "label"),
    Measure("green", "share of predictions off by less than 40 or 20 %", "higher", _hits(*NEAR), "share"),
    Measure("orange", "share of predictions off by less than 80 or 40 %", "higher", _hits(*FAR), "share"),
)

CATEGORICAL: Final = (
    Measure("macro_f1", "mean over classes of F1", "higher", _macro_f1, "share"),
    Measure("balanced_accuracy", "mean over classes of the share that is found", "higher", _balanced_accuracy, "share"),
    Measure("accuracy", "share of predictions that are right", "higher", _accuracy, "share"),
    Measure("worst_group", "share that is right in the stratum where it is lowest", "higher", _worst_group, "share"),
)


def measures_for(truth: Truth) -> tuple[Measure, ...]:
    """Return the measures that fit a label: classes, or numbers; logarithms only where none is below 0."""
    if truth.categorical:
        return CATEGORICAL
    return tuple(one for one in NUMERIC if one.name != "rmsle" or bool((truth.label >= 0).all()))


def measure_all(predicted: Floats, truth: Truth, measures: tuple[Measure, ...]) -> Mapping[str, Measured]:
    """Return each measure of some predictions, by its name; there is at least one row."""
    return {one.name: one.of(predicted, truth) for one in measures}


def plain(measured: Mapping[str, Measured]) -> dict[str, Any]:
    """Return the measures' means over the seeds, for JSON; None for what the rows don't tell."""
    return {name: None if not np.isfinite(one.value) else one.value for name, one in measured.items()}
