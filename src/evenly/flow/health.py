"""What Evenly needs of a machine, looked at. No check raises; each says what it found and what to do."""

from __future__ import annotations

import operator
import os
import platform
import re
import shutil
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Literal

import polars as pl

from evenly.core.hashing import hashed
from evenly.engines.machine import cores, free_memory, memory
from evenly.errors import EvenlyError
from evenly.io.cache import cache_folder, folder_bytes, scratch_folder
from evenly.io.hub import hub_account, token_is_set
from evenly.io.tokenizers import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

State = Literal["ok", "off", "warn", "broken"]
"""`off`: not there, and not needed by most; `warn`: works, but look; `broken`: runs will fail, or select otherwise."""

EXTRAS: Final = {
    "ablate": ("lightgbm", "optuna", "sklearn"),
    "ray": ("ray",),
    "s3": ("s3fs",),
    "gs": ("gcsfs",),
    "studio": ("starlette", "uvicorn"),
}
"""Extra -> the modules that it installs."""

SHOWN: Final = ("polars", "polars-hash", "pyarrow", "numpy", "fastokens", "huggingface_hub")
"""Libraries whose versions are told."""

VOCABULARY: Final = "o200k_base"
SENTENCE: Final = ("How much does this cost to the nearest dollar?", 10)
"""A text and its tokens in that vocabulary."""

HASHED: Final = ("evenly", 10_396_547_367_881_103_561)
"""An id and its number for the selection under seed 42: another number would be another selection."""

IDS: Final = 200_000
"""Ids that are hashed to see how long it takes."""

LEAST_DISK: Final = 5 * 10**9
LEAST_MEMORY: Final = 2 * 10**9
"""Bytes below which a few million records get tight."""

