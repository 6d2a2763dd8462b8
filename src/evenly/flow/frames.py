"""A balance of a table in memory: the census, quotas and selection of a run, over one frame and nothing on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import ID, KEY, LINE, PI, PLACE, RECORD, SOURCE, STRATUM, WEIGHT
from evenly.core.census import take_census
from evenly.core.hashing import hashed, identity
from evenly.core.quotas import with_quotas
from evenly.core.select import candidates, reach, select, short, within
from evenly.core.strata import with_strata
from evenly.core.survey import balanced, count_values, facts_of, filter_columns, merge_counts, surveyed_columns
from evenly.core.weights import weight_columns, with_keys
from evenly.errors import DataError
from evenly.flow.plan import refuse_empty
from evenly.io.frames import read_frame
from evenly.recipe.needs import Need, column_flow

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from evenly.io.frames import Frame
    from evenly.recipe.model import Recipe


@dataclass(frozen=True)
class Taken:
    """What a recipe selects of a table.

    Attributes:
        rows: Int64, the numbers of the selected rows, ascending.
        probability: Float64, the inclusion probability of each, in (0, 1].
    """

    rows: NDArray[np.int64]
    probability: NDArray[np.float64]


def take_from(frame: Frame, recipe: Recipe, ids: Sequence[str]) -> Taken:
    """Return what a recipe's balance selects of a table: the records that a run of the recipe over it selects.

    Curate, template and split are not looked at. `ids` are the columns by which rows are known; without them it is all
    they hold. Equal rows are each one record then; which of them are taken can't be told from what is returned.

    Raises:
        DataError: for ids that are missing or stand for several rows, for a bad weight, or when no row is in a stratum.
        AllocationError: when the recipe's wishes can't be met together.
    """
    read = read_frame(frame, needed(recipe)) if needed(recipe) else pl.DataFrame()
    records = read.hstack([_ids(frame, ids)])
    balance, axes = recipe.balance, [stratum.column for stratum in recipe.balance.strata]
    inside = balanced(records, balance)
    looked_at = records if inside is None else records.filter(inside)
    facts = facts_of(balance, merge_counts([count_values(looked_at, surveyed_columns(balance))]))
    keyed = with_keys(with_strata(records, facts.axes, inside), recipe, facts)
    census = take_census(keyed, axes)
    refuse_empty(census, recipe, records.height)
    plan = with_quotas(census, recipe, facts)
    ledger = keyed.select(ID, STRATUM, WEIGHT, KEY).with_row_index(PLACE)
    near = within(ledger, reach(plan))
    taken = select(candidates(ledger, plan) if short(near, plan) else near, plan).sort(PLACE)
    return Taken(taken[PLACE].cast(pl.Int64).to_numpy(), taken[PI].to_numpy())


def needed(recipe: Recipe) -> tuple[Need, ...]:
    """Return what the balance of a recipe reads of a table; `source` is a column like any other here."""
    flow, balance = column_flow(recipe), recipe.balance
    named = {*weight_columns(recipe), *filter_columns(balance), *(stratum.column for stratum in balance.strata)}
    return (*flow.needs.values(), *([Need(SOURCE, "any", "balance")] if SOURCE in named else []))


def _ids(frame: Frame, columns: Sequence[str]) -> pl.Series:
    """Return `__id__` of each row: a column's text, the hash of several, or of all that a row holds.

    They are read by themselves, as text: an id may be a number that strata look at, too.
    """
    needs = [Need(column, "text", "sources[0].id") for column in columns] or [Need(RECORD, "record", "sources[0].id")]
    read = read_frame(frame, needs).drop(LINE)
    name = pl.col(columns[0]) if len(columns) == 1 else identity(read.columns, read.schema)
    ids = read.select(name.alias(ID))[ID]
    if _differ(ids) and not ids.null_count() and not (ids == "").any():
        return ids
    if not columns:
        return _numbered(ids, frame)
    if nameless := ids.null_count() + int((ids == "").sum()):
        message = f"recipe.sources.id: {nameless:,} rows have none (null or empty). Fill them, or leave the id out."
        raise DataError(message)
    shown = f"'{ids.filter(ids.is_duplicated()).min()}' stands for several rows"
    message = (
        f"recipe.sources.id: {shown if len(columns) == 1 else 'several rows have the same'}. Name columns that tell "
        "rows apart, or leave the id out: rows are known by their content then."
    )
    raise DataError(message)


def _differ(ids: pl.Series) -> bool:
    """Say whether all ids differ; their hashes tell, most often, in a quarter of the time."""
    hashes = ids.to_frame().select(hashed(ID, "content")).to_series()
    return hashes.n_unique() == ids.len() or ids.n_unique() == ids.len()


def _numbered(ids: pl.Series, frame: Frame) -> pl.Series:
    """Tell equal rows apart by a number; where they have labels, such as a pandas index, in the order of these."""
    order = frame.order()
    places = pl.Series(range(ids.len()), dtype=pl.Int64)
    if order is not None:
        places = places.scatter(order, places)
    which = pl.col(PLACE).rank("ordinal").over(ID) - 1
    again = pl.when(which == 0).then(ID).otherwise(pl.format("{}#{}", ID, which))
    return pl.DataFrame([ids, places.alias(PLACE)]).select(again.alias(ID))[ID]
