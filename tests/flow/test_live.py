"""A pool held ready: whatever the recipe, its records and its strata are those that a run selects."""

from __future__ import annotations

import json
import re
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

    from evenly.flow.live import Look

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
                "day": f"20{number % 23:02}-0{1 + number % 9}-11",
                "stars": None if number % 7 == 2 else number % 5 + 1,
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
            "export": {"keep": ["category"], "report": False},
            **more,
            "balance": {"label": "price", **balance},
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
    "small ones": {"tokenizer": None, "template": {"prompt": "{title}"}},
    "one draw": {"balance": {"label": "day"}},
    "crossed": {"balance": {"label": "stars"}},
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
    more = dict(SHOWN[name])
    given = recipe(listings, {**BALANCES[name], **more.pop("balance", {})}, **more)
    numbers = reported(given, tmp_path / "out", monkeypatch)
    with held(given) as live:
        look = live.look(given)
        plan = live.plan(given, look)
        pictures, plain = live.pictures(given, look), live.pictures(given, look, density=False)
        categories, facts = live.categories(given, look), live.facts(given, look)
    assert pictures == numbers["pictures"]
    assert plain == {key: value for key, value in pictures.items() if key != "density"}
    assert (categories or numbers["categories"]) == numbers["categories"]
    assert (categories is None) == (numbers["category"] is None)
    assert strata_numbers(given, plan) == numbers["strata"]
    for side, counts in (("before", plan.strata["rows"]), ("after", plan.strata["quota"] + plan.strata["repeated"])):
        assert measures_of(counts.cast(pl.Int64).to_numpy(), given, plan) == numbers["measures"][side]
    assert facts_of_side(plan.pool, dated=plan.pool.dated) == numbers["facts"]["before"]
    after = numbers["facts"]["after"]
    assert (facts["rows"], facts["records"]) == (after["rows"], look.rows.size)
    assert facts["label"]["mean"] == pytest.approx(after["label"]["mean"], rel=1e-13)
    assert facts.get("tokens") == (
        {key: after["tokens"][key] for key in ("total", "mean")} if "tokens" in after else None
    )
    assert (look.times is not None) == ("repeated" in name)


@pytest.mark.parametrize(("edges", "first"), [([5, 12, 40], -2), ([5, 12], -2), ([5], 4), ([], 0)])
def test_an_interval_without_an_end_has_a_place_that_json_can_hold(
    listings: Path, edges: list[float], first: float
) -> None:
    given = recipe(listings, {"strata": [{"column": "price", "edges": [-np.inf, *edges, np.inf]}], "cap": 9})
    with held(given) as live:
        strata = strata_numbers(given, live.plan(given, live.look(given)))
    json.dumps(strata, allow_nan=False)
    assert [row["x"] for row in strata["rows"]] == [first, *edges]


def test_records_are_counted_where_nothing_is_pictured(listings: Path) -> None:
    given = recipe(listings, {"policy": "weighted", "size": 10, "label": None}, tokenizer=None)
    with held(given) as live:
        plan = live.plan(given, live.look(given))
    assert plan.pool.rows == evenly.plan(given).plan.pool.rows > 0


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


BARS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "along": (BALANCES["weighted by category"], {"holdout": {"fraction": 0.2}}),
    "along, in groups": ({"strata": [{"column": "price", "round": 0.01}], "cap": 1}, {}),
    "ranked": ({"strata": [{"column": "price", "round": 5}, CATEGORY], "cap": 9, "filter": "price < 300"}, {}),
    "missing label": ({**BALANCES["crossed"], "label": "stars"}, {}),
    "wanted and not there": (
        {**BALANCES["target"], "target": {"values": {"a": 0.9, "z": 0.1}}, "shortfall": "accept"},
        {},
    ),
}


def counts_of_bars(given: evenly.Recipe, live: Live, look: Look, side: str) -> dict[tuple[Any, ...], int]:
    """Return the counts of one side's bars as the page shows them: (chart, place, category) -> records."""
    pictures, categories = live.pictures(given, look, density=False), live.categories(given, look)
    found: dict[tuple[Any, ...], int] = {}
    for chart, picture in pictures.items():
        for place, count in enumerate(picture[side]):
            if chart != "mix":
                found[chart, place, None] = count
            else:
                found |= {(chart, place, number): one for number, one in enumerate(count)}
                found[chart, place, None] = sum(count)
    if categories is not None:
        found |= {("category", place, None): count for place, count in enumerate(categories[side])}
    rows = strata_numbers(given, live.plan(given, look))["rows"]
    key = {"before": "N", "after": "n"}[side]
    return found | {("strata", place, None): row[key] for place, row in enumerate(rows)}


@pytest.mark.parametrize("name", BARS)
def test_a_bar_has_as_many_records_as_it_shows(listings: Path, name: str) -> None:
    balance, more = BARS[name]
    given = recipe(listings, balance, **more)
    with held(given) as live:
        look = live.look(given)
        for side in ("before", "after"):
            for (chart, place, category), count in counts_of_bars(given, live, look, side).items():
                more = {"category": category, "selected": side == "after"}
                found, rows = live.bar(given, look, chart, place, **more, most=10**6)
                assert found == rows.size == np.unique(rows).size == count, (chart, place, category)
                page = live.bar(given, look, chart, place, **more, skip=3, most=2)
                assert page[0] == count
                assert page[1].tolist() == rows[3:5].tolist()


