"""What an engine is: it maps pure functions over pieces, and folds what comes back. It knows no stratum and no file.

The results of a map come back in the order of the pieces, and a fold has one shape, so that both are the same on every
engine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")
Outcome = TypeVar("Outcome")

FAN: Final = 8
"""Results that a fold combines at once."""


def itself(value: Any) -> Any:  # noqa: ANN401 - whatever it is
    """Return the value: the end of a fold that ends with what it combined."""
    return value


class Engine(Protocol):
    """Maps functions over pieces, on however many workers. Functions, items and results can be pickled."""

    name: str

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, python: bool = False
    ) -> Iterator[Result]:
        """Yield `function(item)` for each item, in the items' order; an exception of one ends the map.

        With `python` the function spends its time in Python itself, so that threads of one process would wait for each
        other.
        """
        ...

    def fold(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        combine: Callable[[list[Result]], Result],
        finish: Callable[[Result], Outcome] = itself,
        advance: Callable[[int], object] = itself,
    ) -> Outcome:
        """Return `finish` of the combined `function(item)` of all items; there is at least one.

        Results are combined in a tree, `FAN` neighbours at a time, where they are: only what `finish` returns comes
        here. `advance(1)` is called for each item that is done.
        """
        ...


class Tree(Generic[Result]):
    """A fold under way: `FAN` neighbours become one as soon as they are there, so that few wait for each other."""

    def __init__(self, combine: Callable[[list[Result]], Result]) -> None:
        """Begin with nothing."""
        self._combine = combine
        self._levels: list[list[Result]] = []

    def add(self, result: Result) -> None:
        """Add the next result."""
        for level in self._levels:
            level.append(result)
            if len(level) < FAN:
                return
            result = self._combine(level)
            level.clear()
        self._levels.append([result])

    def root(self) -> Result:
        """Return what all results are combined to, of which there is at least one."""
        rest: list[Result] = []
        for level in self._levels:
            waiting = [*level, *rest]
            rest = [self._combine(waiting)] if waiting else []
        return rest[0]
