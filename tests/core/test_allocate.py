"""Quotas from counts: what must hold of every allocation, an example by hand, and a slow allocation to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenly.core.allocate import POLICIES, AllocationError, Wish
from evenly.core.allocate.cap import cap, fill
from evenly.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Strata = list[tuple[int, bool]]
STRATA = st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=12)


def columns(strata: Strata) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.bool_]]:
    """Return counts, hashes (a fixed shuffle) and take_all of some strata."""
    hashes = np.random.default_rng(len(strata)).permutation(len(strata)).astype(np.uint64) * np.uint64(2**59)
    return (
        np.array([count for count, _ in strata], np.int64),
        hashes,
        np.array([whole for _, whole in strata], np.bool_),
    )


def sized(strata: Strata, size: int) -> NDArray[np.int64]:
    counts, hashes, whole = columns(strata)
    return cap(counts, hashes, Wish(None, size, whole))


def possible(strata: Strata) -> tuple[int, int]:
    """Return the least and the most records that `size` may ask for."""
    return sum(count for count, whole in strata if whole), sum(count for count, _ in strata)


def one_by_one(counts: NDArray[np.int64], hashes: NDArray[np.uint64], size: int) -> list[int]:
    """Give records out one at a time, each to the stratum with the fewest, ties by hash: the slow oracle."""
    quotas = [0] * len(counts)
    for _ in range(size):
        open_strata = [place for place, quota in enumerate(quotas) if quota < counts[place]]
        quotas[min(open_strata, key=lambda place: (quotas[place], hashes[place]))] += 1
    return quotas


def test_an_example_worked_by_hand() -> None:
    # 12 of 3, 10, 2, 9 and a whole stratum of 4: 8 are left for the others; level 2 takes 2 + 2 + 2 + 2
    counts, whole = np.array([3, 10, 2, 9, 4]), np.array([False, False, False, False, True])
    hashes = np.array([5, 9, 1, 7, 3], np.uint64)
    assert cap(counts, hashes, Wish(None, 12, whole)).tolist() == [2, 2, 2, 2, 4]
    # two more: of the strata that still have records, those of the smallest hash (5 and 7) get one each
    assert cap(counts, hashes, Wish(None, 14, whole)).tolist() == [3, 2, 2, 3, 4]
    assert cap(counts, hashes, Wish(None, 28, whole)).tolist() == counts.tolist()
    assert cap(counts, hashes, Wish(None, 4, whole)).tolist() == [0, 0, 0, 0, 4]


@settings(deadline=None)
@given(STRATA, st.integers(1, 40))
def test_a_cap_takes_what_is_there_up_to_the_cap(strata: Strata, most: int) -> None:
    counts, hashes, whole = columns(strata)
    quotas = cap(counts, hashes, Wish(most, None, whole))
    assert quotas.tolist() == [count if taken else min(count, most) for count, taken in strata]
    assert quotas.dtype == np.int64


@settings(deadline=None)
@given(strata=STRATA, data=st.data())
def test_a_size_is_met_exactly_within_what_is_there(strata: Strata, data: st.DataObject) -> None:
    size = data.draw(st.integers(*possible(strata)))
    quotas = sized(strata, size)
    assert quotas.sum() == size
    assert quotas.dtype == np.int64
    free: list[tuple[int, int]] = []
    for (count, whole), quota in zip(strata, quotas.tolist(), strict=True):
        assert 0 <= quota <= count
        if whole:
            assert quota == count
        else:
            free.append((quota, count))
    level = max((quota for quota, _ in free), default=0)
    assert all(quota >= min(count, level - 1) for quota, count in free)  # as even as the strata allow


@settings(deadline=None)
@given(strata=STRATA, data=st.data())
def test_a_larger_size_never_lowers_a_quota(strata: Strata, data: st.DataObject) -> None:
    least, most = possible(strata)
    assume(least < most)
    size = data.draw(st.integers(least, most - 1))
    assert (sized(strata, size) <= sized(strata, size + 1)).all()


@settings(deadline=None)
@given(strata=STRATA, data=st.data())
def test_the_order_of_strata_only_orders_the_quotas(strata: Strata, data: st.DataObject) -> None:
    counts, hashes, whole = columns(strata)
    size = data.draw(st.integers(*possible(strata)))
    order = np.array(data.draw(st.permutations(range(len(strata)))), np.int64)
    quotas = cap(counts, hashes, Wish(None, size, whole))
    assert cap(counts[order], hashes[order], Wish(None, size, whole[order])).tolist() == quotas[order].tolist()


@settings(deadline=None)
@given(strata=STRATA, data=st.data())
def test_filling_gives_what_one_record_at_a_time_would(strata: Strata, data: st.DataObject) -> None:
    counts, hashes, _ = columns(strata)
    size = data.draw(st.integers(0, int(counts.sum())))
    assert fill(counts, hashes, size).tolist() == one_by_one(counts, hashes, size)


def test_hashes_above_two_to_the_63_break_ties_too() -> None:
    hashes = np.array([2**64 - 1, 2**63, 1], np.uint64)
    assert fill(np.array([9, 9, 9]), hashes, 2).tolist() == [0, 1, 1]


def test_the_inputs_stay_as_they_were() -> None:
    counts, hashes, whole = np.array([3, 10]), np.array([1, 2], np.uint64), np.array([True, False])
    cap(counts, hashes, Wish(None, 7, whole))
    assert (counts.tolist(), hashes.tolist(), whole.tolist()) == ([3, 10], [1, 2], [True, False])


def test_large_counts_are_exact() -> None:
    counts = np.array([2_800_000_000, 900_000_000, 7])
    quotas = fill(counts, np.array([1, 2, 3], np.uint64), 1_000_000_008)
    assert quotas.tolist() == [500_000_001, 500_000_000, 7]


def test_more_than_there_is_is_refused_with_the_numbers() -> None:
    with pytest.raises(AllocationError, match=r"balance\.size: 1,201 rows are wanted.* have 1,200 .*at most 1,200"):
        sized([(1_000, False), (200, True)], 1_201)


def test_less_than_the_whole_strata_hold_is_refused_with_the_numbers() -> None:
    with pytest.raises(AllocationError, match=r"take_all conflict: 199 rows .* alone hold 200\. Ask for at least 200"):
        sized([(1_000, False), (200, True)], 199)
    assert issubclass(AllocationError, UserError)


def test_no_strata_have_no_quotas() -> None:
    assert sized([], 0).tolist() == []
    with pytest.raises(AllocationError):
        sized([], 1)


def test_the_policies_are_named() -> None:
    assert POLICIES["cap"] is cap
