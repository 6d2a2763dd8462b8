"""Memory stays flat: many more listings take hardly more of it, with processes and all that they hold counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evenly.catalogue import write_catalogue
from evenly.catalogue.recipe import demo_recipe_text

ROWS = 80_000
"""Listings of the small run: nine pieces, so that both worker processes have some."""

TIMES = 1.15
MOST = 1_500_000_000
"""Bytes of all processes of a run together."""

SCRIPT = """
import json, sys
import evenly, evenly.flow.run as flow
from evenly.engines.local import LocalEngine
flow.LocalEngine = lambda workers: LocalEngine(2, 1)  # processes at both sizes
manifest = evenly.run(sys.argv[1], sys.argv[2], profile=True).manifest
print(json.dumps({name: one["peak_memory"] for name, one in manifest["profile"].items()}))
"""


def peaks(folder: Path, rows: int) -> dict[str, int]:
    """Return the peak of memory in each phase of a run over so many listings."""
    write_catalogue(folder / "catalogue", rows)
    (folder / "recipe.yaml").write_text(demo_recipe_text(rows * 3 // 4, 42), encoding="utf-8")
    command = [sys.executable, "-c", SCRIPT, str(folder / "recipe.yaml"), str(folder / "out")]
    environment = {**os.environ, "EVENLY_CACHE": str(folder / "cache")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="looks at processes the way Linux shows them")
@pytest.mark.parametrize("times", [4, pytest.param(10, marks=pytest.mark.soak)])
def test_many_times_the_listings_take_hardly_more_memory(tmp_path: Path, times: int) -> None:
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    small, large = peaks(tmp_path / "small", ROWS), peaks(tmp_path / "large", times * ROWS)
    assert max(large.values()) <= TIMES * max(small.values()), (small, large)
    assert max(large.values()) < MOST
