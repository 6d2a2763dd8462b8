"""Inputs as pieces, pieces as blocks: one path to rows for every format, in the memory of one block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evenly.errors import DataError
from evenly.io import arrays, arrow, csvs, jsonl, parquet
from evenly.io.blocks import BLOCK_BYTES, Piece, format_of, is_compressed, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evenly.io.blocks import Block, File
    from evenly.recipe.needs import Need

READERS: Final[dict[str, Callable[[Piece, Sequence[Need]], Iterator[Block]]]] = {
    "jsonl": jsonl.read,
    "json": jsonl.read,
    "csv": csvs.read,
    "parquet": parquet.read,
    "arrow": arrow.read,
}
"""Format -> its reader."""


def cut_into_pieces(
    files: Sequence[File],
    named_format: str | None,
    where: str = "recipe.sources[0].files",
    source: int = 0,
    first: int = 0,
) -> list[Piece]:
    """Return the pieces of a source's files, in the order given, numbered from `first`; `where` is their place.

    Raises:
        DataError: for a file that can't be opened, or when the files are of several formats.
    """
    pieces: list[Piece] = []
    kinds = {format_of(file, named_format): file for file in files}
    if len(kinds) > 1:
        shown = " and ".join(f"{kind} ({file})" for kind, file in sorted(kinds.items()))
        message = f"{where}: they have one format, found {shown}. Name the files of one."
        raise DataError(message)
    for file in files:
        kind = format_of(file, named_format)
        if kind == "jsonl" and arrays.is_array(file, named_format):
            kind = "json"
        for start, stop, lines in _ranges(file, kind):
            pieces.append(Piece(first + len(pieces), file, kind, start, stop, lines, source))
    return pieces


def read_blocks(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield the blocks of a piece, in order.

    Raises:
        DataError: for a file that can't be read, or lacks a column (formats whose columns are known at once).
    """
    try:
        yield from READERS[piece.format](piece, needs)
    except OSError as fault:
        raise unreadable(piece.file, fault) from None


def _ranges(file: File, kind: str) -> Iterator[tuple[int, int, int]]:
    try:
        size = file.path.stat().st_size
        if kind == "parquet":
            yield from parquet.row_groups(file)
        elif kind == "arrow":
            yield from arrow.batches(file)
        elif kind in {"csv", "json"} or is_compressed(file):
            yield 0, size, 0
        else:
            for start in range(0, max(size, 1), BLOCK_BYTES):
                yield start, min(start + BLOCK_BYTES, size), 0
    except OSError as fault:
        raise unreadable(file, fault) from None
