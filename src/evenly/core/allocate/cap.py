"""Policy `cap`: min(N, cap) from every stratum, or the cap at which the quotas sum to an exact size.

Known from the course's notebook (cap 1,200) and from MetaCLIP's t (Xu et al., 2023). With `size`, the cap is found by
water-filling: every stratum is filled to a common whole level; the few records that are left over go, one each, to the
strata that still have some, in the order of their hash. For strata that all want the same share that is Webster's
apportionment with ties broken by the hash, and it is house-monotone: a larger size never lowers a quota.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenly.core.allocate.wish import AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.core.allocate.wish import Wish


def cap(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], wish: Wish) -> NDArray[np.int64]:
    """Return the quotas of policy cap; see the package for shapes and dtypes.

    Raises:
        AllocationError: when `size` is more than there is, or less than the strata that are taken whole hold.
    """
    quotas = np.where(wish.take_all, counts, 0)
    if wish.size is None:
        level = wish.cap if wish.cap is not None else 0
        return np.where(wish.take_all, counts, np.minimum(counts, level))
    _refuse_impossible(counts, quotas, wish.size)
    free = ~wish.take_all
    quotas[free] = fill(counts[free], stratum_hash[free], wish.size - int(quotas.sum()))
    return quotas


def fill(counts: NDArray[np.int64], stratum_hash: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """Return quotas, Int64 [strata], that sum to `size`: one level for all, each stratum as far as it has records.

    `size` is at most the sum of `counts`.
    """
    level = _level(counts, size)
    quotas = np.minimum(counts, level)
    left = size - int(quotas.sum())
    if left:
        open_strata = np.flatnonzero(counts > level)
        first = open_strata[np.argsort(stratum_hash[open_strata], kind="stable")[:left]]
        quotas[first] += 1
    return quotas


def _level(counts: NDArray[np.int64], size: int) -> int:
    """Return the highest whole level whose quotas sum to at most `size`."""
    low, high = 0, int(counts.max(initial=0))
    while low < high:
        middle = (low + high + 1) // 2
        if int(np.minimum(counts, middle).sum()) <= size:
            low = middle
        else:
            high = middle - 1
    return low


def _refuse_impossible(counts: NDArray[np.int64], taken: NDArray[np.int64], size: int) -> None:
    available, whole = int(counts.sum()), int(taken.sum())
    if size > available:
        message = (
            f"recipe.balance.size: {size:,} rows are wanted, the strata have {available:,} that can be drawn. "
            f"Ask for at most {available:,}, or read more."
        )
        raise AllocationError(message)
    if size < whole:
        message = (
            f"recipe.balance.size and take_all conflict: {size:,} rows are wanted in all, and the strata taken whole "
            f"alone hold {whole:,}. Ask for at least {whole:,}, or take fewer strata whole."
        )
        raise AllocationError(message)
