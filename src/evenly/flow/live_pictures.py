"""What is shown of a pool held in memory and of what is selected from it: counts of small numbers that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from evenly.columns import ID, TOKENS
from evenly.core.cells import in_order
from evenly.core.measure import LARGEST
from evenly.core.pictures import DENSE, TALLIES, Thin, count, edges_of, place
from evenly.errors import UserError, choices_line, did_you_mean
from evenly.flow.grounds import base_keys, ground_of
from evenly.flow.pictures import label_values, numbered_categories, pictured_columns, told
from evenly.flow.plan import category_column, describe
from evenly.flow.report import KEPT_CATEGORIES, strata_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evenly.core.measure import Summary
    from evenly.core.pictures import Counts, Edges, Placed
    from evenly.flow.held import Held
    from evenly.recipe.model import Recipe

    Rows = NDArray[np.int64]
    Codes = NDArray[np.uint16]

PLAIN: Final = tuple(name for name in TALLIES if name not in DENSE)


def summary_of(held: Held, recipe: Recipe) -> Summary:
    """Return the summary of the pool, as a plan has it."""
    columns = [ID, *pictured_columns(recipe)]  # a frame without columns would have no rows to count
    return held.memo("summary", _key(recipe), lambda: describe(held.columns(columns), recipe))


def pictures(held: Held, recipe: Recipe, rows: Rows, times: Rows | None, *, density: bool) -> dict[str, Any]:
    """Return what charts show of the pool and of some of its records, as `evenly.flow.pictures.take_pictures` does."""
    before, after = _counted(held, recipe, PLAIN, rows, times)
    if density:
        dense = _counted(held, recipe, DENSE, rows, times)
        before, after = before | dense[0], after | dense[1]
    return told(_edges(held, recipe), {"before": before, "after": after})


def categories(held: Held, recipe: Recipe, rows: Rows, times: Rows | None) -> dict[str, Any] | None:
    """Return the counts of each category in the pool and among some records, see `evenly.flow.report`."""
    if category_column(recipe) is None:
        return None
    counts, names = summary_of(held, recipe).categories, _names(held, recipe)
    kept, rest = names[:KEPT_CATEGORIES], names[KEPT_CATEGORIES:]
    codes = _codes(held, recipe)
    after: list[int] = np.bincount(codes[rows], times, len(kept) + 1).astype(np.int64).tolist()
    others = {"count": len(rest), "before": sum(counts[name] for name in rest), "after": after[-1]}
    return {"names": kept, "before": [counts[name] for name in kept], "after": after[:-1], "others": others}


def facts(held: Held, recipe: Recipe, rows: Rows, times: Rows | None) -> dict[str, Any]:
    """Return `rows`, `records`, and `label` {mean}, `tokens` {total, mean} where there are any, of some records.

    A mean has about 15 digits; that of a run's report, whose sums are exact, has one more.
    """
    total = rows.size if times is None else int(times.sum())
    found: dict[str, Any] = {"rows": total, "records": rows.size}
    label = held.memo("label", recipe.balance.label, lambda: _label(held, recipe))
    if label is not None:
        values, there = label
        labelled = total if there is None else _sum(there, rows, times)
        if labelled:
            found["label"] = {"mean": _sum(values, rows, times) / labelled}
    if recipe.tokenizer is not None and total:
        tokens = int(_sum(tokens_of(held), rows, times))
        found["tokens"] = {"total": tokens, "mean": tokens / total}
    return found


@dataclass(frozen=True)
class Bar:
    """A bar of a picture.

    Attributes:
        numbers: whole numbers [records], the last of `inside` where -1.
        inside: Boolean: which of these numbers are in the bar.
    """

    numbers: NDArray[Any]
    inside: NDArray[np.bool_]

    def records(self, rows: Rows | None) -> Rows:
        """Return which records are in the bar, of some or (None) of all."""
        return np.flatnonzero(self.inside[self.numbers]) if rows is None else rows[self.inside[self.numbers[rows]]]


def bar_of(held: Held, recipe: Recipe, strata: pl.DataFrame, chart: str, where: tuple[int, int | None]) -> Bar:
    """Return a bar of a picture: `where` is its place and, for a mix, its category.

    Raises:
        UserError: for a picture or a place that is not there.
    """
    if chart == "strata":
        shown = strata_places(recipe, strata)
        _refuse_place(chart, "places", where[0], int(shown.max()) + 1)
        return Bar(ground_of(held, recipe).stratum, np.append(shown == where[0], values=False))
    if chart == "category" and category_column(recipe) is not None:
        numbers = np.arange(KEPT_CATEGORIES + 1)
        _refuse_place(chart, "places", where[0], min(len(_names(held, recipe)), numbers.size))
        return Bar(_codes(held, recipe), numbers == where[0])
    edges, placed = _edges(held, recipe), _placed(held, recipe, PLAIN)
    there = [name for name in placed.places if getattr(edges, name, True)]
    if chart not in there:
        known = [*there, *(["category"] if category_column(recipe) is not None else []), "strata"]
        message = f"picture: there is no '{chart}' of this recipe.{did_you_mean(chart, known)}"
        raise UserError(message + choices_line("pictures", known))
    shape = placed.shapes[chart]
    inside = np.zeros(shape, np.bool_)
    _refuse_place(chart, "places", where[0], shape[0])
    if where[1] is None:
        inside[where[0]] = True
    else:
        _refuse_place(chart, "categories", where[1], shape[1] if len(shape) > 1 else 0)
        inside[where] = True
    return Bar(placed.places[chart], np.append(inside.ravel(), values=False))


def first_by_key(held: Held, seed: int, records: Rows, skip: int, most: int) -> Rows:
    """Return some of the records in the order of their keys under the weight 1, without sorting all of them."""
    if skip >= records.size or most <= 0:
        return records[:0]
    base = base_keys(held, seed)[records]
    last = min(skip + most, records.size) - 1
    near = np.flatnonzero(base <= np.partition(base, last)[last])
    order = in_order(base[near], held.frame[ID][records[near]])
    return records[near[order[skip : skip + most]]]


def _refuse_place(chart: str, what: str, number: int, size: int) -> None:
    if not 0 <= number < size:
        held = f"the {what} 0 to {size - 1}" if size else f"no {what}"
        message = f"picture: '{chart}' has {held}, not {number}. Ask for one of the picture as it is now."
        raise UserError(message)


def _key(recipe: Recipe) -> tuple[str | None, str | None]:
    return recipe.balance.label, category_column(recipe)


def _edges(held: Held, recipe: Recipe) -> Edges:
    return held.memo("edges", _key(recipe), lambda: edges_of(summary_of(held, recipe)))


def _names(held: Held, recipe: Recipe) -> list[str]:
    return held.memo("names", _key(recipe), lambda: summary_of(held, recipe).largest_categories)


def _codes(held: Held, recipe: Recipe) -> Codes:
    """Return the number of each record's category by size, UInt16; those that are not told by name have the last."""
    column = category_column(recipe) or ""
    names = _names(held, recipe)[:KEPT_CATEGORIES]

    def make() -> Codes:
        return numbered_categories(held.columns([column])[column], names).astype(np.uint16)

    return held.memo("codes", column, make)


