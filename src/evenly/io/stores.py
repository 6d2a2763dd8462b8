"""Outputs in an object store, or wherever fsspec reaches: `s3://`, `gs://`, `az://` and others.

A store has no renames, so that an output there is complete when its manifest is: that is the last object to be written,
and the first to go when another output takes its place. Credentials are those that fsspec finds in the environment.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from evenly.errors import DataError, EvenlyError, OutputError
from evenly.io.cache import made_in_cache, scratch_folder
from evenly.io.locks import holder, lock_of, tried
from evenly.io.manifest import NAME, is_manifest
from evenly.io.remote import STORES
from evenly.io.within import stays_inside

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from evenly.io.remote import Phase

HUB: Final = "hf://"

UNFINISHED: Final = ".evenly-unfinished"
"""What lies in a store while an output is written there, and after that broke: the paths of old and new."""

BESIDE: Final = {NAME, "README.md", "report.html", "quarantine.jsonl"}
"""Objects of an output that its manifest does not list."""


def is_address(place: object) -> bool:
    """Say whether a place is one that fsspec reaches, not a path and not the Hub."""
    return isinstance(place, str) and "://" in place and not place.startswith(HUB)


@contextmanager
def alone_at(copy: Path, address: str) -> Generator[None]:
    """Be the only run of this machine that writes to an address; `copy` is where the output is made for it.

    Raises:
        OutputError: when another does.
    """
    made_in_cache("outputs")
    lock = lock_of(copy.with_name(f"{copy.name}-at"))
    with tried(lock) as ours:
        if not ours:
            message = f"{address}: another run ({holder(lock)}) works on it. Wait until it has ended."
            raise OutputError(message)
        yield


def refuse_existing_at(address: str, *, force: bool) -> None:
    """Refuse to write where something is, unless it is an output of Evenly's and `force` is on.

    Raises:
        OutputError: saying what to do.
    """
    with _told(address):
        store, root = _store(address)
        there = _objects(store, root)
        ours = UNFINISHED in there or (NAME in there and is_manifest(_read(store, f"{root}/{NAME}")))
    if there and not force:
        message = f"{address}: holds something already. Choose another place with --out, or replace it with --force."
        raise OutputError(message)
    if there and not ours:
        message = (
            f"{address}: is not an output of Evenly's (it has no {NAME} of one), so --force does not replace it. "
            "Choose another place with --out."
        )
        raise OutputError(message)


def put_output(folder: Path, address: str, *, force: bool, phase: Phase) -> None:
    """Copy a finished output to a store, its manifest last; with `force` in place of the one that is there.

    Raises:
        OutputError: when something is there and `force` is off, or the store refuses.
    """
    refuse_existing_at(address, force=force)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    paths.sort(key=lambda path: path == NAME)
    sizes = {path: (folder / path).stat().st_size for path in paths}
    with _told(address):
        store, root = _store(address)
        old = _objects(store, root)
        listed = _listed(store, root, old)
        store.pipe_file(f"{root}/{UNFINISHED}", json.dumps(sorted({*listed, *paths})).encode())
        if NAME in old:
            store.rm_file(f"{root}/{NAME}")
        for path in sorted((old & listed) - {NAME, UNFINISHED} - set(paths)):
            store.rm_file(f"{root}/{path}")
        with phase("upload", sum(sizes.values()), "bytes") as advance:
            for path in paths:
                if path == NAME:
                    _refuse_short(store, root, sizes, address)
                if address.partition("://")[0] not in STORES:  # which would make the bucket, too
                    store.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
                store.put_file(str(folder / path), f"{root}/{path}")
                advance(sizes[path])
        store.rm_file(f"{root}/{UNFINISHED}")


@contextmanager
def fetched_output(address: str, phase: Phase) -> Generator[Path]:
    """Yield a copy of an output that is in a store, for a while.

    Raises:
        DataError: when there is none, or the store refuses.
    """
    with scratch_folder() as folder:
        try:
            with _told(address):
                store, root = _store(address)
                there = _objects(store, root)
                if NAME not in there:
                    message = (
                        f"{address}: holds no {NAME}, so it is no finished output of Evenly's. Give the address of one."
                    )
                    raise DataError(message)
                if (out := next((path for path in sorted(there) if not stays_inside(path)), None)) is not None:
                    message = f"{address}: holds an object '{out}', whose name leads out of a folder. Take it away."
                    raise DataError(message)
                with phase("fetch", len(there), "files") as advance:
                    for path in sorted(there):
                        (folder / path).parent.mkdir(parents=True, exist_ok=True)
                        store.get_file(f"{root}/{path}", str(folder / path))
                        advance(1)
        except OutputError as fault:
            raise DataError(str(fault)) from None
        yield folder


def _store(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and its path there."""
    import fsspec  # noqa: PLC0415 - a tenth of a second, which only stores are worth  # pyright: ignore[reportMissingTypeStubs]

    library: Any = fsspec
    store, root = library.core.url_to_fs(address, skip_instance_cache=True, use_listings_cache=False)
    return store, str(root).rstrip("/")


def _objects(store: Any, root: str) -> set[str]:  # noqa: ANN401 - a file system of fsspec's
    """Return the paths of all objects below a root, relative to it."""
    try:
        found = cast("list[str]", store.find(root))
    except FileNotFoundError:
        return set()
    head = root.lstrip("/")
    return {name.lstrip("/").removeprefix(head).lstrip("/") for name in found}


def _listed(store: Any, root: str, old: set[str]) -> set[str]:  # noqa: ANN401
    """Return the objects that belong to the output that is there, finished or not: those may go."""
    if UNFINISHED in old:
        told = _read(store, f"{root}/{UNFINISHED}")
        return set(map(str, cast("list[object]", told))) if isinstance(told, list) else set()
    if NAME not in old:
        return set()
    files = {str(one["path"]) for one in _read(store, f"{root}/{NAME}")["files"]}
    return files | {path for path in old if path.startswith("charts/")} | BESIDE


def _read(store: Any, path: str) -> Any:  # noqa: ANN401 - plain data
    try:
        return json.loads(store.cat_file(path))
    except ValueError:
        return None


def _refuse_short(store: Any, root: str, sizes: dict[str, int], address: str) -> None:  # noqa: ANN401
    """Refuse to finish an output of which an object is not what was sent."""
    for path, size in sizes.items():
        if path != NAME and int(store.size(f"{root}/{path}") or 0) != size:
            message = f"{address}: {path} has other bytes than were sent. Try again."
            raise OutputError(message)


@contextmanager
def _told(address: str) -> Generator[None]:
    """Tell what a store refuses, or that it can't be reached, as one clear line."""
    scheme = address.partition("://")[0]
    try:
        yield
    except EvenlyError:
        raise
    except ImportError as fault:
        extra = f"pip install 'evenly[{scheme}]'" if scheme in STORES else f"pip install {fault.name}"
        message = f"{address}: {scheme}:// needs a package that is not installed. Run: {extra}"
        raise OutputError(message) from None
    except PermissionError:
        message = f"{address}: access was refused. Check the credentials in the environment, and their rights."
        raise OutputError(message) from None
    except FileNotFoundError:
        message = f"{address}: there is no such bucket. Make it, or check the address."
        raise OutputError(message) from None
    except ValueError as fault:
        message = f"{address}: {' '.join(str(fault).split())}. Check the address."
        raise OutputError(message) from None
    except Exception as fault:  # noqa: BLE001 - each store has exceptions of its own kinds
        told = " ".join(str(fault).split())[:200] or type(fault).__name__
        message = f"{address}: the store refuses: {told}. Check the connection and the credentials."
        raise OutputError(message) from None
