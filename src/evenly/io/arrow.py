"""Arrow files: IPC files (Feather), by record batches, and IPC streams, which Hugging Face `datasets` writes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa
from pyarrow import ipc

from evenly.io.blocks import unreadable
from evenly.io.tables import BATCH_ROWS, block_of, columns_of, wanted_columns

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from evenly.io.blocks import Block, File, Piece
    from evenly.recipe.needs import Need

MAGIC: Final = b"ARROW1"
"""What an IPC file begins with; a stream begins with its first message."""


def read(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield record batches start..stop of an Arrow file; see `evenly.io.blocks`.

    Raises:
        DataError: when a column is not what the recipe needs, or the file is damaged.
    """
    row = 0
    try:
        with _opened(piece.file) as (reader, is_file):
            names = wanted_columns(reader.schema, needs)
            for batch in _batches(reader, range(piece.start, piece.stop) if is_file else None):
                thin = batch.select(names)
                for start in range(0, max(thin.num_rows, 1), BATCH_ROWS):
                    part = thin.slice(start, BATCH_ROWS)
                    yield replace(block_of(part, row + start, needs, piece.file), lines=part.num_rows)
                row += thin.num_rows
    except (pa.ArrowException, pl.exceptions.PolarsError) as fault:
        raise unreadable(piece.file, fault) from None


def batches(file: File) -> Iterator[tuple[int, int, int]]:
    """Yield (first batch, one after the last, 0) of each piece of an Arrow file; a stream is one piece.

    Rows are numbered as lines are, once all pieces are read: a batch says how many it has only when it is unpacked.

    Raises:
        DataError: when it is no Arrow file.
    """
    try:
        with _opened(file) as (reader, is_file):
            if not is_file:
                yield 0, 0, 0
                return
            for number in range(reader.num_record_batches):
                yield number, number + 1, 0
    except pa.ArrowException as fault:
        raise unreadable(file, fault) from None


def header_of(file: File) -> dict[str, str]:
    """Return an Arrow file's columns with what they are read as; see `evenly.io.tables`.

    Raises:
        DataError: when it is no Arrow file, or has two columns of one name.
    """
    try:
        with _opened(file) as (reader, _):
            return columns_of(reader.schema, file)
    except (pa.ArrowException, OSError) as fault:
        raise unreadable(file, fault) from None


@contextmanager
def _opened(file: File) -> Generator[tuple[Any, bool]]:
    """Open an Arrow file, mapped into memory; say whether it is one of batches in any order, or a stream."""
    with file.path.open("rb") as start:
        is_file = start.read(len(MAGIC)) == MAGIC
    open_reader: Any = ipc.open_file if is_file else ipc.open_stream
    name: Any = os.fsencode(file.path)  # bytes, since pyarrow would write a text in UTF-8 whatever the locale is
    with pa.memory_map(name) as source, open_reader(source) as reader:
        yield reader, is_file


def _batches(reader: Any, wanted: range | None) -> Iterator[Any]:  # noqa: ANN401 - either of pyarrow's readers
    if wanted is None:
        yield from reader
        return
    for number in wanted:
        yield reader.get_batch(number)
