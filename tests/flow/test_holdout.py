"""A holdout: set aside by group before anything is counted, the same under every seed; the tests drawn of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import evenly
from evenly.core.near import likeness, signatures

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3_000
BRANDS = 200
MATERIALS = ("steel", "oak", "glass", "wool", "clay", "brass", "jute", "silk")


def listings() -> list[dict[str, Any]]:
    """Listings of which every third has a twin whose text differs by a word, and every tenth an equal one."""
    rng = random.Random(3)
    found: list[dict[str, Any]] = []
    words = [f"{material}{number}" for material in MATERIALS for number in range(60)]
    while len(found) < ROWS:
        text = rng.sample(words, 24)
        price = round(min(999.0, rng.lognormvariate(3.5, 1.0)), 2)
        brand = f"b{rng.randrange(BRANDS)}"
        variants = [text]
        if len(found) % 3 == 0:
            variants.append([*text[:-1], "new"])
        if len(found) % 10 == 0:
            variants.append(text)
        for one in variants:
            found.append({"id": f"r{len(found)}", "text": " ".join(one), "price": price, "brand": brand})
    return found


LISTINGS = listings()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_lines(tmp_path / "data" / "a.jsonl", LISTINGS)
    return tmp_path / "data" / "*.jsonl"


def recipe(files: Path, holdout: dict[str, Any] | None = None, **balance: Any) -> dict[str, Any]:
    return {
        "name": "held",
        "sources": [{"name": "s", "files": str(files), "id": "id"}],
        "template": {"prompt": "{text}\nPrice is $", "completion": "{price:.0f}"},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "width": 20}],
            "policy": "cap",
            "cap": 60,
            **balance,
        },
        "split": {"train": 0.9, "test": 0.1},
        "holdout": holdout or {"fraction": 0.2},
        "export": {"keep": ["brand"]},
    }


def rows(folder: Path, pattern: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(folder.glob(pattern))])


def held_ids(folder: Path) -> set[str]:
    ledger = rows(folder, "ledger/kept-*.parquet")
    return set(ledger.filter("held_out")["id"])


def test_what_is_held_out_is_in_no_split_and_counted(files: Path, tmp_path: Path) -> None:
    result = evenly.run(recipe(files), tmp_path / "out")
    told = result.manifest["rows"]
    held = held_ids(result.folder)
    assert told["held_out"] == len(held)
    assert 0.15 * ROWS < len(held) < 0.25 * ROWS
    assert told["kept"] == told["outside_strata"] + told["held_out"] + told["selected"] + told["not_selected"]
    assert not held & set(rows(result.folder, "data/*.parquet")["id"])
    natural, balanced = (rows(result.folder, f"holdout/{name}-*.parquet") for name in ("natural", "balanced"))
    assert set(natural["id"]) == held
    assert set(balanced["id"]) < held
    sizes = balanced.group_by("stratum").len()["len"]
    there = natural.group_by("stratum").len()["len"]
    assert sizes.max() == there.sort()[(there.len() - 1) // 2]
    assert result.manifest["holdout"]["natural"]["rows"] == natural.height
    assert result.before.rows == told["kept"] - told["held_out"]
    assert natural["text"].str.ends_with("Price is $").all()


def test_it_is_the_same_under_every_seed_balance_and_order(files: Path, tmp_path: Path) -> None:
    first = evenly.run(recipe(files, {"fraction": 0.2, "group": "near"}), tmp_path / "out")
    shuffled = tmp_path / "shuffled"
    mixed = random.Random(5).sample(LISTINGS, ROWS)
    for number in range(4):
        write_lines(shuffled / f"{number}.jsonl", mixed[number::4])
    other = recipe(shuffled / "*.jsonl", {"fraction": 0.2, "group": "near"}, cap=7) | {"seed": 9}
    second = evenly.run(other, tmp_path / "other")
    assert held_ids(first.folder) == held_ids(second.folder)
    assert first.manifest["holdout"] == second.manifest["holdout"]
    for name in ("natural", "balanced"):
        pattern = f"holdout/{name}-*.parquet"
        assert rows(first.folder, pattern).equals(rows(second.folder, pattern))


def test_appended_records_move_none_of_those_that_were_there(files: Path, tmp_path: Path) -> None:
    before = held_ids(evenly.run(recipe(files), tmp_path / "out").folder)
    write_lines(files.parent / "more.jsonl", [one | {"id": f"x{number}"} for number, one in enumerate(LISTINGS[:900])])
    after = held_ids(evenly.run(recipe(files), tmp_path / "more").folder)
    assert before == {one for one in after if one.startswith("r")}


@pytest.mark.parametrize("group", ["column", "exact", "near"])
def test_a_group_is_held_out_whole_or_not_at_all(files: Path, tmp_path: Path, group: str) -> None:
    holdout: dict[str, Any] = {"fraction": 0.2, "group": group}
    if group == "column":
        holdout["column"] = "brand"
    held = held_ids(evenly.run(recipe(files, holdout), tmp_path / "out").folder)
    assert 0 < len(held) < ROWS
    key = {"column": "brand", "exact": "text"}.get(group)
    if key is not None:
        sides: dict[str, set[bool]] = {}
        for one in LISTINGS:
            sides.setdefault(one[key], set()).add(one["id"] in held)
        assert all(len(side) == 1 for side in sides.values())
        return
    signed = signatures(pl.Series([one["text"] for one in LISTINGS]), 3)
    out = [number for number, one in enumerate(LISTINGS) if one["id"] in held]
    rest = [number for number, one in enumerate(LISTINGS) if one["id"] not in held]
    assert max(float(likeness(signed[number], signed[rest]).max()) for number in out) < 0.8


def test_sizes_of_the_tests_and_strata_of_their_own(files: Path, tmp_path: Path) -> None:
    holdout = {
        "fraction": 0.3,
        "natural": 400,
        "balanced": 90,
        "strata": [{"column": "price", "edges": [0, 30, 60, 1000]}],
    }
    result = evenly.run(recipe(files, holdout, policy="weighted", strata=[], cap=None, size=500), tmp_path / "out")
    assert {name: one["rows"] for name, one in result.manifest["holdout"].items()} == {"natural": 400, "balanced": 90}
    assert rows(result.folder, "holdout/balanced-*.parquet").group_by("stratum").len()["len"].to_list() == [30] * 3


def test_the_hub_loads_the_tests_as_a_set_of_their_own(files: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    result = evenly.run(recipe(files), tmp_path / "out")
    loaded = load_dataset(str(result.folder), "holdout", cache_dir=str(tmp_path / "hub"))
    assert {name: len(one) for name, one in loaded.items()} == {
        name: one["rows"] for name, one in result.manifest["holdout"].items()
    }
    without = evenly.run(recipe(files, {"fraction": 0.2, "export": False}), tmp_path / "without")
    assert not (without.folder / "holdout").exists()
    assert "holdout" not in without.manifest


def test_numbers_over_the_pool_leave_out_what_is_held_out(files: Path, tmp_path: Path) -> None:
    stats: dict[str, Any] = {"weight": "price / dearest", "stats": {"dearest": "max(price)", "all": "count(price)"}}
    result = evenly.run(recipe(files, **stats), tmp_path / "out")
    ledger = rows(result.folder, "ledger/kept-*.parquet").join(pl.DataFrame(LISTINGS).select("id", "price"), on="id")
    dearest = ledger.filter(~pl.col("held_out"))["price"].max()
    weights = ledger.filter(~pl.col("held_out")).select((pl.col("price") / dearest - pl.col("weight")).abs().max())
    assert weights.item() < 1e-12
    assert ledger.filter("held_out")["weight"].null_count() == result.manifest["rows"]["held_out"]


def test_a_plan_tells_of_the_holdout_and_a_run_with_a_report_has_it_in_its_funnel(files: Path, tmp_path: Path) -> None:
    planned = evenly.plan(recipe(files)).to_dict()
    result = evenly.run(recipe(files), tmp_path / "out")
    assert planned["rows"]["held_out"] == result.manifest["rows"]["held_out"]
    assert planned["rows"]["selected"] == result.manifest["rows"]["selected"]


@pytest.mark.parametrize(
    ("holdout", "told"),
    [
        ({"fraction": 0.2, "group": "column"}, "recipe.holdout.column: names what `group: column` groups by"),
        ({"fraction": 0.2, "column": "brand"}, "recipe.holdout.column: names what `group: column` groups by"),
        ({"fraction": 0.9}, "recipe.holdout.fraction: found 0.9, expected at most 0.4"),
        ({"fraction": 0.2, "gruop": "id"}, "unknown key 'gruop'. Did you mean 'group'?"),
        ({"fraction": 1e-9}, "recipe.holdout.fraction: 0 of 3,000 records would be held out"),
    ],
)
def test_a_holdout_that_makes_no_sense_is_told(files: Path, tmp_path: Path, holdout: Any, told: str) -> None:
    with pytest.raises(evenly.UserError) as fault:
        evenly.run(recipe(files, holdout), tmp_path / "out")
    assert told in str(fault.value)
    assert not (tmp_path / "out").exists()


def test_what_only_shows_the_label_has_no_text_to_compare(files: Path) -> None:
    data = recipe(files, {"fraction": 0.2, "group": "near"}) | {"template": {"prompt": "{price}"}}
    with pytest.raises(evenly.RecipeError, match="it shows the label alone"):
        evenly.check(data)
    data = recipe(files, policy="weighted", strata=[], cap=None, size=10)
    with pytest.raises(evenly.RecipeError, match=r"recipe.holdout.strata: is missing"):
        evenly.check(data)


def test_a_split_may_be_called_as_a_test_is(files: Path, tmp_path: Path) -> None:
    data = recipe(files) | {"split": {"train": 0.5, "natural": 0.2}}
    assert evenly.verify(evenly.run(data, tmp_path / "out").folder).holds
