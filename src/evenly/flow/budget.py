"""A size in tokens: the plan of the most rows whose records cost at most so many, counted over the very records."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import STRATUM, TOKENS, WEIGHT
from evenly.core.allocate import AllocationError
from evenly.core.budget import cost, in_rank, largest
from evenly.core.quotas import possible_sizes, with_quotas
from evenly.core.select import candidates
from evenly.flow.ledgers import fold_candidates, ledgers
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evenly.core.survey import Facts
    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe

AHEAD: Final = 1.02
"""Times the expected rows of a token budget that are looked at first."""


@dataclass(frozen=True)
class Budget:
    """What finding a size in tokens takes."""

    recipe: Recipe
    pool: Pool
    scratch: Path
    engine: Engine
    census: pl.DataFrame
    facts: Facts
    others: Mapping[str, pl.DataFrame]
    tokens: int

    def plan(self, size: int) -> pl.DataFrame:
        """Return the plan of a size in rows."""
        return with_quotas(self.census, self.recipe, self.facts, self.others, size)

    def fits(self, size: int) -> bool:
        """Say whether a size can be had at all."""
        try:
            self.plan(size)
        except AllocationError:
            return False
        return True


def within_budget(budget: Budget) -> tuple[pl.DataFrame, int]:
    """Return the plan of the most rows that cost at most the budget, counted over the very records that it draws.

    And what they cost, in tokens.

    Raises:
        AllocationError: when not even the fewest rows that the recipe allows fit.
    """
    least, rows = possible_sizes(budget.census, budget.recipe, budget.facts, budget.others)
    mean = _mean_tokens(budget)
    looked = max(least, min(rows, int(budget.tokens / max(mean, 1e-9) * AHEAD) + 1))
    while True:
        high = largest(0, least, looked, lambda size: 0 if budget.fits(size) else None)
        ranked = in_rank(_all_candidates(budget, budget.plan(high)))
        if cost(ranked, budget.plan(least)) > budget.tokens:
            message = (
                f"recipe.balance.size: {budget.tokens:,} tokens do not pay for the {least:,} rows that min and "
                "take_all ask for, or for one. Raise the budget."
            )
            raise AllocationError(message)
        size = largest(budget.tokens, least, high, partial(_cost_of, budget, ranked))
        if size < high or high < looked or looked >= rows:
            return budget.plan(size), _cost_of(budget, ranked, size)
        looked = min(rows, looked * 2)


def _cost_of(budget: Budget, ranked: pl.DataFrame, size: int) -> int:
    return cost(ranked, budget.plan(size))


def _all_candidates(budget: Budget, strata: pl.DataFrame) -> pl.DataFrame:
    found = fold_candidates(budget.pool, budget.scratch, strata, budget.engine, Silent())
    return candidates(found, strata)


def _mean_tokens(budget: Budget) -> float:
    rows = tokens = 0
    for ledger in ledgers(budget.pool, budget.scratch):
        drawn = ledger.filter(pl.col(STRATUM).is_not_null() & (pl.col(WEIGHT) > 0))
        rows += drawn.height
        tokens += int(drawn[TOKENS].cast(pl.Int64).sum())
    return tokens / max(1, rows)
