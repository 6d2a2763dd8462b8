"""Split sizes, who goes where, and the shuffled place of each row."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from evenly.core.hashing import hashed
from evenly.core.split import SplitError, lite_rows, split_sizes
from evenly.errors import UserError

from ..whole import shuffle  # noqa: TID252 - the tests are no package to name
from ..whole import split as assign  # noqa: TID252


def selection(rows: int) -> pl.DataFrame:
    ids = [f"id-{number}" for number in range(rows)]
    return pl.DataFrame({"__id__": ids, "__epoch__": [1] * rows}, {"__id__": pl.String, "__epoch__": pl.UInt32})


def members(split: pl.DataFrame, name: str) -> set[str]:
    return set(split.filter(pl.col("__split__") == name)["__id__"])


def test_whole_numbers_are_rows_and_fractions_shares() -> None:
    assert split_sizes({"train": 400_000, "test": 2_000}, 408_635) == {"train": 400_000, "test": 2_000}
    assert split_sizes({"train": 0.8, "validation": 0.1, "test": 0.1}, 101) == {
        "train": 81,
        "validation": 10,
        "test": 10,
    }
    assert split_sizes({"test": 0.25, "train": 50}, 100) == {"test": 25, "train": 50}
    assert split_sizes({"train": 1}, 5) == {"train": 1}
    assert split_sizes({"train": 1.0}, 5) == {"train": 5}


def test_fractions_are_cumulative_cuts_rounded_half_to_even() -> None:
    assert split_sizes({"a": 0.5, "b": 0.5}, 5) == {"a": 2, "b": 3}
    assert split_sizes({"a": 0.5, "b": 0.5}, 7) == {"a": 4, "b": 3}
    assert split_sizes({"a": 0.25, "b": 0.25, "c": 0.25, "d": 0.25}, 10) == {"a": 2, "b": 3, "c": 3, "d": 2}


@given(parts=st.lists(st.integers(1, 50), min_size=1, max_size=6), selected=st.integers(0, 10**9))
def test_fractions_that_sum_to_one_leave_nothing_over(parts: list[int], selected: int) -> None:
    shares = {f"s{place}": part / sum(parts) for place, part in enumerate(parts)}
    sizes = split_sizes(shares, selected)
    assert sum(sizes.values()) == selected
    assert list(sizes) == list(shares)
    for name, size in sizes.items():
        assert size >= 0
        assert abs(size - shares[name] * selected) <= 1 + 1e-6


@given(st.lists(st.integers(1, 19), max_size=5), st.integers(0, 1000))
def test_fractions_below_one_never_exceed_the_selection(parts: list[int], selected: int) -> None:
    shares = {f"s{place}": part / 100 for place, part in enumerate(parts)}
    assert sum(split_sizes(shares, selected).values()) <= selected


def test_more_than_is_selected_is_refused_with_the_numbers() -> None:
    with pytest.raises(
        SplitError, match=r"recipe\.split: 402,000 rows are wanted \(train 400,000, test 2,000\)"
    ) as caught:
        split_sizes({"train": 400_000, "test": 2_000}, 401_999)
    assert "the selection has 401,999" in str(caught.value)
    assert issubclass(SplitError, UserError)
    with pytest.raises(SplitError):
        split_sizes({"train": 0.5, "test": 51}, 100)


@given(
    rows=st.integers(0, 60),
    sizes=st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)),
    data=st.data(),
)
def test_splits_have_their_exact_sizes_in_any_order_of_rows(
    rows: int, sizes: tuple[int, int, int], data: st.DataObject
) -> None:
    wanted: dict[str, int] = dict(zip(("train", "validation", "test"), sizes, strict=True))
    if sum(sizes) > rows:
        wanted = dict.fromkeys(wanted, 0)
    frame = selection(rows)
    split = assign(frame, wanted)
    assert {name: len(members(split, name)) for name in wanted} == wanted
    assert split["__split__"].null_count() == rows - sum(wanted.values())
    assert split["__split__"].dtype == pl.String
    assert sorted(split["__id__"]) == sorted(frame["__id__"])
    other = assign(frame[data.draw(st.permutations(range(rows)))], wanted)
    assert_frame_equal(other, split, check_row_order=False)


def test_small_splits_take_the_low_end_and_train_what_follows() -> None:
    frame = selection(100)
    order = frame.sort(hashed("__id__", "split"))["__id__"].to_list()
    split = assign(frame, {"train": 60, "validation": 10, "test": 20})
    assert members(split, "validation") == set(order[:10])
    assert members(split, "test") == set(order[10:30])
    assert members(split, "train") == set(order[30:90])


def test_a_record_of_the_test_set_stays_when_sizes_and_selection_grow() -> None:
    small = assign(selection(500), {"train": 300, "test": 50})
    assert members(assign(selection(500), {"train": 350, "test": 50}), "test") == members(small, "test")
    assert members(assign(selection(500), {"train": 100, "test": 80}), "test") >= members(small, "test")
    # what was in the test set can be displaced by new records of lower numbers, but never goes to train
    larger = assign(selection(600), {"train": 300, "test": 60})
    assert not members(small, "test") & members(assign(selection(400), {"train": 300, "test": 80}), "train")
    assert len(members(larger, "test") & members(small, "test")) > 40


@given(
    sizes=st.tuples(st.integers(1, 30), st.integers(0, 30)),
    unassigned=st.integers(0, 5),
    shard_rows=st.integers(1, 40),
    seed=st.integers(0, 2**63 - 1),
)
def test_every_row_of_a_split_has_a_place_and_shards_are_even(
    sizes: tuple[int, int], unassigned: int, shard_rows: int, seed: int
) -> None:
    wanted = {"train": sizes[0], "test": sizes[1]}
    split = assign(selection(sum(sizes) + unassigned), wanted)
    placed = shuffle(split, seed, shard_rows)
    assert placed.height == sum(sizes)
    assert placed["__shard__"].dtype == pl.UInt32
    for name, size in wanted.items():
        rows = placed.filter(pl.col("__split__") == name)
        assert rows.height == size
        assert rows["__id__"].equals(rows.sort(hashed("__id__", "shuffle", seed), "__id__")["__id__"])
        assert rows["__shard__"].is_sorted()
        counts: list[int] = rows["__shard__"].value_counts()["count"].to_list()
        assert rows["__shard__"].n_unique() == -(-size // shard_rows)
        assert max(counts, default=0) <= shard_rows
        assert max(counts, default=0) - min(counts, default=0) <= 1
    assert_frame_equal(shuffle(split.reverse(), seed, shard_rows), placed)


def test_each_seed_shuffles_anew_and_the_split_stays() -> None:
    split = assign(selection(50), {"train": 50})
    orders = {tuple(shuffle(split, seed, 10)["__id__"]) for seed in range(5)}
    assert len(orders) == 5


def test_the_shuffle_is_not_the_order_of_the_split() -> None:
    # 1,000 rows: rank correlation has the standard deviation 0.032
    split = assign(selection(1_000), {"train": 1_000}).with_row_index("rank")
    placed = shuffle(split.sort(hashed("__id__", "split")).drop("rank").with_row_index("rank"), 42, 100)
    placed = placed.with_row_index("place")
    assert abs(placed.select(pl.corr("rank", "place")).item()) < 0.13


def test_a_lite_set_is_weighted_whatever_its_kept_columns_are_called() -> None:
    rows = pl.DataFrame({"stratum": ["s", "s", "t"], "design_weight": [1.0, 2.0, 3.0]})
    of_split = pl.DataFrame({"stratum": ["s", "t"], "rows": [8, 5]})
    for name in ("factor", "here", "rows", "other"):
        found = lite_rows(rows.with_columns(pl.lit("x").alias(name)), of_split)
        assert found["design_weight"].to_list() == [4.0, 8.0, 15.0]
        assert found.columns == [*rows.columns, name]
