"""From the plan to the selection: smallest keys, repetitions, splits, places in the output (DESIGN section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenly.core.select import repeat, select, with_design_weights
from evenly.core.split import assign, refuse_large_lite, shuffle, split_sizes
from evenly.flow.ledgers import fold_candidates

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from evenly.engines.base import Engine
    from evenly.flow.plan import Plan
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


@dataclass(frozen=True)
class Draw:
    """A selection.

    Attributes:
        rows: one row per selected record: __id__, __part__, __row__, __stratum__, __key__, __pi__, __design_weight__,
            __split__ (null: unassigned).
        placed: the rows of the splits with __epoch__ and their place in the output, __position__ and __shard__; a
            record that is repeated has a row for each time.
        sizes: split -> records.
    """

    rows: pl.DataFrame
    placed: pl.DataFrame
    sizes: dict[str, int]


def draw(recipe: Recipe, pool: Pool, plan: Plan, scratch: Path, engine: Engine, reporter: Reporter) -> Draw:
    """Select by the plan's quotas from the ledgers in `scratch`, split, and give each row its place in the output.

    Raises:
        SplitError: when the splits want more than is selected.
    """
    sizes = split_sizes(recipe.split.shares, plan.selected)
    refuse_large_lite(recipe.split.lite or {}, sizes)
    found = fold_candidates(pool, scratch, plan.strata, engine, reporter)
    split = with_design_weights(assign(select(found, plan.strata), sizes))
    rows = repeat(split, plan.strata)
    return Draw(split, shuffle(rows, recipe.seed, recipe.export.shard_rows), sizes)
