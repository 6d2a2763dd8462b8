"""Reading finished outputs again: the manifest, thin columns of the data, the ledger, the quarantine.

An output may come from anybody. What its manifest names is opened, hashed and sent only once `open_output` has seen
that all of it lies within the folder and is of the shape that a run writes.
"""

from __future__ import annotations

import glob
import json
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import polars as pl
from pyarrow import parquet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from evenly.errors import DataError
from evenly.io.manifest import NAME, read_manifest
from evenly.io.within import refuse_links_out, stays_inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def _inside(name: str) -> str:
    if not stays_inside(name):
        message = f"'{name}' leads out of the folder"
        raise ValueError(message)
    return name


Count = Annotated[int, Field(ge=0)]
SplitName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Part(BaseModel):
    """A part of a manifest: what is read of it has these types; what else there is may be anything."""

    model_config = ConfigDict(strict=True, extra="allow")


class _File(_Part):
    path: Annotated[str, AfterValidator(_inside)]
    rows: Count
    bytes: Count
    sha256: Digest


class _Rows(_Part):
    read: Count
    quarantined: Count
    kept: Count
    outside_strata: Count
    held_out: Count
    selected: Count
    not_selected: Count
    unassigned: Count
    repeated: Count
    dropped: dict[str, Count]
    splits: dict[SplitName, Count]


class _Export(_Part):
    files: Literal["parquet", "jsonl"]


class _Recipe(_Part):
    name: str
    export: _Export
    balance: dict[str, Any]


class _Input(_Part):
    path: str


class _Test(_Part):
    rows: Count
    digest: Digest


class _Manifest(_Part):
    evenly: str
    recipe: _Recipe
    rows: _Rows
    files: list[_File]
    inputs: list[_Input]
    selection_digest: dict[SplitName, Digest]
    holdout: dict[SplitName, _Test] = Field(default_factory=dict[str, _Test])


def open_output(folder: Path) -> dict[str, Any]:
    """Return the manifest of an output, once it is sure that nothing in it leads out of its folder.

    Raises:
        UserError: when there is none, when it is not of its shape, or names or links to what lies elsewhere.
    """
    manifest = read_manifest(folder)
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = f"{folder / NAME}: {place}: {first['msg']}. It is not as Evenly writes it: run the recipe again."
        raise DataError(message) from None
    refuse_links_out(folder)
    return manifest


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
    return pl.scan_ndjson(glob.escape(str(path)), infer_schema_length=None)  # it would take `[ab]` for a pattern


def scan_ledger(folder: Path, kind: str) -> pl.LazyFrame | None:
    """Return the ledger's records that are `kept`, or `dropped`; None where there are no such files."""
    paths = sorted((folder / "ledger").glob(f"{kind}-*.parquet"))
    return pl.scan_parquet(paths, glob=False) if paths else None


def quarantined(folder: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows that could not be read: file, line, reason, raw."""
    path = folder / "quarantine.jsonl"
    if path.is_file():
        with path.open(encoding="utf-8") as rows:
            for number, row in enumerate(rows, 1):
                yield _quarantined(row, f"{path}:{number}")


def _quarantined(row: str, where: str) -> Mapping[str, Any]:
    try:
        told: Any = json.loads(row)
    except (ValueError, RecursionError):
        told = None
    if isinstance(told, dict) and told.keys() >= {"file", "line", "reason", "raw"} and isinstance(told["line"], int):
        return cast("dict[str, Any]", told)
    message = f"{where}: is no row as Evenly writes it (file, line, reason, raw). Run the recipe again."
    raise DataError(message)
