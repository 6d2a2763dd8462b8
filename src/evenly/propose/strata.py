"""From guesses to a balance: what the strata are, which policy, and why. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from evenly.propose.guess import DOMAINS, LANGUAGES, FILLED, named, short, words

if TYPE_CHECKING:
    from evenly.propose.guess import Roles
    from evenly.propose.summary import Column

POWERS: Final = 100.0
"""Largest over smallest number, but for a hundredth at either end, from which on intervals grow by a factor."""

FAR: Final = 100.0
"""How many times the last hundredth's edge a number has to be before it is taken for a mistake."""

PRICES: Final = ("price", "cost", "amount", "fee", "rent", "value")
FEW: Final = 30
"""Whole numbers that are a stratum each."""

PER_UNIT: Final = 20
"""Rows for each whole unit, on average, from which on each is a stratum of its own."""

UNITS: Final = 1_000
"""Whole units below which they may be strata."""

MANY: Final = 20
"""Classes from which on small ones are put together."""

RULES: Final = 0.4
"""Share of the rows from which on a category gets a smaller weight."""


@dataclass(frozen=True)
class Balance:
    """The balance of a recipe: axes, policy and its key, each with its reason; what the label's step needs.

    Attributes:
        number: bounds of the `number` step, or None where the label is no number.
        weight: the category that rules, whose records are made less likely, or None.
    """

    strata: list[dict[str, Any]]
    why: str
    policy: str
    reason: str
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    number: dict[str, float] | None = None
    number_why: str = ""
    weight: str | None = None


def balance_of(roles: Roles, columns: dict[str, Column], rows: int, *, whole: bool) -> Balance:
    """Return the balance for what the columns are; `rows` is how many there are about, `whole` whether all were seen."""
    label, category = roles.label.column, roles.category.column
    if label is not None and roles.kind == "number":
        made = _of_number(columns[label], rows, whole=whole)
        top = _ruling(columns.get(category or ""))
        return made if top is None else Balance(**{**vars(made), "weight": top})
    if label is not None:
        return _of_classes(label, columns[label])
    if category is not None:
        return _of_category(category, columns.get(category), roles)
    if roles.dates:
        return Balance(
            [{"column": roles.dates[0], "part": "year"}], "no label and no category: by year", "power",
            "years with more records give more, but by the square root of it", {"alpha": 0.5},
        )
    return Balance(
        [{"column": "tokens", "log": 2}], "no label and no category: by length", "power",
        "common lengths give more, but by the square root of it", {"alpha": 0.5},
    )


def _of_number(column: Column, rows: int, *, whole: bool) -> Balance:
    low, high = column.quantile(0.01), column.quantile(0.99)
    distinct = len(set(column.numbers))
    number, why = bounds(column, whole=whole)
    even = "a cap on each stratum, solved for so that the size is exact: what is common is cut, what is rare stays whole"
    name = column.name
    if column.whole and distinct <= FEW:
        return Balance([{"column": name, "round": 1}], "each number by itself", "power",
                       "common numbers give more, but by the square root of it", {"alpha": 0.5}, number, why)
    positive = number.get("min", column.numbers[0]) > 0
    if positive and high / max(low, 1e-300) > POWERS / 2 or (positive and named(name, PRICES) and high / low > 10):
        span = column.numbers[-1] / max(column.numbers[0], 1e-300)
        usable = rows * column.share
        if high < UNITS and usable >= PER_UNIT * UNITS:
            stratum = {"column": name, "round": 1, "min": 1, "max": UNITS - 1}
            return Balance([stratum], "one stratum per whole unit", "cap", even, {}, number, why)
        factor = 2 if span < 2.0**20 else 10
        told = "twice" if factor == 2 else "ten times"  # noqa: PLR2004 - the factor itself
        return Balance([{"column": name, "log": factor}], f"a long tail: each stratum reaches {told} as far as the one before",
                       "cap", even, {}, number, why)
    if column.numbers[0] == 0 and high > 8 and column.whole:
        edges: list[float] = [0, 1]
        while edges[-1] <= column.numbers[-1] and len(edges) < 24:
            edges.append(edges[-1] * 2)
        return Balance([{"column": name, "edges": [*edges[:-1], math.inf]}], "a long tail with zeros: each stratum reaches twice as far",
                       "cap", even, {}, number, why)
    width = nice((high - low) / 12 or (column.numbers[-1] - column.numbers[0]) / 12 or 1.0)
    return Balance([{"column": name, "width": width}], "about a dozen strata of one width", "cap", even, {}, number, why)


