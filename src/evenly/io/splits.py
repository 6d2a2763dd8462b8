"""Reading the splits of an output again."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def first_rows(folder: Path, split: str, ending: str, count: int) -> pl.DataFrame:
    """Return a split's first rows, at most `count`, opening no more of its files than that takes."""
    frames: list[pl.DataFrame] = []
    wanted = count
    for path in sorted((folder / "data").glob(f"{split}-*.{ending}")):
        frame = _read(path, wanted)
        frames.append(frame)
        wanted -= frame.height
        if not wanted:
            break
    return pl.concat(frames)


def _read(path: Path, rows: int) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path, n_rows=rows, glob=False)
    return pl.read_ndjson(b"".join(_lines(path, rows)), infer_schema_length=None)


def _lines(path: Path, rows: int) -> Iterator[bytes]:
    with path.open("rb") as lines:
        yield from islice(lines, rows)
