"""Evenly's own: the recipe over its cached pool, to Parquet with card, ledger and manifest.

python balance_evenly.py FOLDER ROWS
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from meter import Meter

import evenly


def main(folder: str, rows: str) -> None:
    """Balance and tell; the imports are timed, as the notebook's unpickling is."""
    os.environ["EVENLY_CACHE"] = str(Path(folder, "cache"))
    meter = Meter()
    with tempfile.TemporaryDirectory() as out:
        done = evenly.run(Path(folder, "recipe.yaml"), Path(out, "out"))
        meter.add(int(rows))
        meter.marks.insert(0, (0.0, 0))
        if not done.pool_reused:
            message = "the pool was not there: run benchmarks/balance.py, which makes it"
            raise SystemExit(message)
    meter.report(map(str, range(done.manifest["rows"]["selected"])))


if __name__ == "__main__":
    main(*sys.argv[1:])
