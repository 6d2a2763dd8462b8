"""Rows in odd shapes, of every format: an independent reading of a file says which rows there are and what they hold.

Dice make the files (`odd_json`, `odd_csv`, `odd_tables`). In the short form Hypothesis throws them, so that a failure
shrinks to its smallest file. The long form (`-m soak`) sends a million rows through: EVENLY_FUZZ_ROWS says how many,
EVENLY_FUZZ_SEED which.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import resource
import shutil
import signal
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.columns import LINE
from evenly.errors import DataError, UserError
from evenly.io import arrays, csvs, readers, streams
from evenly.io.blocks import File
from evenly.io.dialects import dialect_of
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import check_columns
from evenly.recipe.needs import Need

from .odd_csv import table, told_of_table
from .odd_json import NEEDS, WHOLE, Told, array, lines, told_of_array, told_of_lines
from .odd_tables import ANY, STRANGE, arrow, as_arrow, as_parquet
from .odd_tables import table as odd_table
from .test_mutations import mutated

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from evenly.recipe.needs import Drift, Kind

pytestmark = pytest.mark.faults

ROWS: Final = int(os.environ.get("EVENLY_FUZZ_ROWS", "1000000"))
SEED: Final = os.environ.get("EVENLY_FUZZ_SEED", "1")
FILE_ROWS: Final = 2_500
"""Rows of each of the soak's files."""

SECONDS: Final = 60
"""What a file may take, however odd it is: a file of the soak takes a third of a second."""

MEMORY: Final = 2 * 2**30
"""Bytes that the process may take in all: a file is less than a megabyte."""


@dataclass(frozen=True)
class Format:
    """A format of text: how its files are made, what they hold by an independent reading, and how they are packed."""

    name: str
    make: Callable[[random.Random, int], bytes]
    told: Callable[[bytes, Path, Sequence[Need]], Told | None]
    packed: Callable[[bytes], bytes] = bytes

    def write(self, path: Path, dice: random.Random, rows: int) -> bytes:
        """Write a file, of which one in three is damaged byte by byte besides; return its content, not packed."""
        content = self.make(dice, rows)
        content = mutated(content, dice) if dice.random() < 0.3 else content
        path.write_bytes(self.packed(content))
        return content


def told_of_csv(content: bytes, path: Path, needs: Sequence[Need]) -> Told | None:
    dialect = dialect_of(File.at(path))
    errors = "replace" if dialect.encoding.startswith("utf-16") else "surrogateescape"
    return told_of_table(content.decode(dialect.encoding, errors), dialect.delimiter, needs)


TEXTS: Final = [
    Format("x.jsonl", lines, lambda content, _, needs: told_of_lines(content, needs)),
    Format("x.jsonl.gz", lines, lambda content, _, needs: told_of_lines(content, needs), gzip.compress),
    Format("x.json", array, lambda content, _, needs: told_of_array(content, needs)),
    Format("x.csv", table, told_of_csv),
]


@contextmanager
def within(seconds: int) -> Generator[None]:
    """Raise where something hangs."""

    def late(*_: object) -> None:
        message = f"takes more than {seconds} s"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def read(path: Path, needs: Sequence[Need]) -> Told | None:
    """Read a file as a run does; None where it is refused, which has to be in a line."""
    file = File.at(path)
    told = Told()
    before = 0
    try:
        check_columns([file], needs)
    except DataError as fault:
        assert_clear(fault)
        if path.suffix == ".csv" or "no column" not in str(fault):
            return None  # rows of JSON may all lack a column, and are read here nevertheless
    try:
        for piece in cut_into_pieces([file], None):
            first, within_piece = before + piece.lines, 0
            for block in read_blocks(piece, needs):
                told.good += [(first + row.pop(LINE), row) for row in block.frame.to_dicts()]
                told.bad += [first + one.line for one in block.rejected]
                assert all(one.reason for one in block.rejected)
                within_piece += block.lines
            before += within_piece
    except DataError as fault:
        assert_clear(fault)
        return None
    return told


def assert_clear(fault: Exception) -> None:
    """A fault is a line or a few, of what can be printed."""
    text = str(fault)
    assert len(text) < 900, text
    assert text.count("\n") <= 6, text
    assert all(character.isprintable() or character == "\n" for character in text), repr(text)


