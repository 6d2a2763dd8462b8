"""What DATA stands for: files, globs, folders and addresses made into the sources of a recipe.

Files of one format and one set of columns whose names differ in a part are one source, and the part becomes a column.
Files without a common name are a source each.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wcmatch import glob

from evenly.errors import DataError, choices_line, did_you_mean
from evenly.io.blocks import COMPRESSIONS, FORMATS, File, format_of
from evenly.io.folders import MARKS
from evenly.io.sources import HEADERS, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evenly.io.remote import Phase

MOST_SOURCES: Final = 12
"""Files without a common name that become a source each; more are one source."""

LISTED: Final = 3
"""Files that a source names one by one, where a glob would do."""

LETTERS: Final = 3
"""Letters that names have in common before they are taken for parts of one set."""

SPLITS: Final = frozenset({"train", "test", "valid", "validation", "val", "dev", "eval"})

SHARD: Final = re.compile(r"[\d._-]*(?:of[\d._-]*)?|[0-9a-f]{8,}")
"""What differs in the names of a set's shards; it says nothing of what they hold."""

SIGNS: Final = ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"{", "jsonl"), (b"[", "json"))
"""What a file begins with -> its format, where its ending says none."""

UNKNOWN: Final = {b"PK": "an Excel or zip file", b"\x1f\x8b": "a packed file", b"SQLite": "a database"}


@dataclass(frozen=True)
class Given:
    """One source of the recipe to be: its files and what they are.

    Attributes:
        name: of the source, fit for a recipe.
        patterns: paths, globs or addresses as they lie from the working folder.
        files: what these stand for, sorted by name.
        format: the format; `named` says that the recipe has to name it, since the endings do not.
        types: of a table's columns, in their order: column -> what it is read as; empty for JSON.
        from_path: a pattern whose group is the part of the path in which the files differ, or None.
    """

    name: str
    patterns: tuple[str, ...]
    files: tuple[File, ...]
    format: str
    named: bool
    types: dict[str, str]
    from_path: str | None = None


def sources_of(data: Sequence[str], phase: Phase) -> list[Given]:
    """Return the sources that DATA stands for, in the order of their first files.

    Raises:
        DataError: for what is not there, holds no data, or can't be read.
    """
    found: dict[str, tuple[File, str]] = {}
    for word in data:
        for file in _files(word, phase):
            found.setdefault(file.name, (file, word))
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[File]] = {}
    for file, _ in found.values():
        kind = _format(file)
        types = HEADERS[kind](file) if kind in HEADERS else {}
        groups.setdefault((kind, tuple(types.items())), []).append(file)
    sources: list[Given] = []
    for (kind, types), files in groups.items():
        for own, pattern in _sets(files):
            words = {found[file.name][1] for file in own}
            alone = len(own) == sum(word in words for _, word in found.values())
            patterns = _patterns(own, words, alone=alone)
            named = not any(_is_known(file) for file in own)
            sources.append(Given(_name(own, words), patterns, tuple(own), kind, named, dict(types), pattern))
    return _renamed(sources)


def slug(text: str) -> str:
    """Return a text as a name that a recipe takes: `Meta 2023.jsonl` becomes `meta-2023.jsonl`."""
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-._") or "data"


def stem_of(name: str) -> str:
    """Return a file's name without folders and endings."""
    base = name.rstrip("/").rpartition("/")[2]
    for ending in (*COMPRESSIONS, *FORMATS):
        base = base.removesuffix(ending)
    return base


def relative(pattern: str, folder: Path) -> str:
    """Return a path or glob as it is named from a folder; addresses and absolute paths stay as they are."""
    if "://" in pattern or Path(pattern).is_absolute():
        return pattern
    return Path(os.path.relpath(pattern, folder)).as_posix()


def _files(word: str, phase: Phase) -> list[File]:
    """Return the files that one word of DATA stands for."""
    if "://" in word:
        return find([word], "DATA", phase)
    path = Path(word)
    if path.is_dir() and not any((path / mark).is_file() for mark in MARKS):
        return _in_folder(path)
    if not path.exists() and not glob.glob(word, flags=glob.GLOBSTAR | glob.BRACE):
        raise _nothing(word)
    return find([word], "DATA", phase)


def _in_folder(folder: Path) -> list[File]:
    """Return a folder's data files, those of its folders where it has none; JSON files only where all are."""
    for paths in (folder.iterdir(), folder.rglob("*")):
        here = [path for path in sorted(paths) if path.is_file() and not path.name.startswith(".") and _ends(path)]
        tables = [path for path in here if _ends(path) != ".json"]
        if here:
            return [File.at(path) for path in tables or here]
    held = sorted(path.name for path in folder.iterdir())
    message = f"DATA: '{folder}' holds no data files ({', '.join(FORMATS)}, packed or not). Name a folder that does."
    raise DataError(message + (choices_line("it holds", held) if held else ""))


def _ends(path: Path) -> str | None:
    suffix = [one for one in path.suffixes if one not in COMPRESSIONS]
    return suffix[-1] if suffix and suffix[-1] in FORMATS else None


