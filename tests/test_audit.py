"""Comparisons: what outputs share and how they differ, counted again by other means."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import evenly

from .conftest import write_lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    chance = np.random.default_rng(6)
    rows = [
        {"id": f"{n}", "title": f"lamp {n}", "price": round(float(chance.lognormal(3, 1)), 2), "kind": "abc"[n % 3]}
        for n in range(700)
    ]
    return write_lines(tmp_path / "in.jsonl", rows)


def recipe(source: Path, name: str, **balance: Any) -> dict[str, Any]:
    return {
        "name": name,
        "tokenizer": "o200k_base",
        "sources": [{"name": "s", "files": str(source), "id": "id"}],
        "template": {"prompt": "{title} costs ", "completion": "{price:.0f}"},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "round": 10}],
            "cap": 20,
            "weight": {"column": "kind", "values": {"a": 2}},
            **balance,
        },
        "split": {"train": 0.9, "test": 0.1},
    }


def ids(folder: Path) -> set[str]:
    return set(pl.read_parquet(folder / "data" / "*.parquet", columns=["id"])["id"])


def test_a_comparison_counts_what_is_shared(source: Path, tmp_path: Path) -> None:
    wanted = [recipe(source, "one"), recipe(source, "two", cap=10), recipe(source, "three", cap=5, weight=1.0)]
    wanted[2]["balance"]["weight"] = "price"
    folders = [evenly.run(one, tmp_path / one["name"]).folder for one in wanted]
    found = evenly.compare(*folders).to_dict()
    sets = [ids(folder) for folder in folders]
    assert found["names"] == ["one", "two", "three"]
    assert found["records"] == [len(one) for one in sets]
    for i, one in enumerate(sets):
        for j, other in enumerate(sets):
            assert found["overlap"]["common"][i][j] == len(one & other)
            assert found["overlap"]["only"][i][j] == len(one - other)
            assert found["overlap"]["jaccard"][i][j] == pytest.approx(len(one & other) / len(one | other), abs=1e-6)
    prices = [pl.read_parquet(folder / "data" / "*.parquet")["price"].to_numpy() for folder in folders]
    for rows, own in zip(found["label"]["rows"], prices, strict=True):
        assert rows == np.histogram(own, [-np.inf, *found["label"]["edges"], np.inf])[0].tolist()
    assert [sum(rows) for rows in found["tokens"]["rows"]] == found["records"]
    assert found["categories"] is None  # the third counts by none
    two = evenly.compare(*folders[:2]).to_dict()
    assert [sum(rows) for rows in two["categories"]["rows"]] == two["records"]
    assert two["categories"]["others"] == [0, 0]
    measures = {row["name"]: row["told"] for row in found["measures"]}
    assert measures["records"] == [f"{len(one):,}" for one in sets]
    assert [one["name"] for one in found["recipes"]] == ["two", "three"]
    assert "-  cap: 20" in found["recipes"][0]["lines"]
    assert "+  cap: 10" in found["recipes"][0]["lines"]
    # a lower cap takes of what a higher one takes
    assert found["overlap"]["only"][1][0] == 0


@pytest.mark.drawn
def test_a_comparison_is_a_page_and_json(source: Path, tmp_path: Path) -> None:
    hostile = "</script><script>alert(1)</script>"
    one = evenly.run(recipe(source, "one"), tmp_path / "one").folder
    two = evenly.run(recipe(source, "one", cap=9), tmp_path / "two").folder
    manifest = json.loads((two / "manifest.json").read_text("utf-8"))
    manifest["recipe"]["name"] = hostile
    (two / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    evenly.compare(one, two).write_page(tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "<script>alert" not in text
    assert text.count("<script") == 3
    assert len(text) < 2_000_000
    assert text.count("<figure") == 4

    command = [sys.executable, "-m", "evenly.cli", "compare", str(one), str(two), "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, cwd=tmp_path)
    assert json.loads(done.stdout) == evenly.compare(one, two).to_dict()
    assert not (tmp_path / "compare.html").exists()


def test_a_category_that_one_side_does_not_name_is_no_zero(tmp_path: Path) -> None:
    rows = [{"id": f"{n}", "title": f"lamp {n}", "kind": f"kind {n % 1_300:04d}"} for n in range(2_600)]
    # the second side has the same categories, and one more that is its largest
    more = rows + [{"id": f"x{n}", "title": "lamp", "kind": "kind 1299"} for n in range(50)]
    folders: list[Path] = []
    for name, own in (("one", rows), ("two", more)):
        wanted = recipe(write_lines(tmp_path / f"{name}.jsonl", own), name)
        wanted["balance"] = {"strata": [{"column": "kind"}], "cap": 9}
        wanted["template"] = {"prompt": "{title}"}
        folders.append(evenly.run(wanted, tmp_path / name).folder)
    told = evenly.compare(*folders).to_dict()["categories"]
    assert "kind 1299" not in told["names"]  # counted among the others of the first
    assert all(count for own in told["rows"] for count in own)
    assert [sum(own) + others for own, others in zip(told["rows"], told["others"], strict=True)] == [2_600, 2_607]


def test_a_page_that_is_there_is_not_replaced_in_silence(source: Path, tmp_path: Path) -> None:
    folder = evenly.run(recipe(source, "one"), tmp_path / "out").folder
    page = tmp_path / "page.html"
    page.write_text("mine", "utf-8")
    command = [sys.executable, "-m", "evenly.cli", "compare", str(folder), str(folder), "--out", str(page), "--quiet"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, page.read_text("utf-8")) == (2, "mine")
    assert "is there already. Use --force" in done.stderr
    assert subprocess.run([*command, "--force"], check=False).returncode == 0
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_recipes_are_run_for_a_comparison(source: Path, tmp_path: Path) -> None:
    wanted = recipe(source, "one", cap=6)
    wanted["export"] = {"report": False}
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(wanted), "utf-8")
    folder = evenly.run(recipe(source, "one"), tmp_path / "out").folder
    found = evenly.compare(folder, path).to_dict()
    assert found["names"] == ["out", "recipe"]
    assert found["overlap"]["only"][1][0] == 0
    again = evenly.compare(folder, folder, path, path).to_dict()
    assert len(set(again["names"])) == 4
    assert again["overlap"]["jaccard"][0][1] == 1
    assert again["recipes"][0]["lines"] == []


def test_what_can_not_be_compared_is_told(source: Path, tmp_path: Path) -> None:
    folder = evenly.run(recipe(source, "one"), tmp_path / "out").folder
    for given in ([folder], [folder] * 9):
        with pytest.raises(evenly.UserError, match=rf"compare: {len(given)} given, expected 2 to 8 outputs"):
            evenly.compare(*given)
    with pytest.raises(evenly.UserError, match=r"nothing: there is no such output or recipe"):
        evenly.compare(folder, tmp_path / "nothing")
    with pytest.raises(evenly.UserError, match=r"holds no manifest\.json"):
        evenly.compare(folder, tmp_path)


def test_sides_with_other_labels_and_categories_are_compared_by_what_they_share(source: Path, tmp_path: Path) -> None:
    one = evenly.run(recipe(source, "one"), tmp_path / "one").folder
    wanted = recipe(source, "two")
    wanted["balance"] = {"strata": [{"column": "title"}], "cap": 1}
    del wanted["tokenizer"]
    two = evenly.run(wanted, tmp_path / "two").folder
    found = evenly.compare(one, two).to_dict()
    assert found["label"] is None
    assert found["tokens"] is None
    assert found["categories"] is None
    assert found["overlap"]["common"][0][1] == len(ids(one) & ids(two))
