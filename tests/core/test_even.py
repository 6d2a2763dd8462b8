"""Weights for equal shares: equal where that can be had, nearer where not, and never far from what a person reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.cells import Cells, arrange, cut, in_order, limits
from evenly.core.even import HEAVIEST, LIGHTEST, even_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SKEWED = np.array([0.62, 0.2, 0.1, 0.05, 0.02, 0.01])


def cells_of(sizes: NDArray[np.int64], seed: int) -> Cells:
    """Return records by cell: as many of each stratum and category as `sizes` [strata, categories] says."""
    strata, categories = (np.repeat(axis.ravel(), sizes.ravel()) for axis in np.indices(sizes.shape))
    base = np.random.default_rng(seed).exponential(size=strata.size)
    return arrange(strata, categories, base, in_order(base, names(strata.size)))


def names(count: int) -> pl.Series:
    return pl.Series(range(count), dtype=pl.Int64).cast(pl.String)


def counter(cells: Cells, quotas: NDArray[np.int64], categories: int) -> Callable[[NDArray[np.float64]], Any]:
    """Return what counts the rows of each category under some weights, from the selected records themselves."""

    def rows(weights: NDArray[np.float64]) -> NDArray[np.int64]:
        places = cut(cells, quotas, weights, names(cells.rows.size)).places(cells)
        kinds = np.repeat(cells.kind, cells.sizes)
        return np.bincount(kinds[places], minlength=categories)

    return rows


def solved(sizes: NDArray[np.int64], quotas: NDArray[np.int64], seed: int = 0) -> tuple[Any, Any, Any]:
    """Return the weights, and the rows of each category under equal weights and under these."""
    cells, categories = cells_of(sizes, seed), sizes.shape[1]
    rows = counter(cells, quotas, categories)
    bounds = [np.bincount(cells.kind, counts, categories).astype(int) for counts in limits(cells, quotas)]
    weights = even_weights(rows, bounds[0], bounds[1], sizes.sum(axis=0))
    return weights, rows(np.ones(categories)), rows(weights)


@pytest.mark.parametrize("seed", range(4))
def test_equal_shares_where_they_can_be_had(seed: int) -> None:
    chance = np.random.default_rng(seed)
    sizes = np.array(
        [chance.multinomial(chance.integers(4_000, 9_000), chance.dirichlet(SKEWED * 80)) for _ in range(40)]
    )
    sizes += 20  # of each category some in each stratum
    weights, before, after = solved(sizes, np.full(40, 90), seed)
    assert before.max() > 10 * before.min()
    assert after.max() <= 1.01 * after.min()
    assert weights[sizes.sum(axis=0).argmax()] == 1
    assert all(float(f"{one:.3g}") == one for one in weights)


def test_one_stratum_is_solved_as_by_hand() -> None:
    # Few of many are drawn, so that a category's rows are in proportion to its records times its weight.
    weights, _, after = solved(np.array([[80_000, 16_000, 4_000]]), np.array([600]))
    assert after.tolist() == pytest.approx([200, 200, 200], abs=2)
    assert weights == pytest.approx([1, 5, 20], rel=0.2)


def test_a_category_that_is_too_small_is_taken_whole_and_the_others_share_the_rest() -> None:
    weights, _, after = solved(np.array([[50_000, 20_000, 100], [30_000, 30_000, 20]]), np.array([2_000, 2_000]))
    assert after[2] >= 118
    assert after[0] == pytest.approx(after[1], rel=0.01)
    assert weights.max() <= HEAVIEST


def test_what_no_weight_changes_keeps_the_weight_1() -> None:
    weights, before, after = solved(np.array([[500, 0, 0], [0, 40, 0], [0, 0, 7]]), np.array([50, 40, 0]))
    assert weights.tolist() == [1, 1, 1]
    assert before.tolist() == after.tolist() == [50, 40, 0]


@given(st.data())
def test_the_largest_share_is_never_larger_than_under_equal_weights(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    sizes = np.array(
        data.draw(st.lists(st.integers(0, 400), min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    )
    sizes = sizes.reshape(shape)
    sizes[0, 0] += 1
    quotas = np.array([data.draw(st.integers(0, int(total))) for total in sizes.sum(axis=1)])
    weights, before, after = solved(sizes, quotas)
    assert after.sum() == before.sum() == quotas.sum()
    assert after.max() <= before.max()
    assert ((weights >= LIGHTEST) & (weights <= HEAVIEST)).all()


@given(st.data())
def test_limits_are_those_of_all_weights(data: st.DataObject) -> None:
    sizes = np.array(data.draw(st.lists(st.integers(0, 30), min_size=6, max_size=6))).reshape(2, 3)
    sizes[0, 0] += 1
    quotas = np.array([data.draw(st.integers(0, int(total))) for total in sizes.sum(axis=1)])
    cells = cells_of(sizes, 0)
    least, most = limits(cells, quotas)
    for place in range(cells.kind.size):
        weights = np.full(3, 1.0)
        for weight, bound in ((1e-9, least), (1e9, most)):
            weights[cells.kind[place]] = weight
            taken = cut(cells, quotas, weights, names(cells.rows.size)).sizes(cells)
            assert taken[place] == bound[place]
