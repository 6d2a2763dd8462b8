"""The exclude step: what other files hold stays out, by id, by text, or by likeness."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import evenly
from evenly.errors import DataError, RecipeError

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"id": f"i{n}", "shelf": n % 3, "text": " ".join(f"w{n * 31 + k}" for k in range(20))} for n in range(90)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def recipe(folder: Path, *steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    write(folder / "rows.jsonl", ROWS)
    return {
        "name": "exclude",
        "sources": [{"name": "shop", "files": str(folder / "rows.jsonl"), "id": "id"}],
        "curate": list(steps),
        "template": {"prompt": "{text}"},
        "balance": {"strata": [{"column": "shelf"}], "cap": 100},
        **changes,
    }


def left(made: Any) -> set[str]:
    return set(pl.read_parquet(made.folder / "data" / "*.parquet")["id"])


def test_records_are_kept_out_by_id(tmp_path: Path) -> None:
    bench = write(tmp_path / "bench.jsonl", [{"id": f"i{n}"} for n in (3, 4, 500)])
    made = evenly.run(recipe(tmp_path, {"exclude": {"files": str(bench), "on": "id"}}), tmp_path / "out")
    assert made.manifest["rows"]["dropped"] == {"exclude": 2}
    assert left(made) == {row["id"] for row in ROWS} - {"i3", "i4"}
    gone = pl.read_parquet(tmp_path / "out" / "ledger" / "dropped-*.parquet")
    assert sorted(zip(gone["id"], gone["reason"], strict=True)) == [("i3", "exclude"), ("i4", "exclude")]
    assert [one["path"] for one in made.manifest["inputs"]] == [str(tmp_path / "rows.jsonl"), str(bench)]


def test_an_earlier_selection_is_kept_out_by_its_folder(tmp_path: Path) -> None:
    first = evenly.run(recipe(tmp_path, balance={"strata": [{"column": "shelf"}], "cap": 10}), tmp_path / "one")
    step = {"exclude": {"files": str(tmp_path / "one"), "on": "id", "name": "seen"}}
    second = evenly.run(recipe(tmp_path, step), tmp_path / "two")
    assert left(first) & left(second) == set()
    assert left(first) | left(second) == {row["id"] for row in ROWS}
    assert second.manifest["rows"]["dropped"] == {"seen": 30}


def test_texts_are_equal_whatever_their_case_and_space(tmp_path: Path) -> None:
    texts = [{"prompt": f"  {ROWS[7]['text'].upper()}\n"}, {"prompt": ROWS[8]["text"] + " more"}, {"prompt": None}]
    pl.DataFrame(texts).write_csv(tmp_path / "bench.csv")
    step = {"exclude": {"files": str(tmp_path / "bench.csv"), "on": "text", "column": "text", "their": "prompt"}}
    assert left(evenly.run(recipe(tmp_path, step), tmp_path / "out")) == {row["id"] for row in ROWS} - {"i7"}


def test_texts_that_are_alike_are_kept_out(tmp_path: Path) -> None:
    alike = " ".join([*ROWS[7]["text"].split()[:-1], "other"])
    write(tmp_path / "bench.jsonl", [{"text": alike}, {"text": "of something else"}, {"text": None}, {"text": ""}])
    step = {"exclude": {"files": str(tmp_path / "bench.jsonl"), "on": "near", "column": "text", "threshold": 0.7}}
    assert left(evenly.run(recipe(tmp_path, step), tmp_path / "out")) == {row["id"] for row in ROWS} - {"i7"}
    step["exclude"]["threshold"] = 1.0
    assert left(evenly.run(recipe(tmp_path, step), tmp_path / "whole")) == {row["id"] for row in ROWS}


def test_other_files_to_keep_out_are_another_pool(tmp_path: Path) -> None:
    bench = write(tmp_path / "bench.jsonl", [{"id": "i3"}])
    plan = recipe(tmp_path, {"exclude": {"files": str(bench), "on": "id"}})
    evenly.run(plan, tmp_path / "one")
    assert evenly.run(plan, tmp_path / "two").pool_reused
    write(bench, [{"id": "i3"}, {"id": "i5"}])
    assert evenly.run(plan, tmp_path / "three").manifest["rows"]["dropped"] == {"exclude": 2}


def test_files_are_taken_from_the_recipe_s_folder(tmp_path: Path) -> None:
    write(tmp_path / "bench.jsonl", [{"id": "i3"}])
    plan = recipe(tmp_path, {"exclude": {"files": "bench.jsonl", "on": "id"}})
    plan["sources"][0]["files"] = "rows.jsonl"
    (tmp_path / "recipe.yaml").write_text(json.dumps(plan), encoding="utf-8")
    made = evenly.run(tmp_path / "recipe.yaml", tmp_path / "out")
    assert made.manifest["rows"]["dropped"] == {"exclude": 1}


@pytest.mark.parametrize(
    ("content", "step", "said"),
    [
        (None, {"on": "id"}, r"recipe.curate\[0\].exclude.files\[0\]: no file matches"),
        ('{"name": "x"}\n', {"on": "id"}, r"recipe.curate\[0\].exclude.column: no column 'id' in .*bench.jsonl"),
        ('{"name": "x"}\n', {"on": "id", "their": "nam"}, r"exclude.their: no column 'nam'.*Did you mean 'name'"),
        ('{"id": "x"}\n{', {"on": "id"}, r"a row of .*bench.jsonl can't be read \(not JSON.*could not be kept out"),
    ],
)
def test_what_can_not_be_read_can_not_be_kept_out(
    tmp_path: Path, content: str | None, step: dict[str, Any], said: str
) -> None:
    if content is not None:
        (tmp_path / "bench.jsonl").write_text(content, encoding="utf-8")
    plan = recipe(tmp_path, {"exclude": {"files": str(tmp_path / "bench.jsonl"), **step}})
    with pytest.raises(DataError, match=said):
        evenly.run(plan, tmp_path / "out")
    with pytest.raises(DataError, match=said):
        evenly.check(plan, sources=True)


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([{"exclude": {"files": "x", "on": "ids"}}], "found 'ids', expected one of: id, text, near. Did you mean 'id'"),
        ([{"exclude": {"files": "x", "on": "text"}}], "`on: text` compares a text"),
        ([{"exclude": {"files": "x", "on": "id", "column": "y"}}], "name the files' column with `their`"),
        ([{"exclude": {"on": "id"}}], "files: is missing"),
        ([{"near_unique": {"column": "text", "threshold": 0}}], "found 0, expected more than 0"),
        ([{"near_unique": {"column": "text", "ngram": 0}}], "found 0, expected at least 1"),
        (
            [{"near_unique": {"column": "text"}}, {"exclude": {"files": "x", "on": "id"}}],
            "looks at one record and stands after",
        ),
    ],
)
def test_faults_of_the_recipe_are_named(tmp_path: Path, steps: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        evenly.check(recipe(tmp_path, *steps))
