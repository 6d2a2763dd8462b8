"""A page of the docs as what a reader would do with it: files to write, commands and Python to run, outputs to see.

Blocks of `sh` and `python` are run in their order, in one folder for a page; a comment in the page before a block says
what else it is:

    <!-- file: recipe.yaml -->     the block is written to that file
    <!-- output -->                the block is what the command before it prints, but for seconds and folders
    <!-- not run: why -->          the block is left out, and the page says why
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BLOCK = re.compile(
    r"(?:<!-- (?P<note>[^>]*?) -->\n+)?^```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)

SECONDS = re.compile(r"\d+(\.\d+)? s\b")

RUN = ("sh", "python")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the note that stands before it."""

    kind: str
    text: str
    note: str = ""


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    for found in BLOCK.finditer(page.read_text("utf-8")):
        yield Block(found["kind"], found["text"], found["note"] or "")


def follow(page: Path, folder: Path, stands_for: Mapping[str, str] | None = None) -> int:
    """Do what a page says, within a folder; return how many blocks were run.

    `stands_for`: a name in the page's commands -> the name of a file that is there instead.
    """
    printed, count = "", 0
    for block in blocks(page):
        name, _, value = block.note.partition(":")
        if name == "file":
            place = folder / value.strip()
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(block.text, encoding="utf-8")
        elif name == "output":
            assert shown(block.text) == shown(printed), f"{page.name}: what is printed is not what the page shows"
        elif name == "not run":
            assert value.strip(), f"{page.name}: a block that is not run says why"
        elif block.kind in RUN:
            text = block.text
            for named, there in (stands_for or {}).items():
                text = text.replace(named, there)
            printed = _done(Block(block.kind, text), folder, page.name)
            count += 1
    return count


def shown(text: str) -> list[str]:
    """Return the lines of an output as they are compared: without seconds and blanks at the ends."""
    return [SECONDS.sub("… s", line).rstrip() for line in text.strip().splitlines()]


def _done(block: Block, folder: Path, page: str) -> str:
    """Run a block as a reader would, with `evenly` and `python` those of the tests; return what it prints."""
    place = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{place}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "PYTHONUTF8": "1",
    }
    command = (
        ["bash", "-euo", "pipefail", "-c", block.text] if block.kind == "sh" else [sys.executable, "-c", block.text]
    )
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{page}:\n{block.text}\n{done.stdout}\n{done.stderr}"
    return done.stdout
