"""A source's files: globs and braces made into paths, columns taken from a path, what identifies an input."""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import bracex
import msgspec
from wcmatch import glob

from evenly.errors import DataError, choices_line, did_you_mean, siblings
from evenly.io import arrays, arrow, csvs, parquet
from evenly.io.blocks import File, format_of, unreadable
from evenly.io.dialects import dialect_of
from evenly.io.folders import files_of
from evenly.io.remote import remote_files, silent
from evenly.io.streams import BOM, line_blocks, open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from evenly.io.remote import Phase
    from evenly.recipe.model import Source
    from evenly.recipe.needs import Need

BRACES = 10_000
"""Patterns that the braces of one may stand for."""

HEADERS: Final[dict[str, Callable[[File], dict[str, str]]]] = {
    "csv": csvs.header_of,
    "parquet": parquet.header_of,
    "arrow": arrow.header_of,
}
"""Format whose files name their columns -> what reads them: column -> what it is read as."""

UNREADABLE: Final = re.compile(r'[\x00-\x1f"\\]')
"""What a JSON column's name can't hold: the reader looks for names as they are written."""

PROBED_BYTES = 2**20
"""How far into one line is looked."""

PROBED_LINES = 10_000
"""Lines of each JSON Lines file that are searched for a column before a run starts."""


@dataclass(frozen=True)
class Input:
    """A file as a run found it: its name, bytes, and time of its last change in ns or, where it has one, version."""

    path: str
    bytes: int
    mtime_ns: int | None
    version: str | None = None


def find_files(source: Source, number: int = 0, phase: Phase = silent) -> list[File]:
    """Return a source's files, with what the recipe says of their text; see `find`."""
    files = find(source.files, f"recipe.sources[{number}].files", phase)
    return [replace(file, delimiter=source.delimiter, encoding=source.encoding) for file in files]


def find(patterns: Sequence[str], where: str, phase: Phase = silent) -> list[File]:
    """Return the files of some patterns, each once, sorted by name; remote ones are fetched first, in a `phase`.

    `where` is the patterns' place in the recipe.

    Raises:
        DataError: for a pattern that matches nothing, a folder that is no dataset, an address that can't be read.
    """
    found: dict[str, File] = {}
    for index, pattern in enumerate(patterns):
        here = f"{where}[{index}]"
        if "://" in pattern:
            found |= {file.name: file for file in remote_files(pattern, here, phase)}
            continue
        for path in _matches(pattern, here):
            for file in files_of(path, here) if path.is_dir() else [path]:
                found[file.as_posix()] = File.at(file)
    return [found[name] for name in sorted(found)]


def _matches(pattern: str, where: str) -> list[Path]:
    """Return the files that a pattern stands for; each alternative of its braces must match some."""
    matched: list[str] = []
    try:
        if Path(pattern).exists():
            return [Path(pattern)]
        for one in bracex.iexpand(pattern, keep_escapes=True, limit=BRACES):
            here = glob.glob(one, flags=glob.GLOBSTAR)
            if not here:
                near = did_you_mean(Path(one).name, siblings(Path(one)))
                message = f"{where}: no file matches '{one}' (from {Path.cwd()}). Check the path.{near}"
                raise DataError(message)
            matched += here
    except bracex.ExpansionLimitException:
        message = f"{where}: '{pattern[:60]}' stands for more than {BRACES:,} patterns. Use a * instead."
        raise DataError(message) from None
    except OSError as fault:
        raise unreadable(File.at(Path(pattern)), fault) from None
    return [Path(path) for path in matched]


def describe(files: Sequence[File]) -> list[Input]:
    """Return what identifies each file without reading it."""
    inputs: list[Input] = []
    for file in files:
        try:
            file.name.encode()
            stat = file.path.stat()
        except UnicodeEncodeError:
            message = f"{file.name!r}: the file's name is not UTF-8. Rename it."
            raise DataError(message) from None
        except OSError as fault:
            raise unreadable(file, fault) from None
        changed = stat.st_mtime_ns if file.version is None else None
        inputs.append(Input(file.name, stat.st_size, changed, file.version))
    return inputs


def told_of(file: File, named: str | None) -> dict[str, str]:
    """Return what was found in a file that is not as usual: a JSON array, a CSV's delimiter and encoding."""
    if format_of(file, named) == "csv":
        return dialect_of(file).told()
    return {"format": "json"} if format_of(file, named) == "jsonl" and arrays.is_array(file, named) else {}


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes as they lie on disk, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def given_columns(source: Source, file: File, number: int = 0) -> dict[str, str]:
    """Return the columns that the recipe gives: one value, or from a file's path.

    The path is the absolute one, so that the working folder does not matter, or a remote file's address.

    Raises:
        DataError: when the path does not match.
    """
    columns: dict[str, str] = {}
    for name, column in source.columns.items():
        if column.from_path is None:
            columns[name] = column.value or ""
            continue
        match = re.search(column.from_path, file.place)
        if match is None or match.group(1) is None:
            message = (
                f"recipe.sources[{number}].columns.{name}.from_path: '{column.from_path}' does not match the path "
                f"{file}. Change the pattern, or leave the file out."
            )
            raise DataError(message)
        columns[name] = match.group(1)
    return columns


