"""Expressions: what they mean (worked values, SQLite as an oracle) and what they refuse (hostile texts)."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evenly.recipe.expression import Expression, ExpressionFault, parse_expression, to_polars
from evenly.recipe.expression_operations import FUNCTIONS, OPERATORS
from evenly.recipe.expression_polars import BUILDERS

if TYPE_CHECKING:
    from pathlib import Path

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
    with pytest.raises(ExpressionFault, match="yields a number, expected a condition"):
        parse_expression("price + 1", "boolean")


HOSTILE = [
    "(select count(*) from read_csv('{file}')) > 0",
    "(SELECT 1)",
    "price in (select a from '{file}')",
    "price in '{file}'",
    "price in (table '{file}')",
    "exists (select 1 from '{file}')",
    "not exists(select 1)",
    "price > all (select a from '{file}')",
    "price = any('{file}')",
    "select * from '{file}'",
    "from '{file}'",
    "with x as (select 1) select * from x",
    "values (1)",
    "price union select 1",
    "price from '{file}'",
    "read_text('{file}')",
    "read_csv('{file}')",
    "read_parquet('{file}')",
    "read_blob('{file}')",
    "scan_parquet('{file}')",
    "parquet_scan('{file}')",
    "glob('*')",
    'glob "*"',
    "\"read_text\"('{file}')",
    "main.read_text('{file}')",
    "copy price to '{file}'",
    "attach '{file}'",
    "load_file('{file}')",
    "getenv('HOME')",
    "sum(price)",
    "min(price)",
    "max(price)",
    "avg(price)",
    "count(*)",
    "count(distinct price)",
    "median(price)",
    "abs(distinct price)",
    "abs(price order by price)",
    "abs(price) filter (where price > 1)",
    "rank() over ()",
    "row_number() over (partition by price)",
    "abs(price) over ()",
    "lag(price)",
    "now()",
    "today()",
    "current_date",
    "current_timestamp",
    "CURRENT_TIME",
    "localtimestamp",
    "current_timestamp()",
    "random()",
    "uuid()",
    "1; drop table x",
    "price;",
    ";",
    "price /* */",
    "/* */ price",
    "price -- more",
    "-- price",
    "*",
    "count(*) > 1",
    "abs(*)",
    "price.*",
    "a.b",
    "a.b.c > 1",
    '"a"."b" > 1',
    "a['b']",
    "a[1]",
    "a -> 'b'",
    "a:b",
    "a::double",
    "struct(a)",
    "{{'a': 1}}",
    "{{{{ price }}}}",
    "map {{'a': 1}}",
    "array[1, 2]",
    "abs(x -> x)",
    "abs(x => 1)",
    "abs(x := 1)",
    "?",
    "price > ?",
    "price > :limit",
    "price > @limit",
    "price > $1",
    "price > ${{limit}}",
    "price AS cost",
    "price cost",
    "price, cost",
    "(price, cost)",
    "(price, cost) = (1, 2)",
    "interval '1 day'",
    "date '2024-01-01'",
    "extract(year from date)",
    "cast(price as decimal(10, 2))",
    "cast(price as struct(a int))",
    "cast(price as int[])",
    "cast(price as int unsigned)",
    "cast(price as json)",
    "cast(price as timestamp)",
    "try_cast(price as int)",
    "price at time zone 'UTC'",
    "price collate nocase = 'a'",
    "price is json",
    "price between symmetric 1 and 2",
    "title like 'a' escape 'b'",
    "title like any ('a', 'b')",
    "title like pattern",
    "title similar to 'a'",
    "title ~ 'a'",
    "title glob '*'",
    "price & 1",
    "price | 1",
    "price ^ 2",
    "~price",
    "price ** 2",
    "price // 2",
    "price << 2",
    "x'ff'",
    "0x1f",
    "e'\\n'",
    "N'a' = title",
    "$$a$$",
    "`price`",
    'title = "',
    "title = 'a",
    "title in ('a' 'b')",
    "title in ()",
    "title in (title)",
    "title in ('a', NULL)",
    "title = NULL",
    "NULL <> title",
    "case title when 'a' then 1 end",
    "case end",
    "cast(price)",
    "cast(price as)",
    "log(price)",
    "eval('1')",
    "__import__('os')",
    "system('id')",
    "1e",
    "1e400",
    ".5 < price",
    "12345678901234567891 = price",
    '"*" = 1',
    '"^.*$" = 1',
    '"" = 1',
    "price >",
    "> price",
    "price 1",
    "(price",
    "price)",
    "()",
    "",
    " \n",
    "\0",
    "'\ud800'",
    "price > 1 price",
    "1 < price < 3",
    "price > 'a' AND price > 1",
    "price + TRUE",
    "(price > 1) + 1",
    "NOT 5",
    "lower(5)",
    "abs('a')",
    "abs()",
    "abs(1, 2)",
    "if(price > 1)",
    "coalesce(1, 'a')",
    "a = b",
    "a < b",
    "least(a, b)",
    "round(price, 0.5)",
    "round(price, -1)",
    "round(price, a)",
    "substr(title, 0)",
    "substr(title, -1, 2)",
    "substr(title, 1, -2)",
    "substr(title, 'a')",
    "regexp_like(title, '(')",
    "regexp_like(title, '(a)\\1')",
    "regexp_like(title, '(\\w{{100}}){{10}}')",
    "regexp_like(title, title)",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_it_refuses(text: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    text = text.format(file=file)
    with pytest.raises(ExpressionFault) as caught:
        parse_expression(text)
    message = str(caught.value)
    assert message.isprintable(), "a message is one line"
    assert message.endswith((".", "?"))
    assert "sqlglot" not in message
    assert not file.exists()
    with pytest.raises(ExpressionFault):  # an Expression made by hand is no way around
        to_polars(Expression(text, (), (), (), "unknown"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lenght(title) > 3", "Did you mean 'length'?"),
        ("min(price)", "looks at all rows.*balance.stats.*least"),
        ("now()", "clock"),
        ("log(price)", r"ln\(x\), log10\(x\)"),
        ("qqq(title)", r"There are abs, ceil, .* upper\.$"),
        ("(select 1)", "subquery"),
        ("rank() over ()", "window"),
        ("read_csv('x')", "under sources"),
        ("price ^ 2", r"power\(x, y\)"),
        ("price::int", r"CAST\(x AS double\)"),
        ("cast(price as dubble)", "Did you mean 'double'"),
        ("1 < price < 3", "price AND price <"),
        ("title = NULL", "IS NULL"),
        ("a < b", r"CAST\(a AS double\)"),
        ("price > 1 AND lower(price) = 'a'", r"'price', used as a number elsewhere.*CAST\(x AS text\)"),
        ("title in ('a' 'b')", "comma"),
        ("current_date", 'write "current_date"'),
    ],
)
def test_a_fault_says_what_to_do(text: str, said: str) -> None:
    with pytest.raises(ExpressionFault, match=said):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1000 + "1" + ")" * 1000,
        "(" * 4000,
        "abs(" * 700 + "1" + ")" * 700,
        "if(true, " * 200 + "1" + ", 1)" * 200,
        "case when true then " * 120 + "1" + " end" * 120,
        "- " * 1900 + "1",
        "not " * 900 + "true",
        "+".join("a" * 1900),
        "=".join("a" * 1900),
        "||".join("a" * 1300),
        "a " + "is null " * 490,
        "a between 1 and " * 240 + "1",
        "a in (" + "- " * 1900 + "1)",
        "decimal(" * 400 + "1" + ")" * 400,
        "cast(" * 200 + "1" + " as int)" * 200,
        "[" * 4000,
        "/*" * 2000,
        "'" * 3999,
        "a" * 4001,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_nesting_is_one_quick_fault(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ExpressionFault):
        parse_expression(text)
    assert time.perf_counter() - began < 5, "took exponential time"


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
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


WORDS = (
    "a b AND OR NOT IN BETWEEN IS NULL TRUE LIKE CASE WHEN THEN ELSE END CAST AS ( ) , + - * / % = < || 1 2.5 'x' abs( "
    "round( if( coalesce( cast( int text date order distinct from symmetric collate escape at time zone interval values "
    "over filter within array struct with select union any isnull ignore nulls limit unsigned ! . ; [ ] { } @ $ ? # ^ "
    "& | ~ -- /* */ := => -> ' \" ` \\ é 1e 5x N'x' x'f'"
).split()


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_text_is_either_a_fault_or_runs(text: str) -> None:
    try:
        parsed = parse_expression(text)
    except ExpressionFault as fault:
        assert str(fault).isprintable()
        return
    frame = pl.DataFrame(dict.fromkeys(parsed.columns, ["1", None]) or {"other": [1, 2]})
    assert frame.with_columns(to_polars(parsed).alias("answer")).height == 2


@given(st.text(st.sampled_from("ab%_.\n*\\é["), max_size=8), st.text(st.sampled_from("abé.\n*\\[%"), max_size=8))
@example("%" + "".join(map(chr, range(32, 127))), "".join(map(chr, range(32, 127))))
@settings(max_examples=200, deadline=None)
def test_like_agrees_with_a_matcher_of_its_own(pattern: str, text: str) -> None:
    def matches(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "%":
            return matches(pattern.lstrip("%"), text) or bool(text and matches(pattern, text[1:]))
        return bool(text) and pattern[0] in {"_", text[0]} and matches(pattern[1:], text[1:])

    quoted = pattern.replace("'", "''")
    assert values(f"s LIKE '{quoted}'", {"s": [text]}) == [matches(pattern, text)]


# The oracle: SQLite over the same rows. Numbers are REAL and written with a point there (it divides integers), booleans 0
# and 1; functions that it has not, or has another way, are Python's.
ROWS: dict[str, list[object]] = {
    "x": [0.0, 1.0, -2.5, 3.0, 0.5, None, 7.25, -1.0, 2.0, None],
    "y": [1.0, 0.0, 4.0, None, -0.5, None, 7.25, 100.0, 2.0, 3.0],
    "s": ["", "Ab", "abc", None, "b", "A b", "zz", "AB", None, "a%"],
    "t": ["a", "b", None, "abc", "", "b", "zz", "aB", None, "A"],
    "f": [True, False, None, True, False, None, True, True, False, None],
}


def _skip_null(choose: object) -> object:
    def chosen(*given: float | str | None) -> object:
        there = [value for value in given if value is not None]
        return choose(there) if there and callable(choose) else None

    return chosen


def _sqlite() -> sqlite3.Connection:
    oracle = sqlite3.connect(":memory:")
    oracle.execute("PRAGMA case_sensitive_like = ON")
    oracle.execute("CREATE TABLE rows (x REAL, y REAL, s TEXT, t TEXT, f INTEGER)")
    oracle.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?)", list(zip(*ROWS.values(), strict=True)))
    one_argument = {
        "floor": lambda x: float(math.floor(x)),
        "ceil": lambda x: float(math.ceil(x)),
        "sqrt": lambda x: math.sqrt(x) if x >= 0 else None,
        "trim": str.strip,
        "length": lambda s: float(len(s)),
    }
    for name, function in one_argument.items():
        oracle.create_function(name, 1, lambda value, function=function: None if value is None else function(value))
    oracle.create_function("round", 1, lambda x: None if x is None else float(round(x)))
    oracle.create_function("starts_with", 2, lambda s, t: None if s is None or t is None else s.startswith(t))
    oracle.create_function("contains", 2, lambda s, t: None if s is None or t is None else t in s)
    oracle.create_function("concat", -1, lambda *given: "".join(text for text in given if text is not None))
    oracle.create_function("least", -1, _skip_null(min))
    oracle.create_function("greatest", -1, _skip_null(max))
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


@given(_expressions())
@settings(max_examples=400, deadline=None)
def test_it_means_what_sqlite_means(expression: tuple[str, Kind]) -> None:
    text, kind = expression
    expected = [answer for (answer,) in ORACLE.execute(f"SELECT {text} FROM rows ORDER BY rowid")]  # noqa: S608
    found = values(text, ROWS, kind)
    assert found == expected  # to the last bit: only operations that IEEE 754 defines exactly
