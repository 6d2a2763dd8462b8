"""The one table of what is wanted and what was found, from the results that are kept.

python benchmarks/table.py
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from machine import RESULTS


@dataclass(frozen=True)
class Row:
    """What was wanted of one thing, and found.

    Attributes:
        found: the ratio, None where it was not measured.
        wanted: the least of it, or the most where `most` is set.
        floor: the ratio that the floor has: what can be had at all.
    """

    work: str
    against: str
    found: float | None
    wanted: float
    most: bool = False
    floor: float | None = None

    def line(self) -> str:
        """Return the row of the table."""
        met = self.found is not None and (self.found <= self.wanted if self.most else self.found >= self.wanted)
        told = "" if self.found is None else "met" if met else "not met"
        wanted = f"{'≤' if self.most else '≥'} {self.wanted:g}"
        return f"{self.work:44}{self.against:34}{_shown(self.found):>8}{wanted:>10}{_shown(self.floor):>8}  {told}"


def result(name: str) -> dict[str, Any]:
    """Return what a benchmark found, empty where it has not run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["result"] if path.exists() else {}


def rows() -> list[Row]:
    """Return the table."""
    return [*_curate(), *_balance(), *_memory(), *_others(), *_studio()]


def _curate() -> list[Row]:
    curate, work = result("curate"), "curate, the course's recipe"
    ratios, floors = curate.get("ratios", {}), curate.get("floor_ratios", {})
    wanted = {"the notebook's method": 20, "datasets.map, 2 processes": 15, "DuckDB and tokenizers": 10}
    found = [Row(work, peer, ratios.get(peer), least, floor=floors.get(peer)) for peer, least in wanted.items()]
    return [*found, Row(work, "the floor (times its time)", curate.get("times_the_floor"), 2, most=True)]


def _balance() -> list[Row]:
    balance, draw = result("balance"), result("draw")
    work, cells = "balance 2.9 million, from the pool", "the notebook's cells"
    found = [Row(work, cells, balance.get("ratio"), 10, floor=balance.get("floor_ratio"))]
    ratios, floors = draw.get("ratios", {}), draw.get("floor_ratios", {})
    work = "select 2.8 million, in memory"
    wanted = {"the notebook's loop": 10, "RandomUnderSampler, no weights": 20, "DuckDB's window query": 5}
    return found + [Row(work, peer, ratios.get(peer), least, floor=floors.get(peer)) for peer, least in wanted.items()]


def _memory() -> list[Row]:
    memory = result("memory")
    found: list[Row] = []
    for work, key in (
        ("memory of a run, 10 times the rows", "the demo's recipe"),
        ("the same, with near_unique", "with unique and near_unique"),
    ):
        side = memory.get(key, {})
        gigabytes = round(side["ten"]["megabytes"] / 1000, 2) if side else None
        found += [Row(work, "itself", side.get("memory_ratio"), 1.15, most=True)]
        found += [Row("  its GB", "", gigabytes, 1.5, most=True)]
    return found


def _others() -> list[Row]:
    fold, ray = result("fold").get("ratios", {}), result("engines").get("ratio")
    plan = "plan over 100 million records"
    return [
        Row(f"{plan}, time", "10 million", fold.get("plan_seconds"), 11, most=True),
        Row("  its memory", "10 million", fold.get("plan_megabytes"), 1.15, most=True),
        Row("run on Ray, two workers (times its time)", "the local engine", ray, 1.3, most=True),
    ]


def _studio() -> list[Row]:
    found: list[Row] = []
    for name, one in result("studio").get("changes", {}).items():
        for what, seconds in zip(("answered", "drawn"), one["wanted"], strict=True):
            told = "until the answer, ms" if what == "answered" else "until it is drawn, ms"
            found.append(Row(f"studio, 2.9 million: {name}", told, round(one[what] * 1e3), seconds * 1e3, most=True))
    return found


def _shown(number: float | None) -> str:
    return "" if number is None else f"{float(number):g}"


def main() -> None:
    """Print the table."""
    print(f"\n{'work':44}{'against':34}{'found':>8}{'wanted':>10}{'floor':>8}")
    for row in rows():
        print(row.line())
    engines = result("engines")
    if engines:
        print("\nboth engines: digests and files " + ("are the same" if engines["same_files"] else "DIFFER"))


if __name__ == "__main__":
    main()
