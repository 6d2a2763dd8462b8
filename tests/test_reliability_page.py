"""Each promise of docs/reliability.md names tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
LINK = re.compile(r"\[(tests/[\w/]+\.py)\]\((\.\./[\w/.]+)\)")


def functions_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_test_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    linked = {path for path, _ in LINK.findall(PAGE)}
    there = set().union(*(functions_in(ROOT / path) for path in linked))
    assert len(named) > 20
    assert named <= there, named - there
    assert all(target == f"../{path}" and (ROOT / path).is_file() for path, target in LINK.findall(PAGE))


def test_each_promise_has_a_test() -> None:
    parts = re.split(r"^## (?=\d)", PAGE, flags=re.MULTILINE)[1:]
    assert [part[0] for part in parts] == list("123456")
    assert all(LINK.search(part) for part in parts)
    assert all(re.search(r"^> ", part, re.MULTILINE) for part in parts)
