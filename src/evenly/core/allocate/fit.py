"""The plan that is closest to the pool in relative entropy (KL) among those that meet every marginal within bounds.

It has the form n = clip(N x product of one factor per axis). Raking, or iterative proportional fitting (Deming and
Stephan, 1940), solves one axis' factors after another, and is done within some sweeps for most pools. Where it is slow,
since records lie near a diagonal, the logarithms of all factors are found at once: they maximise the dual, a smooth
concave function whose gradient is what the marginals miss (SciPy's trust-exact, Newton's method within a trust region).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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

ASCENTS: Final = 500
"""Steps of Newton's method on the dual at most."""

MOST_GROUPS: Final = 3_000
"""Groups of all axes up to which the dual's curvature, a square of them, is small; beyond, sweeps have to suffice."""


def fit(
    counts: NDArray[np.int64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]],
    rows: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the plan, Float64 [strata], that is closest to `counts` within the bounds and meets `rows` by group.

    `groups` has, for each axis, the group of each stratum, and `rows` what each group is to have: rows that can be met.
    """
    size = max(1.0, float(rows[0].sum()))
    plan = sweep(counts, lower, upper, groups, rows)
    if missed(plan, groups, rows) <= 1e3 * EXACT * size or sum(row.size for row in rows) > MOST_GROUPS:
        return plan
    other = _ascended(counts, lower, upper, groups, rows)
    return min((plan, other), key=lambda one: missed(one, groups, rows))


def missed(
    plan: NDArray[np.float64], groups: Sequence[NDArray[np.int64]], rows: Sequence[NDArray[np.float64]]
) -> float:
    """Return the rows by which the group that is missed most is missed."""
    return max(float(np.abs(sums(plan, group, row.size) - row).max()) for group, row in zip(groups, rows, strict=True))


def sums(values: NDArray[np.float64], group: NDArray[np.int64], groups: int) -> NDArray[np.float64]:
    """Return the sum of the values of each group."""
    return np.bincount(group, values, groups).astype(np.float64)


def sweep(
    counts: NDArray[np.int64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]],
    rows: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the plan after as many sweeps as it takes, or as help; `missed` tells how far off it is.

    Where rows can't be met, sweeps don't come nearer after a while; nor do they soon where records lie near a diagonal.
    """
    low, high = lower.astype(np.float64), upper.astype(np.float64)
    size = max(1.0, float(rows[0].sum()))
    shape: NDArray[np.float64] = counts * np.float64(size / max(1.0, float(counts.sum())))
    plan = np.clip(shape, low, high)
    before = np.inf
    for number in range(SWEEPS):
        for group, row in zip(groups, rows, strict=True):
            shape = np.minimum(shape * _factors(shape, low, high, group, row)[group], LARGEST)
        plan = np.clip(shape, low, high)
        off = missed(plan, groups, rows)
        if off <= EXACT * size:
            break
        if number % PATIENCE == PATIENCE - 1:
            if off > before / 2:
                break
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
    row = np.clip(row, sums(low, group, row.size), sums(high, group, row.size))  # as near as the group can come
    factor = np.ones(row.size)
    least, most = np.zeros(row.size), np.full(row.size, STEEPEST)
    for _ in range(STEPS):
        scaled = shape * factor[group]
        gap = row - sums(np.clip(scaled, low, high), group, row.size)
        done = np.abs(gap) <= EXACT / 100 * np.maximum(row, 1.0)
        if done.all():
            break
        least = np.where(gap > 0, factor, least)
        most = np.where(gap < 0, factor, most)
        slope = sums(np.where((scaled > low) & (scaled < high), shape, 0.0), group, row.size)
        with np.errstate(over="ignore"):  # a slope of nearly nothing: the step is then outside, and halved
            step = factor + gap / np.where(slope > 0, slope, np.inf)
        inside = (slope > 0) & (step > least) & (step < most)
        new = np.where(done, factor, np.where(inside, step, (least + most) / 2))
        if np.array_equal(new, factor):
            break
        factor = new
    return factor


def _ascended(
    counts: NDArray[np.int64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]],
    rows: Sequence[NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return the plan at the dual's maximum.

    Each stratum adds to the dual the integral of clip(N e^x) over its sum of logarithms x: N e^x between the bounds,
    a straight line beyond them.
    """
    from scipy import optimize  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - loads slowly, seldom needed

    solver: Any = optimize
    free = np.flatnonzero((upper > lower) & (counts > 0))
    low, high, held = lower[free].astype(np.float64), upper[free].astype(np.float64), counts[free].astype(np.float64)
    edges = np.append(0, np.cumsum([row.size for row in rows]))
    places = [group[free] + start for group, start in zip(groups, edges[:-1], strict=True)]
    fixed = np.where((upper > lower) & (counts > 0), 0.0, lower).astype(np.float64)
    target = np.concatenate([row - sums(fixed, group, row.size) for group, row in zip(groups, rows, strict=True)])
    scale = max(1.0, float(rows[0].sum()))
    with np.errstate(divide="ignore"):
        floor, ceiling = np.log(low / held), np.log(high / held)

    def plan_of(logs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        total = np.sum([logs[place] for place in places], axis=0)
        return total, held * np.exp(np.clip(total, floor, ceiling))

    def dual(logs: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, plan = plan_of(logs)
        beyond = np.where(total < floor, low * (total - np.where(low > 0, floor, total)), 0.0)
        beyond += np.where(total > ceiling, high * (total - ceiling), 0.0)
        gradient = np.bincount(np.concatenate(places), np.tile(plan, len(places)), target.size) - target
        return (float((plan + beyond).sum()) - float(target @ logs)) / scale, gradient / scale

    def curvature(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        total, plan = plan_of(logs)
        inside = np.where((total > floor) & (total < ceiling), plan, 0.0) / scale
        pairs = [(one, other) for one in places for other in places]
        cells = np.concatenate([one * target.size + other for one, other in pairs])
        found = np.bincount(cells, np.tile(inside, len(pairs)), target.size**2).reshape(target.size, target.size)
        return found + np.eye(target.size) * (EXACT * float(np.trace(found)) / target.size)

    start = np.zeros(target.size)
    start[: rows[0].size] = np.log(scale / max(1.0, float(counts.sum())))
    options = {"maxiter": ASCENTS, "gtol": EXACT}
    found = solver.minimize(dual, start, jac=True, hess=curvature, method="trust-exact", options=options)
    plan = fixed
    plan[free] = plan_of(np.asarray(found.x, np.float64))[1]
    return plan
