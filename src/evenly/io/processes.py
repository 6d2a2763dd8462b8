"""How much memory a process of this machine and its children take."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator

POLL: Final = 0.05
"""Seconds between two looks at the memory of processes."""


def tree_memory(process: int) -> int:
    """Return the resident bytes of a process and all its children; what they share is counted once for each.

    It reads what Linux shows of processes; elsewhere, and of a process that is gone, it is 0.
    """
    total, waiting = 0, [process]
    while waiting:
        one = waiting.pop()
        shown = Path(f"/proc/{one}")
        pages = _numbers(shown / "statm")[1:2]
        total += sum(pages) * os.sysconf("SC_PAGE_SIZE")
        for task in shown.glob("task/*"):  # a child is its thread's
            waiting += _numbers(task / "children")
    return total


def _numbers(path: Path) -> list[int]:
    """Return the numbers in a file of /proc; none of a process, or a thread, that is gone."""
    try:
        return [int(number) for number in path.read_text(encoding="ascii").split()]
    except OSError:
        return []


class Memory:
    """The most that a process and its children took since the last time that one asked."""

    def __init__(self, process: int) -> None:
        """Watch a process."""
        self.process = process
        self._peak = tree_memory(process)

    def look(self) -> None:
        """Take note of what is taken now."""
        self._peak = max(self._peak, tree_memory(self.process))

    def peak(self) -> int:
        """Return the peak, in bytes, and begin anew."""
        self.look()
        peak, self._peak = self._peak, 0
        return peak


@contextmanager
def watched(process: int) -> Generator[Memory]:
    """Watch the memory of a process and its children for a while, by a thread that looks some times a second."""
    memory, over = Memory(process), threading.Event()

    def watch() -> None:
        """Look again and again until it is over."""
        while not over.wait(POLL):
            memory.look()

    thread = threading.Thread(target=watch, name="evenly-memory", daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        over.set()
        thread.join()
