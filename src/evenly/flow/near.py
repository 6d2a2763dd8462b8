"""`near_unique` over the whole pool: signatures on disk, joined into groups band by band, all but one of each lost.

A record takes 512 bytes of disk for its signature, 8 for each band, 36 for who it is; they are mapped, so that memory
holds what a band is worked on with: some 40 bytes a record, in partitions by hash beyond a few million.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from evenly.columns import ID, LINE, PIECE
from evenly.core.duplicates import PLACE
from evenly.core.hashing import hashed
from evenly.core.near import (
    ENTRIES,
    band_hashes,
    edges_in_band,
    equal_neighbours,
    flatten,
    join,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Array = NDArray[Any]

PARTITION_ROWS: Final = 4_000_000
"""Records whose band is looked at together."""

ORDER: Final = ("first", "second")
"""Hashes of a record's id, by the first of which a group's records are in order."""

LOOKED_BYTES: Final = 2**28
"""Pages of the signatures' file that may stay in memory."""

CHUNK_ROWS: Final = 100_000
"""Signatures whose bands are hashed at a time."""


def near_losers(keys: Iterable[pl.DataFrame], rows: int, column: str, threshold: float, scratch: Path) -> pl.DataFrame:
    """Return the places of the records that lose to another of their group: all but the smallest h('duplicate', id).

    `keys` are frames of `__id__`, `__piece__`, `__line__` and signatures in `column` (Binary, 512 bytes), `rows` in all
    at most; `scratch` is where the arrays lie. The result has `__piece__` and `__line__`.
    """
    ranked = _grouped(keys, rows, column, threshold, scratch).sort("group", *ORDER)
    return ranked.filter(pl.int_range(pl.len()).over("group") > 0).select(*PLACE)


def near_groups(keys: Iterable[pl.DataFrame], rows: int, column: str, threshold: float, scratch: Path) -> pl.DataFrame:
    """Return the records that are alike others: `__piece__`, `__line__`, and `first`, `second`, what names their group.

    That is the smallest h('duplicate', id) of it, with a second hash of the same id. See `near_losers` for the rest.
    """
    found = _grouped(keys, rows, column, threshold, scratch)
    names = found.sort("group", *ORDER).group_by("group", maintain_order=True).agg(pl.col(ORDER).first())
    return found.select("group", *PLACE).join(names, on="group").drop("group")


def _grouped(keys: Iterable[pl.DataFrame], rows: int, column: str, threshold: float, scratch: Path) -> pl.DataFrame:
    """Return the records that are alike others: `group`, Int64, `first` and `second`, and their places."""
    with tempfile.TemporaryDirectory(prefix="near-", dir=scratch) as folder:
        store = _Store(Path(folder), rows)
        for frame in keys:
            store.add(frame, column)
        return _alike(store, _groups(store, threshold))


class _Store:
    """What is known of each record, in files that are mapped into memory."""

    def __init__(self, folder: Path, rows: int) -> None:
        """Make room for `rows` records."""
        self.folder = folder
        self.count = 0
        self._added = 0
        self._rows = max(rows, 1)
        self._maps: list[np.memmap[Any, Any]] = []
        self.signed = self.room("signed", np.uint32, (self._rows, ENTRIES))
        self.piece, self.line = self.room("piece", np.uint32), self.room("line", np.uint64)
        self.first, self.second = self.room("first", np.uint64), self.room("second", np.uint64)

    def room(self, name: str, dtype: Any, shape: tuple[int, ...] | None = None) -> Array:  # noqa: ANN401 - numpy's types
        """Return an array of zeros in a file, whose room on the disk is taken now: a write to a map can't fail."""
        shape = shape or (self._rows,)
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with (self.folder / name).open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        mapped = np.memmap(self.folder / name, dtype=dtype, mode="r+", shape=shape)
        self._maps.append(mapped)
        return mapped.view(np.ndarray)  # whose items come three times as fast

    def forget(self) -> None:
        """Let go of what of the files is in memory; it stays in them, and is read again when it is asked for."""
        for mapped in self._maps:
            pages: mmap.mmap = getattr(mapped, "_mmap")  # noqa: B009 - numpy gives it no other name
            if hasattr(mmap, "MADV_DONTNEED"):
                pages.madvise(mmap.MADV_DONTNEED)

    def add(self, frame: pl.DataFrame, column: str) -> None:
        """Add records."""
        here = slice(self.count, self.count + frame.height)
        joined = b"".join(frame[column].to_list())
        self.signed[here] = np.frombuffer(joined, dtype="<u4").reshape(-1, ENTRIES)
        self.piece[here], self.line[here] = frame[PIECE].to_numpy(), frame[LINE].to_numpy()
        order = frame.select(first=hashed(ID, "duplicate"), second=hashed(ID, "identity-2"))
        self.first[here], self.second[here] = order["first"].to_numpy(), order["second"].to_numpy()
        self.count += frame.height
        self._added += frame.height
        if self._added >= CHUNK_ROWS:
            self._added = 0
            self.forget()


