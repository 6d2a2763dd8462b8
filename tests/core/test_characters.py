r"""The frozen character tables are Python's `str.isdigit` and `\s` at Unicode 14."""

from __future__ import annotations

import re
import sys
import unicodedata

import polars as pl
import pytest

from evenly.core.characters import DIGITS, SPACES

CHARACTERS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
UNICODE_14 = unicodedata.unidata_version == "14.0.0"


def matched(inside: str) -> set[str]:
    frame = pl.DataFrame({"character": CHARACTERS})
    return set(frame.filter(pl.col("character").str.contains(f"^[{inside}]$"))["character"])


def test_white_space_is_what_python_matches() -> None:
    assert matched(SPACES) == {character for character in CHARACTERS if re.match(r"\s", character)}


def test_every_digit_of_the_table_is_one_in_python() -> None:
    assert all(character.isdigit() for character in matched(DIGITS))
    assert {"0", "²", "¹", "①", "٣", "🄁"} <= matched(DIGITS)


@pytest.mark.skipif(not UNICODE_14, reason="this Python knows another Unicode than the table's 14.0.0")
def test_every_digit_of_unicode_14_is_in_the_table() -> None:
    assert matched(DIGITS) == {character for character in CHARACTERS if character.isdigit()}


def test_digits_that_a_later_unicode_adds_stay_out() -> None:
    added = {chr(code) for code in range(0x1E4F0, 0x1E4FA)}  # Nag Mundari, Unicode 15
    assert not added & matched(DIGITS)
    if not UNICODE_14:
        later = {character for character in CHARACTERS if character.isdigit()} - matched(DIGITS)
        assert all(ord(character) > 0x7FF for character in later)
