"""Parquet by row groups: types, nested values as text, rows numbered, damage told."""

from __future__ import annotations

import datetime as dt
import decimal
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evenly.errors import DataError
from evenly.io import parquet
from evenly.io.blocks import File
from evenly.io.readers import cut_into_pieces

if TYPE_CHECKING:
    from pathlib import Path

    from evenly.recipe.needs import Kind

    from .conftest import Reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.parquet"


def write(path: Path, rows_per_group: int = 100, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=rows_per_group)
    return path


def test_row_groups_are_pieces_and_rows_are_numbered_through(read: Reader, path: Path) -> None:
    write(path, rows_per_group=3, id=[f"r{number}" for number in range(10)])
    table = read(path, id="text")
    assert table["id"] == [f"r{number}" for number in range(10)]
    assert table.lines == list(range(1, 11))
    assert table.pieces == 4
    assert [piece.lines for piece in cut_into_pieces([File.at(path)], None)] == [0, 3, 6, 9]


def test_batches_within_a_row_group_are_numbered_through(
    read: Reader, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BATCH_ROWS", 4)
    write(path, rows_per_group=6, id=list(range(12)))
    table = read(path, id="any")
    assert table["id"] == list(range(12))
    assert table.lines == list(range(1, 13))
    assert table.blocks == 4


def test_a_file_without_rows_has_nothing_to_read(read: Reader, path: Path) -> None:
    assert read(write(path, id=pa.array([], pa.string())), id="text").rows == []


@pytest.mark.parametrize(
    ("array", "kind", "values", "dtype"),
    [
        (pa.array([1, None], pa.int8()), "any", [1, None], "Int64"),
        (pa.array([1, None], pa.int64()), "any", [1, None], "Int64"),
        (pa.array([0.5, None], pa.float32()), "any", [0.5, None], "Float64"),
        (pa.array(["a", None], pa.large_string()), "any", ["a", None], "String"),
        (pa.array([True, None]), "any", [True, None], "Boolean"),
        (pa.array(["a", None, "a"]).dictionary_encode(), "any", ["a", None, "a"], "String"),
        (pa.array([dt.date(2023, 5, 1)]), "any", [dt.date(2023, 5, 1)], "Date"),
        (pa.array([1, None], pa.int8()), "number", [1.0, None], "Float64"),
        (pa.array([decimal.Decimal("1.50")]), "number", [1.5], "Float64"),
        (pa.array([1, None], pa.int8()), "text", ["1", None], "String"),
        (pa.array(["a", None]), "list", [["a"], None], "List(String)"),
        (pa.array([["a", None], None, []]), "list", [["a", None], None, []], "List(String)"),
        (pa.array([[1, 2]]), "list", [["1", "2"]], "List(String)"),
        (pa.array(["a", None]), "json", ["a", None], "String"),
        (pa.array([1, None]), "json", ["1", None], "String"),
    ],
)
def test_values_keep_their_type_or_become_the_kinds(
    read: Reader, path: Path, array: Any, kind: Kind, values: list[Any], dtype: str
) -> None:
    table = read(write(path, v=array), v=kind)
    assert table["v"] == values
    assert table.dtypes == {"v": dtype}


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [], None],
        [[[1], [2, 3]], [[]], None],
        [{"a": 1, "é": "ü"}, {"a": None, "é": None}, None],
        [{"a": [1.5, None], "b": {"c": "x"}}, None],
        [[{"a": 1}, {"a": 2}], None],
    ],
)
def test_nested_values_as_text_are_json(read: Reader, path: Path, values: list[Any]) -> None:
    expected = [None if value is None else json.dumps(value) for value in values]
    assert read(write(path, v=pa.array(values)), v="json")["v"] == expected


@pytest.mark.parametrize(
    ("array", "kind", "found", "wanted"),
    [
        (pa.array(["1"]), "number", "String", "a number"),
        (pa.array([True]), "number", "Boolean", "a number"),
        (pa.array([["a"]]), "text", "List", "as_text"),
        (pa.array([{"a": 1}]), "any", "Struct", "as_text"),
        (pa.array([[["a"]]]), "list", "List", "as_text"),
        (pa.array([b"a"]), "text", "Binary", "as_text"),
    ],
)
def test_a_column_of_a_wrong_type_is_refused(
    read: Reader, path: Path, array: Any, kind: Kind, found: str, wanted: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(write(path, v=array), v=kind)
    message = str(caught.value)
    assert message.startswith("recipe.as.v: column 'v' of ")
    assert found in message
    assert wanted in message


def test_real_tables_are_read(read: Reader, shared_data: Path) -> None:
    path = shared_data / "retail" / "best-buy.parquet"
    table = read(path, id="any", title="text", details="json", price="number")
    frame = pl.read_parquet(path)
    assert len(table.rows) == frame.height
    assert table["title"] == frame["title"].to_list()
    assert table["price"] == frame["price"].to_list()


# ---------------------------------------------------------------- damage


def damaged(path: Path, change: bytes | slice) -> Path:
    write(path, v=[f"value {number}" for number in range(2_000)])
    content = path.read_bytes()
    path.write_bytes(content[change] if isinstance(change, slice) else change)
    return path


@pytest.mark.parametrize("change", [b"", b"hello", b"x" * 500, slice(0, -20)])
def test_what_is_no_parquet_file_is_one_clear_line(path: Path, change: bytes | slice) -> None:
    with pytest.raises(DataError) as caught:
        cut_into_pieces([File.at(damaged(path, change))], None)
    message = str(caught.value)
    assert message.startswith(f"{path}: can't be read: ")
    assert "\n" not in message


def test_damaged_pages_are_one_clear_line(read: Reader, path: Path) -> None:
    damaged(path, slice(None))
    content = bytearray(path.read_bytes())
    content[100:400] = b"\xff" * 300
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="can't be read") as caught:
        read(path, v="text")
    assert "\n" not in str(caught.value)


def test_text_that_is_not_utf8_is_one_clear_line(read: Reader, path: Path) -> None:
    offsets = b"".join(number.to_bytes(4, "little") for number in (0, 2, 4))
    text = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(offsets), pa.py_buffer(b"\xff\xfeab")])
    with pytest.raises(DataError, match="can't be read"):
        read(write(path, v=text), v="text")


def test_a_map_is_read_or_refused_but_never_a_traceback(read: Reader, path: Path) -> None:
    write(path, v=pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())))
    try:
        value = read(path, v="json")["v"]
    except DataError as fault:
        assert str(path) in str(fault)  # noqa: PT017 - either outcome is fine
    else:
        assert json.loads(value[0])


def test_two_columns_of_one_name_are_refused(path: Path) -> None:
    array: Any = pa.array(["a"])
    pq.write_table(pa.Table.from_arrays([array, array], ["c", "c"]), path)
    with pytest.raises(DataError, match="two columns have the name"):
        parquet.header_of(File.at(path))
