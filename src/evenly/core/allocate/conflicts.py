"""Which wishes conflict: an irreducible set of them, found by deletion in the recipe's order (Chinneck, 2008)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def irreducible(wishes: Sequence[str], feasible: Callable[[frozenset[str]], bool]) -> list[str]:
    """Return wishes that can't be met together while all of them but any one can; `wishes` together can't.

    What `feasible` says of a set must hold of its subsets too: fewer wishes are never harder.
    """
    kept = list(wishes)
    for wish in wishes:
        rest = [one for one in kept if one != wish]
        if not feasible(frozenset(rest)):
            kept = rest
    return kept
