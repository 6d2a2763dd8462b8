"""The state of a page and its recipe: what a page may change, what it did change, and how that is written back.

A state is `{"seed": …, "balance": {…}}`: what decides the selection from a pool. All else of the recipe, every path
above all, is the recipe's own.
"""

from __future__ import annotations

import copy
import io
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ruamel.yaml import YAML

from evenly.errors import UserError
from evenly.recipe.faults import is_list, is_mapping
from evenly.recipe.load import override

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

KEYS: Final = ("seed", "balance")
"""Keys of a recipe that a state has."""

EXACT: Final = 2**53
"""From which on a whole number of JavaScript's is no longer exact; a seed beyond it is text on a page."""

ENDS: Final = {".inf": math.inf, "-.inf": -math.inf}
"""How open ends are written, as in YAML: JSON has no word for them."""

GONE: Final = object()
"""What a key has become that was taken out."""

INDENTS: Final = (0, 2)
"""Blanks before the dash of a list's item, from the key that it belongs to."""

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
    balance = _read(copy.deepcopy(state["balance"]))
    seed: Any = state.get("seed", data["seed"])
    for place in _filed(balance):
        if _at(balance, place) != _at(data["balance"], place):
            message = f"recipe.balance.{'.'.join(place)}: files are named in the recipe, not on the page."
            raise UserError(message)
    return without_variants(data) | {
        "seed": int(seed) if isinstance(seed, str) and seed.isdecimal() else seed,
        "balance": balance,
    }


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
    """Return a balance with its open ends as numbers; only edges have some."""
    strata: Any = balance.get("strata")
    for one in strata if is_list(strata) else []:
        if is_mapping(one) and is_list(one.get("edges")):
            own = cast("dict[str, Any]", one)
            own["edges"] = [ENDS.get(edge, edge) if isinstance(edge, str) else edge for edge in own["edges"]]
    return balance


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


def overridden(text: str, overrides: Sequence[str], folder: Path) -> str:
    """Return a recipe's YAML with overrides in it; files that these name are named as seen from `folder`, its own."""
    if not overrides:
        return text
    reader, marked = _marked(text)
    for one in overrides:
        override(marked, one)
        key, _, _ = one.partition("=")
        if key.startswith("sources.") and key.split(".")[2:3] == ["files"]:
            source: Any = marked["sources"][int(key.split(".")[1])]
            source["files"] = _seen_from(folder, source["files"])
    return _dumped(reader, marked)


def rewritten(text: str, changed: Iterable[tuple[Place, Any]]) -> str:
    """Return a recipe's YAML with some changes, and with its comments."""
    reader, marked = _marked(text)
    for place, value in changed:
        here: Any = marked
        for key in place[:-1]:
            if is_mapping(here) and not is_mapping(here.get(key)) and not is_list(here.get(key)):
                cast("Any", here)[key] = {}
            here = here[key]
        if value is GONE:
            here.pop(place[-1], None)
        else:
            here[place[-1]] = value
    return _dumped(reader, marked)


def _marked(text: str) -> tuple[Any, Any]:
    """Return a recipe's YAML as data that know their comments, and what writes them with lists as they stood."""
    readers = [_reader(offset) for offset in INDENTS]
    marked = [reader.load(text) for reader in readers]
    lines = text.splitlines()
    again = [_dumped(*both).splitlines() for both in zip(readers, marked, strict=True)]
    kept = [sum(line in lines for line in one) for one in again]
    best = kept.index(max(kept))
    return readers[best], marked[best]


def _reader(offset: int) -> Any:  # noqa: ANN401 - ruamel's
    reader: Any = YAML(typ="rt")
    reader.width = 4096  # a folded line would change a text
    reader.preserve_quotes = True
    reader.indent(mapping=2, sequence=2 + offset, offset=offset)
    return reader


def _dumped(reader: Any, marked: Any) -> str:  # noqa: ANN401 - ruamel's
    out = io.StringIO()
    reader.dump(marked, out)
    return out.getvalue()


def _seen_from(folder: Path, files: Any) -> Any:  # noqa: ANN401 - a path or a list of them
    if is_list(files):
        return [_seen_from(folder, one) for one in files]
    local = isinstance(files, str) and "://" not in files and not Path(files).is_absolute()
    return Path(os.path.relpath(files, folder)).as_posix() if local else files
