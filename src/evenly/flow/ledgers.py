"""The scratch ledgers of a run: written per group of parts while the census is taken, read and folded by the draw."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import LINE, PIECE, STRATUM
from evenly.core.select import candidates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.reporting.progress import Reporter

FOLD_ROWS: Final = 2_000_000
"""Candidates that may wait before they are cut to what can still be selected."""

GROUP_ROWS: Final = 200_000
"""Rows of the parts that are counted at once, about: enough that a frame's own costs don't matter."""


def ledger_path(scratch: Path, number: int) -> Path:
    """Return where the ledger of a group of parts lies."""
    return scratch / f"ledger-{number:06d}.parquet"


def ledgers(pool: Pool, scratch: Path) -> Iterator[pl.DataFrame]:
    """Yield the ledger of each group of parts: id, piece, line, part, row, stratum, weight and key, internal names.

    Where the recipe's size is in tokens, it has `__tokens__` too.
    """
    for number in range(len(pool.groups(GROUP_ROWS))):
        yield pl.read_parquet(ledger_path(scratch, number), glob=False)


def fold_candidates(
    pool: Pool, scratch: Path, strata: pl.DataFrame, engine: Engine, reporter: Reporter
) -> pl.DataFrame:
    """Return the candidates of all ledgers: the rows that a plan's quotas can still select."""
    waiting: list[pl.DataFrame] = []
    rows, selected = 0, int(strata["quota"].sum())
    numbers = list(range(len(pool.groups(GROUP_ROWS))))
    wanted = strata.select(STRATUM, "quota")
    with reporter.phase("select", len(numbers), "groups") as advance:
        for found in engine.map(partial(_candidates_of, scratch=scratch, wanted=wanted), numbers):
            waiting.append(found)
            rows += found.height
            if rows > max(FOLD_ROWS, 2 * selected):
                waiting = [candidates(pl.concat(waiting), wanted)]
                rows = waiting[0].height
            advance(1)
    return pl.concat(waiting)


def _candidates_of(number: int, scratch: Path, wanted: pl.DataFrame) -> pl.DataFrame:
    ledger = pl.read_parquet(ledger_path(scratch, number), glob=False)
    return candidates(ledger.drop(PIECE, LINE), wanted)
