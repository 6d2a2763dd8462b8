"""The cached pool: found by what it depends on, built anew when damaged, never seen half-built."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import polars as pl
import pytest

import evenly
from evenly.io import pool as pools
from evenly.io.cache import cache_folder, mark_use, scratch_folder
from evenly.io.pool import PoolIndex, building_folder, clear_pools, find_pool, finish, list_pools
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evenly.flow.run import RunResult


def build(name: str = "f00", word: str = "a") -> tuple[Path, PoolIndex]:
    """Build a small pool by hand, up to its finishing."""
    folder = building_folder(name)
    path = folder / "kept" / "000000-000000.parquet"
    pl.DataFrame({"__id__": [word], "n": ["7"], "b": ["true"], "x": ["1.5"], "t": ["8"]}).write_parquet(path)
    (folder / "quarantine.jsonl").touch()
    parts = [{"name": path.name, "rows": 1, "bytes": path.stat().st_size}]
    types = {"n": "integer", "b": "boolean", "x": "number", "t": "text"}
    return folder, PoolIndex(
        pools.VERSION, name, "recipe", [], [{"file": "d.jsonl", "first_line": 1}], parts, 1, 0, 1, {}, types, []
    )


def names(room: str = "pools") -> list[str]:
    return sorted(path.name for path in (cache_folder() / room).glob("[!.]*"))


# ---------------------------------------------------------------- by hand


def test_a_pool_is_found_once_it_is_finished() -> None:
    folder, index = build()
    assert find_pool("f00") is None
    made = finish(folder, index)
    assert names() == ["f00"]
    found = find_pool("f00")
    assert found == made
    assert found is not None
    assert found.index == index


def test_columns_have_the_type_that_all_values_share() -> None:
    made = finish(*build())
    frame = made.part(0)
    assert frame.row(0, named=True) == {"__id__": "a", "n": 7, "b": True, "x": 1.5, "t": "8"}
    assert made.part(0, ["x"]).columns == ["x"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda index: index.write_text(""),
        lambda index: index.write_text("[]"),
        lambda index: index.write_text("null"),
        lambda index: index.write_bytes(b"\xff"),
        lambda index: index.write_text(index.read_text()[:-20]),
        lambda index: index.write_text(index.read_text().replace('"kept"', '"kemt"', 1)),
        lambda index: index.unlink(),
        lambda index: (index.parent / "kept" / "000000-000000.parquet").unlink(),
        lambda index: (index.parent / "kept" / "000000-000000.parquet").write_bytes(b""),
        lambda index: os.truncate(index.parent / "kept" / "000000-000000.parquet", 50),
        lambda index: (index.parent / "quarantine.jsonl").unlink(),
    ],
)
def test_a_damaged_pool_counts_as_none_and_is_replaced(damage: Callable[[Path], object]) -> None:
    made = finish(*build())
    damage(made.folder / "pool.json")
    assert find_pool("f00") is None
    finish(*build(word="b"))
    found = find_pool("f00")
    assert found is not None
    assert found.part(0)["__id__"].to_list() == ["b"]
    assert names() == ["f00"]


def test_clearing_spares_what_is_being_built_or_read() -> None:
    for name in ("one", "two", "read"):
        finish(*build(name))
    build("three")
    build("dead")
    assert sorted(pool.index.fingerprint for pool, size in list_pools() if size > 0) == ["one", "read", "two"]
    with scratch_folder() as scratch, pools.locked("three", pytest.fail):
        mark_use(scratch, "read")
        freed, stayed = clear_pools()
    assert freed > 0
    assert stayed == 2
    assert names() == ["read"]
    assert names("building") == ["three"]
    assert clear_pools()[1] == 0
    assert names() + names("building") == []


def test_what_dead_runs_left_is_swept() -> None:
    for name in ("young", "old", "empty"):
        folder, _ = build(name)
        if name != "empty":
            (folder / "done" / "000000.json").touch()
    os.utime(cache_folder() / "building" / "old" / "done", (0, 0))
    working, _ = build("working")
    os.utime(working / "done", (0, 0))
    (cache_folder() / "building" / ".gone.evenly-lock").touch()
    with pools.locked("working", pytest.fail):
        pools.sweep_unfinished()
    assert names("building") == ["working", "young"]


def test_scratch_of_dead_runs_is_swept_and_no_other() -> None:
    with scratch_folder() as mine:
        dead = mine.parent / "dead"
        (dead / "x").mkdir(parents=True)
        (mine.parent / ".gone.evenly-lock").touch()
        with scratch_folder() as other:
            assert names("scratch") == sorted([mine.name, other.name])
    assert list((cache_folder() / "scratch").iterdir()) == []


def test_whoever_comes_second_waits_for_the_pool() -> None:
    waited: list[str] = []
    order: list[str] = []
    held = threading.Event()

    def second() -> None:
        held.wait()
        with pools.locked("f00", lambda: waited.append("told")):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with pools.locked("f00", pytest.fail):
        held.set()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert waited == ["told"]
    assert order == ["first", "second"]
    assert list((cache_folder() / "building").iterdir()) == []


def test_a_pool_is_replaced_once_nobody_reads_it() -> None:
    made = finish(*build())
    waited: list[str] = []
    with scratch_folder() as scratch:
        mark_use(scratch, "f00")
        thread = threading.Thread(target=pools.replace_pool, args=(made, lambda: waited.append("told")))
        thread.start()
        time.sleep(0.3)
        assert find_pool("f00") is not None
        assert waited == ["told"]
    thread.join()
    assert names() == []


@pytest.mark.parametrize("named", ["pools[1]", "a b", "x*"])
def test_a_cache_folder_with_an_odd_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / named))
    assert finish(*build()).part(0)["n"].to_list() == [7]
    assert find_pool("f00") is not None


# ---------------------------------------------------------------- by a run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "d.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": f"i{number}", "t": f"t{number}", "c": number % 3, "n": number, "k": "x"}) + "\n"
            for number in range(60)
        ),
        encoding="utf-8",
    )
    return path


def recipe(data: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "sources": [{"name": "s", "files": str(data), "id": "id"}],
        "curate": [{"filter": "n < 50"}],
        "template": {"prompt": "{t}"},
        "balance": {"strata": [{"column": "c"}], "cap": 5},
        **changes,
    }


def run(data: Path, tmp_path: Path, *, recheck: bool = False, **changes: Any) -> RunResult:
    return evenly.run(recipe(data, **changes), tmp_path / "out", force=True, recheck=recheck)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 7},
        {"name": "other"},
        {"balance": {"strata": [{"column": "c"}], "cap": 9, "take_all": "c = 1"}},
        {"split": {"train": 0.5}},
        {"export": {"format": "messages", "files": "jsonl"}},
    ],
)
def test_what_comes_after_the_pool_does_not_build_it_anew(data: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert not run(data, tmp_path).pool_reused
    assert run(data, tmp_path, **changes).pool_reused


@pytest.mark.parametrize(
    "changes",
    [
        {"curate": [{"filter": "n < 40"}]},
        {"curate": []},
        {"template": {"prompt": "{t}!"}},
        {"tokenizer": "o200k_base"},
        {"max_bad_fraction": 0.5},
        {"export": {"keep": ["k"]}},
    ],
)
def test_what_the_pool_depends_on_builds_it_anew(data: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    first = run(data, tmp_path)
    second = run(data, tmp_path, **changes)
    assert not second.pool_reused
    assert first.manifest["pool_fingerprint"] != second.manifest["pool_fingerprint"]


@pytest.mark.parametrize("key", [{"duplicate_ids": "drop"}, {"id": ["id", "t"]}, {"as_text": ["t"]}, {"name": "z"}])
def test_the_source_is_part_of_the_fingerprint(data: Path, tmp_path: Path, key: dict[str, Any]) -> None:
    run(data, tmp_path)
    changed = [{"name": "s", "files": str(data), "id": "id", **key}]
    assert not run(data, tmp_path, sources=changed).pool_reused


def test_changed_input_builds_it_anew(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path)
    with data.open("a", encoding="utf-8") as out:
        out.write('{"id": "new", "t": "x", "c": 0, "n": 1}\n')
    second = run(data, tmp_path)
    assert not second.pool_reused
    assert second.manifest["rows"]["read"] == 61


def test_recheck_sees_what_size_and_time_do_not(data: Path, tmp_path: Path) -> None:
    run(data, tmp_path)
    stat = data.stat()
    data.write_text(data.read_text(encoding="utf-8").replace("t7", "T7"), encoding="utf-8")
    os.utime(data, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(data, tmp_path).pool_reused
    assert not run(data, tmp_path, recheck=True).pool_reused
    assert run(data, tmp_path, recheck=True).pool_reused


class Listening(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def interrupted(data: Path, tmp_path: Path) -> None:
    """Begin a run, and interrupt it when its pieces are curated."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evenly.flow.curate.drop_duplicates", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt) as caught:
            run(data, tmp_path)
    assert caught.value.__notes__ == ["1 of 1 pieces are curated and kept; the same command goes on from there."]
    assert names("building") != []


