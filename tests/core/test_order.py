"""Ranks of an order: against a sort of everything, over any parts, with hashes that tie."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.order import add_bins, count_bins, find_bins, in_bins, leading_bits, no_rows, rows_at, sections

SCHEMA: dict[str, Any] = {"__group__": pl.String, "__hash__": pl.UInt64, "__name__": pl.String}

# Hashes of few values, so that ties are common; at the ends of 64 bits, and where bins meet.
HASHES = st.sampled_from([0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]) | st.integers(0, 2**64 - 1)
ROWS = st.lists(st.tuples(st.sampled_from("ab"), HASHES), max_size=30)


def frame_of(rows: list[tuple[str, int]]) -> pl.DataFrame:
    return pl.DataFrame([(*row, f"{number:03d}") for number, row in enumerate(rows)], SCHEMA, orient="row")


@given(rows=ROWS, bits=st.integers(1, 20), data=st.data())
def test_ranks_and_sections_are_those_of_a_sort(rows: list[tuple[str, int]], bits: int, data: st.DataObject) -> None:
    frame = frame_of(rows)
    ranks = {group: sorted(data.draw(st.lists(st.integers(0, 30), max_size=4))) for group in "ab"}
    order = data.draw(st.permutations(range(len(rows))))
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=3))), len(rows)]
    parts = [frame[order[start:stop]] for start, stop in pairwise(cuts)]
    bins = find_bins(add_bins([count_bins(part, bits) for part in parts]), ranks)
    found = rows_at(pl.concat([in_bins(part, bins, bits) for part in parts]), bins)
    for group in "ab":
        ordered = frame.filter(pl.col("__group__") == group).sort("__hash__", "__name__").rows()
        own = found.filter(pl.col("__group__") == group)
        inside = [rank for rank in ranks[group] if rank < len(ordered)]
        assert own.rows() == [(group, rank, *ordered[rank][1:]) for rank in inside]
        for part in parts:
            here = part.filter(pl.col("__group__") == group)
            places = [ordered.index(row) for row in here.rows()]
            assert sections(here, own).tolist() == [sum(rank <= place for rank in inside) for place in places]


def test_without_a_rank_all_is_one_section() -> None:
    frame = frame_of([("a", 5), ("a", 2**64 - 1)])
    assert sections(frame, no_rows()).tolist() == [0, 0]
    assert find_bins(count_bins(frame, 3), {}).height == 0
    assert find_bins(count_bins(frame.clear(), 3), {"a": [0]}).height == 0


@pytest.mark.parametrize("rows", [0, 1, 100, 10**4, 10**7, 10**10])
def test_bins_hold_some_rows_each_whatever_their_number(rows: int) -> None:
    bits = leading_bits(rows)
    assert 1 <= bits <= 20
    if 10**2 < rows < 10**7:
        hashes = pl.Series(np.random.default_rng(rows).integers(0, 2**64, rows, np.uint64))
        frame = pl.DataFrame({"__hash__": hashes}).with_columns(__group__=pl.lit("a"), __name__=pl.lit("x"))
        counts = count_bins(frame, bits)
        assert counts["rows"].sum() == rows
        assert counts.filter(pl.col("rows") >= 200).height == 0
