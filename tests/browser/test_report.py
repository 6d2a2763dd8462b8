"""The page in a real browser: it draws, alone, at every width, in light and dark, whatever texts are in it."""

from __future__ import annotations

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


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A run over other people's text, in titles, categories and strata."""
    chance = np.random.default_rng(2)
    rows = [
        {
            "id": f"{number}",
            "title": HOSTILE[number % len(HOSTILE)],
            "kind": HOSTILE[number % len(HOSTILE)][:300],
            "price": round(float(chance.lognormal(3, 1)), 2),
        }
        for number in range(600)
    ]
    path = write_lines(tmp_path / "in.jsonl", rows)
    recipe: dict[str, Any] = {
        "name": "hostile",
        "tokenizer": "o200k_base",
        "sources": [{"name": "s", "files": str(path), "id": "id"}],
        "template": {"prompt": "{title}"},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "round": 5}],
            "cap": 20,
            "weight": {"column": "kind", "values": {"x": 2}},
        },
        "export": {"keep": ["kind"]},
    }
    return evenly.run(recipe, tmp_path / "out").folder


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("report", 1400, "light"), ("report", 800, "dark"), ("report", 380, "light"), ("compare", 380, "dark")],
)
def test_a_page_draws_by_itself_and_runs_nothing_else(
    output: Path, browser: Browser, name: str, width: int, scheme: Any
) -> None:
    if name == "compare":
        evenly.compare(output, output, output).write_page(output / "compare.html")
    look_at(output / f"{name}.html", browser, width, scheme, 10 if name == "report" else 4)
