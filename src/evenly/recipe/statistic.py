"""Named numbers over the pool (`balance.stats`): `min(price)`, `quantile(price, 0.9)`."""

from __future__ import annotations

import re
from typing import Final

STATISTICS: Final = {
    "min": ("min(price)", "the smallest number"),
    "max": ("max(price)", "the largest number"),
    "mean": ("mean(price)", "the mean"),
    "median": ("median(price)", "the median"),
    "sum": ("sum(price)", "the sum"),
    "std": ("std(price)", "the standard deviation"),
    "count": ("count(price)", "how many records have a value"),
    "quantile": ("quantile(price, 0.9)", "the number below which that share of the records is"),
}
"""A number over the pool -> how it is written, and what it is."""

STATISTIC: Final = re.compile(rf"\s*({'|'.join(STATISTICS)})\(\s*([^,()]+?)\s*(?:,\s*([0-9.]+)\s*)?\)\s*")


def statistic(text: str) -> tuple[str, str, float | None]:
    """Return a named number's function, its column and its argument.

    Raises:
        ValueError: for a text that is none.
    """
    match = STATISTIC.fullmatch(text)
    if match is None or (match[1] == "quantile") != (match[3] is not None):
        message = (
            f"'{text}' is no number over the pool. Write min(price), max, mean, median, sum, std, count, or "
            "quantile(price, 0.9)"
        )
        raise ValueError(message)
    share = float(match[3]) if match[3] is not None else None
    if share is not None and not 0 <= share <= 1:
        message = f"'{text}': expected a quantile between 0 and 1"
        raise ValueError(message)
    return match[1], match[2].strip('"'), share


def statistic_column(text: str) -> str | None:
    """Return the column that a named number is over, or None for a text that is none."""
    match = STATISTIC.fullmatch(text)
    return match[2].strip('"') if match is not None else None
