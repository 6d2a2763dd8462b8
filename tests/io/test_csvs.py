"""CSV held to Python's own csv where it is sound, and told row by row where it is not."""

from __future__ import annotations

import csv
import gzip
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.errors import DataError
from evenly.io import csvs
from evenly.io.blocks import File

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Reader

in_one_folder = settings(max_examples=100)
FIELD = st.text(st.sampled_from('ab ,"\n\r;\té日'), max_size=6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@in_one_folder
@given(rows=st.lists(st.tuples(FIELD, FIELD), max_size=10), quote_all=st.booleans())
def test_what_a_csv_writer_writes_is_read(
    read: Reader, tmp_path: Path, rows: list[tuple[str, str]], quote_all: bool
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerows([("a", "b"), *rows])
    table = read(write(tmp_path / "w.csv", out.getvalue()), a="text", b="any")
    assert table.bad == []
    assert [(row["a"], row["b"]) for row in table.rows] == [(a or None, b or None) for a, b in rows]


def test_rows_are_numbered_by_their_first_line(read: Reader, path: Path) -> None:
    write(path, '\ufeffid,text\r\na,"one\r\n\r\nthree"\r\n\r\nb,x\r\n,\r\nc,"y"')
    table = read(path, id="text", text="text")
    assert table["id"] == ["a", "b", None, "c"]
    assert table["text"] == ["one\r\n\r\nthree", "x", None, "y"]
    assert table.lines == [2, 6, 7, 8]
    assert table.bad == []


def test_kinds(read: Reader, path: Path) -> None:
    write(path, "n,l,j,a\n 1.5 ,x,{},7\n,,,\n1e400,,,\n")
    table = read(path, n="number", l="list", j="json", a="any")
    assert table.rows == [
        {"n": 1.5, "l": ["x"], "j": "{}", "a": "7"},
        {"n": None, "l": None, "j": None, "a": None},
        {"n": float("inf"), "l": None, "j": None, "a": None},
    ]
    assert table.dtypes == {"n": "Float64", "l": "List(String)", "j": "String", "a": "String"}


@pytest.mark.parametrize(
    ("number", "value"),
    [(" 5", 5.0), ("5 ", 5.0), ("+5", 5.0), (".5", 0.5), ("5.", 5.0), ("-1e-3", -0.001), ("inf", float("inf"))],
)
def test_numbers_as_python_reads_them(read: Reader, path: Path, number: str, value: float) -> None:
    assert read(write(path, f"n\n{number}\n"), n="number")["n"] == [value]


@pytest.mark.parametrize("number", ["1_000", "$5", "from 12.99", "—", "0x10", "1,5", "1e", "true"])
def test_a_wrong_number_is_told(read: Reader, path: Path, number: str) -> None:
    table = read(write(path, f'id,n\na,1\nb,"{number}"\nc,3\n'), id="text", n="number")
    assert table["n"] == [1.0, 3.0]
    assert table.bad == [(3, f"wrong type: 'n' is '{number}', expected a number", f'b,"{number}"')]


def test_ragged_rows_are_told(read: Reader, path: Path) -> None:
    table = read(write(path, "id,x\na,1\nb\nc,1,2\nd,4\n"), id="text", x="any")
    assert table["id"] == ["a", "d"]
    assert table.bad == [(3, "1 fields, the header has 2", "b"), (4, "3 fields, the header has 2", "c,1,2")]


def test_rows_that_are_not_utf8_are_told(read: Reader, path: Path) -> None:
    table = read(write(path, b"id,x\na,1\nb,\xff\nc,3\n"), id="text")
    assert table["id"] == ["a", "c"]
    assert table.bad == [(3, "not UTF-8", "b,\\xff")]


def test_a_quote_that_never_closes_costs_one_row(read: Reader, path: Path) -> None:
    rows = [f"r{number},x" for number in range(200)]
    rows[50] = 'r50,"never closed'
    table = read(write(path, "id,x\n" + "\n".join(rows) + "\n"), id="text", x="any")
    assert table["id"] == [f"r{number}" for number in range(200) if number != 50]
    assert table.lines == [number + 2 for number in range(200) if number != 50]
    assert [(line, raw) for line, _, raw in table.bad] == [(52, 'r50,"never closed')]


def test_a_quote_open_for_too_long_is_given_up(read: Reader, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvs, "RECORD_LINES", 5)
    body = 'a,"open\n' + "".join(f"r{number},x\n" for number in range(20)) + 'z,"closed\nhere"\n'
    table = read(write(path, "id,x\n" + body), id="text", x="any")
    assert table["id"] == [*(f"r{number}" for number in range(20)), "z"]
    assert [line for line, _, _ in table.bad] == [2]


@pytest.mark.parametrize("row", ['b,"x"y', 'b,"x" ', '"b,x'])
def test_broken_quotes_are_told_with_their_raw_text(read: Reader, path: Path, row: str) -> None:
    table = read(write(path, f"id,x\na,1\n{row}\nc,3\n"), id="text", x="any")
    assert table["id"] == ["a", "c"]
    ((line, reason, raw),) = table.bad
    assert (line, raw) == (3, row)
    assert reason.startswith("not CSV: ")


def test_every_line_is_a_row_or_bad_whatever_its_quotes(read: Reader, path: Path) -> None:
    rows = [f"r{number},{'' if number % 3 else chr(34)}x" for number in range(60)]
    table = read(write(path, "id,x\n" + "\n".join(rows) + "\n"), id="text", x="any")
    covered = {*table.lines, *(line for line, _, _ in table.bad)}
    for line, following in zip(table.lines, [*table.lines[1:], 62], strict=True):
        covered |= set(range(line, following))  # a record may hold the lines up to the next
    assert covered >= set(range(2, 62))
    assert {f"r{number}" for number in range(60) if number % 3 == 2} <= set(table["id"])


def test_blocks_of_rows(read: Reader, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvs, "BLOCK_ROWS", 3)
    table = read(write(path, "id\n" + "".join(f"r{number}\n" for number in range(9))), id="text")
    assert table["id"] == [f"r{number}" for number in range(9)]
    assert table.lines == list(range(2, 11))
    assert table.blocks == 3


def test_a_long_field_and_a_nul_are_text(read: Reader, path: Path) -> None:
    write(path, 'id,x\na,"' + "y" * 300_000 + '"\nb,\0\n')
    table = read(path, id="text", x="any")
    assert table["x"] == ["y" * 300_000, "\0"]


def test_a_field_beyond_the_limit_is_told(read: Reader, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvs, "LINE_BYTES", 100)
    table = read(write(path, f"id,x\na,1\nb,{'y' * 200}\nc,3\n"), id="text", x="any")
    assert table["id"] == ["a", "c"]
    assert [(line, len(raw)) for line, _, raw in table.bad] == [(3, 100)]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_beyond_the_limit_takes_no_other_with_it(
    read: Reader, path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    monkeypatch.setattr(csvs, "LINE_BYTES", 100)
    table = read(write(path, end.join(["id,x", "a,1", f"b,{'y' * 250}", "c,3", "d,4", ""])), id="text", x="any")
    assert table["id"] == ["a", "c", "d"]
    assert [line for line, _, _ in table.bad] == [3]


def test_a_header_that_is_no_text_is_told_where_whole_rows_name_records(read: Reader, path: Path) -> None:
    write(path, b"id,caf\xe9\na,1\n")
    assert read(path, id="text")["id"] == ["a"]
    with pytest.raises(DataError, match=r"rows.csv:1: the header line is not UTF-8.*`encoding`"):
        read(path, id="text", __record__="record")


def test_packed(read: Reader, tmp_path: Path) -> None:
    path = write(tmp_path / "rows.csv.gz", gzip.compress(b"id,x\na,1\n"))
    assert read(path, x="any")["x"] == ["1"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "no header"),
        ("\ufeff", "no header"),
        ('"id,x\na,1\n', "header"),
        ('"id"x,y\n', "header"),
        ("id,x,id\n1,2,3\n", "two columns have the name"),
    ],
)
def test_a_file_without_a_sound_header_is_refused(path: Path, content: str, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        csvs.header_of(File.at(write(path, content)))
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < 400
