"""What the tests of `evenly.io` share: a file read whole, as every reader gives it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from evenly.columns import LINE
from evenly.io.blocks import File
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evenly.recipe.needs import Kind


@dataclass(frozen=True)
class Table:
    """A file read whole: its good rows, the bad ones as (line from 1, reason, raw), JSON types, blocks."""

    rows: list[dict[str, Any]]
    lines: list[int]
    bad: list[tuple[int, str, str]]
    types: dict[str, set[str]]
    dtypes: dict[str, str]
    blocks: int
    pieces: int

    def __getitem__(self, column: str) -> list[Any]:
        return [row[column] for row in self.rows]


class Reader(Protocol):
    """Reads a file's columns, each as a kind."""

    def __call__(self, path: Path, format: str | None = None, **kinds: Kind) -> Table: ...  # noqa: A002 - the recipe's key


def _read_whole(path: Path, format: str | None = None, **kinds: Kind) -> Table:  # noqa: A002 - the recipe's key
    needs = [Need(column, kind, f"as.{column}") for column, kind in kinds.items()]
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    bad: list[tuple[int, str, str]] = []
    types: dict[str, set[str]] = {}
    dtypes: dict[str, str] = {}
    blocks = before = 0
    pieces = cut_into_pieces([File.at(path)], format)
    for piece in pieces:
        first = before + piece.lines + 1
        within = 0
        for block in read_blocks(piece, needs):
            blocks += 1
            within += block.lines
            rows += block.frame.drop(LINE).to_dicts()
            lines += [first + line for line in block.frame[LINE].to_list()]
            bad += [(first + one.line, one.reason, one.raw) for one in block.rejected]
            for column, met in block.types.items():
                types.setdefault(column, set()).update(met)
            dtypes = {name: str(dtype) for name, dtype in block.frame.drop(LINE).schema.items()}
        before += within
    return Table(rows, lines, bad, types, dtypes, blocks, len(pieces))


@pytest.fixture
def read() -> Reader:
    """Return a function (path, column=kind, …) that reads a file whole."""
    return _read_whole


@pytest.fixture(autouse=True)
def _same_csv_limit() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """Python's limit on CSV fields belongs to the whole process: put it back where a test lowers it."""
    before = csv.field_size_limit()
    yield
    csv.field_size_limit(before)
