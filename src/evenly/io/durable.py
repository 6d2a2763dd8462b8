"""Files that outlast a crash: on the disk before anything says that they are there."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def whole(place: Path, *, durable: bool = True) -> Generator[Path]:
    """Yield a path beside `place` to write a file to; on leaving without an exception it takes its place in one step.

    So a file called `place` is complete, whoever else writes it at the same time. With `durable` its content is on the
    disk by then. Where nothing was written, nothing changes.
    """
    unfinished = place.with_name(f".{secrets.token_hex(8)}{place.suffix}")
    try:
        yield unfinished
        if unfinished.exists():
            if durable:
                sync(unfinished)
            unfinished.replace(place)
    finally:
        unfinished.unlink(missing_ok=True)


def sync(place: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    if os.name == "nt" and place.is_dir():  # which can't be opened there
        return
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Wait until a folder and all that is in it are on the disk."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)