def bounds(column: Column, *, whole: bool) -> tuple[dict[str, float], str]:
    """Return the bounds of a label's numbers with their reason: round, and beyond what is not plainly a mistake."""
    numbers = column.numbers
    low, high = numbers[0], numbers[-1]
    typical = column.quantile(0.99)
    found: dict[str, float] = {}
    reasons = [f"{short(low)} to {short(high)} in the rows looked at"]
    if named(column.name, PRICES) and low <= 0:
        found["min"] = 0.01
        reasons.append("0 and less is no price")
    elif low > 0 and column.quantile(0.05) > 0:
        found["min"] = nice(low, up=False)
    if typical > 0 and high > FAR * typical:
        found["max"] = nice(column.quantile(0.995), up=True)
        reasons.append("far larger ones look like mistakes")
    elif not column.whole or high > FEW:
        found["max"] = nice(high * (1 if whole else 2), up=True) if high > 0 else nice(high, up=True)
    return found, "; ".join(reasons)


def nice(number: float, *, up: bool | None = None) -> float:
    """Return a round number near another: 1, 2 or 5 times a power of ten, or with `up` the next of two digits.

    >>> nice(37.2), nice(11899.97, up=True), nice(0.87, up=False)
    (50, 12000, 0.8)
    """
    if number == 0 or not math.isfinite(number):
        return 0
    if number < 0:
        return -nice(-number, up=None if up is None else not up)
    power = math.floor(math.log10(number))
    if up is None:
        step = min((1, 2, 5, 10), key=lambda one: abs(math.log(number / (one * 10.0**power))))
        return _exact(step, power)
    digits = number / 10.0 ** (power - 1)
    return _exact(math.ceil(digits - 1e-9) if up else math.floor(digits + 1e-9), power - 1)


def _exact(number: int, power: int) -> float:
    return number * 10**power if power >= 0 else float(f"{number}e{power}")


def _of_classes(label: str, column: Column) -> Balance:
    stratum: dict[str, Any] = {"column": label}
    if column.numeric > FILLED:
        stratum["round"] = 1
    elif column.distinct > MANY:
        stratum["other_below"] = 0.002
    return Balance([stratum], f"one stratum per value, {column.distinct} of them", "power",
                   "common classes give more, but by the square root of it: rare ones count without ruling", {"alpha": 0.5},
                   {} if column.numeric > FILLED else None)


def _of_category(category: str, column: Column | None, roles: Roles) -> Balance:
    stratum: dict[str, Any] = {"column": category}
    if column is not None and column.distinct > MANY:
        stratum["other_below"] = 0.002
    if named(category, LANGUAGES) > FILLED:
        return Balance([stratum], "one stratum per language", "power", "temperature sampling: 1 keeps the shares, 0 makes all equal", {"alpha": 0.3})
    if roles.ready == "text" and (words(category) or [""])[-1] in DOMAINS:
        return Balance([stratum], "one stratum per domain", "unimax", "all the same, and a small domain's records are repeated up to `epochs` times", {"epochs": 4})
    return Balance([stratum], "no label: one stratum per category", "power", "common ones give more, but by the square root of it", {"alpha": 0.5})


def _ruling(column: Column | None) -> str | None:
    """Return the value that holds more of the rows than all others should together, or None."""
    if column is None or column.distinct < 3 or not column.common or column.common[0][1] < RULES * column.filled:  # noqa: PLR2004
        return None
    return column.common[0][0]
