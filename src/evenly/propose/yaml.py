"""Lines of YAML with a comment on each, by hand: a recipe that is written to be read."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Final, cast

from evenly.reporting.design import spelled

WIDEST: Final = 118
"""Characters of a line with its comment; a longer comment stands above its line."""

COLUMN: Final = 44
"""Where comments begin, where there is room."""

PLAIN: Final = re.compile(r"[A-Za-z_/.][\w/.*+-]*(?: [\w/.*+-]+)*")
WORDS: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"})


@dataclass
class Page:
    """The lines of a recipe so far."""

    lines: list[str] = field(default_factory=list[str])

    def put(self, text: str, comment: str = "") -> None:
        """Add a line, with its comment after it where there is room, else above it."""
        if not comment:
            self.lines.append(text)
            return
        comment = one_line(comment)
        place = max(COLUMN, len(text) + 2)
        if place + len(comment) + 2 <= WIDEST:
            self.lines.append(f"{text:{place}}# {comment}")
            return
        indent = text[: len(text) - len(text.lstrip())]
        self.lines += [*wrapped(comment, indent), text]

    def note(self, comment: str, indent: str = "") -> None:
        """Add a comment of its own."""
        self.lines += wrapped(one_line(comment), indent)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines) + "\n"


def wrapped(comment: str, indent: str = "") -> list[str]:
    """Return a comment as lines that fit."""
    lines: list[str] = []
    line = f"{indent}#"
    for word in comment.split(" "):
        if len(line) + len(word) + 1 > WIDEST - 16 and line.strip() != "#":
            lines.append(line)
            line = f"{indent}#"
        line += f" {word}"
    return [*lines, line]


def one_line(text: str) -> str:
    """Return a text on one line, with nothing hidden in it."""
    return " ".join((text if text.isprintable() else spelled(text)).split())


def value(data: Any) -> str:  # noqa: ANN401 - plain data
    """Return plain data as YAML on one line.

    >>> value({"column": "price", "min": 0.5, "to": [1, "no", "a: b"]})
    '{column: price, min: 0.5, to: [1, "no", "a: b"]}'
    """
    if isinstance(data, dict):
        return "{" + ", ".join(f"{value(key)}: {value(one)}" for key, one in cast("dict[str, Any]", data).items()) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(map(value, cast("list[Any]", data))) + "]"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, float):
        return _number(data)
    return _text(data) if isinstance(data, str) else str(data)


def _number(number: float) -> str:
    """Return a number that stays one with a fraction: 1.0 is no whole number, to a recipe."""
    if math.isinf(number):
        return ".inf" if number > 0 else "-.inf"
    return repr(number)


def _text(text: str) -> str:
    """Return a text bare where YAML reads it as it is, else in quotes."""
    bare = PLAIN.fullmatch(text) and text.isascii() and text.lower() not in WORDS
    if bare and (text[0] != "." or text.startswith(("./", "../"))):
        return text
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    written = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08x}" for one in written)
