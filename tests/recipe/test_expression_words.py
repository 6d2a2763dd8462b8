"""What an expression refuses: every hostile text is one line of a fault, quickly, and opens nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenly.recipe.expression import Expression, ExpressionError, parse_expression, to_polars

if TYPE_CHECKING:
    from pathlib import Path

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
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    message = str(caught.value)
    assert message.isprintable(), "a message is one line"
    assert message.endswith((".", "?"))
    assert "sqlglot" not in message
    assert not file.exists()
    with pytest.raises(ExpressionError):  # an Expression made by hand is no way around
        to_polars(Expression(text, (), (), (), "unknown"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lenght(title) > 3", "Did you mean 'length'?"),
        ("min(price)", "looks at all rows.*`stats` names.*least"),
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
        ("current_date", 'Write "current_date"'),
    ],
)
def test_a_fault_says_what_to_do(text: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
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
    with pytest.raises(ExpressionError):
        parse_expression(text)
    assert time.perf_counter() - began < 5, "took exponential time"


WORDS = r"""
a b AND OR NOT IN BETWEEN IS NULL TRUE LIKE CASE WHEN THEN ELSE END CAST AS ( ) , + - * / % = < || 1 2.5 'x' abs(
round( if( coalesce( cast( int text date order distinct from symmetric collate escape at time zone interval values
over filter within array struct with select union any isnull ignore nulls limit unsigned ! . ; [ ] { } @ $ ? # ^ & | ~
-- /* */ := => -> ' " ` \ é 1e 5x N'x' x'f'
"""


@given(st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join))
@settings(max_examples=300)
def test_any_text_is_either_a_fault_or_runs(text: str) -> None:
    try:
        parsed = parse_expression(text)
    except ExpressionError:
        return
    frame = pl.DataFrame({name: ["1", None] for name in parsed.columns} or {"other": [1, 2]})
    assert frame.with_columns(to_polars(parsed).alias("answer")).height == 2
