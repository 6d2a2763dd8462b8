"""Whether the process that left something behind still lives."""

from __future__ import annotations

import os


def lives(process: str) -> bool:
    """Say whether a process id, as it stands in a folder's name, is that of a living process; no number is none."""
    if not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
