"""Text steps, each against a few lines of plain Python that say the same."""

from __future__ import annotations

import json
import re
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evenly.core.steps.text import collapse, delete, drop_words, join, long_word_with_digit, replace
from evenly.recipe.steps import Collapse, Delete, DropWords, Join, Replace

ODD = "\u00a0\u2009\u3000\x1c\x85\n\t²①é日😀$\\"
TEXT = st.text(st.sampled_from(':[]"{}【】 ,a1' + ODD))
TEXTS = st.lists(st.none() | TEXT | st.text(st.characters(exclude_categories=["Cs"])), max_size=6)


def column(values: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"text": pl.Series(values, dtype=pl.String)})


def oracle_collapse(text: str, characters: str, into: str) -> str:
    run = f"[{re.escape(characters)}\\s]+"
    return re.sub(r"\A\s+|\s+\Z", "", re.sub(run, lambda _: into, text))


def oracle_drop_words(text: str, min_chars: int) -> str:
    words = text.split(" ")
    return " ".join(word for word in words if len(word) < min_chars or not any(sign.isdigit() for sign in word))


def test_runs_of_characters_and_white_space_become_one_space() -> None:
    frame = column([' [Brand]:\u00a0"X" {a}【b】\n\x1cc ', "::", "", None, "plain"])
    done = collapse(frame, Collapse(column=["text"], characters=':[]"{}【】'))
    assert done["text"].to_list() == ["Brand X a b c", "", "", None, "plain"]


def test_codes_are_words_of_capital_letters_and_digits() -> None:
    step = DropWords(column=["text"], min_chars=7, having="code")
    texts = ["keep AB12345 this", "ABCDEFG 1234567 Ab12345 AB1234", "AB12345", "A1B2C3D4, x", "", None]
    done = drop_words(column(texts), step)["text"].to_list()
    assert done == ["keep this", "ABCDEFG 1234567 Ab12345 AB1234", "", "A1B2C3D4, x", "", None]


@given(
    texts=TEXTS,
    characters=st.text(st.sampled_from(':[]^-\\"{}【】&~')),
    into=st.sampled_from([" ", "", "$1", "$", "_", "\u00a0"]),
)
@example(texts=[" a\t", ":a:"], characters=":", into="\u00a0")
@example(texts=["a b"], characters="", into="$1")
def test_collapse_is_what_python_does(texts: list[str | None], characters: str, into: str) -> None:
    done = collapse(column(texts), Collapse(column=["text"], characters=characters, into=into))
    expected = [None if text is None else oracle_collapse(text, characters, into) for text in texts]
    assert done["text"].to_list() == expected


def test_part_numbers_are_dropped_and_spaces_stay() -> None:
    texts = ["ABC1234 case", "case ABC1234", "a ABC1234 ABC1235 b", "ABC123", "m²²²²²²", "a  1234567  b", "1234567", ""]
    done = drop_words(column([*texts, None]), DropWords(column=["text"], min_chars=7))
    assert done["text"].to_list() == ["case", "case", "a b", "ABC123", "", "a   b", "", "", None]


@given(texts=TEXTS, min_chars=st.integers(1, 9))
@example(texts=["a\n1bcdef g", "1234567\u00a089 x"], min_chars=7)  # only a space parts words
def test_drop_words_is_what_python_does(texts: list[str | None], min_chars: int) -> None:
    done = drop_words(column(texts), DropWords(column=["text"], min_chars=min_chars))
    assert done["text"].to_list() == [None if text is None else oracle_drop_words(text, min_chars) for text in texts]


@pytest.mark.parametrize("min_chars", [1, 2, 7, 100])
@pytest.mark.parametrize("digit", ["1", "①"])
def test_a_word_is_dropped_from_its_length_on_wherever_its_digit_stands(min_chars: int, digit: str) -> None:
    def words(length: int) -> list[str | None]:
        return ["a" * place + digit + "a" * (length - place - 1) for place in range(length)]

    step = DropWords(column=["text"], min_chars=min_chars)
    assert set(drop_words(column(words(min_chars)), step)["text"]) == {""}
    shorter = words(min_chars - 1)
    assert drop_words(column(shorter), step)["text"].to_list() == shorter


def test_the_expression_for_long_words_takes_the_whole_word() -> None:
    found = pl.Series([" aaa1bbb1ccc 2"]).str.extract(f"({long_word_with_digit(5)})")
    assert found.to_list() == [" aaa1bbb1ccc"]


def test_deleting_goes_in_order() -> None:
    # "Number" finds nothing after "Number of"; what a deletion makes is not looked at again by the same one
    frame = column(["Number of Items", "aabb", "a.c abc", None])
    done = delete(frame, Delete(column=["text"], strings=["Number of", "Number", "ab", "a.c"]))
    assert done["text"].to_list() == [" Items", "ab", " c", None]
    assert delete(frame, Delete(column=["text"], strings=["ab", "ab"]))["text"].to_list()[1] == ""


