"""The tokens step, with a tokenizer whose tokens are characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.steps.tokens import tokens
from evenly.errors import TokenizerError
from evenly.recipe.steps import Tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Characters:
    """Every character is a token, its code point the id."""

    name: str = "characters"
    fingerprint: str = "0"
    byte_lengths: NDArray[np.uint32] | None = None

    def encode(self, texts: list[str], **_: bool) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """Return the ids of all texts and their offsets."""
        flat = [ord(character) for text in texts for character in text]
        return np.array(flat, np.uint32), np.cumsum([0, *map(len, texts)], dtype=np.int64)

    def decode(self, ids: NDArray[np.uint32]) -> str:
        """Return the characters."""
        return "".join(chr(one) for one in ids.tolist())


@given(
    texts=st.lists(st.none() | st.text("aé日", max_size=9), max_size=6),
    low=st.none() | st.integers(0, 6),
    high=st.none() | st.integers(0, 6),
    cut=st.none() | st.integers(1, 6),
)
def test_texts_are_kept_by_their_tokens_before_the_cut(
    texts: list[str | None], low: int | None, high: int | None, cut: int | None
) -> None:
    frame = pl.DataFrame({"text": pl.Series(texts, dtype=pl.String), "other": [1] * len(texts)})
    done, keep = tokens(frame, Tokens(column="text", min_tokens=low, max_tokens=high, truncate=cut), Characters())
    plain = [text or "" for text in texts]
    assert keep.to_list() == [
        (low is None or len(text) >= low) and (high is None or len(text) <= high) for text in plain
    ]
    assert done["text"].to_list() == [text[:cut] for text in plain]
    assert done["other"].to_list() == [1] * len(texts)


def test_a_tokens_step_without_a_tokenizer_is_refused() -> None:
    with pytest.raises(TokenizerError, match=r"recipe\.tokenizer: is missing"):
        tokens(pl.DataFrame({"text": ["a"]}), Tokens(column="text"), None)
