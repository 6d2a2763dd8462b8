"""Policy `rake`: wanted shares on several axes at once, as near to the pool as they allow.

The plan is the one that is closest to the pool in relative entropy (KL) among those that meet every marginal within
what the strata hold: raking, or iterative proportional fitting (Deming and Stephan, 1940), under capacities. It has the
form n = clip(N x product of one factor per axis); a sweep solves one axis' factors after another.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.core.allocate.bounds import WISHES, limits, short_of_floor
from evenly.core.allocate.programs import explain, relaxed
from evenly.core.allocate.rounding import to_whole
from evenly.core.allocate.seats import apportion
from evenly.core.allocate.wish import Allocation, AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evenly.core.allocate.wish import Marginal, Wish

SWEEPS: Final = 2_000
"""Times that every axis is fitted at most."""

PATIENCE: Final = 50
"""Sweeps within which what is missed has to halve."""

STEPS: Final = 100
"""Of Newton and halving within a sweep at most."""

STEEPEST: Final = 1e6
"""Factor of one sweep at most."""

LARGEST: Final = 1e200
"""Of a cell before it is cut to its bounds: factors of many sweeps multiply."""

EXACT: Final = 1e-10
"""Of the size: a fit whose marginals miss by less is done."""

WHOLE: Final = 1e-9
"""Of a row: what is nearer to a whole number than this is one."""

NEAR: Final = 1e-4
"""Of a row: whether a fit that stays farther off than this, and than 1e-7 of the size, can be met at all is asked."""


def rake(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """Return the allocation of policy rake; see the package for shapes.

    Raises:
        AllocationError: naming an irreducible set of wishes that conflict, and the nearest plan.
    """
    order = np.argsort(stratum_hash, kind="stable")  # sums of floats don't depend on the order of strata
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    found = _rake(counts[order], stratum_hash[order], _permuted(wish, order))
    return Allocation(found.quotas[back], found.wanted[back], found.deviation)


def _permuted(wish: Wish, order: NDArray[np.int64]) -> Wish:
    marginals = tuple(replace(one, groups=one.groups[order]) for one in wish.marginals)
    return replace(wish, take_all=wish.take_all[order], marginals=marginals)


def _rake(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    size = wish.rows()
    lower, upper = limits(counts, wish, frozenset(WISHES))
    rows = [one.shares * size for one in wish.marginals]
    for one, row in zip(wish.marginals, rows, strict=True):  # what has no share has no row
        upper = np.where((row[one.groups] <= 0) & ~wish.take_all, lower, upper)
    if wish.shortfall == "error" and (lower < np.where(wish.take_all, 0, wish.floor)).any():
        raise AllocationError(short_of_floor(wish, counts))
    real = fit(counts, lower, upper, [one.groups for one in wish.marginals], rows)
    if missed(real, wish.marginals, rows) > max(NEAR, 1e-7 * size):
        told = explain(counts, wish)
        if told is not None:
            if wish.shortfall == "error":
                raise AllocationError(told)
            rows, size = relaxed(wish, lower, upper)
            real = fit(counts, lower, upper, [one.groups for one in wish.marginals], rows)
    whole = [apportion_rows(row, size) for row in rows]
    quotas = to_whole(real, lower, upper, size, stratum_hash, list(zip(wish.marginals, rows, whole, strict=True)))
    wanted_rows = [one.shares * wish.rows() for one in wish.marginals]
    return Allocation(quotas, quotas, missed(quotas.astype(np.float64), wish.marginals, wanted_rows))


def missed(real: NDArray[np.float64], marginals: Sequence[Marginal], rows: Sequence[NDArray[np.float64]]) -> float:
    """Return the rows by which the marginal that is missed most is missed."""
    return max(
        float(np.abs(_sums(real, one.groups, row.size) - row).max()) for one, row in zip(marginals, rows, strict=True)
    )


def apportion_rows(rows: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Return an axis' wanted rows as whole numbers that sum to `size`, each within one of what is wanted."""
    low = np.floor(rows + WHOLE).astype(np.int64)
    high = np.where(rows - low > WHOLE, low + 1, low)
    places = np.arange(rows.size, dtype=np.uint64)
    size = min(max(size, int(low.sum())), int(high.sum()))
    return apportion(np.maximum(rows, 1e-300), low, high, size, places)


def fit(
    counts: NDArray[np.int64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]],
    rows: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the plan, Float64 [strata], that is closest to `counts` within the bounds and meets `rows` by group.

    Where the rows can't be met, the last sweep's; `missed` tells how far off it is.
    """
    low, high = lower.astype(np.float64), upper.astype(np.float64)
    size = max(1.0, float(rows[0].sum()))
    shape: NDArray[np.float64] = counts * np.float64(size / max(1.0, float(counts.sum())))
    plan = np.clip(shape, low, high)
    before = np.inf
    for sweep in range(SWEEPS):
        for group, row in zip(groups, rows, strict=True):
            shape = np.minimum(shape * _factors(shape, low, high, group, row)[group], LARGEST)
        plan = np.clip(shape, low, high)
        off = max(
            float(np.abs(_sums(plan, group, row.size) - row).max()) for group, row in zip(groups, rows, strict=True)
        )
        if off <= EXACT * size:
            break
        if sweep % PATIENCE == PATIENCE - 1:
            if off > before / 2:
                break  # it can't be met, or only at the very edge of what can
            before = off
    return plan


def _factors(
    shape: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    group: NDArray[np.int64],
    row: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return for each group the factor t at which clip(t x shape) sums to its row, by Newton's steps in brackets."""
    row = np.clip(row, _sums(low, group, row.size), _sums(high, group, row.size))  # as near as the group can come
    factor = np.ones(row.size)
    least, most = np.zeros(row.size), np.full(row.size, STEEPEST)
    for _ in range(STEPS):
        scaled = shape * factor[group]
        gap = row - _sums(np.clip(scaled, low, high), group, row.size)
        done = np.abs(gap) <= EXACT / 100 * np.maximum(row, 1.0)
        if done.all():
            break
        least = np.where(gap > 0, factor, least)
        most = np.where(gap < 0, factor, most)
        slope = _sums(np.where((scaled > low) & (scaled < high), shape, 0.0), group, row.size)
        step = factor + gap / np.where(slope > 0, slope, np.inf)
        inside = (slope > 0) & (step > least) & (step < most)
        new = np.where(done, factor, np.where(inside, step, (least + most) / 2))
        if np.array_equal(new, factor):
            break
        factor = new
    return factor


def _sums(values: NDArray[np.float64], group: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    return np.bincount(group, values, groups).astype(np.float64)
