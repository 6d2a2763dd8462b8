"""Token counts, and texts cut to their first tokens.

A text is cut at the byte where its last wanted token ends, so that no token becomes a Python object. This is
only right for tokenizers that keep every byte of the text (byte-level BPE without a normalizer); for the others the
wanted tokens are decoded, row by row, which takes ten times as long and touches only rows that are cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

if TYPE_CHECKING:
    import numpy.typing as npt

_CONTINUATION_MASK = 0b1100_0000
_CONTINUATION = 0b1000_0000


class Tokenizer(Protocol):
    """What counting and cutting ask of a tokenizer; `evenly.io.tokenizers` loads them."""

    @property
    def name(self) -> str:
        """What to call it: a file's name or a packaged vocabulary's."""
        ...

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of its content: equal for equal tokens, whatever the file is called."""
        ...

    @property
    def byte_lengths(self) -> npt.NDArray[np.uint32] | None:
        """Bytes of text that each token id stands for (uint32, by id).

        None where tokens do not add up to the text's bytes: a text is then cut by decoding.
        """
        ...

    def encode(
        self, texts: list[str], *, control: bool = False
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return the ids of all texts in one run, and where each text's begin (`len(texts) + 1` offsets, in tokens).

        No special token is added. The spelling of one inside a text is text, unless `control` says that these texts
        are written with control tokens.
        """
        ...

    def decode(self, ids: npt.NDArray[np.uint32]) -> str:
        """Return the text of these ids: special tokens kept, spaces not cleaned up, invalid UTF-8 replaced."""
        ...


def count(tokenizer: Tokenizer, texts: pl.Series) -> pl.Series:
    """Return how many tokens each text has.

    `texts` is String; the result is UInt32 (tokens) of the same name and order; null stays null.
    """
    _, offsets = tokenizer.encode(_as_list(texts))
    return _counts(texts, offsets)


def count_and_cut(tokenizer: Tokenizer, texts: pl.Series, limit: int | None) -> tuple[pl.Series, pl.Series]:
    """Return the texts cut to their first `limit` tokens, and how many tokens each had before the cut.

    `texts` is String. Both results keep its name and order: String, where a text of at most `limit` tokens is left
    exactly as it was and a longer one is what `tokenizer.decode` gives for its first `limit` ids; and UInt32 (tokens).
    Null stays null. `limit` is at least 0; None cuts nothing.
    """
    ids, offsets = tokenizer.encode(_as_list(texts))
    counts = _counts(texts, offsets)
    if limit is None:
        return texts, counts
    rows = np.flatnonzero(np.diff(offsets) > limit)
    if not rows.size:
        return texts, counts
    wanted = ids[offsets[rows][:, np.newaxis] + np.arange(limit)]
    if tokenizer.byte_lengths is None:
        heads = pl.Series([tokenizer.decode(row) for row in wanted], dtype=pl.String)
    else:
        heads = _first_bytes(texts.gather(rows), tokenizer.byte_lengths[wanted].sum(axis=1, dtype=np.int64))
    # `scatter` writes into the Series that it is called on.
    return texts.clone().scatter(rows, heads), counts


def _as_list(texts: pl.Series) -> list[str]:
    """Return the texts as Python strings, a null as an empty one (about a tenth of the time that tokens take)."""
    return texts.fill_null("").to_list()


def _counts(texts: pl.Series, offsets: npt.NDArray[np.int64]) -> pl.Series:
    counts = pl.Series(texts.name, np.diff(offsets).astype(np.uint32))
    return counts.set(texts.is_null(), None) if texts.null_count() else counts


def _first_bytes(texts: pl.Series, ends: npt.NDArray[np.int64]) -> pl.Series:
    """Return the first `ends` bytes of each text as String; each end lies before the end of its text.

    A character that the end falls into becomes one U+FFFD, as decoders of tokens write it. Those rows alone go through
    Python; Polars would refuse their bytes as a String.
    """
    frame = pl.DataFrame({"data": texts.cast(pl.Binary), "end": ends})
    # A UTF-8 byte of the form 10xxxxxx continues a character that began before it.
    inside = (pl.col("data").bin.get("end") & _CONTINUATION_MASK) == _CONTINUATION
    whole_end = pl.when(inside).then(0).otherwise("end")
    heads = frame.select(pl.col("data").bin.slice(0, whole_end).cast(pl.String)).to_series()
    rows = frame.select(inside.arg_true()).to_series()
    parts = frame[rows].select(pl.col("data").bin.slice(0, "end")).to_series()
    return heads.scatter(rows, pl.Series([part.decode("utf-8", "replace") for part in parts], dtype=pl.String))
