"""Which of equal records survives: a fold over hashes, the same whatever the order of the records.

A frame of keys has one row per record: `__id__`, `__piece__`, `__line__`, and the columns named below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import CONTENT, ID, LINE, PIECE
from evenly.core.characters import SPACES
from evenly.core.hashing import hashed, identity
from evenly.core.near import is_blank, signatures

if TYPE_CHECKING:
    from evenly.recipe.steps import NearUnique, Unique

PLACE: Final = (PIECE, LINE)
"""Where a record stands: the one name that even equal ids do not share."""


def group_column(step: int) -> str:
    """Return the column of the keys that holds what a global step groups records by; `step` is its place in curate."""
    return f"__group_{step}__"


def signed(frame: pl.DataFrame, step: NearUnique) -> pl.Series:
    """Return the signatures of a `near_unique` step's texts (Binary, 512 bytes), null for a text without words."""
    made = signatures(frame[step.column].cast(pl.String), step.ngram)
    blank = is_blank(made)
    rows = [None if no else row.tobytes() for row, no in zip(made.astype("<u4"), blank, strict=True)]
    return pl.Series("signed", rows, dtype=pl.Binary)


def group_hash(frame: pl.DataFrame, step: Unique) -> pl.Series:
    """Return what records share that a `unique` step takes for one: a hash of its columns, folded as it says (String).

    Case is folded by Polars' lower case; white space (Python's) at the ends goes, and a run of it within is one space.
    """
    folded = frame.select(step.columns)
    texts = [name for name in step.columns if folded.schema[name] == pl.String]
    if "case" in step.fold:
        folded = folded.with_columns(pl.col(texts).str.to_lowercase())
    if "space" in step.fold:
        runs, ends = f"[{SPACES}]+", f"^[{SPACES}]+|[{SPACES}]+$"
        folded = folded.with_columns(pl.col(texts).str.replace_all(ends, "").str.replace_all(runs, " "))
    return folded.select(identity(step.columns, folded.schema).alias("group"))["group"]


def repeated_ids(keys: pl.DataFrame) -> pl.DataFrame:
    """Return the rows whose id another row has too, sorted by id and place."""
    return keys.filter(pl.col(ID).is_duplicated()).sort(ID, *PLACE)


def losers_by_id(keys: pl.DataFrame) -> pl.DataFrame:
    """Return the places of the rows that lose to another of equal id: all but the smallest content hash.

    Rows of equal content are the same record twice; the first place stays.
    """
    return _all_but_first(keys, ID, [CONTENT, *PLACE])


def losers_by_value(keys: pl.DataFrame, group: str) -> pl.DataFrame:
    """Return the places of the rows that lose to another of equal `group` (a hash): all but the smallest id hash."""
    return _all_but_first(keys.with_columns(hashed(ID, "duplicate").alias("__order__")), group, ["__order__", ID])


def _all_but_first(keys: pl.DataFrame, group: str, order: list[str]) -> pl.DataFrame:
    return (
        keys.lazy()
        .filter(pl.col(group).is_duplicated())
        .sort(*order)
        .filter(pl.int_range(pl.len()).over(group) > 0)
        .select(*PLACE)
        .collect()
    )
