"""Steps that keep or drop by a value: numbers, lengths, conditions; and derived columns."""

from __future__ import annotations

import math
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.steps.rows import chars, derive, number, where
from evenly.recipe.steps import Chars, Filter, Number

GRAMMAR = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read(values: list[Any], dtype: type[pl.DataType] = pl.String, **bounds: float) -> list[float | None]:
    """Return what the number step keeps, None for what it drops."""
    frame = pl.DataFrame({"price": pl.Series(values, dtype=dtype, strict=False)})
    parsed, keep = number(frame, Number.model_validate({"column": "price", **bounds}))
    assert (parsed["price"].dtype, keep.dtype, keep.null_count()) == (pl.Float64, pl.Boolean, 0)
    return [value if kept else None for value, kept in zip(parsed["price"], keep, strict=True)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.99", 12.99),
        (" 12 ", 12.0),
        ("\u00a012\u00a0", 12.0),
        ("12\n", 12.0),
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("+5", 5.0),
        ("-5", -5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("007", 7.0),
        ("1e-400", 0.0),
    ],
)
def test_a_number_as_text_is_read(text: str, value: float) -> None:
    assert read([text]) == [value]


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "nan", "NaN", "inf", "-Infinity", "None", "—", "from 12.99", "$5", "5$", "1_000", "1,000", "1 000"],
        *["0x10", "1e", "e3", ".", "+", "--1", "1.2.3", "٣", "²", "1e400", "12 dollars", "1\n2", "true"],
    ],
)
def test_a_text_that_is_no_finite_number_is_dropped(text: str) -> None:
    assert read([text]) == [None]
    assert read([text, "1", None]) == [None, 1.0, None]


@given(st.lists(st.from_regex(GRAMMAR, fullmatch=True) | st.text("+-.0123456789eE _", max_size=6), max_size=8))
def test_what_is_a_number_has_pythons_value(texts: list[str]) -> None:
    expected: list[float | None] = []
    for text in texts:
        value = float(text) if GRAMMAR.fullmatch(text.strip()) else math.nan
        expected.append(value if math.isfinite(value) else None)
    assert read([*texts]) == expected


@given(st.lists(st.floats()))
def test_floats_survive_as_they_are_and_as_text(values: list[float]) -> None:
    expected = [value if math.isfinite(value) else None for value in values]
    assert read(values, pl.Float64) == expected
    assert read([repr(value) for value in values]) == expected


def test_bounds_are_included() -> None:
    values = ["0.49", "0.5", "999.49", "999.5", "x"]
    assert read(values, min=0.5, max=999.49) == [None, 0.5, 999.49, None, None]
    assert read([1, 2, None], pl.Int64, min=2) == [None, 2.0, None]
    assert read([1.0, math.nan, math.inf, -math.inf], pl.Float64, min=0) == [1.0, None, None, None]
    assert read([1.0, -math.inf], pl.Float64, max=3) == [1.0, None]


def test_a_condition_is_no_number() -> None:
    assert read([True, False, None], pl.Boolean) == [None, None, None]


@given(
    texts=st.lists(st.none() | st.text(st.sampled_from("aé日😀\u0301\u200d")), max_size=6),
    low=st.none() | st.integers(0, 6),
    high=st.none() | st.integers(0, 6),
    cut=st.none() | st.integers(1, 6),
)
def test_chars_counts_and_cuts_code_points(
    texts: list[str | None], low: int | None, high: int | None, cut: int | None
) -> None:
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)})
    done, keep = chars(frame, Chars(column="text", min=low, max=high, truncate=cut))
    plain = [text or "" for text in texts]
    lengths = [len(text) for text in plain]
    assert keep.to_list() == [(low is None or length >= low) and (high is None or length <= high) for length in lengths]
    assert done["text"].to_list() == [text[:cut] for text in plain]


def test_the_course_keeps_more_than_300_characters_and_cuts_to_1120() -> None:
    frame = pl.DataFrame({"contents": ["日" * 300, "日" * 301, "日" * 1_121]})
    done, keep = chars(frame, Chars(column="contents", min=301, truncate=1120))
    assert keep.to_list() == [False, True, True]
    assert done["contents"].str.len_chars().to_list() == [300, 301, 1120]


def test_a_filter_keeps_what_is_true_and_not_what_is_unknown() -> None:
    frame = pl.DataFrame({"price": [1.0, 20.0, None, math.nan], "kind": ["a", "b", None, "a"]})
    same, keep = where(frame, Filter(where="price >= 10"))
    assert keep.to_list() == [False, True, False, False]
    assert same.equals(frame)
    assert where(frame, Filter(where="NOT price >= 10"))[1].to_list() == [True, False, False, False]
    assert where(frame, Filter(where="kind = 'a' OR price IS NULL"))[1].to_list() == [True, False, True, True]


@pytest.mark.parametrize(("text", "answer"), [("1 = 1", True), ("1 = 2", False), ("NULL IS NOT NULL", False)])
def test_a_filter_without_a_column_answers_for_every_record(text: str, *, answer: bool) -> None:
    assert where(pl.DataFrame({"a": [1, 2, 3]}), Filter(where=text))[1].to_list() == [answer] * 3
    assert where(pl.DataFrame({"a": []}), Filter(where=text))[1].to_list() == []


@pytest.mark.parametrize(
    "values", [["true", "False", "x", None], ["1", "0", "", None], [1, 0, 2, None], [True, False, None, None]]
)
def test_a_lone_column_is_a_condition_whatever_type_a_reader_chose(values: list[Any]) -> None:
    assert where(pl.DataFrame({"flag": values}), Filter(where="flag"))[1].to_list() == [True, False, False, False]


def test_derived_columns_may_use_earlier_ones() -> None:
    frame = pl.DataFrame({"price": [2.0, None]})
    done = derive(frame, {"double": "price * 2", "more": "double + 1", "constant": "'x'", "price": "price + 1"})
    assert done.to_dict(as_series=False) == {
        "price": [3.0, None],
        "double": [4.0, None],
        "more": [5.0, None],
        "constant": ["x", "x"],
    }
