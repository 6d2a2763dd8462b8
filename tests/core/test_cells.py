"""Cells: what is cut from them is what `core/select` takes of the same ledger, record for record."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.columns import ID, KEY, STRATUM, WEIGHT
from evenly.core.cells import Cells, arrange, cut, in_order, spans
from evenly.core.hashing import hashed, uniform
from evenly.core.select import select

KINDS = 5


def selected(
    stratum: np.ndarray, kind: np.ndarray, base: np.ndarray, ids: pl.Series, weights: np.ndarray, quotas: np.ndarray
) -> tuple[set[str], set[str]]:
    """Return the ids that cells give and those that the ledger's selection gives."""
    cells = arrange(stratum, kind, base, in_order(base, ids))
    rows = cells.rows[cut(cells, quotas, weights, ids).places(cells)]
    assert np.unique(rows).size == rows.size
    weight = weights[kind]
    with np.errstate(over="ignore"):
        key = np.where(weight > 0, np.minimum(base / np.where(weight > 0, weight, 1), sys.float_info.max), np.inf)
    names = [f"{number:03d}" for number in range(quotas.size)]
    named = pl.Series(STRATUM, [names[one] if one >= 0 else None for one in stratum], dtype=pl.String)
    ledger = pl.DataFrame({ID: ids, STRATUM: named, KEY: key, WEIGHT: weight})
    eligible = np.bincount(stratum[(stratum >= 0) & (weight > 0)], minlength=quotas.size)
    plan = pl.DataFrame(
        {STRATUM: names, "quota": quotas, "repeated": 0, "eligible": eligible, "weight_min": 1.0, "weight_max": 2.0}
    )
    return set(ids[rows].to_list()), set(select(ledger, plan)[ID].to_list())


def drawn_quotas(chance: np.random.Generator, stratum: np.ndarray, weight: np.ndarray, strata: int) -> np.ndarray:
    there = np.bincount(stratum[(stratum >= 0) & (weight > 0)], minlength=strata)
    kind = chance.integers(0, 4, strata)
    some = (there * chance.random(strata)).astype(np.int64)
    return np.select([kind == 0, kind == 1], [there, np.minimum(there, chance.integers(0, 9, strata))], some)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(1, 4_000),
    strata=st.integers(1, 9),
    coarse=st.sampled_from([None, None, 50, 2]),
    powers=st.lists(st.integers(-40, 9), min_size=KINDS, max_size=KINDS),
)
def test_a_cut_is_the_selection_record_for_record(
    seed: int, rows: int, strata: int, coarse: int | None, powers: list[int]
) -> None:
    chance = np.random.default_rng(seed)
    ids = pl.Series(ID, [f"r{number}" for number in chance.permutation(rows)])
    stratum, kind = chance.integers(-1, strata, rows), chance.integers(0, KINDS, rows)
    base = chance.exponential(size=rows)
    if coarse is not None:  # keys tie, within cells and across
        base = np.ceil(base * coarse) / coarse
    weights = np.where(np.array(powers) < -20, 0.0, 2.0 ** np.array(powers))
    quotas = drawn_quotas(chance, stratum, weights[kind], strata)
    ours, wanted = selected(stratum, kind, base, ids, weights, quotas)
    assert ours == wanted


def test_large_strata_with_real_hashes_are_cut_alike() -> None:
    rows = 300_000
    chance = np.random.default_rng(11)
    ids = pl.Series(ID, [f"B0{number:08X}" for number in range(rows)])
    base = ids.to_frame().select(-(-uniform(hashed(ID, "select", 42))).log1p())[ID].to_numpy()
    stratum, kind = chance.integers(0, 40, rows), np.minimum(chance.geometric(0.3, rows), 30)
    weights = np.concatenate([[1.0, 5.0, 0.0, 0.25], chance.lognormal(0, 2, 27)])
    quotas = drawn_quotas(chance, stratum, weights[kind], 40)
    ours, wanted = selected(stratum, kind, base, ids, weights, quotas)
    assert ours == wanted
    assert 10_000 < len(wanted) < rows


def test_keys_beyond_all_numbers_tie_and_ids_tell_them_apart() -> None:
    ids = pl.Series(ID, ["c", "a", "b", "d"])
    ours, wanted = selected(
        np.zeros(4, np.int64),
        np.array([0, 1, 0, 1]),
        np.array([1.0, 2.0, 3.0, 4.0]),
        ids,
        np.array([1e-308, 1e-309]),
        np.array([2]),
    )
    assert ours == wanted


def test_more_cells_than_a_digit_counts_are_in_order() -> None:
    stratum = np.array([70_000, 3, 70_000, 65_536, 0, 3])
    cells = arrange(stratum, np.array([1, 0, 0, 1, 0, 0]), np.arange(6.0), np.arange(6))
    assert cells.rows.tolist() == [4, 1, 5, 3, 2, 0]
    assert cells.stratum.tolist() == [0, 3, 65_536, 70_000, 70_000]
    assert cells.kind.tolist() == [0, 0, 1, 0, 1]
    assert cells.sizes.tolist() == [1, 2, 1, 1, 1]


def test_records_without_a_stratum_or_a_key_are_in_no_cell() -> None:
    cells = arrange(np.array([-1, 0, 0]), np.zeros(3, np.int64), np.array([1.0, np.inf, 2.0]), np.array([0, 2, 1]))
    assert cells.rows.tolist() == [2]
    empty: Cells = arrange(np.array([-1]), np.zeros(1, np.int64), np.ones(1), np.zeros(1, np.int64))
    assert cut(empty, np.array([0]), np.ones(1), pl.Series(["a"])).places(empty).tolist() == []


def test_spans_are_all_numbers_between() -> None:
    assert spans(np.array([3, 9, 20]), np.array([5, 9, 23])).tolist() == [3, 4, 20, 21, 22]


@pytest.mark.parametrize("records", [0, 1, 2, 5, 3_000])
def test_the_order_is_that_of_a_sort_by_key_and_id(records: int) -> None:
    chance = np.random.default_rng(records)
    ids = pl.Series(chance.permutation(records)).cast(pl.String)
    cases: list[np.ndarray] = [
        chance.exponential(size=records),
        chance.integers(0, 5, records).astype(np.float64),
        np.where(chance.random(records) < 0.3, np.inf, chance.random(records) * 1e-300),
        np.full(records, sys.float_info.max),
        1 + chance.integers(0, 9, records) * 2.0**-52,  # they differ in the last bits alone
        chance.integers(0, 2**64 - 1, records, dtype=np.uint64),
    ]
    for numbers in cases:
        frame = pl.DataFrame({"number": numbers, "id": ids}).with_row_index("row")
        assert in_order(numbers, ids).tolist() == frame.sort("number", "id")["row"].to_list()
