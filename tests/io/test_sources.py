"""Which files a source names, what their paths say, and what is refused before anything is read."""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from evenly.errors import DataError
from evenly.io.blocks import File
from evenly.io.sources import check_columns, describe, find_files, given_columns, sha256_of
from evenly.recipe.model import Source
from evenly.recipe.needs import Need


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Work in a folder of its own, so that relative paths are as a user writes them."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def source(*files: str, **more: Any) -> Source:
    return Source.model_validate({"name": "shop", "files": list(files), "id": ["id"], **more})


def touch(*names: str, content: str = "") -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content, encoding="utf-8")


def found(*patterns: str) -> list[str]:
    return [file.name for file in find_files(source(*patterns))]


# ---------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("there", "patterns", "expected"),
    [
        (["b.jsonl", "a.jsonl", "c.csv"], ["*.jsonl"], ["a.jsonl", "b.jsonl"]),
        (["a.jsonl"], ["a.jsonl", "*.jsonl", "./a.jsonl"], ["a.jsonl"]),
        (["m_A.jsonl", "m_B.jsonl", "m_C.jsonl"], ["m_{A,C}.jsonl"], ["m_A.jsonl", "m_C.jsonl"]),
        (["m_1.jsonl", "m_2.jsonl", "m_9.jsonl"], ["m_{1..2}.jsonl"], ["m_1.jsonl", "m_2.jsonl"]),
        (["x/y/a.jsonl", "b.jsonl"], ["**/*.jsonl"], ["b.jsonl", "x/y/a.jsonl"]),
        (["a1.jsonl", "a2.jsonl", "ab.jsonl"], ["a[0-9].jsonl"], ["a1.jsonl", "a2.jsonl"]),
        (["a[1].jsonl"], ["a[1].jsonl"], ["a[1].jsonl"]),
        (["a{1,2}.jsonl"], ["a{1,2}.jsonl"], ["a{1,2}.jsonl"]),
        (["über.jsonl"], ["ü*.jsonl"], ["über.jsonl"]),
        ([".hidden.jsonl", "a.jsonl"], ["*.jsonl"], ["a.jsonl"]),
    ],
)
def test_patterns_become_files_each_once_and_sorted(there: list[str], patterns: list[str], expected: list[str]) -> None:
    touch(*there)
    assert found(*patterns) == expected


def test_a_literal_name_is_not_a_pattern_where_it_exists() -> None:
    touch("a[1].jsonl", "a1.jsonl")
    assert found("a[1].jsonl") == ["a[1].jsonl"]


@pytest.mark.parametrize("pattern", ["x*.jsonl", "x.jsonl", "none/*.jsonl", "a.jsonl/b.jsonl", "a\0.jsonl"])
def test_a_pattern_without_a_file_is_refused(pattern: str) -> None:
    touch("a.jsonl")
    with pytest.raises(DataError) as caught:
        found("a.jsonl", pattern)
    assert str(caught.value).startswith("recipe.sources[0].files[1]: ")
    assert "\n" not in str(caught.value)


def test_an_alternative_without_a_file_is_refused() -> None:
    touch("m_Automotive.jsonl", "m_Electronics.jsonl")
    with pytest.raises(DataError, match="m_Elektronics"):
        found("m_{Automotive,Elektronics}.jsonl")


@pytest.mark.parametrize("pattern", ["data", "data/", "."])
def test_a_folder_is_refused_with_what_to_write(pattern: str) -> None:
    touch("data/a.jsonl")
    with pytest.raises(DataError, match=r"is a folder.*\*\.jsonl"):
        found(pattern)


def test_a_file_that_is_not_there_may_have_another_name() -> None:
    touch("data/listings.jsonl")
    with pytest.raises(DataError, match=r"no file matches 'data/listing.jsonl' .* Did you mean 'listings.jsonl'\?"):
        found("data/listing.jsonl")


def test_a_folder_among_the_matches_is_refused() -> None:
    touch("a.jsonl", "b.jsonl/c")
    with pytest.raises(DataError, match=r"'b\.jsonl' is a folder"):
        describe(find_files(source("*.jsonl")))


@pytest.mark.parametrize("address", ["ftp://x.org/x.parquet", "https://x.org/a.jsonl"])
def test_another_kind_of_address_is_refused(address: str) -> None:
    with pytest.raises(DataError, match=r":// can't be read; hf://, s3:// and gs:// can\. Download the file"):
        found(address)


@pytest.mark.parametrize("pattern", ["{1..100000000}.jsonl", "a" * 300, "dangling.jsonl", "dangl*.jsonl"])
def test_names_that_the_system_refuses_are_faults_of_the_data(pattern: str) -> None:
    Path("dangling.jsonl").symlink_to("nowhere")
    with pytest.raises(DataError):
        describe(find_files(source(pattern)))


