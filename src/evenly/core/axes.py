"""Axes of the strata: what a value of a column becomes, and the intervals of numbers.

An `Axis` is a stratum of the recipe together with what the whole pool says of it (a survey's quantiles, the categories
that are large enough). It makes of a column two Series: the axis' values (numbers, or the lower edge of an interval, or
text), null outside, and the names that strata bear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.errors import DataError
from evenly.recipe.balance import INTERVALS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evenly.recipe.balance import Stratum

OTHER: Final = "other"
"""The value that stands for all categories with too few records."""

CUT: Final = INTERVALS - {"round"}
"""Kinds whose values are the lower edges of intervals."""

WEEKDAYS: Final = {1: "Mon", 2: "Tue", 3: "Wed", 4: "Thu", 5: "Fri", 6: "Sat", 7: "Sun"}

FARTHEST: Final = 2.0**53
"""Units from 0 up to which a double tells one multiple from the next; a number beyond is in no stratum."""

YEARS: Final = (-62_135_596_800, 253_402_300_799)
"""Seconds since 1970 of the first moment of the year 1 and the last of the year 9999; what lies beyond is no date."""

PER_SECOND: Final = {"s": 1, "ms": 1_000}

DAY_CHARS: Final = 10
"""Characters of a date with its day, `2026-11-23`; the hour stands after one more."""


@dataclass(frozen=True)
class Axis:
    """A stratum of the recipe, with what the pool says of it.

    Attributes:
        stratum: the recipe's words.
        edges: of the intervals, ascending (`edges` and `quantile`).
        kept: the categories that are not too small (`other_below`), or None.
    """

    stratum: Stratum
    edges: tuple[float, ...] = ()
    kept: frozenset[str] | None = None

    @property
    def column(self) -> str:
        """The column that the axis looks at."""
        return self.stratum.column

    def values(self, column: pl.Series) -> pl.Series:
        """Return the axis' values; null for a record that is in no stratum.

        Raises:
            DataError: for a date that is a number of an unknown unit.
        """
        stratum = self.stratum
        if column.dtype.is_float():
            finite = pl.when(pl.col("x").is_finite()).then(pl.col("x"))
            column = _made(column, _plain_zero(finite))
        if stratum.kind == "round":
            return _inside(_rounded(column.cast(pl.Float64), stratum.round or 1), stratum)
        column = _inside(column, stratum)
        if stratum.kind in CUT:
            return self._lower_edges(column.cast(pl.Float64))
        if stratum.kind == "part":
            return _part(column, stratum)
        if stratum.kind == "other_below" and self.kept is not None:
            known = column.cast(pl.String).is_in(list(self.kept))
            return column.cast(pl.String).zip_with(known | column.is_null(), pl.Series([OTHER]))
        return column

    def names(self, values: pl.Series) -> pl.Series:
        """Return the names of an axis' values, String: an interval as `[10, 20)`, else the value itself."""
        if self.stratum.kind not in CUT:
            return values.cast(pl.String)
        unique = values.drop_nulls().unique()
        low, high = self.intervals(unique)
        last = self.edges[-1] if self.stratum.kind == "quantile" and self.edges else None
        shown = [
            f"[{_number(one)}, {_number(other)}{']' if other == last else ')'}"
            for one, other in zip(low.tolist(), high.tolist(), strict=True)
        ]
        return values.replace_strict(unique, pl.Series(shown, dtype=pl.String), default=None, return_dtype=pl.String)

    def intervals(self, values: pl.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the lower and upper edges, Float64, of what an axis' numeric values stand for."""
        low = values.cast(pl.Float64).to_numpy()
        stratum = self.stratum
        if stratum.round is not None:
            return low - stratum.round / 2, low + stratum.round / 2
        if stratum.width is not None:
            width = stratum.width
            return low, np.array([_multiple(round(one / width) + 1, width) for one in low.tolist()])
        if stratum.log is not None:
            return low, np.array([_power(stratum.log, _exponent(one, stratum.log) + 1) for one in low.tolist()])
        if self.edges:
            edges = np.array(self.edges)
            return low, edges[np.minimum(np.searchsorted(edges, low, side="right"), edges.size - 1)]
        return low, low

    def _lower_edges(self, column: pl.Series) -> pl.Series:
        stratum = self.stratum
        numbers = column.drop_nulls().unique()
        if stratum.width is not None:
            with np.errstate(over="ignore"):
                near = np.abs(numbers.to_numpy() / stratum.width) < FARTHEST
            numbers = numbers.filter(pl.Series(near))
            return _mapped(column, numbers, _width_edges(numbers.to_numpy(), stratum.width))
        if stratum.log is not None:
            numbers = numbers.filter(numbers > 0)  # no power of the factor is below 0
            base = stratum.log
            return _mapped(column, numbers, [_power(base, _exponent(one, base)) for one in numbers.to_list()])
        if not self.edges:
            return column.clear().extend_constant(None, column.len())
        edges = np.array(self.edges)
        index = np.searchsorted(edges, numbers.to_numpy(), side="right") - 1
        if stratum.kind == "quantile":  # the last interval is closed
            index = np.where(numbers.to_numpy() == edges[-1], edges.size - 2, index)
        inside = (index >= 0) & (index < edges.size - 1)
        return _mapped(column, numbers.filter(pl.Series(inside)), edges[index[inside]])


def _mapped(column: pl.Series, numbers: pl.Series, lower: Sequence[float] | NDArray[np.float64]) -> pl.Series:
    return column.replace_strict(numbers, pl.Series(lower, dtype=pl.Float64), default=None, return_dtype=pl.Float64)


def quantile_edges(values: pl.Series, rows: pl.Series, number: int) -> tuple[float, ...]:
    """Return the edges of `number` intervals of equal counts, exactly, from distinct values and how many have each.

    Where one value has more records than an interval is to have, there are fewer intervals.
    """
    order = values.arg_sort()
    ordered, counts = values[order].cast(pl.Float64).to_numpy(), rows[order].cast(pl.Int64).to_numpy()
    if not ordered.size:
        return ()
    ends = np.cumsum(counts)
    places = [int(np.searchsorted(ends, step * int(ends[-1]) // number, side="right")) for step in range(number)]
    edges = [float(ordered[place]) for place in places] + [float(ordered[-1])]
    distinct = sorted(set(edges))
    return tuple(distinct) if len(distinct) > 1 else (distinct[0], distinct[0])


def _made(values: pl.Series, expression: pl.Expr) -> pl.Series:
    """Return what an expression over `x` makes of some values."""
    return values.to_frame("x").select(expression.alias("x"))["x"]


def _inside(values: pl.Series, stratum: Stratum) -> pl.Series:
    keep = pl.lit(value=True)
    if stratum.min is not None:
        keep &= pl.col("x") >= stratum.min
    if stratum.max is not None:
        keep &= pl.col("x") <= stratum.max
    return _made(values, pl.when(keep).then(pl.col("x")))


def _plain_zero(value: pl.Expr) -> pl.Expr:
    """Make 0 of -0, which would show as another stratum (Polars leaves `value + 0.0` out)."""
    return pl.when(value == 0).then(0.0).otherwise(value)


def _rounded(values: pl.Series, unit: float) -> pl.Series:
    """Round half to even to multiples of `unit`; Int64 where the unit is whole, so that a stratum reads `399`."""
    # numpy divides; Polars multiplies by the reciprocal of a scalar, by which 49 / 49 is less than 1.
    with np.errstate(over="ignore", invalid="ignore"):
        places = values.to_numpy() / unit
        np.rint(places, out=places)
        near = (places > -FARTHEST) & (places < FARTHEST)
        places *= unit
        places[~near] = np.nan
    rounded = pl.Series("x", places, nan_to_null=True)
    if unit == int(unit):
        return rounded.cast(pl.Int64, strict=False)
    # 0.1 has no exact double: rounding the product to the unit's own digits gives `0.3`, not `0.30000000000000004`.
    return _made(rounded, _plain_zero(pl.col("x").round(_digits(unit))))


def _digits(unit: float) -> int:
    return len(f"{Decimal(repr(unit)):f}".partition(".")[2].rstrip("0"))


def _multiple(number: int, width: float) -> float:
    """Return a multiple of a width as it is written: 3 x 0.1 is 0.3."""
    return float(number * Decimal(repr(width)))


def _width_edges(numbers: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return the largest multiple of `width` that is not above each number, as it is written."""
    places = np.floor(numbers / width)
    for _ in range(2):  # the division may be off by one where a number is an edge
        low, high = _multiples(places, width), _multiples(places + 1, width)
        places = places - (numbers < low) + (numbers >= high)
    return _multiples(places, width)


def _multiples(places: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    unique, back = np.unique(places, return_inverse=True)
    return np.array([_multiple(int(one), width) for one in unique.tolist()], np.float64)[back]


def _exponent(number: float, base: float) -> int:
    """Return the largest k with base^k <= number, exactly."""
    k = math.floor(math.log(number) / math.log(base))
    while _power(base, k) > number:
        k -= 1
    while _power(base, k + 1) <= number:
        k += 1
    return k


@lru_cache(maxsize=100_000)
def _power(base: float, exponent: int) -> float:
    """Return the double that is nearest to a power of the base as it is written: no library's pow decides."""
    try:
        return float(Fraction(Decimal(repr(base))) ** exponent)
    except OverflowError:
        return math.inf


def _part(column: pl.Series, stratum: Stratum) -> pl.Series:
    """Return a part of each date as it is written: no time zone is changed."""
    x = pl.col("x")
    if column.dtype.is_numeric():
        if stratum.unit is None:
            message = (
                f"recipe.balance.strata: '{stratum.column}' is a number, and its {stratum.part} is wanted. Say what it "
                "counts since 1970: `unit: s` or `unit: ms`."
            )
            raise DataError(message)
        x = x.cast(pl.Int64, strict=False)
        first, last = (end * PER_SECOND[stratum.unit] for end in YEARS)
        x = pl.when(x.is_between(first, last)).then(x)
        x = pl.from_epoch(x, time_unit=stratum.unit)
        given = pl.lit(100)
    elif column.dtype.is_temporal():
        given = pl.lit(DAY_CHARS if column.dtype == pl.Date else 100)
        x = x.cast(pl.Datetime("us")) if not isinstance(column.dtype, pl.Datetime) else x
    else:
        text = x.cast(pl.String).str.strip_chars()
        given = text.str.len_chars()
        day = text.str.slice(0, DAY_CHARS)
        whole = pl.when(given < 5).then(day + "-01-01").when(given < 8).then(day + "-01").otherwise(day)  # noqa: PLR2004 - YYYY, YYYY-MM
        hour = text.str.extract(r"^.{10}[T ]([01]\d|2[0-3])", 1).cast(pl.Int64, strict=False)
        x = whole.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")) + pl.duration(hours=hour.fill_null(0))
        given = pl.when(hour.is_not_null()).then(pl.lit(100)).otherwise(given)
    needed = {"year": 4, "quarter": 7, "month": 7, "hour": DAY_CHARS + 1}.get(stratum.part or "", DAY_CHARS)
    shown = pl.when(given >= needed).then(_shown_part(x, stratum.part or "day"))
    return _made(column, shown)


def _shown_part(date: pl.Expr, part: str) -> pl.Expr:
    shown = {
        "year": date.dt.year().cast(pl.Int64),
        "hour": date.dt.hour().cast(pl.Int64),
        "quarter": pl.format("{}-Q{}", date.dt.year(), date.dt.quarter()),
        "month": date.dt.strftime("%Y-%m"),
        "week": pl.format("{}-W{}", date.dt.iso_year(), date.dt.week().cast(pl.String).str.zfill(2)),
        "weekday": date.dt.weekday().replace_strict(WEEKDAYS, return_dtype=pl.String),
        "day": date.dt.strftime("%Y-%m-%d"),
    }
    return shown[part]


def _number(value: float) -> str:
    """Return an edge as people write it: `10`, `0.1`, `inf`."""
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 2**53 else repr(value)
