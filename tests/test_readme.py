"""What the README shows is what the demo prints, but for the seconds it took."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"


def without_seconds(text: str) -> list[str]:
    return [re.sub(r"\d+\.\d s", "… s", line).rstrip() for line in text.strip().splitlines()]


def shown(name: str) -> str:
    """Return what stands in the README between the marks of that name."""
    found = re.search(rf"<!-- {name} -->\n```\n(.*?)```\n<!-- /{name} -->", README.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def printed(folder: Path, width: int, *arguments: str) -> str:
    environment = {**os.environ, "COLUMNS": str(width), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "evenly.cli", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=True
    ).stdout


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    found = printed(tmp_path, 80, "demo", "--out", "demo-out")
    assert without_seconds(found) == without_seconds(shown("demo"))


def test_the_plan_is_what_the_readme_shows(shared_data: Path) -> None:
    assert shared_data.is_dir()
    found = printed(README.parent, 90, "plan", "recipes/retail.yaml")
    assert without_seconds(found) == without_seconds(shown("plan"))
