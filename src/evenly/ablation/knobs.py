"""The knobs of a recipe that a search turns: keys, and between what values each is looked for."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evenly.errors import UserError
from evenly.recipe.balance import WeightTable
from evenly.recipe.faults import is_list, is_mapping
from evenly.recipe.load import override_and_build

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evenly.recipe.model import Recipe

Value = float | int | str

WIDER: Final = 10.0
"""Times by which a cap or a weight is looked for above and below the recipe's own."""

THRESHOLD: Final = re.compile(r"\s*(\w+)\s*(>=?)\s*(\d+(?:\.\d+)?)\s*")
"""A condition of take_all whose number can be turned: `price >= 240`."""

SHARES: Final = (0.25, 0.5, 0.75, 1.0)
"""Of the recipe's own length, at which texts are cut."""

DIGITS: Final = 4
"""Of a number that a search finds: more of them say nothing, and nobody reads them."""

MOST_WEIGHTS: Final = 12

POWER_OF: Final = {"proportional": 1.0, "equal": 0.0}
"""Policies that are `power` with this alpha."""


@dataclass(frozen=True)
class Knob:
    """A key of the recipe and what it may be: a range, or one of several values.

    `template` makes the key's value of a number where that is a part of it (`price >= {}`).
    """

    key: str
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False
    choices: tuple[Value, ...] = ()
    template: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the knob as plain data."""
        if self.choices:
            return {"key": self.key, "choices": list(self.choices)}
        return {"key": self.key, "low": self.low, "high": self.high, "log": self.log}

    def value(self, found: Value) -> Value:
        """Return what the key becomes."""
        if isinstance(found, float) and not self.choices:
            found = float(f"{found:.{DIGITS}g}")
        if self.template:
            return self.template.format(f"{found:g}")
        return int(found) if self.whole else found


def knobs_of(recipe: Recipe, rows: int) -> list[Knob]:
    """Return the knobs of a recipe that is searched without saying which.

    The exponent of policy power (which proportional and equal are, too); the size beyond the `rows` that are trained
    on, or the cap; the threshold of take_all; the weights of a table; the length at which texts are cut.
    """
    balance = recipe.balance
    found: list[Knob] = []
    if balance.policy in {"power", *POWER_OF}:
        found.append(Knob("balance.alpha"))
    if balance.cap is not None:
        found.append(_around("balance.cap", balance.cap, whole=True))
    elif balance.policy == "cap" and isinstance(balance.size, int):
        low = max(1.0, min(float(rows), balance.size / 2), balance.size / WIDER)
        found.append(Knob("balance.size", low, balance.size * 2.0, log=True, whole=True))
    if balance.take_all is not None and (told := THRESHOLD.fullmatch(balance.take_all)):
        number = float(told[3])
        found.append(Knob("balance.take_all", number / 3, number * 3, log=True, template=f"{told[1]} {told[2]} {{}}"))
    if isinstance(balance.weight, WeightTable):
        named = list(balance.weight.values.items())[:MOST_WEIGHTS]
        found += [_around(f"balance.weight.values.{name}", weight or 1.0) for name, weight in named]
    return [*found, *_lengths(recipe)]


def _around(key: str, value: float, *, whole: bool = False) -> Knob:
    low = value / WIDER
    return Knob(key, max(1.0, low) if whole else low, value * WIDER, log=True, whole=whole)


def _lengths(recipe: Recipe) -> Iterator[Knob]:
    for place, step in reversed(list(enumerate(recipe.curate))):
        length = getattr(step.body, "truncate", None)
        if step.kind in {"tokens", "chars"} and isinstance(length, int):
            choices = tuple(max(1, round(length * share)) for share in SHARES)
            yield Knob(f"curate.{place}.{step.kind}.truncate", choices=choices, whole=True)
            return


def parse_knob(text: str) -> Knob:
    """Return a knob from `KEY=LOW:HIGH`, `KEY=LOW:HIGH:log` or `KEY=one,two,three`.

    >>> parse_knob("balance.cap=100:5000:log")
    Knob(key='balance.cap', low=100.0, high=5000.0, log=True, whole=True, choices=(), template='')
    >>> parse_knob("balance.policy=power,equal").choices
    ('power', 'equal')
    """
    key, equals, told = text.partition("=")
    expected = "expected KEY=LOW:HIGH, KEY=LOW:HIGH:log or KEY=one,two,three"
    if not (key and equals and told):
        message = f"--search {text}: {expected}."
        raise UserError(message)
    if ":" not in told:
        choices = tuple(_plain(word.strip()) for word in told.split(",") if word.strip())
        return Knob(key, choices=choices)
    parts = told.split(":")
    try:
        low, high = float(parts[0]), float(parts[1])
    except ValueError:
        message = f"--search {text}: '{told}' is no range of numbers, {expected}."
        raise UserError(message) from None
    log = parts[2:] == ["log"]
    if not low < high or (parts[2:] and not log) or (log and low <= 0):
        message = (
            f"--search {text}: '{told}' is no range from a lower to a higher number (above 0 for log), {expected}."
        )
        raise UserError(message)
    whole = all(re.fullmatch(r"-?\d+", part) for part in parts[:2]) and key != "balance.alpha"
    return Knob(key, low, high, log=log, whole=bool(whole))


def _plain(word: str) -> Value:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def turned(recipe: Recipe, knobs: Sequence[Knob], found: Mapping[str, Value], name: str) -> Recipe:
    """Return the recipe with its knobs turned to what was found.

    Raises:
        RecipeError: for values that make no sound recipe together.
    """
    data = with_values(recipe.to_dict(), knobs, found)
    return override_and_build(data | {"name": name}, shown=name)


def with_values(data: dict[str, Any], knobs: Sequence[Knob], found: Mapping[str, Value]) -> dict[str, Any]:
    """Return plain data of a recipe with values set; a policy that is `power` under another name becomes that."""
    changed = copy.deepcopy(data)
    changed.pop("variants", None)
    for knob in knobs:
        set_key(changed, knob.key, knob.value(found[knob.key]))
    balance = changed["balance"]
    if "balance.alpha" in found and balance["policy"] in POWER_OF:
        balance["policy"] = "power"
    return changed


def set_key(data: Any, key: str, value: Value) -> None:  # noqa: ANN401 - plain or marked data
    """Set a dotted key in plain data, or in data that knows its comments; missing mappings are made.

    The last part may hold dots itself (a category's name), where what is before it is a mapping that has it.

    Raises:
        UserError: where the key leads through what has no keys, or no such item.
    """
    here: Any = data
    rest = key
    while True:
        if is_mapping(here) and rest in here:
            here[rest] = value
            return
        step, dot, after = rest.partition(".")
        place: Any = step
        if is_list(here):
            if not (step.isdecimal() and int(step) < len(here)):
                message = f"--search {key}: '{step}' is no item of a list, expected 0 to {len(here) - 1}."
                raise UserError(message)
            place = int(step)
        elif not is_mapping(here):
            message = f"--search {key}: the recipe has no such key. Write it as for --set: curate.0.chars.truncate."
            raise UserError(message)
        keyed: Any = here
        if not dot:
            keyed[place] = value
            return
        if is_mapping(here) and place not in here:
            keyed[place] = {}
        here, rest = keyed[place], after


def starting_values(recipe: Recipe, knobs: Sequence[Knob]) -> dict[str, Value] | None:
    """Return where the recipe's own knobs stand, or None where one stands outside its range."""
    data = recipe.to_dict()
    found: dict[str, Value] = {}
    for knob in knobs:
        value = _get(data, knob.key)
        if knob.key == "balance.alpha" and value is None:
            value = POWER_OF.get(str(data["balance"]["policy"]))
        if knob.template and isinstance(value, str) and (told := THRESHOLD.fullmatch(value)):
            value = float(told[3])
        inside = (
            value in knob.choices
            if knob.choices
            else isinstance(value, (int, float)) and knob.low <= value <= knob.high
        )
        if value is None or not inside:
            return None
        found[knob.key] = value
    return found


def _get(data: Any, key: str) -> Any:  # noqa: ANN401 - plain data
    here: Any = data
    rest = key
    while True:
        if is_mapping(here) and rest in here:
            return here[rest]
        step, dot, after = rest.partition(".")
        try:
            here = here[int(step) if is_list(here) else step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
        if not dot:
            return here
        rest = after
