"""A made-up shop whose words say something of the price, small enough for models to be fitted in a moment."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [f"w{number}" for number in range(200)]


def listings(rows: int, seed: int = 5) -> list[dict[str, Any]]:
    """Return listings: a skewed price, words that hint at its logarithm, noise, and a class that goes with it."""
    rng = random.Random(seed)
    found: list[dict[str, Any]] = []
    for number in range(rows):
        price = round(min(999.0, max(1.0, rng.lognormvariate(3.6, 1.0))), 2)
        level = len(str(int(price))) * 4 + int(str(int(price))[0]) // 3
        hints = [f"p{level + rng.choice((-1, 0, 0, 0, 1))}" for _ in range(3)]
        shelf = "cheap" if price < 20 else "middle" if price < 120 else "dear"
        noise = rng.sample(WORDS, 8)
        found.append({"id": f"r{number}", "text": " ".join([*hints, *noise]), "price": price, "shelf": shelf})
    return found


def recipe(files: Path, **changes: Any) -> dict[str, Any]:
    """Return a recipe over such listings: a proportional sample of 400 rows, unless it is changed."""
    base: dict[str, Any] = {
        "name": "even",
        "seed": 3,
        "sources": [{"name": "s", "files": str(files), "id": "id"}],
        "template": {"prompt": "{text}\nPrice is $", "completion": "{price:.0f}"},
        "holdout": {"fraction": 0.3, "balanced": 700},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "width": 40}],
            "policy": "proportional",
            "size": 400,
            "shortfall": "redistribute",
        },
    }
    return base | changes
