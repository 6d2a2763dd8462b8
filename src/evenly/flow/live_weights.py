"""From a pool held in memory to the weights under which every category has an equal share, as far as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenly.columns import ID
from evenly.core.cells import cut, limits
from evenly.core.even import even_weights
from evenly.errors import UserError
from evenly.flow.grounds import cells_by, ground_of, kinds_of
from evenly.flow.plan import category_column
from evenly.flow.report import KEPT_CATEGORIES
from evenly.recipe.balance import WeightTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evenly.core.cells import Cells
    from evenly.flow.held import Held
    from evenly.recipe.model import Recipe

    Integers = NDArray[np.int64]


def equal_weights(held: Held, recipe: Recipe, plan: Callable[[Recipe], pl.DataFrame]) -> dict[str, float]:
    """Return a weight for each category of a recipe, the largest first; `plan` gives the quotas of a recipe's strata.

    Raises:
        UserError: when there is no column of categories, or it has more than `KEPT_CATEGORIES`.
    """
    column = category_column(recipe)
    if column is None:
        message = (
            "recipe.balance.weight: the recipe has no column of categories that could have equal shares. Give a weight "
            "by a column's values, or strata by it."
        )
        raise UserError(message)
    kinds = kinds_of(held, column)
    shown = kinds.values.cast(pl.String).fill_null("(none)")
    names = shown.unique().sort()
    if len(names) > KEPT_CATEGORIES:
        message = (
            f"recipe.balance.weight: '{column}' has {len(names):,} values, weights for equal shares are found for "
            f"{KEPT_CATEGORIES:,} at most. Name a column with fewer."
        )
        raise UserError(message)
    of_kind = names.search_sorted(shown).to_numpy().astype(np.int64)
    pool = np.bincount(of_kind[kinds.numbers], minlength=len(names))
    table = WeightTable(column=column, values={names[0]: 1.0})
    alike = recipe.model_copy(update={"balance": recipe.balance.model_copy(update={"weight": table})})
    strata = plan(alike)
    cells = cells_by(held, recipe.seed, ground_of(held, alike), column)
    weights = _even(cells, of_kind, strata, pool, held.frame[ID])
    return {names[place]: float(weights[place]) for place in np.argsort(-pool, kind="stable").tolist()}


def _even(cells: Cells, of_kind: Integers, strata: pl.DataFrame, pool: Integers, ids: pl.Series) -> NDArray[np.float64]:
    """Return the weights of categories; `of_kind` is the category of each kind of cell."""
    quota, repeated = strata["quota"].to_numpy(), strata["repeated"].to_numpy()
    each = np.maximum(quota, 1)
    draws = [(quota, (1 + repeated // each)[cells.stratum])]
    if repeated.any():  # of a stratum that is taken whole; whose rows repeat once more goes by weights again
        draws.append((repeated % each, np.ones(cells.stratum.size, np.int64)))
    category = of_kind[cells.kind]

    def summed(counts: Integers) -> Integers:
        """Return what some counts of cells come to for each category."""
        return np.bincount(category, counts, pool.size).astype(np.int64)

    def rows(weights: NDArray[np.float64]) -> Integers:
        """Return the rows of each category under their weights."""
        taken = (cut(cells, quotas, weights[of_kind], ids).sizes(cells) * times for quotas, times in draws)
        return summed(np.sum(list(taken), axis=0))

    bounds = [[counts * times for counts in limits(cells, quotas)] for quotas, times in draws]
    least, most = (summed(np.sum(counts, axis=0)) for counts in zip(*bounds, strict=True))
    return even_weights(rows, least, most, pool)
