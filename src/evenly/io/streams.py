"""Bytes of a file as newline-aligned blocks, unpacked on the way."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final, cast

import zstandard

from evenly.io.blocks import BLOCK_BYTES, is_compressed, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from evenly.io.blocks import File


class _Frames(io.RawIOBase):
    """The bytes of packed frames, one after the other.

    zstandard's own reader takes a file cut short for a whole one, and that of bz2 a damaged second frame for the end.
    """

    def __init__(self, packed: IO[bytes], new_frame: Callable[[], Any]) -> None:
        """Read frames from `packed`, each with a decompressor of its own."""
        self._packed = packed
        self._new_frame = new_frame
        self._frame = new_frame()
        self._open = False
        self._left = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        """Fill `buffer` with unpacked bytes; return how many, 0 at the end.

        Raises:
            EOFError: when the file ends within a frame.
        """
        while not self._ready:
            packed = self._left or self._packed.read(2**20)
            if not packed:
                if self._open:
                    message = "the compressed file ends before its end-of-stream mark"
                    raise EOFError(message)
                return 0
            self._ready = memoryview(self._frame.decompress(packed))  # cut without copying
            self._open = not self._frame.eof
            self._left = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = self._new_frame()
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


def _zstd_frame() -> Any:  # noqa: ANN401 - zstandard does not export the type
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()


FRAMES: Final[dict[str, Callable[[], Any]]] = {".zst": _zstd_frame, ".bz2": bz2.BZ2Decompressor}
"""Ending -> what unpacks one frame: `decompress`, `eof` and `unused_data`."""


@contextmanager
def open_bytes(file: File) -> Generator[IO[bytes]]:
    """Open a file for reading its bytes, those of .gz, .zst and .bz2 unpacked.

    Raises:
        DataError: when it can't be opened, or its packed bytes are damaged.
    """
    suffix = file.path.suffix
    try:
        if suffix == ".gz":
            with gzip.open(file.path, "rb") as stream:
                yield cast("IO[bytes]", stream)
        elif suffix in FRAMES:
            with (
                file.path.open("rb") as raw,
                io.BufferedReader(_Frames(raw, FRAMES[suffix]), 2**20) as stream,
            ):
                yield cast("IO[bytes]", stream)
        else:
            with file.path.open("rb") as stream:
                yield stream
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as fault:
        raise unreadable(file, fault) from None


def line_blocks(file: File, start: int, stop: int) -> Iterator[bytes]:
    """Yield whole lines of a file in blocks of about 16 MB, each ending in a newline but for the file's last.

    For a plain file these are the lines that begin within bytes start..stop: a line that crosses `stop` belongs to
    the range in which it begins, so that ranges of a file share its lines out without a gap. Packed files are read
    whole.
    """
    with open_bytes(file) as stream:
        limit = None if is_compressed(file) else stop
        if start and limit is not None:
            stream.seek(start - 1)
            start += len(stream.readline()) - 1  # the rest of a line that an earlier range owns
        place = start
        while limit is None or place < limit:
            block = stream.read(BLOCK_BYTES if limit is None else min(BLOCK_BYTES, limit - place))
            if not block:
                return
            if not block.endswith(b"\n"):
                block += stream.readline()
            place += len(block)
            yield block
