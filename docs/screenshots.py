"""The README's pictures of a report: that of the demo, in a browser of this machine.

make demo && .venv/bin/python docs/screenshots.py demo-out
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "img"

SHOTS = {"report-light": (1400, 1500, "light"), "report-dark": (800, 1200, "dark")}
"""Name -> width, height, colours."""


def main(demo: str) -> None:
    """Open the page and take its pictures."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        message = "chromium is not installed"
        raise SystemExit(message)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--no-first-run"])
        for name, (width, height, colors) in SHOTS.items():
            scheme = "dark" if colors == "dark" else "light"
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
            page.goto(Path(demo, "balanced", "report.html").resolve().as_uri())
            page.wait_for_selector(f"html[data-drawn={scheme}]")
            page.screenshot(path=IMAGES / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