OLDEST: Final = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: `ok`, `warn`, `broken`, or `off` where it was not asked for.
        found: what was found.
        advice: what to do about it; empty where nothing is.
    """

    name: str
    state: State
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Health:
    """What `evenly.doctor` found.

    Attributes:
        findings: in their order.
    """

    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Say whether nothing is broken."""
        return not any(one.state == "broken" for one in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain data."""
        return {"sound": self.sound, "findings": [asdict(one) for one in self.findings]}


def look_around(*, hub: bool = False) -> Health:
    """Look at everything; ask the Hub only with `hub`."""
    checks: list[Callable[[], Iterator[Finding]]] = [_python, _libraries, _hashing, _vocabulary, _cache, _machine]
    checks += [_extras, _terminal]
    found = [finding for check in checks for finding in check()]
    return Health((*found, *_hub(ask=hub)))


def _python() -> Iterator[Finding]:
    shown = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    old = sys.version_info < OLDEST
    yield Finding("python", "broken" if old else "ok", shown, "Use Python 3.11 or newer." if old else "")


def _libraries() -> Iterator[Finding]:
    try:
        wanted = requires("evenly") or []
    except PackageNotFoundError:
        yield Finding("libraries", "warn", "evenly is not installed, and says not what it needs", "pip install evenly")
        return
    missing: list[str] = []
    odd: list[str] = []
    for text in wanted:
        requirement, _, marker = text.partition(";")
        if "extra ==" in marker or not _applies(marker):
            continue
        name = re.split(r"[<>=!~ ]", requirement.strip(), maxsplit=1)[0]
        try:
            there = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if not _fits(there, requirement):
            odd.append(f"{name} {there}, expected {requirement.strip().removeprefix(name)}")
    if missing:
        yield Finding("libraries", "broken", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    elif odd:
        yield Finding("libraries", "warn", "; ".join(odd), "pip install --upgrade evenly")
    else:
        shown = ", ".join(f"{name} {version(name)}" for name in SHOWN)
        yield Finding("libraries", "ok", f"evenly {version('evenly')}; {shown}; all as required")


def _applies(marker: str) -> bool:
    """Say whether a requirement is for this Python; of markers we write `python_version < '3.14'` alone."""
    found = re.search(r"python_version\s*<\s*['\"]([\d.]+)['\"]", marker)
    return found is None or sys.version_info[:2] < _release(found[1])


def _fits(there: str, requirement: str) -> bool:
    tests = {">=": operator.ge, "<": operator.lt, "==": operator.eq}
    limits = re.findall(r"(>=|==|<)([\d.]+)", requirement)
    return all(tests[sign](_release(there), _release(limit)) for sign, limit in limits)


def _release(text: str) -> tuple[int, ...]:
    """Return a version's numbers, without zeros at the end: 3 and 3.0 are one."""
    numbers = [int(one) for one in re.findall(r"\d+", re.split(r"[a-z+]", text, maxsplit=1)[0])]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _hashing() -> Iterator[Finding]:
    known = pl.DataFrame({"id": [HASHED[0]]}).select(hashed("id", "select", 42)).item()
    if known != HASHED[1]:
        yield Finding("hashing", "broken", "ids get other numbers than everywhere else", "Reinstall polars-hash.")
        return
    ids = pl.DataFrame({"id": [f"record-{number}" for number in range(IDS)]})
    begun = time.perf_counter()
    ids.select(hashed("id", "select", 42))
    pace = IDS / max(time.perf_counter() - begun, 1e-6) / 1e6
    yield Finding("hashing", "ok", f"as everywhere else, {pace:,.0f} million ids a second")


def _vocabulary() -> Iterator[Finding]:
    text, tokens = SENTENCE
    try:
        _, offsets = load_tokenizer(VOCABULARY).encode([text])
    except EvenlyError as fault:
        yield Finding("tokenizer", "warn", str(fault).splitlines()[0], "Recipes may name a tokenizer.json instead.")
        return
    if int(offsets[-1]) == tokens:
        yield Finding("tokenizer", "ok", f"{VOCABULARY} loads and counts")
    else:
        yield Finding("tokenizer", "broken", f"{VOCABULARY} counts {offsets[-1]}, expected {tokens}", "Reinstall it.")


def _cache() -> Iterator[Finding]:
    folder = cache_folder()
    try:
        with scratch_folder() as scratch:
            (scratch / "written").write_bytes(b"x")
    except (EvenlyError, OSError) as fault:
        yield Finding("cache", "broken", str(fault), "Set EVENLY_CACHE to a folder that can be written.")
        return
    free = shutil.disk_usage(folder).free
    low = free < LEAST_DISK
    shown = f"{folder} holds {_bytes(folder_bytes(folder))}; {_bytes(free)} are free there"
    advice = "Free some (evenly cache --clear), or set EVENLY_CACHE to another disk." if low else ""
    yield Finding("cache", "warn" if low else "ok", shown, advice)


def _machine() -> Iterator[Finding]:
    free = free_memory()
    low = (memory() if free is None else free) < LEAST_MEMORY
    left = "" if free is None else f", {_bytes(free)} of it free"
    advice = "Close something, or write `engine: {workers: 1}` into the recipe." if low else ""
    yield Finding("machine", "warn" if low else "ok", f"{cores()} cores, {_bytes(memory())} of memory{left}", advice)


def _extras() -> Iterator[Finding]:
    for extra, modules in EXTRAS.items():
        missing = [name for name in modules if find_spec(name) is None]
        if missing:
            yield Finding(f"[{extra}]", "off", "not installed", f"pip install 'evenly[{extra}]'")
        else:
            yield Finding(f"[{extra}]", "ok", "installed")


def _terminal() -> Iterator[Finding]:
    encoding = (getattr(sys.stdout, "encoding", None) or "unknown").lower()
    plain = "set" if os.environ.get("NO_COLOR") else "not set"
    odd = encoding.replace("-", "") != "utf8"
    advice = "Set PYTHONUTF8=1: names of files and categories may be in any script." if odd else ""
    shown = f"{encoding}, {shutil.get_terminal_size().columns} columns, NO_COLOR {plain}"
    yield Finding("terminal", "warn" if odd else "ok", shown, advice)


def _hub(*, ask: bool) -> Iterator[Finding]:
    token = "a token is set" if token_is_set() else "no token (HF_TOKEN) is set"
    if not ask:
        yield Finding("hub", "ok", f"{token}; not asked (--hub asks)")
        return
    try:
        name = hub_account()
    except EvenlyError as fault:
        advice = "Check the connection and HF_TOKEN; what is in the cache can be read without."
        yield Finding("hub", "broken", str(fault), advice)
        return
    yield Finding("hub", "ok", f"reached; {f'signed in as {name}' if name else token}")


def _bytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
