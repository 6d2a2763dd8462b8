"""Several sources in one recipe: names, renaming, filters of their own, ids that never meet, one schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evenly

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@pytest.fixture
def shops(tmp_path: Path) -> dict[str, Any]:
    """Return a recipe over three shops that name and type their columns each in its own way."""
    lines = [
        json.dumps({"sku": n, "name": f"lamp {n}", "cost": n + 0.5, "year": 2020 + n % 3, "money": "USD"})
        for n in range(60)
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rows = "".join(f"{n},chair {n},{n + 1},{'EUR' if n % 2 else 'USD'}\n" for n in range(60))
    (tmp_path / "b.csv").write_text("id,title,price,currency\n" + rows, encoding="utf-8")
    table = {"id": list(range(60)), "title": [f"desk {n}" for n in range(60)], "price": [n + 2.0 for n in range(60)]}
    pl.DataFrame(table).write_parquet(tmp_path / "c.parquet")
    return {
        "name": "shops",
        "sources": [
            {
                "name": "a",
                "files": str(tmp_path / "a.jsonl"),
                "id": "id",
                "rename": {"sku": "id", "name": "title", "cost": "price"},
            },
            {"name": "b", "files": str(tmp_path / "b.csv"), "id": "id", "filter": "currency = 'USD'"},
            {"name": "c", "files": str(tmp_path / "c.parquet"), "id": "id", "columns": {"kind": {"value": "desk"}}},
        ],
        "curate": [{"number": {"column": "price", "min": 0.5}}],
        "template": {"prompt": "{title} from {source}: ", "completion": "{price:.2f}"},
        "balance": {"label": "price", "strata": [{"column": "source"}], "cap": 25},
    }


def test_three_formats_make_one_pool(shops: dict[str, Any], tmp_path: Path) -> None:
    manifest = evenly.run(shops, tmp_path / "out").manifest
    rows = manifest["rows"]
    assert (rows["read"], rows["dropped"], rows["kept"]) == (180, {"b.filter": 30}, 150)
    assert manifest["balance"]["before"]["categories"] == {"a": 60, "c": 60, "b": 30}
    data = pl.read_parquet(tmp_path / "out" / "data" / "train-*.parquet")
    assert data["stratum"].value_counts().sort("stratum").rows() == [("a", 25), ("b", 25), ("c", 25)]
    assert {name.split(":")[0] for name in data["id"]} == {"a", "b", "c"}
    assert all(text.startswith(("lamp", "chair", "desk")) for text in data["text"])
    kept = pl.read_parquet(tmp_path / "out" / "ledger" / "kept-*.parquet")
    places = kept.select(pl.col("id").str.head(1), pl.col("file").str.split("/").list.last().str.head(1))
    assert (places["id"] == places["file"]).all()


def test_one_source_alone_keeps_its_ids_as_they_are(shops: dict[str, Any], tmp_path: Path) -> None:
    shops["sources"] = shops["sources"][:1]
    evenly.run(shops, tmp_path / "out")
    assert "7" in set(pl.read_parquet(tmp_path / "out" / "ledger" / "kept-*.parquet")["id"])


def test_the_order_of_sources_does_not_change_the_selection(shops: dict[str, Any], tmp_path: Path) -> None:
    one = evenly.run(shops, tmp_path / "one").manifest
    shops["sources"].reverse()
    other = evenly.run(shops, tmp_path / "other").manifest
    assert one["selection_digest"] == other["selection_digest"]


def test_equal_ids_within_a_source_are_its_own_matter(shops: dict[str, Any], tmp_path: Path) -> None:
    path = Path(shops["sources"][1]["files"])
    path.write_text(path.read_text(encoding="utf-8") + "0,chair again,9,USD\n", encoding="utf-8")
    with pytest.raises(evenly.UserError, match=r"recipe\.sources\[1\]\.id: 'b:0' names 2 records"):
        evenly.run(shops, tmp_path / "out")
    shops["sources"][1]["duplicate_ids"] = "drop"
    assert evenly.run(shops, tmp_path / "out").manifest["rows"]["dropped"]["duplicate_ids"] == 1


def test_a_schema_that_sources_do_not_share_is_named_by_source_and_column(
    shops: dict[str, Any], tmp_path: Path
) -> None:
    shops["export"] = {"keep": ["year"]}
    with pytest.raises(evenly.UserError, match=r"export\.keep\[0\]: no column 'year' in .*b\.csv"):
        evenly.run(shops, tmp_path / "out")
    csv = Path(shops["sources"][1]["files"])
    lines = csv.read_text(encoding="utf-8").splitlines()
    csv.write_text("\n".join([lines[0] + ",year", *(f"{line},2021" for line in lines[1:])]), encoding="utf-8")
    table = Path(shops["sources"][2]["files"])
    pl.read_parquet(table).with_columns(year=2022.0).write_parquet(table)
    with pytest.raises(evenly.UserError, match=r"'year' is integer in source 'a' and text in source 'b'.*number"):
        evenly.run(shops, tmp_path / "out")
    shops["curate"].append({"number": {"column": "year"}})
    evenly.run(shops, tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out" / "data" / "train-*.parquet")["year"].dtype == pl.Float64


def test_whole_and_broken_numbers_of_two_sources_become_numbers(shops: dict[str, Any], tmp_path: Path) -> None:
    del shops["sources"][1]
    table = Path(shops["sources"][1]["files"])
    pl.read_parquet(table).with_columns(year=2022.5).write_parquet(table)
    shops["export"] = {"keep": ["year"]}
    evenly.run(shops, tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out" / "data" / "train-*.parquet")["year"].dtype == pl.Float64


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "a"}, r"sources\[1\]\.name: 'a' names another source already"),
        ({"rename": {"title": "x", "price": "x"}}, "'x' is the name of another column too"),
        ({"rename": {"title": "label"}}, r"'title' is renamed to 'label'\. Use that name"),
        ({"columns": {"kind": {}}}, "expected one of from_path and value"),
        ({"filter": "currency ="}, r"sources\[1\]\.filter"),
        ({"filter": "price + 1"}, r"sources\[1\]\.filter"),
    ],
)
def test_faults_of_a_source(shops: dict[str, Any], change: dict[str, Any], told: str) -> None:
    shops["sources"][1] |= change
    with pytest.raises(evenly.RecipeError, match=told):
        evenly.check(shops)


def test_the_six_shops_make_one_pool(shared_data: Path) -> None:
    found = evenly.plan(RECIPES / "retail.yaml", set=[f"sources.1.files={shared_data}/retail/best-buy.parquet"])
    index = found.pool.index
    assert index.read == 166_513
    assert index.read == index.kept + sum(index.dropped.values()) + index.quarantined
    assert index.quarantined == 0
    assert index.dropped["wine.filter"] == 13_834
    assert index.dropped["number"] > 80_000
    assert set(found.plan.pool.categories) == {"amazon", "best-buy", "costco", "pc-parts", "walmart-amazon", "wine"}
