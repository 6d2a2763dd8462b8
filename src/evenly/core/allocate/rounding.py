"""From a real plan to whole rows: the size exact, on two axes every marginal within one, beyond two as near as found.

Two axes: controlled rounding (Cox and Ernst, 1982). Cells are rounded up from the largest fraction down while their row
and column want more; where that ends short, a path of cells that are raised and lowered in turn brings a row from where
there is room to where one is missing, until every marginal has its whole number.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evenly.core.allocate.wish import Marginal

Axis = tuple["Marginal", "NDArray[np.float64]", "NDArray[np.int64]"]
"""A marginal, the rows wanted of each of its groups, and these as whole numbers."""

DIGITS: Final = 9
"""Of a fraction that are compared: equal ones that were reached by different sums are ties, for the hash to break."""

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
    axes: Sequence[Axis],
) -> NDArray[np.int64]:
    """Return whole quotas, Int64 [strata], within the bounds, that sum to `size` and keep the marginals as said above.

    Strata are in the order of their hash.
    """
    real = np.round(real, DIGITS)
    quotas = np.clip(np.floor(real).astype(np.int64), lower, upper)
    fraction = np.where(quotas < upper, np.round(real - quotas, DIGITS), 0.0)
    order = np.lexsort((stratum_hash, -fraction))
    if len(axes) <= 2:  # noqa: PLR2004 - axes
        found = _two_axes(quotas, order, fraction, (lower, upper), axes)
        if found is not None:
            return found
    return _exchanged(_first(quotas, order, lower, upper, size), lower, upper, axes)


@dataclass
class _Table:
    """A two-way table that is being filled.

    `group` are the cells' row and column, `need` what each row and column still wants, `quotas` the cells.
    """

    group: tuple[NDArray[np.int64], NDArray[np.int64]]
    need: tuple[list[int], list[int]]
    quotas: NDArray[np.int64]
    upper: NDArray[np.int64]
    lower: NDArray[np.int64]

    def put(self, cell: int, rows: int) -> None:
        """Raise or lower a cell."""
        self.quotas[cell] += rows
        for side in (0, 1):
            self.need[side][int(self.group[side][cell])] -= rows


def _two_axes(
    quotas: NDArray[np.int64],
    order: NDArray[np.int64],
    fraction: NDArray[np.float64],
    bounds: tuple[NDArray[np.int64], NDArray[np.int64]],
    axes: Sequence[Axis],
) -> NDArray[np.int64] | None:
    """Return quotas whose marginals are the whole numbers of `axes`, or None where no path leads there."""
    first = axes[0]
    second = axes[1] if len(axes) > 1 else first
    groups = (first[0].groups, second[0].groups)
    wanted = (first[2], second[2])
    need = tuple(
        (whole - np.bincount(group, weights=quotas, minlength=whole.size).astype(np.int64)).tolist()
        for group, whole in zip(groups, wanted, strict=True)
    )
    table = _Table(groups, (need[0], need[1]), quotas.copy(), bounds[1], bounds[0])
    if len(axes) == 1:
        table.need = (table.need[0], [sum(table.need[0])])
        table.group = (groups[0], np.zeros_like(groups[0]))
    for cell in order[: int((fraction > 0).sum())].tolist():
        row, column = int(table.group[0][cell]), int(table.group[1][cell])
        if table.need[0][row] > 0 and table.need[1][column] > 0:
            table.put(cell, 1)
    return table.quotas if _mended(table) else None


def _mended(table: _Table) -> bool:
    """Bring every need to nothing by paths of cells; say whether that was possible."""
    cells = [_cells_of(table.group[side], len(table.need[side])) for side in (0, 1)]
    for sign in (1, -1):
        while (start := next((row for row, need in enumerate(table.need[0]) if need * sign > 0), None)) is not None:
            path = _path(table, cells, start, sign)
            if path is None:
                return False
            for step, cell in enumerate(path):
                table.put(cell, sign if step % 2 == 0 else -sign)
    return not any(table.need[1])


def _cells_of(group: NDArray[np.int64], groups: int) -> list[list[int]]:
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(groups + 1))
    return [order[edges[place] : edges[place + 1]].tolist() for place in range(groups)]


def _path(table: _Table, cells: list[list[list[int]]], start: int, sign: int) -> list[int] | None:
    """Return cells to raise and lower in turn, from a row in need to a column in need, the fewest there are."""
    before: dict[tuple[int, int], tuple[tuple[int, int] | None, int]] = {(0, start): (None, -1)}
    waiting: deque[tuple[int, int]] = deque([(0, start)])
    while waiting:
        side, place = here = waiting.popleft()
        if side == 1 and table.need[1][place] * sign > 0:
            return _walked(before, here)
        step = sign if side == 0 else -sign
        for cell in cells[side][place]:
            if not table.lower[cell] <= table.quotas[cell] + step <= table.upper[cell]:
                continue
            there = (1 - side, int(table.group[1 - side][cell]))
            if there not in before:
                before[there] = (here, cell)
                waiting.append(there)
    return None


def _walked(before: dict[tuple[int, int], tuple[tuple[int, int] | None, int]], end: tuple[int, int]) -> list[int]:
    path: list[int] = []
    here: tuple[int, int] | None = end
    while here is not None:
        here, cell = before[here]
        path.append(cell)
    return path[-2::-1]


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
    quotas: NDArray[np.int64], lower: NDArray[np.int64], upper: NDArray[np.int64], axes: Sequence[Axis]
) -> NDArray[np.int64]:
    """Return quotas of the same sum whose squared deviations from the marginals no exchange of two rows lowers."""
    groups = [one.groups for one, _, _ in axes]
    counts = [np.bincount(one.groups, quotas, row.size) for one, row, _ in axes]
    over: list[NDArray[np.float64]] = [count - row for count, (_, row, _) in zip(counts, axes, strict=True)]
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
