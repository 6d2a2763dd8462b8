"""A fault at any call to the file system, in any library: the old output stays whole, the next run comes out the same.

The calls are counted by a small library in C that is loaded before all others (faults.c), so that those of Polars and
of pyarrow count too. `make soak` has a fault at every call of a run, here it is at some dozens.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.skipif(sys.platform != "linux", reason="the library is Linux's")]

HERE = Path(__file__).parent
MODES = ["fail", "crash", "full", "short"]
STEP = 89
"""Of how many calls one has a fault: a prime, so that the modes meet other calls."""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    made = tmp_path_factory.mktemp("library") / "faults.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, HERE / "faults.c", "-ldl"], check=True)
    return made


def campaign(library: Path, folder: Path, mode: str, first: int = 0, step: int = 1) -> Any:
    """Run a campaign in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, HERE / "campaign.py", folder, mode, str(first), str(step)],
        env=os.environ | {"LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("mode", MODES)
def test_a_fault_at_some_calls_loses_nothing(library: Path, tmp_path: Path, mode: str) -> None:
    found = campaign(library, tmp_path, mode, 3 + 7 * MODES.index(mode), STEP)
    assert found["wrong"] == []
    assert found["runs"] > 6
    whole = found["codes"].get("0", 0)
    assert whole == found["runs"] if mode == "short" else whole < found["runs"] / 2


@pytest.mark.soak
@pytest.mark.parametrize("mode", MODES)
def test_a_fault_at_any_call_loses_nothing(library: Path, tmp_path: Path, mode: str) -> None:
    found = campaign(library, tmp_path, mode, 1, 1)
    sys.stdout.write(f"{mode}: { ({name: value for name, value in found.items() if name != 'wrong'}) }\n")
    assert found["wrong"] == []
    assert found["runs"] == 2 * found["calls"]
    assert mode == "short" or found["resumed"] > 100


def test_all_is_on_the_disk_before_an_output_or_a_pool_takes_its_place(library: Path, tmp_path: Path) -> None:
    calls = campaign(library, tmp_path, "trace")
    last = {(name, path): number for number, (name, path) in enumerate(calls)}
    building, out = tmp_path / "sets" / ".out.evenly-building", tmp_path / "sets" / "out"
    there = last["renameat2", str(out)]
    files = [path for path in out.rglob("*") if path.is_file()]
    for path in files:
        made = str(building / path.relative_to(out))
        assert last["write", made] < last["fsync", made] < there, made
    for path in [out, *(path for path in out.rglob("*") if path.is_dir())]:
        assert last["fsync", str(building / path.relative_to(out))] < there
    assert last["fsync", str(out.parent)] > there
    pools = [path for path in (tmp_path / "cache" / "pools").iterdir() if path.is_dir()]
    assert len(files) > 8
    assert len(pools) == 1
    place = last["rename", str(pools[0])]
    built = str(tmp_path / "cache" / "building" / pools[0].name)
    notes = [path for name, path in calls if name == "rename" and path.startswith(f"{built}/done/")]
    assert len(notes) == 2
    assert last["fsync", built] < place < last["fsync", str(pools[0].parent)]
    assert last["fsync", f"{built}/pool.json"] < place
    for path in (path for path in pools[0].rglob("kept/*") if path.is_file()):
        assert last["rename", f"{built}/kept/{path.name}"] < place
        assert last["fsync", f"{built}/kept/{path.name}"] < place
