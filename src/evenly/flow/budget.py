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
from evenly.flow.draw import fold_candidates
from evenly.flow.ledgers import read_ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evenly.core.survey import Facts
    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe

AHEAD: Final = 1.02
"""Times the expected rows of a token budget that are looked at first."""


@dataclass(frozen=True)
class Budget:
    """What finding a size in tokens takes."""

    recipe: Recipe
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


def within_budget(budget: Budget, scratch: Path, groups: int, engine: Engine) -> tuple[pl.DataFrame, int]:
    """Return the plan of the most rows that cost at most the budget, counted over the very records that it draws.

    And what they cost, in tokens.

    Raises:
        AllocationError: when not even the fewest rows that the recipe allows fit.
    """
    least, rows = possible_sizes(budget.census, budget.recipe, budget.facts, budget.others)
    drawn, tokens = engine.fold(partial(_tokens_of, scratch=scratch), range(groups), _sums)
    mean = tokens / max(1, drawn)
    looked = max(least, min(rows, int(budget.tokens / max(mean, 1e-9) * AHEAD) + 1))
    most = rows
    while True:
        high = largest(0, least, looked, lambda size: 0 if budget.fits(size) else None)
        wide = budget.plan(high)
        found = fold_candidates(groups, scratch, wide, partial(_search, budget=budget, least=least, high=high), engine)
        if found is None:
            raise AllocationError(too_little(budget.tokens, least))
        size, spent = found
        plan = budget.plan(size)
        if _reaches_further(plan, wide):  # not all policies only grow with the size: count what is drawn itself
            spent = fold_candidates(groups, scratch, plan, _spent, engine)
            if spent > budget.tokens and size == least:
                raise AllocationError(too_little(budget.tokens, least))
            if spent > budget.tokens:
                looked = most = size - 1
                continue
        if size < high or high < looked or looked >= most:
            return plan, spent
        looked = min(most, looked * 2)


def too_little(tokens: int, least: int) -> str:
    """Return what is told of a budget that does not pay for the fewest rows that a recipe allows."""
    return (
        f"recipe.balance.size: {tokens:,} tokens do not pay for the {least:,} rows that min and "
        "take_all ask for, or for one. Raise the budget."
    )


def _reaches_further(plan: pl.DataFrame, wide: pl.DataFrame) -> bool:
    """Say whether a plan takes more of a stratum than a plan of more rows, whose candidates were looked at."""
    both = plan.select(STRATUM, "quota").join(wide.select(STRATUM, limit="quota"), on=STRATUM, how="left")
    return both.filter(pl.col("quota") > pl.col("limit").fill_null(0)).height > 0


def _spent(found: pl.DataFrame, strata: pl.DataFrame) -> int:
    """Return the tokens of what a plan draws, from its own candidates."""
    return cost(in_rank(candidates(found, strata)), strata)


def _search(found: pl.DataFrame, strata: pl.DataFrame, budget: Budget, least: int, high: int) -> tuple[int, int] | None:
    """Return the largest size up to `high` that the budget pays for, and its tokens; None when `least` is too much."""
    ranked = in_rank(candidates(found, strata))
    cost_of = partial(_cost_of, ranked=ranked, budget=budget)
    if cost_of(least) > budget.tokens:
        return None
    size = largest(budget.tokens, least, high, cost_of)
    return size, cost_of(size)


def _cost_of(size: int, ranked: pl.DataFrame, budget: Budget) -> int:
    return cost(ranked, budget.plan(size))


def _tokens_of(number: int, scratch: Path) -> tuple[int, int]:
    """Return the records of a ledger that can be drawn, and their tokens."""
    ledger = read_ledger(scratch, number, [STRATUM, WEIGHT, TOKENS])
    drawn = ledger.filter(pl.col(STRATUM).is_not_null() & (pl.col(WEIGHT) > 0))
    return drawn.height, int(drawn[TOKENS].cast(pl.Int64).sum())


def _sums(found: list[tuple[int, int]]) -> tuple[int, int]:
    return sum(rows for rows, _ in found), sum(tokens for _, tokens in found)
