"""One content, recipe and seed give one selection and the same bytes: rows, files, pieces, workers, engines, machines.

The runs are those of `tests/matrix.py`, in processes of their own: hash seed, threads and locale are read when one
begins. The short form meets every pair of values, the long one the whole product.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import combinations, product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from ..matrix import ARRANGEMENTS, GROUPS, differences, recipes  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = pytest.mark.faults

Way = dict[str, Any]

SCRIPT: Final = Path(__file__).parents[1] / "matrix.py"

ENVIRONMENTS: Final[list[list[Way]]] = [
    [{"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "4242"}],
    [{"POLARS_MAX_THREADS": "1"}, {"POLARS_MAX_THREADS": "3"}],
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0"},  # text and names of files are ASCII to such a process
        {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"},
        {"LC_ALL": "de_DE.ISO-8859-1", "PYTHONUTF8": "0"},  # not UTF-8 either, and 1,5 is one and a half
    ],
    [{"TZ": "ODD-05:45"}, {"TZ": "ODD+11:30"}],
    # numpy computes as on another processor: its own logarithms and powers differ in the last digit
    [{"NPY_DISABLE_CPU_FEATURES": ""}, {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_SKX AVX512F"}],
]
"""What a process finds: for each thing that may differ, its values."""

VARIABLES: Final = sorted({name for values in ENVIRONMENTS for value in values for name in value})

ENGINES: Final = ("threads", "processes", "ray") if find_spec("ray") else ("threads", "processes")

WAYS: Final[list[list[Way]]] = [
    *[[{name: value} for value in values] for name, values in ARRANGEMENTS.items()],
    [{"engine": engine} for engine in ENGINES],
    [{"recipes": names} for names in GROUPS],
]

PLAIN: Final[Way] = {
    **{name: values[0] for name, values in ARRANGEMENTS.items()},
    "order": "as made",
    "engine": "threads",
}
"""The way that all others are compared with."""

TOGETHER: Final = 2
"""Processes at once: each may use more than one core."""


def pairs(way: Mapping[str, Any]) -> set[frozenset[tuple[str, Any]]]:
    return {frozenset(two) for two in combinations(way.items(), 2)}


def covering(choices: Sequence[Sequence[Way]]) -> list[Way]:
    """Return few ways, each with one of every choice's values, in which each two values of two choices meet."""
    left = {
        frozenset(two)
        for one, other in combinations(choices, 2)
        for values in product(one, other)
        for two in product(*(value.items() for value in values))
    }
    found: list[Way] = []
    while left:
        wanted = dict(min(left, key=lambda two: sorted(map(repr, two))))
        way: Way = {}
        for values in sorted(choices, key=len, reverse=True):
            fitting = [one for one in values if one == one | {name: wanted[name] for name in one.keys() & wanted}]
            way |= max(fitting, key=lambda one: len(pairs(way | wanted | one) & left))
        left -= pairs(way)
        found.append(way)
    return found


def crossed(choices: Sequence[Sequence[Way]]) -> list[Way]:
    """Return every way to take one of each choice's values."""
    return [{name: value for one in values for name, value in one.items()} for values in product(*choices)]


def by_environment(ways: Sequence[Way]) -> list[tuple[dict[str, str], list[Way]]]:
    """Return the environments of some ways, each with its ways."""
    found: dict[tuple[str, ...], list[Way]] = defaultdict(list)
    for way in ways:
        found[tuple(way[name] for name in VARIABLES)].append(way)
    return [(dict(zip(VARIABLES, values, strict=True)), own) for values, own in found.items()]


