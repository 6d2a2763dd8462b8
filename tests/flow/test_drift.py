"""Files that differ in a column: refused by name, converted, or made null, as the source's `drift` says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evenly
from evenly.errors import DataError

ROWS = [{"id": f"i{n}", "price": float(n % 9 + 1), "code": n, "note": f"n{n}"} for n in range(60)]
AS_TEXT = [{**row, "id": f"t{row['id']}", "price": str(row["price"]), "code": f"c{row['code']}"} for row in ROWS]


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    match path.suffix:
        case ".parquet":
            pl.DataFrame(rows).write_parquet(path)
        case ".csv":
            pl.DataFrame(rows).write_csv(path)
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def recipe(files: Path, **source: Any) -> dict[str, Any]:
    return {
        "name": "drift",
        "sources": [{"name": "shop", "files": str(files), "id": "id", **source}],
        "template": {"prompt": "{note}", "completion": "{price:.2f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 100},
        "export": {"keep": ["code"]},
        "max_bad_fraction": 1.0,
    }


def run(tmp_path: Path, kind: str, second: list[dict[str, Any]], **source: Any) -> tuple[dict[str, Any], pl.DataFrame]:
    write(tmp_path / f"a{kind}", ROWS)
    write(tmp_path / f"b{kind}", second)
    made = evenly.run(recipe(tmp_path / f"*{kind}", **source), tmp_path / "out", force=True)
    return made.manifest["rows"], pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")


@pytest.mark.parametrize("kind", [".parquet", ".jsonl"])
def test_columns_that_differ_between_files_are_named_with_both_files(tmp_path: Path, kind: str) -> None:
    with pytest.raises(DataError, match=r"'code' is integer in .*/a.* and text in .*/b.*drift: coerce"):
        run(tmp_path, kind, [{**row, "price": 1.0} for row in AS_TEXT])


def test_a_type_that_does_not_fit_its_use_is_refused_in_parquet(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'price' of .*b.parquet is String, expected a number"):
        run(tmp_path, ".parquet", [{**row, "code": 1} for row in AS_TEXT])


def test_in_lines_a_value_of_another_type_is_quarantined_alone(tmp_path: Path) -> None:
    rows, _ = run(tmp_path, ".jsonl", [{**row, "code": 1} for row in AS_TEXT])
    assert (rows["kept"], rows["quarantined"]) == (60, 60)


@pytest.mark.parametrize("kind", [".parquet", ".jsonl"])
@pytest.mark.parametrize("drift", ["coerce", "null"])
def test_texts_become_numbers_and_what_is_passed_through_becomes_text(tmp_path: Path, kind: str, drift: str) -> None:
    rows, frame = run(tmp_path, kind, AS_TEXT, drift=drift)
    assert (rows["kept"], rows["quarantined"]) == (120, 0)
    assert frame["price"].dtype == pl.Float64
    assert sorted(frame["code"].to_list()) == sorted([str(n) for n in range(60)] + [f"c{n}" for n in range(60)])


WORDS = [{**row, "price": "none"} for row in AS_TEXT]


@pytest.mark.parametrize("kind", [".parquet", ".jsonl", ".csv"])
def test_what_cannot_be_converted_is_quarantined_or_null(tmp_path: Path, kind: str) -> None:
    rows, _ = run(tmp_path, kind, WORDS, drift="coerce")
    assert (rows["kept"], rows["quarantined"]) == (60, 60)
    first = json.loads((tmp_path / "out" / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["reason"].startswith("wrong type: 'price' is ")
    assert (Path(first["file"]).name, first["line"]) == (f"b{kind}", 2 if kind == ".csv" else 1)
    rows, _ = run(tmp_path, kind, WORDS, drift="null")
    assert (rows["read"], rows["dropped"], rows["quarantined"]) == (120, {"template": 60}, 0)


@pytest.mark.parametrize("kind", [".parquet", ".csv"])
def test_a_column_that_a_file_lacks_is_refused_unless_it_may_be_null(tmp_path: Path, kind: str) -> None:
    lacking = [{name: value for name, value in row.items() if name != "code"} for row in AS_TEXT]
    with pytest.raises(DataError, match=r"no column 'code' in .*b\."):
        run(tmp_path, kind, lacking, drift="coerce")
    rows, frame = run(tmp_path, kind, lacking, drift="null")
    assert rows["kept"] == 120
    assert frame["code"].null_count() == 60


def test_a_column_of_nothing_but_nulls_is_no_drift(tmp_path: Path) -> None:
    empty = [{**row, "id": f"e{row['id']}", "code": None} for row in ROWS]
    rows, frame = run(tmp_path, ".parquet", empty)
    assert rows["kept"] == 120
    assert frame["code"].dtype == pl.Int64


def test_strata_may_lie_over_a_column_that_is_of_another_type_in_another_file(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [{**row, "code": row["code"] % 3} for row in ROWS])
    write(tmp_path / "b.parquet", [{**row, "id": f"t{row['id']}", "code": "c1"} for row in ROWS])
    wanted = recipe(tmp_path / "*.parquet", drift="coerce")
    wanted["balance"] = {"label": "price", "strata": [{"column": "code"}], "cap": 15}
    manifest = evenly.run(wanted, tmp_path / "out").manifest
    data = pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")
    assert dict(data.group_by("stratum").len().iter_rows()) == {"0": 15, "1": 15, "2": 15, "c1": 15}
    assert manifest["rows"]["selected"] == 60
