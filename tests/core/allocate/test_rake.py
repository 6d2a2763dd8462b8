"""Raking: marginals within one, the nearest plan to the pool, and wishes that conflict named exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenly.core.allocate import AllocationError, Marginal, Wish, size_range
from evenly.core.allocate.fit import fit, missed
from evenly.core.allocate.programs import conflict, wishes_of
from evenly.core.allocate.rake import rake
from evenly.core.allocate.rounding import to_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

REST = "(the rest)"


def cross(*sizes: int) -> list[NDArray[np.int64]]:
    """Return each cell's group on every axis of a full table."""
    return [np.array(axis, np.int64) for axis in zip(*product(*(range(size) for size in sizes)), strict=True)]


def marginal(name: str, groups: NDArray[np.int64], shares: list[float]) -> Marginal:
    values = tuple(f"{name}{place}" for place in range(len(shares)))
    return Marginal(name, groups, (*values, REST), np.array([*shares, max(0.0, 1 - sum(shares))]))


def hashes_of(cells: int) -> NDArray[np.uint64]:
    return np.random.default_rng(cells).permutation(cells).astype(np.uint64) * np.uint64(2**50)


def wish(cells: int, size: int, marginals: list[Marginal], **more: Any) -> Wish:
    return Wish(np.zeros(cells, np.bool_), size=size, marginals=tuple(marginals), **more)


def sums(values: NDArray[Any], one: Marginal) -> NDArray[np.float64]:
    return np.asarray(np.bincount(one.groups, values, one.shares.size), np.float64)


