"""A recipe's YAML with changes in it: its comments stay, and so does every line that no change is about.

What ruamel.yaml writes differs here and there from what it read (`null`, blanks within brackets, a line that is
folded). So the recipe is written twice, as it was and as it is to be, and what differs between these two is what
changes in the text.
"""

from __future__ import annotations

import copy
import io
import os
import warnings
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError

from evenly.recipe.faults import is_list, is_mapping
from evenly.recipe.load import UNREAD, override, take_files_from
from evenly.reporting.card import to_yaml
from evenly.web.state import GONE, changes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evenly.web.state import Place

INDENTS: Final = ((2, 0), (2, 2), (4, 0), (4, 2), (4, 4))
"""Blanks before a key within another, and before the dash of a list's item, from the key that they belong to."""


TRIES: Final = 3
"""How often keys are added to those that are written whole."""


def overridden(text: str, overrides: Sequence[str], folder: Path) -> str:
    """Return a recipe's YAML with overrides in it.

    Files that these name, as seen from where one stands, are named as seen from `folder`, which is the recipe's own.

    Raises:
        RecipeError: for what is no override.
    """
    if not overrides:
        return text
    before = _read(text)
    if folder != Path():
        take_files_from(before, folder)
    after = copy.deepcopy(before)
    for one in overrides:
        override(after, one)
    return rewritten(text, [(place, _seen_from(folder, place, value)) for place, value in changes(before, after)])


def rewritten(text: str, changed: Iterable[tuple[Place, Any]]) -> str:
    """Return a recipe's YAML with some changes, see `evenly.web.state.changes`."""
    changed = list(changed)
    if not changed:
        return text
    wanted = _read(text)
    _change(wanted, changed)
    whole: set[Any] = set()
    # What an anchor names stands in several places: keys of the recipe that would come out otherwise are written whole.
    for _ in range(TRIES):
        found, wrong = _tried(text, changed, wanted, whole)
        if not wrong:
            return found
        whole |= wrong
    return to_yaml(wanted)


def _tried(
    text: str, changed: Sequence[tuple[Place, Any]], wanted: dict[str, Any], whole: set[Any]
) -> tuple[str, set[Any]]:
    """Return a text with changes, some of its keys anew, and which of its keys are not what was wanted."""
    reader, marked = _marked(text)
    before = _dumped(reader, marked)
    try:
        _change(marked, [(place, value) for place, value in changed if place[0] not in whole])
    except UNREAD:  # ruamel.yaml's, for what a merge brought and is taken out
        return text, {place[0] for place, _ in changed}
    _change(marked, [((key,), wanted.get(key, GONE)) for key in whole])
    after = _dumped(reader, marked)
    merged = _merged(text, before, after)
    return (merged, set()) if not _wrong(merged, wanted) else (after, _wrong(after, wanted))


def _wrong(text: str, wanted: dict[str, Any]) -> set[Any]:
    """Return the keys of a recipe that are not what was wanted; all of them where it can't be read."""
    try:
        return {place[0] for place, _ in changes(_read(text), wanted)}
    except (YAMLError, RecursionError, *UNREAD):
        return set(wanted)


def _read(text: str) -> dict[str, Any]:
    """Return a recipe's YAML as data in which nothing stands in two places."""
    return cast("dict[str, Any]", _apart(_loaded(YAML(typ="rt"), text)))


def _apart(value: Any) -> Any:  # noqa: ANN401 - plain data
    if is_mapping(value):
        return {str(key): _apart(one) for key, one in value.items()}
    return [_apart(one) for one in value] if is_list(value) else value


def _loaded(reader: Any, text: str) -> Any:  # noqa: ANN401 - ruamel's
    with warnings.catch_warnings(action="ignore", category=ReusedAnchorWarning):  # a name given twice is no fault
        return reader.load(text)


