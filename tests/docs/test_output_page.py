"""What the page on outputs lists is what a run leaves behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from generate import output

import evenly

if TYPE_CHECKING:
    from pathlib import Path

RECIPE: dict[str, Any] = {
    "name": "small",
    "tokenizer": "o200k_base",
    "sources": [{"name": "shop", "id": "sku"}],
    "curate": [{"number": {"column": "price"}}],
    "template": {"prompt": "{title} $", "completion": "{price:.0f}"},
    "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 30},
    "split": {"train": 0.8, "test": 0.1, "lite": {"train": 20}},
    "holdout": {"fraction": 0.2},
    "export": {"format": "prompt-completion", "keep": ["brand"], "report": False},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows: list[dict[str, Any]] = [
        {"sku": f"s{number}", "title": f"thing {number}", "price": 1 + number % 7, "brand": "b"}
        for number in range(400)
    ]
    place = tmp_path_factory.mktemp("page") / "out"
    evenly.run(RECIPE, place, data=[*rows, rows[0] | {"sku": "x", "price": None}], profile=True)
    return place


def kinds(folder: Path, pattern: str) -> dict[str, str]:
    """Return column -> type of the first file of that name."""
    return {name: str(kind) for name, kind in pl.read_parquet_schema(next(folder.glob(pattern))).items()}


def test_the_folder_holds_what_the_page_lists(folder: Path) -> None:
    of_reports = {"charts/", "report.html"}
    there = {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}
    assert there == set(output.told()["folder"]) - of_reports


@pytest.mark.parametrize("pattern", ["data/train-*", "data/test-*", "lite/*", "holdout/natural-*"])
def test_the_data_has_the_columns_that_the_page_lists(folder: Path, pattern: str) -> None:
    named = output.told()["data"]
    absent = {"text", "messages", "epoch", "LABEL", "KEPT"}
    found = kinds(folder, pattern)
    assert found.keys() - {"price", "brand"} == named.keys() - absent
    assert all(found[name] == kind for name, (kind, _) in named.items() if name in found)


@pytest.mark.parametrize("name", ["kept", "dropped"])
def test_the_ledger_has_the_columns_that_the_page_lists(folder: Path, name: str) -> None:
    assert kinds(folder, f"ledger/{name}-*") == {column: kind for column, (kind, _) in output.told()[name].items()}


def test_the_manifest_has_the_keys_that_the_page_lists(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert output.unknown(manifest) == []
    elsewhere = {"inputs[].found", *(key for key in output.told()["manifest"] if key.startswith("chat"))}
    assert output.untold(manifest) == elsewhere


def test_a_key_that_the_page_does_not_list_is_found() -> None:
    assert output.unknown({"rows": {"read": 1, "redd": 2}, "new": 3}) == ["rows.redd", "new"]
