"""A look at the data: some rows of each file, by Evenly's own readers.

The beginning of each file is read, and of a large one places spread evenly over it, within a budget of bytes. Of what
was read the rows with the smallest hashes of their content are kept: where all was read, their order does not matter.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.columns import LINE, RECORD
from evenly.core.hashing import content
from evenly.errors import DataError
from evenly.io import arrays, parquet
from evenly.io.blocks import is_compressed
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import json_columns
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evenly.io.blocks import File, Piece
    from evenly.propose.inputs import Given

MOST_FILES: Final = 50
"""Files that are opened, of more those that lie evenly between the first and the last."""

MOST_ROWS: Final = 20_000
"""Rows that are kept of all files together."""

FIRST_ROWS: Final = 100
"""Rows of each file that are kept whatever the others hold."""

BUDGET: Final = 48 * 2**20
"""Bytes that are read of all files together, about."""

PLACES: Final = 5
"""Places of a large file that are read."""

PACKED: Final = 4
"""Bytes that a packed one unpacks to, at least in text; for estimates of how many rows are left."""

BROKEN_OFF: Final = 0.999
"""Stands for the share of a file that is not known, since reading was broken off."""

PROBED: Final = 3
"""Files whose first lines are searched for columns that hold nothing."""

PLACE: Final = "__file__"
"""Column of a look: where the row's file lies."""

WORST: Final = 0.5
"""Share of rows that can't be read from which on the data are not what their format says."""

Row = dict[str, Any]


@dataclass
class Looked:
    """What was seen of a source.

    Attributes:
        rows: the rows kept, a value by column; what a row has none of is absent. Numbers of a CSV are text.
        columns: in the data's order.
        read, bad: rows read, and those of them that could not be.
        reason: why the first bad row is bad.
        files: how many were opened.
        whole: whether everything was read.
        total: rows that the source holds, an estimate unless `whole`.
    """

    rows: list[Row] = field(default_factory=list[Row])
    columns: list[str] = field(default_factory=list[str])
    read: int = 0
    bad: int = 0
    reason: str = ""
    files: int = 0
    whole: bool = True
    total: int = 0


def look(source: Given, share: float = 1.0) -> Looked:
    """Return what a look at a source shows, with `share` of the bytes and rows that all sources have.

    Raises:
        DataError: for a source without rows, or one most of whose rows can't be read.
    """
    chosen = _spread(source.files, MOST_FILES)
    looked = Looked(files=len(chosen), whole=len(chosen) == len(source.files))
    needs = _needs(source)
    budget = max(2**18, int(share * BUDGET / len(chosen)))
    kept = [_file(file, source, needs, budget, looked) for file in chosen]
    if not looked.read:
        message = f"DATA: {source.files[0]} holds no rows. Give files with records in them."
        raise DataError(message)
    if looked.bad > WORST * looked.read:
        message = (
            f"DATA: {looked.bad:,} of {looked.read:,} rows looked at in {source.files[0]} can't be read "
            f"({looked.reason}). Is it another format than its name says? Rename it, or mend the rows."
        )
        raise DataError(message)
    looked.total = round(looked.total * len(source.files) / len(chosen))
    frame = _smallest(kept, max(FIRST_ROWS, int(share * MOST_ROWS)))
    looked.rows = list(_rows(frame, source))
    looked.columns = list(source.types) or _in_order(looked.rows, chosen, source)
    return looked


