"""Tables in memory, of any library: some columns as Arrow, some rows as the same kind of table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from evenly.errors import DataError
from evenly.io.blocks import File
from evenly.io.tables import block_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.recipe.needs import Need

KINDS: Final = "a Polars, pandas or Arrow table, or a datasets.Dataset"

BLOCK_ROWS: Final = 500_000
"""Rows that are looked at at once: a `datasets.Dataset` has batches of a thousand, each of which would cost as much."""


@dataclass(frozen=True)
class Frame:
    """A table that a caller holds.

    Attributes:
        columns: their names.
        rows: how many.
        arrow: columns -> these as an Arrow table.
        taken: the numbers of some rows, ascending, and columns to add to them -> these as the caller's kind of table.
        order: in which order rows that are equal are told apart, Int64 [rows]; None: they are one like the other.
    """

    columns: list[str]
    rows: int
    arrow: Callable[[Sequence[str]], pa.Table]
    taken: Callable[[NDArray[np.int64], Mapping[str, NDArray[np.float64]]], Any]
    order: Callable[[], NDArray[np.int64] | None] = lambda: None


def frame_of(data: Any) -> Frame:  # noqa: ANN401 - whatever a user hands over
    """Return what a caller handed over as a `Frame`.

    Raises:
        DataError: for what is no table in memory, and for two columns of one name.
    """
    package, kind = type(data).__module__.partition(".")[0], type(data).__name__
    if isinstance(data, pl.DataFrame | pl.LazyFrame):
        found = _of_polars(data)
    elif package == "pandas" and kind == "DataFrame":
        found = _of_pandas(data)
    elif isinstance(data, pa.Table):
        found = _of_arrow(data)
    elif package == "datasets" and kind == "Dataset":
        found = _of_dataset(data)
    else:
        several = " Balance one of its splits: data['train']." if kind.endswith("DatasetDict") else ""
        message = f"data: is {kind}, expected {KINDS}.{several}"
        raise DataError(message)
    if twice := sorted({name for name in found.columns if found.columns.count(name) > 1}):
        message = f"data: two columns have the name '{twice[0]}'. Rename one."
        raise DataError(message)
    return found


def read_frame(frame: Frame, needs: Sequence[Need]) -> pl.DataFrame:
    """Return what is needed of a table, each column as it would be read from a file of it.

    Raises:
        DataError: for a column that is not what is needed, or can't be taken.
    """
    whole = any(need.kind == "record" for need in needs)
    names = frame.columns if whole else list(dict.fromkeys(need.column for need in needs))
    place = File(Path(), "the data")
    try:
        table = frame.arrow(names).combine_chunks()
        blocks = [block_of(batch, 0, needs, place) for batch in table.to_batches(max_chunksize=BLOCK_ROWS)]
    except (pa.ArrowException, pl.exceptions.PolarsError) as fault:
        told = " ".join(str(fault).split())
        message = f"data: can't be made into an Arrow table: {told}. Change the column, or name an id."
        raise DataError(message) from None
    if not blocks:
        message = "data: has no rows. Give a table with some."
        raise DataError(message)
    if rejected := next((one for block in blocks for one in block.rejected), None):
        message = f"data: {rejected.reason}, in a row that holds {rejected.raw[:80]}. Change the value."
        raise DataError(message)
    return pl.concat([block.frame for block in blocks])


def _of_polars(data: pl.DataFrame | pl.LazyFrame) -> Frame:
    held = data.collect() if isinstance(data, pl.LazyFrame) else data

    def taken(rows: NDArray[np.int64], more: Mapping[str, NDArray[np.float64]]) -> pl.DataFrame | pl.LazyFrame:
        found = held[rows].with_columns(pl.Series(name, values) for name, values in more.items())
        return found.lazy() if isinstance(data, pl.LazyFrame) else found

    return Frame(held.columns, held.height, lambda names: held.select(names).to_arrow(), taken)


def _of_pandas(data: Any) -> Frame:  # noqa: ANN401 - pandas is no dependency
    def arrow(names: Sequence[str]) -> pa.Table:
        thin = data.iloc[:, [columns.index(name) for name in names]]
        return pa.Table.from_pandas(thin.set_axis(list(names), axis=1), preserve_index=False)

    def order() -> NDArray[np.int64]:
        try:
            return data.index.argsort()
        except TypeError:  # labels of several types
            return data.index.map(repr).argsort()

    columns = [str(name) for name in data.columns]
    return Frame(columns, len(data), arrow, lambda rows, more: data.iloc[rows].assign(**more), order)


def _of_arrow(data: Any) -> Frame:  # noqa: ANN401 - its stubs know no table
    def taken(rows: NDArray[np.int64], more: Mapping[str, NDArray[np.float64]]) -> Any:  # noqa: ANN401 - the same
        inside = np.zeros(data.num_rows, np.bool_)
        inside[rows] = True
        found = data.filter(pa.array(inside))  # by chunk: `take` would join texts of all chunks, 2 GB at most
        for name, values in more.items():
            found = found.append_column(name, pa.array(values))
        return found

    return Frame(list(data.column_names), data.num_rows, lambda names: data.select(list(names)), taken)


def _of_dataset(data: Any) -> Frame:  # noqa: ANN401 - datasets is no dependency
    def taken(rows: NDArray[np.int64], more: Mapping[str, NDArray[np.float64]]) -> Any:  # noqa: ANN401 - the same
        found = data.select(rows)
        for name, values in more.items():
            found = found.add_column(name, values)
        return found

    def arrow(names: Sequence[str]) -> pa.Table:
        return data.select_columns(list(names)).with_format("arrow")[:]

    return Frame(list(data.column_names), data.num_rows, arrow, taken)
