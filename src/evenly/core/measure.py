"""Measures of balance, and small mergeable summaries for the views: pure functions of counts.

A label's summary counts values at three significant digits, at most 900 a decade: enough for any picture, small enough
to be merged over any number of parts. It is never used to select.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

MOSTLY: Final = 0.9
"""Share of the labels that are dates from which on the label is one."""

DATE_CHARS: Final = 10

CALENDAR: Final = (-719_162, 2_932_896)
"""Days since 1970 of the first day of the year 1 and the last of 9999; what lies beyond is no date."""

LARGEST: Final = 1e290
"""A label beyond it counts as infinite: so many of them could not be added."""

MANTISSA: Final = 53
"""Bits of a double's digits."""

UNIT: Final = 1_073 + MANTISSA
"""Binary places of which every double is a whole number."""

HALF: Final = 26
"""Bits of a double's digits that are summed by themselves, so that no sum of rows overflows."""

DIGITS: Final = 3
"""Significant digits of a numeric label in a summary."""


@dataclass
class Summary:
    """What some records look like: how many, their numeric label, their categories, their tokens. Merged with `add`.

    Attributes:
        rows: records.
        label: numeric label at three significant digits -> records (empty where the label is not a number); infinite
            ones are left out.
        label_sum: sum of the label as read, exactly, in units of `UNIT`: the same in every order and cut.
        label_highest: the largest label.
        dates: days since 1970 of a label of dates -> records.
        categories: category -> records.
        tokens: tokens in total.
        token_counts: tokens of a record, at three significant digits -> records.
        tokens_highest: the most tokens of a record.
    """

    rows: int = 0
    label: Counter[float] = field(default_factory=Counter[float])
    label_sum: int = 0
    label_highest: float = -math.inf
    dates: Counter[float] = field(default_factory=Counter[float])
    categories: Counter[str] = field(default_factory=Counter[str])
    tokens: int = 0
    token_counts: Counter[float] = field(default_factory=Counter[float])
    tokens_highest: int = 0

    def add(self, other: Summary) -> None:
        """Count what `other` counted too."""
        self.rows += other.rows
        self.label.update(other.label)
        self.label_sum += other.label_sum
        self.label_highest = max(self.label_highest, other.label_highest)
        self.dates.update(other.dates)
        self.categories.update(other.categories)
        self.tokens += other.tokens
        self.token_counts.update(other.token_counts)
        self.tokens_highest = max(self.tokens_highest, other.tokens_highest)

    @staticmethod
    def merged(summaries: Iterable[Summary]) -> Summary:
        """Return what all of them count."""
        total = Summary()
        for one in summaries:
            total.add(one)
        return total

    @property
    def dated(self) -> bool:
        """Whether the label is a date: nearly all of them are."""
        return not self.label and sum(self.dates.values()) >= MOSTLY * max(1, self.rows)

    @property
    def label_mean(self) -> float | None:
        """Mean of the label, in its unit, or None where there is no numeric label."""
        counted = sum(self.label.values())
        return self.label_sum / (counted << UNIT) if counted else None

    @property
    def largest_categories(self) -> list[str]:
        """Categories, most records first, equal ones by name."""
        return [name for name, _ in sorted(self.categories.items(), key=lambda item: (-item[1], item[0]))]


def label_days(label: pl.Series) -> pl.Series | None:
    """Return days since 1970, Float64, of a column of dates or of text that begins with `YYYY-MM-DD`; None for others.

    Null for what is no date; hours are left out, and no time zone is changed.
    """
    if label.dtype == pl.String:
        dates = label.str.strip_chars().str.slice(0, DATE_CHARS).str.to_date("%Y-%m-%d", strict=False)
    elif isinstance(label.dtype, pl.Datetime):
        dates = label.dt.replace_time_zone(None).cast(pl.Date)
    elif label.dtype == pl.Date:
        dates = label
    else:
        return None
    days = dates.cast(pl.Int32)
    return days.set(~days.is_between(*CALENDAR), None).cast(pl.Float64)


def summarise(label: pl.Series | None, category: pl.Series | None, tokens: pl.Series | None, rows: int) -> Summary:
    """Return the summary of some records; a column that the recipe does not have is None."""
    summary = Summary(rows=rows)
    if label is not None and label.dtype.is_numeric():
        values = label.cast(pl.Float64)
        values = values.filter(values.abs() <= LARGEST)
        distinct = values.alias("label").value_counts()
        summary.label_sum = exact_sum(distinct["label"].to_numpy(), distinct["count"].cast(pl.Int64).to_numpy())
        summary.label_highest = max(distinct["label"].to_list(), default=-math.inf)
        summary.label = _rounded(distinct["label"], distinct["count"])
    elif label is not None and (days := label_days(label)) is not None:
        summary.dates = Counter(_counted(days.drop_nulls()))
    if category is not None:
        summary.categories = Counter(_counted(category.cast(pl.String).fill_null("(none)")))
    if tokens is not None:
        distinct = tokens.alias("tokens").value_counts()
        summary.tokens = int(tokens.cast(pl.UInt64).sum())
        summary.token_counts = _rounded(distinct["tokens"].cast(pl.Float64), distinct["count"])
        summary.tokens_highest = max(distinct["tokens"].drop_nulls().to_list(), default=0)
    return summary


def exact_sum(values: NDArray[np.float64], rows: NDArray[np.int64]) -> int:
    """Return the sum of finite values, each so many times, exactly: in units of 2^-`UNIT`."""
    digits, exponents = np.frexp(values)
    whole = np.ldexp(digits, MANTISSA).astype(np.int64)
    total = 0
    for exponent in np.unique(exponents).tolist():
        here = exponents == exponent
        high, low = (int((part[here] * rows[here]).sum()) for part in (whole >> HALF, whole & (2**HALF - 1)))
        total += ((high << HALF) + low) << (exponent - MANTISSA + UNIT)
    return total


def balance_measures(counts: Iterable[int]) -> dict[str, float]:
    """Return measures of how evenly records lie over strata.

    `strata`: how many hold any; `effective_strata`: exp of the shares' entropy, as many equal strata would be as even
    (Hill number of order 1); `gini`: 0 even, towards 1 all in one, over the given strata, empty ones too;
    `largest_share`: of all records. Six digits.
    """
    values = np.sort(np.fromiter(counts, dtype=np.float64))
    total = values.sum()
    if not total:
        return {"strata": 0, "effective_strata": 0.0, "gini": 0.0, "largest_share": 0.0}
    shares = values[values > 0] / total
    return {
        "strata": int(shares.size),
        "effective_strata": round(float(np.exp(-(shares * np.log(shares)).sum())), 6),
        "gini": round(_gini(values), 6),
        "largest_share": round(float(shares.max()), 6),
    }


def _gini(ordered: NDArray[np.float64]) -> float:
    ranks = np.arange(1, ordered.size + 1)
    return float((2 * (ranks * ordered).sum() / ordered.sum() - ordered.size - 1) / ordered.size)


def _rounded(values: pl.Series, rows: pl.Series) -> Counter[float]:
    """Return how many records have each value, at `DIGITS` significant digits."""
    frame = pl.DataFrame({"value": values.round_sig_figs(DIGITS), "rows": rows}).drop_nulls()
    return Counter(dict(frame.group_by("value").agg(pl.col("rows").sum()).iter_rows()))


def _counted(values: pl.Series) -> dict[Any, int]:
    counts = values.value_counts()
    return dict(zip(counts.to_series(0).to_list(), counts.to_series(1).to_list(), strict=True))
