"""What a column looks like: shares, numbers, lengths."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.propose.summary import is_nothing, number_of, summarise, text_of

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def test_a_column_of_prices_with_gaps() -> None:
    column = summarise("price", ["12.50", "None", "", None, "from 3", "7", 9.25], 8)
    assert (column.rows, column.filled, column.distinct) == (8, 4, 4)
    assert list(column.numbers) == [7.0, 9.25, 12.5]
    assert (column.numeric, column.whole, column.scalar) == (0.75, False, True)
    assert column.kinds == {"text": 0.75, "number": 0.25}


def test_lists_objects_and_conversations() -> None:
    assert summarise("a", [["x", None, "y z"], []], 2).textual
    assert summarise("a", [{"b": 1}, '{"b": 2, "c": 3}', "plain"], 3).keys == {"b": 2, "c": 1}
    turns = [{"role": "user", "content": "hello"}]
    assert summarise("m", [turns, json.dumps(turns), [{"from": "human", "value": "hello"}]], 3).turns == 1
    assert summarise("i", [[{"thumb": "x"}]], 1).nested == 1


@pytest.mark.parametrize("value", [None, "", " ", "None", "NaN", "n/a", math.nan, [], {}, [None, ""], {"a": None}])
def test_nothing(value: object) -> None:
    assert is_nothing(value)


@pytest.mark.parametrize("value", [0, False, "0", "no", ["x"], {"a": 0}])
def test_something(value: object) -> None:
    assert not is_nothing(value)


@given(st.lists(VALUES, max_size=30))
def test_any_values_can_be_summarised(values: list[Any]) -> None:
    column = summarise("x", values, len(values))
    assert column.distinct <= column.filled <= column.rows
    assert list(column.numbers) == sorted(column.numbers)
    assert sum(column.kinds.values()) == pytest.approx(1 if column.filled else 0)
    for value in values:
        assert isinstance(text_of(value), str)
        assert number_of(value) is None or math.isfinite(number_of(value) or 0)


@given(st.lists(VALUES, max_size=30).flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_the_order_of_values_does_not_matter(both: tuple[list[Any], list[Any]]) -> None:
    values, shuffled = both
    assert summarise("x", values, len(values)) == summarise("x", shuffled, len(values))
