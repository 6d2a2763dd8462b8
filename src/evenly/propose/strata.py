"""From guesses to a balance: what the strata are, which policy, and why. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from evenly.propose.guess import FILLED, short
from evenly.propose.names import DOMAINS, LANGUAGES, PRICES, named, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.propose.guess import Roles
    from evenly.propose.summary import Column

POWERS, SHORT = 50.0, 10.0
"""Largest over smallest number, but for a hundredth at either end, from which on intervals grow by a factor; of prices
the second, since a dollar means less to a dear thing."""

FARTHEST: Final = 2.0**20
"""The same ratio up to which the factor is two."""

DIGIT, DOZEN = 8, 12

FAR: Final = 100.0
"""How many times the last hundredth's edge a number has to be before it is taken for a mistake."""

FEW: Final = 30
"""Whole numbers that are a stratum each."""

PER_UNIT: Final = 20
"""Rows for each whole unit, on average, from which on each is a stratum of its own."""

UNITS, BEYOND = 1_000, 0.002
"""Whole units below which they may be strata, and the share of the numbers that may lie beyond and is lost."""

MANY, SMALL = 20, 0.002
"""Classes from which on small ones are put together, and the share of the rows that is small."""

EVEN: Final = 1.3
"""How many times its equal share the commonest category may have and still be even."""

HUNDRED: Final = 100
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


SQUARE_ROOT: Final = "in proportion to the square root of what there is: rare ones count, and do not rule"
LEVEL: Final = "the cap that makes the size exact: common ones are cut to it, rare ones stay whole"


def balance_of(roles: Roles, columns: Mapping[str, Column], rows: int, *, whole: bool) -> Balance:
    """Return the balance for what the columns are; of about `rows` rows, of which all were seen if `whole`."""
    label, category = roles.label.column, roles.category.column
    if label is not None and roles.kind == "number":
        found = _of_number(columns[label], rows, whole=whole)
        return replace(found, weight=_ruling(columns.get(category or "")))
    if label is not None:
        return _of_classes(columns[label])
    even = category is not None and _is_even(columns.get(category))
    if category is not None and not even:
        return _of_category(category, columns.get(category), roles)
    lacking = f"no label, and '{category}' is even already" if even else "no label and no category"
    if roles.dates:
        axis = {"column": roles.dates[0], "part": "year"}
        return Balance([axis], f"{lacking}: by year", "power", SQUARE_ROOT, {"alpha": 0.5})
    axis = {"column": "tokens", "log": 2}
    return Balance([axis], f"{lacking}: by length, each twice the one before", "cap", LEVEL)


def _of_number(column: Column, rows: int, *, whole: bool) -> Balance:
    """Return the balance over a number: by its values where they are few, by a factor where its tail is long."""
    number, why = bounds(column, whole=whole)
    inside = [one for one in column.numbers if number.get("min", -math.inf) <= one <= number.get("max", math.inf)]
    low, high = (inside[min(len(inside) - 1, int(share * len(inside)))] for share in (0.01, 0.99))
    axis, told = _axis(column, inside, low, high, rows)
    few = "round" in axis and "max" not in axis
    policy = ("power", SQUARE_ROOT, {"alpha": 0.5}) if few else ("cap", LEVEL, dict[str, Any]())
    return Balance([{"column": column.name, **axis}], told, *policy, number, why)


def _axis(column: Column, inside: Sequence[float], low: float, high: float, rows: int) -> tuple[dict[str, Any], str]:
    """Return what is made of a number that lies from `low` to `high`, but for a hundredth at either end."""
    if column.whole and len(set(inside)) <= FEW:
        return {"round": 1}, "each number by itself"
    tail = SHORT if named(column.name, PRICES) else POWERS
    if inside[0] > 0 and high / low > tail:
        beyond = sum(one >= UNITS for one in inside) / len(inside)
        if beyond < BEYOND and high > UNITS / 10 and rows * column.share >= PER_UNIT * UNITS:
            return {"round": 1, "min": 1, "max": UNITS - 1}, "one stratum per whole unit" + (
                f"; {beyond:.2%} lie beyond" if beyond else ""
            )
        factor, told = (2, "twice") if high / low < FARTHEST else (10, "ten times")
        return {"log": factor}, f"a long tail: each stratum is {told} as wide as the one before"
    if inside[0] == 0 and high > DIGIT and column.whole:
        powers = [2**power for power in range(max(1, math.ceil(math.log2(high))) + 1)]
        return {"edges": [0, *powers, math.inf]}, "a long tail from 0: each is twice as wide as the one before"
    width = nice((high - low) / DOZEN or (inside[-1] - inside[0]) / DOZEN or 1.0)
    return {"width": width}, "about a dozen strata of one width"


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
    elif low > 0:
        found["min"] = nice(low if whole else low / 2, up=False)
    if typical > 0 and high > FAR * typical:
        found["max"] = nice(column.quantile(0.995), up=True)
        reasons.append("far larger ones look like mistakes")
    elif high > 0:
        found["max"] = nice(high if whole else 2 * high, up=True)
    return found, "; ".join(reasons)


def nice(number: float, *, up: bool | None = None) -> float:
    """Return a round number near another: 1, 2 or 5 times a power of ten, or with `up` the next of two digits.

    >>> nice(37.2), nice(11899.97, up=True), nice(0.87, up=False)
    (50, 12000, 0.87)
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


def _of_classes(column: Column) -> Balance:
    axis: dict[str, Any] = {"column": column.name}
    if column.numeric > FILLED:
        axis["round"] = 1
    elif column.distinct > MANY:
        axis["other_below"] = SMALL
    told = f"one stratum per class, {column.distinct:,} of them"
    number = dict[str, float]() if column.numeric > FILLED else None
    return Balance([axis], told, "power", SQUARE_ROOT, {"alpha": 0.5}, number, "texts that are no number are dropped")


def _of_category(category: str, column: Column | None, roles: Roles) -> Balance:
    axis: dict[str, Any] = {"column": category}
    if column is not None and column.distinct > MANY:
        axis["other_below"] = SMALL
    if named(category, LANGUAGES) >= FILLED:
        told = "temperature sampling: at 1 each language keeps its share, at 0 all have the same"
        return Balance([axis], "one stratum per language", "power", told, {"alpha": 0.3})
    if roles.ready == "text" and (words(category) or [""])[-1] in DOMAINS:
        told = "the same of each; a small domain's records are repeated, `epochs` times at most"
        return Balance([axis], "one stratum per domain", "unimax", told, {"epochs": 4})
    return Balance([axis], "no label: one stratum per category", "power", SQUARE_ROOT, {"alpha": 0.5})


def _is_even(column: Column | None) -> bool:
    """Say whether the commonest value has not much more than its share: there is nothing to balance."""
    return column is not None and column.common[0][1] * column.distinct < EVEN * column.filled


def _ruling(column: Column | None) -> str | None:
    """Return the value that holds more of the rows than all others should together, or None."""
    if column is None or column.distinct < 3 or column.filled < HUNDRED or column.common[0][1] < RULES * column.filled:  # noqa: PLR2004 - of two, one always rules
        return None
    return column.common[0][0]
