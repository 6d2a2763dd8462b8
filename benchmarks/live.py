"""A pool of 2.9 million records held ready: how long each kind of change takes until it is known what is selected.

Beside a new plan of the same pool, which reads it and counts all again and selects nothing. An answer has the very
records, the counts of every picture but label and tokens at once, and all else that the studio's page shows.

    python benchmarks/live.py [ROWS [REPEATS]]

ROWS are raw listings; about seven in ten are curated.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from balance import TOKENIZER, pooled
from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.flow.live import Live
from evenly.flow.plan import make_plan
from evenly.flow.report import measures_of, strata_numbers
from evenly.recipe.load import build_recipe, read_recipe
from evenly.reporting.progress import Silent
from machine import keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from evenly.recipe.model import Recipe

AT_ONCE = 0.05
"""Seconds that a quota or a weight may take."""

SOON = 1.0
"""Seconds that strata, a filter or a seed may take."""

CHANGES: dict[str, tuple[float, Callable[[int], Mapping[str, Any]]]] = {
    "cap": (AT_ONCE, lambda turn: {"cap": 900 + turn}),
    "size": (AT_ONCE, lambda turn: {"cap": None, "size": 400_000 - 997 * turn, "shortfall": "accept"}),
    "take_all": (AT_ONCE, lambda turn: {"take_all": f"price >= {200 + turn}"}),
    "weight of a category": (
        AT_ONCE,
        lambda turn: {"weight": {"column": "category", "values": {"Automotive": 1 + turn / 7}, "default": 5}},
    ),
    "strata": (SOON, lambda turn: {"strata": [{"column": "price", "log": 1.05 + turn / 100}]}),
    "filter": (SOON, lambda turn: {"filter": f"price < {500 + turn} and tokens <= 185"}),
    "seed": (SOON, lambda turn: {"seed": 100 + turn}),
}
"""What is changed -> how long an answer may take, and the keys of the balance (or the seed) at each turn."""


def changed(recipe: Recipe, keys: Mapping[str, Any]) -> Recipe:
    """Return a recipe with other keys of its balance; None takes one out."""
    data = recipe.to_dict()
    for key, value in keys.items():
        place = data if key == "seed" else data["balance"]
        place.pop(key, None)
        if value is not None:
            place[key] = value
    return build_recipe(data)


def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that some work takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def told(live: Live, recipe: Recipe) -> None:
    """Answer with all that the page shows."""
    look = live.look(recipe)
    plan = live.plan(recipe, look)
    live.pictures(recipe, look, density=False)
    live.categories(recipe, look)
    live.facts(recipe, look)
    strata_numbers(recipe, plan)
    measures_of((plan.strata["quota"] + plan.strata["repeated"]).to_numpy(), recipe, plan)


def turns(live: Live, recipe: Recipe, name: str, repeats: int) -> Iterator[float]:
    """Yield the seconds of each turn, from plain data to all that is told."""

    def answer(turn: int) -> None:
        told(live, changed(recipe, CHANGES[name][1](turn)))

    answer(0)
    for turn in range(1, repeats + 1):
        yield timed(lambda: answer(turn))  # noqa: B023 - called at once


def main(rows: int = 4_000_000, repeats: int = 7) -> None:
    """Measure, print, keep."""
    if not TOKENIZER.is_file():
        print("left out: the tokenizer file (../shared/data/tokenizers beside the project) is not here")
        return
    recipe, engine = read_recipe(pooled(rows) / "recipe.yaml"), LocalEngine()
    pool, _ = open_pool(recipe, engine, Silent())
    live = Live(recipe, pool, engine, Silent())
    first = timed(lambda: told(live, recipe))
    plan = min(timed(lambda: make_plan(recipe, pool, None, engine, Silent())) for _ in range(3))
    print(f"{pool.index.kept:,} records; the first answer {first:.2f} s; a new plan {plan:.2f} s")
    answers: dict[str, Any] = {}
    for name, (wanted, _) in CHANGES.items():
        found = sorted(turns(live, recipe, name, repeats))
        middle, slowest = found[len(found) // 2], found[-1]
        answers[name] = {"seconds": round(middle, 4), "slowest": round(slowest, 4), "wanted": wanted}
        met = "met" if middle <= wanted else "not met"
        print(f"{name:24}{middle * 1e3:8.1f} ms, slowest {slowest * 1e3:8.1f}; {wanted * 1e3:,.0f} wanted: {met}")
    even = min(timed(lambda: live.equal_weights(recipe)) for _ in range(3))
    print(f"weights for equal shares {even:.2f} s; {SOON:.1f} wanted: {'met' if even <= SOON else 'not met'}")
    facts = {"even": round(even, 2), "records": pool.index.kept, "first": round(first, 2), "plan": round(plan, 2)}
    keep("live", {**facts, "answers": answers}, "polars")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
