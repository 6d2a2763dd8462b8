"""The pages of an ablation and of a search in a real browser, whatever texts are in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import evenly

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name
from .looks import HOSTILE, look_at

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.drawn

EQUAL: Any = {"policy": "equal", "size": 300, "shortfall": "redistribute"}
QUICK: Any = {"smallest_effect": 0.05}


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    """A recipe over other people's text, and a label along which it says something."""
    chance = np.random.default_rng(2)
    prices = np.exp(chance.normal(3.5, 1, 3_000)).clip(1, 999)
    rows = [
        {
            "id": f"{n}",
            "title": f"{HOSTILE[n % len(HOSTILE)]} p{int(np.log(price) * 3)}",
            "price": round(float(price), 2),
        }
        for n, price in enumerate(prices)
    ]
    return {
        "name": "even",
        "sources": [{"name": "s", "files": str(write_lines(tmp_path / "in.jsonl", rows)), "id": "id"}],
        "template": {"prompt": "{title}", "completion": "{price:.0f}"},
        "holdout": {"fraction": 0.3, "balanced": 400},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "width": 50}],
            "policy": "proportional",
            "size": 300,
        },
        "variants": {"equal": {"balance": EQUAL}},
    }


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (380, "dark")])
def test_the_page_of_an_ablation_draws_by_itself(
    recipe: dict[str, Any], tmp_path: Path, browser: Browser, width: int, scheme: str
) -> None:
    result = evenly.ablate(recipe, out=tmp_path / "out", seeds=2, sizes=[100, 300], bands=[100.0], **QUICK)
    text = look_at(result.page, browser, width, scheme, 10)
    better = [line for line in re.split(r"[.\n]", text) if "better" in line.lower()]
    assert better
    assert all("prox" in line.lower() for line in better), better
    assert result.page.stat().st_size < 2_000_000


def test_the_page_of_a_search_draws_by_itself(recipe: dict[str, Any], tmp_path: Path, browser: Browser) -> None:
    result = evenly.tune(recipe, out=tmp_path / "out", trials=4, seeds=2, rows=200, last_seeds=2, **QUICK)
    text = look_at(result.page, browser, 800, "light", 5)
    assert "balance.alpha" in text
