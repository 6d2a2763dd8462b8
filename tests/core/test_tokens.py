"""Counting and cutting, on a tokenizer small enough to work out by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from evenly.core.tokens import count, count_and_cut

LONE = 1 << 16
LENGTHS = np.repeat(np.array([2, 1], np.uint32), [LONE, 1 << 8])


@dataclass(frozen=True)
class Pairs:
    """Two bytes are a token (their big-endian number), a lone last one too (plus 65,536).

    Tokens therefore end inside characters as often as between them.
    """

    byte_lengths: npt.NDArray[np.uint32] | None
    name: str = "pairs"
    fingerprint: str = "0"

    def encode(self, texts: list[str], **_: bool) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return the ids of all texts and their offsets."""
        rows = [[_id(text.encode()[at : at + 2]) for at in range(0, len(text.encode()), 2)] for text in texts]
        flat = [token for row in rows for token in row]
        return np.array(flat, np.uint32), np.cumsum([0, *map(len, rows)], dtype=np.int64)

    def decode(self, ids: npt.NDArray[np.uint32]) -> str:
        """Return the tokens' bytes as text."""
        parts = [(token - LONE).to_bytes(1) if token >= LONE else token.to_bytes(2) for token in ids.tolist()]
        return b"".join(parts).decode("utf-8", "replace")


def _id(token: bytes) -> int:
    return int.from_bytes(token) + (LONE if len(token) == 1 else 0)


BY_OFFSET = Pairs(LENGTHS)
BY_DECODING = Pairs(None)
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from("aé日😀\u200d\u0301")
TEXTS = st.lists(st.none() | st.text(CHARACTERS), max_size=8).map(lambda texts: pl.Series("text", texts, pl.String))


def test_counts_and_cuts_an_example_worked_by_hand() -> None:
    # ab|c, é(2 bytes)|a, a + first byte of é | its second byte + b, first two of four bytes | the other two
    texts = pl.Series("text", ["abc", "éa", "aéb", "😀", "", None, "ab"])
    cut, counts = count_and_cut(BY_OFFSET, texts, 1)
    assert_series_equal(counts, pl.Series("text", [2, 2, 2, 2, 0, None, 1], pl.UInt32))
    assert_series_equal(cut, pl.Series("text", ["ab", "é", "a\ufffd", "\ufffd", "", None, "ab"]))


@pytest.mark.parametrize("tokenizer", [BY_OFFSET, BY_DECODING], ids=["by offset", "by decoding"])
@given(texts=TEXTS, limit=st.integers(0, 12))
def test_a_cut_text_is_what_its_first_tokens_decode_to(tokenizer: Pairs, texts: pl.Series, limit: int) -> None:
    before = texts.to_list()
    cut, counts = count_and_cut(tokenizer, texts, limit)

    assert texts.to_list() == before  # the frame that the texts belong to must not change
    assert counts.to_list() == [None if text is None else -(-len(text.encode()) // 2) for text in before]
    for text, result in zip(before, cut, strict=True):
        if text is None:
            assert result is None
        else:
            ids, _ = BY_DECODING.encode([text])
            assert result == BY_DECODING.decode(ids[:limit])
    assert (cut.dtype, counts.dtype, cut.name, counts.name) == (pl.String, pl.UInt32, "text", "text")


@given(texts=TEXTS)
def test_without_a_limit_it_only_counts(texts: pl.Series) -> None:
    cut, counts = count_and_cut(BY_OFFSET, texts, None)
    assert_series_equal(cut, texts)
    assert_series_equal(counts, count(BY_OFFSET, texts))


def test_a_text_at_the_limit_stays_as_it_is_even_where_decoding_would_change_it() -> None:
    class Shouting(Pairs):
        def decode(self, ids: npt.NDArray[np.uint32]) -> str:
            return super().decode(ids).upper()

    cut, _ = count_and_cut(Shouting(None), pl.Series(["abcd", "abcde"]), 2)
    assert cut.to_list() == ["abcd", "ABCD"]


def test_texts_in_several_chunks_keep_their_order() -> None:
    texts = pl.concat([pl.Series("text", ["abcdef", None]), pl.Series("text", ["éé"])], rechunk=False)
    cut, counts = count_and_cut(BY_OFFSET, texts, 1)
    assert cut.to_list() == ["ab", None, "é"]
    assert counts.to_list() == [3, None, 2]
