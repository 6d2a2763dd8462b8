"""Work that takes a while, in a thread of its own: how far it is can be read at any time, and it can be called off.

One at a time: runs share the machine's cores and the cache, and a second one would only make both late.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from evenly.errors import Cancelled, EvenlyError, UserError
from evenly.reporting.design import spelled
from evenly.reporting.progress import Advance

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from evenly.reporting.progress import Reporter

State = Literal["running", "done", "failed", "cancelled"]

NOTES: Final = 20
"""Lines that work said on its way and that are kept: the newest."""

_LOG: Final = logging.getLogger("evenly.web")


@dataclass(eq=False)
class _Phase:
    """A phase under way, `done` of `total` `unit`s."""

    name: str
    total: int
    unit: str
    done: int = 0
    begun: float = field(default_factory=time.monotonic)


class Progress:
    """A reporter that keeps what it is told, for another thread to read; work goes no further once it is cancelled.

    `advance` takes a lock and adds: some 200 ns, so that work may call it as often as it likes.
    """

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._lock = threading.Lock()
        self._cancelled = False
        self._changes = 0
        self._under_way: list[_Phase] = []
        self._left: _Phase | None = None
        self._ended: list[tuple[str, float]] = []
        self._notes: deque[str] = deque(maxlen=NOTES)

    @property
    def changes(self) -> int:
        """A number that grows with whatever is told."""
        return self._changes

    @property
    def cancelled(self) -> bool:
        """Whether the work is to stop at its next step."""
        return self._cancelled

    def cancel(self) -> None:
        """Let the next step of the work, a phase's beginning or an advance, raise Cancelled."""
        with self._lock:
            self._cancelled = True
            self._changes += 1

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        """Begin a phase; of phases within each other the innermost is told. One that fails stays the last told.

        The end of a phase is no step: what was done to its end is done.

        Raises:
            Cancelled: once it is.
        """
        one = _Phase(name, total, unit)
        self._step(one, 0)
        with self._lock:
            self._under_way.append(one)
            self._left = None
            self._changes += 1
        try:
            yield Advance(partial(self._step, one))
        except BaseException:
            self._leave(one, finished=False)
            raise
        self._leave(one, finished=True)

    def say(self, text: str) -> None:
        """Keep the line, with nothing hidden in it."""
        with self._lock:
            self._notes.append(spelled(text))
            self._changes += 1

    def told(self) -> dict[str, Any]:
        """Return `phase` (empty between two), its `done`, `total`, `unit`; `phases` [[name, seconds]], `notes`."""
        with self._lock:
            now = self._under_way[-1] if self._under_way else self._left or _Phase("", 0, "")
            return {
                "phase": now.name,
                "done": now.done,
                "total": now.total,
                "unit": now.unit,
                "phases": [[name, seconds] for name, seconds in self._ended],
                "notes": list(self._notes),
            }

    def _step(self, one: _Phase, amount: int) -> None:
        if self._cancelled:
            message = "cancelled."
            raise Cancelled(message)
        with self._lock:
            one.done += amount
            self._changes += 1

    def _leave(self, one: _Phase, *, finished: bool) -> None:
        with self._lock:
            self._under_way.remove(one)
            if finished:
                self._ended.append((one.name, round(time.monotonic() - one.begun, 3)))
            elif self._left is None:
                self._left = one
            self._changes += 1


@dataclass(eq=False)
class _Job:
    """A piece of work, and what came of it."""

    number: int
    kind: str
    name: str
    progress: Progress = field(default_factory=Progress)
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    state: State = "running"
    text: str = ""
    result: dict[str, Any] | None = None


class Jobs:
    """The newest job, running or over."""

    def __init__(self) -> None:
        """Begin without one."""
        self._lock = threading.Lock()
        self._job: _Job | None = None
        self._thread: threading.Thread | None = None
        self._before = 0
        self._closed = False

    @property
    def changed(self) -> int:
        """A number that grows with every change of what `told` returns, but for the seconds; cheap to look at."""
        with self._lock:
            return self._before + (0 if self._job is None else self._job.progress.changes)

    def start(self, kind: str, name: str, work: Callable[[Reporter], dict[str, Any]]) -> None:
        """Begin some work, a `kind` of command over what is called `name`; it returns plain data, and hears of cancels.

        Raises:
            UserError: while another is running, and after `close`.
        """
        with self._lock:
            if self._closed:
                message = "studio: it is closing, and nothing new begins. Start it again."
                raise UserError(message)
            last = self._job
            if last is not None and last.state == "running":
                message = (
                    f"{kind} {name}: {last.kind} {last.name} is still at work. Wait until it has ended, or cancel it."
                )
                raise UserError(message)
            job = _Job(1 if last is None else last.number + 1, kind, name)
            # A daemon: a server that has to go does not wait for what can't be called off.
            thread = threading.Thread(target=self._do, args=(job, work), name="evenly-job", daemon=True)
            thread.start()  # it waits for the lock before it says that it has ended
            self._before += 1 + (0 if last is None else last.progress.changes)
            self._job, self._thread = job, thread

    def cancel(self) -> None:
        """Call the running job off, if there is one: it ends at its next step, as a run ends that is interrupted.

        A job that takes no further step is done: what it made is there.
        """
        with self._lock:
            if self._job is not None and self._job.state == "running":
                self._job.progress.cancel()

    def told(self) -> dict[str, Any] | None:
        """Return the newest job as plain data, or None before the first.

        It has `number` (from 1), `kind`, `name`, `state` (running, done, failed, cancelled), `stopping` (whether it is
        cancelled and still running), what `Progress.told` has, `seconds`, `text` (why it failed, and what is kept),
        `result` (what the work returned).
        """
        with self._lock:
            job = self._job
            if job is None:
                return None
            running = job.state == "running"
            return {
                "number": job.number,
                "kind": job.kind,
                "name": job.name,
                "state": job.state,
                "stopping": running and job.progress.cancelled,
                **job.progress.told(),
                "seconds": round(time.monotonic() - job.begun if running else job.seconds, 3),
                "text": job.text,
                "result": job.result,
            }

    def close(self, seconds: float) -> None:
        """Call off what is running, begin nothing more, and wait for the end, so many seconds at most."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self.cancel()
        if thread is not None:
            thread.join(seconds)

    def _do(self, job: _Job, work: Callable[[Reporter], dict[str, Any]]) -> None:
        """Do the work and say how it ended, whatever it raises."""
        result: dict[str, Any] | None = None
        text, state = "", "done"
        try:
            result = work(job.progress)
        except Cancelled as fault:
            text, state = _text(fault), "cancelled"
        except BaseException as fault:  # noqa: BLE001 - Polars' panics too; a thread that is silent looks like work
            text, state = _text(fault), "failed"
        with self._lock:
            job.seconds = time.monotonic() - job.begun
            job.state, job.text, job.result = state, text, result
            self._before += 1


def _text(fault: BaseException) -> str:
    """Return what is shown of a fault: of Evenly's, all of it; of a system's, as the commands tell it.

    Of any other its kind and message are shown, and its traceback is for the terminal.
    """
    if isinstance(fault, EvenlyError):
        told = fault
    elif isinstance(fault, OSError):
        told = EvenlyError(f"{fault.filename or 'system'}: {fault.strerror or fault}.")
    else:
        _LOG.error("a job of the studio failed", exc_info=fault)
        reason = next(iter(str(fault).strip().splitlines()), "")
        told = EvenlyError(f"internal: {': '.join(filter(None, (type(fault).__name__, reason)))}. Please report this.")
    return "\n".join(map(str, [told, *map(EvenlyError, getattr(fault, "__notes__", []))]))
