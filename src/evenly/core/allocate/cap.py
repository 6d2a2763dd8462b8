"""Policy `cap`: min(N, cap) from every stratum, or the cap at which the quotas sum to an exact size.

Known from the course's notebook (cap 1,200) and from MetaCLIP's t (Xu et al., 2023). With `size` it is `equal`: every
stratum is filled to a common level, and the cap is solved for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenly.core.allocate.bounds import limits, refuse_short_of_floor
from evenly.core.allocate.shares import equal
from evenly.core.allocate.wish import Allocation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.core.allocate.wish import Wish


def cap(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> Allocation:
    """Return the allocation of policy cap; see the package for shapes.

    Raises:
        AllocationError: when a stratum has fewer records than `min`, and `shortfall` is error.
    """
    if wish.size is not None:
        return equal(counts, stratum_hash, wish)
    refuse_short_of_floor(counts, wish)
    lower, upper = limits(counts, wish, frozenset({"min", "max", "take_all"}))
    quotas = np.clip(np.minimum(counts, wish.cap or 0), lower, upper)
    return Allocation(quotas, np.where(wish.take_all, counts, np.maximum(quotas, wish.floor)))