def _spread(files: Sequence[File], most: int) -> list[File]:
    if len(files) <= most:
        return list(files)
    return [files[place * (len(files) - 1) // (most - 1)] for place in range(most)]


def _needs(source: Given) -> list[Need]:
    """Return what is read: of JSON whole records, of tables each column as text but for binary ones."""
    if not source.types:
        return [Need(RECORD, "record", "sources[0]")]
    kind = "any" if source.format == "csv" else "json"
    return [Need(name, kind, "sources[0]") for name, family in source.types.items() if "binary" not in family]


def _file(file: File, source: Given, needs: list[Need], budget: int, looked: Looked) -> pl.DataFrame:
    """Read a file within a budget of bytes; return its rows, and tell `looked` how many there are."""
    frames: list[pl.DataFrame] = []
    read, spent = 0, 0
    windows, covered = _windows(file, source, budget)
    for piece in windows:
        blocks = read_blocks(piece, needs)
        room = budget // len(windows)
        for block in blocks:
            read += block.frame.height + len(block.rejected)
            looked.bad += len(block.rejected)
            looked.reason = looked.reason or (block.rejected[0].reason if block.rejected else "")
            frames.append(block.frame.drop(LINE))
            size = int(block.frame.estimated_size())
            room, spent = room - size, spent + size
            if room <= 0:
                if next(blocks, None) is not None:
                    covered = min(covered, BROKEN_OFF)
                break
    looked.read += read
    looked.total += _estimate(file, source, read, spent, covered)
    looked.whole &= covered >= 1
    frame = pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()
    return frame.with_columns(pl.lit(file.place).alias(PLACE))


def _estimate(file: File, source: Given, read: int, spent: int, covered: float) -> int:
    """Return how many rows a file holds, from those read, the bytes that they took, and the share that they are."""
    if covered >= 1:
        return read
    if source.format == "parquet":
        return parquet.rows_of(file)
    if covered < BROKEN_OFF:
        return round(read / max(covered, 1e-9))
    size = file.path.stat().st_size * (PACKED if is_compressed(file) else 1)
    return max(read + 1, round(read * size / max(1, spent)))


def _windows(file: File, source: Given, budget: int) -> tuple[list[Piece], float]:
    """Return the pieces of a file that are read, and which share of it they are."""
    pieces = cut_into_pieces([file], source.format if source.named else None)
    size = file.path.stat().st_size
    ranged = pieces[0].format == "jsonl" and not is_compressed(file) and not arrays.is_array(file, None)
    if not ranged:
        some = (
            pieces if len(pieces) <= PLACES else [pieces[n * (len(pieces) - 1) // (PLACES - 1)] for n in range(PLACES)]
        )
        return some, len(some) / len(pieces)
    if size <= budget:
        return [replace(pieces[0], start=0, stop=size)], 1.0
    room = budget // PLACES
    starts = [place * (size - room) // (PLACES - 1) for place in range(PLACES)]
    return [replace(pieces[0], start=start, stop=start + room) for start in starts], budget / size


def _smallest(frames: Sequence[pl.DataFrame], most: int) -> pl.DataFrame:
    """Return the rows with the smallest hashes, and some of each file whatever their hashes are; in their order."""
    ranked: list[pl.DataFrame] = []
    for frame in frames:
        names = [name for name in frame.columns if name != PLACE]
        if frame.height:
            hashes = frame.select(content(names, frame.schema).alias("__hash__"))["__hash__"]
            order = hashes.rank("ordinal").alias("__rank__")
            ranked.append(frame.with_columns(hashes, order).filter(pl.col("__rank__") <= max(most, FIRST_ROWS)))
    if not ranked:
        return pl.DataFrame()
    every = pl.concat(ranked, how="diagonal_relaxed").sort("__hash__", PLACE, maintain_order=True)
    place = pl.int_range(pl.len())
    return every.filter((place < most) | (pl.col("__rank__") <= FIRST_ROWS)).drop("__hash__", "__rank__")


def _rows(frame: pl.DataFrame, source: Given) -> Iterator[Row]:
    """Yield rows as values by column, with the file that each is of under `__file__`."""
    if not source.types:
        for record, place in zip(
            frame[RECORD] if frame.height else [], frame[PLACE] if frame.height else [], strict=True
        ):
            yield json.loads(record) | {PLACE: place}
        return
    for row in frame.iter_rows(named=True):
        yield {name: _value(value, source.types.get(name, "text")) for name, value in row.items() if value is not None}


def _value(text: str, family: str) -> Any:  # noqa: ANN401 - what a table holds
    """Return a table's value from its text: a number, a list, an object, or the text itself."""
    if family in {"integer", "number", "float", "double"} or family.startswith(("uint", "decimal")):
        return float(text) if family != "integer" else int(text)
    if family == "bool":
        return text == "true"
    return json.loads(text) if family.startswith(("list", "large_list", "fixed_size_list", "struct", "map")) else text


def _in_order(rows: Sequence[Row], files: Sequence[File], source: Given) -> list[str]:
    """Return the columns of JSON rows as their files have them, those that are null throughout too."""
    named = source.format if source.named else None
    seen = dict.fromkeys(name for file in files[:PROBED] for name in json_columns(file, {""}, named))
    for row in rows:
        seen.update(dict.fromkeys(row))
    return [name for name in seen if name != PLACE]
