"""What an ablation shows and what it can't: effects with intervals, and a word for each that errs seldom.

An effect is the relative change of a measure against the proportional sample. Its error has two parts, which add up:
that of the seeds, from the paired differences of each seed's values, and that of the test rows, from the differences
that each row makes, averaged over the seeds. Both hold some of the same noise, so that the sum errs on the safe side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from scipy import stats  # pyright: ignore[reportMissingTypeStubs] - it has none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evenly.ablation.metrics import Measured

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Word = Literal["helps", "hurts", "cannot tell"]

LEVEL: Final = 0.05
"""Chance of any false word about a variant under one proxy, over all its regions."""

FEWEST_ROWS: Final = 30
"""Groups of test rows below which nothing is said of a region: a normal approximation needs about as many."""

SPREAD: Final = 0.25
"""Standard deviation of a row's paired difference, in units of the mean error: at least that much between two
variants (0.47 to 1.13 in docs/ablations.md), by which the rows are judged that the smallest effect needs."""


@dataclass(frozen=True)
class Effect:
    """A relative change, its standard error, the degrees of freedom of that, test rows, and groups of them."""

    change: float
    error: float
    freedom: float
    rows: int
    groups: int

    @property
    def told(self) -> bool:
        """Whether anything can be said: there is a number, with an error, of enough groups of rows."""
        return self.groups >= FEWEST_ROWS and math.isfinite(self.change) and math.isfinite(self.error)

    @property
    def p(self) -> float:
        """Two-sided chance of a change as large as this where there is none; 1 where nothing can be said."""
        if not self.told:
            return 1.0
        if self.error == 0:
            return 1.0 if self.change == 0 else 0.0
        return float(2 * stats.t.sf(abs(self.change) / self.error, self.freedom))

    def interval(self, level: float) -> tuple[float, float]:
        """Return the interval that misses the true change with a chance of `level`."""
        half = float(stats.t.ppf(1 - level / 2, self.freedom)) * self.error
        return self.change - half, self.change + half


@dataclass(frozen=True)
class Verdict:
    """A word about a region, with the effect that it rests on.

    Attributes:
        region: its name.
        word: helps, hurts, or cannot tell.
        change, low, high: the effect and its interval, corrected for the number of regions; NaN where there is none.
        p: the effect's p, corrected likewise (Holm).
        rows: test rows of the region.
        why: what keeps it from being told, or "".
    """

    region: str
    word: Word
    change: float
    low: float
    high: float
    p: float
    rows: int
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data; None for what there is no number of."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in vars(self).items()
        }


def effect_of(variant: Measured, base: Measured, groups: Ints | None = None) -> Effect:
    """Return the relative change of a measure from the proportional sample's to a variant's.

    Both have the same seeds and test rows. By the delta method: the change of v / b is v' / b - v b' / b squared. Rows
    of one of `groups` (whole numbers) are taken to be no more independent of each other than copies of one row are.
    """
    rows = base.influence.shape[1]
    against, value = base.value, variant.value
    if not (math.isfinite(against) and math.isfinite(value)) or against == 0:
        return Effect(math.nan, math.nan, 1.0, rows, rows)
    ratio = value / against
    by_seed = (variant.values - ratio * base.values) / against
    by_row = (variant.influence - ratio * base.influence).mean(axis=0) / against
    error, freedom, independent = _error(by_seed, by_row, groups)
    return Effect(ratio - 1, error, freedom, rows, independent)


def own_interval(measured: Measured, groups: Ints | None = None, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a measure's own value, over seeds and test rows."""
    error, freedom, _ = _error(measured.values, measured.influence.mean(axis=0), groups)
    half = float(stats.t.ppf(1 - level / 2, freedom)) * error
    return measured.value - half, measured.value + half


def _error(by_seed: Floats, by_row: Floats, groups: Ints | None) -> tuple[float, float, int]:
    """Return the standard error of a mean over seeds and rows, its degrees of freedom, and the groups of rows.

    The rows' part is that of a mean over clusters (Liang and Zeger, 1986): what each row does to the mean, summed
    within its group; with a group for each row it is the usual one. NaN where a part has no spread to tell.
    """
    seeds, rows = by_seed.size, by_row.size
    sums = by_row if groups is None else np.bincount(np.unique(groups, return_inverse=True)[1], by_row)
    if seeds < 2 or sums.size < 2:  # noqa: PLR2004 - a variance needs two
        return math.nan, 1.0, int(sums.size)
    of_seeds = float(by_seed.var(ddof=1)) / seeds
    of_rows = float(((sums - sums.mean()) ** 2).sum()) * sums.size / (sums.size - 1) / rows**2
    both = of_seeds + of_rows
    parts = of_seeds**2 / (seeds - 1) + of_rows**2 / (sums.size - 1)
    return math.sqrt(both), both**2 / parts if parts > 0 else float(seeds - 1), int(sums.size)


def holm(chances: Sequence[float], level: float = LEVEL) -> tuple[list[float], list[float]]:
    """Return the corrected p of each of several tests, and the level of the interval that goes with it.

    Holm (1979): the smallest p is held against level / k, the next against level / (k - 1), and so on; from the first
    that fails on, all fail. Intervals of that first one's level then hold 0 for all of those.

    >>> holm([0.01, 0.04, 0.03])
    ([0.03, 0.06, 0.06], [0.016666666666666666, 0.025, 0.025])
    """
    order = sorted(range(len(chances)), key=lambda place: chances[place])
    many = len(chances)
    corrected, levels = [0.0] * many, [level] * many
    highest, failed = 0.0, 0.0
    for rank, place in enumerate(order):
        own = level / (many - rank)
        highest = max(highest, min(1.0, chances[place] * (many - rank)))
        if not failed and highest > level:
            failed = own
        corrected[place], levels[place] = highest, failed or own
    return corrected, levels


def judge(
    regions: Sequence[tuple[str, Effect]], smallest: float, better: Literal["lower", "higher"], level: float = LEVEL
) -> list[Verdict]:
    """Return a verdict on each region of a variant under one proxy.

    `smallest` is the relative change that matters: a smaller one is never said to help or hurt, however sure it is.
    """
    corrected, levels = holm([effect.p for _, effect in regions], level)
    return [
        _judged(name, effect, p, own, smallest, better)
        for (name, effect), p, own in zip(regions, corrected, levels, strict=True)
    ]


def _judged(name: str, effect: Effect, p: float, level: float, smallest: float, better: str) -> Verdict:
    if not effect.told:
        few = f"{effect.groups:,} groups of test rows, at least {FEWEST_ROWS} are needed"
        why = few if effect.groups < FEWEST_ROWS else "no value"
        return Verdict(name, "cannot tell", effect.change, math.nan, math.nan, p, effect.rows, why)
    low, high = effect.interval(level)
    sure = low > 0 or high < 0
    if sure and abs(effect.change) >= smallest:
        word: Word = "helps" if (effect.change < 0) == (better == "lower") else "hurts"
        return Verdict(name, word, effect.change, low, high, p, effect.rows)
    within = -smallest < low and high < smallest
    why = "smaller than what matters" if within or sure else "the interval holds 0"
    return Verdict(name, "cannot tell", effect.change, low, high, p, effect.rows, why)


def rows_needed(smallest: float) -> int:
    """Return the test rows without which an effect of `smallest` is not seen, however many seeds there are.

    >>> rows_needed(0.02), rows_needed(0.05)
    (601, 97)
    """
    return max(FEWEST_ROWS, math.ceil((float(stats.norm.ppf(1 - LEVEL / 2)) * SPREAD / smallest) ** 2))
