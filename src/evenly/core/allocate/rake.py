"""Policy `rake`: wanted shares on several axes at once, as near to the pool as they allow.

On one axis the groups' rows are shared out by Webster's apportionment, and so are a group's among its strata: a larger
size never lowers a quota. On several, the nearest real plan is found (`fit.py`) and made whole (`rounding.py`); there
the nearest plan itself may lower one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.core.allocate.bounds import bounds
from evenly.core.allocate.fit import fit, missed, sweep
from evenly.core.allocate.programs import explain, relaxed
from evenly.core.allocate.rounding import to_whole
from evenly.core.allocate.seats import apportion
from evenly.core.allocate.wish import Allocation, AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.core.allocate.bounds import Bounds
    from evenly.core.allocate.wish import Wish

NEAR: Final = 1e-3
"""Of a row: whether a fit that stays farther off than this, and than 1e-9 of the size, can be met at all is asked."""


def rake(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """Return the allocation of policy rake; see the package for shapes.

    Raises:
        AllocationError: naming an irreducible set of wishes that conflict, and the nearest plan.
    """
    order = np.argsort(stratum_hash, kind="stable")  # sums of floats don't depend on the order of strata
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    found = _rake(counts[order], stratum_hash[order], _permuted(wish, order))
    return Allocation(found.quotas[back], found.wanted[back])


def _permuted(wish: Wish, order: NDArray[np.int64]) -> Wish:
    marginals = tuple(replace(one, groups=one.groups[order]) for one in wish.marginals)
    return replace(wish, take_all=wish.take_all[order], marginals=marginals)


def _rake(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    found = bounds(counts, wish)
    make = _on_one_axis if len(wish.marginals) == 1 else _on_several
    quotas = make(counts, stratum_hash, wish, found)
    return Allocation(quotas, np.maximum(quotas, found.wanted))


def _on_one_axis(
    counts: NDArray[np.int64],
    stratum_hash: NDArray[np.uint64],
    wish: Wish,
    found: Bounds,
) -> NDArray[np.int64]:
    one = wish.marginals[0]
    groups, rows = one.groups, one.shares * wish.rows()
    least, most = (np.bincount(groups, side, rows.size).astype(np.int64) for side in (found.lower, found.upper))
    whole = _apportioned(one.shares, least, most, found.size)
    if (np.abs(whole - rows) >= 1).any() and wish.shortfall == "error":
        told = explain(counts, wish)
        if told is not None:
            raise AllocationError(told)
    if wish.shortfall == "accept":
        plenty = np.maximum(least, wish.rows())
        whole = np.minimum(_apportioned(one.shares, least, plenty, wish.rows()), most)
    quotas = found.lower.copy()
    for place, number in enumerate(whole.tolist()):
        here = np.flatnonzero(groups == place)
        measure = np.maximum(counts[here], 1).astype(np.float64)
        quotas[here] = apportion(measure, found.lower[here], found.upper[here], number, stratum_hash[here])
    return quotas


def _apportioned(
    shares: NDArray[np.float64], least: NDArray[np.int64], most: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Return whole rows of groups by their shares; those without one get rows only when all others are full."""
    places = np.arange(shares.size, dtype=np.uint64)
    wanted = shares > 0
    room = np.where(wanted, most, least)
    whole = apportion(np.where(wanted, shares, 1.0), least, room, min(size, int(room.sum())), places)
    left = size - int(whole.sum())
    return whole if left <= 0 else apportion(np.maximum(most, 1).astype(np.float64), whole, most, size, places)


def _on_several(
    counts: NDArray[np.int64],
    stratum_hash: NDArray[np.uint64],
    wish: Wish,
    found: Bounds,
) -> NDArray[np.int64]:
    size, lower, upper = wish.rows(), found.lower, found.upper
    groups = [one.groups for one in wish.marginals]
    rows = [one.shares * size for one in wish.marginals]
    room = _without_shares(wish, lower, upper)
    real = sweep(counts, lower, room, groups, rows)
    if missed(real, groups, rows) > max(NEAR, 1e-9 * size):
        told = explain(counts, wish)
        if told is not None and wish.shortfall == "error":
            raise AllocationError(told)
        if told is not None:
            (rows, size), room = relaxed(wish, found), upper
        real = fit(counts, lower, room, groups, rows)
    return to_whole(real, lower, upper, size, stratum_hash, list(zip(groups, rows, strict=True)))


def _without_shares(wish: Wish, lower: NDArray[np.int64], upper: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the upper bounds, by which what has no share has no row beyond its floor."""
    for one in wish.marginals:
        upper = np.where((one.shares[one.groups] <= 0) & ~wish.take_all, lower, upper)
    return upper