def _placed(held: Held, recipe: Recipe, tallies: Sequence[str]) -> Placed:
    """Return where the records lie in some tallies."""
    edges = _edges(held, recipe)

    def make() -> Placed:
        frame = held.columns(pictured_columns(recipe))
        label = label_values(frame, recipe) if edges.label else None
        tokens = frame[TOKENS].cast(pl.Float64).to_numpy() if edges.tokens else None
        category = np.minimum(_codes(held, recipe), len(edges.categories)) if edges.categories else None
        return place(Thin(label, tokens, category), edges, tallies)

    return held.memo(f"placed {tallies}", _key(recipe), make)


def _counted(
    held: Held, recipe: Recipe, tallies: Sequence[str], rows: Rows, times: Rows | None
) -> tuple[Counts, Counts]:
    """Return the counts of the pool and of some records in some tallies."""
    where = _placed(held, recipe, tallies)
    before = held.memo(f"before {tallies}", _key(recipe), lambda: count(where))
    return before, count(where, rows, times)


def _label(held: Held, recipe: Recipe) -> tuple[NDArray[np.float64], NDArray[np.bool_] | None] | None:
    """Return the labels, 0 where there is none, and where there are some (None: everywhere); None for plain text."""
    column = recipe.balance.label
    if column is None:
        return None
    frame = held.columns([column])
    values = label_values(frame, recipe)
    if values is None or not (frame.schema[column].is_numeric() or summary_of(held, recipe).dated):
        return None
    there = np.abs(values) <= LARGEST
    return np.where(there, values, 0.0), None if there.all() else there


def tokens_of(held: Held) -> NDArray[np.uint32]:
    """Return the tokens of each record."""
    return held.columns([TOKENS])[TOKENS].to_numpy()


def _sum(values: NDArray[Any], rows: Rows, times: Rows | None) -> float:
    here = values[rows]
    if times is not None:
        here = here * times
    return here.sum(dtype=None if here.dtype.kind == "f" else np.int64).item()
