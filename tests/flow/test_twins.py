"""`check --sources` warns where the records of a test have near-duplicates among those that are trained on."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

import evenly
from evenly.reporting.progress import Silent

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [f"word{number}" for number in range(500)]


class Heard(Silent):
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def recipe(tmp_path: Path, twins: int, **changes: Any) -> dict[str, Any]:
    rng = random.Random(4)
    rows: list[dict[str, Any]] = []
    for number in range(1_000):
        text = " ".join(rng.sample(WORDS, 30))
        rows.append({"id": f"a{number}", "text": text, "label": number % 7})
        if number < twins:
            rows.append({"id": f"b{number}", "text": text.replace("word1", "WORD1"), "label": number % 7})
    return {
        "name": "twins",
        "sources": [{"name": "s", "files": str(write_lines(tmp_path / "a.jsonl", rows)), "id": "id"}],
        "template": {"prompt": "{text}", "completion": "{label}"},
        "balance": {"label": "label", "strata": [{"column": "label"}], "cap": 100},
        "split": {"train": 0.8, "test": 0.2},
    } | changes


def heard(data: dict[str, Any]) -> list[str]:
    reporter = Heard()
    evenly.check(data, sources=True, reporter=reporter)
    return reporter.lines


def test_near_duplicates_across_splits_are_told(tmp_path: Path) -> None:
    (line,) = heard(recipe(tmp_path, 500))
    assert line.startswith("warning: recipe.split: in a sample of 1,500 records, ")
    found = int(line.split(" records, ")[1].split(" of ")[0])
    # Of 300 test records two thirds have a twin, which is trained on in four of five cases.
    assert 120 < found < 200
    assert "`- near_unique: {column: text}`" in line


@pytest.mark.parametrize(
    "changes",
    [
        {"holdout": {"fraction": 0.1, "group": "near"}},
        {"split": {"train": 1.0}},
        {"curate": [{"near_unique": {"column": "text"}}]},
    ],
    ids=["held out by group", "one split", "dropped"],
)
def test_where_none_can_stand_in_several_nothing_is_told(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert heard(recipe(tmp_path, 500, **changes)) == []


def test_where_there_are_none_nothing_is_told(tmp_path: Path) -> None:
    assert heard(recipe(tmp_path, 0)) == []


@pytest.mark.parametrize(
    ("prompt", "completion", "warned"),
    [
        ("{text}\nPrice is $", "{label}.00", False),
        ("{text}\nThe answer: ", "{word}", True),
        ("{text}\nThe answer:", " {word}", False),
    ],
)
def test_a_token_that_reaches_into_the_answer_is_told(
    tmp_path: Path, prompt: str, completion: str, *, warned: bool
) -> None:
    template = {"prompt": prompt, "completion": completion}
    curate = [{"derive": {"word": "CASE WHEN label > 3 THEN 'blue' ELSE 'green' END"}}]
    data = recipe(tmp_path, 0, tokenizer="o200k_base", template=template, split={"train": 1.0}, curate=curate)
    lines = heard(data)
    assert bool(lines) == warned
    if warned:
        assert "the tokenizer merges prompt and completion in 500 of 500 records" in lines[0]
        assert "put the space into the completion" in lines[0]
