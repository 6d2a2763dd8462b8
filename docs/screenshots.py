"""The README's pictures of a report and of the studio: those of the demo, in a browser of this machine.

make demo && .venv/bin/python docs/screenshots.py demo-out
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

import evenly

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IMAGES = Path(__file__).parent / "img"

REPORTS = {"report-light": (1400, 1500, "light"), "report-dark": (800, 1200, "dark")}
"""Name -> width, height, colours."""

STUDIOS = {"studio-light": (1400, 1240, "light"), "studio-dark": (380, 1100, "dark")}


def report(browser: Browser, demo: Path) -> None:
    """Take the pictures of the report, and its first chart."""
    shutil.copy(demo / "balanced" / "charts" / "label.png", IMAGES / "before-after.png")
    for name, (width, height, scheme) in REPORTS.items():
        page = _page(browser, width, height, scheme)
        page.goto((demo / "balanced" / "report.html").resolve().as_uri())
        page.wait_for_selector(f"html[data-drawn={scheme}]")
        page.screenshot(path=IMAGES / f"{name}.png")


def studio(browser: Browser, demo: Path) -> None:
    """Take the pictures of the studio: one state saved, and another cap and threshold dragged beside it."""
    served = evenly.studio(demo / "recipe.yaml")
    for name, (width, height, scheme) in STUDIOS.items():
        page = _page(browser, width, height, scheme)
        page.goto(served.address)
        page.wait_for_selector("html[data-turn]", state="attached")
        page.click("#save")
        page.fill("#ask-name", "as-it-was")
        page.keyboard.press("Enter")
        page.wait_for_selector("#saved li")
        _changed(page, "balance.cap=60&balance.take_all=%22price%20%3E%3D%20300%22")
        page.evaluate("document.activeElement.blur()")
        page.screenshot(path=IMAGES / f"{name}.png")
    served.stop()


def _page(browser: Browser, width: int, height: int, scheme: str) -> Page:
    colors = "dark" if scheme == "dark" else "light"
    return browser.new_context(viewport={"width": width, "height": height}, color_scheme=colors).new_page()


def _changed(page: Page, state: str) -> None:
    """Put a state into the address, and wait until it is drawn."""
    turn = int(page.evaluate("document.documentElement.dataset.turn"))
    page.evaluate("state => { location.hash = state; }", state)
    page.wait_for_selector(f'html[data-turn="{turn + 1}"]', state="attached")


def main(demo: str) -> None:
    """Open the pages and take their pictures."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        message = "chromium is not installed"
        raise SystemExit(message)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--no-first-run"])
        report(browser, Path(demo))
        studio(browser, Path(demo))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
