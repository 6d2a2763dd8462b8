"""Prompts and completions: Python's own `format`, braces, nulls."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.template import render, template_columns
from evenly.errors import DataError
from evenly.recipe.model import Template


def prompts(template: str, **columns: object) -> list[str | None]:
    return render(pl.DataFrame(columns, strict=False), Template(prompt=template))["__prompt__"].to_list()


def test_the_course_prompt_and_completion() -> None:
    template = Template(
        prompt="How much does this cost to the nearest dollar?\n\n{text}\n\nPrice is $", completion="{price:.0f}.00"
    )
    frame = pl.DataFrame({"text": ["a {brace} and $1", "b"], "price": [64.3, 0.5], "__id__": ["1", "2"]})
    done = render(frame, template)
    assert done["__prompt__"].to_list() == [
        "How much does this cost to the nearest dollar?\n\na {brace} and $1\n\nPrice is $",
        "How much does this cost to the nearest dollar?\n\nb\n\nPrice is $",
    ]
    assert done["__completion__"].to_list() == ["64.00", "0.00"]
    assert done.select(frame.columns).equals(frame)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, "0"), (1.5, "2"), (2.5, "2"), (3.5, "4"), (998.5, "998"), (999.49, "999"), (1e6 + 0.5, "1000000")],
)
def test_prices_round_half_to_even(value: float, expected: str) -> None:
    assert prompts("{p:.0f}", p=[value]) == [expected]


@given(
    values=st.lists(st.none() | st.floats(0, 1e9) | st.integers(0, 2000).map(lambda number: number / 2), max_size=30),
    spec=st.sampled_from([".0f", ".2f", ",.2f", "010.3f", ">8.1f", "e", "g", ".0%", "+.1f"]),
)
def test_a_format_is_pythons(values: list[float | None], spec: str) -> None:
    values = [None if value is None else abs(value) for value in values]
    frame = pl.DataFrame({"p": pl.Series(values, dtype=pl.Float64)})
    done = render(frame, Template(prompt=f"{{p:{spec}}}"))["__prompt__"].to_list()
    assert done == [None if value is None else format(value, spec) for value in values]


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_whole_numbers_have_pythons_formats_too(values: list[int | None]) -> None:
    frame = pl.DataFrame({"p": pl.Series(values, dtype=pl.Int64)})
    done = render(frame, Template(prompt="{p:,d}"))["__prompt__"].to_list()
    assert done == [None if value is None else format(value, ",d") for value in values]


def test_what_is_not_finite_has_pythons_names() -> None:
    assert prompts("{p:.0f}", p=[math.nan, math.inf, -math.inf, 1.0]) == ["nan", "inf", "-inf", "1"]


def test_doubled_braces_are_braces() -> None:
    assert prompts("{{{p:.1f}}} {{p}} }}{{", p=[1.25]) == ["{1.2} {p} }{"]


def test_fields_without_a_format_show_the_value() -> None:
    assert prompts("{a}|{b}|{a:>3}", a=["x", "é"], b=[1, 2]) == ["x|1|  x", "é|2|  é"]


def test_a_null_makes_the_whole_text_null_and_no_other_row() -> None:
    template = Template(prompt="{a} costs", completion="{p:.0f}")
    done = render(pl.DataFrame({"a": ["x", None, "z"], "p": [1.0, 2.0, None]}), template)
    assert done["__prompt__"].to_list() == ["x costs", None, "z costs"]
    assert done["__completion__"].to_list() == ["1", "2", None]


def test_a_template_without_a_field_or_a_completion_is_the_same_for_every_record() -> None:
    frame = pl.DataFrame({"a": [1, 2]})
    done = render(frame, Template(prompt="hello"))
    assert done["__prompt__"].to_list() == ["hello", "hello"]
    assert done["__completion__"].to_list() == ["", ""]
    assert render(frame.clear(), Template(prompt="hello {a:d}", completion="x")).height == 0


def test_only_nulls_to_format() -> None:
    frame = pl.DataFrame({"p": [None, None]}, schema={"p": pl.Float64})
    assert render(frame, Template(prompt="{p:.0f}"))["__prompt__"].to_list() == [None, None]


def test_a_format_that_does_not_fit_is_a_fault_of_the_data_that_says_what_to_do() -> None:
    with pytest.raises(
        DataError, match=r"recipe\.template: the format '\.0f' does not fit column 'p' \(String\)"
    ) as caught:
        prompts("{p:.0f}", p=["12"])
    assert "`- number: {column: p}`" in str(caught.value)


def test_the_columns_of_a_template_are_named_once() -> None:
    assert template_columns(Template(prompt="{b} {{no}} {a:.0f} {b}", completion="{c}")) == ["a", "b", "c"]
    assert template_columns(Template(prompt="nothing")) == []
