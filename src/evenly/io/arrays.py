"""JSON arrays: `[{…}, {…}]`, over as many lines as it likes, cut into its elements in the memory of a block.

The cut looks at quotes, brackets and commas alone, so that an element that is no JSON within is one bad row. Where the
brackets themselves don't match, nothing after it can be told apart: that is an error with its line, since all that
follows would be lost. Elements are numbered as rows of a table are: many may stand in one line, and a record is known
by its piece and its number.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from evenly.errors import DataError
from evenly.io.blocks import BLOCK_BYTES, LINE_BYTES, TOO_LONG
from evenly.io.streams import BOM, open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenly.io.blocks import File

    Element = tuple[int, bytes]

SPACE: Final = b" \t\r\n"
TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
"""A whole text, or one of the characters that structure is made of; a lone quote is a text that goes on."""


def is_array(file: File, named: str | None) -> bool:
    """Say whether a file is an array: by the format that the recipe names, or a `.json` by its first character."""
    if named is not None or ".json" not in file.path.suffixes:
        return named == "json"
    with open_bytes(file) as stream:
        return stream.read(2**16).removeprefix(BOM).lstrip(SPACE).startswith(b"[")


def element_blocks(file: File) -> Iterator[tuple[list[Element], int]]:
    """Yield the elements of an array in blocks of about 16 MB, each with its place from 0, and how many it has.

    Raises:
        DataError: where the array breaks off, something stands after it, or an element is too long.
    """
    scan = _Scan(file)
    with open_bytes(file) as stream:
        while data := stream.read(BLOCK_BYTES):
            before = scan.elements
            elements = scan.feed(data)
            yield elements, scan.elements - before
    scan.end()


class _Scan:
    """Where in an array the reading stands: what is left of an element that goes on, its depth and its line."""

    def __init__(self, file: File) -> None:
        """Begin before the array."""
        self._file = file
        self._left = b""
        self._depth = 0
        self._closed = False
        self._first = True
        self.line = 0
        """Lines before what is left."""
        self.elements = 0
        """Elements before what is left."""

    def feed(self, data: bytes) -> list[Element]:
        """Return the elements that end in the next bytes."""
        if self._first:
            data, self._first = data.removeprefix(BOM), False
        data = self._left + data
        found: list[Element] = []
        begun = 0
        for token in TOKEN.finditer(data):
            mark = token[0]
            if mark == b'"':
                break  # a text that the next bytes end
            if len(mark) > 1 or (mark == b"," and self._depth != 1):
                continue
            begun = self._structure(data, begun, token, found)
        self._left, self._depth = data[begun:], min(self._depth, 1)  # what is left is read again from its beginning
        if not self._depth and self._left.strip(SPACE):
            self._refuse("something stands outside the array")
        if len(self._left) > LINE_BYTES:
            self._refuse(f"an element is {TOO_LONG}")
        return found

    def _structure(self, data: bytes, begun: int, token: re.Match[bytes], found: list[Element]) -> int:
        """Take a bracket, or a comma between elements; return where what is not yet taken begins."""
        mark = token[0]
        if mark == b",":
            return self._element(data, begun, token.start(), token.end(), found)
        if mark in b"[{":
            self._depth += 1
            if self._depth > 1:
                return begun
            if self._closed or data[begun : token.start()].strip(SPACE) or mark != b"[":
                self._refuse("something stands outside the array")
            return self._count(data, begun, token.end())
        self._depth -= 1
        if self._depth < 0:
            self._refuse("something stands outside the array")
        if self._depth:
            return begun
        self._closed = True
        if mark != b"]":
            self._refuse("a bracket does not match")
        if data[begun : token.start()].strip(SPACE):
            return self._element(data, begun, token.start(), token.end(), found)
        return self._count(data, begun, token.end())

    def end(self) -> None:
        """Say that there is no more.

        Raises:
            DataError: when the array is still open.
        """
        if self._depth:
            lead = len(self._left) - len(self._left.lstrip(SPACE))
            self.line += self._left.count(b"\n", 0, lead)
            self._refuse("the array is not closed")

    def _element(self, data: bytes, begun: int, stop: int, after: int, found: list[Element]) -> int:
        found.append((self.elements, data[begun:stop].strip(SPACE)))
        self.elements += 1
        return self._count(data, begun, after)

    def _count(self, data: bytes, begun: int, after: int) -> int:
        self.line += data.count(b"\n", begun, after)
        return after

    def _refuse(self, text: str) -> None:
        message = (
            f"{self._file}:{self.line + 1}: {text}, so its elements can't be told apart from here on. Mend the file, "
            "or make JSON Lines of it."
        )
        raise DataError(message)
