"""Half of the floor: the fast tokenizer over the cleaned texts once, on two processes, and nothing else.

    python floor_encode.py TOKENIZER ROWS FILE...

Runs in Evenly's environment. The texts are cleaned before the clock starts, and how slowly processes start is left out.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import polars as pl
from meter import Meter

from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.io.tokenizers import load_tokenizer
from evenly.recipe.load import read_recipe
from evenly.reporting.progress import Silent

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "price-is-right-2024.yaml"


def encode(path: str, tokenizer: str) -> int:
    """Encode the texts of a part, and throw the tokens away."""
    texts = pl.read_parquet(path, columns=["text"], glob=False)["text"].to_list()
    load_tokenizer(tokenizer).encode(texts)
    return len(texts)


def main(tokenizer: str, _rows: str, *files: str) -> None:
    """Encode and tell."""
    # the whole cleaned text, before it is cut: without the tokens step's truncation
    settings = [f"sources.0.files={list(files)}", f"tokenizer={tokenizer}", "curate.8.tokens.truncate=100000"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVENLY_CACHE"] = folder
        engine = LocalEngine(2, 1)
        pool, _ = open_pool(read_recipe(RECIPE, settings), engine, Silent())
        paths = [str(pool.folder / "kept" / part["name"]) for part in pool.index.parts]
        meter = Meter()
        work = partial(encode, tokenizer=tokenizer)
        times = [time.perf_counter() for _ in engine.map(work, paths, python=True)]
        seconds = (times[-1] - times[4]) * len(times) / (len(times) - 5)
        meter.marks = [(0.0, 0), (seconds, pool.index.read)]
        meter.report([])


if __name__ == "__main__":
    main(*sys.argv[1:])
