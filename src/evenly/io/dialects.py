"""What a CSV file is written like: its encoding and its delimiter, found in its bytes where the recipe names none.

Both are a function of the file's bytes alone. UTF-8 is taken for granted unless the bytes say otherwise: a byte order
mark of UTF-16 or UTF-32, or three lines and more that are no UTF-8 and most of those that are not ASCII. (A few bad
lines in a file of UTF-8 are bad lines.) charset-normalizer then tells what such lines are written in.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import IO, TYPE_CHECKING, Final

from charset_normalizer import from_bytes

from evenly.errors import DataError
from evenly.io.blocks import File
from evenly.io.streams import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DELIMITERS: Final = (",", ";", "\t", "|")
"""What may stand between fields, the likelier first."""

UTF8: Final = "utf-8-sig"
"""UTF-8, with or without a byte order mark."""

MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LIKELY: Final = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "mac_roman"),
    *("cp932", "gb18030", "big5", "cp949", "koi8_r"),
]
"""Encodings that tables are written in."""

PROBED_BYTES: Final = 2**26
"""How far lines that are not ASCII are looked for."""

PROBED_LINES: Final = 200
"""How many of them are looked at."""

FEWEST: Final = 3
"""Lines that are no UTF-8 before another encoding is thought of."""

RECORDS: Final = 50
"""Records whose fields are counted for each delimiter."""


@dataclass(frozen=True)
class Dialect:
    """How a file is read: a Python codec's name, and what stands between fields."""

    encoding: str = UTF8
    delimiter: str = ","

    def told(self) -> dict[str, str]:
        """Return what is not as usual, for the user: by name."""
        encoding = {"encoding": self.encoding} if self.encoding != UTF8 else {}
        return encoding | ({"delimiter": self.delimiter} if self.delimiter != "," else {})


def dialect_of(file: File) -> Dialect:
    """Return how a file is written, by the recipe where it says so, else by the file's bytes.

    Raises:
        DataError: for an encoding that there is not, or bytes that can't be unpacked.
    """
    stat = file.path.stat()
    return _dialect(file.path, file.delimiter, file.encoding, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=10_000)
def _dialect(path: Path, delimiter: str | None, encoding: str | None, size: int, changed: int) -> Dialect:
    """Find a dialect; size and time of change only tell one state of the file from another."""
    del size, changed
    file = File.at(path)
    named = encoding or _encoding(file)
    return Dialect(named, delimiter or _delimiter(file, named))


def _encoding(file: File) -> str:
    with open_bytes(file) as stream:
        start = stream.read(4)
        marked = next((name for mark, name in MARKS if start.startswith(mark)), None)
    if marked is not None:
        return marked
    lines = list(islice(_beyond_ascii(file), PROBED_LINES))
    wrong = [line for line in lines if not _is_utf8(line)]
    if len(wrong) < FEWEST or 2 * len(wrong) <= len(lines):
        return UTF8
    sample = b"".join(wrong)
    best = from_bytes(sample, cp_isolation=LIKELY).best()
    if best is None or sample.decode(best.encoding, "replace") == sample.decode(LIKELY[0], "replace"):
        return LIKELY[0]  # the commonest of those that read the same
    return best.encoding


def _beyond_ascii(file: File) -> Iterator[bytes]:
    """Yield the first lines that are not ASCII."""
    read = 0
    with open_bytes(file) as stream:
        while read < PROBED_BYTES and (block := stream.readlines(2**20)):
            read += sum(map(len, block))
            yield from (line for line in block if not line.isascii())


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(file: File, encoding: str) -> str:
    """Return what most records agree on: the delimiter that cuts most of the first ones into as many as the header."""
    with open_bytes(file) as stream, open_text(file, stream, encoding) as text:
        sample = text.read(2**18)
    scores: Counter[str] = Counter()
    for place, delimiter in enumerate(DELIMITERS):
        widths = _widths(sample, delimiter)
        if widths and widths[0] > 1:
            agreeing = sum(width == widths[0] for width in widths) / len(widths)
            scores[delimiter] = round(1_000_000 * agreeing) * 100 + min(widths[0], 90) - place
    return scores.most_common(1)[0][0] if scores else DELIMITERS[0]


def _widths(sample: str, delimiter: str) -> list[int]:
    widths: list[int] = []
    with suppress(csv.Error):  # what was read until then is enough to judge by
        for fields in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), RECORDS):
            widths += [len(fields)] if fields else []
    return widths[:-1] if len(widths) > 2 and len(sample) == 2**18 else widths  # noqa: PLR2004 - the last may be cut


def open_text(file: File, stream: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """Open bytes as text; bytes that are none in the encoding become lone surrogates, or U+FFFD in UTF-16 and -32."""
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
    try:
        return io.TextIOWrapper(stream, encoding=encoding, errors=errors, newline="")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except LookupError:
        message = f"{file}: there is no encoding '{encoding}'. Name one of Python's: utf-8, cp1252, utf-16, …"
        raise DataError(message) from None