def shares_of(weights: list[int]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


COUNTS = st.lists(st.integers(0, 400), min_size=12, max_size=12)
WEIGHTS = st.integers(1, 9)


def test_an_example_worked_by_hand() -> None:
    # 2 x 2 with all the records that it takes: rows 60 and 40, columns half and half, as independent as the pool is
    rows, columns = cross(2, 2)
    counts = np.array([400, 100, 200, 50])
    asked = wish(4, 100, [marginal("a", rows, [0.6, 0.4]), marginal("b", columns, [0.5, 0.5])])
    assert rake(counts, hashes_of(4), asked).quotas.tolist() == [30, 30, 20, 20]


@given(counts=COUNTS, first=st.lists(WEIGHTS, min_size=3, max_size=3), second=st.lists(WEIGHTS, min_size=4, max_size=4))
def test_two_axes_have_every_marginal_within_one(counts: list[int], first: list[int], second: list[int]) -> None:
    rows, columns = cross(3, 4)
    marginals = [marginal("a", rows, shares_of(first)), marginal("b", columns, shares_of(second))]
    size = max(1, sum(counts) // 4)
    asked = wish(12, size, marginals)
    try:
        found = rake(np.array(counts), hashes_of(12), asked)
    except AllocationError:
        assert conflict(np.array(counts), asked)
        return
    assert found.quotas.sum() == size
    assert (found.quotas >= 0).all()
    assert (found.quotas <= counts).all()
    for one in marginals:
        assert np.abs(sums(found.quotas, one) - one.shares * size).max() < 1 + 1e-6


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(5, 400), min_size=24, max_size=24),
    shares=st.tuples(*(st.lists(WEIGHTS, min_size=size, max_size=size) for size in (2, 3, 4))),
)
def test_three_axes_meet_the_size_and_come_near(counts: list[int], shares: tuple[list[int], ...]) -> None:
    axes = cross(2, 3, 4)
    marginals = [marginal(name, group, shares_of(one)) for name, group, one in zip("abc", axes, shares, strict=True)]
    size = max(1, sum(counts) // 8)
    try:
        found = rake(np.array(counts), hashes_of(24), wish(24, size, marginals))
    except AllocationError:
        return
    assert found.quotas.sum() == size
    assert (found.quotas <= counts).all()
    worst = max(float(np.abs(sums(found.quotas, one) - one.shares * size).max()) for one in marginals)
    assert worst <= 2


@given(counts=st.lists(st.integers(1, 400), min_size=12, max_size=12), seed=st.integers(0, 1000))
def test_no_plan_that_meets_the_marginals_is_nearer_to_the_pool(counts: list[int], seed: int) -> None:
    rows, columns = cross(3, 4)
    chance = np.random.default_rng(seed)
    # marginals of a plan that exists: those of some real table within the counts
    inside = np.array(counts) * chance.uniform(0.1, 0.6, 12)
    targets: list[NDArray[np.float64]] = [np.asarray(np.bincount(rows, inside, 3), np.float64)]
    targets.append(np.asarray(np.bincount(columns, inside, 4), np.float64))
    plan = fit(np.array(counts), np.zeros(12, np.int64), np.array(counts), [rows, columns], targets)
    assert np.abs(np.bincount(rows, plan, 3) - targets[0]).max() < 1e-4
    assert np.abs(np.bincount(columns, plan, 4) - targets[1]).max() < 1e-4
    here = divergence(plan, counts)
    for first, second, third, fourth in cycles():
        for step in (0.01, -0.01):
            moved = plan.copy()
            moved[[first, third]] += step
            moved[[second, fourth]] -= step
            if (moved >= 0).all() and (moved <= counts).all():
                assert divergence(moved, counts) >= here - 1e-6


def divergence(plan: NDArray[np.float64], counts: list[int]) -> float:
    parts = np.where(plan > 0, plan * np.log(np.maximum(plan, 1e-300) / np.array(counts)), 0.0)
    return float(parts.sum())


def cycles() -> list[tuple[int, int, int, int]]:
    """Return the four cells of every rectangle of a 3 x 4 table: raising two and lowering two keeps all marginals."""
    return [
        (4 * low + left, 4 * low + right, 4 * high + right, 4 * high + left)
        for low, high in ((0, 1), (0, 2), (1, 2))
        for left in range(4)
        for right in range(left + 1, 4)
    ]


@given(counts=COUNTS, data=st.data())
def test_the_order_of_strata_only_orders_the_quotas(counts: list[int], data: st.DataObject) -> None:
    rows, columns = cross(3, 4)
    marginals = [marginal("a", rows, [0.2, 0.3]), marginal("b", np.minimum(columns, 2), [0.4, 0.1])]
    size = sum(counts) // 5
    assume(size)
    order = np.array(data.draw(st.permutations(range(12))), np.int64)
    moved = [replace(one, groups=one.groups[order]) for one in marginals]
    hashes = hashes_of(12)
    try:
        found = rake(np.array(counts), hashes, wish(12, size, marginals)).quotas
    except AllocationError:
        return
    again = rake(np.array(counts)[order], hashes[order], wish(12, size, moved)).quotas
    assert again.tolist() == found[order].tolist()


def test_values_that_are_not_named_share_the_rest_as_they_are() -> None:
    (groups,) = cross(4)
    asked = wish(4, 100, [marginal("a", np.minimum(groups, 1), [0.5])])
    assert rake(np.array([100, 300, 200, 100]), hashes_of(4), asked).quotas.tolist()[0] == 50
    assert rake(np.array([100, 300, 200, 100]), hashes_of(4), asked).quotas.tolist()[1:] == [25, 17, 8]


def test_floors_ceilings_and_whole_strata_hold() -> None:
    rows, columns = cross(2, 3)
    counts = np.array([500, 60, 70, 300, 200, 9])
    whole = np.array([False, False, False, False, False, True])
    asked = Wish(
        whole,
        size=300,
        floor=20,
        ceiling=90,
        marginals=(marginal("a", rows, [0.5, 0.5]), marginal("b", columns, [0.4, 0.4, 0.2])),
    )
    found = rake(counts, hashes_of(6), asked).quotas
    assert found.sum() == 300
    assert found[5] == 9
    assert (found[:5] >= 20).all()
    assert (found[:5] <= 90).all()
    assert np.abs(np.bincount(rows, found) - 150).max() <= 1


# ---------------------------------------------------------------- wishes that can't be met


def feasible(counts: NDArray[np.int64], asked: Wish, names: frozenset[str]) -> bool:
    """Say whether some wishes can be met together, by a linear program of its own: the oracle."""
    from scipy.optimize import linprog  # pyright: ignore[reportMissingTypeStubs]

    solve: Any = linprog
    cells = counts.size
    equal: list[NDArray[np.float64]] = []
    right: list[float] = []
    low, high = np.zeros(cells), counts.astype(np.float64)
    if "size" in names:
        equal.append(np.ones(cells))
        right.append(asked.size or 0)
    if "take_all" in names:
        low = np.where(asked.take_all, counts, low)
    free = ~asked.take_all if "take_all" in names else np.ones(cells, np.bool_)
    if "min" in names:
        low = np.where(free, asked.floor, low)
    if "max" in names and asked.ceiling is not None:
        high = np.where(free, np.minimum(high, asked.ceiling), high)
    if (low > high).any():
        return False
    for one in asked.marginals:
        for place, value in enumerate(one.values[:-1]):
            if f"marginals.{one.name}.{value}" in names:
                equal.append((one.groups == place) - one.shares[place])
                right.append(0.0)
    if not equal:
        return True
    answer = solve(np.zeros(cells), A_eq=np.array(equal), b_eq=right, bounds=np.column_stack([low, high]))
    return bool(answer.status == 0)


@settings(max_examples=80)
@given(
    counts=st.lists(st.integers(0, 30), min_size=12, max_size=12),
    first=st.lists(WEIGHTS, min_size=3, max_size=3),
    second=st.lists(WEIGHTS, min_size=4, max_size=4),
    floor=st.sampled_from([0, 0, 3]),
    ceiling=st.sampled_from([None, 12]),
    share=st.floats(0.2, 0.95),
)
def test_the_named_wishes_conflict_and_without_any_one_of_them_they_do_not(
    counts: list[int], first: list[int], second: list[int], floor: int, ceiling: int | None, share: float
) -> None:
    rows, columns = cross(3, 4)
    marginals = [marginal("a", rows, shares_of(first)), marginal("b", columns, shares_of(second))]
    table = np.array(counts)
    asked = wish(12, max(1, round(sum(counts) * share)), marginals, floor=floor, ceiling=ceiling)
    possible = feasible(table, asked, frozenset(wishes_of(asked)))
    try:
        found = rake(table, hashes_of(12), asked)
    except AllocationError:
        assert not possible
        names = conflict(table, asked)
        assert not feasible(table, asked, frozenset(names))
        for name in names:
            assert feasible(table, asked, frozenset(names) - {name})
        return
    assert possible
    assert found.quotas.sum() == asked.size


def test_three_marginals_and_a_floor_that_conflict() -> None:
    axes = cross(2, 2, 2)
    counts = np.array([50, 50, 50, 50, 50, 50, 50, 2])
    marginals = [marginal(name, group, [0.1, 0.9]) for name, group in zip("abc", axes, strict=True)]
    asked = wish(8, 100, marginals, floor=2)
    with pytest.raises(AllocationError) as caught:
        rake(counts, hashes_of(8), asked)
    names = conflict(counts, asked)
    assert len(names) > 1
    assert not feasible(counts, asked, frozenset(names))
    assert all(feasible(counts, asked, frozenset(names) - {name}) for name in names)
    told = str(caught.value)
    assert all(name.split(".")[-1] in told for name in names)
    assert "nearest to 100 rows:" in told


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(0, 30), min_size=12, max_size=12),
    first=st.lists(WEIGHTS, min_size=3, max_size=3),
    second=st.lists(WEIGHTS, min_size=4, max_size=4),
    shortfall=st.sampled_from(["redistribute", "accept"]),
)
def test_shortfalls_are_shared_out_or_accepted(
    counts: list[int], first: list[int], second: list[int], shortfall: Any
) -> None:
    assume(sum(counts) > 3)
    rows, columns = cross(3, 4)
    marginals = [marginal("a", rows, shares_of(first)), marginal("b", columns, shares_of(second))]
    size = sum(counts) * 2 // 3
    found = rake(np.array(counts), hashes_of(12), wish(12, size, marginals, shortfall=shortfall))
    assert (found.quotas >= 0).all()
    assert (found.quotas <= counts).all()
    if shortfall == "redistribute":
        assert found.quotas.sum() == size
    else:
        assert found.quotas.sum() <= size
        for one in marginals:
            assert (sums(found.quotas, one) <= one.shares * size + 1).all()


