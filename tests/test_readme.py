"""What the docs show is what the demo and a plan print, but for the seconds it took."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def without_seconds(text: str) -> list[str]:
    return [re.sub(r"\d+\.\d s", "… s", line).rstrip() for line in text.strip().splitlines()]


def shown(page: str, name: str) -> str:
    """Return what stands in a page of the docs between the marks of that name."""
    found = re.search(
        rf"<!-- {name} -->\n```\n(.*?)```\n<!-- /{name} -->", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL
    )
    assert found is not None
    return found[1]


def printed(folder: Path, width: int, *arguments: str) -> str:
    environment = {**os.environ, "COLUMNS": str(width), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "evenly.cli", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True
    ).stdout


def test_the_demo_prints_what_the_docs_show(tmp_path: Path) -> None:
    found = printed(tmp_path, 80, "demo", "--out", "demo-out")
    assert without_seconds(found) == without_seconds(shown("start.md", "demo"))


def test_the_plan_is_what_the_docs_show(shared_data: Path) -> None:
    assert shared_data.is_dir()
    found = printed(ROOT, 90, "plan", "recipes/retail.yaml")
    assert without_seconds(found) == without_seconds(shown("your-data.md", "plan"))
