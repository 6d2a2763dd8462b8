"""Quotas from counts: what must hold of every policy, examples by hand, and a slow allocation to compare with."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evenly.core.allocate import POLICIES, AllocationError, Wish
from evenly.core.allocate.seats import apportion
from evenly.core.quotas import OWN_BOUND
from evenly.errors import UserError
from evenly.recipe.balance import Balance

if TYPE_CHECKING:
    from numpy.typing import NDArray

Strata = list[tuple[int, bool]]
STRATA = st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=12)
SIZED = st.sampled_from(["cap", "proportional", "equal", "power", "unimax", "target"])
"""Policies of one axis that meet a size; `weighted` is `equal` over one stratum."""


def columns(strata: Strata) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.bool_]]:
    """Return counts, hashes (a fixed shuffle) and take_all of some strata."""
    hashes = np.random.default_rng(len(strata)).permutation(len(strata)).astype(np.uint64) * np.uint64(2**59)
    return (
        np.array([count for count, _ in strata], np.int64),
        hashes,
        np.array([whole for _, whole in strata], np.bool_),
    )


def wish(policy: str, whole: NDArray[np.bool_], size: int, **more: Any) -> Wish:
    """Return a wish of some policy with its own key set to something that is not its default."""
    own: dict[str, Any] = {"power": {"alpha": 0.4}, "unimax": {"epochs": 3}}.get(policy, {})
    if policy == "target":
        weights = np.arange(1, whole.size + 1, dtype=np.float64)
        shares = np.where(np.arange(whole.size) % 3 == 2, np.nan, weights / max(1.0, weights.sum()))
        own = {"shares": shares, "shortfall": "redistribute"}
    return Wish(whole, size=size, **{**own, **more})


def sized(strata: Strata, size: int, policy: str = "cap", **more: Any) -> NDArray[np.int64]:
    counts, hashes, whole = columns(strata)
    return POLICIES[policy](counts, hashes, wish(policy, whole, size, **more)).quotas


def possible(strata: Strata, policy: str = "cap", floor: int = 0, ceiling: int | None = None) -> tuple[int, int]:
    """Return the least and the most rows that `size` may ask for."""
    epochs = 3 if policy == "unimax" else 1
    most = [count if whole else min(count * epochs, ceiling or 10**9) for count, whole in strata]
    least = [count if whole else min(floor, high) for (count, whole), high in zip(strata, most, strict=True)]
    return sum(least), sum(most)


def one_by_one(
    measure: list[float], lower: list[int], upper: list[int], size: int, hashes: NDArray[np.uint64]
) -> list[int]:
    """Give rows out one at a time, each to the highest priority, ties by hash: the slow oracle."""
    quotas = list(lower)
    for _ in range(size - sum(lower)):
        open_strata = [place for place, quota in enumerate(quotas) if quota < upper[place]]
        best = min(open_strata, key=lambda place: (-measure[place] / (2 * quotas[place] + 1), hashes[place]))
        quotas[best] += 1
    return quotas


# ---------------------------------------------------------------- examples


def test_an_example_worked_by_hand() -> None:
    # 12 of 3, 10, 2, 9 and a whole stratum of 4: 8 are left for the others; level 2 takes 2 + 2 + 2 + 2
    counts, whole = np.array([3, 10, 2, 9, 4]), np.array([False, False, False, False, True])
    hashes = np.array([5, 9, 1, 7, 3], np.uint64)

    def cap(size: int) -> list[int]:
        return POLICIES["cap"](counts, hashes, Wish(whole, size=size)).quotas.tolist()

    assert cap(12) == [2, 2, 2, 2, 4]
    # two more: of the strata that still have records, those of the smallest hash (5 and 7) get one each
    assert cap(14) == [3, 2, 2, 3, 4]
    assert cap(28) == counts.tolist()
    assert cap(4) == [0, 0, 0, 0, 4]


def test_each_policy_on_one_example() -> None:
    counts, hashes = np.array([1000, 100, 10, 1]), np.array([4, 3, 2, 1], np.uint64)
    none = np.zeros(4, np.bool_)

    def of(policy: str, **more: Any) -> list[int]:
        return POLICIES[policy](counts, hashes, Wish(none, **more)).quotas.tolist()

    assert of("proportional", size=111) == [100, 10, 1, 0]
    assert of("equal", size=111) == [50, 50, 10, 1]
    assert of("power", size=111, alpha=1.0) == of("proportional", size=111)
    assert of("power", size=111, alpha=0.0) == of("equal", size=111)
    # square roots 31.62, 10, 3.16, 1: of 45 rows, 31.09, 9.83, 3.11 and 0.98
    assert of("power", size=45, alpha=0.5) == [31, 10, 3, 1]
    assert of("unimax", size=111, epochs=4) == [35, 36, 36, 4]  # 107 over three, and the two that are left by hash
    assert of("cap", cap=50) == [50, 50, 10, 1]
    assert of("target", size=100, shares=np.array([0.5, 0.45, 0.05, 0.0])) == [50, 45, 5, 0]
    # the last two are not named: they share a tenth in proportion to 10 and 1
    assert of("target", size=100, shares=np.array([0.5, 0.4, np.nan, np.nan])) == [50, 40, 9, 1]


def test_every_policy_of_a_recipe_is_there() -> None:
    named = set(Balance.model_fields["policy"].annotation.__args__)  # pyright: ignore[reportOptionalMemberAccess, reportUnknownMemberType, reportAttributeAccessIssue, reportUnknownArgumentType]
    assert set(POLICIES) == named
    assert set(OWN_BOUND) <= named


# ---------------------------------------------------------------- properties


@given(STRATA, st.integers(1, 40))
def test_a_cap_takes_what_is_there_up_to_the_cap(strata: Strata, most: int) -> None:
    counts, hashes, whole = columns(strata)
    quotas = POLICIES["cap"](counts, hashes, Wish(whole, cap=most)).quotas
    assert quotas.tolist() == [count if taken else min(count, most) for count, taken in strata]
    assert quotas.dtype == np.int64


@given(strata=STRATA, policy=SIZED, floor=st.integers(0, 4), data=st.data())
def test_a_size_is_met_exactly_within_what_is_there(
    strata: Strata, policy: str, floor: int, data: st.DataObject
) -> None:
    ceiling = data.draw(st.none() | st.integers(max(1, floor), 40))
    if policy == "target":
        assume(all(count > 0 for count, _ in strata))
    size = data.draw(st.integers(*possible(strata, policy, floor, ceiling)))
    more = {"floor": floor, "ceiling": ceiling, "shortfall": "redistribute"}
    try:
        quotas = sized(strata, size, policy, **more)
    except AllocationError as fault:
        assert policy == "target" and "have a share" in str(fault)  # noqa: PT017, PT018 - a target of nothing
        return
    assert quotas.sum() == size
    assert quotas.dtype == np.int64
    epochs = 3 if policy == "unimax" else 1
    for (count, whole), quota in zip(strata, quotas.tolist(), strict=True):
        assert 0 <= quota <= count * epochs
        if whole:
            assert quota == count
        else:
            assert min(floor, count * epochs) <= quota <= (ceiling or 10**9)


@given(strata=STRATA, policy=SIZED, floor=st.integers(0, 3), data=st.data())
def test_a_larger_size_never_lowers_a_quota(strata: Strata, policy: str, floor: int, data: st.DataObject) -> None:
    least, most = possible(strata, policy, floor)
    assume(least < most)
    size = data.draw(st.integers(least, most - 1))
    try:
        larger = sized(strata, size + 1, policy, floor=floor, shortfall="redistribute")
    except AllocationError:
        assume(policy != "target")
        raise
    assert (sized(strata, size, policy, floor=floor, shortfall="redistribute") <= larger).all()


@given(strata=STRATA.filter(len), data=st.data())
def test_more_records_in_a_stratum_never_lower_its_own_quota_under_equal(strata: Strata, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(strata) - 1))
    count, whole = strata[place]
    assume(not whole)
    size = data.draw(st.integers(*possible(strata)))
    more = [*strata[:place], (count + data.draw(st.integers(1, 20)), False), *strata[place + 1 :]]
    assert sized(more, size, "equal")[place] >= sized(strata, size, "equal")[place]


@given(strata=STRATA, policy=SIZED, data=st.data())
def test_the_order_of_strata_only_orders_the_quotas(strata: Strata, policy: str, data: st.DataObject) -> None:
    counts, hashes, whole = columns(strata)
    size = data.draw(st.integers(*possible(strata, policy)))
    order = np.array(data.draw(st.permutations(range(len(strata)))), np.int64)
    asked = wish(policy, whole, size)
    moved = wish(policy, whole[order], size)
    if asked.shares is not None:
        moved = wish(policy, whole[order], size, shares=asked.shares[order])
    try:
        quotas = POLICIES[policy](counts, hashes, asked).quotas
    except AllocationError:
        assume(policy != "target")
        raise
    assert POLICIES[policy](counts[order], hashes[order], moved).quotas.tolist() == quotas[order].tolist()


@given(
    strata=st.lists(
        st.tuples(
            st.sampled_from([0.5, 1.0, 2.0, 3.0, 7.5]) | st.floats(0.01, 100), st.integers(0, 5), st.integers(0, 30)
        ),
        max_size=10,
    ),
    data=st.data(),
)
def test_apportionment_gives_what_one_row_at_a_time_would(
    strata: list[tuple[float, int, int]], data: st.DataObject
) -> None:
    measure = [one for one, _, _ in strata]
    lower = [low for _, low, _ in strata]
    upper = [low + more for _, low, more in strata]
    hashes = np.random.default_rng(len(strata)).permutation(len(strata)).astype(np.uint64)
    size = data.draw(st.integers(sum(lower), sum(upper)))
    found = apportion(np.array(measure), np.array(lower, np.int64), np.array(upper, np.int64), size, hashes)
    assert found.tolist() == one_by_one(measure, lower, upper, size, hashes)


@given(strata=STRATA, size=st.integers(0, 200))
def test_accepting_shortfalls_gives_no_more_than_was_asked_for(strata: Strata, size: int) -> None:
    counts, hashes, whole = columns(strata)
    assume(int(counts[whole].sum()) <= size)
    for policy in ("equal", "proportional", "target"):
        asked = wish(policy, whole, size, floor=2, shortfall="accept")
        try:
            found = POLICIES[policy](counts, hashes, asked)
        except AllocationError:
            continue  # floors and whole strata together are more than the size
        assert found.quotas.sum() <= size
        assert (found.quotas <= counts).all()
        assert (found.wanted >= found.quotas).all()


def test_hashes_above_two_to_the_63_break_ties_too() -> None:
    hashes = np.array([2**64 - 1, 2**63, 1], np.uint64)
    found = POLICIES["equal"](np.array([9, 9, 9]), hashes, Wish(np.zeros(3, np.bool_), size=2))
    assert found.quotas.tolist() == [0, 1, 1]


def test_the_inputs_stay_as_they_were() -> None:
    for policy in POLICIES:
        if policy == "rake":
            continue
        counts, hashes, whole = np.array([3, 10]), np.array([1, 2], np.uint64), np.array([True, False])
        POLICIES[policy](counts, hashes, wish(policy, whole, 7))
        assert (counts.tolist(), hashes.tolist(), whole.tolist()) == ([3, 10], [1, 2], [True, False])


def test_large_counts_are_exact() -> None:
    counts = np.array([2_800_000_000, 900_000_000, 7])
    hashes = np.array([1, 2, 3], np.uint64)
    none = np.zeros(3, np.bool_)
    assert POLICIES["equal"](counts, hashes, Wish(none, size=1_000_000_008)).quotas.tolist() == [
        500_000_001,
        500_000_000,
        7,
    ]
    assert POLICIES["proportional"](counts, hashes, Wish(none, size=370_000_001)).quotas.tolist() == [
        280_000_000,
        90_000_000,
        1,
    ]


# ---------------------------------------------------------------- wishes that can't be met


def test_more_than_there_is_is_refused_with_the_numbers() -> None:
    with pytest.raises(AllocationError, match=r"balance\.size: 1,201 rows are wanted.* have 1,200 .*at most 1,200"):
        sized([(1_000, False), (200, True)], 1_201)
    assert sized([(1_000, False), (200, True)], 1_201, shortfall="accept").tolist() == [1_000, 200]


def test_less_than_the_whole_strata_hold_is_refused_with_the_numbers() -> None:
    with pytest.raises(AllocationError, match=r"take_all conflict: 199 rows .* alone hold 200\. Ask for at least 200"):
        sized([(1_000, False), (200, True)], 199)
    assert issubclass(AllocationError, UserError)


def test_the_wishes_that_are_named_are_those_that_conflict() -> None:
    strata = [(100, False), (100, False), (60, True)]
    with pytest.raises(AllocationError, match="size, min and take_all conflict: 70 rows"):
        sized(strata, 70, floor=10)
    with pytest.raises(AllocationError, match="size and min conflict: 50 rows"):
        sized(strata[:2], 50, floor=30)
    with pytest.raises(AllocationError, match=r"size and max conflict: 150 rows .* with max 20 the strata give 100"):
        sized(strata, 150, ceiling=20)
    with pytest.raises(AllocationError, match=r"4 epochs\. Ask for at most 40"):
        POLICIES["unimax"](np.array([10]), np.array([1], np.uint64), Wish(np.zeros(1, np.bool_), size=41, epochs=4))


def test_a_floor_above_what_a_stratum_has_is_refused_shared_out_or_accepted() -> None:
    strata = [(100, False), (3, False), (100, False)]
    with pytest.raises(AllocationError, match=r"balance\.min: 1 of 3 strata have fewer than 10 .* 7 rows are missing"):
        sized(strata, 60, "equal", floor=10)
    assert sized(strata, 60, "equal", floor=10, shortfall="redistribute").tolist() == [28, 3, 29]
    assert sized(strata, 60, "equal", floor=10, shortfall="accept").tolist() == [25, 3, 25]


def test_a_target_that_falls_short_says_at_which_size_it_would_not() -> None:
    counts, hashes = np.array([100, 10, 50]), np.array([1, 2, 3], np.uint64)
    shares = np.array([0.4, 0.2, 0.4])

    def target(size: int, shortfall: Any = "error") -> list[int]:
        asked = Wish(np.zeros(3, np.bool_), size=size, shares=shares, shortfall=shortfall)
        return POLICIES["target"](counts, hashes, asked).quotas.tolist()

    with pytest.raises(AllocationError, match=r"1 of 3 strata .* 10 rows are missing .* with at most 52 rows"):
        target(100)
    assert target(52) == [21, 10, 21]
    assert target(100, "redistribute") == [45, 10, 45]
    assert target(100, "accept") == [40, 10, 40]


def test_what_strata_lack_of_the_floor_nobody_fills_up_where_that_is_accepted() -> None:
    strata = [(3, False), (100, False)]
    for size, quotas in ((8, [3, 5]), (9, [3, 5]), (10, [3, 5]), (101, [3, 96]), (103, [3, 98]), (500, [3, 100])):
        assert sized(strata, size, "equal", floor=5, shortfall="accept").tolist() == quotas
    with pytest.raises(AllocationError, match="7 rows are wanted in all, and min 5 alone hold 8"):
        sized(strata, 7, "equal", floor=5, shortfall="accept")


def test_a_cap_keeps_floors_too() -> None:
    counts, hashes, whole = columns([(3, False), (100, False), (40, True)])
    with pytest.raises(AllocationError, match=r"balance\.min: 1 of 3 strata have fewer than 5"):
        POLICIES["cap"](counts, hashes, Wish(whole, cap=50, floor=5))
    found = POLICIES["cap"](counts, hashes, Wish(whole, cap=20, floor=5, shortfall="accept"))
    assert (found.quotas.tolist(), found.wanted.tolist()) == ([3, 20, 40], [5, 20, 40])


@pytest.mark.parametrize("strata", [2_047, 2_048, 4_096, 100_000])
def test_a_target_over_any_number_of_strata(strata: int) -> None:
    counts, hashes = np.full(strata, 100), np.arange(strata, dtype=np.uint64)
    asked = Wish(np.zeros(strata, np.bool_), size=strata * 10, shares=np.full(strata, 1 / strata))
    assert (POLICIES["target"](counts, hashes, asked).quotas == 10).all()
    with pytest.raises(AllocationError, match=f"at most {strata * 100:,}"):
        POLICIES["target"](counts, hashes, Wish(asked.take_all, size=strata * 101, shares=asked.shares))


def test_shares_that_no_stratum_could_have_are_refused_scaled_up_or_left_out() -> None:
    counts, hashes = np.array([100, 100]), np.array([1, 2], np.uint64)

    def target(shortfall: Any = "error") -> list[int]:
        asked = Wish(np.zeros(2, np.bool_), size=50, shares=np.array([0.5, 0.3]), shortfall=shortfall)
        return POLICIES["target"](counts, hashes, asked).quotas.tolist()

    with pytest.raises(AllocationError, match=r"sum to 0\.8, and no stratum is left that could have the other 0\.2"):
        target()
    assert target("redistribute") == [31, 19]
    assert target("accept") == [25, 15]


@given(strata=STRATA, size=st.integers(1, 200), floor=st.integers(0, 5))
def test_a_floor_that_is_not_reached_is_told(strata: Strata, size: int, floor: int) -> None:
    counts, hashes, whole = columns(strata)
    assume(sum(counts))
    for policy in ("equal", "power", "unimax", "target"):
        for shortfall in ("redistribute", "accept"):
            asked = wish(policy, whole, size, floor=floor)
            try:
                found = POLICIES[policy](counts, hashes, replace(asked, shortfall=shortfall))
            except AllocationError:
                continue
            assert (found.wanted[~whole] >= floor).all()
            assert (found.wanted >= found.quotas).all()


def test_no_strata_have_no_quotas() -> None:
    for policy in ("cap", "proportional", "equal", "power", "target"):
        assert sized([], 0, policy).tolist() == []
        with pytest.raises(AllocationError):
            sized([], 1, policy)


def test_equal_shares_of_power_are_equal_on_every_processor() -> None:
    # 27^(1/3) is 3, so that the larger stratum's second row is as near as the smaller one's first: the hash decides;
    # numpy's power gives 2.9999999999999996 where a processor has AVX-512
    counts, hashes = np.array([27, 1]), np.array([1, 2], np.uint64)
    asked = Wish(np.zeros(2, np.bool_), size=2, alpha=1 / 3)
    assert POLICIES["power"](counts, hashes, asked).quotas.tolist() == [2, 0]
