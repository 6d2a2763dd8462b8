"""What an engine is: it maps a pure function over pieces. It knows no stratum, no recipe and no file.

The results come back in the order of the pieces, so that a fold over them is the same on every engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")


class Engine(Protocol):
    """Maps functions over pieces, on however many workers."""

    name: str

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, python: bool = False
    ) -> Iterator[Result]:
        """Yield `function(item)` for each item, in the items' order; an exception of one ends the map.

        With `python` the function spends its time in Python itself, so that threads of one process would wait for each
        other; function, items and results can then be pickled.
        """
        ...
