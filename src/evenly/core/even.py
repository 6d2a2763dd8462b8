"""The weights by category under which a selection has as much of each category as of every other, as far as it goes.

Quotas stay as they are: weights only say whose records a stratum draws. A category's rows grow with its weight, though
less than in proportion, so each weight is multiplied by what its category lacks, again and again: iterative
proportional fitting (Deming and Stephan, 1940), here under what there is. A category whose records are all drawn
already, or that strata have to draw since they hold little else, keeps its weight, and the others share the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

ROUNDS: Final = 60
"""Times that rows are counted, at most."""

NEAR: Final = 0.001
"""Share of the wanted rows by which a category may miss them."""

STILL: Final = 2
"""Rows by which categories change at most in a round after which there is no other."""

WORTH: Final = 0.95
"""What the distance from even is multiplied by at most in a round that counts: to the end of what can't be met, weights
would grow by powers of ten for a few rows."""

HIGHEST, LOWEST = 4.0, 0.1
"""Powers that what a category lacks is taken to. High ones help where nearly all its records are drawn already."""

FASTER, SLOWER = 1.3, 0.5
"""What the power is multiplied by after a round that counts, and after one that does not."""

LIGHTEST, HEAVIEST = 1e-3, 1e6
"""What a weight may be."""

HALF: Final = 0.5
"""Rows that a category without any counts as."""

DIGITS: Final = 3
"""Significant digits of a weight."""


def even_weights(rows: Callable[[Floats], Integers], least: Integers, most: Integers, pool: Integers) -> Floats:
    """Return the weight of each category, Float64, under which their rows come as near as possible to each other.

    `rows` gives each category's rows under some weights, which are as many in all under any; `least` and `most` say how
    many of each there can be, `pool` how many there are. The largest category has the weight 1, and so have those that
    no weight changes anything of; the others lie from `LIGHTEST` to `HEAVIEST`, with three significant digits. The
    largest share is never larger than under equal weights.
    """
    free = most > least
    largest = np.where(free, pool, -1).argmax()
    weights = np.ones(most.size)
    counted = rows(weights)
    wanted = _wanted(counted, least, most)
    highest, power = counted.max(), 1.0
    for _ in range(ROUNDS):
        if power < LOWEST or (np.abs(counted - wanted) <= NEAR * wanted).all():
            break
        tried = weights * (np.maximum(wanted, HALF) / np.maximum(counted, HALF)) ** power
        tried = np.where(free, _rounded(tried / tried[largest]), 1.0)
        found = rows(tried)
        then = _wanted(found, least, most)
        still = np.abs(found - counted).max() <= STILL
        if _distance(found, then) <= WORTH * _distance(counted, wanted) and found.max() <= highest:
            weights, counted, wanted, power = tried, found, then, min(power * FASTER, HIGHEST)
        else:
            power *= SLOWER
        if still:
            break
    return weights


def _wanted(counted: Integers, least: Integers, most: Integers) -> Floats:
    """Return the rows that each category should have: its own where it can't come nearer to the others."""
    low, high = counted <= least * (1 + NEAR), counted >= most * (1 - NEAR)
    stuck = np.zeros(counted.size, np.bool_)
    while not stuck.all():
        share = counted[~stuck].mean()
        more = ~stuck & ((low & (counted > share)) | (high & (counted < share)))
        if not more.any():
            return np.where(stuck, counted, share)
        stuck |= more
    return counted.astype(np.float64)


def _distance(counted: Integers, wanted: Floats) -> float:
    return float(np.linalg.norm(counted - wanted))


def _rounded(weights: Floats) -> Floats:
    return np.array([float(f"{one:.{DIGITS}g}") for one in np.clip(weights, LIGHTEST, HEAVIEST)])
