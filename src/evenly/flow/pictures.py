"""The counts behind the charts: one more pass over thin columns of the pool, once it is known what is selected.

No text is read. A group of parts gives two small sets of arrays, of all its records and of its rows in the output,
which add up (see `evenly.core.pictures`).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenly.columns import PLACE, TOKENS
from evenly.core.measure import label_days
from evenly.core.pictures import SIDES, Thin, add, count, edges_of, place, rank_correlation
from evenly.core.select import times_in_output
from evenly.flow.draw import with_splits
from evenly.flow.plan import category_column

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.core.pictures import Counts, Edges, Placed
    from evenly.engines.base import Engine
    from evenly.flow.delivery import Delivery
    from evenly.flow.plan import Plan
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


def take_pictures(delivery: Delivery, plan: Plan, engine: Engine, reporter: Reporter) -> dict[str, Any]:
    """Return what the charts show of the pool and of the output's rows, as plain data: edges, and counts of both.

    Keys: `label`, `label_log`, `tokens` ({edges, before, after}), `density` ({label, tokens, before, after,
    correlation}), `mix` ({label, categories, before, after}); those that there is no column for are left out. A count
    along k edges has k + 1 places, see `evenly.core.pictures`.
    """
    edges = edges_of(plan.pool)
    groups = range(len(delivery.drawn.groups))
    with reporter.phase("pictures", len(groups), "groups") as advance:
        work = partial(_count_group, delivery=delivery, edges=edges)
        before, after = engine.fold(work, groups, _added, advance=advance)
        advance.counts["records"] = delivery.pool.index.kept
    return told(edges, {"before": before, "after": after})


def _count_group(number: int, delivery: Delivery, edges: Edges) -> tuple[Counts, Counts]:
    recipe, drawn = delivery.recipe, delivery.drawn
    frame = delivery.pool.thin(drawn.groups[number], pictured_columns(recipe))
    chosen = with_splits(number, drawn, delivery.scratch)
    everyone, present = placed(frame, recipe, edges), delivery.pool.present(drawn.groups[number])
    times = chosen.select(times_in_output()).to_series().cast(pl.Int64).to_numpy()
    before = count(everyone, None if present is None else present.to_numpy())
    return before, count(everyone, chosen[PLACE].to_numpy(), times)


def pictured_columns(recipe: Recipe) -> list[str]:
    """Return the columns of the pool that pictures look at, sorted."""
    named = {recipe.balance.label, category_column(recipe), TOKENS if recipe.tokenizer is not None else None}
    return sorted(name for name in named if name is not None)


def placed(frame: pl.DataFrame, recipe: Recipe, edges: Edges) -> Placed:
    """Return where the records of a frame that has the `pictured_columns` lie along some edges."""
    category = category_column(recipe)
    tokens = frame[TOKENS].cast(pl.Float64).to_numpy() if edges.tokens and TOKENS in frame.columns else None
    codes: NDArray[np.int64] | None = None
    if category is not None and edges.categories:
        codes = numbered_categories(frame[category], edges.categories)
    return place(Thin(label_values(frame, recipe) if edges.label else None, tokens, codes), edges)


def label_values(frame: pl.DataFrame, recipe: Recipe) -> NDArray[np.float64] | None:
    """Return the label of records as a number, dates as days since 1970; NaN where there is none; None for text."""
    label = recipe.balance.label
    if label is None:
        return None
    column = frame[label].cast(pl.Float64) if frame.schema[label].is_numeric() else label_days(frame[label])
    if column is None:
        return None
    values = column.fill_null(float("nan")).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def numbered_categories(column: pl.Series, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each record's category among some names; one more than the last for others."""
    known = {name: place for place, name in enumerate(names)}
    shown = column.cast(pl.String).fill_null("(none)")
    return shown.replace_strict(known, default=len(known), return_dtype=pl.Int64).to_numpy()


def _added(counted: Sequence[tuple[Counts, Counts]]) -> tuple[Counts, Counts]:
    return add([before for before, _ in counted]), add([after for _, after in counted])


def told(edges: Edges, sides: Mapping[str, Counts]) -> dict[str, Any]:
    """Return counts of both sides along some edges as plain data, see `take_pictures`."""
    told: dict[str, Any] = {}
    there = sides["before"]

    def counts(name: str) -> dict[str, Any]:
        """Return both sides' counts of that name."""
        return {side: sides[side][name].tolist() for side in SIDES}

    for name in ("label", "label_log", "tokens"):
        if name in there and getattr(edges, name):
            told[name] = {"edges": list(getattr(edges, name)), **counts(name)}
    if "density" in there:
        found = {side: rank_correlation(sides[side]["ranks"]) for side in SIDES}
        told["density"] = {"label": list(edges.label_wide), "tokens": list(edges.tokens_wide), **counts("density")}
        told["density"]["correlation"] = {side: None if one is None else round(one, 3) for side, one in found.items()}
    if "mix" in there:
        told["mix"] = {"label": list(edges.label_wide), "categories": list(edges.categories), **counts("mix")}
    return told
