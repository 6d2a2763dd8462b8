"""Ids: of a column, of several, of the whole record."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import evenly
from evenly.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {"title": f"thing {n}", "shelf": "abc"[n % 3], "n": n, "more": [n, None]} for n in range(90)
]


def recipe(files: Path, **changes: Any) -> dict[str, Any]:
    source = {"name": "shop", "files": str(files), **changes.pop("source", {})}
    return {
        "name": "ids",
        "sources": [source],
        "template": {"prompt": "{title}"},
        "balance": {"strata": [{"column": "shelf"}], "cap": 10},
        **changes,
    }


def lines(path: Path, rows: list[dict[str, Any]], **style: Any) -> Path:
    path.write_text("".join(json.dumps(row, **style) + "\n" for row in rows), encoding="utf-8")
    return path


def ids(path: Path, out: Path, **changes: Any) -> set[str]:
    evenly.run(recipe(path, **changes), out)
    return set(pl.read_parquet(out / "data" / "*.parquet")["id"])


def test_without_an_id_a_record_is_named_by_all_that_it_holds(tmp_path: Path) -> None:
    found = ids(lines(tmp_path / "a.jsonl", ROWS), tmp_path / "one")
    assert len(found) == 30
    assert all(len(name) == 32 for name in found)


def test_neither_order_nor_spelling_nor_what_the_recipe_reads_changes_the_name(tmp_path: Path) -> None:
    found = ids(lines(tmp_path / "a.jsonl", ROWS), tmp_path / "one")
    shuffled = [dict(reversed(row.items())) | {"gone": None} for row in random.Random(1).sample(ROWS, len(ROWS))]
    assert found == ids(lines(tmp_path / "b.jsonl", shuffled, indent=None, separators=(",", ":")), tmp_path / "two")
    assert found == ids(tmp_path / "a.jsonl", tmp_path / "three", export={"keep": ["n"]})


def test_columns_that_the_recipe_does_not_read_tell_records_apart(tmp_path: Path) -> None:
    rows = [{**ROWS[0], "n": n} for n in range(30)]
    assert (
        len(
            ids(
                lines(tmp_path / "a.jsonl", rows),
                tmp_path / "out",
                balance={"strata": [{"column": "shelf"}], "cap": 99},
            )
        )
        == 30
    )


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_other_formats_name_records_too(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(ROWS).drop("more")
    frame.write_csv(tmp_path / "a.csv") if kind == "csv" else frame.write_parquet(tmp_path / "a.parquet")
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3).select(reversed(frame.columns))
    shuffled.write_csv(tmp_path / "b.csv") if kind == "csv" else shuffled.write_parquet(tmp_path / "b.parquet")
    assert ids(tmp_path / f"a.{kind}", tmp_path / "one") == ids(tmp_path / f"b.{kind}", tmp_path / "two")


def test_equal_records_are_refused_or_one_of_each_is_kept(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", [*ROWS, *ROWS[:7]])
    with pytest.raises(DataError, match="2 records are the same") as refused:
        evenly.run(recipe(path), tmp_path / "out")
    assert "as are 7 in all" in str(refused.value)
    made = evenly.run(recipe(path, source={"duplicate_ids": "drop"}), tmp_path / "out")
    assert made.manifest["rows"]["dropped"] == {"duplicate_ids": 7}


def test_the_same_record_in_two_places_that_give_it_other_columns_is_two(tmp_path: Path) -> None:
    for name in ("red", "blue"):
        (tmp_path / name).mkdir()
        lines(tmp_path / name / "a.jsonl", ROWS[:3])
    given = {"columns": {"colour": {"from_path": r"(\w+)/a\.jsonl"}}}
    made = evenly.run(recipe(tmp_path / "*" / "a.jsonl", source=given), tmp_path / "out")
    assert made.manifest["rows"]["kept"] == 6


@pytest.mark.parametrize("rows", [7, 60])
def test_duplicates_are_found_in_partitions_as_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    made = [{"id": f"{n % 150}", "title": f"Thing {n % 40}", "shelf": "abc"[n % 3], "kind": n % 7} for n in range(200)]
    paths = [lines(tmp_path / f"{part}.jsonl", made[part::4]) for part in range(4)]
    steps = [{"unique": {"columns": ["title", "shelf"]}}, {"unique": {"columns": ["kind", "shelf"]}}]
    wanted = recipe(tmp_path / "*.jsonl", source={"id": "id", "duplicate_ids": "drop"}, curate=steps)
    whole = evenly.run(wanted, tmp_path / "whole").manifest
    assert set(whole["rows"]["dropped"]) == {"duplicate_ids", "unique", "unique-2"}
    assert whole["rows"]["kept"] == 21
    monkeypatch.setattr("evenly.flow.duplicates.PARTITION_ROWS", rows)
    monkeypatch.setattr("evenly.flow.duplicates.TOGETHER", 3)
    monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / "other"))
    parts = evenly.run(wanted, tmp_path / "parts").manifest
    assert (parts["rows"], parts["files"]) == (whole["rows"], whole["files"])
    refused = recipe(paths[0].parent / "*.jsonl", source={"id": "id"})
    with pytest.raises(DataError, match=r"names 2 records .*duplicate_ids: drop"):
        evenly.run(refused, tmp_path / "refused")


@pytest.mark.parametrize("indent", [None, 1])
def test_duplicates_go_from_an_array_however_many_of_its_records_stand_in_a_line(
    tmp_path: Path, indent: int | None
) -> None:
    made = [*ROWS, *ROWS[:7], {**ROWS[0], "title": "other"}]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(made, indent=indent), encoding="utf-8")
    changes: dict[str, Any] = {
        "source": {"id": ["title", "n"], "duplicate_ids": "drop"},
        "curate": [{"unique": {"columns": "n"}}],
    }
    rows = evenly.run(recipe(path, **changes), tmp_path / "out").manifest["rows"]
    assert (rows["read"], rows["dropped"], rows["kept"]) == (98, {"duplicate_ids": 7, "unique": 1}, 90)
    ledger = pl.concat(
        pl.read_parquet(file, columns=["id", "line"]) for file in (tmp_path / "out" / "ledger").glob("*.parquet")
    )
    assert sorted(ledger["line"]) == list(range(1, 99))
