"""The studio over 2.9 million records: how long until its server has answered, and until the picture is drawn.

The answer is timed by a plain client on this machine; the picture in a browser with the page open, as a user has it,
where each change goes the whole way: through the address, the question, the answer, and all charts. `live.py` measures
the part of it that counts.

    python benchmarks/studio.py [ROWS [REPEATS]]

ROWS are raw listings; about seven in ten are curated.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from playwright.sync_api import sync_playwright

from balance import TOKENIZER, pooled
from machine import keep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    "--no-sandbox",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

AT_ONCE = (0.05, 0.1)
"""Seconds that the answer to a quota or a weight may take, and its picture."""

SOON = (1.0, 1.0)
"""The same for strata, a filter or a seed."""


@dataclass(frozen=True)
class Change:
    """What is changed: the address's keys and values at each turn, and how long answer and picture may take."""

    keys: Callable[[int], dict[str, Any]]
    wanted: tuple[float, float]


CHANGES = {
    "cap": Change(lambda turn: {"balance.cap": 900 + turn}, AT_ONCE),
    "size": Change(
        lambda turn: {"balance.cap": None, "balance.size": 400_000 - 997 * turn, "balance.shortfall": "accept"}, AT_ONCE
    ),
    "take_all": Change(lambda turn: {"balance.take_all": f"price >= {200 + turn}"}, AT_ONCE),
    "alpha": Change(
        lambda turn: {
            "balance.policy": "power",
            "balance.cap": None,
            "balance.size": 400_000,
            "balance.alpha": 0.3 + turn / 100,
            "balance.shortfall": "accept",
        },
        AT_ONCE,
    ),
    "weight of a category": Change(lambda turn: {"balance.weight.values.Automotive": 1 + turn / 7}, AT_ONCE),
    "strata": Change(lambda turn: {"balance.strata.0.round": None, "balance.strata.0.log": 1.05 + turn / 100}, SOON),
    "filter": Change(lambda turn: {"balance.filter": f"price < {500 + turn} and tokens <= 185"}, SOON),
    "seed": Change(lambda turn: {"seed": 100 + turn}, SOON),
}


@contextmanager
def served(recipe: Path) -> Iterator[str]:
    """Yield the address of a recipe's studio in a process of its own."""
    command = [sys.executable, "-m", "evenly", "studio", str(recipe), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield (server.stdout.readline() if server.stdout else "").strip()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(10)


def turned(page: Page, keys: dict[str, Any]) -> dict[str, float]:
    """Change the address, and return the milliseconds until the answer was there, and until it was drawn."""
    turn = page.evaluate("document.documentElement.dataset.turn")
    text = "&".join(f"{key}={quote(json.dumps(value))}" for key, value in keys.items())
    page.evaluate("text => { location.hash = text; }", text)
    page.wait_for_selector(f'html[data-turn="{int(turn) + 1}"]', state="attached", timeout=60_000)
    told = page.evaluate("({...document.documentElement.dataset})")
    return {name: float(told[name]) for name in ("answered", "drawn")}


@dataclass
class Client:
    """A plain client of a studio's server, at the address that it printed."""

    address: str
    known: str | None = None

    def ask(self, question: str, about: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return what the server answers."""
        base, _, token = self.address.partition("/?token=")
        body = None if about is None else json.dumps(about).encode()
        headers = {"X-Evenly-Token": token, "Content-Type": "application/json"}
        with urlopen(Request(f"{base}/api/{question}", body, headers)) as answer:  # noqa: S310 - our own server
            return json.loads(answer.read())

    def timed(self, keys: dict[str, Any]) -> float:
        """Return the milliseconds until what a change selects has been answered and read."""
        state = self.ask("about")["state"]
        for key, value in keys.items():
            *path, last = key.split(".")
            here = state
            for step in path:
                here = here[int(step) if isinstance(here, list) else step]
            here.pop(last, None)
            if value is not None:
                here[last] = value
        begun = time.perf_counter()
        answer = self.ask("view", {"state": state, "known": self.known})
        seconds = time.perf_counter() - begun
        self.known = answer["on"]
        return seconds * 1e3


def measured(page: Page, client: Client, change: Change, repeats: int) -> dict[str, float]:
    """Return the medians and the slowest of a change, in seconds; the first turn, whose ground is new, is left out."""
    client.timed(change.keys(0))
    found = [{"answered": client.timed(change.keys(turn))} for turn in range(1, repeats + 1)]
    turned(page, change.keys(0))
    found = [one | {"drawn": turned(page, change.keys(turn + 50))["drawn"]} for turn, one in enumerate(found, 1)]
    told: dict[str, float] = {}
    for name in ("answered", "drawn"):
        ordered = sorted(one[name] / 1e3 for one in found)
        told |= {name: round(ordered[len(ordered) // 2], 4), f"{name}_slowest": round(ordered[-1], 4)}
    return told


def main(rows: int = 4_000_000, repeats: int = 15) -> None:
    """Measure, print, keep."""
    browser = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if browser is None or not TOKENIZER.is_file():
        print("left out: no Chromium, or no tokenizer file (../shared/data/tokenizers beside the project)")
        return
    recipe = pooled(rows) / "recipe.yaml"
    told: dict[str, Any] = {}
    with served(recipe) as address, sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=list(QUIET))
        page = opened.new_page(viewport={"width": 1400, "height": 1000})
        begun = time.perf_counter()
        page.goto(address)
        page.wait_for_selector("html[data-turn]", state="attached", timeout=120_000)
        first = time.perf_counter() - begun
        records = page.inner_text("#headline dd.aside >> nth=0")
        print(f"{records}; the page is there after {first:.1f} s")
        client = Client(address)
        for name, change in CHANGES.items():
            one = measured(page, client, change, repeats)
            told[name] = one | {"wanted": list(change.wanted)}
            met = one["answered"] <= change.wanted[0] and one["drawn"] <= change.wanted[1]
            print(
                f"{name:24}answer {one['answered'] * 1e3:7.1f} ms, picture {one['drawn'] * 1e3:7.1f} ms "
                f"(slowest {one['drawn_slowest'] * 1e3:.0f}); "
                f"{change.wanted[0] * 1e3:,.0f} and {change.wanted[1] * 1e3:,.0f} wanted: {'met' if met else 'not met'}"
            )
        opened.close()
    keep("studio", {"pool": records, "first": round(first, 1), "changes": told}, "polars", "starlette", "uvicorn")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
