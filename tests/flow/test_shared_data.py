"""Every file and folder of the real data goes through a recipe, each row accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import evenly

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = sorted(
    path.relative_to(SHARED).as_posix()
    for path in SHARED.rglob("*")
    if path.is_file()
    and path.parent.name != "tokenizers"
    and path.suffix != ".md"
    and path.name != "course-figures.json"
)

# File, or its beginning -> what a recipe has to say of it: the source, the curate steps, the text's columns.
AMAZON: dict[str, Any] = {
    "source": {"id": "parent_asin", "as_text": ["details", "price"]},
    "steps": [{"join": {"columns": ["title", "description", "features"], "into": "text"}}],
}
TABULAR: dict[str, Any] = {
    "source": {"id": "id"},
    "steps": [{"join": {"columns": ["title", "description", "features", "details"], "into": "text"}}],
}
ROWS = {
    "amazon-2023/raw-shape-rows.jsonl": 5,
    "amazon-2023/hf-loaded-rows.jsonl": 10,
    "amazon-2023/unpriced-texts.parquet": 11_712,
    "retail/amazon-2018.csv.gz": 44_205,
    "retail/best-buy.parquet": 3_288,
    "retail/costco.parquet": 1_487,
    "retail/pc-parts.parquet": 63_827,
    "retail/walmart-amazon.jsonl.gz": 24_622,
    "retail/wine.parquet": 29_084,
}


def run(files: str, out: Path, said: dict[str, Any]) -> dict[str, Any]:
    recipe = {
        "name": "shared",
        "sources": [{"name": "real", "files": files, **said["source"]}],
        "curate": [*said["steps"], {"chars": {"column": "text", "min": 1}}],
        "template": {"prompt": "{text}", "completion": " {price}"},
        "balance": {"strata": [{"column": "source"}], "cap": 1000},
        "max_bad_fraction": 0.0,
    }
    if "unpriced" in files or "raw-shape" in files:
        recipe["template"] = {"prompt": "{text}"}
    manifest = evenly.run(recipe, out).manifest
    rows = manifest["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"]
    assert rows["selected"] == pl.read_parquet(out / "data" / "*.parquet").height
    return rows


@pytest.mark.parametrize("name", DATA)
def test_a_file_goes_through(shared_data: Path, tmp_path: Path, name: str) -> None:
    said = TABULAR if ROWS.get(name, 0) > 1000 else AMAZON
    if "unpriced" in name:  # its ids repeat: records are named by what they hold
        said = {**said, "source": {"duplicate_ids": "drop"}}
    rows = run(str(shared_data / name), tmp_path / "out", said)
    assert rows["quarantined"] == 0
    assert rows["read"] == ROWS.get(name, rows["read"])
    assert rows["selected"] > 0


@pytest.mark.parametrize(
    ("pattern", "said", "total"),
    [
        ("amazon-2023/meta_*.jsonl.gz", AMAZON, 11_300),
        ("retail/*.parquet", TABULAR, 3_288 + 1_487 + 63_827 + 29_084),
    ],
)
def test_a_folder_goes_through(
    shared_data: Path, tmp_path: Path, pattern: str, said: dict[str, Any], total: int
) -> None:
    said = {**said, "source": {**said["source"], "duplicate_ids": "drop"}}
    rows = run(str(shared_data / pattern), tmp_path / "out", said)
    assert abs(rows["read"] - total) < 60  # the note of the data rounds the listings


def test_the_tokenizer_goes_through(shared_data: Path, tmp_path: Path) -> None:
    (place,) = (shared_data / "tokenizers").iterdir()
    said = {**AMAZON, "steps": [*AMAZON["steps"], {"tokens": {"column": "text", "truncate": 20}}]}
    with pytest.MonkeyPatch.context() as patch:
        original = evenly.run
        patch.setattr(evenly, "run", lambda recipe, out: original({**recipe, "tokenizer": str(place)}, out))
        assert run(str(shared_data / "amazon-2023" / "hf-loaded-rows.jsonl"), tmp_path / "out", said)["read"] == 10


def test_every_file_was_looked_at(shared_data: Path) -> None:
    assert set(ROWS) <= set(DATA)
    assert len(DATA) == len(ROWS) + len(list((shared_data / "amazon-2023").glob("meta_*.jsonl.gz")))
