r"""JSON values as text in one spelling: the one that Python's `json.dumps` gives the parsed value.

Nearly all data was written by `json.dumps`, or by a writer that leaves out the spaces, and so a value's own bytes are
the answer, or nearly. `texts` finds those by a regular expression over the whole column, without a Python object: only
the others are parsed and written again, one by one, which takes ten times as long.

What is certain to be written as `json.dumps` would: texts of ASCII with the escapes that it writes, none in a key, no
key twice, integers of at most 18 digits, decimals of at most 10 digits before the point and 4 after it, the last not a
zero.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import polars as pl

_KEY: Final = r'"(?:[ !#-9;-\[\]-~][ !#-\[\]-~]*)?"'
_TEXT: Final = r'"(?:(?:[ !#-9;-\[\]-~]|\\["\\bfnrtu])(?:[ !#-\[\]-~]|\\["\\bfnrtu])*)?"'
_DECIMAL: Final = r"-?(?:0|[1-9][0-9]{0,9})\.(?:0|[0-9]{0,3}[1-9])"
_SCALAR: Final = rf"(?:{_TEXT}|-?[1-9][0-9]{{0,17}}|0|{_DECIMAL}|true|false|null)"
_LIST: Final = rf"\[(?:{_SCALAR}(?:, {_SCALAR})*)?\]"
_FLAT: Final = rf"(?:{_SCALAR}|{_LIST})"
_INNER: Final = rf"\{{(?:{_KEY}: {_FLAT}(?:, {_KEY}: {_FLAT})*)?\}}"
_VALUE: Final = rf"(?:{_FLAT}|{_INNER})"
_OBJECT: Final = rf"\{{(?:{_KEY}: {_VALUE}(?:, {_KEY}: {_VALUE})*)?\}}"

CANONICAL: Final = rf"(?-u)^(?:{_SCALAR}|{_LIST}|{_OBJECT})$"
"""A value that is written as `json.dumps` writes it, unless an object in it has a key twice or an escape is odd."""

ODD: Final = r"(?-u)\\u(?:[0-9a-f]*[A-F]|00(?:0[89acd]|[2-6]|7[0-9a-e]))"
"""Escapes that `json.dumps` would write otherwise, or not at all."""

KEYS: Final = r'"[^"\\]*": '
"""The keys of such a value, all of them and nothing else: no text in it begins with a colon, so that what lies between
the end of one text and the beginning of the next is never taken for a key, and no key has an escaped quote."""

FEW: Final = 0.05
"""Share of values that are parsed one by one without asking whether spaces are all that they lack."""


def texts(values: pl.Series) -> pl.Series:
    r"""Return JSON values, String, as text: a string as it is, null as null, the rest as `json.dumps` of the value.

    >>> texts(pl.Series(['{"a": 1}', '{"a":1.50}', '"caf\\u00e9"', "null"])).to_list()
    ['{"a": 1}', '{"a": 1.5}', 'café', None]

    Raises:
        NoTextError: for a value that has no text: it is nested too deep, or a number has too many digits.
    """
    sure = _are_sure(values)
    if (~sure).sum() > FEW * values.len():
        values = values.zip_with(sure, pl.Series([_spaced(value) for value in values], dtype=pl.String))
        sure = _are_sure(values)
    frame = pl.DataFrame({"value": values})
    inside = pl.col("value").str.strip_prefix('"').str.strip_suffix('"')
    quoted = pl.col("value").str.starts_with('"')
    found = frame.select(pl.when(quoted).then(inside).when(pl.col("value") != "null").then("value"))["value"]
    places = (~sure).arg_true()
    if places.len():
        found = found.scatter(places, pl.Series([text(value) for value in values.gather(places)], dtype=pl.String))
    return found.alias(values.name)


def _are_sure(values: pl.Series) -> pl.Series:
    """Return which values need no more than to be unquoted."""
    value = pl.col("value")
    keys = pl.DataFrame({"value": values}).select(value.str.extract_all(KEYS))["value"]
    unique = keys.list.n_unique() == keys.list.len()  # found here, since an expression would look for the keys twice
    quoted = value.str.starts_with('"')
    plain = value.str.contains(CANONICAL) & ~value.str.contains(ODD) & pl.col("unique")
    return pl.DataFrame({"value": values, "unique": unique}).select(
        pl.when(quoted).then(~value.str.contains("\\", literal=True)).otherwise(plain)
    )["value"]


def _spaced(value: str) -> str:
    """Return a value with the spaces between its parts that `json.dumps` writes."""
    try:
        return msgspec.json.format(value, indent=0)
    except (msgspec.DecodeError, RecursionError):
        return value  # NaN, which only Python writes; or nested too deep


def text(value: str) -> str | None:
    """Return one JSON value as text, as `texts` does.

    Raises:
        NoTextError: for a value that is nested too deep, or holds a number of too many digits.
    """
    try:
        parsed: Any = json.loads(value)
        return parsed if parsed is None or isinstance(parsed, str) else json.dumps(parsed)
    except (RecursionError, ValueError):  # Python makes no number of more than 4,300 digits
        raise NoTextError from None


class NoTextError(ValueError):
    """A JSON value has no text."""
