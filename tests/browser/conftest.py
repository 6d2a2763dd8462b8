"""A headless Chromium of this machine, without a network; tests that need one skip where there is none."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")

QUIET = (
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

AXE = Path(sys.prefix, "axe", "node_modules", "axe-core", "axe.min.js")
"""Where `make test` puts it: in the environment that the tests run in."""


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, for `access.violations`."""
    if not AXE.is_file():
        pytest.skip("no axe-core: `make test` fetches it where an npm registry can be reached")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser, which every test opens contexts of its own in."""
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    from playwright.sync_api import sync_playwright

    arguments = [*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=arguments)
        yield opened
        opened.close()
