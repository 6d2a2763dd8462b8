"""Whether there is room for a run: what it will take of disk and memory, said before it takes it.

What the pool takes is told by its first pieces; what the output takes, by the pool's bytes and the plan's rows.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evenly.engines.machine import cores, free_memory
from evenly.errors import EvenlyError

if TYPE_CHECKING:
    from pathlib import Path

    from evenly.flow.pieces import PieceSummary
    from evenly.io.pool import PoolIndex
    from evenly.recipe.model import Recipe

NEAR_BYTES: Final = 700
"""Disk that `near_unique` takes for each record while it works: signature, hashes of bands, who it is."""

WORKER_BYTES: Final = 600_000_000
"""Memory that a worker takes, and once more what the command itself takes."""

UNPACKED: Final = 8
"""Bytes that a selected row takes for each of its bytes in the pool, while it is ordered and packed anew."""

ROW_BYTES: Final = 250
"""What a selected row takes besides: its place in selection, split and shard, and the columns that tell of these."""

RECORD_BYTES: Final = 30
"""What each record takes in the kept ledger."""

SURE: Final = 1.2
"""What the measured pace of a pool has to exceed what is free by, for a run to end before the disk is full."""


@dataclass
class Tally:
    """Of a pool under way: the bytes of all its inputs, and what the pieces that are done read and wrote.

    Attributes:
        total: bytes of the inputs.
        read: of these, bytes of the pieces that are done.
        written: bytes that they wrote.
        rows: rows that they had.
    """

    total: int
    read: int = 0
    written: int = 0
    rows: int = 0

    def add(self, read: int, summary: PieceSummary) -> None:
        """Count a piece of so many bytes."""
        self.read += read
        self.written += summary.bytes
        self.rows += summary.read

    def to_come(self, recipe: Recipe) -> int:
        """Return the bytes of disk that the pool will yet take."""
        if not self.read:
            return 0
        near = sum(step.kind == "near_unique" for step in recipe.curate)
        more = self.written * (self.total - self.read) // self.read
        return more + near * NEAR_BYTES * (self.rows * self.total // self.read)


def output_bytes(index: PoolIndex, rows: int) -> int:
    """Return the bytes of disk that an output of so many rows takes at most while it is made, without its pictures."""
    held = sum(int(part["bytes"]) for part in index.parts) / max(1, index.kept)
    dropped = sum(index.dropped.values())
    return int(rows * (UNPACKED * held + ROW_BYTES) + (index.kept + dropped) * RECORD_BYTES)


def short_of_disk(folder: Path, needed: int, what: str, remedy: str, sure: float = 1.0) -> str | None:
    """Return what to say where more is needed in a folder than `sure` times what is free there; else None."""
    free = shutil.disk_usage(folder).free
    if needed <= sure * free:
        return None
    return f"{folder}: {what} takes about {_shown(needed)} more, and {_shown(free)} are free. {remedy}"


def refuse_full(folder: Path, tally: Tally, recipe: Recipe) -> None:
    """Refuse to go on with a pool towards a full disk.

    Raises:
        EvenlyError: when what is yet to come is clearly more than is free.
    """
    remedy = "Free some, or set EVENLY_CACHE to a folder on another disk."
    short = short_of_disk(folder, tally.to_come(recipe), "the pool", remedy, SURE)
    if short is not None:
        raise EvenlyError(short)


def short_of_memory(workers: int | None, pieces: int) -> str | None:
    """Return a warning where the workers on so many pieces need more memory than is free; else None."""
    free, count = free_memory(), min(workers or cores(), pieces)
    needed = (count + 1) * WORKER_BYTES
    if free is None or needed <= free:
        return None
    fewer = max(1, free // WORKER_BYTES - 1)
    return f"warning: {count} workers take up to {_shown(needed)} of memory, and {_shown(free)} are free. " + (
        f"Write `engine: {{workers: {fewer}}}`, or close other programs." if fewer < count else "Close programs."
    )


def _shown(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 10**8 else f"{size / 1e6:,.1f} MB"