def check_columns(
    files: Sequence[File], needs: Sequence[Need], named: str | None = None, given: Sequence[str] = ()
) -> None:
    """Refuse a column that the files don't have, before anything is read in earnest.

    `named` is the format that the recipe names; `given` are columns that the recipe gives, for errors.

    JSON Lines have no header: a column counts as there when one of the first 10,000 lines of any file has it, or else
    when its key stands anywhere in the files. (That second look costs a pass, and mostly ends in an error.)

    Raises:
        DataError: naming the place in the recipe, the column, and what columns there are.
    """
    kind = format_of(files[0], named)
    if kind in {"jsonl", "json"}:
        _check_json(files, needs, given, named)
        return
    types: dict[str, tuple[str, File]] = {}
    for file in files:
        columns = HEADERS[kind](file)
        for need in needs:
            if need.kind == "record" or (need.column not in columns and need.drift == "null"):
                continue
            if need.column not in columns:
                raise _no_column(need, given, file.name, list(columns))
            if columns[need.column] == "null":
                continue  # nothing but nulls: it agrees with any type
            known, first = types.setdefault(need.column, (columns[need.column], file))
            if need.kind == "any" and need.drift == "error" and known != columns[need.column]:
                message = (
                    f"recipe.{need.path}: column '{need.column}' is {known} in {first} and {columns[need.column]} "
                    f"in {file}. Give files of one schema, or write `drift: coerce`, which makes text of it."
                )
                raise DataError(message)


def _check_json(files: Sequence[File], needs: Sequence[Need], given: Sequence[str], named: str | None) -> None:
    for need in needs:
        if UNREADABLE.search(need.column):
            message = (
                f"recipe.{need.path}: column {need.column!r} has a quote, a backslash or a control character in its "
                "name, by which JSON files can't be read. Write the files with another name, or as Parquet or CSV."
            )
            raise DataError(message)
    lacking = {need.column: need for need in needs if need.kind != "record" and need.drift != "null"}
    seen: dict[str, None] = {}
    for file in files:
        seen.update(dict.fromkeys(json_columns(file, set(lacking), named)))
        lacking = {name: need for name, need in lacking.items() if name not in seen}
    for need in lacking.values() if seen else ():  # no row at all is another fault
        if not any(_mentions(file, need.column) for file in files):
            raise _no_column(need, given, _shown(files), list(seen))


def _shown(files: Sequence[File]) -> str:
    more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
    return f"{files[0]}{more}"


def _mentions(file: File, column: str) -> bool:
    """Say whether a key stands anywhere in a file, as JSON writes it."""
    written = {json.dumps(column, ensure_ascii=ascii_only).encode() for ascii_only in (True, False)}
    return any(key in block for block in line_blocks(file, 0, file.path.stat().st_size) for key in written)


def json_columns(file: File, wanted: set[str], named: str | None) -> list[str]:
    """Return the keys of a file's first objects, looking no further than it takes to see all that are wanted."""
    seen: dict[str, None] = {}
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    before = b""
    with _first_objects(file, named) as objects:
        for number, text in enumerate(objects):
            if number == 1 and before.removeprefix(BOM).strip() == b"{" and text.lstrip()[:1] == b'"':
                message = (
                    f"{file}: is one JSON object over several lines, expected an array of records or a record a line. "
                    "Take its records out, for example with: jq -c '.records[]'"
                )
                raise DataError(message)
            before = text
            try:
                seen.update(dict.fromkeys(decoder.decode(text.removeprefix(BOM))))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # a broken line is the reader's to report
            if wanted <= seen.keys():
                break
    return list(seen)


@contextmanager
def _first_objects(file: File, named: str | None) -> Generator[Iterator[bytes]]:
    if arrays.is_array(file, named):
        yield (text for elements, _ in islice(arrays.element_blocks(file), 1) for _, text in elements)
        return
    with open_bytes(file) as stream:
        yield islice(iter(partial(stream.readline, PROBED_BYTES), b""), PROBED_LINES)


def _no_column(need: Need, given: Sequence[str], where: str, columns: Sequence[str]) -> DataError:
    named = [*columns, *given]
    near = did_you_mean(need.column, named)
    return DataError(f"recipe.{need.path}: no column '{need.column}' in {where}.{near}{choices_line('columns', named)}")
