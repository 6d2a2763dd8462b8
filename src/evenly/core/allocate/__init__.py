"""Allocation: counts in, integer quotas out. No rows, no I/O, no random state.

A policy is one function in a file of its own, all of one signature:

    policy(counts, stratum_hash, wish) -> quotas

`counts` Int64 [strata]: the records of each stratum that can be drawn; `stratum_hash` UInt64 [strata]: breaks ties, so
that the order of strata never matters; `wish` a `Wish`. Returned: Int64 [strata], 0 <= quota <= count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from evenly.core.allocate.cap import cap
from evenly.core.allocate.wish import AllocationError, Wish

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Policy = Callable[[NDArray[np.int64], NDArray[np.uint64], Wish], NDArray[np.int64]]

POLICIES: Final[dict[str, Policy]] = {"cap": cap}

__all__ = ["POLICIES", "AllocationError", "Wish"]
