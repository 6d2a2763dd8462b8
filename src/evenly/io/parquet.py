"""Parquet by row groups."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from evenly.io.blocks import unreadable
from evenly.io.tables import BATCH_ROWS, block_of, columns_of, wanted_columns

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from evenly.io.blocks import Block, File, Piece
    from evenly.recipe.needs import Need


def read(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield row groups start..stop of a Parquet file; see `evenly.io.blocks`.

    Raises:
        DataError: when a column is not what the recipe needs, or the file is damaged.
    """
    groups = list(range(piece.start, piece.stop))
    row = 0
    try:
        with _opened(piece.file) as opened:
            names = wanted_columns(opened.schema_arrow, needs)
            for batch in opened.iter_batches(batch_size=BATCH_ROWS, row_groups=groups, columns=names):
                yield block_of(batch, row, needs, piece.file)
                row += batch.num_rows
    except (pa.ArrowException, pl.exceptions.PolarsError) as fault:
        raise unreadable(piece.file, fault) from None


def row_groups(file: File) -> Iterator[tuple[int, int, int]]:
    """Yield (first row group, one after the last, rows before) of each piece of a Parquet file.

    Raises:
        DataError: when it is no Parquet file.
    """
    try:
        with _opened(file) as opened:
            metadata = opened.metadata
    except (pa.ArrowException, OSError) as fault:
        raise unreadable(file, fault) from None
    rows = 0
    for group in range(metadata.num_row_groups):
        yield group, group + 1, rows
        rows += metadata.row_group(group).num_rows


def rows_of(file: File) -> int:
    """Return how many rows a Parquet file says that it has.

    Raises:
        DataError: when it is no Parquet file.
    """
    try:
        with _opened(file) as opened:
            return int(opened.metadata.num_rows)
    except (pa.ArrowException, OSError) as fault:
        raise unreadable(file, fault) from None


def header_of(file: File) -> dict[str, str]:
    """Return a Parquet file's columns with what they are read as; see `evenly.io.tables`.

    Raises:
        DataError: when it is no Parquet file, or has two columns of one name.
    """
    try:
        with _opened(file) as opened:
            return columns_of(opened.schema_arrow, file)
    except (pa.ArrowException, OSError) as fault:
        raise unreadable(file, fault) from None


@contextmanager
def _opened(file: File) -> Generator[pq.ParquetFile]:
    """Open a Parquet file by its name's bytes: pyarrow would write a text in UTF-8 whatever the locale is."""
    name: Any = os.fsencode(file.path)
    with pa.OSFile(name, "rb") as source, pq.ParquetFile(source) as opened:
        yield opened
