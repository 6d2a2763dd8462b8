"""What a contender says of its work, as JSON on its last line: rows a second, and what came out. Needs no package."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WARM = 0.2
"""Share of the rows that are done before the steady state is taken to begin."""


class Meter:
    """Rows as they get done."""

    def __init__(self) -> None:
        """Begin to count."""
        self.begun = time.perf_counter()
        self.marks: list[tuple[float, int]] = []

    def add(self, rows: int) -> None:
        """Note that so many more raw rows are done."""
        done = self.marks[-1][1] if self.marks else 0
        self.marks.append((time.perf_counter() - self.begun, done + rows))

    def report(self, prompts: Iterable[str]) -> None:
        """Print the totals and a digest of the prompts that no order changes; hashing them is not timed."""
        seconds, rows = self.marks[-1]
        warm = next(mark for mark in self.marks if mark[1] >= WARM * rows)
        steady = (rows - warm[1]) / (seconds - warm[0]) if rows > warm[1] else rows / seconds
        total = count = 0
        for prompt in prompts:
            total += int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big")
            count += 1
        told = {"rows": rows, "seconds": seconds, "steady": steady, "prompts": count, "digest": f"{total % 2**64:016x}"}
        print(json.dumps(told))
