"""What a run says while it works: phases with a total, on a terminal, as JSON lines, or not at all."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from evenly.reporting.design import spelled

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from rich.console import Console


class Advance:
    """Called with an amount, it counts towards a phase's total; `counts` is what else the phase found, for a log."""

    def __init__(self, step: Callable[[int], object] = lambda amount: None) -> None:  # noqa: ARG005 - nobody hears
        """Call `step` with each amount."""
        self._step = step
        self.counts: dict[str, object] = {}

    def __call__(self, amount: int) -> None:
        """Count so many more."""
        self._step(amount)


class Reporter(Protocol):
    """Told of each phase of a run; `advance` within it counts `unit`s towards `total`."""

    def phase(self, name: str, total: int, unit: str) -> AbstractContextManager[Advance]:
        """Begin a phase; leaving the context ends it."""
        ...

    def say(self, text: str) -> None:
        """Tell something that was found on the way, in a line."""
        ...


class Silent:
    """Says nothing."""

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        """Begin a phase that nobody hears of."""
        del name, total, unit
        yield Advance()

    def say(self, text: str) -> None:
        """Keep it."""
        del text


class Bars:
    """A bar for each phase on a terminal; one line per finished phase elsewhere."""

    def __init__(self, console: Console) -> None:
        """Draw on `console` (standard error, so that results on standard output stay clean)."""
        self.console = console

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        """Draw the phase while it lasts."""
        begun = time.monotonic()
        if not _draws(self.console):
            yield Advance()  # the line at the end says it all
        else:
            columns = (
                TextColumn("{task.description:<10}"),
                BarColumn(),
                *([DownloadColumn()] if unit == "bytes" else [MofNCompleteColumn(), TextColumn(unit)]),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=self.console, transient=True) as bars:
                task = bars.add_task(name, total=total)
                yield Advance(lambda amount: bars.advance(task, amount))
        done = f"{total / 1e6:>12,.1f} MB      " if unit == "bytes" else f"{total:>12,} {unit:<8}"
        self.console.print(f"{name:<10} {done} {time.monotonic() - begun:6.1f} s", highlight=False)

    def say(self, text: str) -> None:
        """Print the line, above the bars."""
        self.console.print(spelled(text), highlight=False, markup=False)


def _draws(console: Console) -> bool:
    """Say whether bars can be drawn: `FORCE_COLOR` makes a pipe colourful, not a terminal whose cursor moves."""
    moves = console.is_terminal and not console.is_dumb_terminal
    return moves and (console.file.isatty() or "FORCE_COLOR" not in os.environ)


class JsonLines:
    """One JSON object per beginning and end of a phase, for machines: the end has its seconds, and what was counted."""

    def __init__(self, stream: IO[str]) -> None:
        """Write to `stream`, a line at a time."""
        self.stream = stream

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        """Say when the phase begins and ends, and how far it came."""
        begun, done = time.monotonic(), 0
        self._say(event="begin", phase=name, total=total, unit=unit)

        def step(amount: int) -> None:
            nonlocal done
            done += amount

        advance = Advance(step)
        yield advance
        seconds = round(time.monotonic() - begun, 3)
        self._say(event="end", phase=name, done=done, total=total, unit=unit, seconds=seconds, **advance.counts)

    def say(self, text: str) -> None:
        """Say it as an event of its own."""
        self._say(event="note", text=text)

    def _say(self, **event: object) -> None:
        self.stream.write(json.dumps(event) + "\n")
        self.stream.flush()
