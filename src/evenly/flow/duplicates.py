"""Equal ids and `unique` steps over the whole pool: folds over the keys that each piece left, then the losers go.

The keys of a few million rows are looked at in one go, more than that in partitions by hash, so that memory stays flat.
Only the parts that lose a record are written anew.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import ID, LINE, PIECE, REASON
from evenly.core.duplicates import PLACE, losers_by_id, losers_by_value, repeated_ids
from evenly.core.hashing import hashed
from evenly.errors import DataError
from evenly.recipe.steps import reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from evenly.recipe.model import Recipe

PARTITION_ROWS: Final = 4_000_000
"""Keys that are looked at together: about 400 MB of them."""

DUPLICATE_IDS: Final = "duplicate_ids"
"""Why a record is dropped that lost to another of the same id."""


def drop_duplicates(
    recipe: Recipe, folder: Path, parts: Sequence[str], placed: Sequence[dict[str, object]]
) -> Counter[str]:
    """Drop the losers of equal ids and of each `unique` step from the parts in `folder`; return the rows by reason.

    A row that another step had dropped already counts under duplicate_ids now, so a reason's count may be negative.

    Raises:
        DataError: when ids repeat and the source does not say `duplicate_ids: drop`.
    """
    keys = pl.scan_parquet([folder / "keys" / part for part in parts])
    rows = keys.select(pl.len()).collect().item()
    slices = max(1, -(-rows // PARTITION_ROWS))
    dead: list[pl.DataFrame] = []
    if recipe.sources[0].duplicate_ids == "error":
        _refuse_repeated(keys, slices, placed)
    else:
        dead.append(_fold(keys, ID, slices, losers_by_id, DUPLICATE_IDS))
    names = [name for name, step in zip(reasons(recipe.curate), recipe.curate, strict=True) if step.kind == "unique"]
    for index, reason in enumerate(names):
        group = f"__unique_{index}__"
        alive = keys.filter(pl.col(group).is_not_null())
        if dead:
            alive = alive.join(pl.concat(dead).lazy().select(PLACE), on=PLACE, how="anti")
        dead.append(_fold(alive, group, slices, lambda frame, group=group: losers_by_value(frame, group), reason))
    return _bury(folder, parts, pl.concat(dead)) if dead else Counter()


def _slices(keys: pl.LazyFrame, column: str, slices: int) -> Iterator[pl.DataFrame]:
    """Yield the keys in partitions that hold equal values of `column` together."""
    for number in range(slices):
        here = keys.filter(hashed(column, "duplicate") % slices == number) if slices > 1 else keys
        yield here.collect()


def _fold(
    keys: pl.LazyFrame, column: str, slices: int, losers: Callable[[pl.DataFrame], pl.DataFrame], reason: str
) -> pl.DataFrame:
    found = pl.concat([losers(frame) for frame in _slices(keys, column, slices)])
    return found.with_columns(pl.lit(reason).alias(REASON))


def _refuse_repeated(keys: pl.LazyFrame, slices: int, placed: Sequence[dict[str, object]]) -> None:
    for frame in _slices(keys, ID, slices):
        repeated = repeated_ids(frame)
        if not repeated.height:
            continue
        name = repeated[ID][0]
        same = repeated.filter(pl.col(ID) == name)
        places = [_shown(placed, piece, line) for piece, line in same.select(PLACE).iter_rows()]
        message = (
            f"recipe.sources[0].id: '{name}' names {same.height} records ({', '.join(places[:3])}), and "
            f"{repeated[ID].n_unique():,} ids repeat. Choose a column that names one record, "
            "or write `duplicate_ids: drop` to keep one of each."
        )
        raise DataError(message)


def _shown(placed: Sequence[dict[str, object]], piece: int, line: int) -> str:
    place = placed[piece]
    return f"{place['file']}:{int(str(place['first_line'])) + line}"


def _bury(folder: Path, parts: Sequence[str], dead: pl.DataFrame) -> Counter[str]:
    """Move the dead from the kept parts to the dropped ones, rewriting only parts that change."""
    moved: Counter[str] = Counter()
    pieces = set(dead[PIECE].unique().to_list())
    for part in parts:
        if int(part.split("-")[0]) not in pieces:
            continue
        moved.update(_bury_part(folder, part, dead))  # not `+`, which would forget what is negative
    return moved


def _bury_part(folder: Path, part: str, dead: pl.DataFrame) -> Counter[str]:
    path, other = folder / "kept" / part, folder / "dropped" / part
    kept = pl.read_parquet(path)
    gone = kept.select(ID, PIECE, LINE).join(dead, on=PLACE, how="inner")
    changed: Counter[str] = Counter()
    records = [gone] if gone.height else []
    changed.update(gone[REASON].to_list())
    if other.exists():
        before = pl.read_parquet(other)
        after = before.join(dead, on=PLACE, how="left", suffix="_new", maintain_order="left")
        after = after.with_columns(pl.coalesce(f"{REASON}_new", REASON).alias(REASON)).select(before.columns)
        changed.update(after[REASON].to_list())
        changed.subtract(before[REASON].to_list())
        records.insert(0, after)
    if gone.height:
        kept.join(dead, on=PLACE, how="anti", maintain_order="left").write_parquet(path, compression="lz4", statistics=False)
    if records:
        pl.concat(records).sort(PLACE).write_parquet(other, compression="lz4", statistics=False)
    return changed
