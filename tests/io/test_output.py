"""The output folder is complete or absent, whatever happens, and nothing else is touched."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from evenly.errors import OutputError
from evenly.io import output
from evenly.io.output import claimed, new_output, refuse_existing, working

if TYPE_CHECKING:
    from pathlib import Path


def finished(place: Path, word: str = "old") -> Path:
    """Make a folder that looks like a finished output."""
    place.mkdir(parents=True)
    (place / "manifest.json").write_text("{}", encoding="utf-8")
    (place / "word").write_text(word, encoding="utf-8")
    return place


def write(place: Path, word: str = "new", *, force: bool = False) -> None:
    with new_output(place, force=force) as folder:
        (folder / "manifest.json").write_text("{}", encoding="utf-8")
        (folder / "word").write_text(word, encoding="utf-8")


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "sets"
    folder.mkdir()
    return folder / "out"


@pytest.fixture(params=["exchange", "two renames"])
def swap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run with and without a system that can exchange two folders."""
    if request.param == "two renames":
        monkeypatch.setattr(output, "_exchange", lambda one, other: False)  # noqa: ARG005
    return str(request.param)


def test_a_new_output_appears_whole(place: Path) -> None:
    with new_output(place, force=False) as folder:
        (folder / "word").write_text("new", encoding="utf-8")
        assert not place.exists()
        assert folder.parent == place.parent
    assert listing(place.parent) == ["out"]
    assert (place / "word").read_text(encoding="utf-8") == "new"


def test_parents_are_made(place: Path) -> None:
    write(place / "a" / "b")
    assert listing(place / "a") == ["b"]


def test_a_failure_leaves_nothing(place: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_output(place, force=False) as folder:
        (folder / "word").write_text(str(1 // 0), encoding="utf-8")
    assert listing(place.parent) == []


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_interruption_leaves_what_was_there(place: Path, fault: type[BaseException], swap: str) -> None:
    del swap
    finished(place)
    with pytest.raises(fault), new_output(place, force=True):
        raise fault
    assert listing(place.parent) == ["out"]
    assert (place / "word").read_text(encoding="utf-8") == "old"


def test_what_is_there_is_refused_without_force(place: Path) -> None:
    finished(place)
    with pytest.raises(OutputError, match=r"exists already.*--force"), new_output(place, force=False):
        pytest.fail("must not come here")
    assert listing(place) == ["manifest.json", "word"]


def test_force_replaces_an_output(place: Path, swap: str) -> None:
    del swap
    finished(place)
    write(place, force=True)
    assert listing(place.parent) == ["out"]
    assert (place / "word").read_text(encoding="utf-8") == "new"


def test_force_replaces_an_empty_folder(place: Path, swap: str) -> None:
    del swap
    place.mkdir()
    write(place, force=True)
    assert listing(place.parent) == ["out"]


def test_force_without_anything_there(place: Path) -> None:
    write(place, force=True)
    assert listing(place.parent) == ["out"]


@pytest.mark.parametrize("what", ["folder", "file"])
def test_force_refuses_what_evenly_did_not_write(place: Path, what: str) -> None:
    if what == "folder":
        place.mkdir()
        (place / "thesis.tex").touch()
    else:
        place.touch()
    with pytest.raises(OutputError, match=r"is not an output of Evenly's|has no manifest\.json"):
        write(place, force=True)
    assert listing(place.parent) == ["out"]


def test_force_through_a_link_leaves_no_link_behind(place: Path, swap: str) -> None:
    del swap
    finished(place.parent / "real")
    place.symlink_to("real")
    write(place, force=True)
    assert (place / "word").read_text(encoding="utf-8") == "new"
    assert set(listing(place.parent)) <= {"out", "real"}


def test_what_appears_meanwhile_is_not_replaced(place: Path) -> None:
    with pytest.raises(OutputError, match="appeared while this run worked"), new_output(place, force=False):
        finished(place, "another run's")
    assert (place / "word").read_text(encoding="utf-8") == "another run's"
    assert listing(place.parent) == ["out"]


def test_an_interrupted_swap_is_finished(place: Path) -> None:
    old = finished(place.parent / ".out.evenly-old")
    with pytest.raises(OutputError, match="exists already"):
        refuse_existing(place, force=False)
    with claimed(place, force=True):
        assert not old.exists()
    assert (place / "word").read_text(encoding="utf-8") == "old"


def test_what_a_finished_swap_left_is_deleted(place: Path) -> None:
    finished(place, "new")
    finished(place.parent / ".out.evenly-old")
    write(place, "newer", force=True)
    assert listing(place.parent) == ["out"]
    assert (place / "word").read_text(encoding="utf-8") == "newer"


@pytest.mark.parametrize("name", ["out", "out[1]", "a*b"])
def test_what_dead_runs_left_is_swept_and_nothing_else(place: Path, name: str) -> None:
    parent = place.parent
    others = (".other.evenly-building", "out-2", ".other.evenly-lock")
    for folder in (f".{name}.evenly-building", *others):
        finished(parent / folder)
    (parent / f".{name}.evenly-lock").touch()
    write(parent / name)
    assert listing(parent) == sorted([*others, name])


def test_a_second_run_on_the_same_place_is_told(place: Path) -> None:
    with new_output(place, force=False) as folder:
        (folder / "word").write_text("first", encoding="utf-8")
        with pytest.raises(OutputError, match=rf"another run \(process {os.getpid()} on .*\) works on it"):
            write(place, "second", force=True)
    assert (place / "word").read_text(encoding="utf-8") == "first"
    assert listing(place.parent) == ["out"]


def test_a_folder_that_is_worked_in_is_one_runs(place: Path) -> None:
    with working(place, "mark"):
        with pytest.raises(OutputError, match="works on it"), working(place, "mark"):
            pytest.fail("must not come here")
        (place / "mark").touch()
    with working(place, "mark"):
        (place / "mark").unlink()
    assert listing(place.parent) == []


@pytest.mark.parametrize("name", ["a b", "out[1]", "ü", "-x", "o" * 200])
def test_odd_names(place: Path, name: str) -> None:
    write(place.parent / name)
    write(place.parent / name, force=True)
    assert listing(place.parent) == [name]


@pytest.mark.parametrize("name", ["file/x", "o" * 300])
def test_places_that_can_not_be_are_one_clear_line(place: Path, name: str) -> None:
    (place.parent / "file").touch()
    with pytest.raises(OutputError) as caught:
        write(place.parent / name)
    assert "\n" not in str(caught.value)
    assert "--out" in str(caught.value)
    assert listing(place.parent) == ["file"]


def test_the_folder_one_stands_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(place)
    monkeypatch.chdir(place)
    write(type(place)("."), force=True)
    assert (place / "word").read_text(encoding="utf-8") == "new"
    assert listing(place.parent) == ["out"]


def test_an_error_of_the_exchange_leaves_both(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(place)

    def refused(one: Path, other: Path) -> bool:
        raise OSError(errno.EACCES, "Permission denied", str(other), None, str(one))

    monkeypatch.setattr(output, "_exchange", refused)
    with pytest.raises(OSError, match="Permission denied"):
        write(place, force=True)
    assert (place / "word").read_text(encoding="utf-8") == "old"
    assert listing(place.parent) == ["out"]
