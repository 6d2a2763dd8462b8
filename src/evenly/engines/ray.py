"""The Ray engine: the same maps and folds as tasks of a cluster, or of as many worker processes on this machine.

A function goes into the object store once; a task that a dead worker or machine took with it is done again. Results
that are combined stay where they are, only the end of a fold comes to the caller. (What takes less than 100 kB Ray
keeps with the caller.) Started here, Ray listens on 127.0.0.1 alone, has no dashboard, and reports no usage.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections import deque
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evenly.engines.base import Tree, itself
from evenly.engines.local import ALONE
from evenly.engines.machine import cores, lives
from evenly.errors import EvenlyError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from types import ModuleType

    from evenly.engines.base import Item, Outcome, Result

RETRIES: Final = 3
"""Times that a task is done again whose worker died."""

TIMEOUT: Final = 10.0
"""Seconds in which an address has to answer."""

SETTINGS: Final = b"\x04"
"""Type of HTTP/2's frame of settings."""

STORE_BYTES: Final = 10**9
"""Shared memory of a Ray that is started here: what waits to be combined; more goes to disk."""

FOLDER: Final = "evenly-ray-"
"""What the names of such folders begin with; the number of the process comes next."""

LONGEST_FOLDER: Final = 8
"""Characters of the folder for temporary files up to which Ray's sockets fit into a folder of our own there."""

QUIET: Final = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}

ALONE_HERE: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Keeps a Ray of one machine on 127.0.0.1, as it is on macOS and Windows anyway; read when `ray` is imported."""

PASSED_ON: Final = ("EVENLY_CACHE", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE")
"""Environment variables that workers on other machines share; where they name folders, these are shared ones."""

HERE: Final = "127.0.0.1"


class RayEngine:
    """Runs maps and folds on Ray: on the cluster at `address`, else on this machine."""

    name = "ray"

    def __init__(self, ray: ModuleType, workers: int | None) -> None:
        """Use a Ray that is connected; `opened` makes engines."""
        self._ray: Any = ray
        self.workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._apply: Any = ray.remote(max_retries=RETRIES)(_apply)
        self._combine: Any = ray.remote(max_retries=RETRIES)(_combine)
        self._context = Path.cwd(), {name: os.environ[name] for name in PASSED_ON if name in os.environ}

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, python: bool = False
    ) -> Iterator[Result]:
        """Yield results in the items' order; at most two pieces per worker are under way.

        Raises:
            EvenlyError: when workers died, or lacked memory or access to files, again and again.
        """
        del python  # every worker is a process
        shared = [self._ray.put((self._context, function))]
        waiting: deque[Any] = deque()
        with self._told():
            try:
                for item in items:
                    waiting.append(self._apply.remote(shared, item))
                    if len(waiting) >= 2 * self.workers:
                        yield self._ray.get(waiting.popleft())
                while waiting:
                    yield self._ray.get(waiting.popleft())
            finally:
                for task in waiting:
                    self._ray.cancel(task)

    def fold(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        combine: Callable[[list[Result]], Result],
        finish: Callable[[Result], Outcome] = itself,
        advance: Callable[[int], object] = itself,
    ) -> Outcome:
        """Return `finish` of what all items' results are combined to, where they are.

        Raises:
            EvenlyError: when workers died, or lacked memory or access to files, again and again.
        """
        leaf, inner, end = ([self._ray.put((self._context, one))] for one in (function, combine, finish))
        tree: Tree[Any] = Tree(lambda several: self._combine.remote(inner, *several))
        waiting: deque[Any] = deque()
        with self._told():
            try:
                for item in items:
                    waiting.append(self._apply.remote(leaf, item))
                    tree.add(waiting[-1])
                    if len(waiting) >= 2 * self.workers:
                        self._settle(waiting.popleft(), advance)
                root = tree.root()
                while waiting:
                    self._settle(waiting.popleft(), advance)
                return self._ray.get(self._apply.remote(end, root))
            finally:
                for task in waiting:
                    self._ray.cancel(task)

    def _settle(self, task: Any, advance: Callable[[int], object]) -> None:  # noqa: ANN401 - Ray's reference
        """Wait for a task without fetching what it gives; a task that failed raises at the end of the fold."""
        self._ray.wait([task], fetch_local=False)
        advance(1)

    @contextmanager
    def _told(self) -> Generator[None]:
        """Tell what became of a task as Evenly's errors; those that it raised itself come as they are."""
        errors = self._ray.exceptions
        try:
            yield
        except errors.RayTaskError as fault:
            cause = fault.cause  # of a fold: what befell one of the tasks before
            raise (self._lost(cause) if isinstance(cause, (errors.RayError, OSError)) else cause) from None
        except errors.RayError as fault:
            raise self._lost(fault) from None

    def _lost(self, fault: Exception) -> Exception:
        """Return what to tell of a fault of the cluster, or of files that its machines do not share."""
        if isinstance(fault, OSError):
            if len(self._ray.nodes()) == 1:
                return fault
            return EvenlyError(
                f"{fault.filename or 'a file'}: a worker could not use it: {fault.strerror or fault}. Put inputs, "
                "cache (EVENLY_CACHE) and output where every machine of the cluster sees them under the same path."
            )
        if isinstance(fault, self._ray.exceptions.OutOfMemoryError):
            return EvenlyError(
                f"--engine ray: workers were ended for want of memory, {RETRIES} times over. Use fewer workers "
                "(engine.workers in the recipe) or machines with more memory; a worker takes about half a GB."
            )
        return EvenlyError(
            f"--engine ray: a piece of work was lost {RETRIES + 1} times ({type(fault).__name__}): its workers or "
            "their machines died, most often for want of memory. Use fewer workers (engine.workers in the recipe)."
        )


