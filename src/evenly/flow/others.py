"""Other datasets that a balance takes its wanted distributions from: read once, counted by the same strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import WEIGHT
from evenly.core.census import merge, take_census
from evenly.core.strata import with_strata
from evenly.core.targets import TARGET
from evenly.errors import DataError
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import check_columns, find
from evenly.recipe.model import Distribution
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evenly.core.axes import Axis
    from evenly.core.survey import Facts
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


def other_censuses(recipe: Recipe, facts: Facts, reporter: Reporter) -> dict[str, pl.DataFrame]:
    """Return the census of each dataset that the balance names, by the wanted distribution's name.

    Raises:
        DataError: for files that are missing, unreadable, lack a column, or have no record in a stratum.
    """
    balance = recipe.balance
    found: dict[str, pl.DataFrame] = {}
    if isinstance(balance.target, Distribution) and balance.target.files:
        found[TARGET] = _census(balance.target, facts.axes, "balance.target", reporter)
    for column, wanted in (balance.marginals or {}).items():
        if isinstance(wanted, Distribution) and wanted.files:
            axes = [axis for axis in facts.axes if axis.column == column]
            found[column] = _census(wanted, axes, f"balance.marginals.{column}", reporter)
    return found


def _census(wanted: Distribution, axes: Sequence[Axis], where: str, reporter: Reporter) -> pl.DataFrame:
    censuses = [
        take_census(with_strata(frame, axes).with_columns(pl.lit(1.0).alias(WEIGHT)), [axis.column for axis in axes])
        for frame in _frames(wanted, axes, where, reporter)
    ]
    census = merge(censuses) if censuses else pl.DataFrame()
    if not census.height:
        message = f"recipe.{where}.files: none of their records is in a stratum. Check the columns' values."
        raise DataError(message)
    return census


def _frames(wanted: Distribution, axes: Sequence[Axis], where: str, reporter: Reporter) -> Iterator[pl.DataFrame]:
    files = find(wanted.files or [], f"recipe.{where}.files", reporter.phase)
    needs = [
        Need(axis.column, "number" if axis.stratum.numeric else "text", f"{where}.files", "coerce") for axis in axes
    ]
    check_columns(files, needs, wanted.format)
    for piece in cut_into_pieces(files, wanted.format, f"recipe.{where}.files"):
        for block in read_blocks(piece, needs):
            for bad in block.rejected:
                message = f"recipe.{where}.files: a row of {piece.file} can't be read ({bad.reason}). Mend the file."
                raise DataError(message)
            yield block.frame
