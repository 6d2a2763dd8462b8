"""The Ray engine: what the local one gives, whatever happens to its workers; and one line for what can't be had."""

from __future__ import annotations

import math
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from operator import add, mul
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

import evenly
from evenly.catalogue import write_catalogue
from evenly.catalogue.recipe import demo_recipe_text
from evenly.engines.local import LocalEngine
from evenly.engines.ray import RayEngine, opened
from evenly.errors import DataError, EvenlyError, UserError
from evenly.io.sources import sha256_of
from evenly.reporting.progress import Advance, Silent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator


@pytest.fixture
def engine(_ray: None) -> Iterator[RayEngine]:
    with opened(None, 2) as found:
        yield found


def the_ray() -> Any:
    """Return the module, which Evenly has imported by now: it would not be kept on this machine otherwise."""
    return sys.modules["ray"]


def joined(parts: list[list[int]]) -> list[int]:
    return [item for part in parts for item in part]


def doubled(item: int) -> list[int]:
    return [item, 2 * item]


@pytest.mark.parametrize("items", [0, 1, 2, 7, 8, 9, 65, 200])
def test_maps_and_folds_are_those_of_the_local_engine(engine: RayEngine, items: int) -> None:
    local = LocalEngine(2)
    assert list(engine.map(partial(mul, 3), range(items))) == [3 * item for item in range(items)]
    if not items:
        return
    done: dict[str, list[int]] = {"ray": [], "local": []}
    for one in (engine, local):
        found = one.fold(doubled, range(items), joined, sum, done[one.name].append)
        assert found == sum(3 * item for item in range(items))
        assert one.fold(doubled, range(items), joined) == joined([doubled(item) for item in range(items)])
    assert done["ray"] == done["local"] == [1] * items


def test_both_engines_add_floats_in_the_same_order(engine: RayEngine) -> None:
    # added one after the other, these give other digits
    items = [item**0.5 for item in range(1_000)]
    plain = partial(add, 0.0)
    assert engine.fold(plain, items, sum) == LocalEngine(3).fold(plain, items, sum) != sum(items)


def test_an_error_of_one_item_ends_the_map_as_it_is(engine: RayEngine, tmp_path: Path) -> None:
    with pytest.raises((DataError, FileNotFoundError), match="nothing-here"):
        list(engine.map(sha256_of, [tmp_path / "nothing-here"] * 3))
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        list(engine.map(math.sqrt, [1.0, -1.0, 4.0]))
    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        engine.fold(math.sqrt, [1.0, -1.0, 4.0], sum)
    assert list(engine.map(math.sqrt, [4.0])) == [2.0]


def test_a_piece_whose_workers_die_every_time_is_told_in_words(engine: RayEngine) -> None:
    with pytest.raises(EvenlyError, match=r"lost 4 times.*died.*engine\.workers"):
        list(engine.map(os._exit, [1]))
    with pytest.raises(EvenlyError, match=r"lost 4 times.*died.*engine\.workers"):
        engine.fold(os._exit, [1, 1], sum)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("OutOfMemoryError", r"want of memory.*engine\.workers"),
        ("NodeDiedError", r"NodeDiedError.*machines died"),
        ("RaySystemError", r"RaySystemError.*engine\.workers"),
    ],
)
def test_what_befalls_a_cluster_is_told_in_words(engine: RayEngine, fault: str, told: str) -> None:
    real = the_ray()

    def fail(references: Any) -> Any:
        del references
        died = "the node is gone"
        raise getattr(real.exceptions, fault)(died)

    cluster: Any = SimpleNamespace(**{name: getattr(real, name) for name in ("remote", "put", "cancel", "exceptions")})
    cluster.get = fail
    faulty = RayEngine(cluster, engine.workers)
    with pytest.raises(EvenlyError, match=told) as caught:
        list(faulty.map(math.sqrt, [1.0]))
    assert "\n" not in str(caught.value)


def test_a_file_that_workers_elsewhere_do_not_see_is_told_with_what_to_share(
    engine: RayEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(the_ray(), "nodes", lambda: [{}, {}])  # a cluster of two
    with pytest.raises(EvenlyError, match=r"nothing-here: a worker could not use it.*EVENLY_CACHE.*every machine"):
        list(engine.map(Path.read_bytes, [tmp_path / "nothing-here"]))


def workers() -> list[int]:
    """Return the workers of this process's Ray that have something to do."""
    return [process for raylet in children(os.getpid()) for process in children(raylet) if at_work(process)]


def children(process: int) -> list[int]:
    """Return the processes that a process has started, none where it has ended."""
    found: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_bytes().split())
    return found


