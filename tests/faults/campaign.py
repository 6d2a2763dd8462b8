"""A campaign of faults: runs of a small recipe in one process, each with a fault at another call to the file system.

Started by tests/faults/test_faults.py with `faults.so` loaded before all else (faults.c). It prints one JSON object:
how many runs there were, what became of them, and what was wrong with any.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import hashlib
import io
import json
import os
import random
import shutil
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import evenly.flow.run
from evenly import cli

COUNT, FAIL, CRASH, FULL, SHORT = 1, 2, 3, 4, 5
MODES: Final = {"fail": FAIL, "crash": CRASH, "full": FULL, "short": SHORT}
"""What may happen at a call: it fails, alone; nothing is written any more, as after a kill; the disk is full from then
on; it does half of its work."""

ROWS: Final = 120


@dataclass
class Findings:
    """What a campaign came to.

    Attributes:
        calls: of an undisturbed run.
        runs: how many runs had a fault.
        codes: exit code -> runs.
        replaced: runs that failed after the new output was in place.
        resumed: runs after a fault that went on with finished pieces.
        wrong: what did not hold.
    """

    calls: int = 0
    runs: int = 0
    codes: Counter[int] = field(default_factory=Counter[int])
    replaced: int = 0
    resumed: int = 0
    wrong: list[str] = field(default_factory=list[str])


def write_shop(folder: Path) -> None:
    """Write two files of listings, with duplicates, near-duplicates and bad rows, and a recipe over them."""
    chance = random.Random(5)
    words = ["red", "blue", "steel", "cable", "box", "fits", "new", "old", "long", "wide", "soft", "hard"]
    lines: list[str] = []
    for number in range(ROWS):
        text = " ".join(chance.choices(words, k=12)) if number % 9 else "the very same text of some listings"
        row = {"sku": f"s{number}", "title": text, "price": 1 + number % 7, "shelf": "abc"[number % 3]}
        lines.append(json.dumps(row) if number % 40 else "{bad")
    for name, part in (("a", lines[: ROWS // 2]), ("b", lines[ROWS // 2 :])):
        (folder / f"{name}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    recipe: dict[str, Any] = {
        "name": "faults",
        "sources": [{"name": "shop", "files": str(folder / "*.jsonl"), "id": "sku"}],
        "curate": [
            {"number": {"column": "price"}},
            {"unique": {"columns": ["title"]}},
            {"near_unique": {"column": "title", "threshold": 0.8}},
        ],
        "template": {"prompt": "{title} costs $", "completion": "{price:.0f}.00"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 8},
        "holdout": {"fraction": 0.2, "group": "exact"},
        "split": {"train": 0.8, "test": 0.2, "lite": {"train": 6}},
        "export": {"keep": ["shelf"], "shard_rows": 20},
        "max_bad_fraction": 0.1,
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")


def content(folder: Path, *, all_of_it: bool = False) -> dict[str, str]:
    """Return path -> sha256 of an output's files: those that two runs of a recipe share, or all."""
    shared = {"data", "lite", "holdout", "ledger", "quarantine.jsonl"}
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named.items()
        if all_of_it or name.split("/")[0] in shared
    }


