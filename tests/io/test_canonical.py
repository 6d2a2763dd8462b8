"""JSON values as text, held to Python's own json: whatever the spelling, the text of the parsed value."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evenly.io import canonical

# Few letters, so that keys meet again, and those that are easily taken for the frame of a key.
TEXTS = st.text(st.sampled_from('ab:, "\\/{}[]\n\t\x1f\x7f\x80é😀'), max_size=5)
NUMBERS = (
    st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(-1000, 1000, allow_nan=False, places=3).map(float)
)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=8
)


def expected(value: str) -> str | None:
    parsed: Any = json.loads(value)
    return parsed if parsed is None or isinstance(parsed, str) else json.dumps(parsed)


def texts(*values: str) -> list[str | None]:
    return canonical.texts(pl.Series(values, dtype=pl.String)).to_list()


@settings(max_examples=400)
@given(
    values=st.lists(VALUES, min_size=1, max_size=6),
    separators=st.sampled_from([(", ", ": "), (",", ":"), (" ,", " : ")]),
    ascii_only=st.booleans(),
)
@example(values=[{"a": "v", ": x": 2}], separators=(", ", ": "), ascii_only=True)
def test_any_spelling_gives_what_json_dumps_gives(
    values: list[Any], separators: tuple[str, str], ascii_only: bool
) -> None:
    spelt = [json.dumps(value, separators=separators, ensure_ascii=ascii_only) for value in values]
    assert texts(*spelt) == [expected(one) for one in spelt]


PAIRS = st.lists(st.tuples(TEXTS, SCALARS | st.dictionaries(TEXTS, SCALARS, max_size=2)), max_size=5)


@settings(max_examples=400)
@given(PAIRS)
@example([("a", "v"), (": x", 1), (": x", 2)])
@example([("a", 'q": '), ("b", 1), ("b", 2)])
def test_of_a_key_that_stands_twice_the_last_value_counts(pairs: list[tuple[str, Any]]) -> None:
    spelt = "{" + ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
    assert texts(spelt) == [expected(spelt)]
    inside = f'{{"outer": {spelt}, "a": {spelt}}}'
    assert texts(inside) == [expected(inside)]


@pytest.mark.parametrize(
    "value",
    [
        *("null", '"null"', '""', '"\\u00e9"', '"a\\/b"', "true", "[]", "{}", "0", "-0", "-0.0", "1.0", "1.50", "1e3"),
        *("0.0001", "0.00001", "123456789012345678", "12345678901234567890", "1E400", "NaN", "-Infinity", "[1,2]"),
        *('{"a": "\\u00E9"}', '{"a": "\\u007f"}', '{"a": "\\u0041"}', '{"a": "\\ud83d\\ude00"}', '{"a": "\\u000a"}'),
        *('{"a": {"b": {"c": 1}}}', '{"a":{"b":1.10}}', '[{"a": 1}]', '{"a": 1.10}', '{"a": "x\\/y"}', " [1] "),
        *('{"a": "\\\\u00E9"}', '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 2}}', '{"\\u0061": 1, "a": 2}'),
    ],
)
def test_single_spellings(value: str) -> None:
    assert texts(value) == [expected(value)]
    assert canonical.text(value) == expected(value)


def test_a_value_that_is_nested_too_deep_has_no_text() -> None:
    with pytest.raises(canonical.NoTextError):
        texts("[" * 100_000 + "]" * 100_000)


def test_nothing_gives_nothing() -> None:
    assert texts() == []
