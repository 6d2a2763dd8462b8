"""Allocation: counts in, integer quotas out. No rows, no I/O, no random state.

A policy is a function of one signature:

    policy(counts, stratum_hash, wish) -> Allocation

`counts` Int64 [strata]: the records of each stratum that can be drawn; `stratum_hash` UInt64 [strata]: breaks ties, so
that the order of strata never matters; `wish` a `Wish`. 0 <= quota <= count x epochs, and the quotas sum to the wish's
size, unless shortfalls are accepted. Wishes that can't be met raise an `AllocationError` that names those in conflict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evenly.core.allocate.cap import cap
from evenly.core.allocate.programs import size_range
from evenly.core.allocate.rake import rake
from evenly.core.allocate.shares import equal, power, proportional, unimax, weighted
from evenly.core.allocate.target import target
from evenly.core.allocate.wish import Allocation, AllocationError, Marginal, Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Policy = Callable[[NDArray[np.int64], NDArray[np.uint64], Wish], Allocation]

POLICIES: Final[dict[str, Policy]] = {
    "cap": cap,
    "proportional": proportional,
    "equal": equal,
    "power": power,
    "unimax": unimax,
    "target": target,
    "rake": rake,
    "weighted": weighted,
}

__all__ = ["POLICIES", "Allocation", "AllocationError", "Marginal", "Wish", "size_range"]
