"""The files of `exclude` steps: found, and read once into what curate compares with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.core.exclude import excluded_from
from evenly.errors import DataError
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import check_columns, find
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from evenly.core.exclude import Excluded
    from evenly.io.blocks import File
    from evenly.recipe.model import Recipe
    from evenly.recipe.steps import Exclude
    from evenly.reporting.progress import Reporter


def excluded_files(recipe: Recipe, reporter: Reporter) -> dict[int, list[File]]:
    """Return the files of each `exclude` step, by its place in curate.

    Raises:
        DataError: for a pattern that matches nothing.
    """
    steps = [(index, step.body) for index, step in enumerate(recipe.curate) if step.kind == "exclude"]
    return {index: find(body.files, f"recipe.curate[{index}].exclude.files", reporter.phase) for index, body in steps}


def load_excluded(recipe: Recipe, files: Mapping[int, Sequence[File]]) -> dict[int, Excluded]:
    """Read what each `exclude` step keeps out.

    Raises:
        DataError: for a column that is not there, and for a row that can't be read: it could not be kept out.
    """
    return {
        index: excluded_from(list(_texts(index, recipe, own)), recipe.curate[index].body)
        for index, own in files.items()
    }


def _texts(index: int, recipe: Recipe, files: Sequence[File]) -> Iterator[pl.Series]:
    step: Exclude = recipe.curate[index].body
    path = f"curate[{index}].exclude"
    need = Need(step.compared, "text", f"{path}.{'their' if step.their is not None else 'column'}")
    check_columns(files, [need], step.format, [])
    for piece in cut_into_pieces(files, step.format, f"recipe.{path}.files"):
        for block in read_blocks(piece, [need]):
            for bad in block.rejected:
                message = (
                    f"recipe.{path}: a row of {piece.file} can't be read ({bad.reason}), so it could not be kept out. "
                    "Mend the file."
                )
                raise DataError(message)
            yield block.frame[need.column].cast(pl.String)
