"""What of this machine a process may use: cores and memory, as the system and its container allow."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

GROUP: Final = Path("/sys/fs/cgroup")
"""Where Linux says what a container may use, and uses."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory() -> int:
    """Return the bytes of memory that there are for this process and others."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 2**33
    allowed = _number(GROUP / "memory.max")
    return whole if allowed is None else min(whole, allowed)


def free_memory() -> int | None:
    """Return the bytes of memory that are free, or would be if they were asked for; None where nobody says."""
    free: list[int] = []
    with suppress(OSError, ValueError, IndexError):
        told = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        free.append(int(told["MemAvailable"].split()[0]) * 1024)
    allowed, used = _number(GROUP / "memory.max"), _number(GROUP / "memory.current")
    if allowed is not None and used is not None:
        free.append(max(0, allowed - used))
    return min(free, default=None)


def lives(process: str) -> bool:
    """Say whether a process id, as it stands in a folder's name, is that of a living process."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is none, or no such file."""
    with suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None
