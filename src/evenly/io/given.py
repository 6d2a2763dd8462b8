"""Tables that Python hands over: written to the cache once, under the hash of their content, and read like any file.

Whatever speaks Arrow's stream interface (Polars, pandas, pyarrow, DuckDB), and what `datasets` holds in memory or on
disk, becomes an Arrow file; any other iterable is of dicts and becomes JSON Lines. An iterable is gone through once, in
the memory of a batch.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl
import pyarrow as pa
from pyarrow import ipc

from evenly.errors import DataError
from evenly.io.blocks import File
from evenly.io.cache import made_in_cache, scratch_folder
from evenly.io.durable import sync
from evenly.io.sources import sha256_of
from evenly.io.tables import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS: Final = "a Polars, pandas or Arrow table, a datasets.Dataset, or an iterable of dicts"


def keep_table(name: str, table: object) -> File:
    """Write a table for the source `name` into the cache; return it as a file called `data:<name>`.

    Raises:
        DataError: for something that is no table, and for a value that has no place in one.
    """
    where = f"data['{name}']"
    folder = made_in_cache("tables")
    with scratch_folder() as scratch:
        unfinished = scratch / "table"
        ending = _write(unfinished, table, where)
        digest = sha256_of(unfinished)
        place = folder / f"{digest}{ending}"
        if not place.exists():
            sync(unfinished)
            unfinished.replace(place)
    return File(place, f"data:{name}", digest)


def _write(place: Path, table: object, where: str) -> str:
    """Write a table; return the ending that tells its format."""
    try:
        batches = _batches(table)
        if batches is not None:
            _write_arrow(place, batches, where)
            return ".arrow"
    except (pa.ArrowException, pl.exceptions.PolarsError) as fault:
        message = f"{where}: can't be made into an Arrow table: {' '.join(str(fault).split())}. Change the column."
        raise DataError(message) from None
    found = type(table).__name__
    if isinstance(table, str | bytes | Mapping) or not isinstance(table, Iterable):
        message = f"{where}: is {found}, expected {KINDS}."
        raise DataError(message)
    with place.open("w", encoding="utf-8") as out:
        rows: Iterable[object] = cast("Any", table)
        for number, row in enumerate(rows):
            out.write(_line(row, f"{where}[{number}]") + "\n")
    return ".jsonl"


def _batches(table: Any) -> Iterator[pa.RecordBatch] | None:  # noqa: ANN401 - whatever a user hands over
    """Return a table's record batches, or None for what is no Arrow table."""
    package = type(table).__module__.partition(".")[0]
    if isinstance(table, pl.LazyFrame):
        table = table.collect(engine="streaming")
    elif package == "pandas":
        table = pa.Table.from_pandas(table, preserve_index=False)
    elif package == "datasets" and hasattr(table, "num_rows"):
        tables = table.with_format("arrow").iter(batch_size=BATCH_ROWS)
        return (batch for one in tables for batch in one.to_batches())
    elif package == "pyarrow" and hasattr(table, "scanner"):
        table = table.scanner().to_reader()
    if hasattr(table, "__arrow_c_stream__"):
        return iter(pa.RecordBatchReader.from_stream(table))
    return None


def _write_arrow(place: Path, batches: Iterator[pa.RecordBatch], where: str) -> None:
    first = next(batches, None)
    if first is None:
        message = f"{where}: has no rows. Give a table with some."
        raise DataError(message)
    with ipc.new_file(str(place), first.schema) as out:
        for batch in chain([first], batches):
            for start in range(0, batch.num_rows, BATCH_ROWS):
                out.write_batch(batch.slice(start, BATCH_ROWS))


def _line(row: Any, where: str) -> str:  # noqa: ANN401 - whatever a user hands over
    """Return a row as JSON: dates as ISO text, decimals and numpy's numbers as numbers."""
    if not isinstance(row, Mapping):
        message = f"{where}: is {type(row).__name__}, expected a dict."
        raise DataError(message)
    try:
        return json.dumps(dict(row), ensure_ascii=False, default=_plain)  # pyright: ignore[reportUnknownArgumentType]
    except (TypeError, ValueError, RecursionError) as fault:
        message = f"{where}: can't be written as JSON: {fault}. Leave the key out, or make text of it."
        raise DataError(message) from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a user hands over
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if hasattr(value, "tolist"):  # numpy's scalars and arrays
        return value.tolist()
    message = f"{type(value).__name__} has no JSON"
    raise TypeError(message)