def outcomes(environment: Mapping[str, str], ways: Sequence[Way], folder: Path) -> list[dict[str, Any]]:
    """Return the facts of each way, from one process in its environment."""
    folder.mkdir()
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG"))}
    keep["RAY_ROTATION_MAX_BYTES"] = str(
        2**30
    )  # else Ray asks for the size of a worker's log that may not be there yet
    done = subprocess.run(
        [sys.executable, SCRIPT, folder],
        input="".join(json.dumps(way) + "\n" for way in ways),
        env=keep | dict(environment),
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, f"{environment}\n{done.stderr[-3_000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def assert_all_the_same(ways: Sequence[Way], folder: Path, locales: dict[str, str]) -> None:
    """Run all the ways and hold each against the plain one."""
    plain: dict[str, Any] = {}
    for found in outcomes(locales, [PLAIN | {"recipes": names} for names in GROUPS], folder / "plain"):
        plain |= found
    assert plain.keys() == recipes().keys()
    work = by_environment(ways)
    with ThreadPoolExecutor(TOGETHER) as pool:
        parts = [
            pool.submit(outcomes, locales | environment, own, folder / str(number))
            for number, (environment, own) in enumerate(work)
        ]
        for (environment, own), part in zip(work, parts, strict=True):
            for way, found in zip(own, part.result(), strict=True):
                different = differences({name: plain[name] for name in way["recipes"]}, found)
                assert not different, f"{way} in {environment}:\n" + "\n".join(different[:20])


@pytest.fixture(scope="session")
def locales(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return where the German locale is, made here if the machine can; elsewhere nobody knows its name."""
    folder, made = tmp_path_factory.mktemp("locales"), shutil.which("localedef")
    if made is not None:
        command = [made, "-i", "de_DE", "-f", "ISO-8859-1", folder / "de_DE.ISO-8859-1"]
        subprocess.run(command, check=False, capture_output=True)
    return {"LOCPATH": str(folder)} if any(folder.iterdir()) else {}


def test_in_a_covering_every_two_values_meet() -> None:
    choices = [[{"a": 1}, {"a": 2}, {"a": 3}], [{"b": 1, "c": 1}, {"b": 1, "c": 2}], [{"d": 1}, {"d": 2}]]
    met = set[frozenset[tuple[str, Any]]]().union(*map(pairs, covering(choices)))
    assert met == set[frozenset[tuple[str, Any]]]().union(*map(pairs, crossed(choices)))
    assert len(crossed(choices)) == 12


def test_every_pair_of_circumstances_gives_one_selection(tmp_path: Path, locales: dict[str, str]) -> None:
    environments = covering(ENVIRONMENTS)
    ways = covering([environments, *WAYS])
    unused = [one for one in environments if not any(way == way | one for way in ways)]
    ways += [PLAIN | {"recipes": GROUPS[0]} | one for one in unused]
    assert_all_the_same(ways, tmp_path, locales)


def spread(ways: Sequence[Way]) -> list[Way]:
    """Return ways in an order that has nothing to do with what is in them."""
    return sorted(ways, key=lambda way: hashlib.sha256(repr(way).encode()).digest())


def engine_in(environment: int, place: int) -> str:
    """Return the engine of an environment's arrangement: all of them, but seldom what starts processes of its own."""
    return ENGINES[environment % 5] if environment % 5 < len(ENGINES) and place else "threads"


@pytest.mark.soak
def test_all_arrangements_in_all_environments_give_one_selection(tmp_path: Path, locales: dict[str, str]) -> None:
    """Every arrangement (the whole product), over every environment (the whole product): each has three."""
    everything = [name for names in GROUPS for name in names]
    environments, arrangements = spread(crossed(ENVIRONMENTS)), spread(crossed(WAYS[: len(ARRANGEMENTS)]))
    ways: list[Way] = []
    for number, arrangement in enumerate(arrangements):
        place, of = divmod(number, len(environments))
        ways.append(environments[of] | arrangement | {"engine": engine_in(of, place), "recipes": everything})
    assert (len(environments), len(arrangements), len(by_environment(ways))) == (48, 144, 48)
    met = set[frozenset[tuple[str, Any]]]().union(*map(pairs, [way | {"recipes": ()} for way in ways]))
    for one, other in combinations([*ENVIRONMENTS, *WAYS[:-1]], 2):
        for values in product(one, other):
            assert all(frozenset(two) in met for two in product(*(value.items() for value in values)))
    assert_all_the_same(ways, tmp_path, locales)
    done = len(ways) * len(everything)
    assert done == 144 * len(recipes()) == 1_584
    told = [f"{sum(way['engine'] == engine for way in ways)} on {engine}" for engine in ENGINES]
    sys.stdout.write(
        f"\n{done:,} runs gave one result each: {len(everything)} recipes in {len(arrangements)} arrangements "
        f"({', '.join(told)}) over {len(environments)} environments\n"
    )
