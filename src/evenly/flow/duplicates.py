"""Equal ids, `unique` and `near_unique` over the whole pool: folds over the keys of all pieces, then the losers go.

The keys of a few million rows are looked at in one go, more than that in partitions by hash, so that memory stays flat.
Losers are written down per partition; only the parts that lose a record are written anew.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.columns import CONTENT, ID, LINE, PIECE, REASON
from evenly.core.duplicates import PLACE, group_column, losers_by_id, losers_by_value, repeated_ids
from evenly.core.hashing import hashed
from evenly.errors import DataError
from evenly.flow.near import near_losers
from evenly.io.pool import BURIED
from evenly.recipe.steps import GLOBAL_KINDS, reasons

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

    Part = dict[str, str | int]

PARTITION_ROWS: Final = 2_000_000
"""Keys that are looked at together, by each worker: about 200 MB of them."""

TOGETHER: Final = 64
"""Parts whose losers go at once."""

DUPLICATE_IDS: Final = "duplicate_ids"
"""Why a record is dropped that lost to another of the same id."""


@dataclass(frozen=True)
class _Fold:
    """One look for duplicates: of ids, or of what a global step groups records by.

    Attributes:
        number: its place among the folds, by which each looks at those that the ones before it left; ids are 0.
        column: equal values of it are duplicates.
        reason: why the losers are dropped.
        threshold: of `near_unique`, else None.
    """

    number: int
    column: str
    reason: str
    threshold: float | None = None


@dataclass(frozen=True)
class _Keys:
    """The keys of all pieces, and what looking for duplicates among them takes.

    Attributes:
        names: the files of `folder/keys`.
        slices: partitions in which they are looked at, by the hash of the fold's column.
        placed: each piece's file, first line and source.
    """

    recipe: Recipe
    folder: Path
    names: tuple[str, ...]
    slices: int
    placed: Sequence[dict[str, Any]]

    def alive(self, fold: _Fold, names: Sequence[str]) -> pl.LazyFrame:
        """Return the keys in some files that a fold looks at: those that have a group and were not dropped before."""
        keys = pl.scan_parquet([self.folder / "keys" / name for name in names], glob=False)
        if fold.number == 0:
            return keys.select(ID, *PLACE, CONTENT)
        keys = keys.select(ID, *PLACE, fold.column).filter(pl.col(fold.column).is_not_null())
        gone = self.dead(fold.number)
        return keys if gone is None else keys.join(gone.select(PLACE), on=PLACE, how="anti")

    def slice(self, fold: _Fold, number: int) -> pl.DataFrame:
        """Return a partition of the keys that a fold looks at; it holds equal values of the column together."""
        if self.slices == 1:
            return self.alive(fold, self.names).collect()
        paths = sorted(self.room(number).glob("*.parquet"))
        empty = self.alive(fold, self.names[:1]).clear()
        return pl.concat([empty, *(pl.scan_parquet(path, glob=False) for path in paths)]).collect()

    def room(self, number: int) -> Path:
        """Return where a partition lies."""
        return self.folder / "slices" / f"{number:06d}"

    def bury(self, lost: pl.DataFrame, fold: _Fold, number: int) -> None:
        """Write down who lost in a fold's partition."""
        if lost.height:
            path = self.folder / "dead" / f"{fold.number:03d}-{number:06d}.parquet"
            lost.select(*PLACE, pl.lit(fold.reason).alias(REASON)).write_parquet(path, statistics=False)

    def dead(self, before: int | None = None) -> pl.LazyFrame | None:
        """Return who lost, before a fold or at all; None where nobody did."""
        paths = [
            path
            for path in sorted((self.folder / "dead").glob("*.parquet"))
            if before is None or int(path.name.partition("-")[0]) < before
        ]
        return pl.scan_parquet(paths, glob=False) if paths else None


