"""Whether memory stays flat: the peak of a whole run over 1 and 10 times the rows, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from evenly.catalogue import write_catalogue
from evenly.catalogue.recipe import demo_recipe_text
from machine import keep

STEPS = {
    "the demo's recipe": "",
    "with unique and near_unique": "  - unique: {columns: title}\n  - near_unique: {column: text}\n",
}

RUN = """
import json, sys, time, evenly
begun = time.perf_counter()
manifest = evenly.run(sys.argv[1], sys.argv[2], profile=True).manifest
peak = max(phase["peak_memory"] for phase in manifest["profile"].values())
seconds = round(time.perf_counter() - begun, 1)
print(json.dumps({"read": manifest["rows"]["read"], "megabytes": peak // 10**6, "seconds": seconds}))
"""


def measure(folder: Path, rows: int, steps: str) -> dict[str, float]:
    """Run the demo's recipe over so many listings; return its peak of memory and its seconds."""
    write_catalogue(folder / "catalogue", rows)
    text = demo_recipe_text(rows * 3 // 4, 42).replace("template:\n", f"{steps}template:\n", 1)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8")
    environment = {**os.environ, "EVENLY_CACHE": str(folder / "cache")}
    command = [sys.executable, "-c", RUN, str(folder / "recipe.yaml"), str(folder / "out")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main(rows: int = 400_000) -> None:
    """Measure both scales of both recipes and print the ratios: `rows` and ten times as many."""
    result: dict[str, object] = {}
    for name, steps in STEPS.items():
        sides: list[dict[str, float]] = []
        for scale in (1, 10):
            with tempfile.TemporaryDirectory() as folder:
                sides.append(measure(Path(folder), rows * scale, steps))
        one, ten = sides
        ratio = ten["megabytes"] / one["megabytes"]
        print(
            f"{name}: {one['megabytes']:,} MB for {one['read']:,} rows, {ten['megabytes']:,} MB for {ten['read']:,}: "
            f"{ratio:.2f} times the memory for 10 times the rows"
        )
        result[name] = {"one": one, "ten": ten, "memory_ratio": round(ratio, 2)}
    keep("memory", result, "polars")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