STRINGS = st.text(st.sampled_from("ab,. $\\(1"), min_size=1, max_size=3)


@given(
    texts=st.lists(st.text(st.sampled_from("ab,. $\\(1é"))),
    pairs=st.lists(st.tuples(STRINGS, st.text(st.sampled_from("ab,$0{}1\\"), max_size=4)), min_size=1, max_size=4),
)
def test_replacing_is_what_str_replace_does_one_after_the_other(texts: list[str], pairs: list[tuple[str, str]]) -> None:
    values = dict(pairs)
    expected = texts
    for old, new in values.items():
        expected = [text.replace(old, new) for text in expected]
    done = replace(column([*texts]), Replace(column=["text"], values=values))
    assert done["text"].to_list() == expected
    deleted = delete(column([*texts]), Delete(column=["text"], strings=list(values)))
    blank = replace(column([*texts]), Replace(column=["text"], values=dict.fromkeys(values, "")))
    assert deleted.equals(blank)


def test_several_columns_are_changed_each_on_its_own() -> None:
    frame = pl.DataFrame({"a": [" x  y "], "b": ["x:y"], "c": [" : "]})
    assert collapse(frame, Collapse(column=["a", "b"], characters=":")).row(0) == ("x y", "x y", " : ")
    assert replace(frame, Replace(column=["a", "b"], values={"x": "$0"})).row(0) == (" $0  y ", "$0:y", " : ")
    assert drop_words(frame, DropWords(column="b")).row(0) == (" x  y ", "x:y", " : ")  # pyright: ignore[reportArgumentType]


def oracle_join(parts: list[Any], step: Join) -> str:
    """Say what a joined text is: lists by the separator without their nulls, then the parts."""
    texts = [
        step.separator.join(item for item in part if item is not None) if isinstance(part, list) else (part or "")
        for part in parts
    ]
    whole = step.separator.join(texts if step.keep_empty else [text for text in texts if text])
    return whole + step.end if whole else whole


ITEM = st.none() | st.text("ab\n ", max_size=3)


@given(
    rows=st.lists(st.tuples(st.none() | st.lists(ITEM, max_size=3), ITEM, ITEM), max_size=6),
    separator=st.sampled_from(["\n", "", ", "]),
    end=st.sampled_from(["", "\n", "$"]),
    keep_empty=st.booleans(),
)
def test_joining_is_what_python_does(
    rows: list[tuple[Any, Any, Any]], separator: str, end: str, *, keep_empty: bool
) -> None:
    schema = {"list": pl.List(pl.String), "first": pl.String, "second": pl.String}
    step = Join(columns=list(schema), into="whole", separator=separator, end=end, keep_empty=keep_empty)
    done = join(pl.DataFrame(rows, schema, orient="row"), step)
    assert done["whole"].to_list() == [oracle_join(list(row), step) for row in rows]
    assert done.columns == [*schema, "whole"]


def test_the_course_contents_are_parts_that_each_end_in_a_newline() -> None:
    rows: list[dict[str, Any]] = [
        {"description": ["one", None, "two"], "features": [], "details": '{"a": "b"}'},
        {"description": None, "features": ["f"], "details": "{}"},
        {"description": [""], "features": [None], "details": None},
    ]
    schema = {"description": pl.List(pl.String), "features": pl.List(pl.String), "details": pl.String}
    done = join(pl.DataFrame(rows, schema), Join(columns=list(schema), into="contents", end="\n"))
    assert done["contents"].to_list() == ['one\ntwo\n{"a": "b"}\n', "f\n{}\n", ""]


def test_numbers_join_as_text_and_into_may_be_a_column_that_is_joined() -> None:
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    assert join(frame, Join(columns=["a", "b"], into="b", separator=" "))["b"].to_list() == ["1 x", "y"]


def test_the_course_recipe_scrubs_a_listing_as_python_does() -> None:
    details = json.dumps({"Item Weight": "2 pounds", "Manufacturer": "Brand [EU]", "Part": "X1234567"})
    frame = column([f"{details} , ,, 【9】\u00a0ABC1234567 end"])
    for kind, step in (
        (delete, Delete(column=["text"], strings=["Item", "Manufacturer"])),
        (collapse, Collapse(column=["text"], characters=':[]"{}【】')),
        (replace, Replace(column=["text"], values={" ,": ",", ",,,": ",", ",,": ","})),
        (drop_words, DropWords(column=["text"], min_chars=7)),
    ):
        frame = kind(frame, step)  # pyright: ignore[reportArgumentType]
    assert frame["text"].to_list() == ["Weight 2 pounds, Brand EU, Part 9 end"]
