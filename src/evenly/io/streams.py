"""Bytes of a file as newline-aligned blocks, unpacked on the way."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, cast

import zstandard

from evenly.io.blocks import BLOCK_BYTES, is_compressed, unreadable

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


@contextmanager
def open_bytes(path: Path) -> Generator[IO[bytes]]:
    """Open a file for reading its bytes, those of .gz and .zst unpacked.

    Raises:
        DataError: when it can't be opened, or its packed bytes are damaged.
    """
    try:
        if path.suffix == ".gz":
            with gzip.open(path, "rb") as stream:
                yield cast("IO[bytes]", stream)
        elif path.suffix == ".zst":
            with (
                path.open("rb") as raw,
                zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as stream,
            ):
                yield cast("IO[bytes]", stream)
        else:
            with path.open("rb") as stream:
                yield stream
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as fault:
        raise unreadable(path, fault) from None


def line_blocks(path: Path, start: int, stop: int) -> Iterator[bytes]:
    """Yield whole lines of a file in blocks of about 16 MB, each ending in a newline but for the file's last.

    For a plain file these are the lines that begin within bytes start..stop: a line that crosses `stop` belongs to
    the range in which it begins, so that ranges of a file share its lines out without a gap. Packed files are read
    whole.
    """
    with open_bytes(path) as stream:
        limit = None if is_compressed(path) else stop
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
