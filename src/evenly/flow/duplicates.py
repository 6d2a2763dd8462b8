"""Equal ids, `unique` and `near_unique` over the whole pool: folds over the keys of all pieces, then the losers go.

The keys of a few million rows are looked at in one go, more than that in partitions by hash, so that memory stays flat.
Only the parts that lose a record are written anew.
"""

from __future__ import annotations

from collections import Counter
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
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from evenly.recipe.model import Recipe

    Part = dict[str, str | int]

PARTITION_ROWS: Final = 4_000_000
"""Keys that are looked at together: about 400 MB of them."""

DUPLICATE_IDS: Final = "duplicate_ids"
"""Why a record is dropped that lost to another of the same id."""


def drop_duplicates(
    recipe: Recipe, folder: Path, parts: Sequence[Part], placed: Sequence[dict[str, Any]]
) -> tuple[Counter[str], list[Part]]:
    """Drop the losers of equal ids, of `unique` and of `near_unique` from the parts in `folder`.

    Returns rows by reason, and the parts with the rows that they have left. A row that a step had dropped already
    counts under duplicate_ids now, so a reason's rows may be negative.

    Raises:
        DataError: when ids repeat and the source does not say `duplicate_ids: drop`.
    """
    names = [str(part["name"]) for part in parts if (folder / "keys" / str(part["name"])).exists()]
    if not names:
        return Counter(), list(parts)
    keys = pl.scan_parquet([folder / "keys" / name for name in names], glob=False)
    slices = -(-keys.select(pl.len()).collect().item() // PARTITION_ROWS)
    dead: list[pl.DataFrame] = []
    for number, source in enumerate(recipe.sources):
        own = keys.filter(
            pl.col(PIECE).is_in([piece for piece, place in enumerate(placed) if place["source"] == number])
        )
        if source.duplicate_ids == "error":
            _refuse_repeated(own, slices, placed, recipe, number)
        else:
            dead.append(_fold(own, ID, slices, losers_by_id, DUPLICATE_IDS))
    for index, (reason, step) in enumerate(zip(reasons(recipe.curate), recipe.curate, strict=True)):
        if step.kind not in GLOBAL_KINDS:
            continue
        group = group_column(index)
        alive = keys.filter(pl.col(group).is_not_null())
        gone = pl.concat(dead).select(PLACE) if dead else None
        if step.kind == "near_unique":
            rows = alive.select(pl.len()).collect().item()
            lost = near_losers(_alive(folder, names, group, gone), rows, group, step.body.threshold, folder)
            dead.append(lost.with_columns(pl.lit(reason).alias(REASON)))
            continue
        if gone is not None:
            alive = alive.join(gone.lazy(), on=PLACE, how="anti")
        dead.append(_fold(alive, group, slices, partial(losers_by_value, group=group), reason))
    return _bury(folder, parts, pl.concat(dead)) if dead else (Counter[str](), list(parts))


def _alive(folder: Path, names: Sequence[str], group: str, gone: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
    """Yield each part's keys that a step looks at: those that have a group and that no earlier step dropped."""
    for name in names:
        frame = pl.read_parquet(folder / "keys" / name, columns=[ID, *PLACE, group], glob=False)
        frame = frame.filter(pl.col(group).is_not_null())
        yield frame if gone is None else frame.join(gone, on=PLACE, how="anti")


def _slices(keys: pl.LazyFrame, column: str, slices: int) -> Iterator[pl.DataFrame]:
    """Yield the keys in partitions that hold equal values of `column` together."""
    for number in range(slices):
        here = keys.filter(hashed(column, "duplicate") % slices == number) if slices > 1 else keys
        yield here.collect()


def _fold(
    keys: pl.LazyFrame, column: str, slices: int, losers: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> pl.DataFrame:
    found: pl.DataFrame = pl.concat([losers(frame) for frame in _slices(keys, column, slices)])
    return found.with_columns(pl.lit(reason).alias(REASON))


def _refuse_repeated(
    keys: pl.LazyFrame, slices: int, placed: Sequence[dict[str, Any]], recipe: Recipe, number: int
) -> None:
    for frame in _slices(keys, ID, slices):
        repeated = repeated_ids(frame)
        if not repeated.height:
            continue
        name = repeated[ID][0]
        same = repeated.filter(pl.col(ID) == name)
        places = [_shown(placed[int(row[PIECE])], row[LINE]) for row in same.iter_rows(named=True)]
        if not recipe.sources[number].id:
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


def _bury(folder: Path, parts: Sequence[Part], dead: pl.DataFrame) -> tuple[Counter[str], list[Part]]:
    """Move the dead from the kept parts to the dropped ones, rewriting only parts that change."""
    moved: Counter[str] = Counter()
    left: list[Part] = []
    by_piece = {int(key[0]): frame for key, frame in dead.partition_by(PIECE, as_dict=True).items()}
    for part in parts:
        name, rows = str(part["name"]), int(part["rows"])
        here = by_piece.get(int(name.split("-", maxsplit=1)[0]))
        if here is not None:
            changed, rows = _bury_part(folder, name, rows, here)
            moved.update(changed)  # not `+`, which would forget what is negative
        left.append({"name": name, "rows": rows})
    return moved, left


def _bury_part(folder: Path, name: str, rows: int, dead: pl.DataFrame) -> tuple[Counter[str], int]:
    """Return the rows that one part moved, by reason, and the rows that it keeps."""
    path, other = folder / "kept" / name, folder / "dropped" / name
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
            left.write_parquet(path, compression="lz4", statistics=False)
            rows = left.height
    if records:
        pl.concat(records).sort(PLACE).write_parquet(other, compression="lz4", statistics=False)
    return changed, rows
