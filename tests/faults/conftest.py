"""What the tests of faults share: the command line called as a user calls it, and a small recipe to break."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from evenly import cli
from evenly.errors import EvenlyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest that `--json` prints."""
        return json.loads(self.out)


class Command(Protocol):
    """Calls the command line in this process; anything but an exit goes through to the test."""

    def __call__(self, *words: str | Path) -> Outcome: ...


@pytest.fixture
def evenly(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function of the command line's words."""

    def call(*words: str | Path) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        monkeypatch.setattr(sys, "argv", ["evenly", *map(str, words)])
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                cli.main()
        except SystemExit as leaving:
            code = leaving.code
        finally:
            signal.signal(signal.SIGTERM, handler)
        assert isinstance(code, int)
        return Outcome(code, out.getvalue(), err.getvalue())

    return call


RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": [{"name": "shop", "files": "*.jsonl", "id": "sku"}],
    "curate": [{"number": {"column": "price", "min": 0.5}}],
    "template": {"prompt": "{title} costs $", "completion": "{price:.0f}.00"},
    "balance": {"label": "price", "strata": [{"column": "price", "round": 1, "min": 1}], "cap": 5},
    "export": {"keep": ["shelf"]},
}


@dataclass(frozen=True)
class Shop:
    """A folder to work in, with a recipe and its data; `before` is what lies there before a command."""

    folder: Path
    before: set[str]

    def left(self) -> set[str]:
        """Return what a command left in the folder, leftovers included."""
        return {path.name for path in self.folder.iterdir()} - self.before


class OpenShop(Protocol):
    """Makes a shop from files (name -> content) and changes of the recipe (`a__0__b` -> value)."""

    def __call__(self, files: dict[str, str | bytes], recipe: dict[str, Any] | str | bytes | None = None) -> Shop: ...


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the recipe with `a__0__b` -> value changes; None takes a key out."""
    data = copy.deepcopy(RECIPE)
    for place, value in changes.items():
        here: Any = data
        *parents, last = [int(key) if key.isdecimal() else key for key in place.split("__")]
        for key in parents:
            here = here[key]
        if value is None:
            del here[last]
        else:
            here[last] = value
    return data


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenShop:
    """Return a function that fills the working folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def fill(files: dict[str, str | bytes], recipe: dict[str, Any] | str | bytes | None = None) -> Shop:
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        if not isinstance(recipe, str | bytes):
            recipe = json.dumps(changed(recipe or {}), ensure_ascii=False)
        (folder / "recipe.yaml").write_bytes(recipe if isinstance(recipe, bytes) else recipe.encode())
        return Shop(folder, {path.name for path in folder.iterdir()})

    return fill


QUICK = 20.0
"""Seconds within which whatever is hostile is refused, on a busy machine."""


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The files that this process opens while a test runs, other than modules."""
    found: list[str] = []
    listening = [True]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event in {"open", "subprocess.Popen", "os.system", "os.exec", "socket.connect"}:
            name = str(arguments[0])
            if not name.endswith((".py", ".pyc", ".so")):
                found.append(name)

    sys.addaudithook(hear)  # there is no way to take one away
    yield found
    listening.clear()


def refused(call: Callable[[], object], kind: type[Exception] = EvenlyError) -> str:
    """Return what a call is refused with: one clear line (and what there is to choose from), soon."""
    begun = time.monotonic()
    with pytest.raises(kind) as fault:
        call()
    assert time.monotonic() - begun < QUICK
    text = str(fault.value)
    lines = text.splitlines()
    assert len([line for line in lines if not line.startswith("  ")]) == 1, text
    assert max(map(len, lines)) < 2_100
    assert all(one.isprintable() for one in text if one != "\n")
    return text
