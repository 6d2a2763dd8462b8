"""The one table of what is wanted and what was found, from the results that are kept.

python benchmarks/table.py
"""

from __future__ import annotations

import json
from typing import Any

from machine import RESULTS


def result(name: str) -> dict[str, Any]:
    """Return what a benchmark found, empty where it has not run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["result"] if path.exists() else {}


def rows() -> list[tuple[str, str, float | None, float, bool]]:
    """Return work, against what, the ratio found (None: not measured), the one wanted, whether more is better."""
    curate, balance, draw, memory = (result(name) for name in ("curate", "balance", "draw", "memory"))
    fold, engines = result("fold").get("ratios", {}), result("engines")
    demo = memory.get("the demo's recipe", {})
    near = memory.get("with unique and near_unique", {})
    named = "curate, the course's recipe"
    found = [
        (named, "the notebook's method", curate.get("ratios", {}).get("the notebook's method"), 20, True),
        (named, "datasets.map", curate.get("ratios", {}).get("datasets.map, 2 processes"), 15, True),
        (named, "DuckDB and tokenizers", curate.get("ratios", {}).get("DuckDB and tokenizers"), 10, True),
        (named, "the floor (times its time)", curate.get("times_the_floor"), 2, False),
        ("balance 2.9 million, from the pool", "the notebook's cells", balance.get("ratio"), 10, True),
        (
            "select 2.8 million, in memory",
            "the notebook's loop",
            draw.get("ratios", {}).get("the notebook's loop"),
            10,
            True,
        ),
        (
            "select 2.8 million, in memory",
            "RandomUnderSampler, no weights",
            draw.get("ratios", {}).get("RandomUnderSampler, no weights"),
            20,
            True,
        ),
        (
            "select 2.8 million, in memory",
            "DuckDB's window query",
            draw.get("ratios", {}).get("DuckDB's window query"),
            5,
            True,
        ),
        ("memory of a run, 10 times the rows", "itself", demo.get("memory_ratio"), 1.15, False),
        ("  its GB", "", _gigabytes(demo), 1.5, False),
        ("the same, with near_unique", "itself", near.get("memory_ratio"), 1.15, False),
        ("  its GB", "", _gigabytes(near), 1.5, False),
        ("plan over 100 million records, time", "10 million", fold.get("plan_seconds"), 11, False),
        ("  its memory", "10 million", fold.get("plan_megabytes"), 1.15, False),
        ("run on Ray, two workers (times its time)", "the local engine", engines.get("ratio"), 1.3, False),
    ]
    return [(*one[:2], None if one[2] is None else float(one[2]), *one[3:]) for one in found]


def _gigabytes(side: dict[str, Any]) -> float | None:
    return round(side["ten"]["megabytes"] / 1000, 2) if side else None


def main() -> None:
    """Print the table."""
    print(f"\n{'work':44}{'against':34}{'found':>8}{'wanted':>10}")
    for work, against, found, wanted, more in rows():
        met = "" if found is None else ("met" if (found >= wanted if more else found <= wanted) else "not met")
        shown = "-" if found is None else f"{found:g}"
        print(f"{work:44}{against:34}{shown:>8}{('≥ ' if more else '≤ ') + f'{wanted:g}':>10}  {met}")
    engines = result("engines")
    if engines:
        print("\nboth engines: digests and files " + ("are the same" if engines["same_files"] else "DIFFER"))


if __name__ == "__main__":
    main()
