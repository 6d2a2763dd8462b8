"""Expressions against an oracle: SQLite evaluates random ones over the same rows.

Numbers are REAL and written with a point (SQLite divides integers), conditions are 0 and 1 there, and functions that
SQLite has not, or has another way, are Python's. Only operations that IEEE 754 defines exactly: equal to the last bit.
"""

from __future__ import annotations

import math
import sqlite3
from typing import TYPE_CHECKING, Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.recipe.expression import parse_expression, to_polars

if TYPE_CHECKING:
    from collections.abc import Callable

    from evenly.recipe.expression import Kind

ROWS: dict[str, list[object]] = {
    "x": [0.0, 1.0, -2.5, 3.0, 0.5, None, 7.25, -1.0, 2.0, None],
    "y": [1.0, 0.0, 4.0, None, -0.5, None, 7.25, 100.0, 2.0, 3.0],
    "s": ["", "Ab", "abc", None, "b", "A b", "zz", "AB", None, "a%"],
    "t": ["a", "b", None, "abc", "", "b", "zz", "aB", None, "A"],
    "f": [True, False, None, True, False, None, True, True, False, None],
}


def _null_if_any(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *given: None if None in given else function(*given)


def _null_skipped(function: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda *given: function([value for value in given if value is not None])


def _as_float(function: Callable[[float], float]) -> Callable[[float], float]:
    """Make whole numbers REAL, since SQLite divides integers."""
    return lambda number: float(function(number))


def _root(number: float) -> float | None:
    return math.sqrt(number) if number >= 0 else None


def _sqlite() -> sqlite3.Connection:
    oracle = sqlite3.connect(":memory:")
    oracle.execute("PRAGMA case_sensitive_like = ON")
    oracle.execute("CREATE TABLE rows (x REAL, y REAL, s TEXT, t TEXT, f INTEGER)")
    oracle.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", list(zip(*ROWS.values(), strict=True)))
    functions: dict[str, Callable[..., Any]] = {
        "floor": _as_float(math.floor),
        "ceil": _as_float(math.ceil),
        "round": _as_float(round),
        "sqrt": _root,
        "trim": str.strip,
        "starts_with": str.startswith,
        "contains": str.__contains__,
    }
    for name, function in functions.items():
        oracle.create_function(name, -1, _null_if_any(function))
    for name, choose in {"least": min, "greatest": max, "concat": "".join}.items():
        oracle.create_function(name, -1, _null_skipped(choose))
    return oracle


def _join(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map(" ".join)


def _numbers(inner: st.SearchStrategy[str], conditions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions that are plainly numbers, whatever kind the columns in them have."""
    operator = st.sampled_from(["+", "-", "*", "/"])
    return st.one_of(
        _join(inner, operator, inner),
        _join("(", inner, operator, inner, ")"),
        _join("-", inner),
        _join(st.sampled_from(["abs", "floor", "ceil", "round", "sqrt"]), "(", inner, ")"),
        _join(st.sampled_from(["least", "greatest", "coalesce"]), "(", inner, ",", inner, ", 1.5 )"),
        _join("nullif (", inner, ", 2.0 )"),
        _join("CASE WHEN", conditions, "THEN", inner, "WHEN", conditions, "THEN", inner, "ELSE 0.5 END"),
    )


def _texts(inner: st.SearchStrategy[str], conditions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        _join(inner, "||", inner),
        _join(st.sampled_from(["lower", "upper", "trim"]), "(", inner, ")"),
        _join("substr (", inner, ", 2 )"),
        _join("substr (", inner, ", 1 , 1 )"),
        _join("concat (", inner, ",", inner, ")"),
        _join("coalesce (", inner, ", 'none' )"),
        _join("CASE WHEN", conditions, "THEN", inner, "ELSE 'else' END"),
    )


def _conditions(
    inner: st.SearchStrategy[str], numbers: st.SearchStrategy[str], texts: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    compare = st.sampled_from(["=", "<>", "!=", "<", "<=", ">", ">="])
    return st.one_of(
        _join(inner, st.sampled_from(["AND", "OR"]), inner),
        _join("(", inner, st.sampled_from(["AND", "OR"]), inner, ")"),
        _join("NOT", inner),
        _join("(", inner, ")", st.sampled_from(["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NULL", "IS NOT NULL"])),
        _join(numbers, compare, numbers),
        _join(texts, compare, texts),
        _join(numbers, st.sampled_from(["BETWEEN", "NOT BETWEEN"]), numbers, "AND 2.5"),
        _join(numbers, st.sampled_from(["IN", "NOT IN"]), "( 1.0 , -2.5 , 7.25 )"),
        _join(texts, st.sampled_from(["LIKE", "NOT LIKE"]), st.sampled_from(["'a%'", "'_b'", "'%'", "'A b'", "''"])),
        _join("(", numbers, ") IS NULL"),
        _join(st.sampled_from(["starts_with", "contains"]), "(", texts, ",", texts, ")"),
    )


def _expressions() -> st.SearchStrategy[tuple[str, Kind]]:
    """Expressions of the kinds by depth: leaves, then twice what is made of them, so that sizes stay readable."""
    numbers = st.sampled_from(["x + 0.0", "y * 1.0", "x", "2.0", "0.0", "- 1.5"])
    texts = st.sampled_from(["lower ( s )", "t || ''", "s", "'b'", "''"])
    conditions = st.sampled_from(["f", "x > 1.0", "s = 'b'", "TRUE", "FALSE", "y IS NULL"])
    known_numbers, known_texts = _numbers(numbers, conditions), _texts(texts, conditions)
    conditions = _conditions(conditions, known_numbers, known_texts)
    numbers, texts = _numbers(known_numbers | numbers, conditions), _texts(known_texts | texts, conditions)
    conditions = _conditions(conditions, numbers, texts)
    kinds: list[tuple[st.SearchStrategy[str], Kind]] = [(numbers, "number"), (texts, "text"), (conditions, "boolean")]
    return st.one_of(*(st.tuples(made, st.just(kind)) for made, kind in kinds))


ORACLE = _sqlite()


def test_a_divisor_that_is_one_value_for_all_divides() -> None:
    expression = to_polars(parse_expression("y / coalesce(-1.5, x)", "number"))
    frame = pl.DataFrame({"x": [1.0, 2.0], "y": [100.0, 7.0]})
    assert frame.select(expression).to_series().to_list() == [100 / -1.5, 7 / -1.5]


@given(_expressions())
@settings(max_examples=400)
def test_it_means_what_sqlite_means(expression: tuple[str, Kind]) -> None:
    text, kind = expression
    expected = [answer for (answer,) in ORACLE.execute(f"SELECT {text} FROM rows ORDER BY rowid")]  # noqa: S608
    frame = pl.DataFrame(ROWS)
    found = frame.with_columns(to_polars(parse_expression(text, kind)).alias("answer"))["answer"].to_list()
    assert found == expected
