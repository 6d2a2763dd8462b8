"""The local engine: threads and processes give the same in the same order, and leave nothing behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import mul
from pathlib import Path
from typing import Any

import pytest

from evenly.engines.local import LocalEngine
from evenly.errors import DataError, EvenlyError
from evenly.io.sources import sha256_of

THREADS, PROCESSES = 1_000, 1


@pytest.mark.parametrize("many", [THREADS, PROCESSES], ids=["threads", "processes"])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_items(many: int, workers: int) -> None:
    engine = LocalEngine(workers, many)
    assert list(engine.map(partial(mul, 3), list(range(40)), python=True)) == [3 * item for item in range(40)]
    assert list(engine.map(partial(mul, 3), [], python=True)) == []


def test_work_in_python_goes_to_processes_and_other_work_stays_here() -> None:
    engine = LocalEngine(2, PROCESSES)
    where = partial(eval, "__import__('os').getpid()")
    assert os.getpid() not in set(engine.map(where, [{}] * 4, python=True))
    assert set(engine.map(where, [{}] * 4)) == {os.getpid()}


@pytest.mark.parametrize("many", [THREADS, PROCESSES], ids=["threads", "processes"])
def test_an_error_of_one_item_ends_the_map_as_it_is(many: int, tmp_path: Path) -> None:
    with pytest.raises((DataError, FileNotFoundError), match="nothing-here"):
        list(LocalEngine(2, many).map(sha256_of, [tmp_path / "nothing-here"] * 3, python=True))
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        list(LocalEngine(2, many).map(math.sqrt, [1.0, -1.0, 4.0], python=True))


def test_a_worker_that_dies_is_told_in_words_a_user_can_act_on() -> None:
    with pytest.raises(EvenlyError, match=r"ended before its work did.*memory"):
        list(LocalEngine(2, PROCESSES).map(os._exit, [1] * 4, python=True))


SCRIPT = """
import sys, time
from evenly.engines.local import LocalEngine
print("started", flush=True)
for _ in LocalEngine(2, 1).map(time.sleep, [0.1] * 3 + [600] * 3, python=True):
    print("working", flush=True)
"""


def children(of: int) -> list[int]:
    return [int(one) for task in Path(f"/proc/{of}/task").iterdir() for one in (task / "children").read_text().split()]


def runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.faults
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at processes the way Linux shows them")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_go_with_their_parent(sent: int) -> None:
    command: Any = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline(), parent.stdout.readline()] == ["started\n", "working\n"]
        workers = children(parent.pid)
        assert len(workers) >= 2
        parent.send_signal(sent)
        parent.wait(20)
    waited = time.monotonic() + 20
    while any(map(runs, workers)) and time.monotonic() < waited:
        time.sleep(0.1)
    assert not any(map(runs, workers))


def test_the_main_thread_takes_no_lock_of_an_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    # A signal's handler that raises in it would leave the lock taken, and workers would wait for it for ever.
    threads: set[int] = set()
    submit = ThreadPoolExecutor.submit

    def noted(self: ThreadPoolExecutor, *arguments: Any) -> Any:
        threads.add(threading.get_ident())
        return submit(self, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", noted)
    assert list(LocalEngine(2).map(abs, range(-50, 0))) == list(range(50, 0, -1))
    assert LocalEngine(2).fold(abs, range(-50, 0), sum) == 50 * 51 // 2
    assert threads
    assert threading.main_thread().ident not in threads


def test_a_map_that_is_left_early_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    for left_after in (0, 1, 7):
        results = LocalEngine(2).map(abs, range(1_000))
        for _ in range(left_after):
            next(results)
        results.close()  # pyright: ignore[reportAttributeAccessIssue] - a generator, by its protocol an iterator
        assert threading.active_count() == before
