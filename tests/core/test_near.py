"""Near-duplicates: signatures of texts alone, and groups that are connected components, whatever the order."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.core.near import band_hashes, band_rows, is_blank, likeness, signatures

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shingles(text: str, ngram: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[at : at + ngram]) for at in range(max(len(words) - ngram + 1, 1))} if words else set()


def jaccard(one: str, other: str, ngram: int) -> float:
    a, b = shingles(one, ngram), shingles(other, ngram)
    return len(a & b) / len(a | b)


def signed(*texts: str | None, ngram: int = 3) -> NDArray[np.uint32]:
    return signatures(pl.Series(texts, dtype=pl.String), ngram)


words = st.sampled_from(["red", "blue", "kettle", "cup", "steel", "1.7", "litre", "of", "the"])
texts = st.lists(words, max_size=12).map(" ".join)


@given(st.lists(texts, max_size=8), st.integers(1, 5))
def test_a_signature_depends_on_the_text_s_shingles_alone(made: list[str], ngram: int) -> None:
    together = signed(*made, ngram=ngram)
    for text, row in zip(made, together, strict=True):
        assert np.array_equal(signed(text, ngram=ngram)[0], row)
        respelt = text.upper().replace(" ", " ,  ")
        assert np.array_equal(signed(respelt, ngram=ngram)[0], row)


@given(texts, texts, st.integers(1, 4))
def test_equal_sets_of_shingles_sign_equally_and_disjoint_ones_never(one: str, other: str, ngram: int) -> None:
    a, b = shingles(one, ngram), shingles(other, ngram)
    alike = likeness(signed(one, ngram=ngram)[0], signed(other, ngram=ngram))[0]
    if a == b:
        assert alike == 1.0
    elif not a & b and a and b:
        assert alike == 0.0


def test_a_text_without_words_is_like_nothing() -> None:
    assert is_blank(signed(None, "", " ,.! ", "a")).tolist() == [True, True, True, False]


@pytest.mark.statistical
def test_the_estimate_is_the_jaccard_likeness_within_its_error() -> None:
    # 400 pairs: the mean error of 128 entries has a standard error of 0.0022; two points of bias would be nine of it.
    dice = random.Random(5)
    vocabulary = [f"w{n}" for n in range(3000)]
    errors: list[float] = []
    for _ in range(400):
        base = dice.sample(vocabulary, 60)
        other = [word if dice.random() > 0.08 else dice.choice(vocabulary) for word in base]
        one, two = " ".join(base), " ".join(other)
        pair = signed(one, two)
        errors.append(float(likeness(pair[0], pair[1:])[0]) - jaccard(one, two, 3))
    assert abs(np.mean(errors)) < 0.01
    assert float(np.std(errors)) < 0.05


@pytest.mark.parametrize(("threshold", "rows"), [(1.0, 128), (0.9, 10), (0.8, 6), (0.5, 3), (0.01, 1)])
def test_bands_are_as_long_as_recall_allows(threshold: float, rows: int) -> None:
    assert band_rows(threshold) == rows


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_bands_share_a_hash_where_their_entries_agree_only(seed: int) -> None:
    dice = np.random.default_rng(seed)
    one = dice.integers(0, 2**32, size=(1, 128), dtype=np.uint32)
    other = one.copy()
    other[0, 7] ^= 1
    same = band_hashes(one, 0.8)[0] == band_hashes(other, 0.8)[0]
    assert same.tolist() == [number != 7 // 6 for number in range(21)]
