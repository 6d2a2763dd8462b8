"""The cache folder, and the scratch folders in it: what a run needs for a while, and what it says of the pools it uses.

<cache>/
pools/              curated pools, see `evenly.io.pool`
scratch/<run>/      scratch of a run, locked while it lives; uses/<fingerprint> for each pool that it reads
remote/ listings/ tables/ vega/ outputs/     copies, see the modules that make them
"""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from evenly.errors import OutputError
from evenly.io.durable import sync
from evenly.io.locks import lock_of, unlocked, waited

if TYPE_CHECKING:
    from collections.abc import Generator


def cache_folder() -> Path:
    """Return where things are kept for the next run: EVENLY_CACHE, or the platform's cache folder."""
    named = os.environ.get("EVENLY_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("evenly", appauthor=False))


def made_in_cache(*names: str) -> Path:
    """Return a folder in the cache, made if it is not there.

    Raises:
        OutputError: when it can't be made.
    """
    folder = cache_folder().joinpath(*names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        message = (
            f"{cache_folder()}: the cache can't be written to: {fault.strerror}. Set EVENLY_CACHE to another folder."
        )
        raise OutputError(message) from None
    return folder


@contextmanager
def scratch_folder() -> Generator[Path]:
    """Yield a folder for a while, where all workers see it; those of runs that died are deleted."""
    sweep_scratch()
    folder = made_in_cache("scratch") / secrets.token_hex(8)
    with waited(lock_of(folder), lambda: None):  # one who sweeps may have it, for a moment
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def kept_at(place: Path) -> Generator[Path]:
    """Yield a path to write a file to, which is at `place` in the cache once it is complete."""
    with scratch_folder() as scratch:
        unfinished = scratch / place.name
        yield unfinished
        sync(unfinished)
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished.replace(place)


def sweep_scratch() -> int:
    """Delete the scratch folders of runs that live no longer; return their bytes."""
    freed = 0
    for folder in unlocked(cache_folder() / "scratch"):
        freed += folder_bytes(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def mark_use(scratch: Path, fingerprint: str) -> None:
    """Say in a run's scratch folder that it reads a pool."""
    (scratch / "uses").mkdir(exist_ok=True)
    (scratch / "uses" / fingerprint).touch()


def users(fingerprint: str) -> list[Path]:
    """Return the locks of the runs that read a pool; those of runs that died can be had."""
    return [lock_of(path.parents[1]) for path in (cache_folder() / "scratch").glob(f"*/uses/{fingerprint}")]


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files within a folder."""
    total = 0
    for here, _, names in os.walk(folder):  # which passes over what goes meanwhile
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(here, name).stat().st_size
    return total
