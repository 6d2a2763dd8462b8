"""The ledger of an output, for `why` and `verify`: who was drawn and who was dropped, with file and line; and digests.

Each file, and each split's digest, is a piece of work of its own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import ID, KEY, LINE, PIECE, PLACE, REASON, SPLIT, STRATUM, WEIGHT
from evenly.flow.delivery import Written
from evenly.flow.draw import with_splits
from evenly.flow.ledgers import read_ledger
from evenly.io.manifest import file_entry, selection_digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from evenly.flow.delivery import Delivery, Writing
    from evenly.io.pool import Pool

LEDGER_ROWS: Final = 1_000_000
"""Rows of a file of kept records, about: as many groups of parts as it takes to have that many."""

DROPPED_FILES: Final = 256
"""Files of the pool whose dropped records go to one file: some thousand records each."""

LEVEL: Final = 1
"""Of zstd: keys are random numbers, which no level makes smaller."""

DIGEST_ROWS: Final = 2_000_000
"""Ids of a split, about, that are sorted at once."""


def ledger_writings(delivery: Delivery) -> list[Writing]:
    """Return what writes each file of the ledger."""
    sizes = [sum(int(delivery.pool.index.parts[part]["rows"]) for part in group) for group in delivery.drawn.groups]
    dropped = delivery.pool.dropped_files()
    batches = [dropped[start : start + DROPPED_FILES] for start in range(0, len(dropped), DROPPED_FILES)]
    return [
        *[partial(_write_kept, number, groups) for number, groups in enumerate(_files(sizes))],
        *[partial(_write_dropped, number, paths) for number, paths in enumerate(batches)],
    ]


def digest_writings(delivery: Delivery) -> list[Writing]:
    """Return what takes each split's digest."""
    return [partial(_digest, split) for split in delivery.drawn.sizes]


def _files(sizes: Sequence[int]) -> list[list[int]]:
    """Return the numbers of groups, of these sizes, that go to one file each."""
    found: list[list[int]] = []
    rows = LEDGER_ROWS
    for number, size in enumerate(sizes):
        if rows >= LEDGER_ROWS:
            found.append([])
            rows = 0
        found[-1].append(number)
        rows += size
    return found


def _write_kept(number: int, groups: Sequence[int], delivery: Delivery) -> Written:
    frames = [_kept(group, delivery) for group in groups]
    return _written(delivery, f"kept-{number:05d}.parquet", pl.concat(frames))


def _kept(number: int, delivery: Delivery) -> pl.DataFrame:
    """Return the records of a group of parts, in their order, and what became of them."""
    parts, pool = delivery.drawn.groups[number], delivery.pool
    chosen = with_splits(number, delivery.drawn, delivery.scratch).select(PLACE, SPLIT, selected=True)
    ledger = read_ledger(delivery.scratch, number).with_row_index(PLACE)
    lines = _with_lines(pool.thin(parts, [PIECE, LINE]), pool)
    joined = pl.concat([ledger, lines], how="horizontal").join(chosen, on=PLACE, how="left", maintain_order="left")
    present = pool.present(parts)
    held_out = pl.lit(value=False) if present is None else ~present  # a weight may be null outside the strata too
    return joined.select(
        pl.col(ID).alias("id"),
        held_out.alias("held_out"),
        pl.col(STRATUM).cast(pl.String).alias("stratum"),
        pl.col(WEIGHT).alias("weight"),
        pl.col(KEY).alias("key"),
        pl.col("selected").fill_null(value=False),
        pl.col(SPLIT).alias("split"),
        "file",
        "line",
    )


def _write_dropped(number: int, paths: Sequence[Path], delivery: Delivery) -> Written:
    frame = pl.scan_parquet(list(paths), glob=False).collect()
    lined = _with_lines(frame, delivery.pool)
    shown = lined.select(pl.col(ID).alias("id"), pl.col(REASON).alias("reason"), "file", "line")
    return _written(delivery, f"dropped-{number:05d}.parquet", shown)


def _written(delivery: Delivery, name: str, frame: pl.DataFrame) -> Written:
    path = delivery.place(name, "ledger")
    frame.write_parquet(path, compression="zstd", compression_level=LEVEL)
    return Written(files=[file_entry(delivery.folder, path, frame.height)])


def _with_lines(frame: pl.DataFrame, pool: Pool) -> pl.DataFrame:
    """Return records (with `__piece__`, `__line__`) with their `file` and `line`, UInt64 from 1."""
    pieces = pl.DataFrame(pool.index.pieces)
    first = pieces["first_line"].cast(pl.UInt64).gather(frame[PIECE])
    return frame.with_columns(pieces["file"].gather(frame[PIECE]), (first + frame[LINE]).alias("line"))


def _digest(split: str, delivery: Delivery) -> Written:
    return Written(digests={split: selection_digest(_sorted_ids(split, delivery))})


def _sorted_ids(split: str, delivery: Delivery) -> Iterator[pl.Series]:
    """Yield a split's ids, sorted by their bytes, in ranges that follow each other."""
    ranges = -(-delivery.drawn.sizes[split] // DIGEST_ROWS)
    if ranges <= 1:
        yield pl.concat(_ids(split, delivery)).sort()
        return
    sample = pl.concat([ids.gather_every(ranges) for ids in _ids(split, delivery)]).sort()
    edges = sample.gather_every(-(-sample.len() // ranges)).to_list()[1:]
    for low, high in zip([None, *edges], [*edges, None], strict=True):
        yield pl.concat([_between(ids, low, high) for ids in _ids(split, delivery)]).sort()


def _ids(split: str, delivery: Delivery) -> Iterator[pl.Series]:
    drawn = delivery.drawn
    for number in range(len(drawn.groups)):
        records = with_splits(number, drawn, delivery.scratch)
        yield records.filter(pl.col(SPLIT) == split)[ID]


def _between(ids: pl.Series, low: str | None, high: str | None) -> pl.Series:
    keep = pl.lit(value=True)
    if low is not None:
        keep &= pl.col(ID) >= low
    if high is not None:
        keep &= pl.col(ID) < high
    return ids.to_frame().filter(keep)[ID]
