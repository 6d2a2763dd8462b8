"""A run killed at any moment: DIR is complete or as it was, and the next run is none the worse for it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import evenly

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")]

ROWS = 30_000
EXIT_CODES = {signal.SIGTERM: 143, signal.SIGINT: 130, signal.SIGKILL: -signal.SIGKILL}

MOMENTS = [
    (signal.SIGKILL, "curate", False),
    (signal.SIGTERM, "curate", False),
    (signal.SIGINT, "curate", False),
    (signal.SIGKILL, "gather", False),
    (signal.SIGKILL, "write", True),
    (signal.SIGTERM, "census", True),
    (signal.SIGINT, "write", True),
]
"""Signal, the phase after whose beginning it comes, and whether there is an output to be replaced."""


@dataclass(frozen=True)
class Work:
    """A folder with data and a recipe, and what an undisturbed run of it selects."""

    folder: Path
    recipe: Path
    digest: dict[str, str]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    folder = tmp_path_factory.mktemp("kill")
    chance = random.Random(7)
    with (folder / "d.jsonl").open("w", encoding="utf-8") as out:
        for number in range(ROWS):
            row = {"id": f"i{number}", "text": f"{chance.random()} " * 5, "price": chance.randint(1, 200)}
            out.write(json.dumps(row) + "\n")
    recipe = folder / "recipe.yaml"
    data: dict[str, Any] = {
        "name": "kill",
        "sources": [{"name": "s", "files": "d.jsonl", "id": "id"}],
        "curate": [{"number": {"column": "price"}}, {"collapse": {"column": "text"}}],
        "template": {"prompt": "{text}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 120},
        "split": {"train": 0.9, "test": 0.1},
        "export": {"shard_rows": 500},
    }
    recipe.write_text(json.dumps(data), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(folder / "cache"))
        done = evenly.run(recipe, folder / "reference")
    return Work(folder, recipe, done.manifest["selection_digest"])


def start_and_kill(work: Work, place: Path, moment: tuple[signal.Signals, str, bool], delay: float) -> int:
    """Start a run, send the signal `delay` seconds into the phase, and return the exit code."""
    number, phase, force = moment
    words = ["run", str(work.recipe), "--out", str(place), "--log-json", *(["--force"] if force else [])]
    with subprocess.Popen(
        [sys.executable, "-m", "evenly.cli", *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        seen: list[str] = []
        for line in process.stderr:
            seen.append(line)
            if f'"phase": "{phase}"' in line:
                break
        else:
            pytest.fail(f"the run ended before its phase '{phase}': {''.join(seen)}")
        time.sleep(delay)
        process.send_signal(number)
        rest = process.stderr.read()
        process.wait(timeout=60)
    assert "Traceback" not in rest
    return process.returncode


def leftovers(folder: Path) -> list[str]:
    """Return unfinished folders beside the output and in the cache."""
    found = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    cache = Path(os.environ["EVENLY_CACHE"]) / "pools"
    return found + [path.name for path in cache.glob(".*")]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment[0].name}-{moment[1]}-{moment[2]}")
def test_a_killed_run_leaves_a_whole_output_or_none(
    work: Work, tmp_path: Path, moment: tuple[signal.Signals, str, bool]
) -> None:
    number, _, force = moment
    place = tmp_path / "sets" / "out"
    earlier = ["seed=1", "split.train=0.5"]
    before = evenly.run(work.recipe, place, set=earlier).manifest if force else None
    delay = random.Random(str(moment)).uniform(0, 0.05)
    code = start_and_kill(work, place, moment, delay)
    if code == 0:  # it was through before the signal came
        assert json.loads((place / "manifest.json").read_text())["selection_digest"] == work.digest
    else:
        assert code == EXIT_CODES[number]
        if before is not None:
            assert json.loads((place / "manifest.json").read_text()) == before
            assert whole(place)
        else:
            assert not place.exists()
        if number is not signal.SIGKILL:
            assert leftovers(tmp_path / "sets" if (tmp_path / "sets").exists() else tmp_path) == []
    again = evenly.run(work.recipe, place, force=True)
    assert again.manifest["selection_digest"] == work.digest
    assert whole(place)
    assert leftovers(tmp_path / "sets") == []


def whole(place: Path) -> bool:
    """Say whether all files that the manifest names are there with their bytes."""
    manifest = json.loads((place / "manifest.json").read_text())
    return all((place / file["path"]).stat().st_size == file["bytes"] for file in manifest["files"])


def test_a_run_killed_while_it_waits_for_its_workers_leaves_nothing(work: Work, tmp_path: Path) -> None:
    """A second interruption, while the first is being cleaned up, may leave folders; the next run sweeps them."""
    place = tmp_path / "sets" / "out"
    with subprocess.Popen(
        [sys.executable, "-m", "evenly.cli", "run", str(work.recipe), "--out", str(place), "--log-json"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        process.stderr.readline()
        for _ in range(3):
            process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        process.stderr.read()
        process.wait(timeout=60)
    assert process.returncode != 0 or place.exists()
    assert not place.exists() or whole(place)
    assert evenly.run(work.recipe, place, force=True).manifest["selection_digest"] == work.digest
    assert leftovers(tmp_path / "sets") == []
