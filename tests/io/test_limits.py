"""Limits that name themselves: lines of absurd length, packed files that unpack to absurd size."""

from __future__ import annotations

import bz2
import gzip
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import zstandard

from evenly.errors import DataError
from evenly.io import csvs, streams
from evenly.io.blocks import File
from evenly.io.streams import Overlong, line_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Reader


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of 100 bytes are the longest, blocks have 64."""
    for module in (streams, csvs):
        monkeypatch.setattr(module, "LINE_BYTES", 100)
    monkeypatch.setattr(streams, "BLOCK_BYTES", 64)


LONG = b'{"a": "' + b"x" * 400 + b'"}'


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_a_line_that_is_too_long_is_rejected_and_reading_goes_on(
    read: Reader, tmp_path: Path, name: str, end: bytes
) -> None:
    content = b'{"a": 1}\n{"a": 2}\n' + LONG + b'\n\n{"a": 3}\n' + LONG + end
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    found = read(tmp_path / name, a="any")
    assert (found["a"], found.lines) == (["1", "2", "3"], [1, 2, 5])
    assert [(line, reason) for line, reason, _ in found.bad] == [(3, "longer than 64 MiB"), (6, "longer than 64 MiB")]
    assert found.bad[0][2].startswith('{"a": "xxx')


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("edges", [[0, 40, 300, 466], [0, 9, 466], [0, 17, 18, 19, 466]])
def test_ranges_share_out_a_file_with_a_long_line(tmp_path: Path, edges: list[int]) -> None:
    content = b'{"a": 1}\n{"a": 2}\n' + LONG + b'\n{"a": 3}\n'
    assert len(content) < 466
    (tmp_path / "x.jsonl").write_bytes(content)
    blocks = [
        block
        for start, stop in pairwise(edges)
        for block in line_blocks(File.at(tmp_path / "x.jsonl"), start, min(stop, len(content)))
    ]
    assert sum(isinstance(block, Overlong) for block in blocks) == 1
    assert b"".join(block for block in blocks if not isinstance(block, Overlong)) == b'{"a": 1}\n{"a": 2}\n{"a": 3}\n'


@pytest.mark.usefixtures("short")
def test_a_csv_line_that_is_too_long_is_rejected_and_reading_goes_on(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f'a,b\n1,2\n{"x" * 500},3\n4,5\n"open\n{"y" * 300}",6\n7,8\n', encoding="utf-8")
    found = read(tmp_path / "x.csv", a="text")
    assert found["a"] == ["1", "4", "7"]
    assert [line for line, _, _ in found.bad] == [3, 5, 6]
    assert {reason for _, reason, _ in found.bad} == {"not CSV: longer than 64 MiB"}


PEAK = """
import resource, sys
from pathlib import Path
from evenly.io.blocks import File
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.recipe.needs import Need
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = bad = 0
for piece in cut_into_pieces([File.at(Path(sys.argv[1]))], None):
    for block in read_blocks(piece, [Need("a", "any", "x")]):
        rows, bad = rows + block.frame.height, bad + len(block.rejected)
print(rows, bad, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_a_line_of_600_megabytes_takes_the_memory_of_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "x.jsonl.gz").open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as out:
        out.write(b'{"a": 1}\n{"a": "')
        for _ in range(600):
            out.write(b"x" * 2**20)
        out.write(b'"}\n{"a": 2}\n')
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(tmp_path / "x.jsonl.gz")], capture_output=True, text=True, check=True
    )
    rows, bad, kilobytes = map(int, done.stdout.split())
    assert (rows, bad) == (2, 1)
    assert kilobytes < 350_000


@pytest.mark.parametrize("ending", ["gz", "zst", "bz2"])
def test_a_file_that_unpacks_to_absurd_size_is_refused(
    read: Reader, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "UNPACKED_BYTES", 2**20)
    monkeypatch.setattr(streams, "UNPACKED_RATIO", 100)
    pack = {"gz": gzip.compress, "zst": zstandard.ZstdCompressor().compress, "bz2": bz2.compress}[ending]
    path = tmp_path / f"x.jsonl.{ending}"
    path.write_bytes(pack(b'{"a": 1}\n' * 100_000))
    assert len(read(path, a="any").rows) == 100_000
    path.write_bytes(pack(b'{"a": 1}\n' * 3_000_000))
    with pytest.raises(
        DataError, match=rf"x\.jsonl\.{ending}: unpacks to more than \d MiB, 100 times its size.*Unpack it"
    ):
        read(path, a="any")


def test_a_zstandard_window_beyond_the_limit_is_named(read: Reader, tmp_path: Path) -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=30, enable_ldm=True)
    out = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    (tmp_path / "x.jsonl.zst").write_bytes(out.compress(b'{"a": 1}\n') + out.flush())
    with pytest.raises(DataError, match=r"refers back further than 256 MiB. Pack it anew"):
        read(tmp_path / "x.jsonl.zst", a="any")
