"""What an allocation is asked for, and the answer when it can't be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evenly.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Shortfall = Literal["error", "redistribute", "accept"]
"""What happens where strata hold less than is wanted of them."""


@dataclass(frozen=True)
class Marginal:
    """A wanted share of the selection for each value of one axis.

    Attributes:
        name: the axis' column.
        groups: Int64 [strata]: which of `values` each stratum has; the last one stands for all that are not named.
        values: the named values, and what stands for the rest.
        shares: Float64 [values]: of the selection; they sum to 1.
    """

    name: str
    groups: NDArray[np.int64]
    values: tuple[str, ...]
    shares: NDArray[np.float64]


@dataclass(frozen=True)
class Wish:
    """What the recipe asks of the allocation.

    Attributes:
        take_all: bool [strata]: strata that are taken whole, whatever the policy says.
        size: rows in all, or None where the policy has another rule.
        cap: records per stratum at most (policy cap).
        floor: rows that every stratum is to have at least.
        ceiling: rows that a stratum may have at most, or None.
        alpha: exponent of policy power.
        epochs: how often a record may be repeated at most (policy unimax).
        shares: Float64 [strata]: wanted shares, nan where none is named (policy target).
        marginals: wanted shares by axis (policy rake).
        shortfall: what happens where strata hold too little.
    """

    take_all: NDArray[np.bool_]
    size: int | None = None
    cap: int | None = None
    floor: int = 0
    ceiling: int | None = None
    alpha: float = 1.0
    epochs: int = 1
    shares: NDArray[np.float64] | None = None
    marginals: tuple[Marginal, ...] = ()
    shortfall: Shortfall = "error"

    def rows(self) -> int:
        """Return `size`, which every policy but cap needs."""
        if self.size is None:
            message = "recipe.balance.size: is missing. Say how many rows are wanted."
            raise AllocationError(message)
        return self.size


@dataclass(frozen=True)
class Allocation:
    """An answer: rows of each stratum, and how many were wanted of it.

    Attributes:
        quotas: Int64 [strata]: rows, repetitions included.
        wanted: Int64 [strata]: rows that the wish asked for; more than the quota where a stratum falls short.
    """

    quotas: NDArray[np.int64]
    wanted: NDArray[np.int64]


class AllocationError(UserError):
    """A wish that the counts can't fulfil; the text names what conflicts and the nearest that is possible."""
