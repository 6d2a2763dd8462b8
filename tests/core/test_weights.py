"""Weights by table and by expression, and the keys that follow from them."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.hashing import purpose_seed
from evenly.core.weights import weight_columns, with_keys
from evenly.errors import DataError
from evenly.recipe.model import Recipe


def recipe(weight: object = None, seed: int = 42) -> Recipe:
    balance: dict[str, Any] = {"strata": [{"column": "slot"}], "cap": 1}
    if weight is not None:
        balance["weight"] = weight
    source = {"name": "shop", "files": "x.jsonl", "id": "id"}
    data = {"name": "r", "seed": seed, "sources": [source], "template": {"prompt": "{slot}"}, "balance": balance}
    return Recipe.from_dict(data)


def records(**columns: list[Any]) -> pl.DataFrame:
    height = len(next(iter(columns.values())))
    given_columns = {"__id__": [f"id-{number}" for number in range(height)], "__stratum__": ["s"] * height}
    return pl.DataFrame(given_columns | columns)


TABLE = {"column": "category", "values": {"Automotive": 1, "none": 0}, "default": 5}


def test_a_table_weighs_what_it_names_and_gives_the_default_to_others_and_nulls() -> None:
    frame = records(category=["Automotive", "Toys", None, "none", ""])
    assert with_keys(frame, recipe(TABLE))["__weight__"].to_list() == [1, 5, 5, 0, 5]


def test_a_table_reads_whole_numbers_and_booleans_by_their_text() -> None:
    assert with_keys(records(n=[1, 2]), recipe({"column": "n", "values": {"1": 3}}))["__weight__"].to_list() == [3, 1]
    table = {"column": "new", "values": {"true": 3}}
    assert with_keys(records(new=[True, False]), recipe(table))["__weight__"].to_list() == [3, 1]


def test_an_expression_weighs_each_record_and_no_weight_is_one() -> None:
    frame = records(price=[0.5, 3.0])
    assert with_keys(frame, recipe("power(price, 2)"))["__weight__"].to_list() == [0.25, 9]
    assert with_keys(frame, recipe())["__weight__"].to_list() == [1, 1]
    assert with_keys(frame, recipe("price"))["__weight__"].to_list() == [0.5, 3]
    assert with_keys(records(price=["0.5", "3"]), recipe("price"))["__weight__"].to_list() == [0.5, 3]


def test_the_columns_of_a_weight_are_named() -> None:
    assert weight_columns(recipe()) == []
    assert weight_columns(recipe(TABLE)) == ["category"]
    assert weight_columns(recipe("price * if(kind = 'a', 2, 1)")) == ["kind", "price"]


@given(
    ids=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True),
    weight=st.floats(1e-6, 1e6),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_key_is_an_exponential_over_the_weight(ids: list[str], weight: float, seed: int) -> None:
    frame = pl.DataFrame({"__id__": ids, "__stratum__": "s", "w": weight})
    keys = with_keys(frame, recipe("w", seed))["__key__"].to_list()
    for one, key in zip(ids, keys, strict=True):
        u = ((xxhash.xxh64_intdigest(one.encode(), seed=purpose_seed("select", seed)) >> 12) + 0.5) / 2**52
        assert key == pytest.approx(-math.log1p(-u) / weight, rel=1e-14)


def test_a_weight_of_zero_gives_an_infinite_key() -> None:
    assert with_keys(records(w=[0.0, -0.0, 1.0]), recipe("w"))["__key__"].is_infinite().to_list() == [True, True, False]


@pytest.mark.parametrize("bad", [-1.0, None])
def test_a_bad_weight_is_refused_and_its_first_record_named(bad: float | None) -> None:
    frame = records(w=[1.0, bad, bad, 1.0])
    for rows in (frame, frame.reverse()):
        with pytest.raises(DataError, match=r"recipe\.balance\.weight: record 'id-1' has the weight") as caught:
            with_keys(rows, recipe("w"))
        assert "at least 0" in str(caught.value)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_weight_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(DataError, match="'id-0' has the weight"):
        with_keys(records(w=[bad, 1.0]), recipe("w"))


def test_a_bad_weight_outside_the_strata_harms_nobody() -> None:
    frame = records(w=[1.0, None, -1.0]).with_columns(pl.Series("__stratum__", ["s", None, None]))
    assert with_keys(frame, recipe("w"))["__key__"].is_finite().to_list() == [True, False, False]


def test_another_seed_is_another_order() -> None:
    frame = records(w=[1.0] * 20)
    orders = {tuple(with_keys(frame, recipe("w", seed)).sort("__key__")["__id__"]) for seed in range(5)}
    assert len(orders) == 5