@given(
    counts=st.lists(st.integers(0, 30), min_size=12, max_size=12),
    shares=st.lists(WEIGHTS, min_size=3, max_size=3),
    floor=st.integers(0, 3),
)
def test_accepting_shortfalls_selects_no_more_than_the_size(counts: list[int], shares: list[int], floor: int) -> None:
    rows, columns = cross(3, 4)
    one, other = marginal("a", rows, shares_of(shares)), marginal("b", columns, [0.4, 0.3, 0.2, 0.1])
    for marginals in ([one], [one, other]):
        for size in (5, 20, 60):
            asked = wish(12, size, marginals, floor=floor, shortfall="accept")
            try:
                found = rake(np.array(counts), hashes_of(12), asked)
            except AllocationError:
                assert sum(min(floor, count) for count in counts) > size
                continue
            assert found.quotas.sum() <= size
            assert (found.quotas >= np.minimum(counts, floor)).all()
            assert (found.wanted >= floor).all()


@settings(max_examples=25)
@given(
    counts=st.lists(st.integers(0, 40), min_size=6, max_size=6),
    shares=st.lists(WEIGHTS, min_size=3, max_size=3),
    floor=st.integers(0, 2),
    shortfall=st.sampled_from(["error", "redistribute"]),
)
def test_on_one_axis_a_larger_size_never_lowers_a_quota(
    counts: list[int], shares: list[int], floor: int, shortfall: Any
) -> None:
    marginals = [marginal("a", np.array([0, 1, 2, 0, 1, 3]), [0.9 * share for share in shares_of(shares)])]
    before = np.zeros(6, np.int64)
    for size in range(1, sum(counts) + 1):
        asked = wish(6, size, marginals, floor=floor, shortfall=shortfall)
        try:
            quotas = rake(np.array(counts), hashes_of(6), asked).quotas
        except AllocationError:
            continue
        assert quotas.sum() == size
        assert (quotas >= before).all()
        before = quotas


