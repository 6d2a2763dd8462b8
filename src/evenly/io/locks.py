"""Locks: who works on a folder holds a file beside it, until it leaves or its process ends, however that ends.

So what is found unlocked is nobody's: finished, or what a run left that was killed. The file goes when the lock does.
"""

from __future__ import annotations

import os
import platform
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

ENDING: Final = ".evenly-lock"

POLL: Final = 0.1
"""Seconds between two looks at a lock that another has."""


def lock_of(place: Path) -> Path:
    """Return the file beside a folder that whoever works on it locks."""
    return place.with_name(f".{place.name}{ENDING}")


@contextmanager
def tried(file: Path) -> Generator[bool]:
    """Lock a file, unless another has: yield whether it is ours until one leaves."""
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    with _held(lock, file):
        yield True


@contextmanager
def waited(file: Path, told: Callable[[], object]) -> Generator[None]:
    """Lock a file until one leaves; where another has it, call `told` and wait for it."""
    lock = FileLock(file, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        told()
        lock.acquire(poll_interval=POLL)
    with _held(lock, file):
        yield


@contextmanager
def _held(lock: FileLock, file: Path) -> Generator[None]:
    try:
        file.write_text(f"process {os.getpid()} on {platform.node()}", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # while it is locked: who waits for it sees that it is gone, and makes it anew
            file.unlink()
        lock.release()


def unlocked(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder that nobody works on, each locked until the next; stray locks go by the way."""
    locks = {lock_of(path) for path in folder.glob("[!.]*")} | set(folder.glob(f".*{ENDING}"))
    for lock in sorted(locks):
        place = folder / lock.name[1:].removesuffix(ENDING)
        with tried(lock) as ours:
            if ours and place.is_dir():
                yield place


def holder(file: Path) -> str:
    """Return who has locked a file, for an error: `process 17 on name`."""
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text(encoding="utf-8") or "another process"
    return "another process"
