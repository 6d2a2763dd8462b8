"""What inputs are cut into: pieces for workers, blocks for memory. `evenly.io.readers` cuts and reads them.

A piece is what one worker reads: a byte range of a plain JSON Lines file, a Parquet row group, or a whole compressed or
CSV file. A block is some 16 MB of it: the good rows as a frame, the bad ones with line, reason and raw text.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


BLOCK_BYTES: Final = 16 * 2**20
"""Bytes of a block of JSON Lines, and of a piece."""

LINE_BYTES: Final = 64 * 2**20
"""Longest line, or element of an array: no record of text is as long, and a file without a line end is all one line."""

TOO_LONG: Final = f"longer than {LINE_BYTES // 2**20} MiB"
"""Why such a line is rejected."""

SHOWN_BYTES: Final = 1_000
"""Bytes of a line that is too long that are kept, to be shown."""

FORMATS: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
"""Ending -> format, once that of a compression is taken off."""

COMPRESSIONS: Final = (".gz", ".zst", ".bz2")


@dataclass(frozen=True)
class File:
    """An input file: where its bytes lie on this machine, and what it is called; it prints as its name.

    Attributes:
        path: a local path, for a remote file that of the copy in a cache.
        name: the path as the recipe gives it, or the address of a remote file: what errors, ledger and manifest show.
        version: what says which state of a remote file it is (an etag, a commit); None for a local file.
        delimiter, encoding: of a text file, where the recipe names them; None where they are to be found.
    """

    path: Path
    name: str
    version: str | None = None
    delimiter: str | None = None
    encoding: str | None = None

    @classmethod
    def at(cls, path: Path) -> File:
        """Return the local file at a path, called by it."""
        return cls(path, _as_utf8(path))

    @property
    def place(self) -> str:
        """Where the file is, whatever folder one works in: an absolute path, or the address of a remote file."""
        return _as_utf8(self.path.absolute()) if self.version is None else self.name

    def __str__(self) -> str:
        """Return the file's name."""
        return self.name


def _as_utf8(path: Path) -> str:
    """Return a path as its bytes read in UTF-8, whatever the locale makes of them."""
    return os.fsencode(path.as_posix()).decode("utf-8", "surrogateescape")


@dataclass(frozen=True)
class Rejected:
    """A row that could not be read: its line within the piece (from 0), why, and its raw text."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Block:
    """Some rows of a piece.

    Attributes:
        frame: the good rows: the columns asked for, and `__line__` UInt64, the line within the piece from 0.
        rejected: the bad rows. Rows read = frame.height + len(rejected); blank lines are no rows.
        types: column read as `any` -> the JSON types met (integer, number, boolean, text).
        lines: lines of the file that the block covers, blank ones too; 0 where rows are numbered otherwise.
    """

    frame: pl.DataFrame
    rejected: list[Rejected]
    types: Mapping[str, frozenset[str]]
    lines: int = 0


@dataclass(frozen=True)
class Piece:
    """What one worker reads: bytes start..stop of a file, row groups start..stop of a Parquet file, or all of it."""

    index: int
    file: File
    format: str
    start: int
    stop: int
    lines: int
    """Lines of the pieces before this one in the same file, where that is known without reading (Parquet), else 0."""
    source: int = 0
    """The number of the recipe's source that the file belongs to."""


def format_of(file: File, named: str | None) -> str:
    """Return a file's format by the recipe or its ending.

    Raises:
        DataError: for an ending that says nothing.
    """
    if named is not None:
        return named
    endings = [ending for ending in file.path.suffixes if ending not in COMPRESSIONS]
    if endings and endings[-1] in FORMATS:
        if FORMATS[endings[-1]] in {"parquet", "arrow"} and file.path.suffix in COMPRESSIONS:
            kind = FORMATS[endings[-1]].capitalize()
            message = f"{file}: {kind} is packed within; a file packed once more can't be read in parts. Unpack it."
            raise DataError(message)
        return FORMATS[endings[-1]]
    message = (
        f"{file}: the ending says no format. Name it: `format: jsonl`, csv, parquet or arrow, in the recipe's source."
    )
    raise DataError(message)


def unreadable(file: File, fault: Exception) -> DataError:
    """Return the error for a file that can't be opened or whose bytes can't be unpacked."""
    why = getattr(fault, "strerror", None) or " ".join(str(fault).split()) or type(fault).__name__
    return DataError(f"{file}: can't be read: {why}. Check the file, or leave it out of the recipe's `files`.")


def as_record(fields: Mapping[str, Any]) -> str:
    """Return all of a row as JSON, the same for the same content: keys sorted, nulls left out."""
    held = {key: value for key, value in fields.items() if value is not None}
    return json.dumps(held, sort_keys=True, ensure_ascii=False, default=str)


def as_number(text: str) -> float | None:
    """Return a text that reads as a number as one, NaN too, or None."""
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def as_lists(name: str) -> pl.Expr:
    """Return a column of scalars as lists of one text each, null for null."""
    return pl.when(pl.col(name).is_not_null()).then(pl.concat_list(pl.col(name).cast(pl.String))).alias(name)


def is_compressed(file: File) -> bool:
    """Say whether a file ends like a packed file, which can only be read from its beginning."""
    return file.path.suffix in COMPRESSIONS
