"""Which stratum a record is in: rounding half to even, bounds, crossing."""

from __future__ import annotations

from itertools import product
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.strata import axis_name, with_strata
from evenly.core.survey import plain_axes
from evenly.recipe.balance import Stratum


def strata_of(values: list[Any], **axis: float) -> list[str | None]:
    frame = pl.DataFrame({"x": values}, strict=False)
    return with_strata(frame, plain_axes([Stratum.model_validate({"column": "x", **axis})]))["__stratum__"].to_list()


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        (1, 0.5, "0"),
        (1, 1.5, "2"),
        (1, 2.5, "2"),
        (1, 3.4999, "3"),
        (1, 999.49, "999"),
        (1, 999.5, "1000"),
        (1, -0.5, "0"),
        (1, -1.5, "-2"),
        (5, 2.5, "0"),
        (5, 7.5, "10"),
        (5, 12.5, "10"),
        (5, 14.99, "15"),
        (49, 24.5, "0"),
        (49, 49.0, "49"),
        (49, 73.5, "98"),
        (25, 12.5, "0"),
        (25, 37.5, "50"),
        (25, 62.5, "50"),
        (0.5, 0.25, "0.0"),
        (0.5, 0.75, "1.0"),
        (0.1, 0.25, "0.2"),
        (0.1, 0.29, "0.3"),
        (0.1, 0.7, "0.7"),
        (0.01, 19.99, "19.99"),
        (0.25, 0.125, "0.0"),
        (0.25, 0.375, "0.5"),
    ],
)
def test_numbers_round_half_to_even_multiples_of_the_unit(unit: float, value: float, expected: str) -> None:
    assert strata_of([value], round=unit) == [expected]


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.integers(-2000, 2000).map(lambda x: x / 2)),
    unit=st.sampled_from([1, 2, 3, 7, 25, 49, 1000]),
)
def test_whole_units_round_as_python_does(values: list[float], unit: int) -> None:
    assert strata_of(values, round=unit) == [str(round(value / unit) * unit) for value in values]


@given(cents=st.lists(st.integers(0, 99_999)), unit=st.sampled_from([0.1, 0.2, 0.25, 0.5, 2.5]))
def test_other_units_give_a_near_multiple_in_its_shortest_digits(cents: list[int], unit: float) -> None:
    for cent, stratum in zip(cents, strata_of([cent / 100 for cent in cents], round=unit), strict=True):
        assert stratum is not None
        value = float(stratum)
        assert abs(value - cent / 100) <= unit / 2 + 1e-9
        assert value == pytest.approx(round(value / unit) * unit, abs=1e-9)
        assert len(stratum.partition(".")[2]) <= 2  # 0.3, not 0.30000000000000004


def test_bounds_hold_for_the_rounded_value_both_included() -> None:
    values = [0.5, 0.51, 1.49, 999.49, 999.5, None, float("nan"), float("inf"), -float("inf")]
    assert strata_of(values, round=1, min=1, max=999) == [None, "1", "1", "999", None, None, None, None, None]
    assert strata_of([None, float("nan"), float("inf"), 1e300], round=1) == [None, None, None, None]
    assert strata_of([0.3, None, float("nan"), float("inf")], round=0.5, min=0.5) == ["0.5", None, None, None]


def test_without_rounding_a_value_is_its_own_stratum() -> None:
    assert strata_of(["a", "", None, "A"]) == ["a", "", None, "A"]
    assert strata_of([3, None, 12], min=5) == [None, None, "12"]
    assert strata_of([True, False, None]) == ["true", "false", None]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5), min_size=1))
def test_whole_numbers_bear_their_own_names_near_and_far(values: list[int | None]) -> None:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=pl.Int64)})
    found = with_strata(frame, plain_axes([Stratum(column="x")]))
    assert found["__stratum__"].to_list() == [None if value is None else str(value) for value in values]


def test_axes_cross_and_keep_their_values() -> None:
    frame = pl.DataFrame({"price": [1.5, 2.4, 7.0, None], "kind": ["a", None, "b", "b"]})
    axes = [Stratum(column="price", round=1), Stratum(column="kind")]
    found = with_strata(frame, plain_axes(axes))
    assert found["__stratum__"].to_list() == ["2 | a", None, "7 | b", None]
    assert found[axis_name("price")].to_list() == [2, 2, 7, None]
    assert found[axis_name("kind")].to_list() == ["a", None, "b", "b"]
    assert found.select("price", "kind").equals(frame)  # the columns themselves stay as they were


@given(st.lists(st.integers(-20, 20), min_size=1, unique=True))
def test_crossed_strata_are_as_many_as_the_combinations(values: list[int]) -> None:
    pairs = list(product(values, ["a", "b"]))
    frame = pl.DataFrame({"x": [x for x, _ in pairs], "y": [y for _, y in pairs]})
    found = with_strata(frame, plain_axes([Stratum(column="x"), Stratum(column="y")]))
    assert found["__stratum__"].n_unique() == len(pairs)


def test_no_rows_have_no_strata() -> None:
    frame = pl.DataFrame({"x": []}, schema={"x": pl.Float64})
    assert with_strata(frame, plain_axes([Stratum(column="x", round=1)]))["__stratum__"].dtype == pl.Categorical
