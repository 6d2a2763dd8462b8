"""Tables from Python: whatever holds the records, the same selection as from a file of them."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import random
from typing import TYPE_CHECKING, Any

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pytest

import evenly
from evenly.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {
        "id": f"i{n}",
        "shelf": ["top", None, "low"][n % 3],
        "price": n % 7 + 0.5 if n % 11 else None,
        "tags": ["a", f"b{n % 2}"],
        "more": {"k": n},
    }
    for n in range(200)
]

RECIPE: dict[str, Any] = {
    "name": "given",
    "sources": [{"name": "shop", "id": "id", "as_text": "more"}],
    "curate": [{"number": {"column": "price"}}, {"join": {"columns": ["shelf", "tags"], "into": "text"}}],
    "template": {"prompt": "{text}: {more}", "completion": "{price:.1f}"},
    "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 9},
    "export": {"keep": ["shelf"]},
}


def generated() -> Iterator[dict[str, Any]]:
    yield from ROWS


def frame() -> pl.DataFrame:
    return pl.DataFrame(ROWS)


TABLES: dict[str, Callable[[], Any]] = {
    "list": lambda: ROWS,
    "shuffled": lambda: random.Random(3).sample(ROWS, len(ROWS)),
    "generator": generated,
    "polars": frame,
    "lazy": lambda: frame().lazy(),
    "pandas": lambda: pd.DataFrame(ROWS, index=range(5, 205)),
    "arrow": lambda: pa.Table.from_pylist(ROWS),
    "reader": lambda: pa.Table.from_pylist(ROWS).to_reader(max_chunksize=7),
    "arrow dataset": lambda: pyarrow.dataset.dataset(pa.Table.from_pylist(ROWS)),
    "dataset": lambda: datasets.Dataset.from_list(ROWS),
    "dataset with indices": lambda: datasets.Dataset.from_list(ROWS).shuffle(seed=1),
    "streaming": lambda: datasets.Dataset.from_list(ROWS).to_iterable_dataset(num_shards=3),
}


@pytest.fixture
def plain(tmp_path: Path) -> dict[str, Any]:
    """The manifest of a run over a file of the records."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return evenly.run(RECIPE, tmp_path / "plain", set=[f"sources.0.files={path}"]).manifest


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_gives_what_its_records_give(tmp_path: Path, plain: dict[str, Any], kind: str) -> None:
    made = evenly.run(RECIPE, tmp_path / "out", data={"shop": TABLES[kind]()})
    assert made.manifest["rows"] == plain["rows"]
    assert made.manifest["selection_digest"] == plain["selection_digest"]
    assert made.manifest["recipe_fingerprint"] == plain["recipe_fingerprint"]
    assert [one["path"] for one in made.manifest["inputs"]] == ["data:shop"]
    one, other = (pl.read_parquet(tmp_path / name / "data" / "*.parquet").sort("id") for name in ("out", "plain"))
    assert one.equals(other)
    assert "cache" not in json.dumps(made.manifest)
    assert set(pl.read_parquet(tmp_path / "out" / "ledger" / "kept-*.parquet")["file"]) == {"data:shop"}


def test_the_same_table_finds_its_pool_again_and_another_does_not(tmp_path: Path) -> None:
    assert not evenly.run(RECIPE, tmp_path / "one", data=frame()).pool_reused
    assert evenly.run(RECIPE, tmp_path / "two", data=frame()).pool_reused
    assert not evenly.run(RECIPE, tmp_path / "three", data=frame().head(150)).pool_reused
    assert len(evenly.plan(RECIPE, data=frame()).plan.strata) == 4
    assert evenly.check(RECIPE, data=frame(), sources=True).name == "given"


def test_values_that_json_lacks_are_dates_and_numbers(tmp_path: Path) -> None:
    rows = [
        {
            "id": np.int64(n),
            "shelf": dt.date(2024, 1, 1 + n),
            "price": decimal.Decimal("1.5") if n % 2 else float("nan"),
            "tags": np.array(["a"]),
            "more": None,
        }
        for n in range(20)
    ]
    made = evenly.run({**RECIPE, "template": {"prompt": "{text}"}}, tmp_path / "out", data=rows)
    assert made.manifest["rows"]["dropped"] == {"number": 10}
    texts = pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")["text"].to_list()
    assert all(text.startswith("2024-01-") for text in texts)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"shop": [{"id": "a", "price": b"1"}]}, r"data\['shop'\]\[0\]: can't be written as JSON: bytes has no JSON"),
        ({"shop": [{"id": "a"}, ["b"]]}, r"data\['shop'\]\[1\]: is list, expected a dict"),
        ({"shop": "rows.jsonl"}, r"data\['shop'\]: is str, expected a Polars, pandas or Arrow table"),
        ({"shop": 7}, r"data\['shop'\]: is int"),
        ({"shpo": ROWS}, "no source is called 'shpo'. Did you mean 'shop'"),
        (None, r"recipe.sources\[0\].files: source 'shop' has none.*data={'shop': table}"),
        ({"shop": pl.DataFrame({"id": ["a"]})}, "no column 'price' in data:shop"),
        ({"shop": frame().clear()}, "has no rows|hold no rows"),
        ({"shop": []}, "hold no rows"),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, data: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        evenly.run(RECIPE, tmp_path / "out", data=data)
    assert not (tmp_path / "out").exists()


def test_several_sources_may_be_given_beside_files(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    sources = [
        *RECIPE["sources"],
        {"name": "file", "id": "id", "files": str(tmp_path / "rows.jsonl"), "as_text": "more"},
    ]
    made = evenly.run({**RECIPE, "sources": sources}, tmp_path / "out", data={"shop": frame()})
    assert made.manifest["rows"]["read"] == 400
    with pytest.raises(DataError, match="several sources"):
        evenly.run({**RECIPE, "sources": sources}, tmp_path / "two", data=frame())


def test_what_was_handed_over_goes_with_the_cache(tmp_path: Path) -> None:
    evenly.run(RECIPE, tmp_path / "out", data=frame())
    assert list((tmp_path / "cache" / "tables").iterdir())
    assert evenly.cache(clear=True).freed > 0
    assert not (tmp_path / "cache" / "tables").exists()
