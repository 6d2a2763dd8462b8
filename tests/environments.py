"""Environments of their own, for tests against other versions and other tools: made from hashed requirement files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def python_of(name: str, locked: Path) -> Path:
    """Return the Python of the environment `name`, made of a requirement file where it is not there or is older."""
    folder = ROOT / ".peers" / name
    python, stamp, uv = folder / "bin" / "python", folder / ".made", ROOT / ".uv" / "bin" / "uv"
    if not stamp.exists() or stamp.stat().st_mtime < locked.stat().st_mtime:
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", locked]
        subprocess.run(install, check=True)
        stamp.touch()
    return python