def at_work(process: int) -> bool:
    """Tell whether a process is a worker of Ray that runs a function of ours."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::_")
    return False


class Killing(Silent):
    """Kills a worker that is at work, once in each of some phases."""

    def __init__(self, phases: set[str]) -> None:
        self.phases = phases
        self.killed: list[str] = []

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        del total, unit
        over = threading.Event()

        def kill() -> None:
            while not over.wait(0.002):
                for process in workers():
                    os.kill(process, signal.SIGKILL)
                    self.killed.append(name)
                    return

        thread = threading.Thread(target=kill, daemon=True)
        if name in self.phases:
            thread.start()
        yield Advance()
        over.set()
        if name in self.phases:
            thread.join()


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif(
    not Path(f"/proc/self/task/{os.getpid()}/children").exists(), reason="looks for processes the Linux way"
)
@pytest.mark.usefixtures("_ray")
def test_workers_that_are_killed_on_the_way_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalogue(tmp_path / "catalogue", 30_000)
    text = demo_recipe_text(22_000, 42).replace("template:", "  - unique: {columns: title}\ntemplate:", 1)
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    manifests: list[dict[str, Any]] = []
    killing = Killing({"curate", "duplicates", "census", "select", "gather", "write"})
    for name, reporter in (("local", Silent()), ("ray", killing)):
        monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / f"cache-{name}"))
        done = evenly.run(tmp_path / "recipe.yaml", tmp_path / name, engine=name, reporter=reporter)
        manifests.append(done.manifest)
        quarantine = (tmp_path / name / "quarantine.jsonl").read_bytes()
        assert len(quarantine.splitlines()) == done.manifest["rows"]["quarantined"] > 0
    local, other = manifests
    assert len(set(killing.killed)) >= 4, killing.killed
    for key in ("rows", "strata", "balance", "files", "selection_digest", "recipe_fingerprint", "pool_fingerprint"):
        assert local[key] == other[key], key
    assert other["engine"] == {"name": "ray"}


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads sockets the Linux way")
def test_a_ray_that_is_started_here_listens_on_this_machine_alone(engine: RayEngine) -> None:
    list(engine.map(time.sleep, [0.1] * 4))
    folder = the_ray()._private.worker._global_node.get_session_dir_path()
    inodes: set[str] = set()
    processes = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mine = folder.encode() in (process / "cmdline").read_bytes() or process.name == str(os.getpid())
            mine |= (process / "cmdline").read_bytes().startswith(b"ray::")
            links = [str(one.readlink()) for one in (process / "fd").iterdir()] if mine else []
        except OSError:
            continue
        processes += mine
        inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
    assert processes > 4
    listening: list[str] = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening.append(fields[1].partition(":")[0])
    assert len(listening) >= 4
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F"}, listening


def refused(tmp_path: Path, address: str, script: str = "") -> str:
    """Return what a run by itself says when it asks for a cluster at an address."""
    body = f"{script}\nimport evenly.engines.ray as r\nwith r.opened({address!r}, 2):\n    print('opened')"
    caught = "import sys, evenly\ntry:\n    exec(sys.argv[1])\nexcept evenly.UserError as fault:\n    print(fault)"
    done = subprocess.run(
        [sys.executable, "-c", caught, body], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
    )
    return done.stdout.strip()


def test_an_address_where_nobody_answers_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = f"127.0.0.1:{free.getsockname()[1]}"
    told = refused(tmp_path, closed)
    assert re.match(rf"recipe\.engine\.address: no Ray cluster can be used at '{closed}': .*refused.*ray start", told)
    assert "\n" not in told
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        told = refused(
            tmp_path, f"127.0.0.1:{deaf.getsockname()[1]}", "import evenly.engines.ray as r; r.TIMEOUT = 0.5"
        )
    assert "what listens there is no Ray" in told
    assert "no Ray cluster can be used at 'nowhere'" in refused(tmp_path, "nowhere")


def test_without_ray_the_way_to_it_is_told(tmp_path: Path) -> None:
    told = refused(tmp_path, "auto", "import sys; sys.modules['ray'] = None")
    assert told == "--engine ray: Ray is not installed. Install it (pip install 'evenly[ray]'), or use --engine local."


def test_workers_without_evenly_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from evenly.engines import ray as module

    # as Ray tells of a function that a worker can't load
    told = "The remote function failed to import\n\nTraceback …\nModuleNotFoundError: No module named 'evenly'\n"
    engine: Any = SimpleNamespace(map=Mock(side_effect=RuntimeError(told)))
    monkeypatch.setattr(module, "_versions", lambda _: {"evenly": "1.0"})
    with pytest.raises(
        UserError, match=r"can't load Evenly 1\.0: ModuleNotFoundError: No module named 'evenly'\. Inst"
    ):
        module._refuse_other_versions(engine)  # pyright: ignore[reportPrivateUsage]


def test_another_version_there_is_refused(engine: RayEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    from evenly.engines import ray as module

    refuse = module._refuse_other_versions  # pyright: ignore[reportPrivateUsage]
    refuse(engine)
    monkeypatch.setattr(module, "version", lambda name: "9.9" if name == "polars" else evenly.__version__)
    with pytest.raises(UserError, match=r"other versions:.*polars [\d.]+ there, 9\.9 here.*Install the same"):
        refuse(engine)


def test_the_folder_of_a_killed_process_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evenly.engines import ray

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead, mine, others = (f"evenly-ray-{process}-ab12" for process in (2**22 + 1, os.getpid(), "old"))
    for name in (dead, mine, others, "other"):
        (tmp_path / name).mkdir()
    made = Path(ray._folder()).name
    assert {path.name for path in tmp_path.iterdir()} == {made, mine, others, "other"}
