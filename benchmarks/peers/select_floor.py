"""The floor of a draw by keys: a hash and a logarithm for each record, its slot, the slots' counts, one comparison.

On two threads, nothing is decided by it.

python select_floor.py FILE ROWS
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
from meter import Meter

from evenly.core.hashing import hashed, uniform

KEPT = 0.1
"""The key up to which records are kept: as many as are drawn, about."""


def keyed(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a frame's counts by slot, and the ids of the smallest keys."""
    slot = pl.col("price").round(0).cast(pl.Int64).alias("slot")
    key = -(-uniform(hashed("__id__", "select", 42))).log1p()
    frame = frame.select("__id__", slot, key.alias("key"))
    return frame.group_by("slot").len(), frame.filter(pl.col("key") <= KEPT)


def main(path: str, rows: str) -> None:
    """Hash and tell."""
    data = np.load(path, allow_pickle=False)
    frame = pl.DataFrame(
        {"__id__": [f"B{number:09d}" for number in range(int(rows))], "price": data["price"][: int(rows)]}
    )
    meter = Meter()
    half = frame.height // 2
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(keyed, [frame[:half], frame[half:]]))
        pl.concat(counts for counts, _ in found).group_by("slot").agg(pl.col("len").sum())
        kept = pl.concat(kept for _, kept in found)
    meter.add(int(rows))
    meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(kept.height)))


if __name__ == "__main__":
    main(*sys.argv[1:])
