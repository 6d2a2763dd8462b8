"""Evenly's own: the shipped recipe from raw lines to the pool.

python evenly_curate.py TOKENIZER ROWS FILE...
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from meter import Meter

from evenly.core.template import render
from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.io.pool import Pool
from evenly.recipe.load import read_recipe
from evenly.recipe.model import Recipe
from evenly.reporting.progress import Silent

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "price-is-right-2024.yaml"


class Metered(LocalEngine):
    """The local engine, which notes when each piece is done."""

    def __init__(self, meter: Meter) -> None:
        """Use two workers."""
        super().__init__(2)
        self.meter = meter

    def map(self, function: Any, items: Any, *, python: bool = False) -> Iterator[Any]:
        """Map, and note."""
        for result in super().map(function, items, python=python):
            if python:
                self.meter.add(result.read)
            yield result


def prompts(pool: Pool, recipe: Recipe) -> Iterator[str]:
    """Yield the pool's prompts."""
    for number in range(len(pool.index.parts)):
        rendered = render(pool.part(number), recipe.template)
        yield from rendered.select(pl.col("__prompt__") + pl.col("__completion__")).to_series()


def main(tokenizer: str, _rows: str, *files: str) -> None:
    """Curate and tell."""
    recipe = read_recipe(RECIPE, [f"sources.0.files={list(files)}", f"tokenizer={tokenizer}"])
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVENLY_CACHE"] = folder
        meter = Meter()
        pool, _ = open_pool(recipe, Metered(meter), Silent())
        meter.report(prompts(pool, recipe))


if __name__ == "__main__":
    main(*sys.argv[1:])
