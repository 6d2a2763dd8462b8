"""Folders that stand for a dataset: what `datasets` saves, and what Evenly wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import datasets
import polars as pl
import pytest

import evenly
from evenly.errors import DataError
from evenly.recipe.model import Recipe

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"id": f"i{n}", "shelf": n % 3, "title": f"thing {n}", "tags": ["a", "b"], "more": {"n": n}} for n in range(90)
]


def recipe(files: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "folders",
        "sources": [{"name": "shop", "files": str(files), "id": "id", "as_text": "more"}],
        "curate": [{"join": {"columns": ["title", "tags"], "into": "text"}}],
        "template": {"prompt": "{text}"},
        "balance": {"strata": [{"column": "shelf"}], "cap": 10},
        "export": {"keep": ["shelf", "more"]},
        **changes,
    }


def digest(made: Any) -> Any:
    return made.manifest["selection_digest"]


def test_a_saved_dataset_gives_what_its_rows_give(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "shelf": datasets.ClassLabel(names=["top", "middle", "low"]),
            "title": datasets.Value("large_string"),
            "tags": datasets.List(datasets.Value("string")),
            "more": {"n": datasets.Value("int32")},
        }
    )
    saved = datasets.Dataset.from_list(ROWS, features=features)
    saved.save_to_disk(str(tmp_path / "saved"), num_shards=3)
    saved.shuffle(seed=1).save_to_disk(str(tmp_path / "shuffled"))
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    plain = evenly.run(recipe(tmp_path / "rows.jsonl"), tmp_path / "one")
    for folder in ("saved", "shuffled"):
        made = evenly.run(recipe(tmp_path / folder), tmp_path / f"out-{folder}")
        assert digest(made) == digest(plain)
        frame = pl.read_parquet(tmp_path / f"out-{folder}" / "data" / "*.parquet")
        assert frame["shelf"].dtype == pl.Int64
        assert frame.sort("id").equals(pl.read_parquet(tmp_path / "one" / "data" / "*.parquet").sort("id"))


def test_of_several_splits_all_are_taken_or_the_one_that_is_named(tmp_path: Path) -> None:
    splits = {"train": datasets.Dataset.from_list(ROWS[:60]), "test": datasets.Dataset.from_list(ROWS[60:])}
    datasets.DatasetDict(list(splits.items())).save_to_disk(str(tmp_path / "saved"))
    assert evenly.run(recipe(tmp_path / "saved"), tmp_path / "both").manifest["rows"]["read"] == 90
    assert evenly.run(recipe(tmp_path / "saved" / "test"), tmp_path / "test").manifest["rows"]["read"] == 30


def test_an_output_is_a_source_again_without_its_lite_set(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    split = {"train": 20, "test": 10, "lite": {"train": 5}}
    evenly.run(recipe(tmp_path / "rows.jsonl", split=split), tmp_path / "one")
    again = recipe(tmp_path / "one", curate=[], template={"prompt": "{text}"})
    made = evenly.run(again | {"export": {"keep": ["shelf"]}}, tmp_path / "two")
    assert made.manifest["rows"]["read"] == 30


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.parquet": "", "notes.txt": ""}, r"is a folder, and no dataset .*/\*\.parquet'"),
        ({}, r"Name its files: '.*/\*\.jsonl'"),
        ({"state.json": "{"}, r"state\.json can't be read"),
        ({"state.json": '{"_data_files": [{}]}'}, r"state\.json can't be read: .*filename"),
        ({"dataset_dict.json": '{"splits": ["train"]}'}, r"/train' is a folder, and no dataset"),
        ({"manifest.json": "[]"}, r"manifest\.json can't be read"),
        ({"state.json": '{"_data_files": [{"filename": "gone.arrow"}]}'}, r"gone\.arrow: can't be read: No such file"),
    ],
)
def test_other_folders_and_damaged_lists_are_told(tmp_path: Path, files: dict[str, str], said: str) -> None:
    (tmp_path / "folder").mkdir()
    for name, content in files.items():
        (tmp_path / "folder" / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        evenly.check(Recipe.from_dict(recipe(tmp_path / "folder")), sources=True)
