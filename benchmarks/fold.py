"""The folds of a plan and a draw at scale: 100 and 1,000 pieces of 100,000 thin records, 10,000 strata of skewed sizes.

    python benchmarks/fold.py

Pieces are made as they are asked for, from their number alone, so that nothing but the folds is in memory. What is
drawn is checked against a second count over all pieces: up to each stratum's cut-off lie exactly its quota's records.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenly.core.census import merge, take_census
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, cut_offs, reach, short, take, within
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.core.weights import with_keys
from evenly.io.processes import watched
from evenly.recipe.model import Recipe
from machine import keep

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 100_000
STRATA = 10_000
CAP = 20
TOGETHER = 50
"""Censuses, or candidates of pieces, that wait for each other before they are folded."""
PIECES = (100, 1_000)
TIMES, MEMORY = 11, 1.15
"""What ten times the records may take: times the time, and times the memory."""

RECIPE = Recipe.from_dict(
    {
        "name": "fold",
        "sources": [{"name": "s", "files": "x", "id": "id"}],
        "template": {"prompt": "{slot}"},
        "balance": {"strata": [{"column": "slot"}], "cap": CAP, "weight": "case when slot % 3 = 0 then 5 else 1 end"},
    }
)


def piece(number: int) -> pl.DataFrame:
    """Return a piece's records with strata, weights and keys; the largest stratum has a hundred times the median's."""
    chance = np.random.default_rng(number)
    slot = (STRATA * chance.power(0.5, PIECE)).astype(np.int64)
    first = number * PIECE
    frame = pl.DataFrame({"slot": slot}).with_columns(
        (pl.lit("r") + pl.int_range(first, first + PIECE).cast(pl.String)).alias("__id__")
    )
    return with_keys(with_strata(frame, plain_axes(RECIPE.balance.strata)), RECIPE)


def pieces(number: int) -> Iterator[pl.DataFrame]:
    """Yield pieces with what a ledger holds, and the axis that a census names."""
    for one in range(number):
        yield piece(one).select("__id__", "__stratum__", "__weight__", "__key__", "__axis__slot")


def plan(number: int) -> pl.DataFrame:
    """Return the plan of so many pieces: their censuses folded, some at a time."""
    waiting: list[pl.DataFrame] = []
    for frame in pieces(number):
        waiting.append(take_census(frame, ["slot"]))
        if len(waiting) == TOGETHER:
            waiting = [merge(waiting)]
    return with_quotas(merge(waiting), RECIPE)


def draw(number: int, planned: pl.DataFrame) -> pl.DataFrame:
    """Return the cut-offs of so many pieces: their candidates folded, some at a time."""
    waiting: list[pl.DataFrame] = []
    reaches = reach(planned)
    for frame in pieces(number):
        waiting.append(candidates(within(frame, reaches), planned))
        if len(waiting) == TOGETHER:
            waiting = [candidates(pl.concat(waiting), planned)]
    found = pl.concat(waiting)
    if short(found, planned):
        message = "a stratum is short within reach: the flow would look at all records"
        raise SystemExit(message)
    return cut_offs(found, planned)


def check(number: int, planned: pl.DataFrame, cuts: pl.DataFrame) -> bool:
    """Say whether each stratum selects exactly its quota by its cut-off, over all pieces."""
    counts = [
        take(frame, cuts).group_by(pl.col("__stratum__").cast(pl.String)).agg(pl.len().alias("taken"))
        for frame in pieces(number)
    ]
    taken = pl.concat(counts).group_by("__stratum__").agg(pl.col("taken").sum())
    joined = planned.filter(pl.col("quota") > 0).join(taken, on="__stratum__", how="left")
    return cuts.height == joined.height and (joined["taken"] == joined["quota"]).all()


def measure(number: int) -> dict[str, Any]:
    """Plan and draw; return seconds, peaks of memory, and whether the result is right."""
    with watched(os.getpid()) as memory:
        begun = time.perf_counter()
        planned = plan(number)
        planned_in, plan_peak = time.perf_counter() - begun, memory.peak()
        begun = time.perf_counter()
        cuts = draw(number, planned)
        drawn_in, draw_peak = time.perf_counter() - begun, memory.peak()
    return {
        "records": number * PIECE,
        "strata": planned.height,
        "drawn": int(cuts["quota"].sum()),
        "right": check(number, planned, cuts),
        "plan": {"seconds": round(planned_in, 1), "megabytes": plan_peak // 10**6},
        "draw": {"seconds": round(drawn_in, 1), "megabytes": draw_peak // 10**6},
        "census_bytes": planned.estimated_size(),
    }


def main() -> None:
    """Measure both scales, each in a process of its own, print the ratios, keep."""
    found: list[dict[str, Any]] = []
    for number in PIECES:
        command = [sys.executable, __file__, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append(json.loads(done.stdout))
        one = found[-1]
        print(
            f"{one['records']:,} records, {one['strata']:,} strata: plan {one['plan']['seconds']} s, "
            f"{one['plan']['megabytes']:,} MB; draw {one['draw']['seconds']} s, {one['draw']['megabytes']:,} MB; "
            + ("the result is right" if one["right"] else "THE RESULT IS WRONG")
        )
    small, large = found
    ratios = {
        f"{phase}_{key}": round(large[phase][key] / small[phase][key], 2)
        for phase in ("plan", "draw")
        for key in ("seconds", "megabytes")
    }
    print(
        f"ten times the records: plan {ratios['plan_seconds']} times the time (at most {TIMES} wanted), "
        f"{ratios['plan_megabytes']} times the memory (at most {MEMORY})"
    )
    keep("fold", {"scales": found, "ratios": ratios}, "polars")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()
