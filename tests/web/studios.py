"""A small shop, its recipe, and a studio over it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np

import evenly
from evenly.web.session import Session, Start

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 2_500

SOON = 60.0
"""Seconds after which a test no longer waits."""

TEXT = """\
# a shop
name: shop            # of the tests
seed: 7
tokenizer: o200k_base
sources:
  - {name: shop, files: listings.jsonl, id: sku}
curate:
  - number: {column: price}
template: {prompt: "{title} ", completion: "{price:.0f}"}
balance:
  label: price
  # by price
  strata: [{column: price, log: 2}]
  cap: 90             # of each
  weight: {column: category, values: {a: 0.25, b: 7}, default: 1.5}
export: {keep: [category], report: false}
"""

PRICE = {"column": "price", "log": 2}
CATEGORY = {"column": "category"}


def write_listings(place: Path, bad: int) -> Path:
    """Write listings whose price and category are skewed; some have no category, and so many no price."""
    chance = np.random.default_rng(8)
    with place.open("w", encoding="utf-8") as out:
        for number in range(ROWS):
            row = {
                "sku": f"s{number}",
                "title": "a lamp " * int(chance.integers(1, 12)),
                "price": round(float(chance.lognormal(3, 1)), 2) if number >= bad else "on demand",
                "category": [*"abcd", None][min(4, int(chance.exponential(1)))],
                "maker": f"m{number % 7}",
            }
            out.write(json.dumps(row) + "\n")
    return place


def write_shop(folder: Path, text: str = TEXT, bad: int = 0) -> Path:
    """Write a shop's listings and its recipe; return the recipe's path."""
    folder.mkdir(parents=True, exist_ok=True)
    write_listings(folder / "listings.jsonl", bad)
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    return folder / "shop.yaml"


def session(place: Path) -> Session:
    """Return a studio's session whose pool is there."""
    recipe = evenly.Recipe.from_file(place)
    return curated(Session(Start(recipe, place.read_text(encoding="utf-8"), place.parent, str(place))))


def curated(studio: Session) -> Session:
    told = ended(studio)
    assert (told["kind"], told["state"], told["text"]) == ("curate", "done", "")
    return studio


def ended(studio: Session) -> dict[str, Any]:
    """Return the newest job, once it has ended."""
    ends = time.monotonic() + SOON
    while (told := studio.jobs.told()) is None or told["state"] == "running":
        assert time.monotonic() < ends
        time.sleep(0.005)
    return told
