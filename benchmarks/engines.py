"""The same run on both engines of one machine, two workers each: how long the Ray engine takes, and whether all agrees.

    python benchmarks/engines.py [ROWS [REPEATS]]

A run goes from raw listings to the finished output, without a pool. Ray is started once, before the clock: what it
takes to start is told apart.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import evenly
from contest import listings
from evenly.catalogue.recipe import demo_recipe_text
from evenly.engines.ray import opened
from machine import keep

REACH = 1.3
"""Times the local engine's time that Ray may take."""


def run(engine: str, folder: Path, recipe: Path) -> tuple[float, dict[str, Any]]:
    """Return the seconds and the manifest of a run that finds no pool."""
    os.environ["EVENLY_CACHE"] = str(folder / "cache")
    begun = time.perf_counter()
    manifest = evenly.run(recipe, folder / "out", engine=engine, force=True).manifest
    seconds = time.perf_counter() - begun
    shutil.rmtree(folder / "cache")
    return seconds, manifest


def main(rows: int = 400_000, repeats: int = 3) -> None:
    """Measure, print, keep."""
    files = listings(rows)
    seconds: dict[str, list[float]] = {"local": [], "ray": []}
    results: list[tuple[Any, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = demo_recipe_text(rows * 3 // 4, 42).replace(
            "catalogue/meta_*.jsonl", f"{Path(files[0]).parent}/meta_*.jsonl"
        )
        recipe = folder / "recipe.yaml"
        text = text.replace("keep: [price, category]}", "keep: [price, category], report: false}")  # drawn by no engine
        recipe.write_text(text.replace("template:", "engine: {workers: 2}\ntemplate:", 1), encoding="utf-8")
        begun = time.perf_counter()
        with opened(None, 2):
            started = time.perf_counter() - begun
            for turn in range(repeats + 1):  # the first loads libraries and tokenizers
                for engine, times in seconds.items():
                    took, manifest = run(engine, folder, recipe)
                    results.append((manifest["selection_digest"], manifest["files"]))
                    if turn:
                        times.append(took)
                        print(f"{engine} ({turn} of {repeats}) {took:.1f} s")
    same = all(result == results[0] for result in results)
    local, ray = (statistics.median(times) for times in seconds.values())
    print(
        f"ray takes {ray / local:.2f} times as long ({ray:.1f} s and {local:.1f} s), {REACH} wanted; "
        f"it starts in {started:.1f} s"
    )
    print("digests and files are the same" if same else "DIGESTS OR FILES DIFFER")
    told = {"local": round(local, 2), "ray": round(ray, 2), "ray_start": round(started, 1)}
    result = {"rows": rows, "seconds": told, "ratio": round(ray / local, 2), "same_files": same, "ray": version("ray")}
    keep("engines", result, "polars", "ray")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
