"""Folders that stand for a dataset: those that Hugging Face's `save_to_disk` writes, and Evenly's own outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from evenly.errors import DataError
from evenly.io.blocks import FORMATS
from evenly.io.within import stays_inside

if TYPE_CHECKING:
    from pathlib import Path


class _DataFile(msgspec.Struct):
    filename: str


class _State(msgspec.Struct):
    """What `state.json` says of a saved dataset."""

    files: list[_DataFile] = msgspec.field(name="_data_files")


class _Splits(msgspec.Struct):
    """What `dataset_dict.json` says of several."""

    splits: list[str]


class _Entry(msgspec.Struct):
    path: str


class _Manifest(msgspec.Struct):
    """What the manifest of an output says of its files."""

    files: list[_Entry]


MARKS: Final = ("dataset_dict.json", "state.json", "manifest.json")


def files_of(folder: Path, where: str) -> list[Path]:
    """Return the data files of a folder; `where` is its place in the recipe.

    Of several splits all are taken; `folder/train` names one. Of an output of Evenly's the files of its splits are,
    without the lite set and the ledger.

    Raises:
        DataError: for a folder that is no dataset, or whose own list of files is damaged.
    """
    mark = next((folder / name for name in MARKS if (folder / name).is_file()), None)
    if mark is None:
        raise DataError(_no_dataset(folder, where))
    try:
        content = mark.read_bytes()
        if mark.name == "dataset_dict.json":
            names = msgspec.json.decode(content, type=_Splits).splits
        elif mark.name == "state.json":
            names = [file.filename for file in msgspec.json.decode(content, type=_State).files]
        else:
            entries = msgspec.json.decode(content, type=_Manifest).files
            names = [entry.path for entry in entries if entry.path.startswith("data/")]
    except (msgspec.DecodeError, UnicodeDecodeError, OSError) as fault:
        message = f"{where}: {mark} can't be read: {fault}. Name the folder's files themselves."
        raise DataError(message) from None
    if (out := next((name for name in names if not stays_inside(name)), None)) is not None:
        message = f"{where}: {mark} names '{out}', which is not in the folder. Name the folder's files themselves."
        raise DataError(message)
    if mark.name == "dataset_dict.json":
        return [path for name in names for path in files_of(folder / name, where)]
    return [folder / name for name in names]


def _no_dataset(folder: Path, where: str) -> str:
    """Return what to tell of any other folder: a pattern for what it holds, where that is clear."""
    endings = sorted({path.suffix for path in folder.iterdir() if path.suffix in FORMATS}) if folder.is_dir() else []
    pattern = f"'{folder}/*{endings[0] if endings else '.jsonl'}'"
    return f"{where}: '{folder}' is a folder, and no dataset that was saved as one. Name its files: {pattern}."
