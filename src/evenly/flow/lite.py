"""The lite set: the first rows of some splits, as a dataset of its own in `lite/`, for a first try at training."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import polars as pl

from evenly.columns import SPLIT, STRATUM
from evenly.core.split import lite_rows
from evenly.io.manifest import file_entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evenly.flow.draw import Draw
    from evenly.recipe.model import Recipe


def write_lite(recipe: Recipe, drawn: Draw, folder: Path) -> list[dict[str, Any]]:
    """Write the lite subsets of the splits whose files are in `folder`; return the files' entries.

    A split's rows come in a shuffled order, so its first rows are a sample of it; the same recipe gives the same ones.
    """
    if not recipe.split.lite:
        return []
    (folder / "lite").mkdir()
    entries: list[dict[str, Any]] = []
    for split, count in recipe.split.lite.items():
        placed = drawn.placed.filter(pl.col(SPLIT) == split)
        of_split = placed.group_by(pl.col(STRATUM).alias("stratum")).agg(pl.len().alias("rows"))
        rows = lite_rows(_first_rows(folder, split, recipe.export.files, count), of_split)
        size = recipe.export.shard_rows
        shards = -(-count // size)
        for number in range(shards):
            path = folder / "lite" / f"{split}-{number:05d}-of-{shards:05d}.{recipe.export.files}"
            shard = rows.slice(number * size, size)
            if recipe.export.files == "jsonl":
                shard.write_ndjson(path)
            else:
                shard.write_parquet(path, compression="zstd")
            entries.append(file_entry(folder, path, shard.height))
    return entries


def _first_rows(folder: Path, split: str, ending: str, count: int) -> pl.DataFrame:
    """Read a split's first rows from its files, opening no more of them than that takes."""
    files = sorted((folder / "data").glob(f"{split}-*.{ending}"))
    frames: list[pl.DataFrame] = []
    wanted = count
    for path in files:
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