def drop_duplicates(
    recipe: Recipe,
    folder: Path,
    parts: Sequence[Part],
    placed: Sequence[dict[str, Any]],
    rows: int,
    engine: Engine,
    reporter: Reporter,
) -> tuple[Counter[str], list[Part]]:
    """Drop the losers of equal ids, of `unique` and of `near_unique` from the parts in `folder`.

    Of `rows` keys. Returns rows by reason, and the parts with the rows that they have left; what is left of those that
    change lies in `folder/buried` until the pool is finished, so that all can be done again. A row that a step had
    dropped already counts under duplicate_ids now, so a reason's rows may be negative.

    Raises:
        DataError: when ids repeat and the source does not say `duplicate_ids: drop`.
    """
    names = tuple(str(part["name"]) for part in parts if (folder / "keys" / str(part["name"])).exists())
    if not names:
        return Counter(), list(parts)
    keys = _Keys(recipe, folder, names, -(-rows // PARTITION_ROWS), placed)
    folds = _folds(recipe)
    with reporter.phase("duplicates", len(folds), "folds") as advance:
        for fold in folds:
            _look(fold, keys, engine)
            advance(1)
        moved, left = _without_losers(parts, keys, engine)
        advance.counts["dropped"] = {reason: rows for reason, rows in moved.items() if rows}
    return moved, left


def _without_losers(parts: Sequence[Part], keys: _Keys, engine: Engine) -> tuple[Counter[str], list[Part]]:
    """Write what is left of the parts that lose records; return the rows that went, and all parts."""
    if keys.dead() is None:
        return Counter(), list(parts)
    for kind in ("kept", "dropped"):
        (keys.folder / BURIED / kind).mkdir(parents=True)
    batches = [parts[start : start + TOGETHER] for start in range(0, len(parts), TOGETHER)]
    moved: Counter[str] = Counter()
    left: list[Part] = []
    for changed, kept in engine.map(partial(_bury, keys=keys), batches):
        moved.update(changed)  # not `+`, which would forget what is negative
        left += kept
    return moved, left


def _folds(recipe: Recipe) -> list[_Fold]:
    found = [_Fold(0, ID, DUPLICATE_IDS)]
    for index, (reason, step) in enumerate(zip(reasons(recipe.curate), recipe.curate, strict=True)):
        if step.kind in GLOBAL_KINDS:
            threshold = step.body.threshold if step.kind == "near_unique" else None
            found.append(_Fold(len(found), group_column(index), reason, threshold))
    return found


def _look(fold: _Fold, keys: _Keys, engine: Engine) -> None:
    """Write down who loses in a fold; where there are several partitions, keys go to theirs first."""
    if fold.threshold is not None:
        list(engine.map(partial(_near, keys=keys, fold=fold), [fold.threshold]))
        return
    numbers = range(keys.slices)
    if keys.slices > 1:
        for number in numbers:
            keys.room(number).mkdir(parents=True)
        batches = [keys.names[start : start + TOGETHER] for start in range(0, len(keys.names), TOGETHER)]
        list(engine.map(partial(_scatter, keys=keys, fold=fold), list(enumerate(batches))))
    list(engine.map(partial(_equal, keys=keys, fold=fold), numbers))
    shutil.rmtree(keys.folder / "slices", ignore_errors=True)


def _scatter(batch: tuple[int, Sequence[str]], keys: _Keys, fold: _Fold) -> None:
    """Write the keys in some files to their partitions."""
    number, names = batch
    frame = keys.alive(fold, names).with_columns((hashed(fold.column, "duplicate") % keys.slices).alias("slice"))
    for (slot,), rows in frame.collect().partition_by("slice", as_dict=True, include_key=False).items():
        rows.write_parquet(keys.room(int(slot)) / f"{number:06d}.parquet", compression="lz4", statistics=False)


def _equal(number: int, keys: _Keys, fold: _Fold) -> None:
    """Write down who loses to another of the same id or group in a partition; or refuse that ids repeat."""
    frame = keys.slice(fold, number)
    if fold.number:
        keys.bury(losers_by_value(frame, group=fold.column), fold, number)
        return
    lost: list[pl.DataFrame] = []
    for source, told in enumerate(keys.recipe.sources):
        own = frame.filter(pl.col(PIECE).is_in([n for n, place in enumerate(keys.placed) if place["source"] == source]))
        if told.duplicate_ids == "error":
            _refuse_repeated(own, keys, source)
        else:
            lost.append(losers_by_id(own))
    if lost:
        keys.bury(pl.concat(lost), fold, number)


def _near(threshold: float, keys: _Keys, fold: _Fold) -> None:
    """Write down who loses in a `near_unique` step."""
    rows = keys.alive(fold, keys.names).select(pl.len()).collect().item()
    frames = (keys.alive(fold, [name]).collect() for name in keys.names)
    keys.bury(near_losers(frames, rows, fold.column, threshold, keys.folder), fold, 0)


def _refuse_repeated(frame: pl.DataFrame, keys: _Keys, number: int) -> None:
    repeated = repeated_ids(frame)
    if not repeated.height:
        return
    name = repeated[ID][0]
    same = repeated.filter(pl.col(ID) == name)
    places = [_shown(keys.placed[int(row[PIECE])], row[LINE]) for row in same.iter_rows(named=True)]
    if not keys.recipe.sources[number].id:
        message = (
            f"recipe.sources[{number}]: {same.height:,} records are the same ({', '.join(places[:3])}), as are "
            f"{repeated[ID].n_unique():,} in all, and without an `id` a record is named by what it holds. "
            "Write `duplicate_ids: drop` to keep one of each, or name a column."
        )
        raise DataError(message)
    message = (
        f"recipe.sources[{number}].id: '{name}' names {same.height:,} records ({', '.join(places[:3])}), and "
        f"{repeated[ID].n_unique():,} ids repeat. Choose a column that names one record, "
        "or write `duplicate_ids: drop` to keep one of each."
    )
    raise DataError(message)


def _shown(place: dict[str, Any], line: int) -> str:
    return f"{place['file']}:{place['first_line'] + line}"


def _bury(parts: Sequence[Part], keys: _Keys) -> tuple[Counter[str], list[Part]]:
    """Move the dead of some parts from the kept to the dropped, rewriting only parts that change."""
    pieces = [_piece(part) for part in parts]
    everyone = keys.dead()
    moved: Counter[str] = Counter()
    if everyone is None:
        return moved, list(parts)
    dead = everyone.filter(pl.col(PIECE).is_between(min(pieces), max(pieces))).collect()
    by_piece = {int(key[0]): frame for key, frame in dead.partition_by(PIECE, as_dict=True).items()}
    left: list[Part] = []
    for part in parts:
        name, rows = str(part["name"]), int(part["rows"])
        here = by_piece.get(_piece(part))
        if here is not None:
            changed, rows = _bury_part(keys.folder, name, rows, here)
            moved.update(changed)
        left.append({"name": name, "rows": rows})
    return moved, left


def _piece(part: Part) -> int:
    return int(str(part["name"]).partition("-")[0])


def _bury_part(folder: Path, name: str, rows: int, dead: pl.DataFrame) -> tuple[Counter[str], int]:
    """Write what one part is without its dead; return the rows that it moved, by reason, and those that it keeps."""
    path, other = folder / "kept" / name, folder / "dropped" / name
    new = folder / BURIED
    changed: Counter[str] = Counter()
    records: list[pl.DataFrame] = []
    if other.exists():
        before = pl.read_parquet(other, glob=False)
        after = before.join(dead, on=PLACE, how="left", suffix="_new", maintain_order="left")
        records.append(after.with_columns(pl.coalesce(f"{REASON}_new", REASON).alias(REASON)).select(before.columns))
        changed.update(records[0][REASON].to_list())
        changed.subtract(before[REASON].to_list())
    if rows:
        kept = pl.read_parquet(path, glob=False)
        gone = kept.select(ID, PIECE, LINE).join(dead, on=PLACE, how="inner", maintain_order="left")
        if gone.height:
            records.append(gone)
            changed.update(gone[REASON].to_list())
            left = kept.join(dead, on=PLACE, how="anti", maintain_order="left")
            left.write_parquet(new / "kept" / name, compression="lz4", statistics=False)
            rows = left.height
    if records:
        pl.concat(records).sort(PLACE).write_parquet(new / "dropped" / name, compression="lz4", statistics=False)
    return changed, rows
