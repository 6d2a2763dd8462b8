"""Who survives of equal records: never a matter of order, and never of what selection looks at."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.duplicates import group_hash, losers_by_id, losers_by_value, repeated_ids
from evenly.core.hashing import hashed, uniform
from evenly.recipe.steps import Unique

SCHEMA = {"__id__": pl.String, "__content__": pl.UInt64, "group": pl.String}
ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3), st.sampled_from("xyz")), max_size=15)
Row = tuple[str, int, str]


def keys(rows: list[Row]) -> pl.DataFrame:
    """Return a frame of keys: the n-th row stands in piece n // 4, line n % 4."""
    number = pl.int_range(pl.len())
    return pl.DataFrame(rows, SCHEMA, orient="row").with_columns(
        (number // 4).cast(pl.UInt32).alias("__piece__"), (number % 4).cast(pl.UInt64).alias("__line__")
    )


def numbers(places: pl.DataFrame) -> list[int]:
    """Return places as the rows' numbers, sorted."""
    assert places.columns == ["__piece__", "__line__"]
    return sorted(places.select(pl.col("__piece__") * 4 + pl.col("__line__")).to_series().to_list())


def test_an_example_worked_by_hand() -> None:
    rows = [("a", 7, "x"), ("b", 1, "x"), ("a", 3, "y"), ("a", 3, "z"), ("c", 0, "z")]
    frame = keys(rows)
    assert repeated_ids(frame)["__id__"].to_list() == ["a", "a", "a"]
    assert repeated_ids(frame)["__line__"].to_list() == [0, 2, 3]
    # of the three a, content 3 beats 7, and of two equal records the first place stays
    assert numbers(losers_by_id(frame)) == [0, 3]


@given(rows=ROWS, data=st.data())
def test_of_equal_ids_the_smallest_content_survives_in_any_order(rows: list[Row], data: st.DataObject) -> None:
    frame = keys(rows)
    survivors: dict[str, tuple[int, int]] = {}
    for number, (name, content, _) in enumerate(rows):
        survivors[name] = min(survivors.get(name, (content, number)), (content, number))
    expected = sorted(set(range(len(rows))) - {number for _, number in survivors.values()})
    assert numbers(losers_by_id(frame)) == expected
    assert numbers(losers_by_id(frame[data.draw(st.permutations(range(len(rows))))])) == expected


@given(groups=st.lists(st.sampled_from("xyz"), max_size=15), data=st.data())
def test_of_equal_values_the_smallest_hash_of_the_id_survives_in_any_order(
    groups: list[str], data: st.DataObject
) -> None:
    rows: list[Row] = [(f"id-{number}", 0, group) for number, group in enumerate(groups)]
    frame = keys(rows)
    order = frame.select(hashed("__id__", "duplicate"))["__id__"].to_list()
    survivors = {
        group: min((n for n, its in enumerate(groups) if its == group), key=order.__getitem__) for group in groups
    }
    expected = sorted(set(range(len(rows))) - set(survivors.values()))
    assert numbers(losers_by_value(frame, "group")) == expected
    assert numbers(losers_by_value(frame[data.draw(st.permutations(range(len(rows))))], "group")) == expected


@given(rows=ROWS, data=st.data())
def test_folding_groups_apart_gives_the_same_losers(rows: list[Row], data: st.DataObject) -> None:
    frame = keys(rows)
    apart = frame.partition_by("group") or [frame]
    losers = pl.concat([losers_by_value(part, "group") for part in data.draw(st.permutations(apart))])
    assert numbers(losers) == numbers(losers_by_value(frame, "group"))


def test_a_record_without_an_equal_never_loses() -> None:
    rows: list[Row] = [("a", 5, "x"), ("b", 4, "y"), ("c", 3, "z")]
    frame: Any = keys(rows)
    assert losers_by_id(frame).height == losers_by_value(frame, "group").height == repeated_ids(frame).height == 0
    assert losers_by_id(frame.clear()).height == losers_by_value(frame.clear(), "group").height == 0


@pytest.mark.statistical
def test_survivors_are_no_likelier_to_be_selected_than_others() -> None:
    # 4,000 groups of 8: were the survivor the smallest selection number, its mean would be 1/9. A mean of 4,000
    # uniforms has the standard deviation 0.0046; one place of 8 survives 500 times, standard deviation 21.
    frame = pl.DataFrame({"number": range(32_000)}).select(
        pl.format("item {}", "number").alias("__id__"),
        (pl.col("number") // 8).cast(pl.String).alias("group"),
        pl.col("number").cast(pl.UInt32).alias("__piece__"),
        pl.lit(0, dtype=pl.UInt64).alias("__line__"),
    )
    losers = losers_by_value(frame, "group")
    survivors = frame.join(losers, on=["__piece__", "__line__"], how="anti")
    assert survivors["group"].n_unique() == survivors.height == 4_000
    for drawn in (hashed("__id__", "select", 42), hashed("__id__", "shuffle", 42), hashed("__id__", "split")):
        mean = survivors.select(uniform(drawn).mean()).item()
        assert abs(mean - 0.5) < 4 * 0.0046
    places = np.bincount(survivors["__piece__"].to_numpy() % 8, minlength=8)
    assert np.abs(places - 500).max() < 4 * math.sqrt(4_000 / 8 * 7 / 8)


@pytest.mark.parametrize(
    ("fold", "groups"),
    [([], 5), (["case"], 4), (["space"], 4), (["case", "space"], 2)],
)
def test_texts_are_folded_as_the_step_says(fold: list[str], groups: int) -> None:
    titles = ["Red Lamp", "red lamp", "Red\u00a0 Lamp ", "RED\tLAMP", None]
    frame = pl.DataFrame({"title": titles, "size": [1] * 5})
    step = Unique.model_validate({"columns": ["title", "size"], "fold": fold})
    assert group_hash(frame, step).n_unique() == groups
