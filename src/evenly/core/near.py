"""Near-duplicates by MinHash: signatures of texts, and the groups that their likeness makes.

Broder (1997): the share of equal entries of two signatures estimates the Jaccard likeness of the texts' shingles, with
a standard error of at most 0.044 at 128 entries. Candidates share a band of entries (Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", chapter 3); the bands are chosen so that a pair exactly at the threshold is found with a
probability of 0.99, and likelier above. An edge is a candidate pair whose estimate reaches the threshold, and a group
is a connected component: whatever the order of the records, the same edges and the same groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import rensa  # pyright: ignore[reportMissingTypeStubs] - it has none

from evenly.core.hashing import hashed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Rows = NDArray[np.int64]
    Signatures = NDArray[np.uint32]

    class Signed(Protocol):
        """Signatures of many rows, in memory or not: an array, or what gives some of its rows."""

        def __getitem__(self, rows: Rows, /) -> Signatures:
            """Return those of some rows."""
            ...


ENTRIES: Final = 128
"""Entries of a signature, UInt32 each: 512 bytes a record."""

RECALL: Final = 0.99
"""Probability that a pair exactly at the threshold shares a band."""

PAIR: Final = 2

CHUNK: Final = 10_000
"""Pairs that are compared at a time."""

_PRIME: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
_SEED: Final = 42


def signatures(texts: pl.Series, ngram: int) -> Signatures:
    """Return the texts' signatures (UInt32, a row of 128 each): of their runs of `ngram` words, in lower case.

    A word is a run of letters, digits and underscores. A text of fewer words is one shingle. A text without words, or
    null, has the signature that `is_blank` tells: it is like nothing.
    """
    words = texts.fill_null("").str.to_lowercase().str.extract_all(r"\w+")
    lengths = words.list.len().to_numpy().astype(np.int64)
    flat = words.explode(empty_as_null=False).to_frame("word").select(hashed("word", "shingle"))
    shingles, counts = _shingles(flat.to_series().to_numpy().astype(np.uint64), lengths, ngram)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    minhash: Any = vars(rensa)["RMinHash"]
    matrix = minhash.digest_matrix_from_flat_token_hashes(shingles, offsets, ENTRIES, _SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(texts), ENTRIES)


def is_blank(signed: Signatures) -> NDArray[np.bool_]:
    """Say which signatures are those of texts without a word."""
    return (signed == np.uint32(2**32 - 1)).all(axis=1)


def band_rows(threshold: float) -> int:
    """Return the entries of a band: as many as still find a pair at the threshold with a probability of `RECALL`.

    >>> band_rows(0.8), band_rows(0.5)
    (6, 3)
    """
    found = [rows for rows in range(1, ENTRIES + 1) if 1 - (1 - threshold**rows) ** (ENTRIES // rows) >= RECALL]
    return max(found, default=1)


def band_hashes(signed: Signatures, threshold: float) -> Words:
    """Return a hash of each band of each signature: UInt64, a row per signature; bands differ in what they hash."""
    rows = band_rows(threshold)
    bands = [signed[:, start : start + rows] for start in range(0, ENTRIES // rows * rows, rows)]
    return np.stack([_mixed(band, number) for number, band in enumerate(bands)], axis=1)


def likeness(one: Signatures, others: Signatures) -> NDArray[np.float64]:
    """Return the share of equal entries of one signature with each of others, Float64."""
    return (one == others).mean(axis=1)


def equal_neighbours(hashes: Words, rows: Rows, signed: Signed) -> tuple[Rows, Rows]:
    """Return pairs of `rows` of equal signatures, each with the next in the order of their `hashes` (of whole ones).

    A text that stands there a hundred thousand times gives as many pairs, not their square. `signed` goes by rows.
    """
    order = np.argsort(hashes, kind="stable").astype(np.int64)
    same = hashes[order[:-1]] == hashes[order[1:]]
    before, after = rows[order[:-1][same]], rows[order[1:][same]]
    chunks = [slice(start, start + CHUNK) for start in range(0, before.size, CHUNK)]
    equal = [(signed[before[chunk]] == signed[after[chunk]]).all(axis=1) for chunk in chunks]
    whole = np.concatenate([np.empty(0, np.bool_), *equal])
    return before[whole], after[whole]


def edges_in_band(hashes: Words, rows: Rows, signed: Signed, threshold: float, roots: Rows) -> Iterator[Rows]:
    """Yield rows that are alike, as arrays whose first row is like each of the others, among those that share a hash.

    `hashes` are those of `rows`, by which `signed` and `roots` are indexed. Rows of one root are in one group already
    and not compared again, which changes no group. `roots` may be brought up to date between two yields.
    """
    order = np.argsort(hashes, kind="stable")
    ranked, placed = hashes[order], rows[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    sizes = np.diff(np.append(starts, ranked.size))
    twos = starts[sizes == PAIR]
    yield from _pairs(placed[twos], placed[twos + 1], signed, threshold, roots)
    for start, size in zip(starts[sizes > PAIR], sizes[sizes > PAIR], strict=True):
        yield from _alike(placed[start : start + size], signed, threshold, roots)


def _pairs(one: Rows, other: Rows, signed: Signed, threshold: float, roots: Rows) -> Iterator[Rows]:
    """Yield those pairs that are alike; most bands of most texts that share one are shared by two."""
    for start in range(0, one.size, CHUNK):
        a, b = one[start : start + CHUNK], other[start : start + CHUNK]
        apart = roots[a] != roots[b]
        a, b = a[apart], b[apart]
        alike = (signed[a] == signed[b]).mean(axis=1) >= threshold
        yield from np.stack([a[alike], b[alike]], axis=1)


def _alike(rows: Rows, signed: Signed, threshold: float, roots: Rows) -> Iterator[Rows]:
    here = signed[rows]
    for place in range(rows.size - 1):
        after = np.arange(place + 1, rows.size)
        others = after[roots[rows[after]] != roots[rows[place]]]
        if others.size:
            alike = others[likeness(here[place], here[others]) >= threshold]
            if alike.size:
                yield rows[np.concatenate([[place], alike])]


def join(parents: Rows, rows: Rows) -> None:
    """Put rows into one group, in place: `parents` leads from each row to the smallest row of its group."""
    tops = [top(parents, int(row)) for row in rows]
    first = min(tops)
    parents[tops] = first
    parents[rows] = first


def top(parents: Rows, row: int) -> int:
    """Return the smallest row of a row's group."""
    while parents[row] != row:
        parents[row] = parents[parents[row]]
        row = int(parents[row])
    return row


def flatten(parents: Rows) -> None:
    """Let each row lead to the top of its group at once, in place."""
    while True:
        higher = parents[parents]
        if np.array_equal(higher, parents):
            return
        parents[:] = higher


def _shingles(words: Words, lengths: Rows, ngram: int) -> tuple[Words, Rows]:
    """Return the hashes of all texts' shingles in one run, and how many each text has."""
    ends = np.cumsum(lengths)
    end = np.repeat(ends, lengths)
    place = np.arange(words.size, dtype=np.int64)
    made = words.copy()
    for step in range(1, ngram):
        inside = place + step < end
        made[inside] = made[inside] * _PRIME + words[place[inside] + step]
    first = place == np.repeat(ends - lengths, lengths)
    whole = (place + ngram <= end) | first
    counts = np.where(lengths > 0, np.maximum(lengths - ngram + 1, 1), 0)
    return made[whole], counts


def _mixed(band: Signatures, number: int) -> Words:
    """Return one hash of each row of a band."""
    made = np.full(band.shape[0], number + 1, dtype=np.uint64)
    for column in band.T:
        made = (made ^ column) * _PRIME
        made ^= made >> np.uint64(29)
    return made