@pytest.mark.parametrize(("length", "seed"), [*product([10, 30], range(4)), (100, 3)])
def test_where_records_lie_near_a_diagonal_the_nearest_plan_is_found_too(length: int, seed: int) -> None:
    # sweeps mix slowly along a band; the plan is made of factors, so that it is the nearest one to its own marginals
    places = [(place, place + step) for step in (0, 1, -1) for place in range(length) if 0 <= place + step < length]
    rows, columns = (np.array(side, np.int64) for side in zip(*places, strict=True))
    chance = np.random.default_rng(seed)
    counts = chance.integers(1_000, 100_000, rows.size)
    steps = [np.cumsum(chance.normal(0, 0.5, length)) for _ in range(2)]
    plan = np.clip(counts * np.exp(steps[0][rows] + steps[1][columns]) * 0.1, 0, counts)
    wanted: list[NDArray[np.float64]] = [
        np.asarray(np.bincount(group, plan, length), np.float64) for group in (rows, columns)
    ]
    found = fit(counts, np.zeros_like(counts), counts, [rows, columns], wanted)
    assert missed(found, [rows, columns], wanted) < 0.01
    assert np.abs(found - plan).max() < 0.1 + 1e-4 * plan.max()
    whole = np.round(plan)
    size = int(whole.sum())
    marginals = [
        Marginal(name, group, (*(f"{place}" for place in range(length - 1)), REST), np.bincount(group, whole) / size)
        for name, group in (("a", rows), ("b", columns))
    ]
    quotas = rake(counts, hashes_of(rows.size), wish(rows.size, size, marginals)).quotas
    for one in marginals:  # whole numbers are wanted here, and so they are met
        assert np.abs(sums(quotas, one) - one.shares * size).max() < 1e-3


