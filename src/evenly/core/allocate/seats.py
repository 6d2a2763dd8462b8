"""Whole numbers from shares: Webster's apportionment within bounds, as exact as if seats were given out one by one.

A stratum's k-th row has the priority measure / (2k - 1); rows go to the highest priorities, ties to the smaller stratum
hash. The order in which rows are given out does not depend on how many there are, so that a larger size never lowers a
quota (largest remainders can). Webster (Sainte-Lagüe) is the divisor method that favours neither large nor small ones
(Balinski and Young, 1982).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HALVINGS: Final = 200
"""Of the interval in which the last row's priority lies: far more than a double has digits."""

NEAR: Final = 2
"""Rows of a stratum whose priorities may lie in that interval when they are looked at one by one."""


def apportion(
    measure: NDArray[np.float64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    size: int,
    stratum_hash: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """Return quotas, Int64 [strata], that sum to `size` in proportion to `measure` as far as the bounds let them.

    `measure` is above 0 where `upper` is above `lower`; `size` lies between the sums of the bounds.
    """
    quotas = _below(measure, lower, upper, size)
    ahead = 4
    while left := size - int(quotas.sum()):
        given = _next_rows(measure, quotas, upper, left, stratum_hash, ahead)
        if given is None:
            ahead *= 4
            continue
        quotas = quotas + given
    return quotas


def _below(
    measure: NDArray[np.float64], lower: NDArray[np.int64], upper: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Return quotas that are at most the final ones, and not far from them: all rows above some priority."""
    quotas = lower.copy()
    places = np.flatnonzero(upper > lower)
    if not places.size:
        return quotas
    high = 2 * float(measure[places].max())
    low = float(measure[places].min()) / (2 * float(upper[places].max()) + 2)
    fewest, most = lower[places], upper[places]
    settled = int(quotas.sum()) - int(fewest.sum())
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low) * np.sqrt(high))
        rows = _above(middle, measure[places], lower[places], upper[places])
        if settled + int(rows.sum()) <= size:
            high, fewest = middle, rows
        else:
            low, most = middle, rows
        still = most > fewest  # what is the same at both ends of the interval is known
        quotas[places] = fewest
        settled += int(fewest[~still].sum())
        places, fewest, most = places[still], fewest[still], most[still]
        if int((most - fewest).max(initial=0)) <= NEAR:
            break
    # One row less: the count of rows above a priority may be off by one where the division is rounded.
    return np.maximum(lower, quotas - 1)


def _above(
    priority: float, measure: NDArray[np.float64], lower: NDArray[np.int64], upper: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return how many rows of each stratum have at least a priority."""
    rows = np.minimum(measure / (2 * priority) + 0.5, upper)  # a double holds any count exactly
    return np.clip(rows.astype(np.int64), lower, upper)


def _next_rows(
    measure: NDArray[np.float64],
    quotas: NDArray[np.int64],
    upper: NDArray[np.int64],
    left: int,
    stratum_hash: NDArray[np.uint64],
    ahead: int,
) -> NDArray[np.int64] | None:
    """Return how many of the next `left` rows each stratum gets, or None when looking `ahead` rows was not enough."""
    places = np.flatnonzero(upper > quotas)
    rows = quotas[places, None] + np.arange(1, ahead + 1)
    priority = np.where(rows <= upper[places, None], measure[places, None] / (2.0 * rows - 1.0), -1.0)
    if left > int((priority >= 0).sum()):
        return None
    last = float(np.partition(priority.ravel(), -left)[-left])
    given = (priority > last).sum(axis=1)
    beyond = quotas[places] + ahead + 1
    if np.any((beyond <= upper[places]) & (measure[places] / (2.0 * beyond - 1.0) >= last)):
        return None
    tied = np.flatnonzero((priority == last).any(axis=1))
    first = tied[np.argsort(stratum_hash[places[tied]], kind="stable")][: left - int(given.sum())]
    given[first] += 1
    found = np.zeros(quotas.size, np.int64)
    found[places] = given
    return found