class _Signed:
    """The signatures, by rows; of their file no more stays in memory than `LOOKED_BYTES` of pages."""

    def __init__(self, store: _Store) -> None:
        """Look at a store's."""
        self._store = store
        self._looked = 0

    def __getitem__(self, rows: Array) -> Array:
        """Return the signatures of some rows."""
        self._looked += rows.size * mmap.PAGESIZE  # a row's page, and those around it that come with it
        if self._looked > LOOKED_BYTES:
            self._looked = 0
            self._store.forget()
        return self._store.signed[rows]


def _groups(store: _Store, threshold: float) -> Array:
    """Return each record's group: the number of its smallest record."""
    parents = store.room("parents", np.int64)[: store.count]
    parents[:] = np.arange(store.count)
    whole = _hashes(store, "whole", 1.0)[0]
    for rows, _ in _partitions(whole, np.arange(store.count)):
        signed = _Signed(store)
        before, after = equal_neighbours(whole[rows], rows, signed) if rows.size > 1 else (rows[:0], rows[:0])
        for pair in zip(before.tolist(), after.tolist(), strict=True):
            join(parents, np.array(pair))
    flatten(parents)
    distinct = np.flatnonzero(parents == np.arange(store.count))
    for band in _hashes(store, "bands", threshold):
        for rows, hashes in _partitions(band, distinct):
            for alike in edges_in_band(hashes, rows, _Signed(store), threshold, parents):
                join(parents, alike)
        flatten(parents)
        store.forget()
    return parents


def _hashes(store: _Store, name: str, threshold: float) -> Array:
    """Return the hashes of each band: UInt64, a row per band."""
    bands = band_hashes(store.signed[:1], threshold).shape[1]
    made = store.room(name, np.uint64, (bands, max(store.count, 1)))
    for start in range(0, store.count, CHUNK_ROWS):
        here = slice(start, min(start + CHUNK_ROWS, store.count))
        made[:, here] = band_hashes(store.signed[here], threshold).T
        store.forget()
    return made[:, : store.count]


def _partitions(hashes: Array, rows: Array) -> Iterable[tuple[Array, Array]]:
    """Yield some rows and their hashes, in partitions that hold equal hashes together."""
    slices = -(-rows.size // PARTITION_ROWS)
    for number in range(slices):
        here = rows if slices == 1 else rows[hashes[rows] % np.uint64(slices) == number]
        yield here, np.asarray(hashes[here])


def _alike(store: _Store, parents: Array) -> pl.DataFrame:
    sizes = np.bincount(parents, minlength=1)
    rows = np.flatnonzero(sizes[parents] > 1)
    held = {"group": parents, "first": store.first, "second": store.second, PIECE: store.piece, LINE: store.line}
    frame = pl.DataFrame({name: np.asarray(values[rows]) for name, values in held.items()})
    return frame.with_columns(pl.col(PIECE).cast(pl.UInt32), pl.col(LINE).cast(pl.UInt64))