@contextmanager
def opened(address: str | None, workers: int | None) -> Generator[RayEngine]:
    """Yield an engine on the cluster at `address` (`auto`: the one of this machine), or on this machine.

    A Ray that this process is connected to already is used as it is; any other is left or stopped at the end.

    Raises:
        UserError: when Ray is not installed, the address does not answer, or workers have another Evenly.
    """
    ray = _imported(QUIET if address else QUIET | ALONE_HERE)
    if ray.is_initialized():
        yield RayEngine(ray, workers)
        return
    kept = signal.getsignal(signal.SIGTERM)
    short = len(tempfile.gettempdir()) <= LONGEST_FOLDER
    folder = _folder() if short and not address else None
    try:
        if address:
            _connect(ray, address)
        else:
            _start(ray, workers or cores(), folder)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, kept)  # Ray puts its own there
        engine = RayEngine(ray, workers)
        _refuse_other_versions(engine)
        yield engine
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _folder() -> str:
    """Make a folder for what a Ray of this process keeps; those of processes that were killed are deleted."""
    for path in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        process = path.name.removeprefix(FOLDER).partition("-")[0]
        if process.isdecimal() and not lives(process):
            shutil.rmtree(path, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-")


def _imported(environment: dict[str, str]) -> Any:  # noqa: ANN401 - Ray has no types for all of it
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    try:
        import ray  # noqa: PLC0415 - an extra that loads slowly
    except ImportError:
        message = "--engine ray: Ray is not installed. Install it (pip install 'evenly[ray]'), or use --engine local."
        raise UserError(message) from None
    return ray


def _start(ray: Any, workers: int, folder: str | None) -> None:  # noqa: ANN401
    """Start a Ray of this machine."""
    before = {name: os.environ.get(name) for name in ALONE}
    os.environ.update(ALONE)  # workers inherit it; this process has read its own already
    try:
        ray.init(
            num_cpus=workers,
            object_store_memory=STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="critical",
            _node_ip_address=HERE,
            _temp_dir=folder,
            _system_config={"task_oom_retries": RETRIES},
        )
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    if ray.util.get_node_ip_address() != HERE:
        message = (
            "--engine ray: `ray` was imported before Evenly could keep it on 127.0.0.1. Let Evenly import it, or call "
            "ray.init() yourself: Evenly uses the Ray that it finds."
        )
        raise UserError(message)


def _connect(ray: Any, address: str) -> None:  # noqa: ANN401
    """Connect to a cluster."""
    try:
        _knock(address)
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="critical",
            runtime_env={"env_vars": dict(ALONE)},
        )
    except (OSError, RuntimeError, ImportError, ValueError, ConnectionError) as fault:
        reason = str(fault).strip().partition("\n")[0].rstrip(".") or type(fault).__name__
        message = (
            f"recipe.engine.address: no Ray cluster can be used at '{address}': {reason}. Start one with `ray start "
            "--head`, give its address (host:6379, or auto on one of its machines), or leave the address out."
        )
        raise UserError(message) from None


def _knock(address: str) -> None:
    """Refuse an address where nobody answers, or not as Ray does; Ray itself would try for a quarter of an hour.

    Raises:
        OSError: saying why.
    """
    host, _, port = address.rpartition(":")
    if not host or "://" in host or not port.isdecimal():
        return
    with socket.create_connection((host.strip("[]"), int(port)), TIMEOUT) as knocking:
        try:
            frame = knocking.recv(9)  # a gRPC server begins with a frame of its settings
        except TimeoutError:
            frame = b""
        if frame[3:4] != SETTINGS and os.environ.get("RAY_USE_TLS") != "1":
            message = "what listens there is no Ray"
            raise OSError(message)


def _refuse_other_versions(engine: RayEngine) -> None:
    """Refuse workers that would not give the same bytes: those without Evenly, or with another."""
    ours = _versions(None)
    try:
        theirs = next(engine.map(_versions, [None]))
    except (ImportError, RuntimeError, EvenlyError) as fault:
        reason = str(fault).strip().splitlines()[-1].rstrip(".")  # of a worker's traceback, where Ray shows one
        message = f"--engine ray: the cluster's workers can't load Evenly {ours['evenly']}: {reason}. Install it there."
        raise UserError(message) from None
    different = [f"{name} {theirs[name]} there, {ours[name]} here" for name in ours if theirs[name] != ours[name]]
    if different:
        message = f"--engine ray: the cluster's workers have other versions: {', '.join(different)}. Install the same."
        raise UserError(message)


def _versions(nothing: None) -> dict[str, str]:
    del nothing
    return {name: version(name) for name in ("evenly", "polars", "polars-hash", "fastokens")}


def _apply(shared: list[Any], item: Any) -> Any:  # noqa: ANN401 - what the function takes and gives
    return _function(shared[0])(item)


def _combine(shared: list[Any], *results: Any) -> Any:  # noqa: ANN401
    return _function(shared[0])(list(results))


@lru_cache(maxsize=4)
def _function(reference: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - Ray's reference
    """Return a function from the object store, once in each worker; and work where its caller does.

    To read it imports what it takes. A task that is cancelled meanwhile takes its worker with it: libraries that are
    half imported stay so, and every later task of that worker would fail.
    """
    ray = sys.modules["ray"]
    try:
        (folder, environment), function = ray.get(reference)
    except KeyboardInterrupt:
        os._exit(1)
    os.environ.update(environment)
    if folder.is_dir():
        os.chdir(folder)
    return function
