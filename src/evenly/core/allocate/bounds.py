"""Floors, ceilings and what strata hold: the bounds of every policy on one axis, or which wishes conflict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.core.allocate.conflicts import irreducible
from evenly.core.allocate.wish import AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.core.allocate.wish import Wish

WISHES: Final = ("size", "min", "max", "take_all")
"""Keys of `balance` that may conflict, in the recipe's order."""


@dataclass(frozen=True)
class Bounds:
    """What the quotas lie between.

    Attributes:
        lower: Int64 [strata].
        upper: Int64 [strata], at least `lower`.
        size: rows in all, between the sums of both.
        wanted: Int64 [strata]: the floor that was asked for, above `lower` where a stratum holds less.
    """

    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    size: int
    wanted: NDArray[np.int64]


def bounds(counts: NDArray[np.int64], wish: Wish) -> Bounds:
    """Return the bounds of quotas that sum to the wish's size.

    Raises:
        AllocationError: when the wishes conflict, naming an irreducible set of them.
    """
    size = wish.rows()
    lower, upper = limits(counts, wish, frozenset(WISHES))
    floor = np.where(wish.take_all, counts, wish.floor)
    refuse_short_of_floor(counts, wish)
    if wish.shortfall == "accept":  # what strata lack of the floor, nobody fills up
        missing = int(np.maximum(floor - lower, 0).sum())
        size = min(max(size - missing, min(size, int(lower.sum()))), int(upper.sum()))
    if not int(lower.sum()) <= size <= int(upper.sum()):
        raise AllocationError(_conflict(counts, wish, size))
    return Bounds(lower, upper, size, np.maximum(floor, lower))


def limits(
    counts: NDArray[np.int64], wish: Wish, wishes: frozenset[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the least and the most rows of each stratum when only some wishes hold; what is there always holds."""
    whole = wish.take_all if "take_all" in wishes else np.zeros(counts.size, np.bool_)
    there = counts * wish.epochs
    ceiling = there if wish.ceiling is None or "max" not in wishes else np.minimum(there, wish.ceiling)
    upper = np.where(whole, counts, ceiling)
    floor = wish.floor if "min" in wishes else 0
    return np.where(whole, counts, np.minimum(floor, upper)), upper


def _conflict(counts: NDArray[np.int64], wish: Wish, size: int) -> str:
    """Say which of the wishes conflict, and what sizes are possible."""

    def feasible(wishes: frozenset[str]) -> bool:
        lower, upper = limits(counts, wish, wishes)
        return "size" not in wishes or int(lower.sum()) <= size <= int(upper.sum())

    lower, upper = limits(counts, wish, frozenset(WISHES))
    least, most = int(lower.sum()), int(upper.sum())
    sets = irreducible(WISHES, feasible)
    held = {"min": f"min {wish.floor:,}", "max": f"max {wish.ceiling or 0:,}", "take_all": "take_all"}
    others = [held[one] for one in sets if one != "size"]
    if size > most:
        why = f"with {' and '.join(others)} the strata give" if others else "the strata have"
        epochs = f" in {wish.epochs} epochs" if wish.epochs > 1 else ""
        remedy = "read more, or accept fewer with `shortfall: accept`"
        return _named(sets) + (
            f" {size:,} rows are wanted, {why} {most:,} that can be drawn{epochs}. Ask for at most {most:,}, {remedy}."
        )
    return _named(sets) + (
        f" {size:,} rows are wanted in all, and {' and '.join(others)} alone hold {least:,}. "
        f"Ask for at least {least:,}, or for less of {'either' if len(others) > 1 else 'the other'}."
    )


def _named(wishes: list[str]) -> str:
    if len(wishes) == 1:
        return f"recipe.balance.{wishes[0]}:"
    return f"recipe.balance: {', '.join(wishes[:-1])} and {wishes[-1]} conflict:"


def refuse_short_of_floor(counts: NDArray[np.int64], wish: Wish) -> None:
    """Refuse strata that can't have the floor, where a shortfall is an error.

    Raises:
        AllocationError: saying how many they are.
    """
    _, upper = limits(counts, wish, frozenset(WISHES))
    short = np.where(wish.take_all, 0, np.maximum(wish.floor - upper, 0))
    if wish.shortfall != "error" or not short.any():
        return
    few = int((short > 0).sum())
    message = (
        f"recipe.balance.min: {few:,} of {counts.size:,} strata have fewer than {wish.floor:,} rows that can be drawn, "
        f"the smallest {int(counts[short > 0].min()):,}; {int(short.sum()):,} rows are missing in all. "
        "Lower min, coarsen the strata, or write `shortfall: redistribute` (others fill up) or `accept` (fewer rows)."
    )
    raise AllocationError(message)
