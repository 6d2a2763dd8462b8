"""A pool held ready: whatever the recipe, its records and its strata are those that a run selects."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import evenly
from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.flow.live import Live
from evenly.flow.report import facts_of_side, measures_of, strata_numbers
from evenly.flow.reserve import reserve
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

ROWS = 2_500

PRICE = {"column": "price", "log": 2}
CATEGORY = {"column": "category"}
TABLE = {"column": "category", "values": {"a": 0.25, "b": 7, "(none)": 3}, "default": 1.5}

BALANCES: dict[str, dict[str, Any]] = {
    "cap": {"strata": [{"column": "price", "round": 1, "min": 1, "max": 99}], "cap": 30, "take_all": "price >= 60"},
    "weighted by category": {"strata": [PRICE], "cap": 90, "weight": TABLE},
    "one category left out": {"strata": [PRICE], "cap": 90, "weight": {**TABLE, "values": {"a": 0}}},
    "crossed": {"strata": [PRICE, CATEGORY], "size": 600, "policy": "power", "alpha": 0.4, "weight": TABLE},
    "quantiles": {"strata": [{"column": "price", "quantile": 7}], "size": 500, "filter": "price < 70 and tokens > 4"},
    "small ones": {"strata": [{"column": "category", "other_below": 0.2}], "policy": "equal", "size": 500},
    "expression": {"strata": [PRICE], "cap": 70, "weight": "power(price, 2)"},
    "some of weight 0": {"strata": [PRICE], "cap": 70, "weight": "case when price > 30 then 0 else tokens end"},
    "one draw": {"policy": "weighted", "size": 400, "stats": {"hi": "max(price)"}, "weight": "price / hi"},
    "rare": {"policy": "weighted", "size": 400, "weight": {"inverse_density": {"column": "price", "width": 5}}},
    "target": {"policy": "target", "target": {"values": {"a": 0.5, "b": 0.2}}, "strata": [CATEGORY], "size": 400},
    "rake": {
        "policy": "rake",
        "strata": [CATEGORY, {"column": "price", "quantile": 4}],
        "marginals": {"category": {"values": {"a": 0.5}}, "price": "uniform"},
        "size": 400,
    },
    "repeated": {"policy": "unimax", "epochs": 3, "strata": [PRICE], "size": 3_000, "weight": TABLE},
    "tokens": {"policy": "equal", "strata": [PRICE], "size": {"tokens": 9_000}, "weight": TABLE},
    "tokens, repeated": {"policy": "unimax", "epochs": 3, "strata": [PRICE], "size": {"tokens": 30_000}},
    "capped tokens": {"strata": [PRICE], "size": {"tokens": 7_000}, "weight": "price"},
    "along tokens": {"strata": [{"column": "tokens", "width": 8}], "policy": "proportional", "size": 300},
}


@pytest.fixture
def listings(tmp_path: Path) -> Path:
    """Write listings whose price and category are skewed; some have no category."""
    chance = np.random.default_rng(8)
    place = tmp_path / "listings.jsonl"
    with place.open("w", encoding="utf-8") as out:
        for number in range(ROWS):
            row = {
                "sku": f"s{number}",
                "title": "a lamp " * int(chance.integers(1, 12)),
                "price": round(float(chance.lognormal(3, 1)), 2),
                "category": [*"abcd", None][min(4, int(chance.exponential(1)))],
            }
            out.write(json.dumps(row) + "\n")
    return place


def recipe(files: Path, balance: dict[str, Any], **more: Any) -> evenly.Recipe:
    return evenly.Recipe.from_dict(
        {
            "name": "live",
            "tokenizer": "o200k_base",
            "sources": [{"name": "shop", "files": str(files), "id": "sku"}],
            "curate": [{"number": {"column": "price"}}],
            "template": {"prompt": "{title} ", "completion": "{price:.0f}"},
            "balance": {"label": "price", **balance},
            "export": {"keep": ["category"], "report": False},
            **more,
        }
    )


@contextmanager
def held(given: evenly.Recipe) -> Generator[Live]:
    """Yield the pool of a recipe, held ready."""
    engine, reporter = LocalEngine(), Silent()
    pool, _ = open_pool(given, engine, reporter)
    yield Live(given, reserve(given, pool, engine, reporter), engine, reporter)


def assert_as_run(live: Live, given: evenly.Recipe, out: Path) -> None:
    """Hold what is selected live against a whole run's ledger and manifest."""
    look = live.look(given)
    manifest = evenly.run(given, out, force=True).manifest
    ledger = pl.read_parquet(out / "ledger" / "kept-*.parquet")
    assert sorted(live.frame["__id__"][look.rows].to_list()) == ledger.filter("selected")["id"].sort().to_list()
    assert look.outside == manifest["rows"]["outside_strata"]
    planned = evenly.plan(given).plan.strata
    for name in ("rows", "eligible", "quota", "repeated", "wanted", "bound", "take_all", "no_variance"):
        assert look.strata[name].to_list() == planned[name].to_list(), name
    assert look.strata["weight_min"].to_list() == planned["weight_min"].to_list()
    assert look.strata["weight_max"].to_list() == planned["weight_max"].to_list()


@pytest.mark.parametrize("name", BALANCES)
def test_what_is_selected_live_is_what_a_run_selects(listings: Path, tmp_path: Path, name: str) -> None:
    given = recipe(listings, BALANCES[name])
    with held(given) as live:
        assert_as_run(live, given, tmp_path / "out")


