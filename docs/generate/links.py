"""Links of Markdown texts: found, changed, and held against the files and headings that they name."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FENCE: Final = re.compile(r"^ *(`{3,}|~{3,})")
CODE: Final = r"(?P<code>(?<!`)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
INLINE: Final = r"(?P<before>\]\()(?P<inline>[^()\s]+(?:\([^()\s]*\)[^()\s]*)*)(?=(?: +\"[^\"]*\")?\))"
DEFINED: Final = r"(?P<define>^ {0,3}\[[^\]]+\]: +)(?P<defined>\S+)"
IN_HTML: Final = r"(?P<attribute>\b(?:href|src)=\")(?P<html>[^\"]+)(?=\")"
LINK: Final = re.compile(f"{CODE}|{INLINE}|{DEFINED}|{IN_HTML}")
"""A piece of code, which is left alone, or a link: inline, a definition, or within HTML."""

HEADING: Final = re.compile(r"^#{1,6} +(.*?)(?: +#+)?$")
ADDRESS: Final = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def prose(text: str) -> Iterator[tuple[int, str, bool]]:
    """Yield each line with its number from 1 and whether it is prose: not within a fence."""
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if fence:
            yield number, line, False
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line.strip(" `~"):
                fence = ""
        elif mark:
            fence = mark[1]
            yield number, line, False
        else:
            yield number, line, True


def changed(text: str, change: Callable[[str], str]) -> str:
    """Return a Markdown text with each link's target changed; code stays.

    >>> changed("[a](b.md) and `[c](d.md)`", str.upper)
    '[a](B.MD) and `[c](d.md)`'
    """

    def replaced(found: re.Match[str]) -> str:
        for before, target in (("before", "inline"), ("define", "defined"), ("attribute", "html")):
            if found[target] is not None:
                return found[before] + change(found[target])
        return found[0]

    return "\n".join(LINK.sub(replaced, line) if plain else line for _, line, plain in prose(text))


def targets(text: str) -> list[tuple[int, str]]:
    """Return the links of a Markdown text: line, target."""
    found: list[tuple[int, str]] = []
    for number, line, plain in prose(text):
        if plain:
            found += [
                (number, one["inline"] or one["defined"] or one["html"])
                for one in LINK.finditer(line)
                if not one["code"]
            ]
    return found


def is_address(target: str) -> bool:
    """Say whether a link leads elsewhere: `https:`, `mailto:`."""
    return bool(ADDRESS.match(target)) or target.startswith("//")


def headings(text: str) -> list[str]:
    """Return the headings of a Markdown text, as they read."""
    found = (HEADING.match(line) for _, line, plain in prose(text) if plain)
    return [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", one[1]).replace("`", "").replace("*", "") for one in found if one]


def slug(heading: str) -> str:
    """Return what a code host names a heading.

    >>> slug("Searching a recipe: `evenly tune`".replace("`", ""))
    'searching-a-recipe-evenly-tune'
    """
    kept = "".join(one for one in heading.lower() if one in "-_ " or unicodedata.category(one)[0] in "LNM")
    return kept.replace(" ", "-")


def anchors(text: str) -> set[str]:
    """Return what can be named within a Markdown text: its headings, numbered where they repeat, and its HTML's ids."""
    seen: dict[str, int] = {}
    for name in map(slug, headings(text)):
        seen[name] = seen.get(name, -1) + 1
    numbered = {f"{name}-{number}" for name, times in seen.items() for number in range(1, times + 1)}
    return {*seen, *numbered, *re.findall(r"<[^>]+\b(?:id|name)=\"([^\"]+)\"", text)}


def broken(page: Path, root: Path) -> list[str]:
    """Return the relative links of a Markdown file that name no file of the repository, or no heading in it."""
    wrong: list[str] = []
    for line, target in targets(page.read_text(encoding="utf-8")):
        if is_address(target):
            continue
        path, _, anchor = unquote(target).partition("#")
        named = (page.parent / path).resolve() if path else page
        if not named.exists() or not named.is_relative_to(root):
            wrong.append(f"{page.relative_to(root)}:{line}: {target}: no such file")
        elif anchor and named.suffix == ".md" and anchor not in anchors(named.read_text(encoding="utf-8")):
            wrong.append(f"{page.relative_to(root)}:{line}: {target}: no such heading")
    return wrong
