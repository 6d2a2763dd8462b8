"""Names of files that others wrote, in a manifest, a listing, a saved dataset: they stay within their folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from evenly.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOMS: Final = ("data", "lite", "holdout", "ledger", "charts")
"""Folders that an output has."""

SNAPSHOTS: Final = "snapshots"
BLOBS: Final = "blobs"
"""Where huggingface_hub's cache keeps the files that the folders of `snapshots` link to."""


def stays_inside(name: str) -> bool:
    """Say whether a name, with slashes, names something within the folder that it is relative to.

    >>> stays_inside("data/train.parquet"), stays_inside("data/../../x"), stays_inside("/x")
    (True, False, False)
    """
    parts = name.split("/")
    return bool(parts[0]) and "\0" not in name and not {"", ".", ".."}.intersection(parts)


def refuse_links_out(folder: Path) -> None:
    """Refuse an output with a link to what lies outside of it: that would be read, sent or written over in its name.

    Raises:
        DataError: naming the link.
    """
    root = folder.resolve()
    roots = [root, root.parents[1] / BLOBS] if root.parent.name == SNAPSHOTS else [root]
    for path in _links(folder):
        target = path.resolve()
        if not any(target.is_relative_to(one) for one in roots):
            name = path.relative_to(folder).as_posix()
            message = f"{folder}: {name} is a link to what lies outside of the output. Put a copy in its place."
            raise DataError(message)


def _links(folder: Path) -> Iterator[Path]:
    """Yield the links in an output: its own, and those in its rooms."""
    yield from (path for path in folder.iterdir() if path.is_symlink())
    for room in ROOMS:
        for here, folders, files in os.walk(folder / room):
            yield from (path for name in (*folders, *files) if (path := Path(here, name)).is_symlink())