def test_a_wish_that_is_a_few_rows_beyond_what_is_there_is_refused_at_any_size() -> None:
    groups = np.array([0, 1], np.int64)
    halves = [marginal("x", groups, [0.5, 0.5])]
    for rows in (500_000, 5_000_000):
        for shortfall in ("error", "redistribute"):
            with pytest.raises(AllocationError, match=f"at most {2 * rows:,}"):
                rake(np.array([rows, rows]), hashes_of(2), wish(2, 2 * rows + 1, halves, shortfall=shortfall))
        accepted = rake(np.array([rows, rows]), hashes_of(2), wish(2, 2 * rows + 1, halves, shortfall="accept"))
        assert accepted.quotas.tolist() == [rows, rows]
        with pytest.raises(AllocationError, match=r"x\.x0 0\.5 .* x0 3 fewer|x\.x0 3 fewer"):
            rake(np.array([rows - 3, 4 * rows]), hashes_of(2), wish(2, 2 * rows, halves))


def test_the_set_that_is_named_is_found_by_deletion_in_the_order_of_the_recipe() -> None:
    rows, columns = cross(2, 2)
    counts = np.array([1, 1, 50, 50])
    marginals = [marginal("a", rows, [0.5, 0.5]), marginal("b", columns, [0.9, 0.1])]
    asked = wish(4, 80, marginals)
    kept = wishes_of(asked)
    for name in wishes_of(asked):
        rest = [one for one in kept if one != name]
        if not feasible(counts, asked, frozenset(rest)):
            kept = rest
    assert conflict(counts, asked) == kept


@settings(max_examples=60)
@given(
    counts=st.lists(st.integers(0, 9), min_size=6, max_size=6),
    shares=st.lists(WEIGHTS, min_size=2, max_size=2),
    floor=st.integers(0, 2),
)
def test_the_sizes_that_are_possible_are_those_that_are_not_refused(
    counts: list[int], shares: list[int], floor: int
) -> None:
    rows, columns = cross(2, 3)
    marginals = [marginal("a", rows, shares_of(shares)), marginal("b", columns, [0.5, 0.3, 0.2])]
    table = np.array(counts)
    assume((table >= floor).all())
    allowed: list[int] = []
    for size in range(1, sum(counts) + 1):
        asked = wish(6, size, marginals, floor=floor)
        if feasible(table, asked, frozenset(wishes_of(asked))):
            allowed.append(size)
    least, most = size_range(table, wish(6, 1, marginals, floor=floor))
    if allowed:
        assert (least, most) == (allowed[0], allowed[-1])


@given(st.permutations(range(12)), st.integers(0, 99))
def test_no_tie_is_left_to_the_solver(order: list[int], seed: int) -> None:
    # with equal counts and shares every rounding is as near as the next: which it is follows from the hashes alone
    rows, columns = cross(3, 4)
    real, most = np.full(12, 45.25), np.full(12, 100)
    hashes = np.random.default_rng(seed).integers(0, 2**63, 12).astype(np.uint64) * np.uint64(2)
    axes = [(rows, np.full(3, 181.0)), (columns, np.full(4, 135.75))]
    plain = to_whole(real, 0 * most, most, 543, hashes, axes)
    moved = [(group[order], wanted) for group, wanted in axes]
    assert to_whole(real, 0 * most, most, 543, hashes[order], moved).tolist() == plain[order].tolist()
