"""Packed bytes: .gz and .zst, several frames, cut short, not what they say."""

from __future__ import annotations

import bz2
import gzip
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.errors import DataError
from evenly.io import streams
from evenly.io.blocks import File
from evenly.io.streams import line_blocks, open_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Reader

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
}
CONTENT = b"".join(b"line %d %d\n" % (number, number * 7919 % 1000) for number in range(30_000))
in_one_folder = settings(max_examples=50)


def unpacked(path: Path) -> bytes:
    with open_bytes(File.at(path)) as stream:
        return stream.read()


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("content", [b"", b"a", b"a\nb\n", CONTENT], ids=["empty", "byte", "lines", "long"])
def test_packed_bytes_come_back(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(PACK[ending](content))
    assert unpacked(path) == content
    with open_bytes(File.at(path)) as stream:
        assert list(stream) == content.splitlines(keepends=True)


@pytest.mark.parametrize("ending", PACK)
def test_several_frames_are_one_stream(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(PACK[ending](b"a\nb") + PACK[ending](b"") + PACK[ending](b"c\n"))
    assert b"".join(line_blocks(File.at(path), 0, 0)) == b"a\nbc\n"


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("left_out", [1, 4, 1_000, 20_000])
def test_a_file_cut_short_is_one_clear_line(tmp_path: Path, ending: str, left_out: int) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(PACK[ending](CONTENT)[:-left_out])
    with pytest.raises(DataError) as caught:
        unpacked(path)
    assert str(caught.value).startswith(f"{path}: can't be read: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", PACK)
def test_a_second_frame_cut_short_is_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(PACK[ending](b"a\n") + PACK[ending](CONTENT)[:-5])
    with pytest.raises(DataError, match="can't be read"):
        unpacked(path)


@pytest.mark.parametrize("ending", PACK)
@pytest.mark.parametrize("content", [b"plain text, not packed\n", b"\x00\x01"])
def test_bytes_that_are_not_packed_are_one_clear_line(tmp_path: Path, ending: str, content: bytes) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(content)
    with pytest.raises(DataError, match="can't be read"):
        unpacked(path)


@pytest.mark.parametrize("ending", PACK)
def test_bytes_after_the_end_are_told(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(PACK[ending](CONTENT) + b"garbage")
    with pytest.raises(DataError, match="can't be read"):
        unpacked(path)


def test_damaged_bytes_are_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(CONTENT))
    packed[len(packed) // 2] ^= 255
    path = tmp_path / "x.gz"
    path.write_bytes(bytes(packed))
    with pytest.raises(DataError, match="can't be read"):
        unpacked(path)


def test_zstandard_with_a_long_window(tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=28, enable_ldm=True)
    out = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    path = tmp_path / "x.zst"
    path.write_bytes(out.compress(CONTENT) + out.flush())
    assert unpacked(path) == CONTENT


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.gz", "x.zst", "x.bz2"):
        with pytest.raises(DataError, match="can't be read: No such file"):
            unpacked(tmp_path / name)


@in_one_folder
@given(
    content=st.lists(st.sampled_from([b"\n", b"\r", b"a", b"bcdef"]), max_size=30).map(b"".join),
    cuts=st.lists(st.integers(0, 80), max_size=5),
    size=st.integers(1, 20),
)
def test_ranges_share_the_bytes_out(tmp_path: Path, content: bytes, cuts: list[int], size: int) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(content)), len(content)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "BLOCK_BYTES", size)
        read = [list(line_blocks(File.at(path), start, stop)) for start, stop in pairwise(edges)]
    blocks = [block for some in read for block in some]
    assert b"".join(blocks) == content
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    for (start, stop), some in zip(pairwise(edges), read, strict=True):
        begun = sum(1 for place in range(start, stop) if place == 0 or content[place - 1 : place] == b"\n")
        assert sum(block.count(b"\n") + (not block.endswith(b"\n")) for block in some) == begun


@pytest.mark.parametrize("ending", PACK)
def test_packed_json_lines_are_read(read: Reader, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x.jsonl{ending}"
    path.write_bytes(PACK[ending](b'{"id": "a"}\n{bad\n\n{"id": "b"}'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "BLOCK_BYTES", 4)
        table = read(path, id="text")
    assert list(zip(table.lines, table["id"], strict=True)) == [(1, "a"), (4, "b")]
    assert [line for line, _, _ in table.bad] == [2]
    assert table.pieces == 1
