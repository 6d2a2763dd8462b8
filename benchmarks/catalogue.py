"""How fast the demo's listings are made: listings per second, beside json.dumps of the same rows."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from evenly.catalogue import write_catalogue
from machine import keep

ROWS = 300_000


def main() -> None:
    """Make a catalogue, read it, and write its rows again with json.dumps; print the ratio of the two."""
    with tempfile.TemporaryDirectory() as folder:
        write_catalogue(Path(folder), 1_000)  # the tables are made once
        begun = time.perf_counter()
        made = write_catalogue(Path(folder), ROWS)
        ours = ROWS / (time.perf_counter() - begun)
        rows: list[object] = []
        for path in made.files:
            for line in path.read_bytes().splitlines():
                try:
                    rows.append(json.loads(line))
                except ValueError:
                    continue  # one in 2,000 is broken on purpose
        begun = time.perf_counter()
        with (Path(folder) / "again.jsonl").open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        theirs = len(rows) / (time.perf_counter() - begun)
    print(f"catalogue {ours:10,.0f} listings/s, json.dumps of the same {theirs:10,.0f}: {ours / theirs:.2f} times")
    keep("catalogue", {"listings_per_second": round(ours), "ratio_to_json_dumps": round(ours / theirs, 2)}, "numpy")


if __name__ == "__main__":
    main()