class Campaign:
    """Runs of a recipe in `folder`, with faults below its `cache` and `sets`."""

    def __init__(self, folder: Path) -> None:
        """Prepare: what an undisturbed run gives, and an earlier output that runs are to replace."""
        self.folder, self.cache, self.sets = folder, folder / "cache", folder / "sets"
        os.environ["EVENLY_CACHE"] = str(self.cache)
        self.library = ctypes.CDLL(None)
        self.library.faults_disarm.restype = ctypes.c_long
        write_shop(folder)
        self.found = Findings()
        self.must(self.run("old", "--set", "seed=1", "--set", "split.lite.train=4"))
        self.old = folder / "old"
        (self.sets / "old").rename(self.old)
        self.must(self.run("new"))
        self.new = content(self.sets / "new")
        self.old_content = content(self.old, all_of_it=True)
        self.reset(force=True)
        self.arm(COUNT, 0)
        done = self.run("out", "--force")
        self.found.calls = self.library.faults_disarm()
        self.must(done)

    def must(self, told: tuple[int, str]) -> None:
        """Refuse to go on when a run without a fault failed."""
        if told[0]:
            raise SystemExit(told[1])

    def run(self, name: str, *words: str) -> tuple[int, str]:
        """Run the recipe into `sets/name` by its command; return the exit code and what it said."""
        said = io.StringIO()
        sys.argv = ["evenly", "run", str(self.folder / "recipe.yaml"), "--log-json", *words]
        sys.argv += ["--out", str(self.sets / name)]
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code = cli._answered()
        return code, said.getvalue()

    def arm(self, what: int, nth: int, error: int = errno.EIO) -> None:
        """Arm the library."""
        self.library.faults_arm(bytes(self.cache), bytes(self.sets), what, ctypes.c_long(nth), error)

    def reset(self, *, force: bool) -> None:
        """Bring back what is there before a run: no cache, and an earlier output if one is to be replaced."""
        for folder in (self.cache, self.sets):
            shutil.rmtree(folder, ignore_errors=True)
        self.sets.mkdir()
        if force:
            shutil.copytree(self.old, self.sets / "out")

    def attempt(self, mode: str, nth: int, *, force: bool) -> None:
        """Run with a fault at the `nth` call, and hold what is left, and the next run, against the promises."""
        self.reset(force=force)
        self.arm(MODES[mode], nth, errno.ENOSPC if mode == "fail" and nth % 2 else errno.EIO)
        try:
            code, said = self.run("out", *(["--force"] if force else []))
        except BaseException:  # noqa: BLE001 - a panic too is a finding
            self.library.faults_disarm()
            self.wrong(mode, nth, force, traceback.format_exc())
            return
        self.library.faults_disarm()
        gc.collect()  # what a process that ends lets go of
        self.found.runs += 1
        self.found.codes[code] += 1
        self.judge(mode, nth, code, said, force=force)

    def judge(self, mode: str, nth: int, code: int, said: str, *, force: bool) -> None:
        """Look at what a run left, run again, and look again."""
        out = self.sets / "out"
        complete = out.exists() and content(out) == self.new and (out / "manifest.json").exists()
        untouched = content(out, all_of_it=True) == self.old_content if force else not out.exists()
        if not (complete or (code and untouched)):
            self.wrong(mode, nth, force, f"code {code}, and the output is neither the old nor the new one: {said}")
        told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        if code and not (told[-1]["event"] == "error" and told[-1]["code"] == code and told[-1]["text"]):
            self.wrong(mode, nth, force, f"code {code}: {said}")
        self.found.replaced += bool(code and complete)
        code, said = self.run("out", "--force")
        self.found.resumed += "goes on with" in said
        if code or content(out) != self.new:
            self.wrong(mode, nth, force, f"the next run: code {code}, {said}")
        left = [path.relative_to(self.folder).as_posix() for path in self.leftovers()]
        if left:
            self.wrong(mode, nth, force, f"left after the next run: {left}")

    def leftovers(self) -> list[Path]:
        """Return what no run should leave."""
        rooms = [*(self.cache / "scratch").glob("*"), *(self.cache / "building").glob("*")]
        hidden = [path for folder in (self.cache, self.sets) for path in folder.rglob(".*")]
        return rooms + hidden + [path for path in self.sets.iterdir() if path.name != "out"]

    def wrong(self, mode: str, nth: int, force: object, text: str) -> None:
        """Take note of what did not hold."""
        self.found.wrong.append(f"{mode} at call {nth}, force {force}: {text[-1500:]}")


def traced(campaign: Campaign) -> list[list[str]]:
    """Return the calls of a run that replaces an output: name and path, in their order."""
    campaign.reset(force=True)
    with (campaign.folder / "trace").open("wb") as out:
        campaign.library.faults_trace(out.fileno())
        campaign.arm(COUNT, 0)
        done = campaign.run("out", "--force")
        campaign.library.faults_disarm()
        campaign.library.faults_trace(-1)
    campaign.must(done)
    lines = (campaign.folder / "trace").read_bytes().decode().split("\0")
    return [line.split(" ", 1) for line in lines if line]


def main(folder: str, mode: str, first: int, step: int) -> None:
    """Run a campaign: a fault at every `step`-th call from `first` on; at every call with and without an old output."""
    evenly.flow.run.write_report = lambda *_: None  # pictures take seconds, and are files like any other
    campaign = Campaign(Path(folder))
    if mode == "trace":
        print(json.dumps(traced(campaign)))  # noqa: T201 - for the test that started this
        return
    for nth in range(first, campaign.found.calls + 1, step):
        for force in (True, False) if step == 1 else (bool(nth // step % 2),):
            campaign.attempt(mode, nth, force=force)
    print(json.dumps(vars(campaign.found)))  # noqa: T201 - for the test that started this


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
