"""What proxies see of a text: hashed words and word pairs, and those squeezed into a hundred numbers.

Both are made once for each record, whatever variants and seeds train on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from sklearn.decomposition import TruncatedSVD  # pyright: ignore[reportMissingTypeStubs] - it has none
from sklearn.feature_extraction.text import (  # pyright: ignore[reportMissingTypeStubs]
    HashingVectorizer,
    TfidfTransformer,
)
from sklearn.preprocessing import normalize  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Matrix = Any
    """A sparse matrix of SciPy's, a row for each record."""

COLUMNS: Final = 2**18
"""Columns that words and pairs are hashed to."""

DIMENSIONS: Final = 100

FITTED_ON: Final = 50_000
"""Records, at most, that the weights of words and the dimensions are found from."""

FEWEST_ROWS: Final = 2

BATCH: Final = 20_000


def count_ngrams(texts: Sequence[str]) -> Matrix:
    """Return how often each word and each pair of neighbours stands in each text: sparse, Float32, `COLUMNS` wide."""
    options: dict[str, Any] = {"alternate_sign": False, "norm": None, "dtype": np.float32}
    hasher: Any = HashingVectorizer(ngram_range=(1, 2), n_features=COLUMNS, analyzer="word", **options)
    hasher.set_params(token_pattern=r"\w+")  # noqa: S106 - a pattern of words, of one letter too
    return hasher.transform(texts)


def as_directions(counts: Matrix) -> Matrix:
    """Return log(1 + count), each row of length 1."""
    return cast("Any", normalize)(counts.log1p(), copy=False)


def squeeze(counts: Matrix, fitted_on: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the records as `DIMENSIONS` numbers: TF-IDF, then truncated SVD, found from the rows `fitted_on` alone.

    Of words and pairs that stand in two of these rows at least: what stands in one of them has no neighbour.
    """
    found = counts[fitted_on]
    common = np.flatnonzero(np.bincount(found.indices, minlength=COLUMNS) >= FEWEST_ROWS)
    if not common.size:
        return np.zeros((counts.shape[0], 1), np.float32)
    weights: Any = TfidfTransformer(sublinear_tf=True).fit(found[:, common])
    svd: Any = TruncatedSVD(min(DIMENSIONS, common.size, max(1, fitted_on.size - 1)), random_state=0)
    svd.fit(weights.transform(found[:, common]))
    rows = counts.shape[0]
    parts: list[NDArray[np.float64]] = [
        svd.transform(weights.transform(counts[start : start + BATCH][:, common])) for start in range(0, rows, BATCH)
    ]
    return np.concatenate(parts).astype(np.float32)
