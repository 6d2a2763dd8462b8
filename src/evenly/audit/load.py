"""The splits of a finished output, opened again and checked against its manifest."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from evenly.audit.verify import verify_folder
from evenly.errors import UserError, VerificationError
from evenly.io.outputs import data_files, open_output, scan_data
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from pathlib import Path


def _frame(paths: list[Path]) -> pl.DataFrame:
    """Return the rows of a split's files; JSON Lines tell a column's type by all of its values."""
    full = [path for path in paths if path.suffix == ".parquet" or path.stat().st_size]
    return pl.concat([scan_data(path).collect() for path in full], how="vertical_relaxed") if full else pl.DataFrame()


def load_splits(folder: Path, place: str, kind: Literal["polars", "datasets"], *, check: bool) -> Any:  # noqa: ANN401 - frames, or another library's
    """Return split -> frame, or a `datasets.DatasetDict`.

    Raises:
        UserError: when there is no such output, or `datasets` is not installed.
        VerificationError: when it is not what its manifest says.
    """
    manifest = open_output(folder)
    if check:
        found = verify_folder(folder, reporter=Silent(), place=place)
        if not found.holds:
            wrong = next(one for one in found.checks if not one.holds)
            message = f"{place}: {wrong.name}: {wrong.found}. See: evenly verify {place}"
            raise VerificationError(message)
    ending = manifest["recipe"]["export"]["files"]
    paths = {split: data_files(folder, "data", split, ending) for split in manifest["rows"]["splits"]}
    if kind == "polars":
        return {split: _frame(files) for split, files in paths.items()}
    try:
        datasets: Any = importlib.import_module("datasets")
    except ImportError:
        message = "load: kind='datasets' needs a library that is not installed. Run: pip install datasets"
        raise UserError(message) from None
    named = {split: [str(path) for path in files] for split, files in paths.items()}
    return datasets.load_dataset("json" if ending == "jsonl" else "parquet", data_files=named)
