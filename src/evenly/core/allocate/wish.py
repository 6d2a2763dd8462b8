"""What an allocation is asked for, and the answer when it can't be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenly.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Wish:
    """What the recipe asks of the allocation.

    Attributes:
        cap: records per stratum at most, or None where `size` is given.
        size: records in all, exactly, or None.
        take_all: bool [strata]: strata that are taken whole, whatever the policy says.
    """

    cap: int | None
    size: int | None
    take_all: NDArray[np.bool_]


class AllocationError(UserError):
    """A wish that the counts can't fulfil; the text names what conflicts and the nearest that is possible."""
