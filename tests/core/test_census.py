"""Counting strata, and adding up counts of parts in any order."""

from __future__ import annotations

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from evenly.core.census import merge, take_census
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.recipe.balance import Stratum

AXES = [Stratum(column="price", round=1, min=1), Stratum(column="kind")]
COLUMNS = ["price", "kind"]
SCHEMA = {"price": pl.Float64, "kind": pl.String, "__weight__": pl.Float64}
ROWS = st.lists(
    st.tuples(
        st.none() | st.sampled_from([0.2, 1.0, 1.4, 1.5, 2.0, 40.0]),
        st.none() | st.sampled_from(["a", "b"]),
        st.sampled_from([0.0, 1.0, 2.5, 5.0]),
    ),
    max_size=30,
)
Row = tuple[float | None, str | None, float]


def census_of(rows: list[Row]) -> pl.DataFrame:
    return take_census(with_strata(pl.DataFrame(rows, SCHEMA, orient="row"), plain_axes(AXES)), COLUMNS)


def test_counts_an_example_worked_by_hand() -> None:
    rows: list[Row] = [
        (1.5, "a", 5.0),
        (2.0, "a", 1.0),
        (2.4, "a", 0.0),  # a weight of 0: counted, never drawn
        (2.0, "b", 0.0),
        (0.4, "a", 1.0),  # below min: in no stratum
        (2.0, None, 1.0),
        (None, "b", 1.0),
    ]
    assert census_of(rows).to_dicts() == [
        {
            "__stratum__": "2 | a",
            "__axis__price": 2,
            "__axis__kind": "a",
            "rows": 3,
            "eligible": 2,
            "weight_min": 1.0,
            "weight_max": 5.0,
        },
        {
            "__stratum__": "2 | b",
            "__axis__price": 2,
            "__axis__kind": "b",
            "rows": 1,
            "eligible": 0,
            "weight_min": None,
            "weight_max": None,
        },
    ]


@given(ROWS)
def test_every_record_of_a_stratum_is_counted_once(rows: list[Row]) -> None:
    census = census_of(rows)
    inside = [row for row in rows if row[0] is not None and row[0] > 0.5 and row[1] is not None]
    assert census["rows"].sum() == len(inside)
    assert census["eligible"].sum() == sum(row[2] > 0 for row in inside)
    assert (census["rows"].dtype, census["eligible"].dtype) == (pl.UInt64, pl.UInt64)


@given(rows=ROWS, data=st.data())
def test_parts_add_up_to_the_whole_in_any_order(rows: list[Row], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(rows))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    ends = [0, *cuts, len(rows)]
    parts = [census_of(shuffled[start:stop]) for start, stop in pairwise(ends)]
    assert_frame_equal(merge(data.draw(st.permutations(parts))), census_of(rows))


@given(ROWS, ROWS, ROWS)
def test_merging_is_associative(first: list[Row], second: list[Row], third: list[Row]) -> None:
    a, b, c = census_of(first), census_of(second), census_of(third)
    assert_frame_equal(merge([merge([a, b]), c]), merge([a, merge([c, b])]))