def test_an_interrupted_pool_is_gone_on_with(data: Path, tmp_path: Path) -> None:
    interrupted(data, tmp_path)
    reporter = Listening()
    done = evenly.run(recipe(data), tmp_path / "out", reporter=reporter)
    assert reporter.said == ["goes on with an interrupted run: 1 of 1 pieces are done"]
    assert done.manifest["rows"]["read"] == 60
    assert names("building") == []


@pytest.mark.parametrize("damage", ["part", "note", "gone", "other piece", "half a file"])
def test_a_damaged_piece_is_done_again(data: Path, tmp_path: Path, damage: str) -> None:
    interrupted(data, tmp_path)
    folder = cache_folder() / "building" / names("building")[0]
    note = folder / "done" / "000000.json"
    if damage == "part":
        os.truncate(folder / "kept" / "000000-000000.parquet", 50)
    elif damage == "note":
        note.write_text("{")
    elif damage == "gone":
        (folder / "keys" / "000000-000000.parquet").unlink()
    elif damage == "half a file":
        note.unlink()
        for room in ("quarantine/.0a.jsonl", "kept/.0b.parquet"):
            (folder / room).write_text("{")
    else:
        told = json.loads(note.read_text())
        note.write_text(json.dumps(told | {"piece": [*told["piece"][:-1], 17]}))
    reporter = Listening()
    done = evenly.run(recipe(data), tmp_path / "out", reporter=reporter)
    assert reporter.said == []
    assert done.manifest["rows"]["read"] == 60


