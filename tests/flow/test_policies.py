"""Every policy through a whole run: exact sizes, the output's columns, what plan and run agree on, what is refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import evenly

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 3_000


@pytest.fixture
def listings(tmp_path: Path) -> Path:
    """Write listings whose price and category are skewed, in no order."""
    chance = np.random.default_rng(7)
    place = tmp_path / "listings.jsonl"
    with place.open("w", encoding="utf-8") as out:
        for number in range(ROWS):
            row = {
                "sku": f"s{number}",
                "title": "a lamp " * int(chance.integers(1, 12)),
                "price": round(float(chance.lognormal(3, 1)), 2),
                "category": "abcd"[min(3, int(chance.exponential(0.8)))],
                "sold": f"20{chance.integers(20, 25)}-0{chance.integers(1, 10)}-11",
            }
            out.write(json.dumps(row) + "\n")
    return place


def recipe(files: Path, balance: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "policies",
        "tokenizer": "o200k_base",
        "sources": [{"name": "shop", "files": str(files), "id": "sku"}],
        "curate": [{"number": {"column": "price"}}],
        "template": {"prompt": "{title} ", "completion": "{price:.0f}"},
        "balance": {"label": "price", **balance},
        "export": {"keep": ["category", "sold"]},
        **more,
    }


def data(folder: Path, split: str = "*") -> pl.DataFrame:
    return pl.read_parquet(folder / "data" / f"{split}-*.parquet")


CATEGORY = [{"column": "category"}]
PRICE = [{"column": "price", "log": 2}]
BALANCES: dict[str, dict[str, Any]] = {
    "cap": {"strata": CATEGORY, "cap": 100},
    "sized cap": {"strata": CATEGORY, "size": 700},
    "proportional": {"policy": "proportional", "strata": CATEGORY, "size": 700},
    "equal": {"policy": "equal", "strata": PRICE, "size": 700, "min": 5, "shortfall": "redistribute"},
    "power": {"policy": "power", "alpha": 0.3, "strata": [*CATEGORY, *PRICE], "size": 700, "max": 60},
    "target": {"policy": "target", "target": {"values": {"a": 0.5, "b": 0.3}}, "strata": CATEGORY, "size": 700},
    "uniform": {"policy": "target", "target": "uniform", "strata": [{"column": "sold", "part": "year"}], "size": 700},
    "rake": {
        "policy": "rake",
        "strata": [*CATEGORY, {"column": "price", "quantile": 4}],
        "marginals": {"category": {"values": {"a": 0.5, "b": 0.3}}, "price": "uniform"},
        "size": 700,
    },
    "weighted": {
        "policy": "weighted",
        "size": 700,
        "stats": {"lo": "min(price)", "hi": "max(price)"},
        "weight": "power((price - lo) / (hi - lo), 2)",
    },
    "rare": {"policy": "weighted", "size": 700, "weight": {"inverse_density": {"column": "price", "width": 5}}},
    "other": {"policy": "equal", "strata": [{"column": "category", "other_below": 0.2}], "size": 700},
    "filtered": {"policy": "equal", "strata": PRICE, "size": 300, "filter": "price < 60 and tokens <= 20"},
    "tokens axis": {"policy": "equal", "strata": [{"column": "tokens", "width": 8}], "size": 700},
}


@pytest.mark.parametrize("name", BALANCES)
def test_plan_and_run_agree_and_the_size_is_exact(listings: Path, tmp_path: Path, name: str) -> None:
    wanted = recipe(listings, BALANCES[name])
    plan = evenly.plan(wanted)
    manifest = evenly.run(wanted, tmp_path / "out").manifest
    rows = data(tmp_path / "out")
    drawn = rows.group_by("stratum").len().sort("stratum")
    quotas = plan.plan.strata.filter(pl.col("quota") > 0).sort("__stratum__")
    assert drawn["stratum"].to_list() == quotas["__stratum__"].to_list()
    assert drawn["len"].to_list() == quotas["quota"].to_list()
    assert manifest["rows"]["selected"] == rows.height == plan.plan.selected
    if "size" in BALANCES[name]:
        assert rows.height == BALANCES[name]["size"]
    told = plan.to_dict()
    assert told["expected"]["label_mean"] == pytest.approx(rows["price"].mean(), rel=0.25)
    assert math.fsum(told["expected"]["categories"].values()) == pytest.approx(rows.height)
    assert told["expected"]["tokens"] == pytest.approx(rows["tokens"].sum(), rel=0.1)
    json.dumps(told)


@pytest.mark.parametrize("name", BALANCES)
def test_the_selection_does_not_depend_on_the_order_of_rows_or_files(listings: Path, tmp_path: Path, name: str) -> None:
    digest = evenly.run(recipe(listings, BALANCES[name]), tmp_path / "one").manifest["selection_digest"]
    lines = listings.read_text(encoding="utf-8").splitlines(keepends=True)
    np.random.default_rng(3).shuffle(lines)
    for number in range(3):
        (tmp_path / f"part-{number}.jsonl").write_text("".join(lines[number::3]), encoding="utf-8")
    again = recipe(tmp_path / "part-*.jsonl", BALANCES[name])
    assert evenly.run(again, tmp_path / "two").manifest["selection_digest"] == digest


@pytest.mark.parametrize("name", ["sized cap", "proportional", "equal", "power", "weighted"])
def test_half_of_it_is_a_subset(listings: Path, tmp_path: Path, name: str) -> None:
    evenly.run(recipe(listings, BALANCES[name]), tmp_path / "whole")
    evenly.run(recipe(listings, {**BALANCES[name], "size": 350}), tmp_path / "half")
    assert set(data(tmp_path / "half")["id"]) <= set(data(tmp_path / "whole")["id"])
    assert data(tmp_path / "half").height == 350


@pytest.mark.parametrize(
    "balance",
    [
        {"strata": [{"column": "price", "quantile": 5}], "size": 400},
        {"strata": [{"column": "category", "other_below": 0.3}], "cap": 200, "weight": "price"},
        {"policy": "weighted", "size": 400, "stats": {"hi": "max(price)"}, "weight": "price / hi"},
        {"policy": "weighted", "size": 400, "weight": {"inverse_density": {"column": "price", "width": 5}}},
    ],
)
def test_what_the_filter_leaves_out_is_as_if_it_were_not_there(
    listings: Path, tmp_path: Path, balance: dict[str, Any]
) -> None:
    condition = "price >= 10 and category <> 'b'"
    filtered = recipe(listings, {**balance, "filter": condition})
    dropped = recipe(listings, balance)
    dropped["curate"].append({"filter": {"where": condition}})
    one = evenly.run(filtered, tmp_path / "one").manifest
    other = evenly.run(dropped, tmp_path / "other").manifest
    assert one["selection_digest"] == other["selection_digest"]
    assert one["rows"]["outside_strata"] == other["rows"]["dropped"]["filter"] > 0
    assert evenly.verify(tmp_path / "one").holds
    gone = next(row for row in map(json.loads, listings.read_text().splitlines()) if row["category"] == "b")
    assert f"not what the filter asks for ({condition})" in evenly.why(tmp_path / "one", gone["sku"]).found[0].text


def test_a_record_in_no_stratum_needs_no_weight(listings: Path, tmp_path: Path) -> None:
    strata = [{"column": "price", "log": 2, "min": 10}]
    balance = {"strata": strata, "cap": 50, "weight": "case when price >= 10 then price end"}
    manifest = evenly.run(recipe(listings, balance), tmp_path / "out").manifest
    assert manifest["rows"]["outside_strata"] > 0
    assert evenly.verify(tmp_path / "out").holds


def test_a_filter_without_an_answer_lets_nothing_in(listings: Path) -> None:
    with pytest.raises(evenly.UserError, match=r"balance\.strata: none of 3,000 records is in a stratum.*filter"):
        evenly.plan(recipe(listings, {"strata": CATEGORY, "cap": 9, "filter": "price > 1e9"}))
    with pytest.raises(evenly.UserError, match=r"balance\.filter: 'hi' is a number over the records that the filter"):
        evenly.plan(
            recipe(listings, {"strata": CATEGORY, "cap": 9, "filter": "price - hi < 0", "stats": {"hi": "max(price)"}})
        )
    with pytest.raises(evenly.UserError, match=r"balance\.filter: .*subquer"):
        evenly.plan(recipe(listings, {"strata": CATEGORY, "cap": 9, "filter": "price in (select 1)"}))


def test_unimax_repeats_in_train_alone_and_marks_it(listings: Path, tmp_path: Path) -> None:
    balance = {"policy": "unimax", "epochs": 3, "strata": CATEGORY, "size": 3_000}
    wanted = recipe(listings, balance, split={"train": 0.8, "test": 0.2})
    plan = evenly.plan(wanted).plan
    assert plan.selected + plan.repeated == 3_000
    assert (plan.strata["quota"] + plan.strata["repeated"] <= 3 * plan.strata["eligible"].cast(pl.Int64)).all()
    manifest = evenly.run(wanted, tmp_path / "out").manifest
    train, test = data(tmp_path / "out", "train"), data(tmp_path / "out", "test")
    assert test["id"].is_unique().all()
    assert set(test["epoch"]) == {1}
    assert not set(test["id"]) & set(train["id"])
    times = train.group_by("id").agg(pl.col("epoch").sort(), pl.len())
    assert all(epochs == list(range(1, n + 1)) for _, epochs, n in times.iter_rows())
    assert times["len"].max() == 3
    rows = manifest["rows"]
    assert rows["splits"] == {"train": times.height, "test": test.height}
    assert rows["repeated"] == train.height - times.height
    assert [one["rows"] for one in manifest["files"][:2]] == [train.height, test.height]
    # repetitions share their record's weight: sums over the rows estimate sums over the pool
    assert train["design_weight"].sum() == pytest.approx(ROWS)
    # and they are spread over the split, not side by side
    places = train.with_row_index().filter(pl.col("id").is_duplicated()).group_by("id").agg(pl.col("index"))["index"]
    assert sum(1 for place in places.to_list() if place[1] == place[0] + 1) < 5


def test_an_epoch_is_a_column_of_unimax_alone(listings: Path, tmp_path: Path) -> None:
    evenly.run(recipe(listings, BALANCES["equal"]), tmp_path / "out")
    assert "epoch" not in data(tmp_path / "out").columns


@pytest.mark.parametrize("policy", ["cap", "proportional", "equal"])
def test_a_budget_of_tokens_is_used_up_and_not_exceeded(listings: Path, tmp_path: Path, policy: str) -> None:
    balance = {"policy": policy, "strata": CATEGORY, "weight": "price"}
    evenly.run(recipe(listings, {**balance, "size": {"tokens": 9_000}}), tmp_path / "out")
    rows = data(tmp_path / "out")
    assert rows["tokens"].sum() <= 9_000
    told = evenly.plan(recipe(listings, {**balance, "size": {"tokens": 9_000}})).plan
    assert told.selected == rows.height
    assert told.expected is not None
    assert told.expected.tokens == rows["tokens"].sum()
    evenly.run(recipe(listings, {**balance, "size": rows.height + 1}), tmp_path / "more")
    assert data(tmp_path / "more")["tokens"].sum() > 9_000
    assert set(rows["id"]) <= set(data(tmp_path / "more")["id"])


def test_a_budget_beyond_the_pool_takes_all_and_one_too_small_is_refused(listings: Path, tmp_path: Path) -> None:
    balance: dict[str, Any] = {"policy": "equal", "strata": CATEGORY}
    evenly.run(recipe(listings, {**balance, "size": {"tokens": 10**9}}), tmp_path / "out")
    assert data(tmp_path / "out").height == ROWS
    small = recipe(listings, {**balance, "size": {"tokens": 20}, "take_all": "category = 'd'"})
    with pytest.raises(evenly.UserError, match="20 tokens do not pay for the"):
        evenly.plan(small)


def test_another_dataset_gives_the_target(listings: Path, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.csv"
    wanted.write_text("category,price\n" + "a,5\n" * 10 + "b,5\n" * 30, encoding="utf-8")
    balance = {"policy": "target", "target": {"files": str(wanted)}, "strata": CATEGORY, "size": 400}
    evenly.run(recipe(listings, balance), tmp_path / "out")
    counts = dict(data(tmp_path / "out").group_by("category").len().iter_rows())
    assert counts == {"a": 100, "b": 300}


def test_an_output_gives_the_target_of_another(listings: Path, tmp_path: Path) -> None:
    evenly.run(recipe(listings, BALANCES["target"]), tmp_path / "first")
    balance = {"policy": "target", "target": {"files": str(tmp_path / "first")}, "strata": CATEGORY, "size": 350}
    evenly.run(recipe(listings, balance), tmp_path / "out")
    counts = dict(data(tmp_path / "out").group_by("category").len().iter_rows())
    assert (counts["a"], counts["b"]) == (175, 105)


def test_a_stratum_that_is_wanted_and_not_there(listings: Path, tmp_path: Path) -> None:
    balance = {"policy": "target", "target": {"values": {"a": 0.5, "e": 0.5}}, "strata": CATEGORY, "size": 200}
    with pytest.raises(evenly.UserError, match=r"balance\.target: 0\.5 of the rows are to be 'e', and no record .* is"):
        evenly.plan(recipe(listings, balance))
    manifest = evenly.run(recipe(listings, {**balance, "shortfall": "accept"}), tmp_path / "out").manifest
    assert manifest["rows"]["selected"] == 100
    assert manifest["strata"]["missing"] == 100
    shared = evenly.plan(recipe(listings, {**balance, "shortfall": "redistribute"})).plan
    assert shared.selected == 200


def test_a_wish_of_rake_that_no_record_can_meet_names_the_value(listings: Path) -> None:
    balance = {**BALANCES["rake"], "marginals": {"category": {"values": {"A": 0.3}}}}
    with pytest.raises(evenly.UserError, match=r"marginals\.category: 0\.3 of the rows are to be 'A'"):
        evenly.plan(recipe(listings, balance))


@pytest.mark.parametrize(
    ("weight", "told"),
    [("price - 10000", "has the weight -"), ("ln(price - 5)", "has the weight None"), ("0", "have the weight 0")],
)
def test_a_weight_that_is_none_names_a_record(listings: Path, weight: str, told: str) -> None:
    with pytest.raises(evenly.UserError, match=told):
        evenly.plan(recipe(listings, {"policy": "weighted", "size": 10, "weight": weight}))


def test_a_zero_weight_means_never(listings: Path, tmp_path: Path) -> None:
    balance = {"policy": "weighted", "size": 100, "weight": {"column": "category", "values": {"a": 0, "b": 0}}}
    evenly.run(recipe(listings, balance), tmp_path / "out")
    assert set(data(tmp_path / "out")["category"]) == {"c", "d"}


def table(**counts: int) -> pl.DataFrame:
    names = [name.replace("_", ".") for name, count in counts.items() for _ in range(count)]
    return pl.DataFrame({"id": [f"r{place}" for place in range(len(names))], "text": "x", "cat": names})


def small(balance: dict[str, Any], **more: Any) -> dict[str, Any]:
    sources = [{"name": "s", "id": "id"}]
    strata = {"strata": [{"column": "cat"}]}
    return {"name": "small", "sources": sources, "template": {"prompt": "{text}"}, "balance": strata | balance, **more}


def test_a_plan_tells_what_raking_falls_short_of() -> None:
    wanted = {"policy": "rake", "size": 40, "marginals": {"cat": "uniform"}, "min": 12, "shortfall": "accept"}
    told = evenly.plan(small(wanted), data=table(a=10, b=50)).to_dict()
    assert told["strata"]["missing"] == 10
    assert [(one["value"], one["wanted"], one["rows"]) for one in told["marginals"]] == [("a", 20, 10), ("b", 20, 20)]
    assert [(one["quota"], one["wanted"]) for one in told["allocation"]] == [(10, 12), (20, 20)]


def test_names_that_differ_by_a_point_and_a_nought_are_different_texts() -> None:
    wanted = {"policy": "target", "size": 50, "target": {"values": {"v1": 0.8}}}
    told = evenly.plan(small(wanted), data=table(v1=90, v1_0=90, x=90)).to_dict()
    quotas = {one["stratum"]: one["quota"] for one in told["allocation"]}
    assert quotas == {"v1": 40, "v1.0": 5, "x": 5}


@pytest.mark.parametrize(
    "balance",
    [
        {"policy": "unimax", "epochs": 2, "min": 6},
        {"policy": "equal", "min": 5, "shortfall": "accept"},
        {"policy": "rake", "marginals": {"cat": {"values": {"b": 0.8}}}, "min": 5, "shortfall": "redistribute"},
        {"policy": "rake", "marginals": {"cat": {"values": {"b": 0.8}}}, "take_all": "cat = 'a'"},
    ],
    ids=["unimax", "accept", "rake with a floor", "rake with a whole stratum"],
)
def test_a_budget_of_tokens_goes_with_floors_and_whole_strata(balance: dict[str, Any], tmp_path: Path) -> None:
    wanted = small(balance | {"size": {"tokens": 120}}, tokenizer="o200k_base")
    rows = evenly.run(wanted, tmp_path / "out", data=table(a=5, b=300, c=100)).manifest["rows"]
    spent = int(data(tmp_path / "out")["tokens"].sum())
    per_row = spent / (rows["selected"] + rows["repeated"])
    assert 120 - 2 * per_row < spent <= 120


def test_a_plan_of_repetitions_tells_rows_as_they_are_written(tmp_path: Path) -> None:
    wanted = small(
        {"policy": "unimax", "epochs": 4, "size": 300}, split={"train": 0.5, "test": 0.5}, tokenizer="o200k_base"
    )
    records = table(a=20, b=500, c=300)
    told = evenly.plan(wanted, data=records).to_dict()
    assert {one["stratum"]: one["share_after"] for one in told["allocation"]} == pytest.approx(
        {"a": 80 / 300, "b": 110 / 300, "c": 110 / 300}
    )
    assert (told["strata"]["capped"], told["strata"]["short"], told["strata"]["repeated"]) == (2, 1, 1)
    manifest = evenly.run(wanted, tmp_path / "out", data=records).manifest
    assert told["rows"]["repeated"] == 60
    assert told["expected"]["repeated"] == pytest.approx(manifest["rows"]["repeated"], abs=25)
    rows = data(tmp_path / "out")
    assert manifest["balance"]["after"]["largest_share"] == pytest.approx(
        rows.group_by("stratum").len()["len"].to_numpy().max() / rows.height, abs=1e-4
    )
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| `epoch` | uint32 | 1, or which time" in card
    assert f"| rows that repeat a record | {manifest['rows']['repeated']:,} |" in card
    with pytest.raises(evenly.UserError, match=r"recipe\.split"):
        evenly.plan(wanted, data=records, set=["split={train: 400}"])


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"max": 30}, "1 strata with a share want more than max 30"),
        ({"min": 15}, "1 want fewer than min 15"),
    ],
)
def test_a_target_that_floors_or_ceilings_break_is_an_error_or_told(more: dict[str, int], told: str) -> None:
    wanted = {"policy": "target", "size": 60, "target": {"values": {"a": 0.7, "b": 0.1}}, **more}
    with pytest.raises(evenly.UserError, match=told):
        evenly.plan(small(wanted), data=table(a=90, b=90, c=90))
    shared = evenly.plan(small(wanted | {"shortfall": "redistribute"}), data=table(a=90, b=90, c=90)).to_dict()
    assert shared["rows"]["selected"] == 60
    assert shared["allocation"][0]["wanted"] == 42


def test_marginals_that_name_every_value_have_to_sum_to_one() -> None:
    wanted = {"policy": "rake", "size": 60, "marginals": {"cat": {"values": {"a": 0.5, "b": 0.4}}}}
    with pytest.raises(evenly.UserError, match=r"marginals\.cat: the shares sum to 0\.9, and every value"):
        evenly.plan(small(wanted), data=table(a=90, b=90))


def test_what_is_taken_whole_is_a_condition() -> None:
    wanted = {"cap": 5, "take_all": "cat"}
    with pytest.raises(evenly.UserError, match=r"take_all: 'cat' is text, expected a condition"):
        evenly.plan(small(wanted), data=table(a=90))


def test_a_label_that_was_joined_into_a_text_is_still_there() -> None:
    wanted = small({"label": "cat", "cap": 5}, curate=[{"join": {"columns": ["text", "cat"], "into": "all"}}])
    assert evenly.plan(wanted, data=table(a=90, b=3)).plan.selected == 8
    weight = small({"cap": 5, "weight": "case when cat = 'a' then 2 else 1 end"}, curate=wanted["curate"])
    weight["balance"]["strata"] = [{"column": "all"}]
    assert evenly.plan(weight, data=table(a=90, b=3)).plan.selected == 8


@pytest.mark.parametrize("size", [1, 3, 40])
def test_groups_of_which_nothing_is_drawn_add_nothing(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    for part in range(15):
        rows = [{"id": f"{part}-{n}", "title": f"lamp {n}", "kind": "ab"[part > 12]} for n in range(20)]
        (tmp_path / "in" / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    wanted = {
        "name": "few",
        "sources": [{"name": "s", "files": str(tmp_path / "in" / "*.jsonl"), "id": "id"}],
        "template": {"prompt": "{title}"},
        "balance": {"strata": [{"column": "kind"}], "policy": "equal", "size": size, "shortfall": "redistribute"},
    }
    whole = evenly.run(wanted, tmp_path / "whole").manifest
    assert whole["rows"]["selected"] == size
    for module in ("plan", "draw"):
        monkeypatch.setattr(f"evenly.flow.{module}.GROUP_ROWS", 20)
    # Ray's workers do not see these; the groups of 20 rows, which the caller makes, they do.
    monkeypatch.setattr("evenly.flow.shards.SPILL_BYTES", 1)
    monkeypatch.setattr("evenly.flow.records.DIGEST_ROWS", 7)
    parts = evenly.run(wanted, tmp_path / "parts").manifest
    for key in ("rows", "files", "balance", "selection_digest"):
        assert parts[key] == whole[key]


def test_a_budget_of_tokens_holds_where_quotas_do_not_only_grow(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    rows = [
        {
            "id": f"{n}",
            "title": "lamp " * int(chance.integers(1, 4)),
            "c": "abcd"[min(3, int(chance.exponential(1)))],
            "p": round(float(chance.lognormal(2, 1)), 2),
        }
        for n in range(200)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    marginals = {"c": {"values": {"a": 0.5, "b": 0.3}}, "p": "uniform"}
    for tokens in range(12, 60, 3):
        wanted = {
            "name": "raked",
            "tokenizer": "o200k_base",
            "sources": [{"name": "s", "files": str(tmp_path / "in.jsonl"), "id": "id"}],
            "curate": [{"number": {"column": "p"}}],
            "template": {"prompt": "{title}"},
            "balance": {
                "strata": [{"column": "c"}, {"column": "p", "quantile": 3}],
                "policy": "rake",
                "marginals": marginals,
                "size": {"tokens": tokens},
            },
        }
        told = evenly.plan(wanted).plan.expected
        evenly.run(wanted, tmp_path / "out", force=True)
        spent = int(data(tmp_path / "out")["tokens"].sum())
        assert spent <= tokens
        assert told is not None
        assert told.tokens == spent
