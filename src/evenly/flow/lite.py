"""The lite set: the first rows of some splits, as a dataset of its own in `lite/`, for a first try at training."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from evenly.columns import SPLIT, STRATUM
from evenly.core.split import lite_rows
from evenly.flow.delivery import Written
from evenly.io.manifest import file_entry
from evenly.io.splits import first_rows

if TYPE_CHECKING:
    from evenly.flow.delivery import Delivery, Writing


def lite_writings(delivery: Delivery) -> list[Writing]:
    """Return what writes the lite subset of each split, once the split's own files are there.

    A split's rows come in a shuffled order, so its first rows are a sample of it; the same recipe gives the same ones.
    """
    return [partial(_write_lite, split, count) for split, count in (delivery.recipe.split.lite or {}).items()]


def _write_lite(split: str, count: int, delivery: Delivery) -> Written:
    export, folder = delivery.recipe.export, delivery.folder
    of_split = delivery.drawn.counts.filter(pl.col(SPLIT) == split).select(pl.col(STRATUM).alias("stratum"), "rows")
    rows = lite_rows(first_rows(folder, split, export.files, count), of_split)
    entries: list[dict[str, Any]] = []
    shards = -(-count // export.shard_rows)
    for number in range(shards):
        path = delivery.place(f"{split}-{number:05d}-of-{shards:05d}.{export.files}", "lite")
        shard = rows.slice(number * export.shard_rows, export.shard_rows)
        if export.files == "jsonl":
            shard.write_ndjson(path)
        else:
            shard.write_parquet(path, compression="zstd")
        entries.append(file_entry(folder, path, shard.height))
    return Written(files=entries)
