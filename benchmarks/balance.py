"""Balance what was curated, to Parquet: Evenly from its cached pool, beside the notebook's cells from their pickle.

And beside a floor: the bytes that have to be read and written, once each, by Polars.

    python benchmarks/balance.py [ROWS [REPEATS]]

ROWS are raw listings; about seven in ten are curated. Evenly writes a ledger, a card and a manifest besides.
"""

from __future__ import annotations

import os
import pickle
import sys
from typing import TYPE_CHECKING

import polars as pl

from contest import PEERS, ROOT, Contender, compete, listings
from evenly.core.template import render
from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.recipe.load import read_recipe
from evenly.reporting.progress import Silent
from machine import keep

if TYPE_CHECKING:
    from pathlib import Path

TOKENIZER = ROOT.parent / "shared" / "data" / "tokenizers" / "llama-3.1.json"
EVENLY = Contender("evenly", "balance_evenly")
NOTEBOOK = Contender("the notebook's cells", "balance_notebook", "notebook")
FLOOR = Contender("the floor", "balance_floor")
REACH = 10
"""Times the notebook's speed that are wanted."""


def pooled(rows: int) -> Path:
    """Return a folder with the recipe, whose pool is in the folder's cache, which is used from here on."""
    folder = ROOT / ".peers" / f"balance-{rows}"
    recipe = folder / "recipe.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    text = (ROOT / "recipes" / "price-is-right-2024.yaml").read_text(encoding="utf-8")
    text = text.replace("{train: 400000, test: 2000}", "{train: 0.99, test: 0.01}")
    text = text.replace("keep: [price]}", "keep: [price], report: false}")  # the notebook's cells draw nothing either
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("files:", "tokenizer:"))]
    at = next(place for place, line in enumerate(lines) if "- name: amazon" in line) + 1
    lines.insert(at, f"    files: {listings(rows)}")
    recipe.write_text("\n".join([*lines, f"tokenizer: {TOKENIZER}"]), encoding="utf-8")
    os.environ["EVENLY_CACHE"] = str(folder / "cache")
    open_pool(read_recipe(recipe), LocalEngine(), Silent())
    return folder


def prepared(rows: int) -> Path:
    """Return a folder with the recipe, its pool, and the same records as the notebook's pickle."""
    folder = pooled(rows)
    loaded = read_recipe(folder / "recipe.yaml")
    pool, _ = open_pool(loaded, LocalEngine(), Silent())
    pickled = folder / "items.pkl"
    if not pickled.exists():
        sys.path.insert(0, str(PEERS))
        from items import Item  # noqa: PLC0415 - a peer's file

        items: list[Item] = []
        for number in range(len(pool.index.parts)):
            part = render(pool.part(number), loaded.template)
            prompt = pl.col("__prompt__") + pl.col("__completion__")
            shown = part.select("text", "price", "category", "__tokens__", prompt)
            items += [Item(text.partition("\n")[0], *others) for text, *others in shown.iter_rows()]
        with pickled.open("wb") as out:
            pickle.dump(items, out)
    return folder


def main(rows: int = 4_000_000, repeats: int = 3) -> None:
    """Measure, print, keep."""
    if not TOKENIZER.is_file():
        print("left out: the tokenizer file (../shared/data/tokenizers beside the project) is not here")
        return
    found = compete([EVENLY, NOTEBOOK, FLOOR], [str(prepared(rows))], rows, repeats)
    ours, theirs, floor = (found[one.name] for one in (EVENLY, NOTEBOOK, FLOOR))
    for name, one in found.items():
        print(f"{name:24}{one.median('seconds'):8.2f} s{one.memory / 1e6:8,.0f} MB")
    ratio = theirs.median("seconds") / ours.median("seconds")
    reachable = theirs.median("seconds") / floor.median("seconds")
    print(f"{ratio:.1f} times as fast, {REACH} wanted; the floor is {reachable:.1f} times as fast")
    told = {
        name: {"seconds": round(one.median("seconds"), 2), "megabytes": one.memory // 10**6}
        for name, one in found.items()
    }
    ratios = {"ratio": round(ratio, 1), "floor_ratio": round(reachable, 1)}
    keep("balance", {"rows": rows, "contenders": told, **ratios}, "polars")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
