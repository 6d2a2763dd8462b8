"""Every hash against an independent implementation: a change of any of them would change every selection."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import get_args

import numpy as np
import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.hashing import SALTED, Purpose, content, hashed, identity, purpose_seed, uniform

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def hashes(ids: list[str | None], purpose: Purpose, seed: int | None = None) -> list[int | None]:
    return pl.DataFrame({"id": pl.Series(ids, dtype=pl.String)}).select(hashed("id", purpose, seed))["id"].to_list()


def seed_of(purpose: Purpose) -> int | None:
    return 42 if purpose in SALTED else None


def identities(*columns: list[str | None]) -> list[str]:
    frame = pl.DataFrame(
        {f"column_{place}": pl.Series(values, dtype=pl.String) for place, values in enumerate(columns)}
    )
    return frame.select(identity(frame.columns, frame.schema).alias("id"))["id"].to_list()


# Computed with the `xxhash` package: xxh64(id, seed=xxh64("evenly/1/<purpose>/<seed or nothing>", seed=0)).
@pytest.mark.parametrize(
    ("purpose", "seed", "expected"),
    [
        ("select", 42, [17753229599345304470, 16061367254084276021, 4138142584144935835]),
        ("select", 43, [4808775593215747229, 15327979207792354776, 8984015864021602798]),
        ("shuffle", 42, [12804306699213783498, 525362866368393972, 13248320264288517564]),
        ("split", None, [16978584444505696841, 6777763715486148505, 7336968173525339743]),
        ("duplicate", None, [12080855749848809824, 584337928741373881, 10994661925688731937]),
        ("allocate", None, [15435949635667361458, 6205987155643731349, 7847711395413346968]),
    ],
)
def test_the_hashes_are_these_numbers_for_ever(purpose: Purpose, seed: int | None, expected: list[int]) -> None:
    assert hashes(["B000ABC123", "", "é·日本"], purpose, seed) == expected


@given(ids=st.lists(TEXTS, max_size=8), purpose=st.sampled_from(PURPOSES), seed=st.integers(0, 2**63 - 1))
def test_a_hash_is_xxhash64_of_the_utf8_seeded_by_purpose_and_salt(ids: list[str], purpose: Purpose, seed: int) -> None:
    salt = seed if purpose in SALTED else None
    seeded_by = xxhash.xxh64_intdigest(f"evenly/1/{purpose}/{'' if salt is None else salt}".encode(), seed=0)
    assert purpose_seed(purpose, salt) == seeded_by
    assert hashes([*ids], purpose, salt) == [xxhash.xxh64_intdigest(one.encode(), seed=seeded_by) for one in ids]


def test_a_null_has_no_hash_and_an_empty_text_has_one() -> None:
    nothing, empty = hashes([None, ""], "split")
    assert nothing is None
    assert empty is not None


def test_only_selection_and_shuffle_take_the_seed() -> None:
    assert {"select", "shuffle"} == SALTED
    for purpose in PURPOSES:
        wrong = None if purpose in SALTED else 42
        with pytest.raises(ValueError, match=rf"'{purpose}' is (not )?salted"):
            hashed("id", purpose, wrong)


def test_seed_zero_is_a_salt_like_another() -> None:
    assert hashes(["a"], "select", 0) != hashes(["a"], "select", 1)
    with pytest.raises(ValueError, match="give no seed"):
        hashed("id", "split", 0)


def test_purposes_and_seeds_are_independent() -> None:
    # 20,000 ids: a correlation has the standard deviation 0.007, so that one of 0.035 would be five of them
    ids = pl.DataFrame({"id": [f"item {number}" for number in range(20_000)]})
    drawn = ids.select(
        *[uniform(hashed("id", purpose, seed_of(purpose))).alias(purpose) for purpose in PURPOSES],
        uniform(hashed("id", "select", 43)).alias("another seed"),
    )
    for left, right in combinations(drawn.columns, 2):
        pair = np.corrcoef(drawn[left].to_numpy(), drawn[right].to_numpy())
        assert abs(pair[0, 1]) < 0.035, (left, right)


def test_numbers_from_hashes_are_uniform() -> None:
    # 200,000 ids over 100 equal parts: chi-square of 99 degrees, mean 99, standard deviation 14
    ids = pl.DataFrame({"id": [f"{number}" for number in range(200_000)]})
    counts, _ = np.histogram(ids.select(uniform(hashed("id", "select", 7)))["id"].to_numpy(), 100, (0, 1))
    assert 40 < ((counts - 2_000) ** 2 / 2_000).sum() < 170


@given(st.lists(st.sampled_from([0, 4095, 4096, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1), min_size=1))
def test_u_is_the_upper_52_bits_plus_a_half_exactly(numbers: list[int]) -> None:
    drawn = pl.DataFrame({"hash": pl.Series(numbers, dtype=pl.UInt64)}).select(uniform(pl.col("hash")))["hash"]
    assert [Fraction(u) for u in drawn] == [Fraction(2 * (number >> 12) + 1, 2**53) for number in numbers]
    assert drawn.is_between(0, 1, closed="none").all()


def test_an_identity_keeps_columns_apart_and_null_from_empty() -> None:
    left = ["ab", "a", None, "", "-", "1:a", None]
    right = ["c", "bc", "", None, None, "", None]
    found = identities(left, right)
    assert len(set(found)) == len(found)
    assert identities(right, left) != found  # the order of the columns counts


def test_an_identity_is_128_bits_of_the_values_with_their_lengths() -> None:
    encoded = "3:é!-0:".encode()  # é! is three bytes of UTF-8, then a null, then an empty text
    halves = [xxhash.xxh64_intdigest(encoded, seed=purpose_seed(half, None)) for half in ("identity-1", "identity-2")]
    assert identities(["é!"], [None], [""]) == ["".join(f"{half:016x}" for half in halves)]


SMALL = st.none() | st.text("ab1:-", max_size=3)


@given(st.lists(st.tuples(SMALL, SMALL), min_size=1, max_size=12))
def test_identities_are_equal_where_the_values_are(rows: list[tuple[str | None, str | None]]) -> None:
    found = identities([left for left, _ in rows], [right for _, right in rows])
    for (one, its_id), (other, other_id) in combinations(zip(rows, found, strict=True), 2):
        assert (one == other) == (its_id == other_id)


def test_identities_of_no_rows() -> None:
    assert identities([], []) == []


def test_numbers_and_lists_have_identities_too() -> None:
    frame = pl.DataFrame({"number": [1, 1, 2, None], "list": [["a", "b"], ["ab"], [], None]})
    found = frame.select(identity(["number", "list"], frame.schema).alias("id"))["id"]
    assert found.n_unique() == 4


def test_content_looks_at_every_value_and_not_at_the_order_of_columns() -> None:
    frame = pl.DataFrame({"a": ["x", "x", "y", None, ""], "b": ["y", "z", "x", "x", "x"], "other": [1, 2, 3, 4, 5]})
    found = frame.select(content(["a", "b"], frame.schema).alias("content"))["content"]
    assert found.n_unique() == 5
    assert found.dtype == pl.UInt64
    assert found.equals(frame.select(content(["b", "a"], frame.schema).alias("content"))["content"])
