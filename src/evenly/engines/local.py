"""The local engine: threads of this process.

Threads suffice because the heavy parts (Polars, the tokenizer, hashing) release Python's lock; while one thread parses
JSON, which does not, another counts tokens. A few results at most wait for their turn, so that memory stays flat.
"""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from evenly.engines.base import Item, Result


class LocalEngine:
    """Runs a map on threads, one per core by default."""

    name = "local"

    def __init__(self, workers: int | None = None) -> None:
        """Use `workers` threads, by default as many as there are cores."""
        self.workers = workers or os.cpu_count() or 1

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield results in the items' order; at most two pieces per worker are under way."""
        waiting: deque[Future[Result]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="evenly")
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 2 * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
