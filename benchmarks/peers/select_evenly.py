"""Evenly's own: strata, weights, keys, census, quotas and the draw with its inclusion probabilities.

python select_evenly.py FILE ROWS
"""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
from meter import Meter

from evenly.core.census import take_census
from evenly.core.quotas import with_quotas
from evenly.core.select import cut_offs, reach, short, take, within
from evenly.core.strata import with_strata
from evenly.core.survey import plain_axes
from evenly.core.weights import with_keys
from evenly.recipe.model import Recipe

BALANCE = {
    "strata": [{"column": "price", "round": 1, "min": 1, "max": 999}],
    "cap": 1200,
    "take_all": "price >= 240",
    "weight": {"column": "category", "values": {"0": 1}, "default": 5},
}


def main(path: str, rows: str) -> None:
    """Select and tell."""
    data = np.load(path, allow_pickle=False)
    frame = pl.DataFrame(
        {
            "__id__": [f"B{number:09d}" for number in range(int(rows))],
            "price": data["price"][: int(rows)],
            "category": data["category"][: int(rows)],
        }
    )
    recipe = Recipe.from_dict(
        {
            "name": "select",
            "sources": [{"name": "s", "files": "x", "id": "id"}],
            "template": {"prompt": "{price}"},
            "balance": BALANCE,
        }
    )
    meter = Meter()
    keyed = with_keys(with_strata(frame, plain_axes(recipe.balance.strata)), recipe)
    plan = with_quotas(take_census(keyed, ["price"]), recipe)
    near = within(keyed.select("__id__", "__stratum__", "__weight__", "__key__"), reach(plan))
    if short(near, plan):
        message = "one stratum in 10^9 is short; the flow would look at all records"
        raise SystemExit(message)
    chosen = take(near, cut_offs(near, plan))
    meter.add(int(rows))
    meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(chosen.height)))


if __name__ == "__main__":
    main(*sys.argv[1:])