def test_the_records_of_a_bar_are_read(listings: Path) -> None:
    lines = listings.read_text(encoding="utf-8").splitlines(keepends=True)
    for part in range(5):  # a part of the pool each
        (listings.parent / f"shop-{part}.jsonl").write_text("".join(lines[part::5]), encoding="utf-8")
    files = listings.parent / "shop-*.jsonl"
    given, again = (
        recipe(files, BALANCES["weighted by category"], holdout={"fraction": 0.2}, seed=seed) for seed in (1, 2)
    )
    with held(given) as live:
        assert len(live.pool.index.parts) == 5
        look = live.look(given)
        edges = live.pictures(given, look)["label"]["edges"]
        for place in (1, 2, 5):
            _, rows = live.bar(given, look, "label", place, most=20)
            frame = live.read(rows, ["__id__", "title", "tokens", "price", "__tokens__"])
            assert frame["__id__"].to_list() == live.frame["__id__"][rows].to_list()
            assert frame["price"].is_between(edges[place - 1], edges[place], closed="left").all()
            assert frame["title"].str.starts_with("a lamp").all()
            assert frame["tokens"].to_list() == frame["__tokens__"].to_list()
        several = [live.bar(one, look, "category", 0, most=9)[1].tolist() for one in (given, again, given)]
        assert several[0] == several[2] != several[1]
        assert live.read(np.zeros(0, np.int64), ["price"]).height == 0
        with pytest.raises(evenly.UserError, match=r"no column 'pricee'. Did you mean 'price'"):
            live.read(rows, ["pricee"])


def test_a_bar_that_is_not_there_is_told(listings: Path) -> None:
    given = recipe(
        listings, {"cap": 9, "strata": [PRICE], "label": None}, tokenizer=None, template={"prompt": "{title}"}
    )
    with held(given) as live:
        look = live.look(given)
        with pytest.raises(evenly.UserError, match=r"there is no 'tokens' of this recipe.\n  pictures: strata"):
            live.bar(given, look, "tokens", 1)
    given = recipe(listings, BALANCES["weighted by category"])
    with held(given) as live:
        look = live.look(given)
        for chart, place, category, text in (
            ("labels", 1, None, "there is no 'labels' of this recipe. Did you mean 'label'?"),
            ("density", 1, None, "there is no 'density'"),
            ("label", -1, None, "places 0 to"),
            ("tokens", 400, None, "places 0 to"),
            ("mix", 2, 99, "'mix' has the categories 0 to 5, not 99"),
            ("label", 2, 1, "'label' has no categories, not 1"),
            ("category", 5, None, "places 0 to 4"),
            ("strata", 900, None, "'strata' has the places 0 to"),
        ):
            with pytest.raises(evenly.UserError, match=re.escape(text)):
                live.bar(given, look, chart, place, category)


def shares_of(live: Live, given: evenly.Recipe) -> dict[str, int]:
    told = live.categories(given, live.look(given))
    assert told is not None
    return dict(zip(told["names"], told["after"], strict=True))


def weighted(listings: Path, balance: dict[str, Any], weights: dict[str, float]) -> evenly.Recipe:
    """Return a recipe under some weights of its categories, with those of nulls where a table has them."""
    table = {"column": "category", "values": weights, "default": weights.get("(none)", 1)}
    return recipe(listings, {**balance, "weight": table})


def test_weights_that_make_categories_equal(listings: Path) -> None:
    for balance in (
        {"strata": [PRICE], "cap": 20, "weight": TABLE},
        {"policy": "weighted", "size": 200, "weight": {**TABLE, "values": {"a": 0}}},
    ):
        given = recipe(listings, balance)
        with held(given) as live:
            weights = live.equal_weights(given)
            before = shares_of(live, weighted(listings, balance, dict.fromkeys(weights, 1.0)))
            after = shares_of(live, weighted(listings, balance, weights))
        assert list(weights) == ["a", "b", "c", "d", "(none)"]
        assert list(weights.values()) == sorted(weights.values())
        assert weights["a"] == 1
        assert max(before.values()) > 2 * min(before.values())
        assert max(after.values()) - min(after.values()) <= 5  # of few: see tests/core/test_even.py for more


@pytest.mark.parametrize("name", ["cap", "crossed", "repeated", "tokens", "quantiles"])
def test_what_cant_be_equal_comes_nearer_or_stays(listings: Path, name: str) -> None:
    balance = {**BALANCES[name], "weight": TABLE}
    given = recipe(listings, balance)
    with held(given) as live:
        weights = live.equal_weights(given)
        before = shares_of(live, weighted(listings, balance, dict.fromkeys(weights, 1.0)))
        after = shares_of(live, weighted(listings, balance, weights))
        assert max(after.values()) / sum(after.values()) <= max(before.values()) / sum(before.values()) + 0.01
        assert all(0.001 <= one <= 1e6 for one in weights.values())
        if name == "crossed":
            assert set(weights.values()) == {1.0}


def test_equal_shares_need_categories(listings: Path) -> None:
    given = recipe(listings, BALANCES["along tokens"])
    with held(given) as live:
        with pytest.raises(evenly.UserError, match="no column of categories"):
            live.equal_weights(given)
        many = {"strata": [PRICE], "cap": 9, "weight": {"column": "title", "values": {"a": 1}}}
        assert len(live.equal_weights(recipe(listings, many))) == 11
