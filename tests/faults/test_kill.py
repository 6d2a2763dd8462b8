"""A run killed at any moment: DIR is complete or as it was, and the next run is none the worse for it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import evenly
from evenly.io import pool as pools

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")]

ROWS = 12_000
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
    """Return what runs left beside the output, and in the cache, but for the finished pieces of a pool."""
    cache = Path(os.environ["EVENLY_CACHE"])
    hidden = [path for room in (folder, cache / "building", cache / "pools") for path in room.glob(".*")]
    return [path.name for path in (*hidden, *(cache / "scratch").glob("*"))]


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
    assert_as_ever(work, place)


def whole(place: Path) -> bool:
    """Say whether all files that the manifest names are there with their bytes."""
    manifest = json.loads((place / "manifest.json").read_text())
    return all((place / file["path"]).stat().st_size == file["bytes"] for file in manifest["files"])


def content(folder: Path) -> dict[str, str]:
    """Return path -> sha256 of the files that are the same in all outputs of a recipe, or of all in a pool."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named.items()
        if name.split("/")[0] in {"data", "ledger", "quarantine.jsonl", "kept", "dropped", "pool.json"}
    }


def assert_as_ever(work: Work, place: Path) -> None:
    """Run once more: data and ledger, and the pool, are those of a run that nothing disturbed, and nothing else is."""
    again = evenly.run(work.recipe, place, force=True)
    assert again.manifest["selection_digest"] == work.digest
    assert whole(place)
    assert content(place) == content(work.folder / "reference")
    caches = Path(os.environ["EVENLY_CACHE"]), work.folder / "cache"
    found, wanted = (content(next(path for path in (cache / "pools").iterdir())) for cache in caches)
    assert found == wanted
    assert leftovers(place.parent) == []
    assert not list(Path(os.environ["EVENLY_CACHE"], "building").iterdir())


KILLS = 20


@pytest.mark.parametrize("times", [KILLS, pytest.param(200, marks=pytest.mark.soak)])
def test_runs_that_are_killed_one_after_the_other_come_to_the_same(work: Work, tmp_path: Path, times: int) -> None:
    """Each is killed at a random moment, and goes on with what the ones before it left; some come through."""
    chance = random.Random(times)
    place = tmp_path / "sets" / "out"
    evenly.run(work.recipe, place, set=["seed=1"])
    known = {"1": content(place)}
    shutil.rmtree(os.environ["EVENLY_CACHE"])
    killed, seed = 0, 1
    longest = 2.0
    while killed < times:
        seed += 1
        words = ["run", str(work.recipe), "--out", str(place), "--force", "--quiet", "--set", f"seed={seed}"]
        begun = time.monotonic()
        with subprocess.Popen([sys.executable, "-m", "evenly.cli", *words], stderr=subprocess.PIPE) as process:
            try:
                process.wait(timeout=chance.uniform(0.2, longest))
                longest = time.monotonic() - begun
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
            assert process.stderr is not None
            assert process.stderr.read() == b""
        manifest = json.loads((place / "manifest.json").read_text())
        assert whole(place)
        there = str(manifest["seed"])
        assert there in {str(seed), *known}
        assert content(place) == known.setdefault(there, content(place))
        known = {there: known[there]}
        if chance.random() < 0.3:
            shutil.rmtree(Path(os.environ["EVENLY_CACHE"]) / "pools", ignore_errors=True)
    assert_as_ever(work, place)


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, 2), (signal.SIGTERM, 1)])
def test_an_interrupted_run_ends_soon_says_what_is_kept_and_is_gone_on_with(
    work: Work, tmp_path: Path, number: signal.Signals, workers: int
) -> None:
    """Of two workers, each is a process: there are as many pieces as it takes."""
    lines = (work.folder / "d.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "in").mkdir()
    for part in range(20):
        (tmp_path / "in" / f"{part:02d}.jsonl").write_text("".join(lines[part::20]), encoding="utf-8")
    changes = [f"engine.workers={workers}", f"sources.0.files={tmp_path / 'in'}/*.jsonl"]
    words = [
        "run",
        str(work.recipe),
        "--out",
        str(tmp_path / "out"),
        *(word for one in changes for word in ("--set", one)),
    ]
    done = Path(os.environ["EVENLY_CACHE"]) / "building"
    with subprocess.Popen(
        [sys.executable, "-m", "evenly.cli", *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        while len(list(done.glob("*/done/[!.]*"))) < 5 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(number)
        begun = time.monotonic()
        said = process.communicate()[1]
        took = time.monotonic() - begun
    assert process.returncode == EXIT_CODES[number], said
    assert took < 2
    told = re.search(r"evenly: interrupted\.\n(\d+) of 20 pieces are curated and kept", said)
    assert told is not None, said
    assert int(told[1]) >= 5
    again = subprocess.run([sys.executable, "-m", "evenly.cli", *words], capture_output=True, text=True, check=True)
    assert f"goes on with an interrupted run: {told[1]} of 20 pieces are done" in again.stderr
    resumed = content(next((done.parent / "pools").iterdir()))
    shutil.rmtree(done.parent)
    evenly.run(work.recipe, tmp_path / "undisturbed", set=changes)
    assert resumed == content(next((done.parent / "pools").iterdir()))
    assert content(tmp_path / "out") == content(tmp_path / "undisturbed")


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
    assert_as_ever(work, place)


def test_a_run_waits_for_another_that_builds_its_pool(work: Work, tmp_path: Path) -> None:
    name = next((work.folder / "cache" / "pools").iterdir()).name
    words = ["run", str(work.recipe), "--out", str(tmp_path / "out")]
    with pools.locked(name, pytest.fail):
        process = subprocess.Popen(
            [sys.executable, "-m", "evenly.cli", *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert process.stderr is not None
        assert process.stderr.readline() == "another run curates the same inputs; this one waits for its pool\n"
        shutil.copytree(work.folder / "cache" / "pools", Path(os.environ["EVENLY_CACHE"], "pools"))
        assert process.poll() is None
    said = process.communicate()[1]
    assert process.returncode == 0
    assert "curate" not in said
    assert content(tmp_path / "out") == content(work.folder / "reference")


def test_two_runs_on_one_output_and_one_on_the_same_pool_end_well(work: Work, tmp_path: Path) -> None:
    places = [tmp_path / name for name in ("one", "one", "two")]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "evenly.cli", "run", str(work.recipe), "--out", str(place)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for place in places
    ]
    said = [process.communicate()[1] for process in running]
    codes = [process.returncode for process in running]
    assert sorted(codes[:2]) == [0, 2], said
    assert re.search(r"another run \(process \d+ on .*\) works on it|exists already", said[codes.index(2)])
    assert codes[2] == 0
    assert content(tmp_path / "one") == content(tmp_path / "two") == content(work.folder / "reference")
    assert len(list(Path(os.environ["EVENLY_CACHE"], "pools").iterdir())) == 1
    assert leftovers(tmp_path) == []