def _nothing(word: str) -> DataError:
    """Return the error for a word that stands for nothing, with the nearest names beside it."""
    folder = Path(word).parent
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    near = did_you_mean(Path(word).name, there)
    data = [name for name in there if _ends(Path(name))]
    shown = choices_line(f"data in {folder}", data) if data else ""
    return DataError(f"DATA: there is no '{word}' (from {Path.cwd()}).{near}{shown}")


def _is_known(file: File) -> bool:
    return _ends(file.path) is not None


def _format(file: File) -> str:
    """Return a file's format by its ending, or by what it begins with.

    Raises:
        DataError: for a file that is no table and no text.
    """
    if _is_known(file):
        return format_of(file, None)
    with file.path.open("rb") as stream:
        start = stream.read(512)
    kind = next((kind for sign, kind in SIGNS if start.lstrip().startswith(sign)), "csv")
    other = next((what for sign, what in UNKNOWN.items() if start.startswith(sign)), None)
    if other or (kind == "csv" and b"\x00" in start):
        message = f"DATA: {file} is {other or 'no text'}. Give JSON Lines, CSV, Parquet or Arrow files."
        raise DataError(message)
    return kind


def _sets(files: Sequence[File]) -> list[tuple[list[File], str | None]]:
    """Return files of one shape as sets that are a source each, with the pattern of what differs in their paths."""
    stems = [stem_of(file.name) for file in files]
    folders = {file.place.rpartition("/")[0] for file in files}
    if len(files) == 1 or (len(folders) == 1 and set(stems) <= SPLITS):
        return [(list(files), None)]
    if len(folders) > 1:
        above = os.path.commonpath(sorted(folders))
        return [(list(files), _telling(rf"{re.escape(above.rpartition('/')[2])}/([^/]+)/", files))]
    start = _beginning(stems)
    end = _beginning([stem[len(start) :][::-1] for stem in stems])[::-1]
    if all(SHARD.fullmatch(stem[len(start) : len(stem) - len(end)]) for stem in stems):
        return [(list(files), None)]
    start, end = re.sub(r"[^\W_]+$", "", start), re.sub(r"^[^\W_]+", "", end)  # a part of a word says nothing
    if sum(map(str.isalpha, start)) >= LETTERS:
        parts = [stem[len(start) : len(stem) - len(end)] for stem in stems]
        part = r"(\w+)" if all(re.fullmatch(r"\w+", part) for part in parts) else "([^/]+?)"
        return [(list(files), _telling(rf"{re.escape(start)}{part}{re.escape(end)}", files))]
    if len(files) > MOST_SOURCES:
        return [(list(files), _telling("([^/]+?)", files))]
    return [([file], None) for file in files]


def _telling(pattern: str, files: Sequence[File]) -> str | None:
    """Return a pattern of what differs in some paths, up to their endings; None where it does not tell them apart."""
    if not pattern.endswith("/"):
        pattern += r"\.[^/]*$" if all("." in file.place.rpartition("/")[2] for file in files) else "[^/]*$"
    found = [re.search(pattern, file.place) for file in files]
    values = {match[1] for match in found if match is not None}
    return pattern if None not in found and len(values) > 1 else None


def _patterns(files: Sequence[File], words: set[str], *, alone: bool) -> tuple[str, ...]:
    """Return how a recipe names some files: as they were given, by a glob of their own, or one by one.

    With `alone` the words of DATA stand for these files and no others.
    """
    word = next(iter(words))
    if len(words) == 1 and alone and (not Path(word).is_dir() or _marked(word)):
        return (word,)
    names = [file.name for file in files]
    if len(names) > LISTED:
        start, end = _beginning(names), _beginning([name[::-1] for name in names])[::-1]
        pattern = f"{start}*{end}"
        if not glob.is_magic(start + end) and sorted(glob.glob(pattern)) == sorted(names):
            return (pattern,)
    return tuple(sorted(names))


def _beginning(texts: Sequence[str]) -> str:
    """Return what all texts begin with, character by character."""
    return os.path.commonprefix(list(texts))  # noqa: RUF071 - names share characters, not folders


def _marked(word: str) -> bool:
    return any((Path(word) / mark).is_file() for mark in MARKS)


def _name(files: Sequence[File], words: set[str]) -> str:
    """Return what a source is called: as its file, or the beginning that its files' names share, or their folder."""
    if len(files) == 1:
        return slug(stem_of(files[0].name))
    start = _beginning([stem_of(file.name) for file in files]).strip("-_. 0123456789")
    folder = files[0].name.rpartition("/")[0].rpartition("/")[2]
    word = next(iter(words)) if len(words) == 1 else ""
    return slug(start if len(start) >= LETTERS and start != "meta" else folder or start or stem_of(word))


def _renamed(sources: Iterable[Given]) -> list[Given]:
    """Return the sources under names of which none stands twice."""
    taken: set[str] = set()
    found: list[Given] = []
    for source in sources:
        name, number = source.name, 2
        while name in taken:
            name, number = f"{source.name}-{number}", number + 1
        taken.add(name)
        found.append(replace(source, name=name))
    return found
