"""Policy `target`: wanted shares of the selection by stratum; strata that are not named share the rest as they are.

The shares hold for what is not taken whole. A stratum that holds less than its share is a shortfall: an error, or its
missing rows go to the others in proportion (`redistribute`), or are left out (`accept`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.core.allocate.bounds import bounds
from evenly.core.allocate.seats import apportion
from evenly.core.allocate.wish import Allocation, AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.core.allocate.bounds import Bounds
    from evenly.core.allocate.wish import Wish


ROUNDING: Final = 1e-9
"""By which shares may miss 1."""


@dataclass(frozen=True)
class _Shape:
    """What the quotas are to be in proportion to, and which strata are not named and share what is left."""

    measure: NDArray[np.float64]
    others: NDArray[np.bool_]
    lost: float = 0.0
    """The share that no stratum could have."""


def target(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """Return the allocation of policy target; see the package for shapes.

    Raises:
        AllocationError: when the wishes conflict, or a stratum falls short and `shortfall` is error.
    """
    found = bounds(counts, wish)
    shape = _shape(counts, wish)
    size = _sharing(wish, shape) if wish.shortfall == "accept" else found.size
    drawn = (shape.measure > 0) | wish.take_all
    # As many rows as a stratum could be asked for: no more than there are in all, so that their sum is a number.
    plenty = np.where(wish.take_all, counts, size if wish.ceiling is None else wish.ceiling)
    asked = np.where(drawn, np.maximum(plenty, found.lower), found.lower)
    upper = np.where(drawn, found.upper, found.lower)
    _refuse_more_than(int(asked.sum()), size)
    wanted = _wanted(counts, stratum_hash, shape, (found.lower, asked), max(size, int(found.lower.sum())))
    named = (shape.measure > 0) & ~shape.others
    free = (np.where(wish.take_all, counts, 0), np.where(wish.take_all, counts, np.where(drawn, size, 0)))
    unbound = wanted if wish.ceiling is None and not wish.floor else _wanted(counts, stratum_hash, shape, free, size)
    if wish.shortfall == "error" and (np.abs(wanted - unbound)[named] > 1).any():
        raise AllocationError(_bound(wish, unbound[named], size))
    told = np.maximum(np.maximum(wanted, found.wanted), np.where(named, unbound, 0))
    if (wanted <= found.upper).all() or wish.shortfall == "accept":
        quotas = np.minimum(wanted, found.upper)
        return Allocation(quotas, told)
    if wish.shortfall == "error":
        largest = _largest(counts, stratum_hash, shape, found, asked)
        raise AllocationError(_short(wanted, found, largest))
    _refuse_more_than(int(upper.sum()), size)
    quotas = apportion(shape.measure, found.lower, upper, size, stratum_hash)
    return Allocation(quotas, np.maximum(told, quotas))


def _shape(counts: NDArray[np.int64], wish: Wish) -> _Shape:
    """Return what the quotas are in proportion to.

    Raises:
        AllocationError: when the shares leave rows to strata that are not named, and all are.
    """
    shares = np.full(counts.size, math.nan) if wish.shares is None else wish.shares
    others = np.isnan(shares) & ~wish.take_all
    rest = 1.0 - math.fsum(shares[~np.isnan(shares)])
    measure = np.where(wish.take_all, 0.0, np.nan_to_num(shares))
    total = int(counts[others].sum())
    if total:
        return _Shape(np.where(others, max(0.0, rest) * counts / total, measure), others)
    lost = 0.0 if wish.take_all.any() or rest <= ROUNDING else rest
    if lost and wish.shortfall == "error":
        message = (
            f"recipe.balance.target: the shares sum to {1 - lost:.6g}, and no stratum is left that could have the "
            f"other {lost:.6g}. Make them sum to 1, or write `shortfall: redistribute` (the shares are scaled up) or "
            "`accept` (fewer rows)."
        )
        raise AllocationError(message)
    return _Shape(measure, others, lost)


def _sharing(wish: Wish, shape: _Shape) -> int:
    """Return the rows that strata share out where shortfalls are accepted: without what no stratum could have."""
    return wish.rows() - round(wish.rows() * shape.lost)


def _wanted(
    counts: NDArray[np.int64],
    stratum_hash: NDArray[np.uint64],
    shape: _Shape,
    limits: tuple[NDArray[np.int64], NDArray[np.int64]],
    size: int,
) -> NDArray[np.int64]:
    """Return what is wanted of each stratum, were there enough; the unnamed give each other what one lacks."""
    lower, asked = limits
    wanted = apportion(shape.measure, lower, asked, size, stratum_hash)
    others = shape.others
    part = int(wanted[others].sum())
    there = np.maximum(lower, np.minimum(asked, counts))[others]
    if (wanted[others] > there).any() and int(there.sum()) >= part:
        wanted[others] = apportion(shape.measure[others], lower[others], there, part, stratum_hash[others])
    return wanted


def _largest(
    counts: NDArray[np.int64],
    stratum_hash: NDArray[np.uint64],
    shape: _Shape,
    found: Bounds,
    asked: NDArray[np.int64],
) -> int:
    """Return the largest size at which no stratum falls short, found by halving: quotas grow with the size.

    Asked first is where the scarcest stratum gives all it has, since there it nearly always is.
    """

    def fits(size: int) -> bool:
        return bool((_wanted(counts, stratum_hash, shape, (found.lower, asked), size) <= found.upper).all())

    low, high = int(found.lower.sum()), found.size
    named = (shape.measure > 0) & ~shape.others
    scarcest = float(np.min(found.upper[named] / shape.measure[named], initial=high / float(shape.measure.sum())))
    guess = int(scarcest * float(shape.measure.sum()))
    for size in (guess - 1, guess + 1):
        if low < size < high:
            low, high = (size, high) if fits(size) else (low, size)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _short(wanted: NDArray[np.int64], found: Bounds, largest: int) -> str:
    few = int((wanted > found.upper).sum())
    missing = int(np.maximum(wanted - found.upper, 0).sum())
    return (
        f"recipe.balance: size and target conflict: {few:,} of {wanted.size:,} strata hold less than their share of "
        f"{found.size:,} rows, {missing:,} rows are missing in all. The target can be met with at most {largest:,} "
        "rows; or write `shortfall: redistribute` (the others fill up) or `accept` (fewer rows)."
    )


def _bound(wish: Wish, unbound: NDArray[np.int64], size: int) -> str:
    """Say that floors or ceilings and the target can't both be had; `unbound` is what strata with a share want."""
    above = 0 if wish.ceiling is None else int((unbound > wish.ceiling).sum())
    below = int((unbound < wish.floor).sum())
    parts = [f"{above:,} strata with a share want more than max {wish.ceiling:,}"] if above else []
    parts += [f"{below:,} want fewer than min {wish.floor:,}"] if below else []
    names = " and ".join(name for name, one in (("max", above), ("min", below or not above)) if one)
    why = " and ".join(parts) or "floors of other strata leave too few rows"
    return (
        f"recipe.balance: target and {names} conflict: of {size:,} rows {why}. Change them, or write `shortfall: "
        "redistribute` (the target gives way)."
    )


def _refuse_more_than(most: int, size: int) -> None:
    if size > most:
        message = (
            f"recipe.balance: size and target conflict: {size:,} rows are wanted, the strata that have a share can "
            f"give {most:,}. Give more strata a share, or ask for at most {most:,}."
        )
        raise AllocationError(message)
