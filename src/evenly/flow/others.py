"""Other datasets that a balance takes its wanted distributions from: read once, counted by the same strata."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import WEIGHT
from evenly.core.census import merge, take_census
from evenly.core.strata import with_strata
from evenly.core.targets import TARGET
from evenly.errors import DataError
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import check_columns, find
from evenly.recipe.balance import Distribution
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.core.axes import Axis
    from evenly.core.survey import Facts
    from evenly.engines.base import Engine
    from evenly.io.blocks import Piece
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


def other_censuses(recipe: Recipe, facts: Facts, engine: Engine, reporter: Reporter) -> dict[str, pl.DataFrame]:
    """Return the census of each dataset that the balance names, by the wanted distribution's name.

    Raises:
        DataError: for files that are missing, unreadable, lack a column, or have no record in a stratum.
    """
    balance = recipe.balance
    found: dict[str, pl.DataFrame] = {}
    if isinstance(balance.target, Distribution) and balance.target.files:
        found[TARGET] = _census(balance.target, facts.axes, "balance.target", engine, reporter)
    for column, wanted in (balance.marginals or {}).items():
        if isinstance(wanted, Distribution) and wanted.files:
            axes = [axis for axis in facts.axes if axis.column == column]
            found[column] = _census(wanted, axes, f"balance.marginals.{column}", engine, reporter)
    return found


def _census(wanted: Distribution, axes: Sequence[Axis], where: str, engine: Engine, reporter: Reporter) -> pl.DataFrame:
    files = find(wanted.files or [], f"recipe.{where}.files", reporter.phase)
    needs = [
        Need(axis.column, "number" if axis.stratum.numeric else "text", f"{where}.files", "coerce") for axis in axes
    ]
    check_columns(files, needs, wanted.format)
    pieces = cut_into_pieces(files, wanted.format, f"recipe.{where}.files")
    count = partial(_count_piece, needs=needs, axes=axes, where=where)
    census = engine.fold(count, pieces, merge) if pieces else pl.DataFrame()
    if not census.height:
        message = f"recipe.{where}.files: none of their records is in a stratum. Check the columns' values."
        raise DataError(message)
    return census


def _count_piece(piece: Piece, needs: Sequence[Need], axes: Sequence[Axis], where: str) -> pl.DataFrame:
    """Return the census of a piece."""
    frames = [pl.DataFrame(schema={axis.column: pl.Float64 if axis.stratum.numeric else pl.String for axis in axes})]
    for block in read_blocks(piece, needs):
        for bad in block.rejected:
            message = f"recipe.{where}.files: a row of {piece.file} can't be read ({bad.reason}). Mend the file."
            raise DataError(message)
        frames.append(block.frame)
    columns = [axis.column for axis in axes]
    weight = pl.lit(1.0).alias(WEIGHT)
    return merge([take_census(with_strata(frame, axes).with_columns(weight), columns) for frame in frames])
