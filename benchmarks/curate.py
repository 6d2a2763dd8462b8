"""Curate raw JSON Lines by the course's 2024 recipe: beside the notebook's method, `datasets`, DuckDB, and the floor.

    python benchmarks/curate.py [ROWS [REPEATS]]

Rates are raw rows a second in the steady state, after a fifth of the rows. Prompts have to be the notebook's.
"""

from __future__ import annotations

import sys

from contest import ROOT, Contender, compete, listings
from machine import keep

TOKENIZER = ROOT.parent / "shared" / "data" / "tokenizers" / "llama-3.1.json"

EVENLY = Contender("evenly", "evenly_curate")
SAME = Contender("evenly, fewer rows", "evenly_curate", rows=60_000)
NOTEBOOK = Contender("the notebook's method", "notebook", "notebook", rows=60_000)
DATASETS = Contender("datasets.map, 2 processes", "datasets_map", "datasets", rows=60_000)
DUCKDB = Contender("DuckDB and tokenizers", "duckdb_sql", "duckdb", rows=60_000)
PARSE = Contender("the floor: parse", "floor_parse", "duckdb")
ENCODE = Contender("the floor: encode", "floor_encode")

REACH = {NOTEBOOK.name: 20, DATASETS.name: 15, DUCKDB.name: 10}
"""Peer -> how many times its rows a second are wanted."""

FLOOR_REACH = 2
"""How many times the floor's seconds are allowed."""


def main(rows: int = 400_000, repeats: int = 3) -> None:
    """Measure, print, keep."""
    if not TOKENIZER.is_file():
        print("left out: the tokenizer file (../shared/data/tokenizers beside the project) is not here")
        return
    large, small = listings(rows), listings(60_000)
    print(f"{rows:,} listings for Evenly and the floor, 60,000 for peers")
    found = compete([EVENLY, PARSE, ENCODE], [str(TOKENIZER), *large], rows, repeats)
    found |= compete([NOTEBOOK, DATASETS, DUCKDB, SAME], [str(TOKENIZER), *small], 60_000, repeats)
    ours = found[EVENLY.name].median("steady")
    print(f"\n{'':28}{'rows/s':>10}{'MB':>8}{'ratio':>8}{'wanted':>8}")
    for name, result in found.items():
        steady = result.median("steady")
        wanted = REACH.get(name)
        ratio = f"{ours / steady:.1f}" if wanted else ""
        print(f"{name:28}{steady:10,.0f}{result.memory / 1e6:8,.0f}{ratio:>8}{wanted or '':>8}")
    floor = sum(found[one.name].median("seconds") for one in (PARSE, ENCODE) if one.name in found)
    print(f"times the floor ({floor:.2f} s): {rows / ours / floor:.2f}, wanted at most {FLOOR_REACH}")
    digests = {found[one.name].runs[0]["digest"] for one in (NOTEBOOK, SAME) if one.name in found}
    print("the notebook's prompts, every one" if len(digests) == 1 else "OTHER PROMPTS THAN THE NOTEBOOK'S")
    told = {
        name: {"rows_per_second": round(one.median("steady")), "megabytes": one.memory // 10**6}
        for name, one in found.items()
    }
    keep(
        "curate",
        {
            "rows": rows,
            "contenders": told,
            "ratios": {name: round(ours / found[name].median("steady"), 1) for name in REACH if name in found},
            "floor_ratios": {
                name: round(rows / floor / found[name].median("steady"), 1) for name in REACH if name in found
            },
            "times_the_floor": round(rows / ours / floor, 2),
            "same_prompts": len(digests) == 1,
        },
        "polars",
        "msgspec",
        "fastokens",
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