def test_recheck_goes_on_with_nothing(data: Path, tmp_path: Path) -> None:
    interrupted(data, tmp_path)
    stat = data.stat()
    data.write_text(data.read_text(encoding="utf-8").replace("t7", "T7"), encoding="utf-8")
    os.utime(data, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    reporter = Listening()
    evenly.run(recipe(data), tmp_path / "out", recheck=True, reporter=reporter)
    assert reporter.said == []
    frame = evenly.load(tmp_path / "out")["train"]
    assert not frame["text"].str.contains("t7").any()


def test_pieces_of_faulty_data_are_not_kept(data: Path, tmp_path: Path) -> None:
    with data.open("a", encoding="utf-8") as out:
        out.write("{bad\n" * 40)
    with pytest.raises(evenly.UserError, match="max_bad_fraction"):
        run(data, tmp_path)
    assert names("building") == []


def test_two_runs_of_one_recipe_at_once(data: Path, tmp_path: Path) -> None:
    digests: list[str] = []

    def work(number: int) -> None:
        done = evenly.run(recipe(data), tmp_path / f"out-{number}")
        digests.append(done.manifest["selection_digest"]["train"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 4
    assert len(set(digests)) == 1
    assert len(names()) == 1


def test_a_pool_of_another_version_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pools.fingerprint({"a": 1})
    monkeypatch.setattr(pools, "VERSION", pools.VERSION + 1)
    assert pools.fingerprint({"a": 1}) != before


def test_an_index_holds_what_it_says() -> None:
    made = finish(*build())
    assert replace(made.index, kept=2) != made.index
    assert json.loads((made.folder / "pool.json").read_text(encoding="utf-8"))["fingerprint"] == "f00"
