"""Jobs: how far work is can be read while it lasts, it can be called off, and its end is told whatever it was."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import evenly
from evenly.errors import EvenlyError, UserError
from evenly.io import pool as pools
from evenly.reporting.progress import Advance
from evenly.web.jobs import NOTES, Jobs, Progress

from ..ablation import shop  # noqa: TID252 - the tests are no package to name
from ..conftest import write_lines  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from evenly.reporting.progress import Reporter

SOON = 60.0
"""Seconds after which a test no longer waits."""


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    """Jobs, of which none is left at work."""
    opened = Jobs()
    yield opened
    opened.close(SOON)


def until(true: Callable[[], object]) -> None:
    """Wait for something to be true."""
    ends = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.005)


def ended(jobs: Jobs) -> dict[str, Any]:
    """Return the newest job, once it has ended."""
    until(lambda: (jobs.told() or {})["state"] != "running")
    told = jobs.told()
    assert told is not None
    return told


def test_nothing_is_told_before_the_first_job(jobs: Jobs) -> None:
    assert jobs.told() is None
    assert jobs.changed == 0
    jobs.cancel()


def test_how_far_work_is_can_be_read_while_it_lasts(jobs: Jobs) -> None:
    go, at = threading.Semaphore(0), threading.Semaphore(0)

    def work(reporter: Reporter) -> dict[str, Any]:
        def pause() -> None:
            at.release()
            assert go.acquire(timeout=SOON)

        with reporter.phase("curate", 100, "bytes") as advance:
            advance(30)
            advance(12)
            reporter.say("one\x1b[31m\nline")
            pause()
            with reporter.phase("hash", 2, "files") as within:
                within(1)
                pause()
        pause()
        return {"rows": 7}

    def seen() -> dict[str, Any]:
        assert at.acquire(timeout=SOON)
        told = jobs.told()
        go.release()
        assert told is not None
        return told

    jobs.start("run", "prices", work)
    first, second, third = seen(), seen(), seen()
    last = ended(jobs)
    assert (first["number"], first["kind"], first["name"], first["state"]) == (1, "run", "prices", "running")
    assert [first[key] for key in ("phase", "done", "total", "unit")] == ["curate", 42, 100, "bytes"]
    assert first["notes"] == ["one␛[31m↵line"]
    assert [second[key] for key in ("phase", "done", "total", "unit")] == ["hash", 1, 2, "files"]
    assert (third["phase"], [name for name, _ in third["phases"]]) == ("", ["hash", "curate"])
    assert all(0 <= seconds < SOON for _, seconds in last["phases"])
    assert (last["state"], last["result"], last["text"], last["stopping"]) == ("done", {"rows": 7}, "", False)
    assert 0 <= last["seconds"] < SOON
    assert last["seconds"] == ended(jobs)["seconds"]


def test_what_changes_is_seen_by_a_number_that_grows(jobs: Jobs) -> None:
    go = threading.Event()

    def work(reporter: Reporter) -> dict[str, Any]:
        assert go.wait(SOON)
        with reporter.phase("one", 1, "rows") as advance:
            advance(1)
        return {}

    seen = [jobs.changed]
    for _ in range(2):
        go.clear()
        jobs.start("run", "a", work)
        seen.append(jobs.changed)
        go.set()
        ended(jobs)
        seen.append(jobs.changed)
    assert seen == sorted(set(seen))


def test_only_the_last_notes_are_kept() -> None:
    progress = Progress()
    for number in range(NOTES + 5):
        progress.say(f"note {number}")
    assert progress.told()["notes"] == [f"note {number}" for number in range(5, NOTES + 5)]


def test_steps_of_several_threads_add_up_and_cost_little() -> None:
    progress, steps = Progress(), 50_000
    with progress.phase("count", 4 * steps, "rows") as advance:

        def count() -> None:
            for _ in range(steps):
                advance(1)

        threads = [threading.Thread(target=count) for _ in range(4)]
        begun = time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = time.process_time() - begun
        assert progress.told()["done"] == 4 * steps
    assert spent / (4 * steps) < 10e-6  # 0.2 µs by itself; a hundred thousand a second then take a fiftieth


def test_one_job_at_a_time_and_then_the_next(jobs: Jobs) -> None:
    go = threading.Event()

    def wait(_: Reporter) -> dict[str, Any]:
        return {"waited": go.wait(SOON)}

    jobs.start("run", "first", wait)
    with pytest.raises(UserError, match=r"ablate second: run first is still at work\. Wait until it has ended"):
        jobs.start("ablate", "second", wait)
    go.set()
    ended(jobs)
    jobs.start("ablate", "second", wait)
    told = ended(jobs)
    assert (told["number"], told["kind"], told["name"], told["result"]) == (2, "ablate", "second", {"waited": True})


@pytest.mark.parametrize("step", ["advance", "phase"])
def test_a_cancelled_job_ends_at_its_next_step(jobs: Jobs, step: str) -> None:
    began = threading.Event()

    def work(reporter: Reporter) -> dict[str, Any]:
        with reporter.phase("first", 10, "rows") as advance:
            advance(1)
            began.set()
            until(lambda: (jobs.told() or {})["stopping"])
            if step == "advance":
                advance(1)
        with reporter.phase("second", 10, "rows"):
            return {"got": "here"}

    jobs.start("run", "a", work)
    assert began.wait(SOON)
    jobs.cancel()
    told = ended(jobs)
    assert (told["state"], told["text"], told["result"]) == ("cancelled", "cancelled.", None)
    assert [name for name, _ in told["phases"]] == ([] if step == "advance" else ["first"])
    assert (told["phase"], told["done"]) == (("first", 1) if step == "advance" else ("", 0))


def test_what_was_cancelled_too_late_is_done(jobs: Jobs) -> None:
    def work(reporter: Reporter) -> dict[str, Any]:
        with reporter.phase("all", 1, "rows") as advance:
            advance(1)
            jobs.cancel()
        return {"made": True}

    jobs.start("run", "a", work)
    told = ended(jobs)
    assert (told["state"], told["result"]) == ("done", {"made": True})


def noted(fault: Exception) -> Exception:
    fault.add_note("3 of 9 pieces are kept.")
    return fault


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (UserError("recipe.balance: is wrong.\n  choices: a, b."), "recipe.balance: is wrong.\n  choices: a, b."),
        (noted(EvenlyError("the run failed.")), "the run failed.\n3 of 9 pieces are kept."),
        (FileNotFoundError(2, "No such file", "gone.jsonl"), "gone.jsonl: No such file."),
        (noted(KeyError("x\x1b[1m")), "internal: KeyError: 'x\\x1b[1m'. Please report this.\n3 of 9 pieces are kept."),
        (SystemExit(), "internal: SystemExit. Please report this."),
        (ValueError("s3://key:word@bucket\nmore"), "internal: ValueError: s3://***@bucket. Please report this."),
    ],
)
def test_how_a_job_failed_is_told_and_its_traceback_is_not(
    jobs: Jobs, caplog: pytest.LogCaptureFixture, fault: BaseException, text: str
) -> None:
    def work(reporter: Reporter) -> dict[str, Any]:
        with reporter.phase("select", 5, "groups") as advance:
            advance(2)
            raise fault

    with caplog.at_level(logging.ERROR):
        jobs.start("run", "a", work)
        told = ended(jobs)
    assert (told["state"], told["text"], told["result"]) == ("failed", text, None)
    assert (told["phase"], told["done"]) == ("select", 2)
    assert ("Traceback" in caplog.text) is text.startswith("internal")


def test_closing_calls_off_what_runs_and_begins_nothing_more(jobs: Jobs) -> None:
    began = threading.Event()

    def work(reporter: Reporter) -> dict[str, Any]:
        with reporter.phase("long", 1, "rows") as advance:
            began.set()
            while True:
                advance(0)
                time.sleep(0.001)

    jobs.start("run", "a", work)
    assert began.wait(SOON)
    jobs.close(SOON)
    told = jobs.told()
    assert told is not None
    assert told["state"] == "cancelled"
    with pytest.raises(UserError, match="closing"):
        jobs.start("run", "b", work)


def test_closing_waits_no_longer_than_it_is_told(jobs: Jobs) -> None:
    go = threading.Event()

    def work(_: Reporter) -> dict[str, Any]:
        return {"waited": go.wait(SOON)}

    jobs.start("run", "deaf", work)
    begun = time.monotonic()
    jobs.close(0.05)
    assert time.monotonic() - begun < SOON / 2
    assert (jobs.told() or {})["state"] == "running"
    go.set()
    assert ended(jobs)["state"] == "done"


class Tripping:
    """A reporter that cancels the job at some step of a phase, as the page would."""

    def __init__(self, reporter: Reporter, jobs: Jobs, phase: str, step: int) -> None:
        self.reporter, self.jobs, self.name, self.step = reporter, jobs, phase, step

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        steps = 0
        with self.reporter.phase(name, total, unit) as advance:

            def told(amount: int) -> None:
                nonlocal steps
                steps += 1
                if name == self.name and steps == self.step:
                    self.jobs.cancel()
                advance(amount)

            yield Advance(told)

    def say(self, text: str) -> None:
        self.reporter.say(text)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A recipe over 40 pieces, in groups of few records."""
    monkeypatch.setattr("evenly.io.readers.BLOCK_BYTES", 4_000)
    rows = [{"id": f"i{number}", "text": f"{number} " * 5, "price": number % 90 + 1} for number in range(2_400)]
    size = write_lines(tmp_path / "in.jsonl", rows).stat().st_size
    assert size > 20 * 4_000
    return {
        "name": "even",
        "sources": [{"name": "s", "files": str(tmp_path / "in.jsonl"), "id": "id"}],
        "curate": [{"number": {"column": "price"}}, {"collapse": {"column": "text"}}],
        "template": {"prompt": "{text}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 12},
        "split": {"train": 0.9, "test": 0.1},
        "engine": {"workers": 2},
    }


def leftovers(folder: Path) -> list[str]:
    """Return what a run left beside its output, and in the cache, but for the finished pieces of a pool."""
    cache = Path(os.environ["EVENLY_CACHE"])
    hidden = [path for room in (folder, cache / "building", cache / "pools") for path in room.glob(".*")]
    return [path.name for path in (*hidden, *(cache / "scratch").glob("*"))]


@pytest.mark.parametrize(
    ("phase", "step", "force", "many"),
    [
        ("curate", 5, True, 10_000),
        ("select", 2, False, 10_000),
        ("write", 1, True, 10_000),
        pytest.param("curate", 5, False, 1, marks=pytest.mark.slow, id="in worker processes"),
    ],
)
def test_a_cancelled_run_leaves_nothing_half_made_and_is_gone_on_with(
    recipe: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    jobs: Jobs,
    phase: str,
    step: int,
    force: bool,
    many: int,
) -> None:
    monkeypatch.setattr("evenly.engines.local.LocalEngine.__init__.__defaults__", (None, many))
    place = tmp_path / "sets" / "out"
    before = evenly.run(recipe, place, set=["seed=1"]).manifest if force else None
    if force:
        evenly.cache(clear=True)
    threads = set(threading.enumerate())

    def work(reporter: Reporter) -> dict[str, Any]:
        return evenly.run(recipe, place, force=force, reporter=reporter).manifest

    jobs.start("run", "even", lambda reporter: work(Tripping(reporter, jobs, phase, step)))
    told = ended(jobs)
    assert (told["state"], told["phase"]) == ("cancelled", phase)
    assert "the same command goes on from there" in told["text"]
    assert place.exists() is force
    assert before is None or before == json.loads((place / "manifest.json").read_text())
    assert leftovers(place.parent if force else tmp_path) == []
    assert not [one for one in threading.enumerate() if one not in threads and one.name.startswith("evenly_")]
    pieces = sum(one.pieces for one in evenly.cache().unfinished)
    assert pieces >= step - 1 if phase == "curate" else len(list(pools.list_pools())) == 1

    jobs.start("run", "even", work)
    again = ended(jobs)
    assert (again["state"], again["text"]) == ("done", "")
    assert any("goes on with an interrupted run" in note for note in again["notes"]) is (phase == "curate")
    assert again["result"] is not None
    whole = evenly.run(recipe, tmp_path / "whole").manifest
    assert again["result"]["selection_digest"] == whole["selection_digest"]


def test_a_run_that_is_made_again_to_be_verified_is_called_off_too(
    recipe: dict[str, Any], tmp_path: Path, jobs: Jobs
) -> None:
    output = evenly.run(recipe, tmp_path / "out").folder

    def work(reporter: Reporter) -> dict[str, Any]:
        again = Tripping(reporter, jobs, "select", 1)
        return {"holds": evenly.verify(output, from_source=True, reporter=again).holds}

    jobs.start("verify", "out", work)
    assert ended(jobs)["state"] == "cancelled"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("call", "phase"), [("ablate", "train"), pytest.param("tune", "search", marks=pytest.mark.slow)]
)
def test_models_are_trained_in_a_job_and_called_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: Jobs, call: str, phase: str
) -> None:
    monkeypatch.setattr("evenly.reporting.files.write_charts", lambda *_: None)
    monkeypatch.setattr("evenly.reporting.pages.render_page", lambda *_: "")
    data = shop.recipe(
        write_lines(tmp_path / "shop.jsonl", shop.listings(3_000)),
        variants={"equal": {"balance": {"policy": "equal", "size": 400, "shortfall": "redistribute"}}},
    )
    options: dict[str, Any] = {
        "ablate": {"seeds": 2, "proxies": ["ridge"], "scales": ["units"], "smallest_effect": 0.05},
        "tune": {"seeds": 2, "last_seeds": 2, "smallest_effect": 0.05, "rows": 200, "trials": 3},
    }[call]

    def work(reporter: Reporter) -> dict[str, Any]:
        return getattr(evenly, call)(data, out=tmp_path / "out", reporter=reporter, **options).numbers

    jobs.start(call, "even", lambda reporter: work(Tripping(reporter, jobs, phase, 2)))
    told = ended(jobs)
    assert (told["state"], told["phase"], told["done"]) == ("cancelled", phase, 1)
    assert leftovers(tmp_path) == []
    assert (tmp_path / "out").exists() is (call == "tune")  # a search keeps its trials, and goes on with them
    jobs.start(call, "even", work)
    told = ended(jobs)
    assert (told["state"], told["text"]) == ("done", "")
    if call == "ablate":
        whole = evenly.ablate(data, out=tmp_path / "whole", **options).numbers
        assert (told["result"] or {})["results"] == whole["results"]
