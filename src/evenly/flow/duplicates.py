"""Equal ids, `unique` and `near_unique` over the whole pool: folds over the keys of all pieces, then the losers go.

The keys of a few million rows are looked at in one go, more than that in partitions by hash, so that memory stays flat.
Losers are written down per partition; only the parts that lose a record are written anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.columns import ID, LINE, PIECE, REASON
from evenly.core.duplicates import PLACE, group_column, losers_by_id, losers_by_value, repeated_ids
from evenly.core.hashing import hashed
from evenly.errors import DataError
from evenly.flow.near import near_losers
from evenly.recipe.steps import GLOBAL_KINDS, reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

    Part = dict[str, str | int]

PARTITION_ROWS: Final = 2_000_000
"""Keys that are looked at together, by each worker: about 200 MB of them."""

TOGETHER: Final = 64
"""Parts whose losers go at once."""

BURIED: Final = ("kept", "dropped")
"""Folders of parts that change. New ones lie apart until all are there: a lost worker's are then made once more."""

DUPLICATE_IDS: Final = "duplicate_ids"
"""Why a record is dropped that lost to another of the same id."""


@dataclass(frozen=True)
class _Keys:
    """The keys of all pieces, and what looking for duplicates among them takes.

    Attributes:
        names: the files of `folder/keys`.
        rows: keys in all.
        placed: each piece's file, first line and source.
    """

    recipe: Recipe
    folder: Path
    names: tuple[str, ...]
    rows: int
    placed: Sequence[dict[str, Any]]

    @property
    def slices(self) -> range:
        """Numbers of the partitions."""
        return range(-(-self.rows // PARTITION_ROWS))

    def frame(self) -> pl.LazyFrame:
        """Return all keys."""
        return pl.scan_parquet([self.folder / "keys" / name for name in self.names], glob=False)

    def of_source(self, number: int) -> pl.LazyFrame:
        """Return the keys of a source."""
        own = [piece for piece, place in enumerate(self.placed) if place["source"] == number]
        return self.frame().filter(pl.col(PIECE).is_in(own))

    def slice(self, keys: pl.LazyFrame, column: str, number: int) -> pl.DataFrame:
        """Return a partition of keys, which holds equal values of `column` together."""
        slices = len(self.slices)
        return (keys.filter(hashed(column, "duplicate") % slices == number) if slices > 1 else keys).collect()

    def bury(self, lost: pl.DataFrame, reason: str, step: int, number: int) -> None:
        """Write down who lost in a step's partition."""
        if lost.height:
            path = self.folder / "dead" / f"{step:03d}-{number:06d}.parquet"
            lost.select(*PLACE, pl.lit(reason).alias(REASON)).write_parquet(path, statistics=False)

    def dead(self, step: int | None = None) -> pl.LazyFrame | None:
        """Return who lost, before a step or at all; None where nobody did."""
        paths = [
            path
            for path in sorted((self.folder / "dead").glob("*.parquet"))
            if step is None or int(path.name.partition("-")[0]) < step
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

    Of `rows` keys. Returns rows by reason, and the parts with the rows that they have left. A row that a step had
    dropped already counts under duplicate_ids now, so a reason's rows may be negative.

    Raises:
        DataError: when ids repeat and the source does not say `duplicate_ids: drop`.
    """
    names = tuple(str(part["name"]) for part in parts if (folder / "keys" / str(part["name"])).exists())
    if not names:
        return Counter(), list(parts)
    keys = _Keys(recipe, folder, names, rows, placed)
    folds = _folds(keys)
    with reporter.phase("duplicates", sum(map(len, folds)), "folds") as advance:
        for work in folds:  # one after the other: each looks at those that the ones before it left
            for _ in engine.map(partial(_looked, keys=keys), work):
                advance(1)
    if keys.dead() is None:
        return Counter(), list(parts)
    for kind in BURIED:
        (folder / "buried" / kind).mkdir(parents=True)
    batches = [parts[start : start + TOGETHER] for start in range(0, len(parts), TOGETHER)]
    moved: Counter[str] = Counter()
    left: list[Part] = []
    for changed, kept in engine.map(partial(_bury, keys=keys), batches):
        moved.update(changed)  # not `+`, which would forget what is negative
        left += kept
    for kind in BURIED:
        for path in (folder / "buried" / kind).glob("*.parquet"):
            path.replace(folder / kind / path.name)
    return moved, left


def _folds(keys: _Keys) -> list[list[partial[None]]]:
    """Return what looks for duplicates: first of ids, then of each step, in partitions that don't meet."""
    sources = range(len(keys.recipe.sources))
    folds = [[partial(_equal_ids, source=source, number=number) for source in sources for number in keys.slices]]
    for index, (reason, step) in enumerate(zip(reasons(keys.recipe.curate), keys.recipe.curate, strict=True)):
        if step.kind == "near_unique":
            folds.append([partial(_near, index=index, reason=reason, threshold=step.body.threshold)])
        elif step.kind in GLOBAL_KINDS:
            folds.append([partial(_equal_values, index=index, reason=reason, number=number) for number in keys.slices])
    return folds


def _looked(work: partial[None], keys: _Keys) -> None:
    work(keys)


def _equal_ids(keys: _Keys, source: int, number: int) -> None:
    """Write down who loses to another of the same id, in a partition of a source's keys; or refuse that ids repeat."""
    frame = keys.slice(keys.of_source(source), ID, number)
    if keys.recipe.sources[source].duplicate_ids == "drop":
        keys.bury(losers_by_id(frame), DUPLICATE_IDS, 0, source * len(keys.slices) + number)
    else:
        _refuse_repeated(frame, keys, source)


def _equal_values(keys: _Keys, index: int, reason: str, number: int) -> None:
    """Write down who loses in a `unique` step, in a partition of the keys that no earlier step dropped."""
    group = group_column(index)
    alive = keys.frame().filter(pl.col(group).is_not_null())
    gone = keys.dead(index + 1)
    if gone is not None:
        alive = alive.join(gone, on=PLACE, how="anti")
    keys.bury(losers_by_value(keys.slice(alive, group, number), group=group), reason, index + 1, number)


def _near(keys: _Keys, index: int, reason: str, threshold: float) -> None:
    """Write down who loses in a `near_unique` step."""
    group = group_column(index)
    rows = keys.frame().filter(pl.col(group).is_not_null()).select(pl.len()).collect().item()
    gone = keys.dead(index + 1)
    alive = _alive(keys, group, None if gone is None else gone.select(PLACE).collect())
    keys.bury(near_losers(alive, rows, group, threshold, keys.folder), reason, index + 1, 0)


def _alive(keys: _Keys, group: str, gone: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
    """Yield each part's keys that a step looks at: those that have a group and that no earlier step dropped."""
    for name in keys.names:
        frame = pl.read_parquet(keys.folder / "keys" / name, columns=[ID, *PLACE, group], glob=False)
        frame = frame.filter(pl.col(group).is_not_null())
        yield frame if gone is None else frame.join(gone, on=PLACE, how="anti")


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
    new = folder / "buried"
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
