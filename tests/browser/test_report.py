"""The page in a real browser: it draws, alone, at every width, in light and dark, whatever texts are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import evenly

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.drawn

HOSTILE = [
    "<script>window.ran = 1</script>",
    "</style></title><img src=http://127.0.0.1:9/x onerror='window.ran = 1'>",
    "javascript:window.ran=1",
    "left \u202eright\u202c",
    "w" * 10_000,
    "\U0001f469\u200d\U0001f4bb emoji",
    "nul \x00 bell \x07 escape \x1b[31m",
    "</script><script>window.ran = 1</script>",
    "שלום עולם",
]


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
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda fault: told.append(str(fault)))
    page.on("request", lambda request: told.append(request.url) if not request.url.startswith("file:") else None)
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.goto((output / f"{name}.html").as_uri())
    page.wait_for_selector(f"html[data-drawn={scheme}]")
    assert page.evaluate("typeof window.ran") == "undefined"
    drawn = page.locator(".panel").count()
    assert drawn == page.locator(".panel svg.marks").count() >= (10 if name == "report" else 4)
    # nothing sticks out to the right, and every drawing is as wide as its place
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for panel in page.locator(".panel").all():
        place, drawing = panel.bounding_box(), panel.locator("svg.marks").bounding_box()
        assert place is not None
        assert drawing is not None
        assert drawing["width"] <= place["width"] + 1
        assert drawing["height"] > 60
    assert page.locator("tbody tr").count() > 20
    other: Any = "light" if scheme == "dark" else "dark"
    page.emulate_media(color_scheme=other)
    page.wait_for_selector(f"html[data-drawn={other}]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("details summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").first.is_visible()
    assert not told, told
    context.close()
