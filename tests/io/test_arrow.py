"""Arrow files: read like Parquet of the same table, whatever its types; damaged ones are one clear line."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, ipc

from evenly.errors import DataError
from evenly.io import arrow
from evenly.io.blocks import File

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Reader

TABLE = pa.table(
    {
        "text": pa.array(["a", None, "é"] * 9),
        "large": pa.array(["a", None, "b"] * 9, pa.large_string()),
        "view": pa.array(["a", None, "b"] * 9, pa.string_view()),
        "word": pa.array(["a", None, "a"] * 9).dictionary_encode(),
        "whole": pa.array([1, None, 3] * 9, pa.int8()),
        "big": pa.array([2**63, None, 1] * 9, pa.uint64()),
        "half": pa.array([0.5, None, float("nan")] * 9, pa.float32()),
        "yes": pa.array([True, None, False] * 9),
        "day": pa.array([dt.date(2024, 1, 2), None, None] * 9),
        "time": pa.array([dt.datetime(2024, 1, 2, 3, 4), None, None] * 9, pa.timestamp("us")),  # noqa: DTZ001 - a naive one
        "money": pa.array([decimal.Decimal("1.50"), None, None] * 9, pa.decimal128(9, 2)),
        "words": pa.array([["a", None], None, []] * 9),
        "lists": pa.array([[["a"]], None, []] * 9),
        "fixed": pa.array([[1, 2], None, [3, 4]] * 9, pa.list_(pa.int64(), 2)),
        "object": pa.array([{"k": 1, "l": ["x"]}, None, {"k": None, "l": None}] * 9),
        "nothing": pa.nulls(27),
    }
)


def as_stream(table: Any, path: Path) -> None:
    with ipc.new_stream(str(path), table.schema) as out:
        out.write_table(table, max_chunksize=10)


def as_file(table: Any, path: Path) -> None:
    with ipc.new_file(str(path), table.schema, options=ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_table(table, max_chunksize=10)


def as_feather(table: Any, path: Path) -> None:
    feather.write_feather(table, str(path), chunksize=10)


WRITERS: list[Callable[[Any, Path], None]] = [as_stream, as_file, as_feather]
KINDS: list[tuple[str, Any]] = [
    *[(name, "any") for name in ("text", "large", "view", "word", "whole", "big", "yes", "day", "nothing")],
    *[(name, "number") for name in ("whole", "big", "half", "money", "nothing")],
    *[(name, "text") for name in ("text", "word", "whole", "half", "yes", "day", "time", "money", "nothing")],
    *[(name, "list") for name in ("words", "text", "nothing")],
    *[(name, "json") for name in TABLE.column_names],
]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_column_is_read_as_from_parquet(
    read: Reader, tmp_path: Path, write: Callable[[Any, Path], None], name: str, kind: Any
) -> None:
    one = TABLE.select([name])
    write(one, tmp_path / "a.arrow")
    pq.write_table(one, tmp_path / "a.parquet", row_group_size=10)
    found, expected = read(tmp_path / "a.arrow", **{name: kind}), read(tmp_path / "a.parquet", **{name: kind})
    assert (found.rows, found.lines, found.types, found.dtypes) == (
        expected.rows,
        expected.lines,
        expected.types,
        expected.dtypes,
    )
    assert found.lines == list(range(1, 28))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("name", "kind"), [("lists", "list"), ("object", "text"), ("text", "number"), ("fixed", "any")]
)
def test_what_does_not_fit_its_use_is_refused(
    read: Reader, tmp_path: Path, write: Callable[[Any, Path], None], name: str, kind: Any
) -> None:
    write(TABLE, tmp_path / "a.arrow")
    with pytest.raises(DataError, match=rf"column '{name}' of .*a\.arrow is .*, expected"):
        read(tmp_path / "a.arrow", **{name: kind})


def test_a_file_of_batches_is_several_pieces_and_a_stream_is_one(read: Reader, tmp_path: Path) -> None:
    as_file(TABLE, tmp_path / "file.arrow")
    as_stream(TABLE, tmp_path / "stream.arrow")
    assert read(tmp_path / "file.arrow", text="text").pieces == 3
    assert read(tmp_path / "stream.arrow", text="text").pieces == 1


def test_a_large_batch_is_read_in_blocks(read: Reader, tmp_path: Path) -> None:
    ipc.new_file(str(tmp_path / "a.arrow"), pa.schema({"n": pa.int64()})).close()
    with ipc.new_file(str(tmp_path / "a.arrow"), pa.schema({"n": pa.int64()})) as out:
        out.write_table(pa.table({"n": range(25_000)}))
    found = read(tmp_path / "a.arrow", n="any")
    assert (found.blocks, found["n"]) == (3, list(range(25_000)))


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("cut", [0, 1, 7, 100, 2000])
def test_a_file_cut_short_is_one_clear_line(
    read: Reader, tmp_path: Path, write: Callable[[Any, Path], None], cut: int
) -> None:
    write(TABLE, path := tmp_path / "a.arrow")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a\.arrow: can't be read: .*Check the file"):
        read(path, text="text")


def test_a_number_that_is_none_stays_what_it_was_where_it_is_only_passed_through(read: Reader, tmp_path: Path) -> None:
    as_file(TABLE.select(["half"]), tmp_path / "a.arrow")
    assert str(read(tmp_path / "a.arrow", half="any")["half"][:3]) == "[0.5, None, nan]"


def test_the_columns_are_named_with_what_they_are(tmp_path: Path) -> None:
    as_stream(TABLE, tmp_path / "a.arrow")
    found = arrow.header_of(File.at(tmp_path / "a.arrow"))
    assert {name: found[name] for name in ("text", "word", "view", "whole", "half", "yes", "nothing")} == {
        **dict.fromkeys(("text", "word", "view"), "text"),
        "whole": "integer",
        "half": "number",
        "yes": "bool",
        "nothing": "null",
    }
