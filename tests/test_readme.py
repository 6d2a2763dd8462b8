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


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown = re.search(r"<!-- demo -->\n```\n(.*?)```\n<!-- /demo -->", README.read_text(encoding="utf-8"), re.DOTALL)
    assert shown is not None
    environment = {**os.environ, "COLUMNS": "80", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "evenly.cli", "demo", "--out", "demo-out"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert without_seconds(done.stdout) == without_seconds(shown[1])
