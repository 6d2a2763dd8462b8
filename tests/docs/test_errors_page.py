"""Every message says where it is and what to do; the catalogue finds them all."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from generate import catalogue, messages, notices, wording

import evenly

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = messages.all_messages()


def test_there_are_as_many_messages_as_the_code_raises() -> None:
    """A plain count of what is raised: what is passed on, or only read again, is the difference."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in messages.SOURCE.rglob("*.py"))
    raised = len(re.findall(rf"\b(?:raise|=) (?:{'|'.join(messages.ERRORS)})\(", text)) + text.count("yield _fault(")
    assert len(MESSAGES) > 0.9 * raised > 200


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: f"{one.module}:{one.function}:{one.text[:50]}")
def test_each_message_says_where_it_is_and_what_to_do(message: messages.Message) -> None:
    assert catalogue.says_where(message), f"begin with the place (recipe.…:, --option:, a file): {message.text}"
    assert catalogue.remedy(catalogue.whole(message)), f"end with what to do (Write, Give, Choose …): {message.text}"


BAD_LINES = {
    "a.jsonl": [
        b'{"sku": "1", "text": "a"}',
        b"{",
        b"[" * 5_000,
        b"7",
        b'{"sku": "2", "text": "\xff"}',
        b'{"sku": "3", "text": {}}',
        b'{"sku": null, "text": "a"}',
    ],
    "b.csv": [b"sku,text", b"4,a", b"5,a,b", b'6,"a"b', b"7,\xff", b",a"],
}


def test_the_reasons_of_a_run_are_on_the_page(tmp_path: Path) -> None:
    for name, lines in BAD_LINES.items():
        (tmp_path / name).write_bytes(b"\n".join(lines) + b"\n")
    recipe = """
name: broken
sources: [{name: lines, files: a.jsonl, id: sku}, {name: table, files: b.csv, id: sku}]
max_bad_fraction: 1
template: {prompt: "{text}"}
balance: {strata: [{column: sku}], cap: 1}
"""
    (tmp_path / "recipe.yaml").write_text(recipe, encoding="utf-8")
    evenly.run(tmp_path / "recipe.yaml", tmp_path / "out")
    told = [json.loads(line)["reason"] for line in (tmp_path / "out" / "quarantine.jsonl").read_text().splitlines()]
    assert len(told) == 10
    page = notices.reasons()
    for reason in told:
        assert [one for one in page if notices.pattern(one).fullmatch(reason)], reason
    begun = {notices.reason_of(reason) for reason in page}
    assert begun == set(notices.REASONS)


def test_each_warning_says_what_to_do() -> None:
    found = notices.warnings()
    assert len(found) >= len(notices.WARNERS)
    for warning in found:
        assert notices.warned(warning) or catalogue.parted(warning)[1], warning
    for part in notices.WARNED:
        assert any(part in warning for warning in found), f"no warning says '{part}' any more"


def test_exceptions_are_of_messages_that_are_there() -> None:
    assert set(catalogue.BY_HAND) <= {catalogue.whole(one) for one in MESSAGES}
    assert len(catalogue.BY_HAND) <= 9


def test_each_message_is_in_one_group_once() -> None:
    told = [catalogue.whole(one) for group in catalogue.entries().values() for one in group]
    assert len(told) == len(set(told))
    assert set(told) == {catalogue.whole(one) for one in MESSAGES}


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("recipe.seed: found 1.5. Write a whole number.", True, True),
        ("found 1.5. Write a whole number.", False, True),
        ("recipe.seed: found 1.5.", True, False),
        ("‹file›: is odd.", True, False),
    ],
)
def test_the_rule_tells_good_from_bad(text: str, where: bool, what: bool) -> None:
    assert catalogue.says_where(messages.Message("UserError", "cli.py", "f", 1, text)) == where
    assert bool(catalogue.remedy(text)) == what


CODE = """
NAMES = "one, two"

def refuse(path, rows, fault):
    if rows > 3:
        text = f"{len(rows):,} rows"
    else:
        text = "no rows"
    message = f"{path}: holds {text}. " + advice(path)
    raise DataError(message)

def advice(path):
    return f"Give one of {NAMES}." if path else "Give a path."

def passed_on(fault):
    raise UserError(str(fault))
"""


def test_a_text_is_followed_through_names_branches_and_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.py").write_text(CODE, encoding="utf-8")
    monkeypatch.setattr(messages, "SOURCE", tmp_path)
    module = messages._module(tmp_path / "one.py")
    found = [one.text for function in module.functions.values() for one in messages._of_function(function, module)]
    assert found == [
        "‹path›: holds ‹no rows | N rows›. Give one of one, two.",
        "‹path›: holds ‹no rows | N rows›. Give a path.",
    ]


def test_names_of_the_code_become_words() -> None:
    import ast

    words = {
        "fault.strerror": "why",
        "len(rows)": "N",
        "source.name": "source",
        "self.scale": "scale",
        "', '.join(names)": "names",
        "folder / NAME": "file",
    }
    assert {code: wording.word(ast.parse(code, mode="eval").body) for code in words} == words
