"""What a CSV file is written like: found in its bytes, or named by the recipe; a wrong guess loses no row."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenly
from evenly.errors import DataError, RecipeError
from evenly.io.blocks import File
from evenly.io.dialects import dialect_of

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Reader

GERMAN = ["Kühlschrank, groß", "Töpfe für Äpfel", "Schüssel", "Müslischale", "weiße Tücher", "Öl", "Käse", "Grüße"]
RUSSIAN = ["холодильник большой", "чайник стальной", "красная чашка", "ложка и вилка", "скатерть белая", "молоко"]


def table(names: list[str], delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(["id", "name", "price"])
    writer.writerows([str(number), name, f"{number}.5"] for number, name in enumerate(names))
    return out.getvalue()


def found(path: Path, content: bytes) -> tuple[str, str]:
    path.write_bytes(content)
    dialect = dialect_of(File.at(path))
    return dialect.encoding, dialect.delimiter


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_the_delimiter_is_found_and_fields_are_as_written(
    read: Reader, tmp_path: Path, delimiter: str, ending: str
) -> None:
    path = tmp_path / f"x.{ending}"
    assert found(path, table(GERMAN, delimiter).encode()) == ("utf-8-sig", delimiter)
    table_read = read(path, name="text", price="number")
    assert table_read["name"] == GERMAN
    assert table_read.bad == []


names = st.text(st.sampled_from('ab;,|\t"\n '), max_size=9)


@given(st.lists(names, min_size=3, max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_delimiters_within_fields_do_not_confuse(tmp_path: Path, made: list[str], delimiter: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "name", "price"], *([str(n), name, "1"] for n, name in enumerate(made))])
    assert found(tmp_path / "x.csv", out.getvalue().encode())[1] == delimiter


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "cp1252"),
        (GERMAN, "utf-16"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "utf-32"),
    ],
)
def test_the_encoding_is_found_and_texts_are_as_written(
    read: Reader, tmp_path: Path, names: list[str], encoding: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(table(names * 5, ";").encode(encoding))
    assert read(path, name="text")["name"] == names * 5


def test_a_few_bad_lines_are_bad_lines_and_not_another_encoding(read: Reader, tmp_path: Path) -> None:
    content = table(GERMAN * 3).encode() + b"97,\xfc,1\n98,\xe4,2\n"
    assert found(tmp_path / "x.csv", content) == ("utf-8-sig", ",")
    assert [reason for _, reason, _ in read(tmp_path / "x.csv", name="text").bad] == ["not UTF-8"] * 2
    assert found(tmp_path / "y.csv", table(["a", "b"]).encode() + b"97,\xfc,1\n98,\xe4,2\n")[0] == "utf-8-sig"


def test_what_the_recipe_names_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a;b\n\xfc,1;2\n")
    named = replace(File.at(path), delimiter=",", encoding="latin-1")
    dialect = dialect_of(named)
    assert (dialect.encoding, dialect.delimiter) == ("latin-1", ",")


def test_bytes_that_are_none_in_the_encoding_are_told(read: Reader, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(table(GERMAN).encode("utf-16") + b"9\x00,\x00\x00\xd8,\x001\x00\n\x00")
    table_read = read(path, name="text")
    assert table_read["name"] == GERMAN
    assert [reason for _, reason, _ in table_read.bad] == ["not utf-16"]


def recipe(path: Path, **source: Any) -> dict[str, Any]:
    return {
        "name": "tables",
        "sources": [{"name": "shop", "files": str(path), "id": "id", **source}],
        "template": {"prompt": "{name}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 10}], "cap": 100},
    }


def test_what_was_found_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(table(GERMAN * 1, ";").encode("cp1252"))
    made = evenly.run(recipe(tmp_path / "x.csv"), tmp_path / "out")
    assert made.manifest["inputs"][0]["found"] == {"encoding": "cp1252", "delimiter": ";"}
    (tmp_path / "y.csv").write_bytes(table(GERMAN).encode())
    assert "found" not in evenly.run(recipe(tmp_path / "y.csv"), tmp_path / "plain").manifest["inputs"][0]


def test_a_named_encoding_is_another_pool(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(table(GERMAN * 2).encode("cp1252").replace(b"\n0", b"\n00", 1))
    plan = recipe(tmp_path / "x.csv", duplicate_ids="drop")
    evenly.run(plan, tmp_path / "one")
    assert not evenly.run(plan, tmp_path / "two", set=["sources.0.encoding=cp1250"]).pool_reused


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"encoding": "klingon"}, "'klingon' is no encoding"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"encoding": "hex"}, "no encoding"),
    ],
)
def test_names_that_are_none_are_told(tmp_path: Path, source: dict[str, str], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        evenly.check(recipe(tmp_path / "x.csv", **source))


def test_a_file_that_is_no_table_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(bytes(range(256)) * 20)
    with pytest.raises(DataError) as refused:
        evenly.check(recipe(tmp_path / "x.csv"), sources=True)
    assert str(refused.value).isprintable() or "\n" in str(refused.value)
