"""JSON arrays: the same rows as JSON Lines of the same objects, however they are laid out and cut."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.errors import DataError
from evenly.io import arrays
from evenly.io.blocks import File
from evenly.io.sources import check_columns
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Reader, Table

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "]", '"']), inner, max_size=2),
    max_leaves=6,
)
rows = st.lists(st.dictionaries(st.sampled_from(["a", "b", "é,", "{"]), values, max_size=3), max_size=6)


def same(one: Table, other: Table) -> None:
    assert (one.rows, one.types, one.dtypes) == (other.rows, other.types, other.dtypes)


@given(made=rows, indent=st.none() | st.integers(0, 3), bom=st.booleans(), size=st.integers(3, 40))
@settings(max_examples=150)
def test_an_array_gives_the_rows_that_its_objects_give_as_lines(
    read: Reader, tmp_path: Path, made: list[dict[str, Any]], indent: int | None, bom: bool, size: int
) -> None:
    text = json.dumps(made, indent=indent, ensure_ascii=False)
    (tmp_path / "x.json").write_bytes((b"\xef\xbb\xbf" if bom else b"") + text.encode() + b"\n")
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK_BYTES", size)  # the cut falls anywhere
        array = read(tmp_path / "x.json", a="json", b="json")
    lines = read(tmp_path / "x.jsonl", a="json", b="json")
    assert array.rows == lines.rows
    assert array.bad == lines.bad == []


def test_rows_are_numbered_wherever_they_stand(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[\n {"a":\n 1},\n\n {"a": "]\\""}, 5, {"a": 3}\n]\n', encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "BLOCK_BYTES", 9)
        found = read(tmp_path / "x.json", a="any")
    assert (found["a"], found.lines) == (["1", ']"', "3"], [1, 2, 4])
    assert [line for line, _, _ in found.bad] == [3]


def test_elements_that_are_no_objects_are_told_one_by_one(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"a": 1},\n 7, [{"a": 2}],\nnope, {"a": 1e}, {"a": 4}]', encoding="utf-8")
    found = read(tmp_path / "x.json", a="any")
    assert found["a"] == ["1", "4"]
    assert [(line, raw) for line, _, raw in found.bad] == [(2, "7"), (3, '[{"a": 2}]'), (4, "nope"), (5, '{"a": 1e}')]
    assert "not a JSON object but a number" in found.bad[0][1]


@pytest.mark.parametrize("empty", ["[]", " [ ]\n", "[\n]\n\n"])
def test_an_empty_array_has_no_rows(read: Reader, tmp_path: Path, empty: str) -> None:
    (tmp_path / "x.json").write_text(empty, encoding="utf-8")
    assert read(tmp_path / "x.json", a="any").rows == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1},\n{"a": 2}', r"x\.json:2: the array is not closed"),
        ('[{"a": 1}]\n\n[{"a": 2}]', r"x\.json:1: something stands outside the array"),
        ('[{"a": 1}] x', "something stands outside the array"),
        ('[{"a": 1}\n]]', "something stands outside the array"),
        ('[{"a": 1}, {"a": "2}]', "the array is not closed"),
        ('[{"a": 1}}', "a bracket does not match"),
    ],
)
def test_an_array_that_breaks_is_one_clear_line(read: Reader, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read(tmp_path / "x.json", a="any")


def test_an_element_that_is_too_long_is_told(read: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LINE_BYTES", 100)
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 50)
    (tmp_path / "x.json").write_text(json.dumps([{"a": 1}, {"a": "x" * 300}]), encoding="utf-8")
    with pytest.raises(DataError, match="an element is longer than 64 MiB"):
        read(tmp_path / "x.json", a="any")


def test_only_json_files_are_looked_into_and_a_name_decides(read: Reader, tmp_path: Path) -> None:
    for name in ("x.jsonl", "x.json", "x.txt"):
        (tmp_path / name).write_text('[1]\n{"a": 2}\n', encoding="utf-8")
    assert read(tmp_path / "x.jsonl", a="any")["a"] == ["2"]
    assert read(tmp_path / "x.json", "jsonl", a="any")["a"] == ["2"]
    (tmp_path / "x.txt").write_text('[{"a": 2}]', encoding="utf-8")
    assert read(tmp_path / "x.txt", "json", a="any")["a"] == ["2"]


def test_a_packed_array_is_found_too(read: Reader, tmp_path: Path) -> None:
    (tmp_path / "x.json.gz").write_bytes(gzip.compress(b'[{"a": 2}]'))
    assert read(tmp_path / "x.json.gz", a="any")["a"] == ["2"]


def test_a_column_is_looked_for_in_the_elements(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([{"name": 1}] * 3, indent=2), encoding="utf-8")
    file = File.at(tmp_path / "x.json")
    check_columns([file], [Need("name", "any", "sources[0].id")])
    with pytest.raises(DataError, match=r"no column 'nam' in .*Did you mean 'name'"):
        check_columns([file], [Need("nam", "any", "sources[0].id")])


def test_records_inside_an_object_of_several_lines_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps({"n": 1, "records": [{"name": 1}]}, indent=2), encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.json: is one JSON object over several lines, expected an array"):
        check_columns([File.at(tmp_path / "x.json")], [Need("name", "any", "sources[0].id")])
