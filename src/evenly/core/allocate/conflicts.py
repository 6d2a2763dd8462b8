"""Which wishes conflict: an irreducible set of them, found by deletion in the recipe's order (Chinneck, 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def irreducible(wishes: Sequence[str], feasible: Callable[[frozenset[str]], bool]) -> list[str]:
    """Return wishes that can't be met together while all of them but any one can; `wishes` together can't.

    What `feasible` says of a set must hold of its subsets too: fewer wishes are never harder. So wishes are left out in
    their order, as long as the others still conflict, and each that can't be left out is found by halving: of a
    thousand, in ten questions.
    """
    kept: list[str] = []
    rest = list(wishes)
    while rest and feasible(frozenset(kept)):
        low, high = 0, len(rest)  # the others can't be met without the first `low` of them, and can without `high`
        while high - low > 1:
            middle = (low + high) // 2
            if feasible(frozenset([*kept, *rest[middle:]])):
                high = middle
            else:
                low = middle
        kept.append(rest[low])
        rest = rest[high:]
    return kept
