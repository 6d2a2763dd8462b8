"""From a census to the plan: strata taken whole, quotas, and what set them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from evenly.core.allocate import AllocationError
from evenly.core.quotas import with_quotas
from evenly.recipe.model import Recipe


def recipe(**balance: object) -> Recipe:
    source = {"name": "shop", "files": "x.jsonl", "id": "id"}
    template = {"prompt": "{price}"}
    strata = [{"column": "price", "round": 1}]
    return Recipe.from_dict(
        {"name": "r", "sources": [source], "template": template, "balance": {"strata": strata, **balance}}
    )


def census(
    counts: dict[int, int], eligible: dict[int, int] | None = None, weights: tuple[float, float] = (1, 5)
) -> pl.DataFrame:
    drawable = [(eligible or {}).get(price, rows) for price, rows in counts.items()]
    return pl.DataFrame(
        {
            "__stratum__": [str(price) for price in counts],
            "__axis__price": list(counts),
            "rows": pl.Series(list(counts.values()), dtype=pl.UInt64),
            "eligible": pl.Series(drawable, dtype=pl.UInt64),
            "weight_min": [weights[0] if rows else None for rows in drawable],
            "weight_max": [weights[1] if rows else None for rows in drawable],
        }
    )


def test_the_course_recipe_caps_the_cheap_and_takes_the_dear_whole() -> None:
    counts = census({19: 20_000, 20: 1_200, 21: 1_199, 239: 1_201, 240: 1_300, 909: 49})
    plan = with_quotas(counts, recipe(cap=1200, take_all="price >= 240"))
    assert plan["take_all"].to_list() == [False, False, False, False, True, True]
    assert plan["quota"].to_list() == [1200, 1200, 1199, 1200, 1300, 49]
    assert plan["bound"].to_list() == ["cap", "capacity", "capacity", "cap", "take_all", "take_all"]
    assert (plan["take_all"].dtype, plan["quota"].dtype) == (pl.Boolean, pl.Int64)
    assert plan.select(counts.columns).equals(counts)


def test_only_what_can_be_drawn_counts() -> None:
    counts = census({1: 10, 2: 10, 3: 4}, eligible={1: 3, 2: 0})
    plan = with_quotas(counts, recipe(cap=5, take_all="price = 3"))
    assert plan["quota"].to_list() == [3, 0, 4]
    assert with_quotas(counts, recipe(size=6))["quota"].sum() == 6
    with pytest.raises(AllocationError, match="7 that can be drawn"):
        with_quotas(counts, recipe(size=8))


def test_without_take_all_nothing_is_whole_and_an_unknown_answer_takes_nothing() -> None:
    counts = census({1: 10, 2: 10})
    assert with_quotas(counts, recipe(cap=5))["take_all"].to_list() == [False, False]
    assert with_quotas(counts, recipe(cap=5, take_all="price / 0 > 1"))["take_all"].to_list() == [False, False]


def test_a_lone_column_takes_whole_the_strata_where_it_is_true() -> None:
    counts = census({0: 9, 1: 9})
    truths = counts.with_columns(pl.col("__axis__price") == 1, pl.col("__axis__price").alias("__stratum__") == 1)
    truths = truths.with_columns(pl.col("__stratum__").cast(pl.String))
    asked = recipe(strata=[{"column": "price"}], cap=5, take_all="price")
    assert with_quotas(truths, asked)["quota"].to_list() == [5, 9]
    with pytest.raises(AllocationError, match=r"take_all: 'price' is a number, expected a condition"):
        with_quotas(census({0: 9, 7: 9}), asked)
    assert with_quotas(counts, asked)["quota"].to_list() == [5, 9]


def test_one_of_several_unequal_records_has_no_variance() -> None:
    counts = {1: 10, 2: 1, 3: 10}
    plan = with_quotas(census(counts), recipe(cap=1, take_all="price = 3"))
    assert plan["no_variance"].to_list() == [True, False, False]
    assert not with_quotas(census(counts, weights=(2, 2)), recipe(cap=1))["no_variance"].any()
    assert not with_quotas(census(counts), recipe(cap=2))["no_variance"].any()
    assert with_quotas(census(counts, eligible={1: 0}), recipe(cap=1))["no_variance"].to_list() == [False, False, True]


COUNTS = st.dictionaries(st.integers(0, 99), st.integers(1, 20), min_size=1, max_size=8)


@settings(max_examples=50)
@given(counts=COUNTS, data=st.data())
def test_a_size_is_shared_out_whatever_the_order_of_the_census(counts: dict[int, int], data: st.DataObject) -> None:
    whole = sum(rows for price, rows in counts.items() if price >= 50)
    size = data.draw(st.integers(max(whole, 1), sum(counts.values())))
    wanted = recipe(size=size, take_all="price >= 50")
    plan = with_quotas(census(counts), wanted)
    assert plan["quota"].sum() == size
    other = with_quotas(census({price: counts[price] for price in data.draw(st.permutations(list(counts)))}), wanted)
    assert_frame_equal(plan, other, check_row_order=False)
