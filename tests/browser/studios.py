"""A studio over a small catalogue, and how a test reads and moves its page."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import numpy as np
import polars as pl
from playwright.sync_api import expect

from evenly.catalogue import write_catalogue
from evenly.catalogue.recipe import demo_recipe_text

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name
from .looks import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Generator

    from playwright.sync_api import Browser, Locator, Page

    from evenly.web.serve import Studio

expect.set_options(timeout=15_000)

ROWS = 4_000

CAP = 4
"""At which the sliders matter: more than half of the strata have more records, or fewer."""

SEVERE = {"warning", "error"}

SELECTED = "#headline dd.figure >> nth=0"


def demo_recipe(folder: Path, rows: int = ROWS, **replaced: str) -> Path:
    """Write a catalogue and the demo's recipe with a cap for it; `replaced` are keys and lines for theirs."""
    write_catalogue(folder / "catalogue", rows)
    text = re.sub(r"(?m)^  cap: \d+", f"  cap: {CAP}", demo_recipe_text(rows, 42))
    for key, line in replaced.items():
        text = re.sub(rf"(?m)^{key}:.*$", line, text)
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def page_of(
    browser: Browser,
    address: str,
    *,
    width: int = 1400,
    scheme: Any = "light",
    expected: str | None = None,
    drawn: bool = True,
) -> Generator[Page]:
    """Yield the page of an address, once it is drawn. In the end it fits, and complained of what is `expected`.

    It may ask its own server alone. What is expected is a pattern; by default it is nothing.
    """
    touch = width < 500
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=touch, accept_downloads=True
    )
    page = context.new_page()
    page.set_default_timeout(60_000)  # a busy machine may curate for long
    told = watched(page, address)
    page.goto(address)
    if drawn:
        settled(page)
    yield page
    fit(page)
    context.close()
    assert not [one for one in told if expected is None or not re.search(expected, one)], told


def watched(page: Page, address: str) -> list[str]:
    """Return a list that whatever the page complains of, and each request to another server, is added to."""
    told: list[str] = []
    own = urlsplit(address).netloc
    page.on("console", lambda message: told.append(message.text) if message.type in SEVERE else None)
    page.on("pageerror", lambda fault: told.append(str(fault)))
    page.on("dialog", lambda dialog: told.append(dialog.message))

    def requested(url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and urlsplit(url).netloc != own:
            told.append(url)

    page.on("request", lambda request: requested(request.url))
    return told


def settled(page: Page) -> None:
    """Wait until the newest state is drawn, or refused."""
    page.wait_for_selector("html[data-turn]:not([data-asking])")


def turn(page: Page) -> int:
    """Return how many answers were drawn."""
    return int(page.evaluate("Number(document.documentElement.dataset.turn ?? 0)"))


def fit(page: Page) -> None:
    """The page must not be wider than the window."""
    wide, room = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= room


def shot(page: Page, name: str, folder: Path) -> None:
    """Keep a picture of the page: in the folder that EVENLY_SHOTS names, or else in the test's own."""
    kept = Path(os.environ.get("EVENLY_SHOTS") or folder)
    kept.mkdir(parents=True, exist_ok=True)
    page.evaluate("scrollTo(0, 0)")  # what sticks to the top would stand in the middle
    page.screenshot(path=kept / f"{name}.png", full_page=True)


def figure(text: str) -> float:
    """Return a number as the page writes it."""
    return float(text.replace(",", ""))


def selected(page: Page) -> int:
    """Return the rows that the page says are selected."""
    return int(figure(page.locator(SELECTED).inner_text()))


def control(page: Page, key: str) -> Locator:
    """Return the control of a key of the recipe."""
    return page.locator(f'.control[data-key="{key}"]')


def put(page: Page, key: str, text: str) -> None:
    """Type into the field of a key, and leave it."""
    field = control(page, key).locator("input[type=text]").first
    field.fill(text)
    field.blur()
    settled(page)


def state_at(studio: Studio, address: str) -> dict[str, Any]:
    """Return the state that an address stands for, read by other code than the page's."""
    state = json.loads(json.dumps(studio.session.about()["state"]))
    for one in filter(None, urlsplit(address).fragment.split("&")):
        path, _, value = one.partition("=")
        *way, last = (unquote(key) for key in path.split("."))
        here: Any = state
        for key in way:
            here = here[int(key)] if isinstance(here, list) else here.setdefault(key, {})
        found = json.loads(unquote(value))
        if isinstance(here, list):
            here[int(last)] = found
        elif found is None:
            here.pop(last, None)
        else:
            here[last] = found
    return state


def answer(studio: Studio, page: Page) -> dict[str, Any]:
    """Return what the studio says that the state of the page's address selects."""
    return studio.session.view(state_at(studio, page.url), None)


def agree(studio: Studio, page: Page) -> dict[str, Any]:
    """The page must show what its address selects, which is returned."""
    settled(page)
    wanted = answer(studio, page)
    assert selected(page) == wanted["facts"]["rows"]
    names = wanted["ground"]["categories"]["shown"]
    assert counted(page) == dict(zip(names, wanted["categories"]["after"], strict=True))
    return wanted


def counted(page: Page) -> dict[str, int]:
    """Return the records of each category that the page says are selected."""
    rows = page.locator("#categories tbody tr").evaluate_all(
        "rows => rows.map((row) => [row.querySelector('bdi').textContent, row.cells[3].textContent])"
    )
    return {name: int(figure(count)) for name, count in rows}


def built(folder: Path) -> dict[str, int]:
    """Return the records of each category that were built."""
    frame = pl.read_parquet(sorted((folder / "data").glob("*.parquet")), columns=["category"])
    return dict(frame.group_by("category").len().iter_rows())


def measures(page: Page) -> dict[str, dict[str, str]]:
    """Return the table of measures: name of a column -> name of a row -> what is there."""
    head, *rows = page.locator("#measures tr").evaluate_all(
        "rows => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return {name: {row[0]: row[place] for row in rows} for place, name in enumerate(head) if place}


ODD = "a.b=c&d %\U0001f600"
"""A column whose name has to be spelled in an address."""

KINDS = [
    "constructor",
    "prototype",
    "a.b",
    "c=d&e",
    "left \u202eright",
    "<img src=x onerror='window.ran = 1'>",
    "w" * 300,
    "ä",
]
"""Categories, the largest first, as other people's data have them."""


def odd_recipe(folder: Path, rows: int = 1_200) -> dict[str, Any]:
    """Return a small recipe over data with hostile texts and odd names, that needs no tokenizer."""
    chance = np.random.default_rng(5)
    shares = 1 / np.arange(1, len(KINDS) + 1)
    kinds = chance.choice(len(KINDS), rows, p=shares / shares.sum())
    lines = [
        {
            "id": f"{number}",
            "title": f"{number}: {HOSTILE[number % len(HOSTILE)]}",
            "kind": KINDS[kinds[number]],
            "price": round(float(chance.lognormal(3, 1)), 2),
            ODD: int(chance.integers(5)),
        }
        for number in range(rows)
    ]
    return {
        "name": "odd",
        "sources": [{"name": "s", "files": str(write_lines(folder / "odd.jsonl", lines)), "id": "id"}],
        "curate": [{"number": {"column": "price"}}, {"number": {"column": ODD}}],  # as which any axis may read them
        "template": {"prompt": "{title}"},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "round": 5, "max": 200}],
            "policy": "cap",
            "cap": 20,
            "weight": {"column": "kind", "values": {"constructor": 2}, "default": 1},
        },
        "export": {"keep": ["kind", ODD], "report": False},
    }
