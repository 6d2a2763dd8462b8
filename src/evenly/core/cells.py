"""Records held in an order of which every selection is a beginning: what a change of quotas or weights then costs.

A *cell* holds the records of one stratum whose weights always change together: those of one category, where weights go
by category. Within a cell records lie by (base key, id), and a record's key is its base key / its cell's weight. So the
n smallest keys of a stratum are a beginning of each of its cells, whatever the weights are, and with one cell a stratum
it is the quota itself. Nothing is sorted again but a few records around the cut-off.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

DIGIT: Final = 16
"""Bits by which numbers of cells are sorted at once: whole numbers that short are sorted by counting."""

SPARE: Final = 4
"""Records by which a search stays away from a cut-off: so near to it rounding could tell keys apart wrongly."""

FAR: Final = 5.0
"""Standard deviations from where a cut-off is expected to where it is looked for first."""

WIDE: Final = 64
"""Records of a stratum around its cut-off that are sorted, on average: to narrow down to fewer costs more."""

FEW: Final = 2**15
"""Records that are sorted in all, however few the strata, in about the time that narrowing them down takes."""

ROUNDS: Final = 12
"""Times that the cut-offs are narrowed down at most; what is left is sorted."""

NEWTON: Final = 64

TINY: Final = 1e-290
"""A weight below which keys may be beyond all numbers: they tie then, and base keys say nothing of the order."""


@dataclass(frozen=True)
class Cells:
    """Records by cell; cells by stratum and kind.

    Attributes:
        rows: Int64 [records]: their numbers, by cell, base key and id.
        base: Float64 [records]: their base keys, in that order.
        starts: Int64 [cells + 1]: where in it each cell begins.
        stratum: Int64 [cells]: the number of its stratum.
        kind: Int64 [cells]: what its weight goes by.
    """

    rows: Integers
    base: Floats
    starts: Integers
    stratum: Integers
    kind: Integers

    @property
    def sizes(self) -> Integers:
        """Records of each cell."""
        return np.diff(self.starts)

    def totals(self, counts: Integers, strata: int) -> Integers:
        """Return what some counts of cells come to for each stratum."""
        return np.bincount(self.stratum, counts, strata).astype(np.int64)


@dataclass(frozen=True)
class Cut:
    """What of each cell is selected: all up to `ends`, Int64 [cells], and the single places `more` beyond."""

    ends: Integers
    more: Integers

    def places(self, cells: Cells) -> Integers:
        """Return the places of the selected records, see `Cells.rows`."""
        return np.concatenate([spans(cells.starts[:-1], self.ends), self.more])

    def sizes(self, cells: Cells) -> Integers:
        """Return how many records of each cell are selected."""
        singles = np.searchsorted(cells.starts, self.more, side="right") - 1
        return self.ends - cells.starts[:-1] + np.bincount(singles, minlength=self.ends.size)


def in_order(base: Floats | NDArray[np.uint64], ids: pl.Series) -> Integers:
    """Return the order of some records by (base key, id), or by another number before the id: their numbers.

    Numbers from 0 on are in the order of their bits. A record's own number takes the place of the last of these, so
    that what is sorted are whole numbers: twice as fast. Where the first ones are alike, keys and ids decide.
    """
    spare = np.uint64(max(0, base.size - 1).bit_length())
    packed = (base.view(np.uint64) >> spare << spare) | np.arange(base.size, dtype=np.uint64)
    packed.sort()
    order = (packed & ((np.uint64(1) << spare) - np.uint64(1))).astype(np.int64)
    first = packed >> spare
    alike = np.flatnonzero(first[1:] == first[:-1])
    tied = np.union1d(alike, alike + 1)
    if tied.size:
        rows = order[tied]
        frame = pl.DataFrame({"base": base[rows], "id": ids[rows], "row": rows})
        order[tied] = frame.sort("base", "id")["row"].to_numpy()
    return order


def arrange(stratum: Integers, kind: Integers, base: Floats, order: Integers) -> Cells:
    """Return records by cell.

    `stratum`, `kind` Int64 and `base` Float64 [records]; those of the stratum -1 and of an infinite base key are left
    out: they are never drawn. `order`: their numbers by base key and id, see `in_order`.
    """
    kinds = int(kind.max(initial=0)) + 1
    size = (int(stratum.max(initial=0)) + 1) * kinds
    drawn = (stratum >= 0) & np.isfinite(base)
    cell = np.where(drawn, stratum * kinds + kind, size).astype(np.min_scalar_type(size))[order]
    # Numbers that are short lie in less memory, where to look for them one by one takes half the time.
    by_cell = _stable_order(cell)[: np.count_nonzero(drawn)]
    rows, cell = order[by_cell], cell[by_cell].astype(np.int64)
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    return Cells(rows, base[rows], np.append(begins, rows.size), cell[begins] // kinds, cell[begins] % kinds)


def cut(cells: Cells, quotas: Integers, weights: Floats, ids: pl.Series) -> Cut:
    """Return what a selection takes: the quota's smallest (key, id) of each stratum.

    `quotas` Int64 [strata], at most the records that can be drawn; `weights` Float64 [kinds], 0: never drawn; `ids`
    String [records], by their numbers, looked at where keys tie.
    """
    weight = weights[cells.kind]
    sizes = np.where(weight > 0, cells.sizes, 0)
    there = cells.totals(sizes, quotas.size)
    whole = (quotas >= there)[cells.stratum]
    alone = (np.bincount(cells.stratum, sizes > 0, quotas.size)[cells.stratum] == 1) & (weight >= TINY)
    taken = np.where(whole, sizes, np.where(alone & (sizes > 0), quotas[cells.stratum], 0))
    open_ones = np.flatnonzero(~whole & ~alone & (sizes > 0) & (quotas > 0)[cells.stratum])
    ends = cells.starts[:-1] + taken
    if not open_ones.size:
        return Cut(ends, np.zeros(0, np.int64))
    search = _Search(cells, open_ones, weight[open_ones], quotas)
    low, high = search.narrowed()
    ends[open_ones] = low
    return Cut(ends, search.smallest(low, high, ids))


def limits(cells: Cells, quotas: Integers) -> tuple[Integers, Integers]:
    """Return the fewest and the most records of each cell that quotas, Int64 [strata], can select under any weights."""
    quota, sizes = quotas[cells.stratum], cells.sizes
    others = cells.totals(sizes, quotas.size)[cells.stratum] - sizes
    return np.maximum(quota - others, 0), np.minimum(quota, sizes)


def spans(begins: Integers, ends: Integers) -> Integers:
    """Return all whole numbers from each begin up to its end."""
    lengths = ends - begins
    first = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(begins - first, lengths)


class _Search:
    """Looks for the cut-offs of strata that have several cells: the key up to which as many records lie as are wanted.

    Cells and strata are numbered among those that are open.
    """

    def __init__(self, cells: Cells, places: Integers, weight: Floats, quotas: Integers) -> None:
        self.cells, self.weight = cells, weight
        self.begins, self.finish = cells.starts[places], cells.starts[places + 1]
        names, self.of = np.unique(cells.stratum[places], return_inverse=True)
        self.wanted = quotas[names]
        largest = np.zeros(names.size)
        np.maximum.at(largest, self.of, weight)
        self.relative = weight / largest[self.of]  # a key's unit is its stratum's own: no product is beyond numbers

    def narrowed(self) -> tuple[Integers, Integers]:
        """Return two ends for each cell between which its stratum's cut-off lies."""
        if (self.weight < TINY).any():
            return self.begins, self.finish
        tau, slope = self._expected()
        margin = FAR * np.sqrt(self.wanted) + SPARE
        below, above = np.maximum(tau - margin / slope, 0), tau + margin / slope
        low, high = self.begins.copy(), self.finish.copy()
        low_tau, high_tau = np.zeros(tau.size), np.full(tau.size, np.inf)
        for _ in range(ROUNDS):
            for probe in (below, above):
                low, high, low_tau, high_tau = self._probed(probe, low, high, low_tau, high_tau)
            gap = self._sum(high - low)
            if gap.sum() <= max(FEW, WIDE * gap.size):
                break
            missing = self.wanted - self._sum(low - self.begins)
            # Between two known ends records lie evenly, nearly; from the last known one on, as they do before it.
            known = np.isfinite(high_tau)
            step = np.where(known, (np.where(known, high_tau, 1) - low_tau) / np.maximum(gap, 1), 1 / slope)
            aim = low_tau + missing * step
            margin = np.where(known, 2 * np.sqrt(gap) + SPARE, 2 * margin)
            below, above = np.maximum(aim - margin * step, 0), aim + margin * step
        return low, high

    def smallest(self, low: Integers, high: Integers, ids: pl.Series) -> Integers:
        """Return the places, between two ends of each cell, of the records that are still wanted of each stratum."""
        places = spans(low, high)
        cell = np.repeat(np.arange(low.size), high - low)
        stratum = self.of[cell]
        with np.errstate(over="ignore"):
            keys = np.minimum(self.cells.base[places] / self.weight[cell], sys.float_info.max)
        order = np.lexsort((keys, stratum))
        sizes = np.bincount(stratum, minlength=self.wanted.size)
        first = np.cumsum(sizes) - sizes
        missing = self.wanted - self._sum(low - self.begins).astype(np.int64)
        last = np.minimum(first + missing, first + sizes - 1)
        tied = (keys[order[last]] == keys[order[np.maximum(last - 1, 0)]]) & (missing > 0) & (missing < sizes)
        if tied.any():
            frame = pl.DataFrame({"s": stratum, "key": keys, "id": ids[self.cells.rows[places]]}).with_row_index("at")
            order = frame.sort("s", "key", "id")["at"].to_numpy()
        rank = np.arange(order.size) - np.repeat(first, sizes)
        return places[order[rank < np.repeat(missing, sizes)]]

    def _probed(
        self, probe: Floats, low: Integers, high: Integers, low_tau: Floats, high_tau: Floats
    ) -> tuple[Integers, Integers, Floats, Floats]:
        """Return the ends, narrowed down by a look at some keys where these are far enough from the cut-offs."""
        ends = self._ends(probe, low, high)
        counted = self._sum(ends - self.begins)
        under, over = counted <= self.wanted - SPARE, counted >= self.wanted + SPARE
        low = np.where(under[self.of], ends, low)
        high = np.where(over[self.of], ends, high)
        # A probe beyond what is known already counts no further than that.
        low_tau = np.where(under, np.maximum(probe, low_tau), low_tau)
        return low, high, low_tau, np.where(over, np.minimum(probe, high_tau), high_tau)

    def _ends(self, tau: Floats, low: Integers, high: Integers) -> Integers:
        """Return up to where each cell's keys are at most its stratum's `tau`: by halving, all cells at once."""
        limit = tau[self.of] * self.relative
        low, high = low.copy(), high.copy()
        last = self.cells.base.size - 1
        while (low < high).any():
            middle = (low + high) >> 1
            inside = (self.cells.base[np.minimum(middle, last)] <= limit) & (low < high)
            low, high = np.where(inside, middle + 1, low), np.where(inside, high, np.minimum(middle, high))
        return low

    def _expected(self) -> tuple[Floats, Floats]:
        """Return where the cut-offs are expected, and how many records a unit of the key has there.

        Of exponential base keys, 1 - exp(-weight x tau) of a cell lie up to tau. Newton's steps from the left stay
        there, since that is concave.
        """
        rows = (self.finish - self.begins).astype(np.float64)
        tau = self.wanted / self._sum(rows * self.relative)
        slope = np.ones_like(tau)
        for _ in range(NEWTON):
            beyond = rows * np.exp(-self.relative * tau[self.of])
            slope = np.maximum(self._sum(beyond * self.relative), np.finfo(np.float64).tiny)
            step = (self.wanted - self._sum(rows - beyond)) / slope
            tau = tau + step
            if (step <= 1e-6 * tau).all():
                break
        return tau, slope

    def _sum(self, counts: NDArray[np.generic]) -> Floats:
        return np.bincount(self.of, counts, self.wanted.size).astype(np.float64)


def _stable_order(numbers: NDArray[np.unsignedinteger[Any]]) -> Integers:
    """Return the order of some whole numbers from 0, equal ones as they came: by counting, some digits at a time."""
    order = np.argsort(numbers.astype(np.uint16), kind="stable")  # the cast leaves the low digits
    rest = numbers >> DIGIT
    while rest.max(initial=0):
        order = order[np.argsort(rest[order].astype(np.uint16), kind="stable")]
        rest >>= DIGIT
    return order