def test_one_pool_answers_for_every_balance_and_seed_in_any_order(listings: Path, tmp_path: Path) -> None:
    named = [name for name in BALANCES if name != "some of weight 0"]
    with held(recipe(listings, BALANCES["weighted by category"])) as live:
        for seed, name in (
            (seed, name) for seed in (1, 2) for name in [*named, "cap", "crossed", "weighted by category"]
        ):
            given = recipe(listings, BALANCES[name], seed=seed)
            if seed == 2 and name in {"quantiles", "crossed", "tokens"}:
                assert_as_run(live, given, tmp_path / "out")
            else:
                planned = evenly.plan(given).plan.strata
                look = live.look(given)
                assert look.strata["quota"].to_list() == planned["quota"].to_list()
                assert look.rows.size == planned["quota"].sum()


def test_what_is_held_out_is_not_there(listings: Path, tmp_path: Path) -> None:
    given = recipe(listings, BALANCES["weighted by category"], holdout={"fraction": 0.2})
    with held(given) as live:
        assert_as_run(live, given, tmp_path / "out")
        assert live.frame.height < ROWS


SHOWN: dict[str, dict[str, Any]] = {
    "cap": {},
    "quantiles": {},
    "target": {},
    "rake": {},
    "capped tokens": {},
    "along tokens": {},
    "weighted by category": {"holdout": {"fraction": 0.2}},
    "repeated": {"split": {"train": 0.5, "test": 0.3}},
    "tokens, repeated": {},
}
"""Balances whose report is held against what a pool held ready shows -> other keys of the recipe."""


def reported(given: evenly.Recipe, out: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a recipe and return the numbers of its report; no chart is drawn."""
    monkeypatch.setattr("evenly.flow.run.write_report", lambda *_: None)
    data = given.to_dict()
    data["export"].pop("report")
    evenly.run(evenly.Recipe.from_dict(data), out)
    return json.loads((out / "charts" / "numbers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SHOWN)
def test_what_is_shown_is_what_a_run_reports(
    listings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    given = recipe(listings, BALANCES[name], **SHOWN[name])
    numbers = reported(given, tmp_path / "out", monkeypatch)
    with held(given) as live:
        look = live.look(given)
        plan = live.plan(given, look)
        pictures, plain = live.pictures(given, look), live.pictures(given, look, density=False)
        categories, facts = live.categories(given, look), live.facts(given, look)
    assert pictures == numbers["pictures"]
    assert plain == {key: value for key, value in pictures.items() if key != "density"}
    assert {"label", "label_log", "tokens", "density", "mix"} >= pictures.keys() >= {"label", "label_log", "density"}
    assert (categories or numbers["categories"]) == numbers["categories"]
    assert (categories is None) == (numbers["category"] is None)
    assert strata_numbers(given, plan) == numbers["strata"]
    for side, counts in (("before", plan.strata["rows"]), ("after", plan.strata["quota"] + plan.strata["repeated"])):
        assert measures_of(counts.cast(pl.Int64).to_numpy(), given, plan) == numbers["measures"][side]
    assert facts_of_side(plan.pool, dated=False) == numbers["facts"]["before"]
    after = numbers["facts"]["after"]
    assert (facts["rows"], facts["records"]) == (after["rows"], look.rows.size)
    assert facts["label"]["mean"] == pytest.approx(after["label"]["mean"], rel=1e-13)
    assert facts["tokens"] == {key: after["tokens"][key] for key in ("total", "mean")}
    assert (look.times is not None) == ("repeated" in name)


def test_a_plan_of_a_held_pool_is_the_plan(listings: Path) -> None:
    for name, more in (("rake", {}), ("tokens", {}), ("weighted by category", {"holdout": {"fraction": 0.2}})):
        given = recipe(listings, BALANCES[name], **more)
        planned = evenly.plan(given).plan
        with held(given) as live:
            plan = live.plan(given, live.look(given))
        assert (plan.outside, plan.held_out, plan.asked, plan.missing, plan.selected, plan.pool) == (
            *(planned.outside, planned.held_out, planned.asked, planned.missing, planned.selected, planned.pool),
        )
        assert [axis.column for axis in plan.axes] == [axis.column for axis in planned.axes]
        if planned.marginals is None:
            assert plan.marginals is None
        else:
            assert plan.marginals is not None
            assert_frame_equal(plan.marginals, planned.marginals)


def test_impossible_wishes_are_told_as_a_run_tells_them(listings: Path) -> None:
    given = recipe(listings, BALANCES["cap"])
    with held(given) as live:
        for balance in (
            {"strata": [PRICE], "size": 10**6},
            {"strata": [PRICE], "cap": 3, "filter": "price > 1e9"},
            {"strata": [PRICE], "cap": 3, "weight": "case when price > 3 then 0 - 1 else 1 end"},
            {"policy": "equal", "strata": [PRICE], "size": {"tokens": 3}},
        ):
            asked = recipe(listings, balance)
            with pytest.raises(evenly.UserError) as planned:
                evenly.plan(asked)
            with pytest.raises(evenly.UserError) as looked:
                live.look(asked)
            assert str(looked.value) == str(planned.value)
        with pytest.raises(evenly.UserError, match=r"has no column 'pricee'. Did you mean 'price'"):
            live.look(recipe(listings, {"strata": [{"column": "pricee", "width": 3}], "cap": 3}))
        with pytest.raises(evenly.UserError, match="under rake a size in tokens"):
            live.look(recipe(listings, {**BALANCES["rake"], "size": {"tokens": 900}}))
