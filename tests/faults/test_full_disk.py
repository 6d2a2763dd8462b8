"""A disk that really fills up, a small file system in memory: one clear line, nothing half-done, and it can go on."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")]

ROWS = 4_000


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 64 MB, as root or as one that may play root."""
    place = tmp_path / "small"
    place.mkdir()
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or mount is None or unmount is None:
        pytest.skip("only root mounts a file system")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run([unmount, place], check=True)


def leave(place: Path, size: int) -> None:
    """Fill a disk up to `size` bytes."""
    with (place / "filler").open("wb") as out:
        out.write(b"\0" * max(0, shutil.disk_usage(place).free - size))


def run(recipe: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evenly.cli", "run", str(recipe), "--out", str(out), "--quiet", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def write_recipe(folder: Path, *steps: dict[str, Any]) -> Path:
    chance = random.Random(3)
    with (folder / "d.jsonl").open("w", encoding="utf-8") as out:
        for number in range(ROWS):
            text = " ".join(str(chance.random()) for _ in range(40))
            out.write(json.dumps({"id": f"i{number}", "text": text, "price": chance.randint(1, 90)}) + "\n")
    recipe = {
        "name": "full",
        "sources": [{"name": "s", "files": str(folder / "d.jsonl"), "id": "id"}],
        "curate": [{"number": {"column": "price"}}, *steps],
        "template": {"prompt": "{text}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 40},
        "export": {"report": False},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    return folder / "recipe.yaml"


@pytest.mark.parametrize("room", [0, 300_000])
def test_an_output_that_does_not_fit_leaves_the_old_one(tmp_path: Path, small: Path, room: int) -> None:
    recipe = write_recipe(tmp_path)
    assert run(recipe, small / "out", "--set", "balance.cap=2").returncode == 0
    before = (small / "out" / "manifest.json").read_bytes()
    leave(small, room)
    done = run(recipe, small / "out", "--force")
    assert done.returncode in {1, 2}, done.stderr
    assert done.stderr.startswith("evenly: ")
    assert "No space left on device" in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert (small / "out" / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in small.iterdir()) == ["filler", "out"]
    (small / "filler").unlink()
    assert run(recipe, small / "out", "--force").returncode == 0


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("room", [300_000])
def test_a_cache_that_does_not_fit_is_one_line_and_can_go_on(
    tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch, room: int, near: bool
) -> None:
    """Near-duplicates are worked on in mapped files, where a full disk would end the process."""
    monkeypatch.setenv("EVENLY_CACHE", str(small / "cache"))
    recipe = write_recipe(tmp_path, *([{"near_unique": {"column": "text"}}] if near else []))
    leave(small, room)
    done = run(recipe, tmp_path / "out")
    assert done.returncode in {1, 2}, done.stderr
    assert done.stderr.startswith("evenly: ")
    assert "No space left on device" in done.stderr
    assert not (tmp_path / "out").exists()
    assert not list((small / "cache").glob("scratch/*"))
    (small / "filler").unlink()
    assert run(recipe, tmp_path / "out").returncode == 0
    assert list((small / "cache" / "building").iterdir()) == []
