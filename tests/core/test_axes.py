"""Axes: intervals that hold their lower edge, exact powers and quantiles, parts of dates, small categories."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.axes import OTHER, Axis, quantile_edges
from evenly.core.strata import with_strata
from evenly.core.survey import Facts, count_values, facts_of, merge_counts
from evenly.errors import DataError
from evenly.recipe.balance import Balance, Stratum


def facts(values: list[Any], **axis: Any) -> Facts:
    balance = Balance.model_validate({"strata": [{"column": "x", **axis}], "cap": 1})
    frame = pl.DataFrame({"x": values}, strict=False)
    return facts_of(balance, merge_counts([count_values(frame, ["x"])]))


def strata_of(values: list[Any], **axis: Any) -> list[str | None]:
    frame = pl.DataFrame({"x": values}, strict=False)
    return with_strata(frame, facts(values, **axis).axes)["__stratum__"].to_list()


def test_widths_hold_their_lower_edge() -> None:
    assert strata_of([0, 9.99, 10, -0.01, 25, None, math.nan, math.inf], width=10) == [
        "[0, 10)",
        "[0, 10)",
        "[10, 20)",
        "[-10, 0)",
        "[20, 30)",
        None,
        None,
        None,
    ]
    assert strata_of([0.3, 0.29999, 0.1 * 3], width=0.1) == ["[0.3, 0.4)", "[0.2, 0.3)", "[0.3, 0.4)"]


def test_edges_are_half_open_and_infinite_ones_are_open_ends() -> None:
    assert strata_of([-5, 0, 49.9, 50, 200, 1e9], edges=[0, 50, 200]) == [
        None,
        "[0, 50)",
        "[0, 50)",
        "[50, 200)",
        None,
        None,
    ]
    assert strata_of([-5, 200], edges=[-math.inf, 50, math.inf]) == ["[-inf, 50)", "[50, inf)"]


@pytest.mark.parametrize("axis", [{"width": 0.1}, {"width": 1e-310}, {"round": 0.1}, {"round": 1}])
def test_a_number_beyond_what_doubles_tell_apart_is_in_no_stratum(axis: dict[str, float]) -> None:
    assert strata_of([1.7e308, -1.7e308, 2.0**60, 0.0], **axis)[:3] == [None, None, None]


def test_a_share_of_small_categories_is_exact() -> None:
    values = ["a"] * 7 + ["b"] * 93
    assert set(strata_of(values, other_below=0.07)) == {"a", "b"}
    assert set(strata_of(values, other_below=0.0701)) == {"other", "b"}


def test_powers_are_exact() -> None:
    assert strata_of([1, 2, 3.999, 4, 1024, 1023.9, 0.5, 0, -1], log=2) == [
        "[1, 2)",
        "[2, 4)",
        "[2, 4)",
        "[4, 8)",
        "[1024, 2048)",
        "[512, 1024)",
        "[0.5, 1)",
        None,
        None,
    ]
    assert strata_of([1000, 999.999, 1e-3], log=10) == ["[1000, 10000)", "[100, 1000)", "[0.001, 0.01)"]


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=20), st.sampled_from([1.1, 1.5, 2.0, 10.0]))
def test_every_positive_number_is_in_the_interval_that_names_it(values: list[float], base: float) -> None:
    for value, name in zip(values, strata_of(values, log=base), strict=True):
        low, high = (float(part) for part in (name or "").strip("[)").split(", "))
        assert low <= value < high
        assert high == pytest.approx(low * base, rel=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.sampled_from([0.1, 0.25, 3.0, 100.0]))
def test_every_number_is_in_the_width_that_names_it(values: list[float], width: float) -> None:
    for value, name in zip(values, strata_of(values, width=width), strict=True):
        low, high = (float(part) for part in (name or "").strip("[)").split(", "))
        assert low <= value < high
        assert high - low == pytest.approx(width)


def test_an_outlier_makes_no_more_intervals_than_it_needs() -> None:
    assert strata_of([0.0, 1e15], width=0.5) == ["[0, 0.5)", "[1000000000000000, 1000000000000000.5)"]


def test_quantiles_split_distinct_values_evenly_and_the_last_is_closed() -> None:
    found = strata_of(list(range(10)), quantile=5)
    assert found == [name for name in ("[0, 2)", "[2, 4)", "[4, 6)", "[6, 8)", "[8, 9]") for _ in range(2)]
    assert strata_of([7, 7, 7], quantile=4) == ["[7, 7]"] * 3
    assert strata_of([None, None], quantile=2) == [None, None]
    assert strata_of([1, 2, 3, 400], quantile=2, max=100) == ["[1, 2)", "[2, 3]", "[2, 3]", None]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=200), st.integers(2, 12))
def test_quantile_edges_are_order_statistics(values: list[int], number: int) -> None:
    ordered = sorted(values)
    counts = {value: values.count(value) for value in set(values)}
    edges = quantile_edges(pl.Series(list(counts)), pl.Series(list(counts.values())), number)
    expected = {float(ordered[step * len(ordered) // number]) for step in range(number)} | {float(ordered[-1])}
    assert set(edges) == expected
    assert list(edges) == sorted(edges)


def test_small_categories_are_other() -> None:
    values = ["a"] * 5 + ["b"] * 3 + ["c", "d", None]
    assert strata_of(values, other_below=3) == ["a"] * 5 + ["b"] * 3 + [OTHER, OTHER, None]
    assert strata_of(values, other_below=0.4) == ["a"] * 5 + [OTHER] * 5 + [None]


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("year", ["2024", "2024", "2023", "1999", None]),
        ("quarter", ["2024-Q1", None, "2023-Q4", "1999-Q3", None]),
        ("month", ["2024-02", None, "2023-12", "1999-07", None]),
        ("week", ["2024-W09", None, "2023-W52", None, None]),
        ("day", ["2024-02-29", None, "2023-12-31", None, None]),
        ("weekday", ["Thu", None, "Sun", None, None]),
        ("hour", [None, None, "23", None, None]),
    ],
)
def test_parts_of_dates_as_they_are_written(part: str, names: list[str | None]) -> None:
    assert strata_of(["2024-02-29", "2024", "2023-12-31T23:59:59-05:00", "1999-07", "2024-13-40"], part=part) == names


def test_dates_that_are_numbers_say_what_they_count() -> None:
    assert strata_of([1_700_000_000], part="day", unit="s") == ["2023-11-14"]
    assert strata_of([1_700_000_000_000], part="hour", unit="ms") == ["22"]
    with pytest.raises(DataError, match="Say what it counts since 1970: `unit: s` or `unit: ms`"):
        strata_of([1_700_000_000], part="day")


def test_dates_with_a_type_of_their_own() -> None:
    dates = pl.Series("x", ["2024-02-29", None]).str.to_date()
    assert Axis(Stratum(column="x", part="month")).values(dates).to_list() == ["2024-02", None]
    assert Axis(Stratum(column="x", part="hour")).values(dates).to_list() == [None, None]
    assert Axis(Stratum(column="x", part="hour")).values(dates.cast(pl.Datetime("us"))).to_list() == [0, None]


def test_without_strata_all_records_are_one() -> None:
    assert with_strata(pl.DataFrame({"x": [1, None]}), ())["__stratum__"].to_list() == ["all", "all"]
