"""The pool on disk: curated records as Parquet parts under a fingerprint, and an index that says it is complete.

    <cache>/pools/<fingerprint>/
      kept/000000-000000.parquet …     one part per block: internal columns and the carried ones
      dropped/000000-000000.parquet …  __id__, __piece__, __line__, __reason__
      quarantine.jsonl                 file, line, reason, raw
      pool.json                        counts, inputs, pieces, parts: written last, so that its presence means complete

It is built in `<cache>/building/<fingerprint>/`, which is locked meanwhile, so that a second run waits and finds it,
and renamed into place. Pieces are finished one by one (`done/<piece>.json`; what that names is on the disk by then), so
that a run goes on where another was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from evenly.columns import PART, RESERVE, ROW
from evenly.core.reserve import EVERYONE, on_side
from evenly.io.cache import cache_folder, folder_bytes, made_in_cache, sweep_scratch, users
from evenly.io.durable import sync, sync_tree, whole
from evenly.io.locks import lock_of, tried, unlocked, waited
from evenly.io.within import stays_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from evenly.core.reserve import Side

VERSION: Final = 4
"""Raised whenever what a pool holds, or how a step computes it, changes: older pools are then not found."""

INDEX: Final = "pool.json"

BUILDING: Final = "building"
"""Where in the cache pools are built, one at a time of a fingerprint."""

ROOMS: Final = ("kept", "dropped", "keys", "quarantine", "done")
"""What finished pieces leave in the folder of a pool that is built; all else there is made of it."""

BURIED: Final = "buried"
"""Parts of an unfinished pool that lost duplicates, to take the place of those in `kept` and `dropped`."""

KEPT_DAYS: Final = 7
"""Days after which the pieces of an interrupted run are no longer waited for."""

CASTS: Final[dict[str, pl.DataType]] = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "text": pl.String(),
}
"""Type that all values of a passed-through column share -> its dtype from the pool on."""


@dataclass(frozen=True)
class PoolIndex:
    """What a finished pool says of itself.

    Attributes:
        recipe: the name of the recipe that built it, for `evenly cache`.
        inputs: path, bytes, mtime_ns and sha256 of each file.
        pieces: file and first line (from 1) of each piece, by piece number.
        parts: file names of the kept parts, in order, with their rows and bytes.
        read, quarantined, kept: rows. read = kept + sum of dropped + quarantined.
        dropped: reason -> rows.
        turn_keys: what the turns of conversations hold, sorted.
        types: column -> the type that all its values share: integer, number, boolean or text.
    """

    version: int
    fingerprint: str
    recipe: str
    inputs: list[dict[str, Any]]
    pieces: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    read: int
    quarantined: int
    kept: int
    dropped: dict[str, int]
    types: dict[str, str]
    turn_keys: list[str]


@dataclass(frozen=True)
class Pool:
    """A finished pool: its folder and its index; or a side of it, where some of its records are held out.

    Attributes:
        reserve: the folder that holds the hashes of each part's groups; None where nothing is held out.
        side: where the groups lie that are here, see `evenly.core.reserve`.
    """

    folder: Path
    index: PoolIndex
    reserve: Path | None = None
    side: Side = EVERYONE

    def present(self, numbers: Sequence[int]) -> pl.Series | None:
        """Return which records of some parts are on this side, Boolean, in their order; None where all are."""
        if self.reserve is None:
            return None
        return on_side(pl.concat([self.groups_of(number) for number in numbers]), self.side)

    def groups_of(self, number: int) -> pl.Series:
        """Return the hashes of the groups of a part's records, `__reserve__`, in their order; there is a holdout."""
        folder = self.folder if self.reserve is None else self.reserve
        return pl.scan_ipc(reserve_path(folder, self.index.parts[number]["name"]), glob=False).collect()[RESERVE]

    def part(self, number: int, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Read a kept part, or some of its columns; a JSON column has the type that all of its values share."""
        path = self.folder / "kept" / self.index.parts[number]["name"]
        frame = pl.read_parquet(path, columns=None if columns is None else list(columns), glob=False)
        types = self.index.types
        return frame.with_columns(
            _typed(name, types[name], frame.schema[name]) for name in frame.columns if name in types
        )

    def groups_at(self, places: pl.DataFrame) -> pl.Series:
        """Return the hashes of the groups of single records, at `places` (`__part__`, `__row__`), in their order."""
        parts = [key[0] for key in places.partition_by(PART, as_dict=True)]
        named = [
            self.groups_of(part).to_frame().with_row_index(ROW).with_columns(pl.lit(part, dtype=pl.UInt32).alias(PART))
            for part in parts
        ]
        return places.join(pl.concat(named), on=[PART, ROW], how="left", maintain_order="left")[RESERVE]

    def groups(self, size: int, parts: Sequence[int] | None = None, of: str = "rows") -> list[list[int]]:
        """Return the numbers of all parts, or of some, in groups of about so many rows, or `bytes`, in their order."""
        found: list[list[int]] = []
        here = size
        for number in range(len(self.index.parts)) if parts is None else parts:
            if here >= size:
                found.append([])
                here = 0
            found[-1].append(number)
            here += int(self.index.parts[number][of])
        return found

    def thin(self, numbers: Sequence[int], columns: Sequence[str]) -> pl.DataFrame:
        """Read some columns of some parts at once."""
        paths = [self.folder / "kept" / self.index.parts[number]["name"] for number in numbers]
        if set(columns) & set(self.index.types):  # a part has the type of its own values
            return pl.concat([self.part(number, columns) for number in numbers])
        return pl.scan_parquet(paths, glob=False).select(columns).collect()

    def places(self, numbers: Sequence[int]) -> pl.DataFrame:
        """Return the part (`__part__`) and row (`__row__`) of each record of some parts, in their order."""
        sizes = [int(self.index.parts[number]["rows"]) for number in numbers]
        parts = pl.Series(PART, np.repeat(np.array(numbers, np.uint32), sizes))
        rows = pl.Series(ROW, np.concatenate([np.arange(size, dtype=np.uint32) for size in sizes]))
        return pl.DataFrame([parts, rows])

    def rows(self, places: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        """Read some columns of single rows of a few parts: at `places` (`__part__`, `__row__`), in their order."""
        if not places.height:
            return self.part(0, columns).clear()
        numbers: list[int] = places[PART].unique().sort().to_list()
        sizes = [int(self.index.parts[number]["rows"]) for number in numbers]
        starts = pl.DataFrame({PART: numbers, "start": np.cumsum([0, *sizes[:-1]])}, schema_overrides={PART: pl.UInt32})
        index = places.select(PART, ROW).join(starts, on=PART, how="left", maintain_order="left")
        return self.thin(numbers, columns)[index.select(pl.col("start") + pl.col(ROW)).to_series()]

    def columns(self) -> list[str]:
        """Return the columns that kept parts have."""
        return list(self.schema())

    def schema(self) -> dict[str, pl.DataType]:
        """Return the columns that kept parts have, with what they hold: the type that all of a column's values share.

        Of a column whose type only the data decide, it is that of the first part: a cast could change no name.
        """
        first = pl.scan_parquet(self.folder / "kept" / self.index.parts[0]["name"], glob=False).head(0).collect()
        types = {name: kind for name, kind in self.index.types.items() if name in first.columns}
        return dict(first.with_columns(_typed(name, types[name], first.schema[name]) for name in types).schema)

    def dropped_files(self) -> list[Path]:
        """Return the files of dropped records, in the order of the pieces."""
        return sorted((self.folder / "dropped").glob("*.parquet"))

    def quarantine(self) -> Path:
        """Return the path of the quarantined rows."""
        return self.folder / "quarantine.jsonl"


def reserve_path(folder: Path, part: str) -> Path:
    """Return the file of a part's groups."""
    return folder / f"{part.removesuffix('.parquet')}.arrow"


def _typed(name: str, kind: str, dtype: pl.DataType) -> pl.Expr:
    if kind == "boolean" and dtype == pl.String:
        return pl.col(name) == "true"
    return pl.col(name).cast(CASTS[kind]) if kind in CASTS else pl.col(name)


def fingerprint(parts: dict[str, Any]) -> str:
    """Return the sha256 of what a pool depends on, as plain data; 32 hexadecimal digits are plenty for a folder."""
    text = json.dumps({"version": VERSION, **parts}, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def find_pool(name: str) -> Pool | None:
    """Return the finished pool of a fingerprint, or None; a damaged one counts as none and is built anew."""
    folder = cache_folder() / "pools" / name
    try:
        data = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        pool = Pool(folder, PoolIndex(**data))
        sizes = [(folder / "kept" / part["name"]).stat().st_size for part in pool.index.parts]
        inside = all(stays_inside(part["name"]) for part in pool.index.parts)
        complete = inside and pool.quarantine().exists() and sizes == [part["bytes"] for part in pool.index.parts]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return pool if complete else None


@contextmanager
def locked(name: str, told: Callable[[], object]) -> Generator[None]:
    """Be the one that finds, builds or replaces the pool of a fingerprint; `told` is called when one has to wait."""
    with waited(lock_of(made_in_cache(BUILDING) / name), told):
        yield


def building_folder(name: str, *, anew: bool = False) -> Path:
    """Return the folder to build a pool in, with the pieces that an interrupted run finished, unless it is `anew`."""
    folder = made_in_cache(BUILDING, name)
    for path in folder.iterdir():
        if anew or path.name not in ROOMS:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    _sweep_files(folder)
    return with_rooms(folder)


def with_rooms(folder: Path) -> Path:
    """Return a folder that pieces can be curated into."""
    for room in (*ROOMS, "dead"):
        (folder / room).mkdir(exist_ok=True)
    return folder


def finished_pieces(folder: Path) -> dict[str, Any]:
    """Return what the finished pieces of an unfinished pool say of themselves, by name; damaged ones are none."""
    found: dict[str, Any] = {}
    for path in (folder / "done").glob("[!.]*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            if all((folder / name).stat().st_size == size for name, size in told["files"].items()):
                found[path.stem] = told
    return found


def finish_piece(folder: Path, name: str, files: Sequence[Path], told: dict[str, Any]) -> None:
    """Write down that a piece is finished: what it says of itself, and its files, which are on the disk already."""
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    with whole(folder / "done" / f"{name}.json") as place:
        place.write_text(json.dumps(told | {"files": sizes}), encoding="utf-8")


def finish_reserve(folder: Path, place: Path) -> None:
    """Put the groups of a pool's records in place; those of another run that was faster stay."""
    place.parent.mkdir(exist_ok=True)
    sync_tree(folder)
    try:
        folder.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def _sweep_files(folder: Path) -> None:
    """Delete the files of workers that died while they wrote."""
    for path in folder.rglob(".*"):
        path.unlink()


def finish(folder: Path, index: PoolIndex) -> Pool:
    """Make a pool of what was built in `folder`: what lost its duplicates takes its place, the index is written.

    From the first step on it can't be gone on with: should that be interrupted, all is built anew.
    """
    new = [path for path in (folder / BURIED).rglob("*.parquet") if not path.name.startswith(".")]
    for path in new:
        sync(path)
    shutil.rmtree(folder / "done")
    for path in new:
        path.replace(folder / path.relative_to(folder / BURIED))
    for path in folder.iterdir():
        if path.is_dir() and path.name not in {"kept", "dropped"}:
            shutil.rmtree(path)
    _sweep_files(folder)
    (folder / INDEX).write_text(json.dumps(asdict(index), indent=1), encoding="utf-8")
    sync_tree(folder)
    place = made_in_cache("pools") / index.fingerprint
    shutil.rmtree(place, ignore_errors=True)  # a damaged one
    folder.rename(place)
    sync(place.parent)
    return Pool(place, index)


def replace_pool(pool: Pool, told: Callable[[], object]) -> None:
    """Delete a pool whose inputs are others now, once no run reads it; `told` is called when one has to wait."""
    for lock in users(pool.index.fingerprint):
        with waited(lock, told):
            pass
    shutil.rmtree(pool.folder)


def list_pools() -> list[tuple[Pool, int]]:
    """Return the finished pools with their bytes on disk, largest first."""
    found: list[tuple[Pool, int]] = []
    for path in (cache_folder() / "pools").glob("*/" + INDEX):
        pool = find_pool(path.parent.name)
        if pool is not None:
            found.append((pool, folder_bytes(path.parent)))
    return sorted(found, key=lambda item: -item[1])


def unfinished_pools() -> list[tuple[str, int, int]]:
    """Return the fingerprints of pools that are being built, or whose run was interrupted; their pieces and bytes."""
    folders = sorted((cache_folder() / BUILDING).glob("[!.]*"))
    return [(folder.name, len(finished_pieces(folder)), folder_bytes(folder)) for folder in folders]


def clear_pools() -> tuple[int, int]:
    """Delete all pools but those that a run reads or builds; return the bytes, and how many had to stay."""
    rooms = [cache_folder() / "pools", made_in_cache(BUILDING)]
    freed, stayed = 0, 0
    for name in sorted({path.name for room in rooms for path in room.glob("*") if path.is_dir()}):
        with ExitStack() as stack:
            locks = [lock_of(rooms[1] / name), *users(name)]
            if not all(stack.enter_context(tried(lock)) for lock in locks):
                stayed += 1
                continue
            for folder in (room / name for room in rooms):
                freed += folder_bytes(folder)
                shutil.rmtree(folder, ignore_errors=True)
    return freed, stayed


def clear_copies() -> int:
    """Delete what else is kept: copies of remote files and of outputs, listings, tables, Vega; return the bytes."""
    size = sweep_scratch()
    for name in ("remote", "listings", "tables", "vega", "outputs"):
        folder = cache_folder() / name
        size += folder_bytes(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return size


def sweep_unfinished() -> None:
    """Delete unfinished pools that nobody works on: without a finished piece, or not gone on with for `KEPT_DAYS`."""
    for folder in unlocked(cache_folder() / BUILDING):
        done = folder / "done"
        if not any(done.glob("[!.]*")) or time.time() - done.stat().st_mtime > KEPT_DAYS * 86_400:
            shutil.rmtree(folder)
