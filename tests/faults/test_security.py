"""A recipe, an expression, a template or a tokenizer is data: none runs code, opens what is not named, or takes for ever.

The same for folders of others is in test_security_outputs, for names in pages and terminals in test_security_names, for
credentials in test_security_secrets.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.core.conversations import Chat
from evenly.errors import EvenlyError
from evenly.recipe.expression import Expression, ExpressionError, parse_expression, to_polars
from evenly.recipe.load import parse_recipe
from evenly.recipe.plain import DEEPEST, LONGEST, MOST_VALUES

from .conftest import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Command, OpenShop

pytestmark = pytest.mark.faults

QUICK = 20.0
"""Seconds within which whatever is hostile is refused, on a busy machine."""

SOUND = "name: x\nsources: [{name: a, files: a.jsonl, id: i}]\nbalance: {cap: 3, strata: [{column: p}]}\n"


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """The files that this process opens while a test runs, other than modules."""
    found: list[str] = []
    listening = [True]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event in {"open", "subprocess.Popen", "os.system", "os.exec", "socket.connect"}:
            name = str(arguments[0])
            if not name.endswith((".py", ".pyc", ".so")):
                found.append(name)

    sys.addaudithook(hear)  # there is no way to take one away
    yield found
    listening.clear()


def refused(call: Callable[[], object], kind: type[Exception] = EvenlyError) -> str:
    """Return what a call is refused with: one clear line (and what there is to choose from), soon."""
    begun = time.monotonic()
    with pytest.raises(kind) as fault:
        call()
    assert time.monotonic() - begun < QUICK
    text = str(fault.value)
    lines = text.splitlines()
    assert len([line for line in lines if not line.startswith("  ")]) == 1, text
    assert max(map(len, lines)) < 2_100
    assert all(one.isprintable() for one in text if one != "\n")
    return text


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
    text = f"{SOUND}export: &e {{format: text}}\nvariants: {{a: {{export: *e}}, b: {{export: {{<<: *e, files: jsonl}}}}}}\n"
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
    try:
        parse_recipe(text)
    except evenly.RecipeError as fault:
        assert all(one.isprintable() for one in str(fault) if one != "\n")


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
    "ｒｅａｄ_csv('{file}') > 1",
    "rеad_csv('{file}') > 1",
    "glob('{file}') > 1",
    "price > 1; select * from read_csv('{file}')",
    "price > 1 union select * from read_csv('{file}')",
    "price > 1 -- \n or read_csv('{file}')",
    "price > 1 /* */ or read_csv('{file}')",
    "title = 'a' || read_text('{file}')",
    "title = 'a'' or read_text(''{file}'')'",
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
]


@pytest.mark.parametrize("text", OPENERS)
def test_no_expression_opens_a_file(text: str, tmp_path: Path, opened: list[str]) -> None:
    file = tmp_path / CANARY
    file.write_text("a\n1\n")
    to_polars(parse_expression("regexp_like(title, 'a')"))  # what is loaded once is loaded
    opened.clear()
    written = text.format(file=file)
    try:
        frame = pl.DataFrame({"price": [1.0], "title": ["a"], str(file): [1.0]})
        frame.select(to_polars(parse_expression(written)))
    except ExpressionError as fault:
        assert "\n" not in str(fault)
    assert opened == []
    with pytest.raises((ExpressionError, AssertionError)):
        to_polars(Expression(written, (), (), (), "boolean"))
        assert text in OPENERS[-3:]
        raise AssertionError
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


# ---------------------------------------------------------------- templates of recipes

TEMPLATES = [
    "{text.__class__}", "{text.__class__.__mro__}", "{text!r}", "{text!s}", "{text[0]}", "{price:{x}}", "{price:{}}",
    "{price:1000000000}", "{price:.1000000000f}", "{price:>99999999d}", "{price:" + "9" * 5_000 + "}", "{", "}", "{}", "{0}",
]  # fmt: skip


@pytest.mark.parametrize("text", TEMPLATES)
def test_a_field_of_a_template_is_a_column_and_a_small_format(text: str) -> None:
    data = changed({"template": {"prompt": f"x {text}"}})
    assert "recipe.template.prompt" in refused(lambda: evenly.Recipe.from_dict(data))


# ---------------------------------------------------------------- chat templates

LOOP = "{% for i in range(100000) %}"
DOUBLED = "{{% set ns = namespace(x={}) %}}{{% for i in range(60) %}}{}{{% endfor %}}{{{{ ns.x | string | length }}}}"
ENDLESS = {
    "loops within loops": LOOP * 3 + "{% endfor %}" * 3,
    "a text times a number": "{{ 'a' * 10000000000 }}",
    "a number times itself": "{% set ns = namespace(x=10) %}" + LOOP + "{% set ns.x = ns.x * ns.x %}{% endfor %}",
    "a text with itself": DOUBLED.format("'a'", "{% set ns.x = ns.x ~ ns.x %}"),
    "a text and itself": DOUBLED.format("'a'", "{% set ns.x = ns.x + ns.x %}"),
    "a block of itself": DOUBLED.format("'a'", "{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
    "a list of itself": DOUBLED.format("[1]", "{% set ns.x = [ns.x, ns.x] %}"),
    "a mapping of itself": DOUBLED.format("{'a': 1}", "{% set ns.x = {'a': ns.x, 'b': ns.x} %}"),
    "a macro that calls itself twice": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "a width of a filter": "{{ 'a' | center(1000000000) }}",
    "a width of a method": "{{ 'a'.ljust(1000000000) }}",
    "a width of a format": "{{ '%1000000000d' % 1 }}",
    "a width from an argument": "{{ '%*d' % (1000000000, 1) }}",
    "a width in braces": "{{ '{:1000000000}'.format(1) }}",
    "a width in braces in braces": "{{ '{:{w}}'.format(1, w=1000000000) }}",
    "replacing": "{% set a = 'a' * 9000 %}{{ a.replace('a', a) | replace('a', a) | length }}",
    "replacing nothing": "{% set a = 'a' * 9000 %}{{ a.replace('', a) | length }}",
    "joining": "{% set a = 'a' * 9000 %}{{ a.join(a) | list | join(a) | length }}",
    "tabs": "{% set a = '\\t' * 9000 %}{{ a.expandtabs(90000) | length }}",
    "indents": "{% set a = '\\n' * 9000 %}{{ a | indent(90000) | length }}",
    "indented JSON": "{{ messages | tojson(indent=100000000) }}",
    "batches": "{{ [1] | batch(1000000000, 0) | list | length }}",
    "bytes": "{{ (1).to_bytes(1000000000, 'big') | length }}",
    "translations": "{% set a = 'a' * 90000 %}{{ a.translate({97: a}) | length }}",
}  # fmt: skip
TALK = json.dumps([{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}])


@pytest.mark.parametrize("name", ENDLESS)
def test_a_chat_template_without_an_end_is_told(name: str) -> None:
    chat = Chat(ENDLESS[name])
    assert "its chat template makes too much" in refused(lambda: chat.render(TALK))


ESCAPES = [
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('touch pwned').read() }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ raise_exception.__globals__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages | attr('__class__') | string | length }}",
    "{{ '{0.__class__.__mro__}'.format(1) }}",
    "{{ ['x'] | map(attribute='__class__') | map(attribute='__mro__') | list }}",
    "{% include '/etc/passwd' %}",
    "{% import '/etc/passwd' as x %}",
    "{% extends '/etc/passwd' %}",
    "{{ messages.append(1) }}",
    "{{ [1, 2] | random }}",
    "{{ lipsum() }}",
]


@pytest.mark.parametrize("template", ESCAPES)
def test_a_chat_template_reaches_nothing_but_its_values(
    template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Chat("{{ 1 }}").render(TALK)
    opened.clear()
    made = Chat(template).render(TALK) or ""
    assert "class" not in made
    assert "root:" not in made
    assert opened == []
    assert not list(tmp_path.iterdir())


def test_an_endless_chat_template_ends_a_run_with_one_line(shop: OpenShop, evenly: Command) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    rows = "".join(json.dumps({"id": f"r{n}", "messages": json.loads(TALK), "kind": "a"}) + "\n" for n in range(20))
    place = shop({"a.jsonl": rows}, {
        "sources__0__id": "id", "curate": None, "tokenizer": "t.json", "template": {"messages": ["messages"]},
        "balance": {"strata": [{"column": "kind"}], "cap": 5}, "export": {"format": "messages"},
    })  # fmt: skip
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    words = Tokenizer(models.BPE({letter: place for place, letter in enumerate(alphabet)}, []))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.save(str(place.folder / "t.json"))
    (place.folder / "chat_template.jinja").write_text(ENDLESS["loops within loops"])
    done = evenly("run", "recipe.yaml", "--out", "out", "--quiet")
    assert (done.code, done.out) == (2, "")
    assert "recipe.tokenizer: its chat template makes too much" in done.err
    assert not (place.folder / "out").exists()


TOKENIZERS = {
    "null": "null",
    "a list": "[]",
    "a number": "1",
    "deep": "[" * 100_000,
    "wrong types": '{"model": {"type": "BPE", "vocab": [], "merges": {}}}',
    "ids beyond all": '{"model": {"type": "BPE", "vocab": {"a": 99999999999}, "merges": []}}',
    "an id of two gigabytes": '{"model": {"type": "BPE", "vocab": {"a": 4294967295}, "merges": []}}',
    "ids below zero": '{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}}',
    "merges of nothing": '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["q q"]}}',
    "an unknown model": '{"model": {"type": "Pickle", "vocab": {}}}',
    "a regex that is none": '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}}',
    "not UTF-8": "\udcff",
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_that_is_none_is_one_line(name: str, shop: OpenShop, evenly: Command) -> None:
    place = shop(
        {"a.jsonl": '{"sku": "a", "title": "t", "price": 1}\n', "t.json": TOKENIZERS[name].encode("utf-8", "surrogateescape")},
        {"tokenizer": "t.json", "curate": [{"number": {"column": "price"}}, {"tokens": {"column": "title", "max_tokens": 9}}], "export": None},
    )  # fmt: skip
    begun = time.monotonic()
    done = evenly("run", "recipe.yaml", "--out", "out", "--quiet")
    assert done.code in {0, 2}, done.err
    assert done.code == 0 or done.err.startswith("evenly: recipe.tokenizer"), done.err
    assert done.code == 0 or (len(done.err.splitlines()) == 1 and not (place.folder / "out").exists())
    assert time.monotonic() - begun < QUICK
