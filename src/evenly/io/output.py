"""The output folder: built beside its place and renamed into it as a whole, so that it is complete or absent.

Who works on a place holds its lock: two runs never meet there, and what lies beside it unlocked is a dead run's.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

from evenly.errors import OutputError
from evenly.io.durable import sync, sync_tree
from evenly.io.locks import holder, lock_of, tried

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2

BUILDING: Final = "building"
"""Ending of the folder, beside its place, that an output is built in."""

OLD: Final = "old"
"""Ending of the folder, beside its place, that a new output takes the place of, where two can't be exchanged."""


@contextmanager
def new_output(place: Path, *, force: bool, mark: str = "manifest.json") -> Generator[Path]:
    """Yield a fresh folder beside `place`; on leaving without an exception it becomes `place`, see `built`.

    Raises:
        OutputError: as `claimed` does.
    """
    with claimed(place, force=force, mark=mark) as real, built(real, force=force) as folder:
        yield folder


@contextmanager
def claimed(place: Path, *, force: bool, mark: str = "manifest.json") -> Generator[Path]:
    """Be the only run that works on `place` for a while; yield where it really is, links followed.

    What runs that died left beside it is brought in order.

    Raises:
        OutputError: when something is at `place` and `force` is off, or it holds no file `mark`, so that it is nothing
            that Evenly wrote; when another run works on it; or when nothing can be written there.
    """
    refuse_existing(place, force=force, mark=mark)
    real = place.resolve()  # through a link, so that what is exchanged is the folder and not the link
    missing = [folder for folder in real.parents if not folder.exists()]
    try:
        with _told(place):
            real.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place, real):
            with _told(place):
                finish_swap(real)
                _sweep(real)
            refuse_existing(place, force=force, mark=mark)  # again, now that nobody else puts something there
            yield real
    finally:
        for folder in missing if not real.exists() else ():
            if not folder.exists() or any(folder.iterdir()):
                break
            folder.rmdir()


@contextmanager
def _alone(place: Path, real: Path) -> Generator[None]:
    """Hold the lock of a place, or refuse.

    Raises:
        OutputError: when another run holds it.
    """
    lock = lock_of(real)
    with ExitStack() as stack:
        with _told(place):
            ours = stack.enter_context(tried(lock))
        if not ours:
            message = (
                f"{place}: another run ({holder(lock)}) works on it. Wait until it has ended, or choose another place "
                "with --out."
            )
            raise OutputError(message)
        yield


@contextmanager
def built(place: Path, *, force: bool) -> Generator[Path]:
    """Yield a fresh folder beside a claimed `place`; on leaving without an exception it becomes `place`, else it goes.

    With `force` a folder that is there is exchanged for the new one in one step, and then deleted. All is on the disk
    before.
    """
    building = _beside(place, BUILDING)
    with _told(place):
        building.mkdir()
    try:
        yield building
        sync_tree(building)
        put_in_place(building, place, force=force)
        sync(place.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def refuse_existing(place: Path, *, force: bool, mark: str = "manifest.json") -> None:
    """Refuse to write where something is, unless it is an output of Evenly's (or an empty folder) and `force` is on.

    Raises:
        OutputError: saying what to do.
    """
    try:
        str(place).encode()
        real = place.resolve()
        there = real.exists() or _beside(real, OLD).exists()  # a swap that was interrupted: `claimed` finishes it
        nearest = next(folder for folder in (*real.parents, real) if folder.exists())
    except UnicodeEncodeError:
        raise _unwritable(place, ValueError("its name is not UTF-8")) from None
    except (OSError, RuntimeError, ValueError) as fault:
        raise _unwritable(place, fault) from None
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise _unwritable(place, PermissionError(0, f"{nearest} is no folder that can be written to"))
    if not there:
        return
    if not force:
        message = f"{place}: exists already. Choose another place with --out, or replace it with --force."
        raise OutputError(message)
    found = real if real.exists() else _beside(real, OLD)
    if not (found.is_dir() and ((found / mark).is_file() or not any(found.iterdir()))):
        message = (
            f"{place}: is not an output of Evenly's (it has no {mark}), so --force does not replace it. "
            "Choose another place with --out."
        )
        raise OutputError(message)


@contextmanager
def working(place: Path, mark: str) -> Generator[None]:
    """Work for a while, as the only one, in a folder that is worked in over several runs; it goes if it stays empty.

    Raises:
        OutputError: when something else is there, without the file `mark`; when another run works in it; or when the
            folder can't be made.
    """
    ours = (place / mark).is_file()
    if place.exists() and not ours and not (place.is_dir() and not any(place.iterdir())):
        message = f"{place}: exists already, and holds no {mark} to go on with. Choose another place with --out."
        raise OutputError(message)
    with _told(place):
        place.mkdir(parents=True, exist_ok=True)
    with _alone(place, place.resolve()):
        try:
            yield
        finally:
            if not any(place.iterdir()):
                place.rmdir()


def put_in_place(building: Path, place: Path, *, force: bool) -> None:
    """Make `building` the folder at `place`, in one step where the system can exchange two folders."""
    if not place.exists():
        building.rename(place)
    elif not force:
        message = f"{place}: appeared while this run worked, perhaps from another run. Choose another place with --out."
        raise OutputError(message)
    elif not _exchange(building, place):
        old = _beside(place, OLD)
        place.rename(old)
        building.rename(place)
        shutil.rmtree(old)


def finish_swap(place: Path) -> None:
    """Bring back the folder of a swap that was interrupted between its two renames; delete what a finished one left."""
    old = _beside(place, OLD)
    if not old.exists():
        return
    if place.exists():
        shutil.rmtree(old)
    else:
        old.rename(place)


def _sweep(place: Path) -> None:
    """Delete what a run that died left unfinished beside a claimed place."""
    building = _beside(place, BUILDING)
    if building.exists():
        shutil.rmtree(building)


@contextmanager
def _told(place: Path) -> Generator[None]:
    """Tell what the system refuses at a place as an error of its output."""
    try:
        yield
    except OSError as fault:
        raise _unwritable(place, fault) from None


def _unwritable(place: Path, fault: Exception) -> OutputError:
    why = getattr(fault, "strerror", None) or str(fault)
    return OutputError(f"{str(place)!r}: can't be written: {why}. Choose another place with --out.")


def _beside(place: Path, ending: str) -> Path:
    return place.with_name(f".{place.name}.evenly-{ending}")


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
