"""Prices of the demo's listings, after the course's published histograms: which dollars, which cents, by category.

The numbers are those of the course's run of 2024: listings per $10 of price, read off its charts. From $240 up the
histogram of the sample stands for both, since those prices were taken whole and its chart is the finer one; what
is below is scaled by 1.3 % so that all are the 2,811,408 listings that the course counted.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.catalogue.shelves import SHELVES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.catalogue.shelves import Shelf

STEP: Final = 10  # dollars per step of the histogram

# Listings per $10 of price, from $0 to $990.
LISTINGS: Final = (
    492175, 796167, 378179, 222564, 144757, 103140, 81426, 65141, 54284, 50664, 34380, 32570, 30761, 25332, 25332,
    19904, 19904, 18095, 16284, 19904, 10856, 10856, 10856, 9047, 9727, 7296, 6638, 6655, 5587, 9054, 3829, 4190, 4486,
    3566, 5077, 3401, 3204, 3188, 2744, 5258, 1791, 2054, 2284, 1890, 2580, 1775, 1528, 1775, 1380, 3253, 1019, 1084,
    1331, 1150, 1660, 986, 937, 1052, 871, 2432, 641, 739, 838, 723, 1199, 707, 592, 871, 575, 1725, 460, 493, 559, 477,
    887, 493, 477, 526, 427, 1446, 329, 329, 394, 378, 657, 378, 329, 361, 296, 1183, 263, 246, 296, 230, 477, 296, 214,
    279, 296,
)  # fmt: skip

# How listings share the ten dollars of a step, from this price up: people price at $4, $5 and above all $9.
DOLLARS: Final = (
    (0, (3, 10, 27, 43, 52, 79, 152, 177, 181, 276)),
    (10, (93, 124, 108, 90, 105, 93, 92, 78, 87, 130)),
    (30, (67, 95, 104, 80, 116, 95, 81, 82, 90, 190)),
    (100, (58, 69, 68, 57, 93, 112, 70, 83, 96, 294)),
    (160, (60, 56, 60, 54, 89, 98, 58, 65, 82, 378)),
    (190, (63, 42, 51, 49, 85, 82, 46, 45, 67, 470)),
    (200, (60, 56, 60, 54, 89, 98, 58, 65, 82, 378)),
    (240, (63, 42, 51, 49, 85, 82, 46, 45, 67, 470)),
)
ROUND_PRICE: Final = 1.6  # how much more still stands at $299, $399, $499 …

# Cents in thousandths of the listings, from this price up; the rest lies evenly over all hundred.
CENTS: Final = (
    (0, {99: 520, 95: 65, 0: 33, 97: 25, 98: 24, 89: 19, 49: 25}),
    (30, {99: 420, 0: 95, 95: 89, 98: 19, 90: 18, 97: 17, 49: 15}),
    (100, {99: 380, 0: 190, 95: 60, 98: 20, 90: 16}),
)


def dollar_weights(shelf: Shelf) -> NDArray[np.int64]:
    """Return how often each whole dollar (rounded down) occurs in a category: int64 of length 990, in billionths.

    Whole numbers, so that the last digit of a machine's `exp` can't move a draw.
    """
    steps = np.array(LISTINGS, dtype=np.float64)
    middle = np.log(np.arange(len(LISTINGS)) * STEP + STEP / 2)
    pull = {s.category: np.exp(s.level + s.slope * middle) for s in SHELVES}
    here = steps * pull[shelf.category] / np.sum(list(pull.values()), axis=0)
    dollars = (here / here.sum())[:, None] * np.array([_shares_in_step(i) for i in range(len(LISTINGS))])
    return np.rint(dollars.ravel() * 1e9).astype(np.int64)


def _shares_in_step(step: int) -> NDArray[np.float64]:
    """Return the shares of the ten dollars of a step, summing to 1."""
    low = step * STEP
    shares = np.array(next(s for start, s in reversed(DOLLARS) if low >= start), dtype=np.float64)
    if low >= DOLLARS[-1][0] and step % STEP == STEP - 1:
        shares[-1] *= ROUND_PRICE
    return shares / shares.sum()


def cents_of(dollars: NDArray[np.int64], draw: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return whole prices in cents for whole dollars and draws from 0 to 999; none under 50 cents."""
    zone = np.searchsorted([start for start, _ in CENTS], dollars, side="right") - 1
    cents = _endings()[zone, draw]
    return np.where((dollars == 0) & (cents < 50), 50 + cents // 2, dollars * 100 + cents)  # noqa: PLR2004


@cache
def _endings() -> NDArray[np.int64]:
    """Return the thousand cents that a draw picks from, one row per zone of `CENTS`."""
    rows: list[list[int]] = []
    for _, often in CENTS:
        row = [cents for cents, times in often.items() for _ in range(times)]
        rows.append(row + [i * 100 // (1000 - len(row)) for i in range(1000 - len(row))])
    return np.array(rows, dtype=np.int64)


@cache
def price_texts() -> NDArray[np.object_]:
    """Return the JSON text of every price under $1,000 by its cents, as Python writes the number: 1990 is `19.9`."""
    return np.array([f"{c // 100}.{c % 100:02d}".removesuffix("0") for c in range(100_000)], dtype=object)
