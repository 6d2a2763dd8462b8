"""All steps of a recipe in a row: a record is kept or dropped, once, for the reason of the step that refused it."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.steps import CHANGES, JUDGES, curate
from evenly.errors import TokenizerError
from evenly.recipe.steps import GLOBAL_KINDS, Step, reasons


def steps(*given_steps: dict[str, Any]) -> list[Step]:
    return [Step.model_validate(step) for step in given_steps]


def frame(rows: list[tuple[Any, Any]]) -> pl.DataFrame:
    columns = pl.DataFrame(rows, {"price": pl.String, "text": pl.String}, orient="row")
    places = [pl.int_range(pl.len(), dtype=pl.UInt64).alias("__line__"), pl.lit(3, dtype=pl.UInt32).alias("__piece__")]
    return columns.with_row_index("__id__").with_columns(pl.col("__id__").cast(pl.String), *places)


MANY = steps(
    {"number": {"column": "price", "min": 1}},
    {"chars": {"column": "text", "min": 2}},
    {"collapse": {"column": ["text"]}},
    {"chars": {"column": "text", "min": 2, "truncate": 4}},
    {"derive": {"double": "price * 2"}},
    {"filter": {"where": "double < 100", "name": "too dear"}},
    {"number": {"column": "price", "max": 40}},
    {"unique": {"columns": ["text"]}},
)


def test_each_record_is_dropped_by_the_first_step_that_refuses_it() -> None:
    rows = [("5", " ab  cdef "), ("x", ""), ("0.5", "ab"), ("5", "a"), ("5", "a "), ("60", "ab"), ("45", "ab")]
    done = curate(frame(rows), MANY, None)
    assert done.kept.select("__id__", "price", "text", "double").rows() == [("0", 5.0, "ab c", 10.0)]
    assert dict(done.dropped.select("__id__", "__reason__").iter_rows()) == {
        "1": "number",
        "2": "number",
        "3": "chars",
        "4": "chars-2",
        "5": "too dear",
        "6": "number-2",
    }


PRICES = st.none() | st.sampled_from(["1", "0.2", "39", "44", "99", "x", "nan", ""])


@given(rows=st.lists(st.tuples(PRICES, st.none() | st.text("a ", max_size=5)), max_size=20), data=st.data())
def test_every_record_is_kept_or_dropped_exactly_once_in_any_blocks(
    rows: list[tuple[Any, Any]], data: st.DataObject
) -> None:
    whole = frame(rows)
    done = curate(whole, MANY, None)
    assert sorted([*done.kept["__id__"], *done.dropped["__id__"]]) == sorted(whole["__id__"])
    assert set(done.dropped["__reason__"]) <= set(reasons(MANY))
    assert done.dropped.columns == ["__id__", "__line__", "__piece__", "__reason__"]
    assert done.dropped.schema["__line__"] == pl.UInt64

    cut = data.draw(st.integers(0, len(rows)))
    parts = [curate(part, MANY, None) for part in (whole[cut:], whole[:cut])]
    assert pl.concat([part.kept for part in parts]).sort("__line__").equals(done.kept.sort("__line__"))
    dropped = pl.concat([part.dropped for part in parts])
    assert dropped.sort("__line__").equals(done.dropped.sort("__line__"))


def test_without_steps_everything_is_kept() -> None:
    whole = frame([("1", "a"), (None, None)])
    done = curate(whole, [], None)
    assert done.kept.equals(whole)
    assert done.dropped.height == 0


def test_a_second_step_of_a_kind_has_a_reason_of_its_own_unless_it_has_a_name() -> None:
    named = steps(
        {"number": {"column": "a"}},
        {"number": {"column": "b", "name": "no b"}},
        {"number": {"column": "c"}},
        {"chars": {"column": "d"}},
        {"filter": "a > 1"},
        {"number": {"column": "e"}},
    )
    assert reasons(named) == ["number", "no b", "number-2", "chars", "filter", "number-3"]


def test_every_kind_has_a_function() -> None:
    assert {*CHANGES, *JUDGES, *GLOBAL_KINDS, "tokens", "exclude"} == set(Step.model_fields)


def test_a_tokens_step_needs_a_tokenizer() -> None:
    with pytest.raises(TokenizerError):
        curate(frame([("1", "a")]), steps({"tokens": {"column": "text"}}), None)
