"""The oldest dependencies that pyproject.toml allows, and the newest that there are, select what the locked ones do.

Each in an environment of its own: `requirements/versions/oldest.txt` has the lowest allowed version of each direct
dependency, `newest.txt` all of the newest on the day of the last `make lock`. Parquet's bytes may differ between
versions of Polars, and so may those of JSON that Polars writes; all else is equal: digests, and with them the ids of
each split, every value of every column in its order, the ledgers' values, and what the manifest says of the data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from .environments import python_of
from .golden.test_digests import DIGESTS
from .matrix import ARRANGEMENTS, GROUPS, differences

ROOT: Final = Path(__file__).parents[1]

WAY: Final[dict[str, Any]] = {name: values[-1] for name, values in ARRANGEMENTS.items()} | {"engine": "threads"}

ASKED: Final = "import polars, sys; sys.stdout.write(polars.__version__)"


def outcome(python: Path | str, folder: Path) -> dict[str, Any]:
    """Return the facts of all recipes as this Python finds them, but for the bytes of files."""
    folder.mkdir()
    done = subprocess.run(
        [python, ROOT / "tests" / "matrix.py", folder],
        input=json.dumps(WAY | {"recipes": [name for names in GROUPS for name in names]}),
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    found: dict[str, Any] = json.loads(done.stdout)
    for facts in found.values():
        facts["files"] = {path: rows for path, (rows, _) in facts["files"].items()}
    return found


@pytest.mark.soak
@pytest.mark.parametrize("versions", ["oldest", "newest"])
def test_other_versions_select_and_write_the_same_values(versions: str, tmp_path: Path) -> None:
    locked = ROOT / "requirements" / "versions" / f"{versions}.txt"
    python = python_of(versions, locked)
    polars = subprocess.run([python, "-c", ASKED], capture_output=True, encoding="utf-8", check=True).stdout
    assert f"polars=={polars} " in locked.read_text(encoding="utf-8")
    found = outcome(python, tmp_path / versions)
    assert {name: facts["selection_digest"] for name, facts in found.items()} == DIGESTS
    different = differences(outcome(sys.executable, tmp_path / "locked"), found)
    assert not different, "\n".join(different[:20])
