"""Edges where a result once depended on the order of rows, or went wrong in silence: each was a fault of its own."""

from __future__ import annotations

import json
import math
from itertools import permutations
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import evenly
from evenly.core.census import take_census
from evenly.core.hashing import identity
from evenly.core.measure import summarise
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, select
from evenly.core.steps.rows import where
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.core.template import render
from evenly.core.weights import with_keys
from evenly.recipe.balance import Stratum
from evenly.recipe.model import Recipe, Template
from evenly.recipe.steps import Filter

if TYPE_CHECKING:
    from pathlib import Path


def recipe(**balance: Any) -> Recipe:
    source = {"name": "s", "files": "x.jsonl", "id": "i"}
    wishes = {"strata": [{"column": "slot"}], "cap": 2, **balance}
    return Recipe.from_dict({"name": "x", "sources": [source], "template": {"prompt": "{p}"}, "balance": wishes})


def plan_and_selection(frame: pl.DataFrame, wanted: Recipe) -> tuple[pl.DataFrame, pl.DataFrame]:
    keyed = with_keys(with_strata(frame, plain_axes(wanted.balance.strata)), wanted)
    plan = with_quotas(take_census(keyed, [axis.column for axis in wanted.balance.strata]), wanted)
    return plan, select(candidates(keyed, plan), plan)


def strata_of(values: list[float], **axis: Any) -> list[str | None]:
    return with_strata(pl.DataFrame({"x": values}), plain_axes([Stratum(column="x", **axis)]))["__stratum__"].to_list()


def test_fractional_units_above_a_thousand() -> None:
    assert strata_of([5242.86], round=0.1) == ["5242.9"]


def test_the_bound_of_a_fractional_unit() -> None:
    assert strata_of([5242.86], round=0.1, max=5242.9) == ["5242.9"]


def test_minus_zero_is_zero_rounded() -> None:
    assert len(set(strata_of([-0.04, 0.04], round=0.1))) == 1


def test_minus_zero_is_zero_raw() -> None:
    assert len(set(strata_of([-0.0, 0.0]))) == 1


def test_crossed_values_with_the_separator_are_two_strata() -> None:
    frame = pl.DataFrame({"x": ["a | b", "a"], "y": ["c", "b | c"]})
    assert with_strata(frame, plain_axes([Stratum(column="x"), Stratum(column="y")]))["__stratum__"].n_unique() == 2


def test_take_all_does_not_depend_on_row_order() -> None:
    rows = [("1", "a | b", "c"), ("2", "a", "b | c"), ("3", "a", "b | c")]
    wanted = recipe(strata=[{"column": "x"}, {"column": "y"}], cap=1, take_all="x = 'a'")
    picks: set[tuple[str, ...]] = set()
    for order in permutations(rows):
        frame = pl.DataFrame(list(order), ["__id__", "x", "y"], orient="row")
        picks.add(tuple(sorted(plan_and_selection(frame, wanted)[1]["__id__"])))
    assert len(picks) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_in_no_stratum(value: float) -> None:
    assert strata_of([value], min=0.0) == [None]


def test_lists_of_other_items_have_other_identities() -> None:
    frame = pl.DataFrame({"a": [["a\x1fb", "c"], ["a", "b\x1fc"], [None, "a"], ["a", None], ["", "a"]]})
    assert frame.select(identity(["a"], frame.schema).alias("i"))["i"].n_unique() == 5


def test_a_prompt_does_not_depend_on_the_rows_around_it() -> None:
    def prompt(values: list[float]) -> list[str]:
        return render(pl.DataFrame({"p": values}), Template(prompt="{p:.0f}"))["__prompt__"].to_list()

    assert prompt([-0.0, 0.0])[1] == prompt([0.0, -0.0])[0] == "0"


@pytest.mark.parametrize("values", [["true", "false", "x"], [1, 0, 2]])
def test_a_lone_column_can_be_a_condition(values: list[Any]) -> None:
    assert where(pl.DataFrame({"f": values}), Filter(where="f"))[1].to_list() == [True, False, False]


FRAME = pl.DataFrame({"__id__": [*"abcdefgh"], "slot": ["1"] * 4 + ["0"] * 4, "w": [1.0] * 8, "t": ["2", "3"] * 4})


def test_a_lone_column_can_say_what_is_taken_whole() -> None:
    assert plan_and_selection(FRAME, recipe(take_all="slot"))[0]["take_all"].to_list() == [False, True]


def test_a_lone_text_column_can_be_a_weight() -> None:
    assert plan_and_selection(FRAME, recipe(weight="t"))[1].height == 4


@pytest.mark.parametrize(("text", "rows"), [("1 = 1", 8), ("1 = 2", 4)])
def test_take_all_without_a_column(text: str, rows: int) -> None:
    assert plan_and_selection(FRAME, recipe(take_all=text))[1].height == rows


def test_the_smallest_weights_are_selected_too() -> None:
    plan, selected = plan_and_selection(FRAME.with_columns(w=pl.lit(1e-310)), recipe(weight="w"))
    assert selected.height == plan["quota"].sum()
    assert selected["__pi__"].is_finite().all()


def test_survivors_of_equal_ids_do_not_depend_on_the_folders_order(tmp_path: Path) -> None:
    found: list[list[str]] = []
    for first, second in (("toys", "tools"), ("tools", "toys")):
        base = tmp_path / first
        for folder, category in (("1", first), ("2", second)):
            path = base / folder / f"meta_{category}.jsonl"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"sku": "same", "price": 3}) + "\n", encoding="utf-8")
        data = recipe(strata=[{"column": "price", "round": 1}]).to_dict()
        data["template"] = {"prompt": "{category} {price}"}
        data["sources"][0] |= {
            "files": [str(base / "*" / "*.jsonl")],
            "id": ["sku"],
            "duplicate_ids": "drop",
            "columns": {"category": {"from_path": r"meta_(\w+)\.jsonl"}},
        }
        evenly.run(data, out=tmp_path / f"out-{first}")
        found.append(pl.read_parquet(tmp_path / f"out-{first}" / "data" / "*.parquet")["text"].to_list())
    assert found[0] == found[1]


def test_a_label_that_is_infinite_can_be_summarised() -> None:
    summarise(pl.Series([math.inf, -math.inf, 1.0]), None, None, 3)


def test_a_table_finds_whole_numbers_in_a_column_of_floats() -> None:
    frame = FRAME.with_columns(__stratum__=pl.lit("s"), stars=pl.Series([5.0, 4.0] * 4))
    wanted = recipe(weight={"column": "stars", "values": {"5": 3}})
    assert with_keys(frame, wanted)["__weight__"].to_list() == [3, 1] * 4