def test_a_file_name_that_is_not_utf8_is_refused() -> None:
    try:
        Path(os.fsdecode(b"\xff.jsonl")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(DataError):
        describe(find_files(source("*.jsonl")))


def test_what_identifies_a_file() -> None:
    touch("a.jsonl", content="hello")
    os.utime("a.jsonl", ns=(5, 7))
    (one,) = describe([File.at(Path("a.jsonl"))])
    assert (one.path, one.bytes, one.mtime_ns) == ("a.jsonl", 5, 7)
    assert sha256_of(Path("a.jsonl")) == hashlib.sha256(b"hello").hexdigest()


# ---------------------------------------------------------------- columns of the path


def test_a_path_gives_columns() -> None:
    given = source("x", columns={"kind": {"from_path": r"meta_(\w+)\.jsonl"}, "year": {"from_path": r"/(\d{4})/"}})
    assert given_columns(given, File.at(Path("in/2023/meta_Toys_and_Games.jsonl.gz"))) == {
        "kind": "Toys_and_Games",
        "year": "2023",
    }


@pytest.mark.parametrize(("pattern", "path"), [(r"meta_(\w+)", "a.jsonl"), (r"a(x)?\.jsonl", "a.jsonl")])
def test_a_path_that_gives_no_value_is_refused(pattern: str, path: str) -> None:
    with pytest.raises(DataError, match=r"^recipe\.sources\[0\]\.columns\.kind\.from_path: .*a\.jsonl"):
        given_columns(source("x", columns={"kind": {"from_path": pattern}}), File.at(Path(path)))


# ---------------------------------------------------------------- columns of the files


def check(*files: str, columns: tuple[str, ...] = ("id", "price"), **more: Any) -> None:
    needs = [Need(column, "any", f"balance.{column}") for column in columns]
    given = source("x", **more)
    check_columns([File.at(Path(file)) for file in files], needs, given.format, list(given.columns))


def test_a_json_column_may_be_in_any_line_of_any_file() -> None:
    touch("a.jsonl", content='{"id": 1}\n{bad\n[1]\n{"id": 2, "price": 3}\n')
    touch("b.jsonl", content='{"id": 1}\n')
    check("a.jsonl", "b.jsonl")
    check("b.jsonl", "a.jsonl")


def test_a_json_column_of_the_first_line_counts_behind_a_byte_order_mark() -> None:
    touch("a.jsonl", content='\ufeff{"id": 1, "price": 3}\n{"id": 2}\n')
    check("a.jsonl")


def test_a_missing_json_column_is_told_with_a_near_one() -> None:
    touch("a.jsonl", content='{"id": 1, "prise": 3, "title": "x"}\n')
    with pytest.raises(DataError) as caught:
        check("a.jsonl")
    assert str(caught.value) == (
        "recipe.balance.price: no column 'price' in a.jsonl. Did you mean 'prise'?\n  columns: id, prise, title."
    )


def test_files_without_a_row_are_not_refused_for_their_columns() -> None:
    touch("a.jsonl", content="\n\n{bad\n" + "[" * 100_000 + "\n")
    check("a.jsonl")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_each_table_must_have_each_column(ending: str) -> None:
    for name, columns in (("a", ["id", "price"]), ("b", ["id", "prize"])):
        frame = pl.DataFrame({column: ["1"] for column in columns})
        (frame.write_csv if ending == "csv" else frame.write_parquet)(f"{name}.{ending}")
    check(f"a.{ending}")
    with pytest.raises(DataError) as caught:
        check(f"a.{ending}", f"b.{ending}")
    assert str(caught.value) == (
        f"recipe.balance.price: no column 'price' in b.{ending}. Did you mean 'prize'?\n  columns: id, prize."
    )


def test_tables_of_different_types_are_told_or_made_one() -> None:
    pl.DataFrame({"id": ["1"], "price": [1]}).write_parquet("a.parquet")
    pl.DataFrame({"id": ["1"], "price": ["1"]}).write_parquet("b.parquet")
    with pytest.raises(DataError, match=r"recipe\.balance\.price: column 'price' is .* in a\.parquet .* in b\.parquet"):
        check("a.parquet", "b.parquet")


def test_whole_numbers_of_different_widths_are_one_type() -> None:
    pl.DataFrame({"id": ["1"], "price": [1]}).write_parquet("a.parquet")
    pl.DataFrame({"id": ["1"], "price": [1]}, schema_overrides={"price": pl.Int32}).write_parquet("b.parquet")
    check("a.parquet", "b.parquet")


def test_a_huge_broken_header_is_told_in_few_words() -> None:
    touch("a.csv", content=",".join("x" * 1_000 for _ in range(3)) + "," + "\x1b[31m\n")
    with pytest.raises(DataError) as caught:
        check("a.csv")
    assert len(str(caught.value)) < 2_000
    assert "\x1b" not in str(caught.value)


READ_PATH = """
import glob, sys
from pathlib import Path
from evenly.io.blocks import File
from evenly.io.readers import cut_into_pieces, read_blocks
from evenly.io.sources import describe, given_columns
from evenly.recipe.model import Source
from evenly.recipe.needs import Need
source = Source(name="s", files=["*"], columns={"shelf": {"from_path": "/(gr[^/]*)/a"}})
for path in sorted(glob.glob("*/a.*")):
    file = File.at(Path(path))
    read = [read_blocks(piece, [Need("id", "text", "id")]) for piece in cut_into_pieces([file], None)]
    ids = [block.frame["id"].to_list() for blocks in read for block in blocks]
    print(ascii([describe([file])[0].path, given_columns(source, file), ids]))
"""


@pytest.mark.parametrize("locale", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONUTF8": "1"}], ids=["ASCII", "UTF-8"])
@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names of files have an encoding of their own there")
def test_a_path_is_read_as_utf_8_in_every_locale(tmp_path: Path, locale: dict[str, str]) -> None:
    (tmp_path / "größe").mkdir()
    frame = pl.DataFrame({"id": ["é"]})
    frame.write_csv(tmp_path / "größe" / "a.csv")
    frame.write_parquet(tmp_path / "größe" / "a.parquet")
    frame.write_ipc(tmp_path / "größe" / "a.arrow")
    done = subprocess.run(
        [sys.executable, "-c", READ_PATH],
        cwd=tmp_path,
        env=os.environ | locale,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    expected = [[f"größe/a.{ending}", {"shelf": "größe"}, [["é"]]] for ending in ("arrow", "csv", "parquet")]
    assert [ast.literal_eval(line) for line in done.stdout.splitlines()] == expected
