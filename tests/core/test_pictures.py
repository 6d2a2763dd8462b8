"""What charts show: edges that hold their values, counts that add up and are numpy's, Spearman's correlation."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from evenly.core.measure import Summary, label_days, summarise
from evenly.core.pictures import (
    CATEGORIES,
    Thin,
    add,
    calendar,
    count,
    edges_of,
    place,
    quantiles,
    rank_correlation,
    ratios,
    round_step,
    sections,
    steps,
)
from evenly.reporting.design import CATEGORY_COLORS, number

VALUES = st.dictionaries(
    st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda value: float(f"{value:.3g}")),
    st.integers(1, 1000),
    min_size=1,
)
WHOLE = st.dictionaries(st.integers(-1000, 1000).map(float), st.integers(1, 1000), min_size=1)


@given(VALUES | WHOLE, st.integers(5, 100))
def test_steps_are_few_round_and_hold_what_they_show(values: dict[float, int], most: int) -> None:
    edges = steps(values, most)
    assert list(edges) == sorted(set(edges))
    assert 2 <= len(edges) <= most + 3
    rows = sum(values.values())
    inside = sum(count for value, count in values.items() if edges[0] <= value < edges[-1])
    assert inside >= 0.985 * rows


def test_steps_by_hand() -> None:
    assert steps({}, 100) == ()
    assert steps({0.5: 1, 999.49: 1}, 100) == tuple(float(edge) for edge in range(0, 1001, 10))
    # quality of wine: whole numbers get a bin each, however few they are
    assert steps({3.0: 5, 4.0: 60, 9.0: 2}, 100) == (3, 4, 5, 6, 7, 8, 9, 10)
    assert steps({7.0: 4}, 100) == (7, 8)
    assert steps({0.25: 4}, 100) == (0.25, 0.5)
    assert steps({1990.0: 4, 2024.0: 1}, 10) == (1990, 1995, 2000, 2005, 2010, 2015, 2020, 2025)
    # an edge that rounding puts upon the last value has another one after it
    assert steps({0.0: 1, 0.95: 1}, 19)[-1] == 1
    # a few far out do not squeeze the others
    assert steps({**{float(value): 1000 for value in range(100)}, 1e9: 1}, 100)[-1] == 100


@pytest.mark.parametrize(
    ("step", "whole", "expected"),
    [
        (0.3, False, 0.5),
        (0.3, True, 1),
        (1, False, 1),
        (2.2, False, 2.5),
        (2.2, True, 3),
        (70, True, 100),
        (0, False, 1),
    ],
)
def test_round_steps(step: float, whole: bool, expected: float) -> None:
    assert round_step(step, whole=whole) == expected


@given(st.dictionaries(st.floats(1e-3, 1e9), st.integers(1, 9), min_size=1), st.integers(12, 100))
def test_ratios_are_equal_and_hold_all(values: dict[float, int], most: int) -> None:
    edges = ratios(values, most)
    if not edges:
        assert max(values) < min(values) * 10 * (1 + 1e-9)
        return
    assert edges[0] <= min(values) * (1 + 1e-9)
    assert max(values) <= edges[-1]
    shares = [high / low for low, high in pairwise(edges)]
    assert shares == pytest.approx([shares[0]] * len(shares))


@given(st.lists(st.floats(allow_nan=False), min_size=1), st.integers(1, 3))
def test_no_label_is_too_large_to_be_pictured(values: list[float], times: int) -> None:
    summary = summarise(pl.Series(values * times), None, None, len(values) * times)
    edges = edges_of(summary)
    assert all(math.isfinite(edge) for edge in (*edges.label, *edges.label_log, *edges.label_wide))
    assert len(edges.label_log) <= 103
    assert summary.label_mean is None or math.isfinite(summary.label_mean)
    assert all(number(edge) for edge in edges.label)


def test_dates_beyond_the_calendar_are_none() -> None:
    moments = pl.Series([0, 10**18, -(10**18)]).cast(pl.Datetime("us"))
    found = label_days(moments)
    assert found is not None
    assert found.to_list() == [0.0, None, None]


def test_there_is_no_logarithm_of_what_is_not_above_zero_or_spans_little() -> None:
    assert ratios({-1.0: 1, 100.0: 1}, 50) == ratios({0.0: 1, 100.0: 1}, 50) == ratios({50.0: 1, 100.0: 1}, 50) == ()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.floats(0, 1))
def test_quantiles_are_order_statistics(values: list[int], share: float) -> None:
    (found,) = quantiles(Counter(map(float, values)), [share])
    at_most = sum(value <= found for value in values)
    assert at_most >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < max(share * len(values), 1e-9) or found == min(values)


RECORDS = st.lists(
    st.tuples(st.one_of(st.just(float("nan")), st.integers(0, 300).map(float)), st.integers(0, 99), st.integers(0, 14)),
    min_size=1,
    max_size=80,
)


@given(RECORDS, st.integers(0, 80), st.data())
def test_counts_add_up_and_are_numpys(records: list[tuple[float, int, int]], cut: int, data: st.DataObject) -> None:
    labels, tokens, categories = (np.array(column) for column in zip(*records, strict=True))
    known = labels[~np.isnan(labels)]
    names = [f"c{number}" for number in categories]
    pool = Summary(
        rows=len(records),
        label=Counter(known.tolist()),
        categories=Counter(names),
        token_counts=Counter(tokens.tolist()),
    )
    edges = edges_of(pool)
    codes = np.array(
        [edges.categories.index(name) if name in edges.categories else len(edges.categories) for name in names]
    )
    times = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(records), max_size=len(records))))

    def counted(part: slice) -> dict[str, np.ndarray]:
        return count(place(Thin(labels[part], tokens[part].astype(float), codes[part]), edges), times=times[part])

    whole = counted(slice(None))
    parts = add([counted(slice(None, cut)), counted(slice(cut, None))])
    assert {name: one.tolist() for name, one in whole.items()} == {name: one.tolist() for name, one in parts.items()}
    repeated = np.repeat(labels, times)
    if edges.label:
        bins = [-np.inf, *edges.label, np.inf]
        assert whole["label"].tolist() == np.histogram(repeated[~np.isnan(repeated)], bins)[0].tolist()
    assert whole["tokens"].sum() == times.sum()
    assert whole["density"].sum() == whole["mix"].sum() == times[~np.isnan(labels)].sum()
    assert whole["mix"].sum(axis=0).tolist() == [
        int(times[(codes == code) & ~np.isnan(labels)].sum()) for code in range(len(edges.categories) + 1)
    ]


WITH_AN_END = st.dates(max_value=date(9999, 11, 30))
"""Days of months that end on a day that a date can be; the last of all months has no edge after it."""


@given(
    st.dictionaries(WITH_AN_END.map(lambda day: float((day - date(1970, 1, 1)).days)), st.integers(1, 9), min_size=1)
)
def test_dates_fall_into_bins_of_the_calendar(days: dict[float, int]) -> None:
    edges = calendar(days, 50)
    assert list(edges) == sorted(set(edges))
    assert 2 <= len(edges) <= 52
    rows = sum(days.values())
    assert sum(count for day, count in days.items() if edges[0] <= day <= edges[-1]) >= 0.985 * rows


def test_the_calendar_by_hand() -> None:
    def days(*texts: str) -> dict[float, int]:
        return {float((date.fromisoformat(text) - date(1970, 1, 1)).days): 1 for text in texts}

    assert calendar(days("2026-02-27", "2026-03-01"), 50) == tuple(
        days("2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02")
    )
    # 2026-02-23 is a Monday
    assert calendar(days("2026-02-26", "2026-06-01"), 50)[:2] == tuple(days("2026-02-23", "2026-03-02"))
    assert calendar(days("2020-02-26", "2022-06-01"), 50)[:3] == tuple(days("2020-02-01", "2020-03-01", "2020-04-01"))
    assert calendar(days("1990-02-26", "2022-06-01"), 50)[:2] == tuple(days("1990-01-01", "1991-01-01"))
    assert calendar(days("0001-01-01", "9999-12-31"), 50)[-1] == next(iter(days("9999-12-01")))
    assert calendar({}, 50) == ()


def test_there_are_as_many_categories_as_colours() -> None:
    names = [f"c{number}" for number in range(CATEGORIES + 3)]
    assert edges_of(Summary(categories=Counter(dict.fromkeys(names, 9)))).categories == tuple(
        sorted(names)[:CATEGORIES]
    )
    assert len(CATEGORY_COLORS) == CATEGORIES


def spearman(one: list[int], other: list[int]) -> float:
    found: Any = spearmanr(one, other)
    return float(found.statistic)


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=60))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    one, other = (list(column) for column in zip(*pairs, strict=True))
    counts = np.zeros((9, 9), np.int64)
    for pair in pairs:
        counts[pair] += 1
    found = rank_correlation(counts)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert found is None
        return
    assert found == pytest.approx(spearman(one, other), abs=1e-12)


@given(WHOLE)
def test_sections_tell_all_values_apart_where_they_are_few(values: dict[float, int]) -> None:
    assume(len(values) < 20)
    edges = sections(dict.fromkeys(values, 1), 200)
    assert set(edges) | {min(values)} == set(values)
