"""Bytes of a file as newline-aligned blocks, unpacked on the way."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final, cast

import zstandard

from evenly.errors import DataError
from evenly.io.blocks import BLOCK_BYTES, COMPRESSIONS, LINE_BYTES, SHOWN_BYTES, is_compressed, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from evenly.io.blocks import File


BOM: Final = b"\xef\xbb\xbf"
"""What some programs put before UTF-8."""


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


class _Counted(io.RawIOBase):
    """Unpacked bytes, as long as they are in proportion to the packed ones."""

    def __init__(self, unpacked: IO[bytes], file: File, packed: int) -> None:
        """Read from `unpacked`, which `packed` bytes of a file hold."""
        self._unpacked = unpacked
        self._file = file
        self._limit = max(UNPACKED_BYTES, UNPACKED_RATIO * packed)
        self._left = self._limit

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - any writable buffer
        """Fill `buffer`; return how many bytes it was, 0 at the end.

        Raises:
            DataError: beyond the limit.
        """
        data = self._unpacked.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            message = (
                f"{self._file}: unpacks to more than {self._limit // 2**20:,} MiB, {UNPACKED_RATIO} times its size, as "
                "no real data do. Unpack it yourself if it is meant: plain files have no such limit."
            )
            raise DataError(message)
        buffer[: len(data)] = data
        return len(data)


def _zstd_frame() -> Any:  # noqa: ANN401 - zstandard does not export the type
    return zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES).decompressobj()


UNPACKED_BYTES: Final = 2**30
"""What any packed file may unpack to."""

UNPACKED_RATIO: Final = 1_000
"""How many times its size a packed file may unpack to beyond that: real text packs to a tenth, of which a line that
repeats for gigabytes may make a five-hundredth. A gzip of nothing but zeros reaches 1,030."""

WINDOW_BYTES: Final = 2**28
"""How far back a .zst file may refer (`--long=28`), which is the memory that reading it takes."""

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
        with file.path.open("rb") as raw:
            if suffix not in COMPRESSIONS:
                yield raw
                return
            unpacked = (
                gzip.GzipFile(fileobj=raw) if suffix == ".gz" else io.BufferedReader(_Frames(raw, FRAMES[suffix]))
            )
            counted = _Counted(cast("IO[bytes]", unpacked), file, file.path.stat().st_size)
            with unpacked, io.BufferedReader(counted, 2**20) as stream:
                yield cast("IO[bytes]", stream)
    except zstandard.ZstdError as fault:
        if "too much memory" not in str(fault):
            raise unreadable(file, fault) from None
        message = f"{file}: refers back further than {WINDOW_BYTES // 2**20} MiB. Pack it anew with --long=28 at most."
        raise DataError(message) from None
    except (OSError, EOFError, zlib.error) as fault:
        raise unreadable(file, fault) from None


class Overlong(bytes):
    """The first bytes of a line that is longer than `LINE_BYTES`; the rest of it was passed over."""

    __slots__ = ()


def line_blocks(file: File, start: int, stop: int) -> Iterator[bytes]:
    """Yield whole lines of a file in blocks of about 16 MB, each ending in a newline but for the file's last.

    For a plain file these are the lines that begin within bytes start..stop: a line that crosses `stop` belongs to
    the range in which it begins, so that ranges of a file share its lines out without a gap. Packed files are read
    whole. A line that is too long comes as an `Overlong` of its own, without its end.
    """
    with open_bytes(file) as stream:
        limit = None if is_compressed(file) else stop
        place = start
        if start and limit is not None:
            stream.seek(start - 1)
            place += _pass_over(stream) - 1  # the rest of a line that an earlier range owns
        while limit is None or place < limit:
            block = stream.read(BLOCK_BYTES if limit is None else min(BLOCK_BYTES, limit - place))
            if not block:
                return
            place += len(block)
            if not block.endswith(b"\n"):
                rest = stream.readline(LINE_BYTES)
                place += len(rest)
                if len(rest) == LINE_BYTES and not rest.endswith(b"\n"):
                    place += _pass_over(stream)
                    whole, newline, begun = block.rpartition(b"\n")
                    if newline:
                        yield whole + newline
                    yield Overlong((begun + rest)[:SHOWN_BYTES])
                    continue
                block += rest
            yield block


def _pass_over(stream: IO[bytes]) -> int:
    """Read to the end of a line, however long it is; return the bytes read."""
    passed = 0
    while rest := stream.readline(BLOCK_BYTES):
        passed += len(rest)
        if rest.endswith(b"\n"):
            break
    return passed