def assert_same(found: Told | None, told: Told | None) -> None:
    """What was read is what there is: as many rows, the bad ones where they are, the good ones with their values."""
    assert (found is None) == (told is None)
    if found is None or told is None:
        return
    assert sorted(found.bad) == sorted(told.bad)
    assert [number for number, _ in found.good] == [number for number, _ in told.good]
    for (number, row), (_, meant) in zip(found.good, told.good, strict=True):
        for column, value in meant.items():
            assert row[column] is not None if value is ANY else repr(row[column]) == repr(value), (number, column)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what makes blocks and pieces of so many bytes, so that small files have many."""

    def cut(size: int) -> None:
        for module in (readers, streams, arrays):
            monkeypatch.setattr(module, "BLOCK_BYTES", size)
        monkeypatch.setattr(csvs, "BLOCK_ROWS", max(1, size // 100))

    return cut


DICE: Final = st.randoms(use_true_random=False)
by_format = pytest.mark.parametrize("form", TEXTS, ids=lambda form: form.name)


@by_format
@settings(max_examples=60)
@given(dice=DICE, rows=st.integers(0, 12), size=st.sampled_from([150, 1_000, 2**24]), whole=st.booleans())
def test_what_is_read_is_what_there_is(
    tmp_path: Path,
    small_blocks: Callable[[int], None],
    form: Format,
    dice: random.Random,
    rows: int,
    size: int,
    whole: bool,
) -> None:
    path = tmp_path / form.name
    content = form.write(path, dice, rows)
    needs = [*NEEDS, WHOLE] if whole else NEEDS
    small_blocks(size)
    assert_same(read(path, needs), form.told(content, path, needs))


@pytest.mark.parametrize("write", [as_parquet, as_arrow])
@settings(max_examples=60)
@given(dice=DICE, rows=st.integers(1, 12), whole=st.booleans())
def test_what_is_read_of_a_table_is_what_was_put_into_it(
    tmp_path: Path, write: Callable[[Any, random.Random], bytes], dice: random.Random, rows: int, whole: bool
) -> None:
    path = tmp_path / f"x.{write.__name__.removeprefix('as_')}"
    made, told = odd_table(dice, rows)
    path.write_bytes(write(made, dice))
    assert_same(read(path, [*NEEDS, WHOLE] if whole else NEEDS), told)


KINDS: Final[list[Kind]] = ["any", "text", "number", "list", "json"]


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("drift", ["error", "coerce", "null"])
def test_strange_columns_are_read_or_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, drift: Drift
) -> None:
    dice = random.Random(1)
    tables = [tmp_path / "x.arrow"]
    tables[0].write_bytes(as_arrow(arrow.table({"v": STRANGE[name]}), dice))
    with suppress(pa.ArrowException):  # which Parquet may not hold
        content = as_parquet(arrow.table({"v": STRANGE[name]}), dice)
        tables.append(tmp_path / "x.parquet")
        tables[1].write_bytes(content)
    for path in tables:
        for need in [*(Need("v", kind, "export.keep[0]", drift) for kind in KINDS), WHOLE]:
            told = read(path, [need])
            assert told is None or told.rows == 3
    assert "panicked" not in capfd.readouterr().err


# ---------------------------------------------------------------- whole runs

RECIPE: Final[dict[str, Any]] = {
    "name": "fuzz",
    "curate": [{"join": {"columns": ["tags"], "into": "words"}}],
    "template": {"prompt": "{title} {words}", "completion": "{price:.1f}"},
    "balance": {"label": "price", "strata": [{"column": "price", "round": 1, "min": -5, "max": 7}], "cap": 3},
    "split": {"train": 0.7, "test": 0.2},
    "export": {"keep": ["title", "more"]},
    "max_bad_fraction": 1.0,
}


def run(path: Path, out: Path) -> dict[str, Any] | None:
    """Run a recipe over a file; None where it is refused, which has to be in a line and leaves nothing."""
    source = {"name": "shop", "files": path.as_posix(), "id": "sku", "as_text": "more", "duplicate_ids": "drop"}
    try:
        return evenly.run({**RECIPE, "sources": [source]}, out).manifest["rows"]
    except UserError as fault:
        assert_clear(fault)
        assert not out.exists()
        return None


def assert_whole(rows: dict[str, Any], told: Told, out: Path) -> None:
    """The sums of a run hold, and each row of the file is where it belongs."""
    assert rows["read"] == told.rows == rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"]
    assert rows["kept"] == rows["outside_strata"] + rows["held_out"] + rows["selected"] + rows["not_selected"]
    assert rows["selected"] == sum(rows["splits"].values()) + rows["unassigned"]
    nameless = [number for number, row in told.good if not row["sku"]]
    bad = [json.loads(line) for line in (out / "quarantine.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert sorted(one["line"] - 1 for one in bad) == sorted([*told.bad, *nameless])
    kept, dropped = (
        [row for path in (out / "ledger").glob(f"{name}-*.parquet") for row in pl.read_parquet(path).to_dicts()]
        for name in ("kept", "dropped")
    )
    assert len(kept) == rows["kept"]
    there = Counter((row["line"] - 1, row["id"]) for row in [*kept, *dropped])
    assert there == Counter((number, row["sku"]) for number, row in told.good if row["sku"])
    assert_values(told, out)


def assert_values(told: Told, out: Path) -> None:
    """The rows of the output hold what rows of these ids do in the file."""
    meant: dict[str, list[dict[str, Any]]] = {}
    for _, row in told.good:
        meant.setdefault(row["sku"], []).append(row)
    for path in (out / "data").glob("*.parquet"):
        for row in pl.read_parquet(path).to_dicts():
            assert any(
                row["price"] == one["price"]
                and (one["more"] is ANY or row["more"] == one["more"])
                and (not isinstance(row["title"], str) or one["title"] is ANY or row["title"] == one["title"])
                for one in meant[row["id"]]
            ), row


@by_format
def test_a_run_over_odd_rows_adds_up(tmp_path: Path, form: Format) -> None:
    path, out = tmp_path / form.name, tmp_path / "out"
    finished: list[bool] = []

    @settings(max_examples=12)
    @given(seed=st.integers(0, 2**32), rows=st.integers(20, 40))
    def check(seed: int, rows: int) -> None:
        content = form.write(path, random.Random(seed), rows)  # of Hypothesis' own dice too little comes to a run
        told = form.told(content, path, NEEDS)
        finished.append(run_adds_up(path, told, out))

    check()
    assert sum(finished) > len(finished) / 3  # most go through; few examples are drawn


def run_adds_up(path: Path, told: Told | None, out: Path) -> bool:
    """Run a recipe over a file and look at all that it left; say whether it went through."""
    shutil.rmtree(out, ignore_errors=True)
    counted = run(path, out)
    if counted is None:
        return False
    assert told is not None
    assert_whole(counted, told, out)
    return True


# ---------------------------------------------------------------- a million rows


@dataclass
class Sum:
    """What went through of a format."""

    rows: int = 0
    bad: int = 0
    files: int = 0
    refused: int = 0
    runs: int = 0
    seconds: float = 0.0


def text_file(form: Format) -> Callable[[random.Random, Path, Path], tuple[Told | None, bool]]:
    """Return what sends a file of a format through the reader and a run: what it held, whether it ran."""

    def through(dice: random.Random, path: Path, out: Path) -> tuple[Told | None, bool]:
        needs = [*NEEDS, WHOLE] if dice.random() < 0.3 else NEEDS
        content = form.write(path, dice, FILE_ROWS)
        told = form.told(content, path, needs)
        assert_same(read(path, needs), told)
        return told, run_adds_up(path, form.told(content, path, NEEDS), out)

    return through


def table_file(
    write: Callable[[Any, random.Random], bytes],
) -> Callable[[random.Random, Path, Path], tuple[Told | None, bool]]:
    """Return the same for a table; half of them are fit for a run, and a copy with damaged bytes is read, too."""

    def through(dice: random.Random, path: Path, out: Path) -> tuple[Told | None, bool]:
        runs = dice.random() < 0.5
        made, told = odd_table(dice, FILE_ROWS, {"sku": "string_view", "price": "float64"} if runs else {})
        content = write(made, dice)
        path.write_bytes(mutated(content, dice))
        read(path, NEEDS)
        path.write_bytes(content)
        assert_same(read(path, NEEDS), told)
        return told, runs and run_adds_up(path, told, out)

    return through


FILES: Final = {form.name: text_file(form) for form in TEXTS} | {
    "x.parquet": table_file(as_parquet),
    "x.arrow": table_file(as_arrow),
}


@pytest.mark.soak
def test_a_million_odd_rows(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a million rows hold, what is read is what there is, and the sums of runs hold."""
    sums = {name: Sum() for name in FILES}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    number = 0
    while sum(one.rows for one in sums.values()) < ROWS:
        name = min(sums, key=lambda name: sums[name].rows)
        number += 1
        begun = time.monotonic()
        with within(SECONDS):
            told, ran = FILES[name](random.Random(f"{SEED} {number}"), tmp_path / name, tmp_path / "out")
        one = sums[name]
        one.files += 1
        one.refused += told is None
        one.rows += 0 if told is None else told.rows
        one.bad += 0 if told is None else len(told.bad)
        one.runs += ran
        one.seconds += time.monotonic() - begun
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    assert "panicked" not in capfd.readouterr().err
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    with capfd.disabled():
        for name, one in sums.items():
            print(f"\n{name}: {one}", end="")  # noqa: T201 - the soak's summary
        print(f"\n{sum(one.rows for one in sums.values()):,} rows, seed {SEED}, {grown / 2**20:,.0f} MiB more")  # noqa: T201
    assert grown < MEMORY
    assert all(one.runs and one.refused < one.files / 2 for one in sums.values())
    assert min(one.rows for one in sums.values()) > 0.9 * ROWS / len(sums) - FILE_ROWS
