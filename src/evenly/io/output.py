"""The output folder: built beside its place and renamed into it as a whole, so that it is complete or absent."""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import secrets
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from evenly.errors import OutputError
from evenly.io.processes import lives

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2


@contextmanager
def new_output(place: Path, *, force: bool, mark: str = "manifest.json") -> Generator[Path]:
    """Yield a fresh folder beside `place`; on leaving without an exception it becomes `place`, otherwise it is deleted.

    With `force` a folder that is there is exchanged for the new one in one step, and then deleted; it must hold the
    file `mark`, so that a folder that Evenly did not write is never replaced.

    Raises:
        OutputError: when something is at `place` and `force` is off, or the folder can't be made.
    """
    refuse_existing(place, force=force, mark=mark)
    real = place.resolve()  # through a link, so that what is exchanged is the folder and not the link
    missing = [folder for folder in real.parents if not folder.exists()]
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        sweep(real)
        building = real.parent / f".{real.name}.evenly-{os.getpid()}-{secrets.token_hex(4)}"
        building.mkdir()
    except OSError as fault:
        raise _unwritable(place, fault) from None
    try:
        yield building
        put_in_place(building, real, force=force)
    finally:
        shutil.rmtree(building, ignore_errors=True)
        if not real.exists():
            for folder in missing:
                folder.rmdir()


def refuse_existing(place: Path, *, force: bool, mark: str = "manifest.json") -> None:
    """Refuse to write where something is, unless it is an output of Evenly's (or an empty folder) and `force` is on.

    Raises:
        OutputError: saying what to do.
    """
    try:
        str(place).encode()
        real = place.resolve()
        finish_swap(real)
        there = real.exists()
        nearest = next(folder for folder in (*real.parents, real) if folder.exists())
    except UnicodeEncodeError:
        raise _unwritable(place, ValueError("its name is not UTF-8")) from None
    except (OSError, RuntimeError) as fault:
        raise _unwritable(place, fault) from None
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise _unwritable(place, PermissionError(0, f"{nearest} is no folder that can be written to"))
    if not there:
        return
    if not force:
        message = f"{place}: exists already. Choose another place with --out, or replace it with --force."
        raise OutputError(message)
    ours = real.is_dir() and ((real / mark).is_file() or not any(real.iterdir()))
    if not ours:
        message = (
            f"{place}: is not an output of Evenly's (it has no {mark}), so --force does not replace it. "
            "Choose another place with --out."
        )
        raise OutputError(message)


def prepare_working(place: Path, mark: str) -> None:
    """Make a folder that is worked in over several runs: a new one, or one that holds the file `mark` already.

    Raises:
        OutputError: when something else is there, or the folder can't be made.
    """
    ours = (place / mark).is_file()
    if place.exists() and not ours and not (place.is_dir() and not any(place.iterdir())):
        message = f"{place}: exists already, and holds no {mark} to go on with. Choose another place with --out."
        raise OutputError(message)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise _unwritable(place, fault) from None


def put_in_place(building: Path, place: Path, *, force: bool) -> None:
    """Make `building` the folder at `place`, in one step where the system can exchange two folders."""
    if not place.exists():
        building.rename(place)
    elif not force:
        message = f"{place}: appeared while this run worked, perhaps from another run. Choose another place with --out."
        raise OutputError(message)
    elif not _exchange(building, place):
        old = _old_name(place)
        place.rename(old)
        building.rename(place)
        shutil.rmtree(old)


def finish_swap(place: Path) -> None:
    """Bring back the folder of a swap that was interrupted between its two renames; delete what a finished one left."""
    old = _old_name(place)
    if not old.exists():
        return
    if place.exists():
        shutil.rmtree(old)
    else:
        old.rename(place)


def sweep(place: Path) -> None:
    """Delete folders beside `place` that runs which no longer live left unfinished."""
    for folder in place.parent.glob(f".{glob.escape(place.name)}.evenly-*-*"):
        if not lives(folder.name.split("-")[-2]):
            shutil.rmtree(folder, ignore_errors=True)


def _unwritable(place: Path, fault: Exception) -> OutputError:
    why = getattr(fault, "strerror", None) or str(fault)
    return OutputError(f"{str(place)!r}: can't be written: {why}. Choose another place with --out.")


def _old_name(place: Path) -> Path:
    return place.parent / f".{place.name}.evenly-old"


def _exchange(one: Path, other: Path) -> bool:
    """Exchange two folders atomically (Linux's renameat2); False where the system or file system can't."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
        return False
    raise OSError(code, os.strerror(code), str(other))


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files within a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
