"""What a result is kept with: a note of the machine, and the numbers, as JSON."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(name: str, result: dict[str, Any], *packages: str) -> None:
    """Write a result beside a note of the machine, and print where."""
    note = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": note, "result": result}, indent=2) + "\n", encoding="utf-8")
    print(f"kept in benchmarks/results/{path.name}")
