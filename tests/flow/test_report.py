"""The numbers of a report are those of the pool and of the output, on both engines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import evenly
from evenly.flow.report import KEYS, read_numbers

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("amp", "belt", "cable", "drill")


def listings(count: int) -> list[dict[str, Any]]:
    chance = np.random.default_rng(4)
    return [
        {
            "id": f"S{number:05d}",
            "title": " ".join(chance.choice(WORDS, 1 + number % 7).tolist()),
            "price": None if number % 50 == 3 else round(float(chance.lognormal(3, 1)), 2),
            "category": str(chance.choice(["parts", "parts", "toys", "tools"])),
        }
        for number in range(count)
    ]


def wanted(files: Path, **balance: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "tokenizer": "o200k_base",
        "sources": [{"name": "s", "files": str(files), "id": "id"}],
        "template": {"prompt": "{title} costs ", "completion": "{price:.0f}"},
        "curate": [{"number": {"column": "price"}}],
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "round": 5}],
            "cap": 20,
            "take_all": "price >= 60",
            "weight": {"column": "category", "values": {"parts": 1}, "default": 3},
            **balance,
        },
        "split": {"train": 0.8, "test": 0.1},
        "export": {"keep": ["category"]},
    }


def counted(edges: list[float], values: pl.Series) -> list[int]:
    return np.histogram(values.to_numpy(), [-np.inf, *edges, np.inf])[0].tolist()


def test_numbers_are_those_of_the_pool_and_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plan", "draw"):
        monkeypatch.setattr(f"evenly.flow.{module}.GROUP_ROWS", 100)
    rows = listings(900)
    (tmp_path / "in").mkdir()
    for part in range(9):
        write_lines(tmp_path / "in" / f"{part}.jsonl", rows[part::9])
    done = evenly.run(wanted(tmp_path / "in" / "*.jsonl"), tmp_path / "out")
    numbers = read_numbers(done.folder)
    before = pl.DataFrame(rows).drop_nulls("price")
    after = pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / "out" / "data").glob("*.parquet"))])
    unassigned = done.manifest["rows"]["unassigned"]
    assert unassigned > 0
    for name, column in (("label", "price"), ("label_log", "price")):
        picture = numbers["pictures"][name]
        assert picture["before"] == counted(picture["edges"], before[column])
        shown = np.array(picture["after"]) - counted(picture["edges"], after[column])
        assert (shown >= 0).all()  # selected records in no split are shown, too
        assert shown.sum() == unassigned
    mix, density = numbers["pictures"]["mix"], numbers["pictures"]["density"]
    for side, frame in (("before", before), ("after", after)):
        found = dict(zip(mix["categories"], np.array(mix[side]).sum(axis=0).tolist(), strict=False))
        for name, here in frame["category"].value_counts().iter_rows():
            assert 0 <= found[name] - here <= (unassigned if side == "after" else 0)
        assert np.array(density[side]).sum() == frame.height + (unassigned if side == "after" else 0)
    assert numbers["facts"]["before"]["label"]["highest"] == before["price"].max()
    assert numbers["facts"]["before"]["tokens"]["total"] == done.before.tokens
    strata = numbers["strata"]["rows"]
    assert sum(row["N"] for row in strata) == done.manifest["rows"]["kept"]
    assert sum(row["n"] for row in strata) == done.manifest["rows"]["selected"]
    assert [stage["stage"] for stage in numbers["funnel"]] == ["read", "number", "selected"]
    assert [stage["left"] for stage in numbers["funnel"]] == [900, before.height, done.manifest["rows"]["selected"]]
    assert not numbers["reused"]
    again = evenly.run(wanted(tmp_path / "in" / "*.jsonl"), tmp_path / "again")
    assert read_numbers(again.folder)["reused"]
    # along the price, not along its name: 100 comes after 20
    own = {side: np.cumsum([row[key] for row in strata]) for side, key in (("before", "N"), ("after", "n"))}
    even = np.arange(1, len(strata) + 1) / len(strata)
    for side, sums in own.items():
        assert numbers["measures"][side]["distance"] == pytest.approx(np.abs(sums / sums[-1] - even).max(), abs=1e-6)
    assert numbers["lorenz"]["after"]["gini"] == done.manifest["balance"]["after"]["gini"]


def test_repeated_rows_count_as_often_as_they_are_there(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", listings(60))
    recipe = wanted(path, policy="unimax", epochs=3, size=100, cap=None, take_all=None, weight=None)
    recipe["balance"] = {key: value for key, value in recipe["balance"].items() if value is not None}
    recipe["split"] = {"train": 1.0}
    done = evenly.run(recipe, tmp_path / "out")
    assert done.manifest["rows"]["repeated"] > 0
    picture = read_numbers(done.folder)["pictures"]["label"]
    after = pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")
    assert picture["after"] == counted(picture["edges"], after["price"])


def test_without_a_report_there_is_none(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "in.jsonl", listings(60))
    recipe = wanted(path)
    recipe["export"]["report"] = False
    done = evenly.run(recipe, tmp_path / "out")
    assert not (done.folder / "charts").exists()
    assert not (done.folder / "report.html").exists()
    with pytest.raises(
        evenly.UserError, match=r"numbers\.json: .* Run the recipe again, without export\.report: false"
    ):
        evenly.report(done.folder)
    other = evenly.run(wanted(path), tmp_path / "other").manifest
    assert other["recipe_fingerprint"] == done.manifest["recipe_fingerprint"]
    kept = tmp_path / "other" / "charts" / "numbers.json"
    assert read_numbers(tmp_path / "other").keys() == KEYS
    for damaged in ({"version": 0}, {"version": 1}, "no JSON"):
        kept.write_text(damaged if isinstance(damaged, str) else json.dumps(damaged), "utf-8")
        with pytest.raises(evenly.UserError, match="as this Evenly writes them"):
            evenly.report(tmp_path / "other")
