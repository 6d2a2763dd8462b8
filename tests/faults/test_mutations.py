"""Mutated files: hundreds of each format end in rows that add up, or in one clear line; never in a traceback."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
import zstandard
from pyarrow import ipc

import evenly
from evenly.errors import DataError, UserError
from evenly.io.blocks import File
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import check_columns
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults

MUTATIONS = 300
RUNS = 8
"""Mutated files of each format that go through a whole run."""

NEEDS = [
    Need("sku", "text", "sources[0].id"),
    Need("price", "number", "balance.strata[0].column"),
    Need("title", "any", "template.prompt"),
    Need("tags", "list", "curate[0].join.columns"),
    Need("more", "json", "sources[0].as_text"),
]
ROWS: list[dict[str, Any]] = [
    {
        "sku": f"s{n}",
        "price": n % 7 + 0.5,
        "title": f'thing "{n}", ' + "é日\n"[n % 3] * (n % 5),
        "tags": ["a", f"b{n}"],
        "more": {"k": [n, None]},
    }
    for n in range(40)
]
LINES = b"".join(json.dumps(row, ensure_ascii=n % 2 == 0).encode() + b"\n" for n, row in enumerate(ROWS))
FLAT = pl.DataFrame([{**row, "tags": "a b", "more": "{}"} for row in ROWS])


def packed(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out, row_group_size=15)
    return out.getvalue()


def arrow(*, stream: bool) -> bytes:
    out = io.BytesIO()
    table: Any = pl.DataFrame(ROWS).to_arrow(compat_level=pl.CompatLevel.oldest())
    open_writer: Any = ipc.new_stream if stream else ipc.new_file
    with open_writer(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=15)
    return out.getvalue()


@dataclass(frozen=True)
class Format:
    """A file of a format, and how many rows its bytes hold where one can tell without reading them."""

    name: str
    content: bytes
    rows: Callable[[bytes], int] | None = None


def lines_of(content: bytes) -> int:
    return sum(bool(line.strip()) for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"))


FORMATS = [
    Format("x.jsonl", LINES, lines_of),
    Format("x.jsonl.gz", gzip.compress(LINES)),
    Format("x.jsonl.zst", zstandard.ZstdCompressor().compress(LINES)),
    Format("x.jsonl.bz2", bz2.compress(LINES)),
    Format("x.json", json.dumps(ROWS, indent=1).encode()),
    Format("x.csv", FLAT.write_csv().encode()),
    Format("x.csv.gz", gzip.compress(FLAT.write_csv().encode())),
    Format("x.tsv", FLAT.write_csv(separator="\t").encode()),
    Format("x.parquet", packed(pl.DataFrame(ROWS))),
    Format("x.arrow", arrow(stream=False)),
    Format("x.arrows", arrow(stream=True)),
]


def mutated(content: bytes, dice: random.Random) -> bytes:
    """Change some bytes: flip, delete, insert, double, cut off, move a stretch."""
    made = bytearray(content)
    for _ in range(dice.choice([1, 1, 2, 5])):
        if not made:
            break
        at = dice.randrange(len(made))
        length = dice.choice([1, 2, 8, 100])
        match dice.randrange(7):
            case 0:
                made[at] ^= 1 << dice.randrange(8)
            case 1:
                del made[at : at + length]
            case 2:
                made[at:at] = dice.randbytes(length)
            case 3:
                made[at:at] = made[at : at + length]
            case 4:
                del made[at:]
            case 5:
                stretch = bytes(made[at : at + length])
                del made[at : at + length]
                made[(where := dice.randrange(len(made) + 1)) : where] = stretch
            case _:
                made[at:at] = dice.choice(
                    [b"\n", b'"', b"\x00", b"\xff", b"{", b"]", b",", b"\r", b"\xed\xa0\x80", b"NaN"]
                )
    return bytes(made)


def assert_clear(fault: Exception) -> None:
    text = str(fault)
    assert len(text) < 700, text
    assert text.count("\n") <= 6, text
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", text), repr(text)


def read(path: Path) -> int:
    """Read a file as a run would; return its rows, good and bad, or -1 where it is refused."""
    file = File.at(path)
    named = "arrow" if path.suffix == ".arrows" else None
    try:
        check_columns([file], NEEDS, named)
        rows = 0
        for piece in cut_into_pieces([file], named):
            for block in read_blocks(piece, NEEDS):
                rows += block.frame.height + len(block.rejected)
                lines = block.frame["__line__"].to_list() + [one.line for one in block.rejected]
                assert len(set(lines)) == len(lines)
                assert all(one.reason for one in block.rejected)
    except DataError as fault:
        assert_clear(fault)
        return -1
    return rows


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_mutated_file_ends_in_rows_or_in_one_clear_line(tmp_path: Path, form: Format) -> None:
    path = tmp_path / form.name
    path.write_bytes(form.content)
    assert read(path) == len(ROWS)
    outcomes: list[int] = []
    for seed in range(MUTATIONS):
        content = mutated(form.content, random.Random(f"{form.name} {seed}"))
        path.write_bytes(content)
        outcomes.append(read(path))
        if form.rows is not None and outcomes[-1] >= 0:
            assert outcomes[-1] == form.rows(content), seed
    assert -1 in outcomes or form.rows is not None
    assert any(rows > 0 for rows in outcomes) or path.suffix in {".gz", ".bz2"}  # which carry a checksum


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_run_over_a_mutated_file_adds_up_or_leaves_nothing(tmp_path: Path, form: Format) -> None:
    path = tmp_path / form.name
    recipe: dict[str, Any] = {
        "name": "mutated",
        "sources": [{"name": "shop", "files": str(path), "id": "sku", "as_text": "more", "duplicate_ids": "drop"}],
        "curate": [{"join": {"columns": ["tags"], "into": "words"}}],
        "template": {"prompt": "{title} {words}", "completion": "{price:.1f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 3},
        "max_bad_fraction": 1.0,
    }
    if path.suffix == ".arrows":
        recipe["sources"][0]["format"] = "arrow"
    whole = 0
    for seed in range(RUNS):
        path.write_bytes(mutated(form.content, random.Random(f"{form.name} run {seed}")))
        out = tmp_path / f"out-{seed}"
        try:
            rows = evenly.run(recipe, out).manifest["rows"]
        except UserError as fault:
            assert_clear(fault)
            assert not out.exists()
            continue
        whole += 1
        assert rows["read"] == rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"]
        assert rows["quarantined"] == len((out / "quarantine.jsonl").read_text(encoding="utf-8").splitlines())
        assert rows["kept"] == pl.read_parquet(out / "ledger" / "kept-*.parquet").height
    assert whole or form.name.endswith(("gz", "zst", "bz2", "parquet", "arrow", "arrows"))


def test_every_format_of_a_source_is_mutated() -> None:
    from evenly.io.blocks import COMPRESSIONS
    from evenly.io.blocks import FORMATS as ENDINGS

    tried = {form.name for form in FORMATS}
    kinds = {ENDINGS[f".{name.split('.')[1]}"] for name in tried if f".{name.split('.')[1]}" in ENDINGS}
    assert kinds == set(ENDINGS.values())
    assert {f".{name.rpartition('.')[2]}" for name in tried} >= set(COMPRESSIONS)
    assert pa.__version__