def _change(data: Any, changed: Iterable[tuple[Place, Any]]) -> None:  # noqa: ANN401 - plain data, or ruamel's
    for place, value in changed:
        here = data
        for step in place[:-1]:
            key = _key(here, step)
            if is_mapping(here) and not is_mapping(here.get(key)) and not is_list(here.get(key)):
                cast("Any", here)[key] = {}
            here = here[key]
        key = _key(here, place[-1])
        if value is GONE:
            here.pop(key, None)
        else:
            here[key] = copy.deepcopy(value)


def _key(data: Any, step: str | int) -> Any:  # noqa: ANN401 - plain data, or ruamel's
    """Return the key that stands in YAML for a step: a recipe's keys are texts, and YAML reads 2019 as a number."""
    return next((key for key in data if str(key) == step), step) if is_mapping(data) else step


def _merged(text: str, before: str, after: str) -> str:
    """Return a text with what differs between `before`, which is what it is written as, and `after`.

    A comment that has a line to itself stays, also where ruamel.yaml takes it out with the key before it.
    """
    own, old, new = (one.splitlines() for one in (text, before, after))
    places = _places(old, new)
    lines: list[str] = []
    done = 0  # lines of `after`
    for start, end, first, last in _pieces(old, own):
        found = [places[line] for line in range(start, end) if line in places]
        if len(found) == end - start:
            lines += new[done : min(found, default=done)] + own[first:last]
        elif found:
            lines += new[done : found[-1] + 1]
        else:
            lines += [line for line in own[first:last] if line.lstrip().startswith("#") and line not in new]
        done = max([done, *(place + 1 for place in found)])
    return "\n".join([*lines, *new[done:], ""])


def _places(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """Return which lines are still there, and where."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return {block.a + step: block.b + step for block in blocks for step in range(block.size)}


def _pieces(old: Sequence[str], own: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield what stands for what, by its first line and the one after it: a line for a line wherever that can be."""
    for _, start, end, first, last in SequenceMatcher(None, old, own, autojunk=False).get_opcodes():
        if end - start == last - first:
            yield from ((start + step, start + step + 1, first + step, first + step + 1) for step in range(end - start))
        else:
            yield start, end, first, last


def _marked(text: str) -> tuple[Any, Any]:
    """Return a recipe's YAML as data that know their comments, and what writes them with the text's own indents."""
    readers = [_reader(text, *blanks) for blanks in INDENTS]
    marked = _loaded(readers[0], text)
    lines = text.splitlines()
    kept = [sum(line in lines for line in _dumped(reader, marked).splitlines()) for reader in readers]
    return readers[kept.index(max(kept))], marked


def _reader(text: str, mapping: int, offset: int) -> Any:  # noqa: ANN401 - ruamel's
    reader: Any = YAML(typ="rt")
    reader.width = 4096  # a folded line would change a text
    reader.preserve_quotes = True
    reader.brace_single_entry_mapping_in_flow_sequence = True  # [{column: price}] has its braces
    reader.explicit_start = text.startswith("---")
    reader.indent(mapping=mapping, sequence=2 + offset, offset=offset)
    return reader


def _dumped(reader: Any, marked: Any) -> str:  # noqa: ANN401 - ruamel's
    out = io.StringIO()
    reader.dump(marked, out)
    return out.getvalue()


def _seen_from(folder: Path, place: Place, value: Any) -> Any:  # noqa: ANN401 - plain data
    """Return what was set at a place of a recipe, with the files in it as seen from a folder."""
    if is_mapping(value):
        return {key: _seen_from(folder, (*place, key), one) for key, one in value.items()}
    if is_list(value):
        return [_seen_from(folder, (*place, number), one) for number, one in enumerate(value)]
    named = "files" in place[-2:] or (place == ("tokenizer",) and str(value).endswith(".json"))
    local = isinstance(value, str) and "://" not in value and not Path(value).is_absolute()
    return Path(os.path.relpath(value, folder)).as_posix() if named and local else value
