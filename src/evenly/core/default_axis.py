"""What strata a label gets that nobody described: a function of its values and their numbers, not of their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

CLASSES: Final = 20
"""Distinct numbers up to which each is a class of its own."""

SPREAD: Final = 100
"""Times the least value that the largest one is where a label is cut by factors: it spans two powers of ten."""

FACTOR: Final = 2

QUANTILES: Final = 10


def default_axis(column: pl.Series) -> Mapping[str, Any]:
    """Return the axis of a label as a recipe writes it: a mapping with `column`.

    Texts, truths and up to 20 distinct numbers are classes. Other numbers are cut where they double (`log: 2`) if all
    are above 0 and the largest is 100 times the least, else into ten intervals of equal counts (`quantile: 10`). Dates
    go by month.

    >>> default_axis(pl.Series("price", [float(n) for n in range(1, 500)]))
    {'column': 'price', 'log': 2}
    >>> default_axis(pl.Series("stars", [1, 2, 2, 5]))
    {'column': 'stars'}
    """
    axis: dict[str, Any] = {"column": column.name}
    if isinstance(column.dtype, pl.Date | pl.Datetime):
        return axis | {"part": "month"}
    if not column.dtype.is_numeric():
        return axis
    numbers = column.cast(pl.Float64).unique()
    numbers = numbers.filter(numbers.is_finite())
    low, high = numbers.min(), numbers.max()
    if not isinstance(low, float) or not isinstance(high, float) or numbers.len() <= CLASSES:
        return axis
    return axis | ({"log": FACTOR} if low > 0 and high >= SPREAD * low else {"quantile": QUANTILES})
