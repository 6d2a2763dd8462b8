"""The local engine: threads of this process, and processes of their own for work that is Python's.

Polars, the tokenizer and hashing release Python's lock, so that threads keep every core busy. Parsing does not: two
threads that parse, clean and count took 1.3 times as long as two processes. A process costs a second and a half before
its first piece (it loads the libraries and the tokenizer anew), so that few pieces stay with threads.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from _thread import start_new_thread
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from evenly.engines.base import Tree, itself
from evenly.engines.machine import cores, memory
from evenly.errors import EvenlyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evenly.engines.base import Item, Outcome, Result

MANY: Final = 16
"""Items from which work in Python goes to processes of its own."""

WORKER_BYTES: Final = 2**30
"""Memory that a worker process may take: no more of them are started than that leaves room for."""

HEARTBEAT: Final = 1.0
"""Seconds after which a worker notices that its parent is gone."""

ALONE: Final = {"POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1"}
"""A worker process is one of as many as there are cores: its libraries start no threads beside it."""


class LocalEngine:
    """Runs a map on threads or processes, one per core by default."""

    name = "local"

    def __init__(self, workers: int | None = None, many: int = MANY) -> None:
        """Use `workers` threads or processes; work in Python goes to processes from `many` items on."""
        self.workers = workers or cores()
        self.many = many

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, python: bool = False
    ) -> Iterator[Result]:
        """Yield results in the items' order; at most two pieces per worker are under way.

        Raises:
            EvenlyError: when a worker process ends before its work does.
        """
        apart = python and self.workers > 1 and len(items) >= self.many
        return _aside(partial(self._in_processes if apart else self._in_threads, function, items))

    def fold(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        combine: Callable[[list[Result]], Result],
        finish: Callable[[Result], Outcome] = itself,
        advance: Callable[[int], object] = itself,
    ) -> Outcome:
        """Return `finish` of what all items' results are combined to."""
        tree = Tree(combine)
        for result in self.map(function, items):
            tree.add(result)
            advance(1)
        return finish(tree.root())

    def _in_threads(
        self, function: Callable[[Item], Result], items: Sequence[Item], stopped: threading.Event
    ) -> Iterator[Result]:
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="evenly")
        try:
            yield from _in_order(lambda item: pool.submit(function, item), items, 2 * self.workers, stopped)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _in_processes(
        self, function: Callable[[Item], Result], items: Sequence[Item], stopped: threading.Event
    ) -> Iterator[Result]:
        # Loads slowly and is seldom needed. Its workers do not import the user's script again, as Python's own would.
        import cloudpickle  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
        from loky import ProcessPoolExecutor  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
        from loky.process_executor import BrokenProcessPool  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

        workers = min(self.workers, len(items), max(1, memory() // WORKER_BYTES))
        # Each worker is given the function once, as it begins, instead of with every item.
        given = (os.getpid(), cloudpickle.dumps(function))
        pool: Any = ProcessPoolExecutor(workers, env=ALONE, initializer=_begin, initargs=given)
        finished = False
        try:
            yield from _in_order(partial(pool.submit, _call), items, 2 * workers, stopped)
            finished = not stopped.is_set()
        except BrokenProcessPool:
            message = (
                "workers: a process ended before its work did; most likely the machine had no memory left (each "
                f"of {workers} workers takes about half a GB). Close other programs and run again."
            )
            raise EvenlyError(message) from None
        finally:
            pool.shutdown(wait=True, kill_workers=not finished)


def _in_order(
    submit: Callable[[Item], Future[Result]], items: Sequence[Item], under_way: int, stopped: threading.Event
) -> Iterator[Result]:
    """Yield results in the items' order, until all are there or it is stopped."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= under_way and _settled(waiting[0], stopped):
            yield waiting.popleft().result()
        if stopped.is_set():
            return
    while waiting and _settled(waiting[0], stopped):
        yield waiting.popleft().result()


def _settled(future: Future[Any], stopped: threading.Event) -> bool:
    """Wait for a future; return False when it is stopped before."""
    while not wait([future], HEARTBEAT / 10).done:
        if stopped.is_set():
            return False
    return True


def _aside(results: Callable[[threading.Event], Iterator[Result]]) -> Iterator[Result]:
    """Yield results that a thread of its own waits for.

    A signal's handler that raises (Ctrl-C, TERM) does so in the main thread, wherever that is: within a lock of an
    executor, it would leave the lock taken, and the workers would wait for it for ever. Here that thread waits on
    queues alone, which leave nothing behind; and it looks up now and then, since Polars hooks Ctrl-C in a way that does
    not wake who waits.
    """
    given: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    taken: SimpleQueue[None] = SimpleQueue()
    stopped = threading.Event()
    over: list[bool] = []

    def feed() -> None:
        """Hand over one result after the other, each once the one before was taken."""
        try:
            for result in results(stopped):
                given.put(("result", result))
                taken.get()
        except BaseException as fault:  # noqa: BLE001 - raised where the results are asked for
            given.put(("fault", fault))
        else:
            given.put(("end", None))
        over.append(True)

    start_new_thread(feed, ())
    try:
        while True:
            try:
                kind, value = given.get(timeout=HEARTBEAT / 10)
            except Empty:
                continue
            if kind == "fault":
                raise value
            if kind == "end":
                return
            yield value
            taken.put(None)
    finally:
        stopped.set()
        while not over:  # until the workers are done
            taken.put(None)
            time.sleep(HEARTBEAT / 1_000)


_function: Callable[[Any], Any]
"""What a worker process was begun for."""


def _call(item: Any) -> Any:  # noqa: ANN401 - what the function takes and gives
    return _function(item)


def _begin(parent: int, function: bytes) -> None:
    """Take over the function of a worker; leave interrupts to the parent, and go when it goes, however it goes."""
    global _function  # noqa: PLW0603 - a worker process does one thing
    _function = pickle.loads(function)  # noqa: S301 - sent by this process's parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        """End this process once its parent is another."""
        while os.getppid() == parent:
            time.sleep(HEARTBEAT)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
