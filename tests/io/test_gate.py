"""Types of Arrow's that Polars panics at or does not know: read as what they mean, or told row by row."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from evenly.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Reader

arrow: Any = pa
FAR = 2**31 - 1
"""Days since 1970 that lie millions of years ahead."""


@pytest.fixture(params=["parquet", "arrow"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"rows.{request.param}"


def write(path: Path, *columns: Any) -> Path:
    table = arrow.table(dict(zip("vw", columns, strict=False)))
    if path.suffix == ".parquet":
        pq.write_table(table, path)
        return path
    with ipc.new_file(str(path), table.schema) as out:
        out.write_table(table)
    return path


def test_a_decimal_of_256_bits_is_a_number(read: Reader, path: Path) -> None:
    column = arrow.array([Decimal("1.25"), None], arrow.decimal256(50, 2))
    assert read(write(path, column), v="number")["v"] == [1.25, None]


def test_one_of_more_digits_than_can_be_held_is_told(read: Reader, path: Path) -> None:
    with pytest.raises(DataError, match=r"can't be read: .*[Dd]ecimal"):
        read(write(path, arrow.array([Decimal(10) ** 60], arrow.decimal256(76, 2))), v="number")


@pytest.mark.parametrize("kind", ["any", "text", "list", "json"])
def test_a_date_beyond_all_calendars_costs_its_row(read: Reader, path: Path, kind: Any) -> None:
    column = arrow.array([0, FAR, None, -FAR], arrow.date32())
    table = read(write(path, column, arrow.array(["a", "b", "c", "d"])), v=kind, w="text")
    assert table["w"] == ["a", "c"]
    reason = "wrong type: 'v' is beyond the years 1 to 9999, expected a date or a duration that Python has"
    assert [(line, why, json.loads(raw)) for line, why, raw in table.bad] == [
        (2, reason, {"w": "b"}),
        (4, reason, {"w": "d"}),
    ]


def test_a_moment_and_a_duration_beyond_python_cost_their_rows(read: Reader, path: Path) -> None:
    moments = arrow.array([0, -(2**62)], arrow.timestamp("us", "UTC"))
    spans = arrow.array([2**62, 1], arrow.duration("ms"))
    table = read(write(path, moments, spans), v="any", w="any", __record__="record")
    assert table.rows == []
    assert [line for line, _, _ in table.bad] == [1, 2]


def test_dates_beyond_all_calendars_within_lists_are_told(read: Reader, path: Path) -> None:
    with pytest.raises(DataError, match="column 'v' holds what is beyond the years"):
        read(write(path, arrow.array([[FAR]], arrow.list_(arrow.date32()))), v="json")


def test_a_time_zone_that_is_an_offset_is_read_as_utc(read: Reader, path: Path) -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    table = read(write(path, arrow.array([moment], arrow.timestamp("us", "+05:30"))), v="any", w="text")
    assert table["v"] == [moment]


def test_a_map_is_a_list_of_keys_and_values(read: Reader, path: Path) -> None:
    column = arrow.array([[("k", 1)], None, []], arrow.map_(arrow.string(), arrow.int64()))
    assert read(write(path, column), v="json")["v"] == ['[{"key": "k", "value": 1}]', None, "[]"]


@pytest.mark.parametrize(("kind", "read_as"), [("any", "PT5S"), ("text", "PT5S"), ("json", "PT5S"), ("list", ["PT5S"])])
def test_a_duration_is_text_as_iso_8601_has_it(read: Reader, path: Path, kind: Any, read_as: Any) -> None:
    column = arrow.array([timedelta(seconds=5), None], arrow.duration("us"))
    assert read(write(path, column), v=kind)["v"] == [read_as, None]


def test_binary_that_is_no_text_costs_its_row(read: Reader, path: Path) -> None:
    table = read(write(path, arrow.array([b"text", b"\xff", None])), v="json")
    assert table["v"] == ["text", None]
    assert [(line, why) for line, why, _ in table.bad] == [(2, "not UTF-8: 'v' is binary, expected text")]


def test_dates_of_a_dictionary_are_dates(read: Reader, tmp_path: Path) -> None:
    column = arrow.array([date(2024, 1, 1), date(2024, 1, 1)]).dictionary_encode()
    assert read(write(tmp_path / "rows.arrow", column), v="text")["v"] == ["2024-01-01"] * 2
