"""Expressions: what they mean in worked values, what they read and what they yield."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evenly.recipe.expression import Expression, ExpressionError, parse_expression, to_polars
from evenly.recipe.expression_operations import FUNCTIONS, OPERATORS
from evenly.recipe.expression_polars import BUILDERS

if TYPE_CHECKING:
    from evenly.recipe.expression import Kind

INF = math.inf
NAN = math.nan


def values(text: str, rows: dict[str, list[object]], expects: Kind = "unknown") -> list[object]:
    """Evaluate `text` over `rows`."""
    frame = pl.DataFrame(rows, strict=False)
    return frame.with_columns(to_polars(parse_expression(text, expects)).alias("answer"))["answer"].to_list()


NUMBERS: list[object] = [4.0, -2.5, 0.0, None]
TEXTS: list[object] = ["Ab c", " né ", "", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + 1", [5.0, -1.5, 1.0, None]),
        ("x - 1", [3.0, -3.5, -1.0, None]),
        ("x * 2", [8.0, -5.0, 0.0, None]),
        ("x / 2", [2.0, -1.25, 0.0, None]),
        ("8 / x", [2.0, -3.2, None, None]),
        ("0 / x", [0.0, 0.0, None, None]),
        ("x % 3", [1.0, 0.5, 0.0, None]),
        ("x % 0", [None] * 4),
        ("- x", [-4.0, 2.5, 0.0, None]),
        ("+ x + 0", NUMBERS),
        ("1 + x * 2 - 6 / 3", [7.0, -6.0, -1.0, None]),
        ("(1 + x) * 2", [10.0, -3.0, 2.0, None]),
        ("1e3 + x", [1004.0, 997.5, 1000.0, None]),
        ("abs(x)", [4.0, 2.5, 0.0, None]),
        ("ceil(x)", [4.0, -2.0, 0.0, None]),
        ("floor(x)", [4.0, -3.0, 0.0, None]),
        ("round(x)", [4.0, -2.0, 0.0, None]),
        ("round(x / 8)", [0.0, 0.0, 0.0, None]),
        ("round(x / 8, 1)", [0.5, -0.3, 0.0, None]),
        ("sqrt(x)", [2.0, None, 0.0, None]),
        ("round(exp(x), 3)", [54.598, 0.082, 1.0, None]),
        ("exp(x * 1000)", [None, 0.0, 1.0, None]),
        ("round(ln(x), 4)", [1.3863, None, None, None]),
        ("round(log10(x), 4)", [0.6021, None, None, None]),
        ("log2(x)", [2.0, None, None, None]),
        ("power(x, 2)", [16.0, 6.25, 0.0, None]),
        ("pow(x, -1)", [0.25, -0.4, None, None]),
        ("1e308 * x", [None, None, 0.0, None]),
        ("least(x, 1)", [1.0, -2.5, 0.0, 1.0]),
        ("greatest(x, 0, -1)", [4.0, 0.0, 0.0, 0.0]),
        ("coalesce(x, 7)", [4.0, -2.5, 0.0, 7.0]),
        ("coalesce(NULL, x, 7)", [4.0, -2.5, 0.0, 7.0]),
        ("nullif(x, 0)", [4.0, -2.5, None, None]),
        ("nullif(x, -2.5)", [4.0, None, 0.0, None]),
        ("if(x > 0, 1, 2)", [1.0, 2.0, 2.0, 2.0]),
        ("if(x > 0, x)", [4.0, None, None, None]),
        ("CASE WHEN x > 0 THEN 'up' WHEN x < 0 THEN 'down' ELSE 'level' END", ["up", "down", "level", "level"]),
        ("CASE WHEN x > 0 THEN 'up' END", ["up", None, None, None]),
        ("x > 0", [True, False, False, None]),
        ("x >= 0", [True, False, True, None]),
        ("x < 0", [False, True, False, None]),
        ("x <= 0", [False, True, True, None]),
        ("x = 4", [True, False, False, None]),
        ("x <> 4", [False, True, True, None]),
        ("x != 4", [False, True, True, None]),
        ("x BETWEEN 0 AND 4", [True, False, True, None]),
        ("x NOT BETWEEN 0 AND 4", [False, True, False, None]),
        ("x BETWEEN 1 AND NULL", [None, False, False, None]),
        ("x IN (4, -2.5)", [True, True, False, None]),
        ("x NOT IN (4, -2.5)", [False, False, True, None]),
        ("x IS NULL", [False, False, False, True]),
        ("x IS NOT NULL", [True, True, True, False]),
        ("x IS DISTINCT FROM 4", [False, True, True, True]),
        ("x IS NOT DISTINCT FROM 4", [True, False, False, False]),
        ("(x > 0) IS TRUE", [True, False, False, False]),
        ("(x > 0) IS NOT TRUE", [False, True, True, True]),
        ("(x > 0) IS FALSE", [False, True, True, False]),
        ("x > 0 OR x IS NULL", [True, False, False, True]),
        ("x > 0 AND FALSE", [False, False, False, False]),
        ("x > 0 OR TRUE", [True, True, True, True]),
        ("NOT x > 0", [False, True, True, None]),
        ("x > 0 OR x < 0 AND FALSE", [True, False, False, None]),
        ("CAST(x AS int)", [4, -2, 0, None]),
        ("CAST(x AS int) / 4", [1.0, -0.5, 0.0, None]),
        ("CAST(x AS text)", ["4.0", "-2.5", "0.0", None]),
        ("CAST(x * 1 AS text)", ["4", "-2.5", "0", None]),
        ("CAST(-(x * 1) AS text)", ["-4", "2.5", "0", None]),
        ("'no. ' || (x * 1)", ["no. 4", "no. -2.5", "no. 0", None]),
        ("CAST('12.5' AS double) + x", [16.5, 10.0, 12.5, None]),
        ("CAST('a lot' AS double)", [None] * 4),
        ("CAST(x > 0 AS double)", [1.0, 0.0, 0.0, None]),
    ],
)
def test_numbers_and_conditions(text: str, expected: list[object]) -> None:
    assert values(text, {"x": NUMBERS}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lower(s)", ["ab c", " né ", "", None]),
        ("upper(s)", ["AB C", " NÉ ", "", None]),
        ("length(s)", [4.0, 4.0, 0.0, None]),
        ("length(s) - 5", [-1.0, -1.0, -5.0, None]),
        ("trim(s)", ["Ab c", "né", "", None]),
        ("substr(s, 2)", ["b c", "né ", "", None]),
        ("substring(s, 2, 2)", ["b ", "né", "", None]),
        ("substr(s, 1, 0)", ["", "", "", None]),
        ("starts_with(s, 'Ab')", [True, False, False, None]),
        ("ends_with(s, ' ')", [False, True, False, None]),
        ("contains(s, '.')", [False, False, False, None]),
        ("contains(s, 'b c')", [True, False, False, None]),
        ("concat(s, '-', 1)", ["Ab c-1", " né -1", "-1", "-1"]),
        ("s || '!'", ["Ab c!", " né !", "!", None]),
        ("s LIKE 'A%'", [True, False, False, None]),
        ("s LIKE 'a%'", [False, False, False, None]),
        ("s ILIKE 'a%C'", [True, False, False, None]),
        ("s NOT LIKE 'A%'", [False, True, True, None]),
        ("s NOT ILIKE 'aB%'", [False, True, True, None]),
        ("s LIKE '____'", [True, True, False, None]),
        ("s LIKE ''", [False, False, True, None]),
        ("s LIKE '%b%c'", [True, False, False, None]),
        ("regexp_like(s, '^[A-Z]')", [True, False, False, None]),
        ("regexp_like(s, '\\s$')", [False, True, False, None]),
        ("s = 'Ab c'", [True, False, False, None]),
        ("s > 'A'", [True, False, False, None]),
        ("s IN ('', 'x')", [False, False, True, None]),
        ("coalesce(nullif(s, ''), 'none')", ["Ab c", " né ", "none", "none"]),
        ("least(s, 'B')", ["Ab c", " né ", "", "B"]),
        ("'it''s ' || 'a \\ %'", ["it's a \\ %"] * 4),
        ('"s"', TEXTS),
    ],
)
def test_texts(text: str, expected: list[object]) -> None:
    assert values(text, {"s": TEXTS}) == expected


def test_round_goes_half_to_even() -> None:
    halves: list[object] = [0.5, 1.5, 2.5, 3.5, -0.5, -1.5]
    assert values("round(x)", {"x": halves}) == [round(float(str(half))) for half in halves]


def test_remainder_has_the_sign_of_its_divisor_as_in_python() -> None:
    pairs = [(x, y) for x in (-7.0, -3.0, 0.0, 5.0, 7.5) for y in (-3.0, 2.0, 3.0)]
    rows: dict[str, list[object]] = {"x": [x for x, _ in pairs], "y": [y for _, y in pairs]}
    assert values("x % y", rows) == [x % y for x, y in pairs]


@pytest.mark.parametrize("divisor", [3, 7, 10, 49, 98, 103])
def test_a_constant_divisor_is_exact(divisor: int) -> None:
    """Polars multiplies with the reciprocal of a single divisor: 49 % 49 would be 49, and 49 / 49 less than 1."""
    dividends: list[object] = list(range(-500, 500))
    rows = {"x": dividends}
    assert values(f"x % {divisor}", rows) == [x % divisor for x in range(-500, 500)]
    assert values(f"x / {divisor}", rows) == [x / divisor for x in range(-500, 500)]
    assert values(f"floor(x / ({divisor - 1} + 1))", rows) == [x // divisor for x in range(-500, 500)]


def test_what_is_not_finite_is_null_and_never_passes_a_comparison() -> None:
    rows: dict[str, list[object]] = {"x": [NAN, INF, -INF, 1.0]}
    assert values("x > 0", rows) == [None, None, None, True]
    assert values("ln(0 - 1) > 2", rows) == [None] * 4
    assert values("x", rows, "number") == [None, None, None, 1.0]


def test_small_integer_columns_do_not_wrap_around() -> None:
    frame = pl.DataFrame({"x": pl.Series([200, 3], dtype=pl.UInt8), "y": pl.Series([100, 100], dtype=pl.Int8)})
    found = frame.select(to_polars(parse_expression("x * y - 30000")).alias("z"))["z"]
    assert found.to_list() == [-10000.0, -29700.0]
    assert found.dtype == pl.Float64


@pytest.mark.parametrize("text", ["x >= 10", "x * 2 > 25", "x IN (12, 9)", "x BETWEEN 9 AND 12", "coalesce(x, 0) < 10"])
def test_a_number_is_the_same_whatever_type_the_reader_chose(text: str) -> None:
    typed = values(text, {"x": [12, 9, None]})
    assert values(text, {"x": ["12", "9", "from 12.99"]}) == typed
    assert values(text, {"x": [12.0, 9.0, NAN]}) == typed


@pytest.mark.parametrize("text", ["f", "NOT f", "f AND TRUE", "f = TRUE", "f IS NOT FALSE", "if(f, 'a', 'b') = 'a'"])
def test_a_condition_is_the_same_whatever_type_the_reader_chose(text: str) -> None:
    typed = values(text, {"f": [True, False, None]}, "boolean")
    assert values(text, {"f": ["true", "FALSE", "perhaps"]}, "boolean") == typed
    assert values(text, {"f": [1, 0, 7]}, "boolean") == typed


def test_a_literal_alone_gives_one_value_per_row() -> None:
    assert values("TRUE", {"x": [1, 2]}) == [True, True]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_there_is_one_value_per_row_even_where_all_are_the_same(rows: int) -> None:
    frame = pl.DataFrame({"s": ["a"] * rows}, schema={"s": pl.String})
    condition = to_polars(parse_expression("'b' = CASE WHEN s = 'b' THEN s ELSE 'other' END"))
    assert frame.with_columns(condition.alias("answer"))["answer"].to_list() == [False] * rows
    assert frame.select(condition.alias("answer"))["answer"].to_list() == [False] * rows


def test_cast_to_int_alone_is_a_whole_number() -> None:
    frame = pl.DataFrame({"x": ["7.9", "-7.9", "1e30"]})
    found = frame.select(to_polars(parse_expression("CAST(x AS int)")).alias("y"))["y"]
    assert found.dtype == pl.Int64
    assert found.to_list() == [7, -7, None]


@pytest.mark.parametrize(
    ("text", "columns", "numeric", "boolean", "kind"),
    [
        ("price >= 10", ("price",), ("price",), (), "boolean"),
        ("price", ("price",), (), (), "unknown"),
        ("a > b + 1 AND lower(c) = d", ("a", "b", "c", "d"), ("a", "b"), (), "boolean"),
        ("a > b AND b > 1", ("a", "b"), ("a", "b"), (), "boolean"),
        ("b BETWEEN a AND 3", ("a", "b"), ("a", "b"), (), "boolean"),
        ("coalesce(a, b) IN (1, 2)", ("a", "b"), ("a", "b"), (), "boolean"),
        ("if(f, a, 0)", ("a", "f"), ("a",), ("f",), "number"),
        ("CASE WHEN f THEN a ELSE 'x' END", ("a", "f"), (), ("f",), "text"),
        ("a || b", ("a", "b"), (), (), "text"),
        ("a IS NULL", ("a",), (), (), "boolean"),
        ("CAST(a AS double) > b", ("a", "b"), ("b",), (), "boolean"),
        ("length(a)", ("a",), (), (), "number"),
        ("price > 1 OR price < 0", ("price",), ("price",), (), "boolean"),
        ('"with space" * Price', ("Price", "with space"), ("Price", "with space"), (), "number"),
        ("date = '2024-01-01' AND order = 1", ("date", "order"), ("order",), (), "boolean"),
        (
            "text || group || user || if || values || index",
            ("group", "if", "index", "text", "user", "values"),
            (),
            (),
            "text",
        ),
        ('"select" = 1', ("select",), ("select",), (), "boolean"),
        ('"a.b" = 1', ("a.b",), ("a.b",), (), "boolean"),
        ("coalesce(a, b)", ("a", "b"), (), (), "unknown"),
        ("NULL", (), (), (), "unknown"),
        ("1", (), (), (), "number"),
    ],
)
def test_what_it_reads_and_yields(
    text: str, columns: tuple[str, ...], numeric: tuple[str, ...], boolean: tuple[str, ...], kind: Kind
) -> None:
    assert parse_expression(text) == Expression(text, columns, numeric, boolean, kind)


def test_what_its_place_expects_gives_a_lone_column_its_kind() -> None:
    assert parse_expression("price", "number").numeric_columns == ("price",)
    assert parse_expression("in_stock", "boolean").boolean_columns == ("in_stock",)
    with pytest.raises(ExpressionError, match="yields a number, expected a condition"):
        parse_expression("price + 1", "boolean")


def test_long_but_flat_is_fine() -> None:
    either = " OR ".join(f"x = {number}" for number in range(300))
    assert values(either, {"x": [299, 300]}) == [True, False]
    assert values(f"x IN ({', '.join(map(str, range(600)))})", {"x": [599, 600]}) == [True, False]
    assert values("(" * 20 + "x + 1" + ")" * 20, {"x": [1]}) == [2.0]


def test_every_operation_has_a_builder_and_every_builder_an_operation() -> None:
    assert {*FUNCTIONS, *OPERATORS, "case", "literal"} - {"column", "null"} == set(BUILDERS)


def test_importing_it_does_not_import_polars_or_sqlglot() -> None:
    code = (
        "import sys, evenly.recipe.expression as e; assert not {'polars', 'sqlglot'} & set(sys.modules)\n"
        "e.parse_expression('price > 1'); assert 'polars' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(st.sampled_from("ab%_.\n*\\é["), max_size=8), st.text(st.sampled_from("abé.\n*\\[%"), max_size=8))
@example("%" + "".join(map(chr, range(32, 127))), "".join(map(chr, range(32, 127))))
@settings(max_examples=200)
def test_like_agrees_with_a_matcher_of_its_own(pattern: str, text: str) -> None:
    def matches(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return matches(pattern.lstrip("%"), text) or bool(text and matches(pattern, text[1:]))
        return bool(text) and pattern[0] in {"_", text[0]} and matches(pattern[1:], text[1:])

    quoted = pattern.replace("'", "''")
    assert values(f"s LIKE '{quoted}'", {"s": [text]}) == [matches(pattern, text)]
