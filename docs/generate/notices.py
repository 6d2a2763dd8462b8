"""What is told without an error: why rows go to quarantine, and warnings. Read out of the code, as errors are."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Final

from generate.messages import Module, modules, own_nodes, scope_of, texts
from generate.wording import tidy

if TYPE_CHECKING:
    from collections.abc import Iterator

REASONS: Final = {
    "not JSON": "Mend the line: one JSON value, on one line. NaN and Infinity are read.",
    "not a JSON object": "Make each line an object, `{…}`, whose keys are the columns.",
    "not CSV": "Mend the quotes: a field with a comma or a line break is quoted, a quote in it is doubled.",
    "not ": "Name the file's `encoding` in the source, or mend the text.",
    "‹N› fields": "Quote the fields that hold the delimiter, or name the file's `delimiter` in the source.",
    "longer than": "Cut the line in pieces, or leave the column out: no record is that long.",
    "wrong type": "Mend the value, or write `drift: coerce` (numbers out of text) or `drift: null` in the source.",
    "no id": "Give the row an id, or leave `id` out of the source: a row is then named by what it holds.",
}
"""Beginning of a reason -> what to do; of several the first that fits."""

READERS: Final = re.compile(r"io/|flow/pieces\.py")
"""Modules that read rows."""

WARNERS: Final = (
    ("cli/start.py", "studio"),
    ("core/conversations.py", "chat_notes"),
    ("flow/room.py", "short_of_disk"),
    ("flow/room.py", "short_of_memory"),
    ("flow/sampled.py", "merged_tokens"),
    ("flow/twins.py", "twins_across_splits"),
)
"""Functions that make warnings."""

WARNED: Final = {
    "takes about": "Free some room, or set EVENLY_CACHE, or `--out`, to a folder on another disk.",
    "conversations": "Drop them in the recipe by a `filter` step, or mend the data, if a host is where you train.",
    "--host": "Use it in a network that you trust, or leave `--host` out and go through `ssh -L`.",
}
"""What a warning that says no remedy holds -> what to do."""


def reasons() -> list[str]:
    """Return why rows go to quarantine, each once, in the order of REASONS and the alphabet."""
    found: set[str] = set()
    for module in modules().values():
        if READERS.match(module.name):
            found.update(tidy(text) for text in _texts_of(module) if reason_of(text) is not None)
    order = list(REASONS)
    return sorted(found, key=lambda text: (order.index(reason_of(text) or ""), text))


def reason_of(text: str) -> str | None:
    """Return the key of REASONS that a text begins with, or None: it is no reason."""
    if re.match(r"not (?!UTF-8|JSON\b|a JSON|CSV|‹)", text):
        return None
    return next((one for one in REASONS if text.startswith(one)), None)


def remedy(reason: str) -> str:
    """Return what to do about a reason; an empty text where none is known."""
    return REASONS[named] if (named := reason_of(reason)) else ""


def warnings() -> list[str]:
    """Return all warnings, each once: what their functions return, or call `warning`."""
    found: set[str] = set()
    for name, function in WARNERS:
        module = modules()[name]
        node = module.functions[function]
        scope = scope_of(node, module)
        values = [one.value for one in own_nodes(node) if isinstance(one, ast.Return)]
        values += [value for _, _, value in scope.assigned.get("warning", [])]
        for value in values:
            said = value.elt if isinstance(value, ast.ListComp) else value
            if said is not None and not (isinstance(said, ast.Constant) and said.value is None):
                found.update(tidy(text).removeprefix("warning: ") for text in texts(said, scope, said.lineno))
    return sorted(text for text in found if " " in text)


def warned(text: str) -> str:
    """Return what to do about a warning that does not say it; an empty text for one that does."""
    return next((remedy for part, remedy in WARNED.items() if part in text), "")


def pattern(text: str) -> re.Pattern[str]:
    """Return what matches a text whatever is filled in."""
    parts = re.split(r"‹[^›]*›", text)
    return re.compile(".*".join(map(re.escape, parts)), re.DOTALL)


def _texts_of(module: Module) -> Iterator[str]:
    """Yield the texts of a module that are no part of another."""
    for value in module.constants.values():
        if _is_text(value):
            yield from texts(value, scope_of(ast.FunctionDef("", NOTHING, [], []), module), value.lineno)
    for function in module.functions.values():
        scope, nodes = scope_of(function, module), [node for node in own_nodes(function) if _is_text(node)]
        inner = {id(part) for node in nodes for part in ast.walk(node) if part is not node}
        for node in nodes:
            if id(node) not in inner:
                yield from texts(node, scope, node.lineno)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


NOTHING: Final = ast.arguments([], [], None, [], [], None, [])
"""No parameters."""
