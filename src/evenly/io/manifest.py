"""The manifest: what a run did, in numbers that add up. Written last, so that an output with one is whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evenly.errors import EvenlyError, UserError
from evenly.io.sources import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import polars as pl

NAME = "manifest.json"

KEYS: Final = {"evenly", "recipe", "rows", "files", "selection_digest"}
"""What every manifest has."""


@dataclass(frozen=True)
class Rows:
    """Rows of a run, by where they went.

    Always: read = kept + sum(dropped) + quarantined; kept = outside_strata + held_out + selected + not_selected;
    selected = sum(splits) + unassigned.
    """

    read: int
    dropped: dict[str, int]
    quarantined: int
    kept: int
    outside_strata: int
    selected: int
    splits: dict[str, int]
    held_out: int = 0
    repeated: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest's `rows`, what follows from the others included.

        Raises:
            EvenlyError: when the sums do not hold: a fault of Evenly's that must not be published.
        """
        not_selected = self.kept - self.outside_strata - self.held_out - self.selected
        unassigned = self.selected - sum(self.splits.values())
        if self.read != self.kept + sum(self.dropped.values()) + self.quarantined or min(not_selected, unassigned) < 0:
            message = f"internal: the rows of this run do not add up ({self}). Please report this."
            raise EvenlyError(message)
        return {
            "read": self.read,
            "dropped": self.dropped,
            "quarantined": self.quarantined,
            "kept": self.kept,
            "outside_strata": self.outside_strata,
            "held_out": self.held_out,
            "selected": self.selected,
            "not_selected": not_selected,
            "splits": self.splits,
            "unassigned": unassigned,
            "repeated": self.repeated,
        }


def selection_digest(ranges: Iterable[pl.Series]) -> str:
    """Return the sha256 of distinct ids, UTF-8, sorted by their bytes and joined by LF.

    They come in ranges, String, each sorted and after those before; how they are cut makes no difference.
    """
    digest = hashlib.sha256()
    between = b""
    for ids in ranges:
        if ids.len():
            digest.update(between + ids.str.join("\n").item().encode())
            between = b"\n"
    return digest.hexdigest()


def file_entry(folder: Path, path: Path, rows: int) -> dict[str, Any]:
    """Return a file's entry in `files`: path within the output, rows, bytes, sha256."""
    return {
        "path": path.relative_to(folder).as_posix(),
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }


def write_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest into an output folder."""
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")


def is_manifest(told: object) -> bool:
    """Say whether plain data is a manifest of Evenly's; others call their files so, too."""
    return isinstance(told, dict) and told.keys() >= KEYS


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read the manifest of an output folder.

    Raises:
        UserError: when there is none.
    """
    try:
        told: Any = json.loads((Path(folder) / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        told = None
    if not is_manifest(told):
        message = (
            f"{folder}: holds no manifest.json of Evenly's, so it is no finished output. Give the folder of a run."
        )
        raise UserError(message)
    return told
