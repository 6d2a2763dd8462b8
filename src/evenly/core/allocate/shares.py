"""Policies on one axis that differ in one line: what each stratum's quota is to be in proportion to.

All of them give an exact size by Webster's apportionment, take what a small stratum lacks from the others
(water-filling), and keep floors and ceilings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.core.allocate.bounds import bounds
from evenly.core.allocate.seats import apportion
from evenly.core.allocate.wish import Allocation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.core.allocate.wish import Wish

DIGITS: Final = 12
"""Digits that a power keeps: its last ones depend on the processor, and would decide between shares that are equal."""


def proportional(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """N in proportion to N: the shape stays, the size shrinks (proportional allocation of survey sampling)."""
    return _in_proportion_to(counts.astype(np.float64), counts, stratum_hash, wish)


def equal(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """The same n from every stratum, as far as it has them (under-sampling)."""
    return _in_proportion_to(np.ones(counts.size), counts, stratum_hash, wish)


def power(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """N in proportion to N^alpha, from 1 (proportional) to 0 (equal): temperature sampling, T = 1 / alpha."""
    distinct, place = np.unique(counts, return_inverse=True)
    measure = np.array([float(f"{float(count) ** wish.alpha:.{DIGITS}g}") for count in distinct.tolist()], np.float64)
    return _in_proportion_to(measure[place], counts, stratum_hash, wish)


def unimax(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """Equal, a stratum's records repeated up to `epochs` times (UniMax: Chung et al., 2023)."""
    return equal(counts, stratum_hash, wish)


def weighted(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """No strata: one draw of `size` records, in which weights alone decide (the course's second recipe, DSIR)."""
    return equal(counts, stratum_hash, wish)


def _in_proportion_to(
    measure: NDArray[np.float64], counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish
) -> Allocation:
    found = bounds(counts, wish)
    quotas = apportion(measure, found.lower, found.upper, found.size, stratum_hash)
    return Allocation(quotas, np.maximum(quotas, found.wanted))
