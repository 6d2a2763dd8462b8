"""The near_unique step: one record of each group of texts that are alike, the same whatever order and files."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.columns import ID, LINE, PIECE
from evenly.core.duplicates import signed
from evenly.core.hashing import hashed
from evenly.core.near import likeness
from evenly.flow import near
from evenly.recipe.steps import NearUnique

if TYPE_CHECKING:
    from pathlib import Path

STEP = NearUnique(column="text", threshold=0.6, ngram=2)


def keys(texts: list[str]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {ID: [f"i{n}" for n in range(len(texts))], PIECE: [0] * len(texts), LINE: range(len(texts)), "text": texts},
        schema={ID: pl.String, PIECE: pl.UInt32, LINE: pl.UInt64, "text": pl.String},
    )
    return frame.with_columns(signed(frame, STEP).alias("s")).filter(pl.col("s").is_not_null())


def lost(frames: list[pl.DataFrame], scratch: Path) -> set[int]:
    found = near.near_losers(frames, sum(frame.height for frame in frames), "s", STEP.threshold, scratch)
    return set(found[LINE].to_list())


def by_hand(frame: pl.DataFrame) -> set[int]:
    """Compare all pairs, follow the edges, keep the smallest hash of each group."""
    matrix = np.array([np.frombuffer(raw, "<u4") for raw in frame["s"]]).reshape(-1, 128)
    groups = [{row} for row in range(frame.height)]
    for a, b in itertools.combinations(range(frame.height), 2):
        if likeness(matrix[a], matrix[b : b + 1])[0] >= STEP.threshold and groups[a] is not groups[b]:
            groups[a] |= groups[b]
            for row in groups[b]:
                groups[row] = groups[a]
    order = frame.select(hashed(ID, "duplicate")).to_series().to_list()
    kept = {min(group, key=lambda row: order[row]) for group in groups}
    lines = frame[LINE].to_list()
    return {lines[row] for row in range(frame.height) if row not in kept}


words = st.sampled_from(["red", "blue", "kettle", "cup", "steel", "litre", "of"])
texts = st.lists(st.lists(words, min_size=1, max_size=9).map(" ".join), max_size=25)


@given(texts, st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=60)
def test_groups_are_those_of_all_pairs_in_any_order_and_any_partition(
    tmp_path: Path, made: list[str], dice: random.Random, rows: int
) -> None:
    frame = keys(made)
    expected = by_hand(frame)
    assert lost([frame], tmp_path) <= expected  # a band may miss a pair, one in a hundred at the threshold
    shuffled = frame[dice.sample(range(frame.height), frame.height)]
    pieces = [shuffled[start : start + rows] for start in range(0, shuffled.height, rows)]
    whole = lost([frame], tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "PARTITION_ROWS", rows)
        patch.setattr(near, "CHUNK_ROWS", rows)
        assert lost(pieces, tmp_path) == whole


def test_nearly_all_groups_of_all_pairs_are_found(tmp_path: Path) -> None:
    dice = random.Random(3)
    made = [" ".join(dice.choices(["a", "b", "c", "d", "e", "f"], k=dice.randint(2, 10))) for _ in range(300)]
    frame = keys(made)
    expected, found = by_hand(frame), lost([frame], tmp_path)
    assert found <= expected
    assert len(found) > 0.98 * len(expected)
    assert len(expected) > 50


def test_a_text_that_stands_there_often_and_texts_that_only_share_a_band_are_quick(tmp_path: Path) -> None:
    often = keys(["one steel kettle of 1.7 litres", *["the same red cup"] * 20_000])
    assert len(lost([often], tmp_path)) == 19_999


# ---------------------------------------------------------------- through a run


def listings(count: int = 120) -> list[dict[str, Any]]:
    dice = random.Random(11)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        spoken = [f"word{dice.randrange(500)}" for _ in range(30)]
        rows.append({"id": f"a{number}", "shelf": number % 3, "text": " ".join(spoken)})
        if number % 4 == 0:
            again = [*spoken[:-1], "other"]
            rows.append({"id": f"b{number}", "shelf": number % 3, "text": " ".join(again).upper()})
    return rows


def recipe(files: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "near",
        "sources": [{"name": "shop", "files": str(files), "id": "id"}],
        "curate": [{"near_unique": {"column": "text"}}],
        "template": {"prompt": "{text}"},
        "balance": {"strata": [{"column": "shelf"}], "cap": 20},
        **changes,
    }


@pytest.mark.parametrize("files", [1, 3, 17])
def test_a_run_drops_them_with_a_reason_however_the_records_lie(tmp_path: Path, files: int) -> None:
    rows = random.Random(files).sample(listings(), 150)
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in listings()), encoding="utf-8")
    cut = tmp_path / "cut"
    cut.mkdir()
    for number in range(files):
        part = "".join(json.dumps(row) + "\n" for row in rows[number::files])
        (cut / f"{number}.jsonl").write_text(part, encoding="utf-8")
    one = evenly.run(recipe(plain / "*.jsonl"), tmp_path / "one").manifest
    two = evenly.run(recipe(cut / "*.jsonl"), tmp_path / "two").manifest
    assert one["rows"]["dropped"] == {"near_unique": 30}
    assert one["rows"]["kept"] == 120
    assert one["selection_digest"] == two["selection_digest"]
    gone = pl.read_parquet(tmp_path / "one" / "ledger" / "dropped-*.parquet")
    kept = pl.read_parquet(tmp_path / "one" / "ledger" / "kept-*.parquet")["id"].to_list()
    for name in gone["id"]:  # of each pair the one of the smaller hash is left
        other = ("b" if name[0] == "a" else "a") + name[1:]
        assert other in kept
        order = pl.DataFrame({"id": [name, other]}).select(hashed("id", "duplicate")).to_series()
        assert order[0] > order[1]


def test_steps_go_in_their_order_and_what_one_drops_the_next_does_not_see(tmp_path: Path) -> None:
    rows = [*listings(40), {"id": "z1", "shelf": 0, "text": listings(1)[0]["text"]}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    steps = [{"unique": {"columns": "text"}}, {"near_unique": {"column": "text", "name": "alike"}}]
    made = evenly.run(recipe(tmp_path / "a.jsonl", curate=steps), tmp_path / "out").manifest["rows"]
    assert made["dropped"] == {"alike": 10, "unique": 1}


@pytest.mark.slow
def test_the_same_product_in_two_shops_is_found(shared_data: Path, tmp_path: Path) -> None:
    source = {"name": "shops", "files": str(shared_data / "retail" / "walmart-amazon.jsonl.gz"), "id": "id"}
    step = {"near_unique": {"column": "title", "threshold": 0.7, "ngram": 1}}
    plan = recipe(tmp_path, sources=[source], curate=[step], template={"prompt": "{title}"})
    plan["balance"] = {"strata": [{"column": "category"}], "cap": 100}
    made = evenly.run(plan, tmp_path / "out").manifest["rows"]
    frame = pl.read_ndjson(shared_data / "retail" / "walmart-amazon.jsonl.gz", infer_schema_length=None)
    same = frame.select(
        pl.col("title").str.to_lowercase().str.extract_all(r"\w+").list.unique().list.sort().list.join(" ")
    )
    exact = same.height - same.n_unique()
    assert exact < made["dropped"]["near_unique"] < 2 * exact + 5000
