"""Contenders side by side: a script each in an environment of its own, runs in turn, medians, memory of the tree."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenly.io.processes import watched

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks" / "peers"
OURS = "evenly"
"""The environment of the project itself."""


@dataclass(frozen=True)
class Contender:
    """A script in `benchmarks/peers`, and the environment that it runs in.

    Attributes:
        name: what the table calls it.
        script: its file, without the ending.
        environment: `evenly`, or the name of a hashed file in requirements/peers.
        rows: raw rows that it gets at most: a slow one's rate is known sooner.
    """

    name: str
    script: str
    environment: str = OURS
    rows: int = 10**9


@dataclass
class Result:
    """What a contender's runs said, and the most memory (bytes) that one of them took."""

    runs: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    memory: int = 0

    def median(self, key: str) -> float:
        """Return the median of a number over the runs."""
        return statistics.median(float(run[key]) for run in self.runs)


def environment(name: str) -> Path | None:
    """Return the Python of a contender's environment, made when it is not there; None where it can't be."""
    if name == OURS:
        return Path(sys.executable)
    folder = ROOT / ".peers" / name
    python = folder / "bin" / "python"
    locked = ROOT / "requirements" / "peers" / f"{name}.txt"
    stamp = folder / ".made"
    if stamp.exists() and stamp.stat().st_mtime >= locked.stat().st_mtime:
        return python
    uv = ROOT / ".uv" / "bin" / "uv"
    try:
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
        install = [uv, "pip", "sync", "--quiet", "--python", python, "--require-hashes", locked]
        subprocess.run(install, check=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        print(f"{name}: left out, its environment can't be made ({fault})")
        return None
    stamp.touch()
    return python


def compete(contenders: Sequence[Contender], arguments: Sequence[str], rows: int, repeats: int) -> dict[str, Result]:
    """Run all contenders, `repeats` times in turn; `arguments` follow each one's rows.

    The first of `arguments` stands before the number of rows (the tokenizer), the others after it.
    """
    results: dict[str, Result] = {}
    for turn in range(repeats):
        for one in contenders:
            python = environment(one.environment)
            if python is None:
                continue
            wanted = str(min(rows, one.rows))
            command = [str(python), str(PEERS / f"{one.script}.py"), arguments[0], wanted, *arguments[1:]]
            print(f"{one.name} ({turn + 1} of {repeats}) ...", end=" ", flush=True)
            told, memory = _run(command)
            result = results.setdefault(one.name, Result())
            if told is None:
                print("failed")
                continue
            print(f"{told.get('steady', told['rows'] / told['seconds']):,.0f} rows/s")
            result.runs.append(told)
            result.memory = max(result.memory, memory)
    return {name: result for name, result in results.items() if result.runs}


def _run(command: Sequence[str]) -> tuple[dict[str, Any] | None, int]:
    """Return what a command said on its last line, and the peak memory of it and its children."""
    quiet = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **quiet}
        ) as process,
        watched(process.pid) as memory,
    ):
        out, err = process.communicate()
    if process.returncode:
        print(err[-2_000:])
        return None, memory.peak()
    return json.loads(out.splitlines()[-1]), memory.peak()


def listings(rows: int) -> list[str]:
    """Return the files of a catalogue of that many listings, made when it is not there."""
    from evenly.catalogue import write_catalogue  # noqa: PLC0415 - peers import this file's neighbours, not Evenly

    folder = ROOT / ".peers" / "listings" / str(rows)
    if not folder.exists():
        begun = time.perf_counter()
        write_catalogue(folder.with_suffix(".new"), rows)
        folder.with_suffix(".new").rename(folder)
        print(f"made {rows:,} listings in {time.perf_counter() - begun:.0f} s")
    return sorted(str(path) for path in folder.glob("meta_*.jsonl"))
