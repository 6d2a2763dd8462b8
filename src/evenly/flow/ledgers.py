"""The scratch files of a run: a ledger per group of parts, written while the census is taken, and what it selects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

GROUP_ROWS: Final = 200_000
"""Rows of the parts that are counted at once, about: enough that a frame's own costs don't matter."""


def write_ledger(scratch: Path, number: int, ledger: pl.DataFrame) -> None:
    """Write the ledger of a group of parts: `__id__`, `__stratum__`, `__weight__`, `__key__` of each of its records.

    Where the recipe's size is in tokens, it has `__tokens__` too. A worker that does a lost one's work over replaces
    what that left.
    """
    ledger.write_ipc(_path(scratch, "ledger", number))


def read_ledger(scratch: Path, number: int, columns: list[str] | None = None) -> pl.DataFrame:
    """Read the ledger of a group, or some of its columns."""
    return _read(_path(scratch, "ledger", number), columns)


def write_rows(scratch: Path, kind: str, number: int, rows: pl.DataFrame) -> None:
    """Write some of a group's records: `candidates`, or those that are `chosen`."""
    rows.write_ipc(_path(scratch, kind, number))


def read_rows(scratch: Path, kind: str, number: int) -> pl.DataFrame:
    """Read some of a group's records."""
    return _read(_path(scratch, kind, number), None)


def _path(scratch: Path, kind: str, number: int) -> Path:
    return scratch / f"{kind}-{number:06d}.arrow"


def _read(path: Path, columns: list[str] | None) -> pl.DataFrame:
    lazy = pl.scan_ipc(path, glob=False)
    return (lazy if columns is None else lazy.select(columns)).collect()
