"""Balance measures worked by hand, and summaries that merge."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.measure import Summary, balance_measures, summarise


def test_even_strata() -> None:
    assert balance_measures([5, 5, 5, 5]) == {
        "strata": 4,
        "effective_strata": 4.0,
        "gini": 0.0,
        "largest_share": 0.25,
    }


def test_one_stratum_has_all() -> None:
    # gini of n values of which one is not 0 is 1 - 1 / n
    assert balance_measures([0, 12, 0, 0]) == {"strata": 1, "effective_strata": 1.0, "gini": 0.75, "largest_share": 1.0}


def test_an_example_worked_by_hand() -> None:
    # shares 1/4, 1/4, 1/2: entropy 1.5 ln 2. Differences of all pairs 0, 0, 1, 1, ...: gini = 4 / (2 * 3 * 4) = 1/6
    measures = balance_measures([1, 2, 1])
    assert measures["effective_strata"] == round(2**1.5, 6)
    assert measures["gini"] == round(1 / 6, 6)
    assert measures["largest_share"] == 0.5


def test_nothing_is_no_balance_at_all() -> None:
    nothing = {"strata": 0, "effective_strata": 0.0, "gini": 0.0, "largest_share": 0.0}
    assert balance_measures([]) == balance_measures([0, 0]) == nothing


@given(counts=st.lists(st.integers(0, 1000), min_size=1, max_size=30).filter(any), data=st.data())
def test_measures_are_their_definitions_in_any_order(counts: list[int], data: st.DataObject) -> None:
    measures = balance_measures(counts)
    assert measures == balance_measures(data.draw(st.permutations(counts)))
    total, size = sum(counts), len(counts)
    differences = sum(abs(one - other) for one in counts for other in counts)
    entropy = -sum(count / total * math.log(count / total) for count in counts if count)
    assert measures["gini"] == pytest.approx(differences / (2 * size * total), abs=1e-6)
    assert measures["effective_strata"] == pytest.approx(math.exp(entropy), abs=2e-6)
    assert measures["largest_share"] == pytest.approx(max(counts) / total, abs=1e-6)
    assert measures["strata"] == sum(count > 0 for count in counts)
    assert measures["effective_strata"] <= measures["strata"] + 1e-6


def series(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
    return pl.Series("x", values, dtype=dtype)


def test_a_summary_counts_labels_at_three_digits() -> None:
    label = series([19.99, 20.01, 1234.5, 0.12345, None, 0.0], pl.Float64)
    found = summarise(
        label, series(["a", None, "a", "b", "b", "b"], pl.String), series([3, 4, 5, 0, 1, 2], pl.UInt32), 6
    )
    assert found.rows == 6
    assert found.label == Counter({20.0: 2, 1230.0: 1, 0.123: 1, 0.0: 1})
    assert found.categories == Counter({"b": 3, "a": 2, "(none)": 1})
    assert found.tokens == 15
    assert found.label_mean == pytest.approx((19.99 + 20.01 + 1234.5 + 0.12345) / 5, rel=1e-15)


def test_what_is_not_there_is_empty() -> None:
    found = summarise(series(["a"], pl.String), None, None, 1)
    assert found == Summary(rows=1)
    assert found.label_mean is None
    assert summarise(None, None, series([], pl.UInt32), 0) == Summary()
    assert summarise(series([None], pl.Float64), None, None, 1).label_mean is None


def test_tokens_of_many_records_do_not_overflow() -> None:
    assert summarise(None, None, series([2**32 - 1, 2**32 - 1], pl.UInt32), 2).tokens == 2**33 - 2


@given(values=st.lists(st.none() | st.floats(-1e12, 1e12), max_size=20), data=st.data())
def test_summaries_of_parts_add_up_in_any_order(values: list[float | None], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(values)))
    parts = [summarise(series(part, pl.Float64), None, None, len(part)) for part in (values[:cut], values[cut:])]
    forward, backward = Summary(), Summary()
    for part in parts:
        forward.add(part)
    for part in reversed(parts):
        backward.add(part)
    whole = summarise(series(values, pl.Float64), None, None, len(values))
    assert (forward.rows, forward.label) == (whole.rows, whole.label) == (backward.rows, backward.label)
    assert forward.label_mean == backward.label_mean == whole.label_mean


@given(st.lists(st.floats(-1e290, 1e290), min_size=1, max_size=20), st.integers(1, 5))
def test_a_mean_is_rounded_once(values: list[float], times: int) -> None:
    mean = summarise(series(values * times, pl.Float64), None, None, len(values) * times).label_mean
    assert mean == float(sum(map(Fraction, values)) / len(values))
