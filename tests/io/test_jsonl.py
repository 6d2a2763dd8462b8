"""JSON Lines held to Python's own json, line by line, however the file is cut."""

from __future__ import annotations

import json
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.io import readers, streams

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from evenly.recipe.needs import Kind

    from .conftest import Reader, Table

in_one_folder = settings(max_examples=150)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@contextmanager
def blocks_of(size: int) -> Generator[None]:
    """Read by blocks and pieces of `size` bytes for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "BLOCK_BYTES", size)
        patch.setattr(streams, "BLOCK_BYTES", size)
        yield


def lines(path: Path, *rows: str | bytes, end: bytes = b"\n") -> Path:
    path.write_bytes(b"".join((row if isinstance(row, bytes) else row.encode()) + end for row in rows))
    return path


def one(read: Reader, path: Path, text: str | bytes, kind: Kind = "any") -> Any:
    """Return the value that a single line gives for column `v`."""
    table = read(lines(path, text), v=kind)
    assert table.bad == []
    return table.rows[0]["v"]


def refused(read: Reader, path: Path, text: str | bytes, **kinds: Kind) -> str:
    """Return why a line, the second of three, is refused; its neighbours must be read all the same."""
    wanted: dict[str, Kind] = {"id": "text", "v": "any", **kinds}
    table = read(lines(path, '{"id": "a"}', text, '{"id": "c"}'), None, **wanted)
    assert table["id"] == ["a", "c"]
    assert table.lines == [1, 3]
    ((line, reason, _),) = table.bad
    assert line == 2
    return reason


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("content", "ids", "numbers"),
    [
        (b'{"id":"a"}\n{"id":"b"}\n', ["a", "b"], [1, 2]),
        (b'{"id":"a"}\n{"id":"b"}', ["a", "b"], [1, 2]),
        (b'\n\n{"id":"a"}\n  \t\n{"id":"b"}\n\n', ["a", "b"], [3, 5]),
        (b'{"id":"a"}\r\n\r\n{"id":"b"}\r\n', ["a", "b"], [1, 3]),
        (b'\xef\xbb\xbf{"id":"a"}\n{"id":"b"}', ["a", "b"], [1, 2]),
        (b'\xef\xbb\xbf\n{"id":"a"}', ["a"], [2]),
        (b'  {"id" : "a" }  \n', ["a"], [1]),
        (b'{"id":"a\xe2\x80\xa8b\xc2\x85c"}\n{"id":"b"}\n', ["a\u2028b\x85c", "b"], [1, 2]),
        (b"", [], []),
        (b"\xef\xbb\xbf", [], []),
        (b"\n", [], []),
    ],
    ids=[
        "plain",
        "no last newline",
        "blank lines",
        "CRLF",
        "BOM",
        "BOM alone",
        "spaces",
        "Unicode newlines",
        "empty",
        "only a BOM",
        "one newline",
    ],
)
def test_rows_are_numbered_by_their_line(
    read: Reader, path: Path, content: bytes, ids: list[str], numbers: list[int]
) -> None:
    path.write_bytes(content)
    table = read(path, id="text")
    assert table["id"] == ids
    assert table.lines == numbers
    assert table.bad == []


LINE = st.sampled_from(["", " ", "{broken", "[1]", '{"id": "\u00e9\u65e5"}', '{"id": 1}', '{"id": "' + "x" * 40 + '"}'])


@in_one_folder
@given(
    content=st.lists(LINE, max_size=12),
    size=st.integers(1, 60),
    last=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_cutting_anywhere_reads_every_line_once(
    read: Reader, tmp_path: Path, content: list[str], size: int, last: bool, ending: str
) -> None:
    path = tmp_path / "cut.jsonl"
    text = ending.join(content) + (ending if last and content else "")
    path.write_bytes(text.encode())
    expected_good = [
        (number, str(json.loads(line)["id"]))
        for number, line in enumerate(content, 1)
        if line.startswith("{") and line != "{broken"
    ]
    expected_bad = [(number, line) for number, line in enumerate(content, 1) if line in {"{broken", "[1]"}]
    with blocks_of(size):
        table = read(path, id="text")
    assert list(zip(table.lines, table["id"], strict=True)) == expected_good
    assert [(line, raw) for line, _, raw in table.bad] == expected_bad
    assert table.pieces == max(1, -(-len(text.encode()) // size))


def test_a_piece_that_lies_within_one_line_reads_nothing(read: Reader, path: Path) -> None:
    lines(path, f'{{"id": "{"x" * 100}"}}', '{"id": "b"}')
    with blocks_of(10):
        table = read(path, id="text")
    assert table.lines == [1, 2]
    assert table.pieces == 13
    assert table.blocks == 2


def test_blocks_do_not_cut_what_is_read_at_once(read: Reader, path: Path) -> None:
    lines(path, *(f'{{"id": "{number}"}}' for number in range(50)))
    with blocks_of(10**6):
        table = read(path, id="text")
    assert (table.blocks, len(table.rows)) == (1, 50)


# ---------------------------------------------------------------- values


@in_one_folder
@given(value=VALUES, ascii_only=st.booleans(), tight=st.booleans())
def test_as_text_is_json_dumps_of_the_parsed_value(
    read: Reader, tmp_path: Path, value: Any, ascii_only: bool, tight: bool
) -> None:
    separators = (",", ":") if tight else (" , ", " : ")
    text = json.dumps({"v": value}, ensure_ascii=ascii_only, separators=separators)
    expected = value if value is None or isinstance(value, str) else json.dumps(json.loads(text)["v"])
    assert one(read, tmp_path / "v.jsonl", text, "json") == expected


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("1.0", "1.0"),
        ("1e5", "100000.0"),
        ("1E-7", "1e-07"),
        ("-0", "0"),
        ("-0.0", "-0.0"),
        ("0.1000", "0.1"),
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("true", "true"),
        ("null", None),
        ('"null"', "null"),
        ('""', ""),
        ("{}", "{}"),
        ("[]", "[]"),
        ('{ "a":1,"b":[ 1.50,null,"x"] }', '{"a": 1, "b": [1.5, null, "x"]}'),
        (r'{"a": "é\u00e9\/\"\\\n"}', r'{"a": "\u00e9\u00e9/\"\\\n"}'),
        (r'{"a": "\ud83d\ude00😀"}', r'{"a": "\ud83d\ude00\ud83d\ude00"}'),
        ('{"b": 1, "a": 2, "b": 3}', '{"b": 3, "a": 2}'),
    ],
)
def test_as_text_by_hand(read: Reader, path: Path, written: str, text: str | None) -> None:
    assert one(read, path, f'{{"v": {written}}}', "json") == text


def test_as_text_keeps_what_real_details_hold(read: Reader, shared_data: Path) -> None:
    path = shared_data / "amazon-2023" / "raw-shape-rows.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    table = read(path, details="json", parent_asin="text", features="list", price="json")
    assert table.bad == []
    assert table["details"] == [json.dumps(row["details"]) for row in rows]
    assert table["features"] == [row["features"] for row in rows]
    assert table["parent_asin"] == [row["parent_asin"] for row in rows]


@in_one_folder
@given(value=SCALARS)
def test_a_scalar_is_read_as_any_text_list_alike(read: Reader, tmp_path: Path, value: Any) -> None:
    line = json.dumps({"v": value})
    expected = value if value is None or isinstance(value, str) else json.dumps(value)
    assert one(read, tmp_path / "v.jsonl", line, "any") == expected
    assert one(read, tmp_path / "v.jsonl", line, "text") == expected
    assert one(read, tmp_path / "v.jsonl", line, "list") == (None if value is None else [expected])


@in_one_folder
@given(value=st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_pythons_float(read: Reader, tmp_path: Path, value: float | None) -> None:
    got = one(read, tmp_path / "v.jsonl", json.dumps({"v": value}), "number")
    assert got == (None if value is None else float(value))


@in_one_folder
@given(rows=st.lists(st.none() | st.lists(st.none() | TEXTS, max_size=3), max_size=20))
def test_lists_of_text(read: Reader, tmp_path: Path, rows: list[list[str | None] | None]) -> None:
    table = read(lines(tmp_path / "l.jsonl", *(json.dumps({"v": row}) for row in rows)), v="list")
    assert table["v"] == rows


def test_lists_hold_any_scalars_as_text(read: Reader, path: Path) -> None:
    assert one(read, path, '{"v": ["a", 1, 1.0, true, null]}', "list") == ["a", "1", "1.0", "true", None]


def test_absent_columns_are_null(read: Reader, path: Path) -> None:
    table = read(lines(path, "{}"), a="any", b="text", c="number", d="list", e="json")
    assert table.rows == [{"a": None, "b": None, "c": None, "d": None, "e": None}]
    assert table.dtypes == {"a": "String", "b": "String", "c": "Float64", "d": "List(String)", "e": "String"}


def test_dtypes_hold_without_a_row(read: Reader, path: Path) -> None:
    table = read(lines(path, "{bad"), a="any", c="number", d="list", e="json")
    assert table.dtypes == {"a": "String", "c": "Float64", "d": "List(String)", "e": "String"}


def test_the_last_of_repeated_keys_counts(read: Reader, path: Path) -> None:
    expected: list[tuple[Kind, Any]] = [("any", "2"), ("json", "2"), ("number", 2.0), ("list", ["2"])]
    for kind, last in expected:
        assert one(read, path, '{"v": 1, "w": 0, "v": 2}', kind) == last


@pytest.mark.parametrize(("token", "value"), [("9" * 400, math.inf), ("-" + "9" * 400, -math.inf)])
def test_a_number_beyond_all_floats_is_infinite(read: Reader, path: Path, token: str, value: float) -> None:
    assert one(read, path, f'{{"v": {token}}}', "number") == value


@pytest.mark.parametrize("token", ["NaN", "Infinity", "-Infinity"])
def test_tokens_that_only_python_writes_are_values_that_the_number_step_drops(
    read: Reader, path: Path, token: str
) -> None:
    assert one(read, path, f'{{"v": {token}}}', "json") == token
    assert one(read, path, f'{{"v": {token}}}', "any") == token


# ---------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("values", "types"),
    [
        (["1", "-2", "null"], {"integer"}),
        (["1", "2.5"], {"integer", "number"}),
        (["1e3"], {"number"}),
        (["true", "false"], {"boolean"}),
        (['"a"', "null"], {"text"}),
        (["1", '"a"', "true"], {"integer", "text", "boolean"}),
        (["null"], set()),
        ([str(2**63 - 1)], {"integer"}),
        ([str(2**63)], {"text"}),
        (["1", str(2**64)], {"text"}),
    ],
)
def test_the_types_met_are_noted(read: Reader, path: Path, values: list[str], types: set[str]) -> None:
    table = read(lines(path, *(f'{{"v": {value}}}' for value in values)), v="any")
    assert table.types["v"] == types


def test_the_types_of_all_blocks_add_up(read: Reader, path: Path) -> None:
    lines(path, '{"v": 1}', '{"v": 2.5}', '{"v": null}')
    with blocks_of(1):
        table: Table = read(path, v="any")
    assert table.pieces > 3
    assert table.types["v"] == {"integer", "number"}


def test_only_columns_passed_through_note_types(read: Reader, path: Path) -> None:
    table = read(lines(path, '{"a": 1, "b": 1, "c": 1}'), a="number", b="json", c="list")
    assert not any(table.types.values())


# ---------------------------------------------------------------- bad lines


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": "b"', "not JSON"),
        ('{"id": "b"} {"id": "c"}', "not JSON"),
        ('{"id": "b", "v": 01}', "not JSON"),
        ('{"id": "b", "other": tru}', "not JSON"),
        ('{"id": "b", "other": "\t"}', "not JSON"),
        ("{'id': 'b'}", "not JSON"),
        ("id,b", "not JSON"),
        ("[1]", "not a JSON object but a list"),
        ('"b"', "not a JSON object but text"),
        ("3", "not a JSON object but a number"),
        ("true", "not a JSON object but true or false"),
        ("null", "not a JSON object but null"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 8"),
        (b'{"id": "b", "unread": "\xff"}', "not UTF-8 at byte 23"),
        (b'{"id": "b", "\xc3": 1}', "not UTF-8 at byte 13"),
        (b'{"id": "\xed\xa0\x80"}', "not UTF-8"),
        (r'{"id": "\ud800"}', "not JSON: a text holds half a character"),
        (r'{"id": "b", "v": "\udc00x"}', "not JSON"),
        ('{"id": "b", "unread": ' + "[" * 100_000 + "}", "nested too deep"),
        ('{"id": "b", "unread": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"id": ["b"]}', "wrong type: 'id' is a list, expected text"),
        ('{"id": {"b": 1}}', "wrong type: 'id' is an object, expected text"),
        ("\x00", "not JSON"),
        ('\x00{"id": "b"}', "not JSON"),
        ('{"id": "b"}'.encode("utf-16-le"), "not JSON"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_line_is_told_and_its_neighbours_are_read(
    read: Reader, path: Path, line: str | bytes, reason: str
) -> None:
    assert refused(read, path, line).find(reason) >= 0


@pytest.mark.parametrize(
    ("value", "kind", "reason"),
    [
        ('"1"', "number", "wrong type: 'v' is text, expected a number"),
        ("true", "number", "wrong type: 'v' is true or false, expected a number"),
        ("[1]", "number", "wrong type: 'v' is a list, expected a number"),
        ("[1]", "text", "wrong type: 'v' is a list, expected text"),
        ('{"a": 1}', "any", "wrong type: 'v' is an object, expected text"),
        ('{"a": 1}', "list", "wrong type: 'v' is an object, expected a list"),
        ('[["a"]]', "list", "wrong type: 'v' is a list, expected a list of texts"),
        ('[{"a": 1}]', "list", "wrong type: 'v' is a list, expected a list of texts"),
    ],
)
def test_a_wrong_type_is_told(read: Reader, path: Path, value: str, kind: Kind, reason: str) -> None:
    assert refused(read, path, f'{{"id": "b", "v": {value}}}', v=kind).startswith(reason)


def test_deep_nesting_under_as_text_is_told(read: Reader, path: Path) -> None:
    line = '{"id": "b", "v": ' + "[" * 100_000 + "]" * 100_000 + "}"
    assert "nested too deep" in refused(read, path, line, v="json")


@pytest.mark.parametrize("kind", ["json", "text", "number"])
def test_a_number_of_more_digits_than_python_reads_is_told(read: Reader, path: Path, kind: Kind) -> None:
    line = '{"id": "b", "v": ' + "9" * 5_000 + "}"
    assert "not JSON: Integer value out of range" in refused(read, path, line, v=kind)


def test_a_bad_line_keeps_its_raw_text(read: Reader, path: Path) -> None:
    lines(path, b'{"id": "a\xff\xc3\xa9', b"{x", end=b"\r\n")
    assert [raw for _, _, raw in read(path, id="text").bad] == ['{"id": "a\\xffé', "{x"]


@in_one_folder
@given(
    content=VALUES.map(lambda value: json.dumps({"v": value, "w": 1}, ensure_ascii=False).encode()),
    place=st.integers(0, 60),
    byte=st.binary(max_size=2).filter(lambda some: b"\n" not in some),
    taken=st.integers(0, 2),
)
def test_a_line_is_read_if_and_only_if_python_can_read_it(
    read: Reader, tmp_path: Path, content: bytes, place: int, byte: bytes, taken: int
) -> None:
    line = content[:place] + byte + content[place + taken :]
    try:
        parsed = json.loads(line.decode())
        json.dumps(parsed, ensure_ascii=False).encode()
    except ValueError:
        parsed = None
    sound = isinstance(parsed, dict)
    table = read(lines(tmp_path / "m.jsonl", line), v="json")
    if sound:
        value = parsed.get("v")
        assert table["v"] == [value if value is None or isinstance(value, str) else json.dumps(value)]
    else:
        assert table.rows == []
        assert len(table.bad) == (1 if line.strip() else 0)
