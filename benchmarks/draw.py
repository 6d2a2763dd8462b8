"""Select alone, from thin records in memory: Evenly beside the notebook's loop, imbalanced-learn and a window query.

And beside a floor: a hash, a logarithm, a slot and a comparison for each record.

python benchmarks/draw.py [ROWS [REPEATS]]
"""

from __future__ import annotations

import sys

import numpy as np

from contest import ROOT, Contender, compete
from machine import keep

EVENLY = Contender("evenly", "select_evenly")
NOTEBOOK = Contender("the notebook's loop", "select_notebook", "notebook")
IMBLEARN = Contender("RandomUnderSampler, no weights", "select_imblearn", "imblearn")
DUCKDB = Contender("DuckDB's window query", "select_duckdb", "duckdb")
FLOOR = Contender("the floor", "select_floor")

REACH = {NOTEBOOK.name: 10, IMBLEARN.name: 20, DUCKDB.name: 5}
"""Peer -> how many times its speed is wanted."""


def thin(rows: int) -> str:
    """Return a file of prices, half of them under $20, and categories, a third of them the first."""
    path = ROOT / ".peers" / f"thin-{rows}.npz"
    if not path.exists():
        chance = np.random.default_rng(42)
        price = np.clip(chance.lognormal(np.log(20), 1.2, rows), 0.5, 999.49).round(2)
        category = np.minimum(chance.integers(0, 12, rows), 8) % 8 * (chance.random(rows) > 1 / 4)
        path.parent.mkdir(exist_ok=True)
        np.savez(path, price=price, category=category.astype(np.int64))
    return str(path)


def main(rows: int = 2_800_000, repeats: int = 3) -> None:
    """Measure, print, keep."""
    found = compete([EVENLY, NOTEBOOK, IMBLEARN, DUCKDB, FLOOR], [thin(rows)], rows, repeats)
    ours = found[EVENLY.name].median("seconds")
    floor = found[FLOOR.name].median("seconds")
    print(f"\n{'':32}{'seconds':>9}{'MB':>8}{'ratio':>8}{'wanted':>8}{'floor':>8}")
    for name, result in found.items():
        seconds, wanted = result.median("seconds"), REACH.get(name)
        ratio = f"{seconds / ours:.1f}" if wanted else ""
        best = f"{seconds / floor:.1f}" if wanted else ""
        print(f"{name:32}{seconds:9.2f}{result.memory / 1e6:8,.0f}{ratio:>8}{wanted or '':>8}{best:>8}")
    peers = {name: found[name].median("seconds") for name in REACH if name in found}
    ratios = {name: round(seconds / ours, 1) for name, seconds in peers.items()}
    floors = {name: round(seconds / floor, 1) for name, seconds in peers.items()}
    keep("draw", {"rows": rows, "seconds": round(ours, 3), "ratios": ratios, "floor_ratios": floors}, "polars")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
