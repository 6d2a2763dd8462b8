"""The state of a page and its recipe: what a page may change, and what it did change.

A state is `{"seed": …, "balance": {…}}`: what decides the selection from a pool. All else of the recipe, every path
above all, is the recipe's own.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Final, cast

from evenly.errors import UserError
from evenly.recipe.faults import is_list, is_mapping
from evenly.recipe.plain import DEEPEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KEYS: Final = ("seed", "balance")
"""Keys of a recipe that a state has."""

LONGEST_SEED: Final = 19
"""Digits of the largest seed."""

EXACT: Final = 2**53
"""From which on a whole number of JavaScript's is no longer exact; a seed beyond it is text on a page."""

ENDS: Final = {".inf": math.inf, "-.inf": -math.inf}
"""How open ends are written, as in YAML: JSON has no word for them."""

GONE: Final = object()
"""What a key has become that was taken out."""

Place = tuple["str | int", ...]
"""Keys and places in lists, from the top of a recipe."""


def state_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that a recipe's plain data have, as JSON can hold it."""
    seed: int = data["seed"]
    return {"seed": seed if seed < EXACT else str(seed), "balance": _spelled(data["balance"])}


def with_state(data: Mapping[str, Any], state: object) -> dict[str, Any]:
    """Return a recipe's plain data in some state; it is as yet unchecked.

    Raises:
        UserError: for what is no state, and for one that names files which the recipe does not.
    """
    if not is_mapping(state) or set(state) - set(KEYS) or not is_mapping(state.get("balance")):
        message = "state: expected an object with the keys seed and balance, and no others."
        raise UserError(message)
    if _deep(state) > DEEPEST:
        message = f"state: expected {DEEPEST} objects and lists inside one another at most."
        raise UserError(message)
    balance = _read(copy.deepcopy(state["balance"]))
    seed: Any = state.get("seed", data["seed"])
    whole = isinstance(seed, str) and seed.isascii() and seed.isdecimal() and len(seed) <= LONGEST_SEED
    for place in _filed(balance):
        if _at(balance, place) != _at(data["balance"], place):
            message = (
                f"recipe.balance.{'.'.join(place)}: files are named in the recipe, not on the page. Name them there."
            )
            raise UserError(message)
    return without_variants(data) | {
        "seed": int(seed) if whole else seed,
        "balance": balance,
    }


def _deep(data: object) -> int:
    """Return how many objects and lists are inside one another, as far as that is more than enough."""
    here: list[Any] = [data]
    depth = 0
    while here and depth <= DEEPEST:
        inner = [list(one.values()) if is_mapping(one) else one for one in here if is_mapping(one) or is_list(one)]
        here = [one for many in inner for one in many]
        depth += bool(inner)
    return depth


def without_variants(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's plain data but for its variants: they say what differs from the recipe as it was written."""
    return {key: value for key, value in data.items() if key != "variants"}


def _filed(balance: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield where a balance names files: its wanted distributions."""
    marginals: Any = balance.get("marginals")
    named = {("target",): balance.get("target")}
    if is_mapping(marginals):
        named |= {("marginals", str(column)): one for column, one in marginals.items()}
    yield from (place for place, one in named.items() if is_mapping(one) and "files" in one)


def _at(data: Any, place: Sequence[str]) -> Any:  # noqa: ANN401 - plain data
    for key in place:
        data = data.get(key) if is_mapping(data) else None
    return data


def _spelled(data: Any) -> Any:  # noqa: ANN401 - plain data
    if is_mapping(data):
        return {key: _spelled(value) for key, value in data.items()}
    if is_list(data):
        return [_spelled(value) for value in data]
    return next((text for text, end in ENDS.items() if isinstance(data, float) and data == end), data)


def _read(balance: dict[str, Any]) -> dict[str, Any]:
    """Return a balance with its open ends as numbers, which only edges have, and without keys that say nothing."""
    strata: Any = balance.get("strata")
    if is_list(strata):
        balance["strata"] = [_spare(one) for one in strata]
    for one in balance["strata"] if is_list(strata) else []:
        if is_mapping(one) and is_list(one.get("edges")):
            own = cast("dict[str, Any]", one)
            own["edges"] = [ENDS.get(edge, edge) if isinstance(edge, str) else edge for edge in own["edges"]]
    return _spare(balance)


def _spare(data: Any) -> Any:  # noqa: ANN401 - plain data
    return {key: value for key, value in data.items() if value is not None} if is_mapping(data) else data


def changes(before: Any, after: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:  # noqa: ANN401 - plain data
    """Yield what has to be set, or is `GONE`, to make one of plain data into the other.

    >>> list(changes({"a": 1, "b": [1, {"c": 2}]}, {"a": 1, "b": [1, {"c": 3}], "d": 4}))
    [(('b', 1, 'c'), 3), (('d',), 4)]
    """
    if is_mapping(before) and is_mapping(after):
        for key in before:
            if key not in after:
                yield (*at, key), GONE
        for key, value in after.items():
            if key not in before:
                yield (*at, key), value
            else:
                yield from changes(before[key], value, (*at, key))
    elif is_list(before) and is_list(after) and len(before) == len(after):
        for place, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from changes(old, new, (*at, place))
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield at, after
