"""Files that are not on this machine: `hf://`, `s3://` and `gs://` become local files before they are read.

A remote file is fetched whole: packed files can only be read from their beginning, byte ranges of the others would be
asked for again by every later run, and what lies here can be read again when the network is gone. Copies of objects are
kept in the cache under their address and etag; a new etag takes the place of the old copy.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import bracex

from evenly.errors import DataError, EvenlyError
from evenly.io import hub
from evenly.io.blocks import File
from evenly.io.cache import cache_folder, kept_at
from evenly.io.within import stays_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Phase = Callable[[str, int, str], AbstractContextManager[Callable[[int], None]]]
    """Begins a phase of so many units: see `evenly.reporting.progress`."""

STORES: Final = {"s3": "s3fs", "gs": "gcsfs"}
"""Scheme of an address -> the package that fsspec needs for it, which the extra of the scheme's name installs."""

CHUNK: Final = 2**23


@contextmanager
def silent(name: str, total: int, unit: str) -> Generator[Callable[[int], None]]:
    """Begin a phase that nobody hears of."""
    del name, total, unit
    yield lambda amount: None  # noqa: ARG005 - an advance of nothing


def remote_files(address: str, where: str, phase: Phase) -> list[File]:
    """Fetch the files that an address stands for; `where` is its place in the recipe.

    Raises:
        DataError: for an address of another kind, and for what is not there, not allowed, or can't be reached.
    """
    scheme = address.partition("://")[0]
    if scheme == "hf":
        return hub.dataset_files(address, where, phase)
    if scheme in STORES:
        return _objects(address, f"{where}: '{address}'", phase)
    message = f"{where}: '{address}': {scheme}:// can't be read; hf://, s3:// and gs:// can. Download the file."
    raise DataError(message)


def _objects(address: str, where: str, phase: Phase) -> list[File]:
    """Fetch the objects of a store that an address stands for; each alternative of its braces must match some."""
    scheme = address.partition("://")[0]
    found: dict[str, dict[str, Any]] = {}
    with _told(where, scheme):
        store = _store(scheme)
        for pattern in bracex.iexpand(address, keep_escapes=True, limit=10_000):
            here: dict[str, dict[str, Any]] = store.glob(pattern, detail=True)
            here = {name: info for name, info in here.items() if info.get("type") == "file"}
            if not here:
                message = f"{where}: nothing matches '{pattern}'. Check the bucket and the path."
                raise DataError(message)
            found |= here
        total = sum(int(info.get("size") or 0) for info in found.values())
        with phase("fetch", total, "bytes") as advance:
            return [_kept(store, scheme, name, found[name], advance) for name in sorted(found)]


def _store(scheme: str) -> Any:  # noqa: ANN401 - a file system of fsspec's
    import fsspec  # noqa: PLC0415 - a tenth of a second, which only remote files are worth  # pyright: ignore[reportMissingTypeStubs]

    return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False)


def _kept(store: Any, scheme: str, name: str, info: dict[str, Any], advance: Callable[[int], None]) -> File:  # noqa: ANN401
    """Return the local copy of an object, fetched unless it is there with the same etag."""
    address = f"{scheme}://{name.removeprefix(f'{scheme}://')}"
    etag = str(info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("created")).strip('"')
    size = int(info.get("size") or 0)
    folder = cache_folder() / "remote" / hashlib.sha256(address.encode()).hexdigest()[:32]
    version = hashlib.sha256(f"{etag} {size}".encode()).hexdigest()[:16]
    place = folder / version / name.rpartition("/")[2]
    if not stays_inside(place.name) or place.parent.name != version:
        message = f"{address}: the object's name leads out of a folder. Name others."
        raise DataError(message)
    if place.exists():
        advance(size)
        return File(place, address, etag)
    shutil.rmtree(folder, ignore_errors=True)  # an older version
    with kept_at(place) as unfinished:
        with store.open(name, "rb", cache_type="none") as theirs, unfinished.open("wb") as ours:
            while chunk := theirs.read(CHUNK):
                ours.write(chunk)
                advance(len(chunk))
        _refuse_short(unfinished, size, address)
    return File(place, address, etag)


def _refuse_short(copy: Path, size: int, address: str) -> None:
    if copy.stat().st_size != size:
        message = f"{address}: {copy.stat().st_size:,} of {size:,} bytes came. Try again."
        copy.unlink()
        raise DataError(message)


@contextmanager
def _told(where: str, scheme: str) -> Generator[None]:
    """Tell what a store refuses, or that it can't be reached, as one clear line."""
    try:
        yield
    except EvenlyError:
        raise
    except ImportError:
        message = f"{where}: {scheme}:// needs {STORES[scheme]}. Install it: pip install 'evenly[{scheme}]'."
        raise DataError(message) from None
    except PermissionError:
        message = f"{where}: access was refused. Check the credentials that {STORES[scheme]} finds, and their rights."
        raise DataError(message) from None
    except FileNotFoundError:
        message = f"{where}: there is no such bucket or object. Check the address."
        raise DataError(message) from None
    except Exception as fault:  # noqa: BLE001 - each store has exceptions of its own kinds
        told = " ".join(str(fault).split())[:200] or type(fault).__name__
        message = f"{where}: can't be read: {told}. Check the connection and the credentials of {STORES[scheme]}."
        raise DataError(message) from None
