"""Words for what a message fills in: `{fault.strerror}` is ‹why›, `{len(rows):,}` is ‹N›."""

from __future__ import annotations

import ast
import re
from typing import Final

SHORT: Final = 48
"""Characters of alternatives that are told within one text."""

SHOWING: Final = ("_line", "_shown", "found_in", "kind_of", "next", "repr", "shown", "str", "redacted")
"""Functions that show what they are given."""

WORDS: Final = {
    "absent": "column",
    "asked": "what is asked for",
    "context": "pattern",
    "dtype": "type",
    "error": "why",
    "exc": "why",
    "fault": "why",
    "found": "what is there",
    "given": "what is given",
    "here": "what is there",
    "holder": "process",
    "known": "type",
    "marked": "what is there",
    "loc": "place",
    "msg": "why",
    "nearest": "folder",
    "one": "name",
    "problem": "why",
    "rejected": "why",
    "self": "its rows",
    "said": "operation",
    "shown": "file",
    "spec": "name",
    "strerror": "why",
    "told": "why",
    "wanted": "name",
    "why": "why",
    "wishes": "key",
    "wrong": "check",
}
"""Name in the code -> the word for a reader."""


def word(node: ast.AST) -> str:  # noqa: PLR0911 - one for each kind
    """Return a word for what an expression fills in."""
    inner = _within(node)
    while inner is not node:
        node, inner = inner, _within(inner)
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.BinOp(op=ast.Div(), right=ast.Name()):
            return "file"
        case ast.Call(func=ast.Name(id="len" | "int" | "sum" | "max" | "min")) | ast.BinOp():
            return "N"
        case ast.Call(func=ast.Attribute(attr="join")):
            return "names"
        case ast.Attribute(attr=name, value=ast.Name(id=owner)):
            return spelled(owner if name == "name" and owner not in {"self", "one"} else name)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return spelled(name)
        case _:
            return "value"


def _within(node: ast.AST) -> ast.AST:  # noqa: PLR0911 - one for each kind
    """Return what an expression is about, where it only shows, picks or guards it; else itself."""
    match node:
        case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=name), *_]):
            return ast.Name(str(name))
        case ast.Call(func=ast.Name(id=name), args=[inner, *_]) if name in SHOWING:
            return inner
        case ast.Call(func=ast.Attribute(attr="rstrip" | "removeprefix", value=inner)):
            return inner
        case ast.Call(func=func) if word_of_call(func):
            return func
        case ast.Subscript(value=inner) | ast.Starred(value=inner) | ast.IfExp(body=inner):
            return inner
        case ast.BoolOp(values=[inner, *_]):
            return inner
        case _:
            return node


def word_of_call(func: ast.expr) -> bool:
    """Say whether a call is told by its function's name."""
    counts = isinstance(func, ast.Name) and func.id in {"len", "int", "sum", "max", "min"}
    return not counts and not (isinstance(func, ast.Attribute) and func.attr == "join")


def spelled(name: str) -> str:
    """Return a name of the code as a reader has it."""
    name = name.strip("_").lower()
    return WORDS.get(name, name.replace("_", " "))


def either(found: list[str]) -> list[str]:
    """Return alternatives as one text, where they are short: `‹no value|one value›`."""
    if len(found) < 2 or any(len(one) > SHORT for one in found):  # noqa: PLR2004 - alternatives
        return found
    plain = [one.strip("‹›") for one in found if one.strip()]
    lead = " " if any(one.startswith(" ") for one in found) else ""
    if not plain:
        return [""]
    return [f"{lead}‹{' | '.join(dict.fromkeys(re.sub('[‹›]', '', one).strip() for one in plain))}›"]


def tidy(text: str) -> str:
    """Return a text as it is read, on one line."""
    text = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"‹(\d[\d,]*)›", r"\1", text)
