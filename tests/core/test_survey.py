"""Named numbers over the pool, exact in any order; rare values weigh more."""

from __future__ import annotations

import statistics

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.survey import Facts, count_values, facts_of, interval_numbers, merge_counts, surveyed_columns
from evenly.core.weights import with_keys
from evenly.errors import DataError
from evenly.recipe.balance import Balance
from evenly.recipe.model import Recipe


def stats(parts: list[list[float | None]], **named: str) -> dict[str, float]:
    balance = Balance.model_validate({"strata": [{"column": "k"}], "cap": 1, "stats": named})
    frames = [pl.DataFrame({"x": part}, {"x": pl.Float64}) for part in parts]
    return dict(facts_of(balance, merge_counts([count_values(frame, ["x"]) for frame in frames])).stats)


def test_named_numbers_of_an_example() -> None:
    named = {one: f"{one}(x)" for one in ("min", "max", "mean", "sum", "count", "median", "std")}
    found = stats([[1, 2, None], [4, 4, 9]], **named, q="quantile(x, 0.8)")
    assert found == {
        "min": 1,
        "max": 9,
        "mean": 4,
        "sum": 20,
        "count": 5,
        "median": 4,
        "std": pytest.approx(statistics.pstdev([1, 2, 4, 4, 9])),
        "q": 4,
    }


@given(
    values=st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=40),
    cut=st.integers(0, 40),
    data=st.data(),
)
def test_no_order_and_no_cut_changes_a_bit(values: list[float], cut: int, data: st.DataObject) -> None:
    named = {one: f"{one}(x)" for one in ("min", "max", "mean", "sum", "std", "median")}
    whole = stats([[*values]], **named)
    shuffled = data.draw(st.permutations(values))
    assert stats([[*shuffled[:cut]], [*shuffled[cut:]]], **named) == whole
    assert whole["median"] == statistics.median_low(values)


def test_a_column_without_numbers_has_none() -> None:
    balance = Balance.model_validate({"strata": [{"column": "k"}], "cap": 1, "stats": {"lo": "min(x)"}})
    with pytest.raises(DataError, match=r"balance\.stats\.lo: 'x' has no numbers"):
        facts_of(balance, merge_counts([count_values(pl.DataFrame({"x": ["a"]}), ["x"])]))


def test_what_is_surveyed() -> None:
    balance = Balance.model_validate(
        {
            "strata": [{"column": "a", "quantile": 3}, {"column": "b", "other_below": 2}, {"column": "c", "round": 1}],
            "cap": 1,
            "stats": {"lo": "min(d)"},
            "weight": {"inverse_density": {"column": "e", "width": 10}},
        }
    )
    assert surveyed_columns(balance) == ["a", "b", "d", "e"]


def weighted(weight: object, frame: pl.DataFrame, facts: Facts) -> list[float]:
    source = {"name": "shop", "files": "x.jsonl", "id": "id"}
    balance = {"strata": [{"column": "x"}], "cap": 1, "weight": weight, "stats": dict.fromkeys(facts.stats, "min(x)")}
    recipe = Recipe.from_dict({"name": "r", "sources": [source], "template": {"prompt": "{x}"}, "balance": balance})
    keyed = with_keys(frame.with_columns(pl.lit("s").alias("__stratum__")), recipe, facts)
    return keyed["__weight__"].to_list()


def test_rare_values_weigh_more() -> None:
    frame = pl.DataFrame({"__id__": list("abcde"), "x": [1.0, 2.0, 9.99, 10.0, 35.0]})
    weight = {"inverse_density": {"column": "x", "width": 10, "alpha": 0.5}}
    balance = Balance.model_validate({"strata": [{"column": "x"}], "cap": 1, "weight": weight})
    facts = facts_of(balance, merge_counts([count_values(frame, ["x"])]))
    assert weighted(weight, frame, facts) == [3**-0.5] * 3 + [1.0, 1.0]


def test_named_numbers_stand_in_a_weight() -> None:
    frame = pl.DataFrame({"__id__": ["a", "b"], "x": [2.0, 4.0]})
    assert weighted("(x - lo) / (hi - lo) + 1", frame, Facts((), {"lo": 0.0, "hi": 4.0})) == [1.5, 2.0]


def test_rare_values_of_any_size_have_an_interval() -> None:
    values = pl.Series("x", [0.05, 0.15, 1.7e308, -1.7e308, None])
    assert interval_numbers(values, 0.1).to_list() == [0, 1, 2**53, -(2**53), None]
