"""What charts show: records counted along fixed edges, in arrays that add up. Nothing here is used to select.

The edges come from summaries, so that one pass over thin columns fills every chart, whatever the number of records. A
count along k edges has k + 1 places: below the first, from each edge up to the next, and from the last edge on.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.core.measure import Summary

    Counts = dict[str, NDArray[np.int64]]

HISTOGRAM_BINS: Final = 100
"""Bins of a histogram at most."""

GRID_BINS: Final = 50
"""Bins along each side of a density, and of the label where categories are shown along it."""

RANK_BINS: Final = 200
"""Sections of about equal counts by which a rank correlation is found."""

CATEGORIES: Final = 9
"""Categories with a colour of their own; the others are one."""

OTHER: Final = "other"

TAIL: Final = 0.005
"""Share of the records at each end that may lie outside a picture, where they would squeeze all others together."""

FAR: Final = 3.0
"""Times the span of the records within the tails up to which a picture shows all of them."""

DECADES: Final = 1.0
"""Powers of ten that a label spans at least for a logarithmic picture of it."""

EPOCH: Final = date(1970, 1, 1)

DAYS: Final = (1, 7)
"""Lengths of a bin of dates, in days; weeks begin on Mondays."""

MONTHS: Final = (1, 3, 12, 60, 120, 1_200, 12_000)
"""And in months."""

FIRST_MONTH, LAST_MONTH = 12, 9999 * 12 + 11
"""The first month of the year 1, and the last of 9999: what dates there are."""

PER_DECADE: Final = (20, 10, 5, 2, 1)
"""Bins of a power of ten in a logarithmic picture."""

SIDES: Final = ("before", "after")
"""What pictures show beside each other: the pool, and what is selected from it."""

LABEL_SIDES: Final = ("label", "label_log", "label_wide", "label_ranks")

TOKEN_SIDES: Final = ("tokens", "tokens_wide", "tokens_ranks")

CATEGORY_SIDE: Final = "category"

TALLIES: Final = {
    "label": ("label",),
    "label_log": ("label_log",),
    "tokens": ("tokens",),
    "density": ("label_wide", "tokens_wide"),
    "ranks": ("label_ranks", "tokens_ranks"),
    "mix": ("label_wide", CATEGORY_SIDE),
}
"""What is counted -> along which edges."""

DENSE: Final = ("density", "ranks")
"""The tallies that show label and tokens at once."""


@dataclass(frozen=True)
class Edges:
    """Along which edges the pictures of some records count; empty where there is nothing to show.

    Attributes:
        label: of the label's histogram.
        label_log: the same in equal ratios; empty for a label that is not above 0 or spans less than a power of ten.
        label_wide: of the density, and of the label where categories are shown along it.
        tokens, tokens_wide: of the histogram of tokens, and of the density.
        label_ranks, tokens_ranks: sections of about equal counts.
        categories: the largest ones, most records first; all others are one more.
    """

    label: tuple[float, ...] = ()
    label_log: tuple[float, ...] = ()
    label_wide: tuple[float, ...] = ()
    label_ranks: tuple[float, ...] = ()
    tokens: tuple[float, ...] = ()
    tokens_wide: tuple[float, ...] = ()
    tokens_ranks: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()


def edges_of(pool: Summary) -> Edges:
    """Return the edges for pictures of a pool and of what is selected from it."""
    label, tokens = pool.dates if pool.dated else pool.label, pool.token_counts
    marks = calendar if pool.dated else steps
    return Edges(
        label=marks(label, HISTOGRAM_BINS),
        label_log=() if pool.dated else ratios(label, HISTOGRAM_BINS),
        label_wide=marks(label, GRID_BINS),
        label_ranks=sections(label, RANK_BINS),
        tokens=steps(tokens, HISTOGRAM_BINS),
        tokens_wide=steps(tokens, GRID_BINS),
        tokens_ranks=sections(tokens, RANK_BINS),
        categories=tuple(pool.largest_categories[:CATEGORIES]),
    )


def steps(values: Mapping[float, int], most: int) -> tuple[float, ...]:
    """Return edges in round steps that hold some counted values, whole steps for whole numbers.

    All of the values, unless a few of them lie so far out that the others would not be seen.
    """
    if not values:
        return ()
    low, high = _span(values)
    whole = all(value == int(value) for value in values)
    step = round_step((high - low) / most, whole=whole) if high > low else (1.0 if whole else abs(low) or 1.0)
    first, last = _around(low, high, step)
    if last - first > most:
        step = round_step(step * 1.01, whole=whole)
        first, last = _around(low, high, step)
    return tuple(_multiple(number, step) for number in range(first, last + 1))


def calendar(days: Mapping[float, int], most: int) -> tuple[float, ...]:
    """Return the days since 1970 at which days, weeks, months, quarters, years or several of them begin.

    As many as hold some counted days, of the shortest of these that are not more than `most`.
    """
    if not days:
        return ()
    first, last = (EPOCH + timedelta(days=end) for end in _span(days))
    for length in DAYS:
        start = first - timedelta(days=first.weekday() if length % 7 == 0 else 0)
        count = (last - start).days // length + 1
        if count <= most:
            return tuple(float((start - EPOCH).days + place * length) for place in range(count + 1))
    low, high = (end.year * 12 + end.month - 1 for end in (first, last))
    length = next((one for one in MONTHS if high // one - low // one < most), MONTHS[-1])
    months = [min(max(place * length, FIRST_MONTH), LAST_MONTH) for place in range(low // length, high // length + 2)]
    return tuple(sorted({float((date(month // 12, month % 12 + 1, 1) - EPOCH).days) for month in months}))


def ratios(values: Mapping[float, int], most: int) -> tuple[float, ...]:
    """Return edges in equal ratios, whole powers of ten among them; none where that shows nothing more."""
    if not values or min(values) <= 0 or math.log10(max(values) / min(values)) < DECADES:
        return ()
    low, high = math.log10(min(values)), math.log10(max(values))
    per = next((per for per in PER_DECADE if (high - low) * per <= most), None)
    if per is None:
        return ()
    first, last = math.floor(low * per), math.floor(high * per) + 1
    return tuple(10.0 ** (number / per) for number in range(first, last + 1))


def sections(values: Mapping[float, int], most: int) -> tuple[float, ...]:
    """Return distinct values between which about equal numbers of records lie."""
    return tuple(sorted(set(quantiles(values, [share / most for share in range(1, most)])))) if values else ()


def round_step(step: float, *, whole: bool = False) -> float:
    """Return the next of 1, 2, 2.5, 5, 10 times a power of ten; for whole numbers a whole one."""
    power = 10 ** math.floor(math.log10(step)) if step > 0 else 1.0
    found = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * (1 - 1e-9))
    return found if not whole or found == int(found) else float(math.ceil(found))


def quantiles(values: Mapping[float, int], shares: Sequence[float]) -> list[float]:
    """Return for each share the smallest counted value with at least that share of the records up to it."""
    ordered = sorted(values)
    ends = list(accumulate(values[value] for value in ordered))
    return [float(ordered[min(bisect_left(ends, share * ends[-1]), len(ordered) - 1)]) for share in shares]


def _span(values: Mapping[float, int]) -> tuple[float, float]:
    low, high = quantiles(values, [TAIL, 1 - TAIL])
    if max(values) - min(values) <= FAR * (high - low) or high == low:
        return min(values), max(values)
    return low, high


def _around(low: float, high: float, step: float) -> tuple[int, int]:
    """Return the numbers of the multiples of a step between which values lie: up to the first, and below the last.

    As the multiples are written: 0.95 / 0.05 is a little less than 19, and 19 x 0.05 is not above 0.95.
    """
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return first - (_multiple(first, step) > low), last + (_multiple(last, step) <= high)


def _multiple(number: int, step: float) -> float:
    """Return a multiple of a round step without its rounding error: 3 x 0.1 is 0.3."""
    return float(f"{number * step:.12g}")


@dataclass(frozen=True)
class Thin:
    """The thin columns of some records.

    Attributes:
        label: Float64, NaN where there is none.
        tokens: of each record.
        category: numbers in `Edges.categories`; one more for others.
    """

    label: NDArray[np.float64] | None
    tokens: NDArray[np.float64] | None
    category: NDArray[np.int64] | None


@dataclass(frozen=True)
class Placed:
    """Records by their places in some tallies, to be counted as often as one likes.

    Attributes:
        places: tally -> UInt8 to UInt32 [records]: the record's place in the tally's counts, as `numpy.ravel` lays them
            out; one beyond the last for a record that it does not count, since it has no label.
        shapes: tally -> places along each of its sides: one more than edges or categories.
    """

    places: dict[str, NDArray[np.unsignedinteger[Any]]]
    shapes: dict[str, tuple[int, ...]]


def place(records: Thin, edges: Edges, tallies: Iterable[str] = TALLIES) -> Placed:
    """Return where some records lie in each of some tallies; those that there is no column for are left out."""
    sides: dict[str, NDArray[np.int64]] = {}
    unlabelled = None if records.label is None else np.isnan(records.label)
    placed = Placed({}, {})

    def along(side: str) -> NDArray[np.int64] | None:
        """Return the place of each record along a side, looked for once."""
        values = records.label if side in LABEL_SIDES else records.tokens
        if side == CATEGORY_SIDE:
            return records.category
        if side not in sides and values is not None:
            sides[side] = np.searchsorted(getattr(edges, side), values, side="right")
        return sides.get(side)

    for tally in tallies:
        there = [places for side in TALLIES[tally] if (places := along(side)) is not None]
        if len(there) < len(TALLIES[tally]):
            continue
        shape = tuple(
            len(getattr(edges, "categories" if side == CATEGORY_SIDE else side)) + 1 for side in TALLIES[tally]
        )
        flat = np.ravel_multi_index(there, shape)
        if unlabelled is not None and set(TALLIES[tally]) & set(LABEL_SIDES):
            flat = np.where(unlabelled, math.prod(shape), flat)
        placed.places[tally] = flat.astype(np.min_scalar_type(math.prod(shape)))
        placed.shapes[tally] = shape
    return placed


def count(placed: Placed, which: NDArray[Any] | None = None, times: NDArray[np.int64] | None = None) -> Counts:
    """Return the counts of some records in each tally, Int64, one place more along each side than it has edges.

    `which` are the records, by numbers or by a mask (None: all), `times` how often each of them counts (None: once).
    """
    chosen = slice(None) if which is None else which
    found: Counts = {}
    for tally, places in placed.places.items():
        shape = placed.shapes[tally]
        size = math.prod(shape)
        counted = np.bincount(places[chosen], weights=times, minlength=size + 1)
        found[tally] = counted[:size].astype(np.int64).reshape(shape)
    return found


def add(counts: Sequence[Counts]) -> Counts:
    """Add the counts of disjoint records."""
    return {name: np.sum([one[name] for one in counts], axis=0) for name in counts[0]}


def rank_correlation(counts: NDArray[np.int64]) -> float | None:
    """Return Spearman's rank correlation of records that are counted along two sides; None where a side is constant.

    Records of one section share a rank, so that with `RANK_BINS` sections a side it is right to two digits or more.
    """
    total = counts.sum()
    ranks: list[NDArray[np.float64]] = []
    for axis in (1, 0):
        own = counts.sum(axis=axis)
        ranks.append(np.cumsum(own) - (own + 1) / 2 - (total - 1) / 2)
    rows, columns = ranks
    variances = [float((counts.sum(axis=axis) * one**2).sum()) for axis, one in ((1, rows), (0, columns))]
    if not all(variances):
        return None
    return float((counts * rows[:, None] * columns[None, :]).sum()) / math.sqrt(variances[0] * variances[1])
