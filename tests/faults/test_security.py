"""A recipe and its expressions are data: they run no code, open nothing that is not named, and don't take for ever.

The same for templates and tokenizers is in test_security_templates, for folders of others in test_security_outputs, for
names in pages and terminals in test_security_names, for credentials in test_security_secrets.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.recipe.expression import Expression, ExpressionError, parse_expression, to_polars
from evenly.recipe.load import parse_recipe
from evenly.recipe.plain import DEEPEST, LONGEST, MOST_VALUES

from .conftest import QUICK, changed, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Command, OpenShop

pytestmark = pytest.mark.faults

SOUND = "name: x\nsources: [{name: a, files: a.jsonl, id: i}]\nbalance: {cap: 3, strata: [{column: p}]}\n"


# ---------------------------------------------------------------- YAML


def bomb(item: str = "[lol, lol, lol, lol, lol, lol, lol, lol, lol]", joined: str = "[{}]") -> str:
    levels = [f"x0: &a0 {item}"]
    for level in range(1, 12):
        inner = ", ".join(f"*a{level - 1}" if joined == "[{}]" else f"k{n}: *a{level - 1}" for n in range(9))
        levels.append(f"x{level}: &a{level} {joined.format(inner)}")
    return "\n".join(levels)


TAGS = [
    "seed: !!python/object/apply:os.system ['touch pwned']",
    "tokenizer: !!python/name:os.system",
    "tokenizer: !!python/object/new:subprocess.Popen [[touch, pwned]]",
    "tokenizer: !!python/module:os",
    "tokenizer: !custom bar",
    "card: !custom {license: mit}",
    "tokenizer: !!binary aGVsbG8=",
    "export: !!set {a, b}",
    "export: !!omap [a: 1]",
    "seed: !!timestamp foo",
    "seed: !!bool foo",
    "seed: !!int foo",
    "seed: !!float foo",
    "seed: !<tag:yaml.org,2002:python/name:os.system> ''",
]


@pytest.mark.parametrize("line", TAGS)
def test_a_tag_is_text_or_refused(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(lambda: parse_recipe(SOUND + line))
    assert not list(tmp_path.iterdir())


def test_a_directive_can_not_bring_a_tag_in() -> None:
    text = f"%TAG ! tag:yaml.org,2002:python/\n---\n{SOUND}tokenizer: !name:os.system\n"
    assert "a tag" in refused(lambda: parse_recipe(text))


def test_the_plain_tags_of_yaml_are_read() -> None:
    assert parse_recipe(f"{SOUND}tokenizer: !!str 12\n").tokenizer == "12"


BOMBS = {
    "lists": bomb(),
    "mappings": bomb("{a: lol, b: lol}", "{{{}}}"),
    "within a key of the recipe": SOUND
    + "variants:\n  a:\n"
    + "".join(f"    {line}\n" for line in bomb().splitlines()),
    "an anchor called None": bomb().replace("&a0", "&None").replace("*a0", "*None"),
    "merge keys": "x0: &a0 {a: 1}\n"
    + "".join(f"x{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
    "many values": f"{SOUND}x: [{','.join(['1'] * (MOST_VALUES + 1))}]\n",
    "deep lists": f"{SOUND}x: {'[' * 100_000}",
    "deep lists that end": f"{SOUND}x: {'[' * 5_000}{']' * 5_000}",
    "just too deep": f"{SOUND}x: {'[' * DEEPEST}{']' * DEEPEST}",
    "deep mappings": f"{SOUND}x: {'{a: ' * 500}1{'}' * 500}",
    "deep blocks": f"{SOUND}x:\n{''.join(' ' * n + '-' + chr(10) for n in range(1, 900))}",
    "deep dashes": f"{SOUND}x:\n {'- ' * 3_000}a\n",
    "a list that holds itself": f"{SOUND}x: &a [*a]\n",
    "a mapping that holds itself": f"{SOUND}variants: &a {{b: *a}}\n",
    "a huge text": f"{SOUND}tokenizer: {'a' * 30_000_000}\n",
    "a huge key": f"{'n' * 10_000_000}: 1\n{SOUND}",
    "a long key": f"{SOUND}? {'n' * 100_000}\n: 1\n",
    "a huge number": f"{SOUND}seed: {'9' * 500_000}\n",
    "a huge number in hexadecimal": f"{SOUND}seed: 0x{'f' * 500_000}\n",
    "a key twice": f"{SOUND}seed: 1\nseed: 2\n",
    "a list as a key": f"{SOUND}? [a, b]\n: 3\n",
    "a mapping as a key": f"{SOUND}? {{a: b}}\n: 3\n",
    "an alias of nothing": f"{SOUND}seed: *nope\n",
    "two documents": f"{SOUND}---\n{SOUND}",
    "a day that is none": f"{SOUND}seed: 2020-99-99\n",
    "a terminal's escapes": f'{SOUND}"\\e[31m\\u202e": x\n',
    "a key that looks like a line": f'{SOUND}"x\\nevenly: all is well": 1\n',
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_yaml_bomb_is_one_line_and_no_memory(name: str) -> None:
    refused(lambda: parse_recipe(BOMBS[name]))


def test_many_faults_are_told_up_to_a_hundred() -> None:
    text = SOUND + "".join(f"k{number}: 1\n" for number in range(2_000))
    with pytest.raises(evenly.RecipeError) as fault:
        parse_recipe(text)
    assert len(fault.value.faults) == 101
    assert "1,900 more faults" in str(fault.value)


def test_aliases_and_merges_of_a_sensible_size_are_read() -> None:
    text = SOUND + "export: &e {format: text}\nvariants: {a: {export: *e}, b: {export: {<<: *e, files: jsonl}}}\n"
    assert parse_recipe(text).variants == {
        "a": {"export": {"format": "text"}},
        "b": {"export": {"format": "text", "files": "jsonl"}},
    }


@pytest.mark.parametrize(
    "override",
    [
        "seed=!!python/object/apply:os.system ['touch pwned']",
        f"x={'[' * 3_000}",
        "x={a: &a [*a]}",
        f"{'a.' * 20_000}b=1",
        f"seed={'9' * 100_000}",
        f"{'k' * 100_000}=1",
        "balance.cap=*x",
        "__class__.__init__=1",
    ],
    ids=lambda text: text[:12],
)
def test_an_override_is_as_plain_as_a_recipe(override: str) -> None:
    refused(lambda: parse_recipe(SOUND, [override]))


def test_plain_data_that_holds_itself_is_refused() -> None:
    data: dict[str, Any] = changed({})
    data["variants"] = {"a": data}
    refused(lambda: evenly.Recipe.from_dict(data))


def test_a_recipe_is_read_no_further_than_one_can_be(shop: OpenShop, evenly: Command, tmp_path: Path) -> None:
    shop({})
    with (tmp_path / "huge.yaml").open("wb") as file:
        file.truncate(50 * 2**30)  # takes no room
    begun = time.monotonic()
    done = evenly("check", tmp_path / "huge.yaml")
    assert (done.code, done.out) == (2, "")
    assert f"more than {LONGEST:,} characters" in done.err
    assert time.monotonic() - begun < QUICK


@settings(max_examples=150)
@given(text=st.text(st.sampled_from("&*!?:-[]{},|>'\"%#~ \n\tab0<x."), max_size=60))
def test_any_signs_are_a_recipe_or_one_line(text: str) -> None:
    said = ""
    try:
        parse_recipe(text)
    except evenly.RecipeError as fault:
        said = str(fault)
    assert all(one.isprintable() for one in said if one != "\n")


# ---------------------------------------------------------------- expressions

CANARY = "canary.csv"
OPENERS = [
    "price > (select 1 from read_csv('{file}'))",
    "price > (select max(a) from '{file}')",
    'price > (select max(a) from "{file}")',
    "read_csv('{file}') > 1",
    "read_parquet('{file}') > 1",
    "\"read_csv\"('{file}') > 1",
    "main.read_csv('{file}') > 1",
    "\uff52\uff45\uff41\uff44_csv('{file}') > 1",
    "r\u0435ad_csv('{file}') > 1",
    "glob('{file}') > 1",
    "price > 1; select * from read_csv('{file}')",
    "price > 1 union select * from read_csv('{file}')",
    "price > 1 -- \n or read_csv('{file}')",
    "price > 1 /* */ or read_csv('{file}')",
    "title = 'a' || read_text('{file}')",
    "title = '\\' or read_text('{file}') --'",
    "title = $$a$$ or read_text('{file}')",
    "title = $x$a$x$ or read_text('{file}')",
    "cast(read_text('{file}') as text) = 'a'",
    "case when read_csv('{file}') > 1 then 1 end > 0",
    "coalesce(read_csv('{file}'), 1) > 0",
    "list_filter(['{file}'], x -> read_text(x)) = 1",
    "price in (select a from '{file}')",
    "price in '{file}'",
    "{{{{ read_csv('{file}') }}}} > 1",
    "title like read_text('{file}')",
    "regexp_like(title, read_text('{file}'))",
    "title = @file",
    '"{file}" > 1',
    "title = '{file}'",
    "regexp_like(title, '{file}')",
    "title = 'a'' or read_text(''{file}'')'",
]
"""The last four are no more than a column of that name, a pattern and texts."""


@pytest.mark.parametrize("text", OPENERS)
def test_no_expression_opens_a_file(text: str, tmp_path: Path, opened: list[str]) -> None:
    file = tmp_path / CANARY
    file.write_text("a\n1\n")
    to_polars(parse_expression("regexp_like(title, 'a')"))  # what is loaded once is loaded
    opened.clear()
    written = text.format(file=file)
    made_by_hand = Expression(written, (), (), (), "boolean")
    if text in OPENERS[-4:]:
        frame = pl.DataFrame({"price": [1.0], "title": ["a"], str(file): [1.0]})
        frame.select(to_polars(parse_expression(written)), to_polars(made_by_hand).alias("again"))
    else:
        refused(lambda: parse_expression(written), ExpressionError)
        refused(lambda: to_polars(made_by_hand), ExpressionError)
    assert opened == []


def test_the_canary_sings(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / CANARY).write_text("a\n1\n")
    assert (tmp_path / CANARY).read_text()
    assert set(opened) == {str(tmp_path / CANARY)}


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "filter": lambda text: {"curate": [{"number": {"column": "price"}}, {"filter": text}]},
    "derive": lambda text: {"curate": [{"number": {"column": "price"}}, {"derive": {"x": text}}]},
    "source": lambda text: {"sources__0__filter": text},
    "take_all": lambda text: {"balance__take_all": text},
    "weight": lambda text: {"balance__weight": text},
    "stats": lambda text: {"balance__stats": {"low": text}},
}


@pytest.mark.parametrize("place", PLACES)
def test_every_place_of_an_expression_is_guarded(
    place: str, shop: OpenShop, evenly: Command, opened: list[str]
) -> None:
    for text in ("(select max(a) from 'canary.csv')", "read_csv('canary.csv')", "min(price); read_csv('canary.csv')"):
        folder = shop({"a.jsonl": '{"sku": "a", "title": "t", "price": 1}\n', CANARY: "a\n1\n"}, PLACES[place](text))
        opened.clear()
        done = evenly("run", "recipe.yaml", "--out", "out")
        assert done.code == 2, done.err
        assert (
            f"recipe.{'sources' if place == 'source' else 'curate' if place in {'filter', 'derive'} else 'balance'}"
            in done.err
        )
        assert not [name for name in opened if CANARY in name]
        assert folder.left() <= {"out"}


HEAVY = {
    "parentheses": "(" * 1_900 + "price" + ")" * 1_900,
    "open parentheses": "(" * 3_999,
    "not": "not " * 900 + "title = 'a'",
    "minus": "- " * 1_900 + "price",
    "a sum": "+".join(["price"] * 600),
    "case": "case when price > 1 then " * 140 + "1" + " end" * 140,
    "casts": "cast(" * 150 + "price" + " as int)" * 150,
    "nested types": "cast(price as " + "array<" * 500 + ">" * 500 + ")",
    "is": "price " + "is null " * 400,
    "brackets": "[" * 3_999,
    "braces": "{" * 3_999,
    "quotes": "'" * 3_999,
    "a long number": "price > " + "9" * 3_900,
    "a long exponent": "price > 1e" + "9" * 3_900,
    "longer than any": "price > 1 and " * 100_000 + "price > 1",
    "a regex of gigabytes": "regexp_like(title, '(a{1000}){1000}')",
    "a regex of regexes": "regexp_like(title, '(((a{30}){30}){30}){30}')",
    "a regex that nests": "regexp_like(title, '" + "(" * 1_500 + ")" * 1_500 + "')",
    "a NUL": "price\0 > 1",
    "what turns the text around": "price \u202e> 1",
    "quotes of another kind": "title = \u2018a\u2019",
    "parentheses of another kind": "abs\uff08price\uff09 > 1",
}


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_expression_is_one_line_and_soon(name: str) -> None:
    refused(lambda: parse_expression(HEAVY[name]), ExpressionError)


LIGHT = {
    "a long chain of ANDs": " and ".join(["price > 1"] * 280),
    "ORs of ANDs": " or ".join(["price > 1 and price < 3"] * 140),
    "a long list": f"price in ({','.join(['1'] * 1_900)})",
    "a pattern that backtracks elsewhere": "regexp_like(title, '(a+)+$')",
    "another": "regexp_like(title, '(a|a)*b')",
    "wildcards": f"title like '{'%a' * 50}'",
    "whens": f"case {'when price > 1 then 1 ' * 150} end > 0",
}


@pytest.mark.parametrize("name", LIGHT)
def test_a_long_expression_is_quick_over_long_texts(name: str) -> None:
    begun = time.monotonic()
    frame = pl.DataFrame({"title": ["a" * 100_000, None], "price": [1.0, None]})
    frame.select(to_polars(parse_expression(LIGHT[name])))
    assert time.monotonic() - begun < QUICK


def test_an_expression_is_refused_in_a_thread_of_little_stack_too() -> None:
    found: list[str] = []
    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(
            target=lambda: found.append(refused(lambda: parse_expression(HEAVY["parentheses"]), ExpressionError))
        )
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert "nested too deeply" in found[0]
