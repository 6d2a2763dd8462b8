"""From a real plan to whole rows: the size exact, on two axes every marginal within one, beyond two as near as found.

Two axes: controlled rounding (Cox and Ernst, 1982). Rounding every cell, every row and column down or up is a flow
through a network, so that the corners of its linear program are whole numbers; of these HiGHS finds the one that rounds
up the largest fractions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    _Steps = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
    """Cells that may change: which, by how much one step changes each, what a step costs, how many there may be."""

DIGITS: Final = 9
"""Of a fraction that are compared: equal ones that were reached by different sums are ties, for the hash to break."""

SLACK: Final = 1e-5
"""Of a row: what is nearer to a whole number than this may be it."""

NEXT: Final = 1e-3
"""What all cells' hashes together add to the cost at most: they only break ties, each sum of them otherwise."""

SHARP: Final = 1e4
"""Times the costs that the solver is given, which takes those within 1e-7 for equal: no tie is left to its version."""

GAIN: Final = 1e-9
"""By which an exchange must lower the squared deviations."""

EXCHANGES: Final = 20_000
"""Steps of the search beyond two axes at most."""


def to_whole(
    real: NDArray[np.float64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    size: int,
    stratum_hash: NDArray[np.uint64],
    axes: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> NDArray[np.int64]:
    """Return whole quotas, Int64 [strata], within the bounds, that sum to `size` and keep the marginals as said above.

    `size` lies between the sums of the bounds. `axes` are each stratum's group and the rows wanted of each group.
    Strata are in the order of their hash.
    """
    real = np.round(real, DIGITS)
    if len(axes) <= 2:  # noqa: PLR2004 - axes
        found = _by_flow(real, lower, upper, size, stratum_hash, axes)
        if found is not None:
            return found
    quotas = np.clip(np.floor(real).astype(np.int64), lower, upper)
    fraction = np.where(quotas < upper, np.round(real - quotas, DIGITS), 0.0)
    order = np.lexsort((stratum_hash, -fraction))
    return _exchanged(_first(quotas, order, lower, upper, size), lower, upper, axes)


def _by_flow(
    real: NDArray[np.float64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    size: int,
    stratum_hash: NDArray[np.uint64],
    axes: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> NDArray[np.int64] | None:
    """Return quotas with every marginal rounded down or up, or None where the marginals can't be met.

    Of each cell first only its own two whole numbers are tried; where the plan was found too roughly for that, all that
    its bounds allow, each row away from the plan at its price.
    """
    base = np.clip(np.floor(real), lower, upper)
    fraction = np.round(real - base, DIGITS)
    near = np.flatnonzero((fraction > 0) & (base < upper))
    ties = stratum_hash / 2.0**64
    tie = ties[near] * (NEXT / max(1, near.size))
    one: list[_Steps] = [(near, np.ones(near.size), tie - fraction[near], np.ones(near.size))]
    found = _solved(base, one, size, axes)
    if found is None:
        every = np.arange(real.size)
        tie = ties * (NEXT / max(1, every.size))
        up, down = (upper - base).astype(np.float64), (base - lower).astype(np.float64)
        first = np.minimum(up, 1.0)
        steps: list[_Steps] = [
            (every, np.ones(every.size), 1 - 2 * fraction + tie, first),
            (every, np.ones(every.size), 1 + tie, up - first),
            (every, -np.ones(every.size), 1 + 2 * fraction + tie, down),
        ]
        found = _solved(base, steps, size, axes)
    return found


def _solved(
    base: NDArray[np.float64],
    steps: Sequence[_Steps],
    size: int,
    axes: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> NDArray[np.int64] | None:
    """Return `base` and the cheapest steps from it, or None where none meet the marginals."""
    # SciPy loads slowly, is seldom needed, and has no types.
    from scipy import optimize, sparse  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    cells, change, cost, most = (np.concatenate(part) for part in zip(*steps, strict=True))
    if not cells.size:
        return base.astype(np.int64) if int(base.sum()) == size else None
    tools: Any = sparse
    solver: Any = optimize
    variables = np.arange(cells.size)
    starts = np.cumsum([0, *(rows.size for _, rows in axes)])
    places = [group[cells] + start for (group, _), start in zip(axes, starts, strict=False)]
    places.append(np.full(cells.size, starts[-1]))
    shape = (int(starts[-1]) + 1, cells.size)
    entries = np.tile(change, len(places)), (np.concatenate(places), np.tile(variables, len(places)))
    here = [np.bincount(group, base, rows.size) for group, rows in axes]
    least = [np.floor(rows + SLACK) - held for (_, rows), held in zip(axes, here, strict=True)]
    most_of = [np.ceil(rows - SLACK) - held for (_, rows), held in zip(axes, here, strict=True)]
    left = np.array([size - base.sum()])
    constraint = solver.LinearConstraint(
        tools.csr_array(entries, shape=shape), np.concatenate([*least, left]), np.concatenate([*most_of, left])
    )
    result = solver.milp(
        cost * SHARP,
        constraints=constraint,
        bounds=solver.Bounds(0, most),
        integrality=np.ones(cells.size),
        options={"mip_rel_gap": 0.0},  # else the first plan that is nearly the best is taken
    )
    if result.x is None:
        return None
    taken = np.round(np.asarray(result.x, np.float64)) * change
    return (base + np.bincount(cells, taken, base.size)).astype(np.int64)


def _first(
    quotas: NDArray[np.int64],
    order: NDArray[np.int64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    size: int,
) -> NDArray[np.int64]:
    """Return quotas that sum to `size`, raised from the largest fraction down (or lowered from the smallest up)."""
    quotas = quotas.copy()
    while left := size - int(quotas.sum()):
        can = order[(quotas < upper)[order]] if left > 0 else order[::-1][(quotas > lower)[order[::-1]]]
        quotas[can[: abs(left)]] += 1 if left > 0 else -1
    return quotas


def _exchanged(
    quotas: NDArray[np.int64],
    lower: NDArray[np.int64],
    upper: NDArray[np.int64],
    axes: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> NDArray[np.int64]:
    """Return quotas of the same sum whose squared deviations from the marginals no exchange of two rows lowers."""
    groups = [group for group, _ in axes]
    over: list[NDArray[np.float64]] = [np.bincount(group, quotas, rows.size) - rows for group, rows in axes]
    for _ in range(EXCHANGES):
        raised = _cost_of(1, over, groups)
        up = int(np.argmin(np.where(quotas < upper, raised, np.inf)))
        after = [off + (np.arange(off.size) == group[up]) for off, group in zip(over, groups, strict=True)]
        lowered = _cost_of(-1, after, groups)
        down = int(np.argmin(np.where(quotas > lower, lowered, np.inf)))
        possible = quotas[up] < upper[up] and quotas[down] > lower[down]
        if not possible or raised[up] + lowered[down] > -GAIN:
            break
        quotas[up] += 1
        quotas[down] -= 1
        over = [off - (np.arange(off.size) == group[down]) for off, group in zip(after, groups, strict=True)]
    return quotas


def _cost_of(
    step: int, over: Sequence[NDArray[np.float64]], groups: Sequence[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Return by how much the sum of squared deviations grows when a cell is raised or lowered by one."""
    return np.sum([2 * step * off[group] + 1 for off, group in zip(over, groups, strict=True)], axis=0)
