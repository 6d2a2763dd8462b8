"""What a run needs is estimated before it is taken, and said where there is too little."""

from __future__ import annotations

import json
import random
import shutil
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import evenly
from evenly.engines import machine
from evenly.errors import EvenlyError
from evenly.flow import room
from evenly.flow.room import short_of_memory
from evenly.io.cache import cache_folder, folder_bytes
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path


class Usage(NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


def data(folder: Path, rows: int, files: int) -> dict[str, Any]:
    """Write listings into some files; return a recipe over them."""
    chance = random.Random(9)
    words = ["red", "blue", "steel", "cable", "box", "fits", "new", "old", "long", "wide", "soft", "hard", "x12"]
    for file in range(files):
        lines = (
            {"id": f"{file}-{n}", "text": " ".join(chance.choices(words, k=50)), "price": chance.randint(1, 300)}
            for n in range(rows // files)
        )
        (folder / f"{file}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return {
        "name": "room",
        "sources": [{"name": "s", "files": str(folder / "*.jsonl"), "id": "id"}],
        "curate": [{"number": {"column": "price"}}],
        "template": {"prompt": "{text}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 20},
        "export": {"report": False},
    }


@pytest.mark.parametrize("near", [False, True])
def test_the_first_piece_tells_what_the_pool_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, near: bool) -> None:
    told: list[int] = []
    real = room.refuse_full

    def listening(folder: Path, tally: room.Tally, recipe: Any) -> None:
        told.append(tally.written + tally.to_come(recipe))
        real(folder, tally, recipe)

    monkeypatch.setattr("evenly.flow.curate.refuse_full", listening)
    recipe = data(tmp_path, 12_000, 6)
    recipe["curate"] += [{"near_unique": {"column": "text"}}] if near else []
    over, peak = threading.Event(), 0

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.01):
            peak = max(peak, folder_bytes(cache_folder() / "building"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    evenly.plan(recipe)
    over.set()
    watcher.join()
    assert len(told) == 6
    assert peak / 1.3 < told[0] < 1.5 * peak


def test_a_pool_that_can_not_fit_ends_the_run_early(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 100_000))
    with pytest.raises(EvenlyError, match=r"the pool takes about [\d.]+ MB more, and 0\.1 MB are free\. Free"):
        evenly.run(data(tmp_path, 12_000, 6), tmp_path / "out")
    monkeypatch.undo()
    assert not (tmp_path / "out").exists()


def test_an_output_that_may_not_fit_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Reporter(Silent):
        def say(self, text: str) -> None:
            said.append(text)

    recipe = data(tmp_path, 1_200, 1)
    evenly.plan(recipe)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 1_000))
    evenly.run(recipe, tmp_path / "out", reporter=Reporter())
    assert len(said) == 1
    assert said[0].startswith("warning: ")
    assert "the output takes about" in said[0]
    assert said[0].endswith("Free some, or choose a place on another disk with --out.")


@pytest.mark.parametrize(
    ("free", "workers", "says"),
    [
        (None, 8, None),
        (10**10, 8, None),
        (3 * 10**9, 8, "workers: 4"),
        (10**9, 8, "workers: 1"),
        (10**9, 1, "Close programs"),
    ],
)
def test_too_little_memory_is_said(
    monkeypatch: pytest.MonkeyPatch, free: int | None, workers: int, says: str | None
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: free)
    warning = short_of_memory(workers, 100)
    assert warning is None if says is None else warning is not None and says in warning
    assert short_of_memory(workers, 1) is None or (free or 0) < 2 * room.WORKER_BYTES


def test_a_containers_limits_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = machine.memory()
    monkeypatch.setattr(machine, "GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory() >= whole
    (tmp_path / "memory.max").write_text("300000000\n")
    (tmp_path / "memory.current").write_text("100000000\n")
    assert machine.memory() == 300_000_000
    free = machine.free_memory()
    assert free is not None
    assert free <= 200_000_000
