"""The floor of a balance: what has to be read and written, once each, by Polars on two threads; nothing is decided.

Read of all records: id, line, label, category; and their texts, of which one in seven is taken. Written: these as five
Parquet files, and a ledger of all records with a random number each, as a key is.

python balance_floor.py FOLDER ROWS
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from meter import Meter

TOGETHER = 30
"""Parts that are read at once."""

SHARE = 7
"""One in so many records is written; the recipe draws as many."""

SHARDS = 5

LEDGERS = 3


def main(folder: str, rows: str) -> None:
    """Read, write and tell; the import is timed, as Evenly's are."""
    meter = Meter()
    import numpy as np  # noqa: PLC0415
    import polars as pl  # noqa: PLC0415

    parts = sorted(Path(folder, "cache", "pools").glob("*/kept/*.parquet"))
    batches = [parts[start : start + TOGETHER] for start in range(0, len(parts), TOGETHER)]

    def records(batch: list[Path]) -> pl.DataFrame:
        columns = ["__id__", "__piece__", "__line__", "price", "category"]
        frame = pl.scan_parquet(batch, glob=False).select(columns).collect()
        return frame.with_columns(pl.Series("key", np.random.default_rng(0).random(frame.height)))

    def texts(batch: list[Path]) -> pl.DataFrame:
        columns = ["__id__", "text", "price", "category"]
        return pl.scan_parquet(batch, glob=False).select(columns).collect().gather_every(SHARE)

    with tempfile.TemporaryDirectory() as out, ThreadPoolExecutor(2) as threads:
        ledger, taken = pl.concat(threads.map(records, batches)), pl.concat(threads.map(texts, batches))
        files = [ledger[number::LEDGERS] for number in range(LEDGERS)]
        files += [taken[number::SHARDS] for number in range(SHARDS)]

        def write(numbered: tuple[int, pl.DataFrame]) -> None:
            number, frame = numbered
            level = 1 if number < LEDGERS else None
            frame.write_parquet(Path(out, f"{number}.parquet"), compression="zstd", compression_level=level)

        list(threads.map(write, enumerate(files)))
        meter.add(int(rows))
        meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(taken.height)))


if __name__ == "__main__":
    main(*sys.argv[1:])
