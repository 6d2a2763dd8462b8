"""Templates of recipes and of chats, and tokenizers: they reach nothing but their values, and have an end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

import evenly
from evenly.core.conversations import Chat

from .conftest import QUICK, changed, refused

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Command, OpenShop

pytestmark = pytest.mark.faults

# ---------------------------------------------------------------- templates of recipes

TEMPLATES = [
    "{text.__class__}", "{text.__class__.__mro__}", "{text!r}", "{text!s}", "{text[0]}", "{price:{x}}", "{price:{}}",
    "{price:1000000000}", "{price:.1000000000f}", "{price:>99999999d}", "{price:" + "9" * 5_000 + "}",
    "{", "}", "{}", "{0}",
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
    "a macro that calls itself twice":
        "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
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
    "a regex that is none": '{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}, "pre_tokenizer": '
        '{"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}}',
    "not UTF-8": "\udcff",
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_tokenizer_that_is_none_is_one_line(name: str, shop: OpenShop, evenly: Command) -> None:
    content = TOKENIZERS[name].encode("utf-8", "surrogateescape")
    steps = [{"number": {"column": "price"}}, {"tokens": {"column": "title", "max_tokens": 9}}]
    place = shop(
        {"a.jsonl": '{"sku": "a", "title": "t", "price": 1}\n', "t.json": content},
        {"tokenizer": "t.json", "curate": steps, "export": None},
    )
    begun = time.monotonic()
    done = evenly("run", "recipe.yaml", "--out", "out", "--quiet")
    assert done.code in {0, 2}, done.err
    assert done.code == 0 or done.err.startswith("evenly: recipe.tokenizer"), done.err
    assert done.code == 0 or (len(done.err.splitlines()) == 1 and not (place.folder / "out").exists())
    assert time.monotonic() - begun < QUICK
