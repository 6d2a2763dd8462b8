"""Reading finished outputs again: thin columns of the data, the ledger, the quarantine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def data_files(folder: Path, room: str, name: str, ending: str) -> list[Path]:
    """Return the files of a split, in order; `room` is the folder of the output, such as `data`."""
    return sorted((folder / room).glob(f"{name}-*-of-*.{ending}"))


def unpacked_bytes(folder: Path, manifest: Mapping[str, Any]) -> dict[str, int]:
    """Return split -> bytes of its files without their compression, as Parquet tells it; JSON Lines have none."""
    sizes: dict[str, int] = {}
    ending = manifest["recipe"]["export"]["files"]
    for split in manifest["rows"]["splits"]:
        paths = data_files(folder, "data", split, ending)
        sizes[split] = sum(_unpacked(path) for path in paths)
    return sizes


def _unpacked(path: Path) -> int:
    if path.suffix != ".parquet":
        return path.stat().st_size
    told: Any = parquet.read_metadata(path)
    return sum(int(told.row_group(number).total_byte_size) for number in range(told.num_row_groups))


def scan_data(path: Path) -> pl.LazyFrame:
    """Return a file of data, Parquet or JSON Lines."""
    if path.suffix == ".parquet":
        return pl.scan_parquet(path, glob=False)
    return pl.scan_ndjson(path, infer_schema_length=None)


def scan_ledger(folder: Path, kind: str) -> pl.LazyFrame | None:
    """Return the ledger's records that are `kept`, or `dropped`; None where there are no such files."""
    paths = sorted((folder / "ledger").glob(f"{kind}-*.parquet"))
    return pl.scan_parquet(paths, glob=False) if paths else None


def quarantined(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that could not be read: file, line, reason, raw."""
    path = folder / "quarantine.jsonl"
    if path.is_file():
        with path.open(encoding="utf-8") as rows:
            yield from map(json.loads, rows)
