"""Hostile names of columns, categories, ids, steps and files are text in pages, cards, charts, terminals and logs."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from evenly.reporting.card import code, fenced, to_yaml, words
from evenly.reporting.terminal import plain, terminal

from .conftest import changed

if TYPE_CHECKING:
    from .conftest import Command, OpenShop, Outcome

pytestmark = pytest.mark.faults

HOSTILE = (
    "[red]x[/red] [/] [link=http://e.x]l[/link] :smile: \x1b[31mE\x07\x9b31m \x1b]8;;http://e\x07 "
    "</script><img src=x onerror=a()>"
    " | `c` ``` ![i](http://e/i.png) [l](http://e) \u202eR\u202c\r\n"
    "holds  all is well\n---\nlicense: mit\n---\n# head\n```\n{{ 7 * 7 }}"
)
COLUMN = "[red]p[/]|<b>`\u202e<img src=x onerror=a()>"
FILE = "f[red]\x1b]0;pwn\x07\n|`<b>.jsonl"

STEERS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What moves a cursor, or turns the reading direction; a line end is layout."""


def shop_of(shop: OpenShop, **changes: Any) -> None:
    rows = [
        {
            "sku": f"{n} {HOSTILE}",
            "title": f"{HOSTILE} {n}",
            "shelf": HOSTILE if n % 2 else "b[/]",
            COLUMN: 1 + n % 7,
            "price": 1.0 + n % 5,
        }
        for n in range(80)
    ]
    bad = {"sku": "bad", "title": "t", "shelf": "x", COLUMN: 1, "price": "no"}
    content = "\n".join(map(json.dumps, [*rows, bad])) + "\n{bad \x1b[31m [red]\n"
    recipe = changed(
        {
            "sources__0__files": "f*.jsonl",
            "curate": [{"number": {"name": HOSTILE, "column": "price"}}],
            "balance": {"label": COLUMN, "strata": [{"column": "shelf"}], "cap": 20},
            "template": {"prompt": "{title}", "completion": "{price:.0f}"},
            "export": {"keep": ["shelf"]},
            "card": {"source": HOSTILE, "tags": [HOSTILE], "tasks": [HOSTILE]},
            "max_bad_fraction": 0.5,
            **changes,
        }
    )
    shop({FILE: content}, json.dumps(recipe))


def assert_tame(done: Outcome, code: int = 0) -> None:
    assert done.code == code, done.err
    for text in (done.out, done.err):
        assert not STEERS.search(text), repr(STEERS.search(text))
        assert "Traceback" not in text
        assert "\U0001f604" not in text
        assert not re.search(r"^(holds  all|license: mit|---$|# head)", text, re.MULTILINE)


def test_terminals_logs_and_errors_show_names_as_they_are(shop: OpenShop, evenly: Command) -> None:
    shop_of(shop)
    plan = evenly("plan", "recipe.yaml")
    assert_tame(plan)
    assert "[red]x[/red]" in plan.out
    done = evenly("run", "recipe.yaml", "--out", "out", "--log-json")
    assert_tame(done)
    assert "b[/]" in done.out
    assert all(json.loads(line) for line in done.err.splitlines())
    assert_tame(evenly("run", "recipe.yaml", "--out", "two", "--json"))
    assert_tame(evenly("verify", "out"))
    assert_tame(evenly("why", "out", f"1 {HOSTILE}"))
    assert_tame(evenly("why", "out", f"1 {HOSTILE}", "--json"))
    assert_tame(evenly("why", "out", f"{FILE}:82"), 0)
    assert_tame(evenly("why", "out", f"nobody {HOSTILE}"), 2)
    assert_tame(evenly("cache"))
    assert_tame(evenly("verify", f"./{HOSTILE}"), 2)
    assert_tame(evenly("run", f"./{HOSTILE}"), 2)
    assert_tame(evenly("check", "recipe.yaml", "--set", f"{HOSTILE}=1"), 2)


@pytest.mark.drawn
def test_pages_charts_and_comparisons_show_names_as_they_are(shop: OpenShop, evenly: Command) -> None:
    from pathlib import Path

    shop_of(shop)
    assert_tame(evenly("run", "recipe.yaml", "--out", "one[red]"))
    assert_tame(evenly("run", "recipe.yaml", "--out", "two", "--set", "balance.cap=9"))
    compared = evenly("compare", "one[red]", "two", "--out", "c[red].html")
    assert_tame(compared)
    assert "c[red].html" in compared.out
    for page in ("one[red]/report.html", "c[red].html"):
        text = Path(page).read_text(encoding="utf-8")
        shown = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
        assert text.count("<script") == 3
        assert "<img" not in shown
        assert not STEERS.search(shown.replace("\t", " "))
        assert "49" not in re.findall(r"\{\{.*?\}\}", shown)
    for chart in Path("one[red]/charts").glob("*.svg"):
        text = chart.read_text(encoding="utf-8")
        assert not re.search(r"<(script|img|a|image|foreignObject)\b|onerror=a\(\)>", text), chart
        assert not STEERS.search(text.replace("\t", " ")), chart


def test_a_card_reads_no_sign_of_its_own_in_a_name(shop: OpenShop, evenly: Command) -> None:
    from pathlib import Path

    shop_of(shop)
    assert_tame(evenly("run", "recipe.yaml", "--out", "out"))
    text = Path("out/README.md").read_text(encoding="utf-8")
    assert not STEERS.search(text)
    _, front, body = text.split("---\n", 2)
    told: Any = YAML(typ="safe").load(front)
    assert "license" not in told
    assert told["tags"] == ["evenly", "balanced", HOSTILE]
    fence = re.search(r"^(`{4,})yaml\n", body, re.MULTILINE)
    assert fence
    before, recipe = body.split(fence[0])
    assert recipe.rstrip().endswith(fence[1])
    assert YAML(typ="safe").load(recipe.rstrip().removesuffix(fence[1]))["card"]["source"] == HOSTILE
    outside = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", before)
    outside = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
    assert not re.search(r"(?<!\\)<", outside)
    assert not re.search(r"^# head|^license", body, re.MULTILINE)
    for line in (line for line in before.splitlines() if line.startswith("|")):
        assert len(re.findall(r"(?<!\\)\|", line)) in {3, 4}, line


@pytest.mark.parametrize("text", [HOSTILE, "\U000e0001\ufeff\x85\u2028", "plain", "日本語\u3000x", "a\tb", "\n"])
def test_yaml_of_any_text_is_that_text(text: str) -> None:
    written = to_yaml({"a": [text], text: {"b": text}})
    assert not STEERS.search(written)
    assert YAML(typ="safe").load(io.StringIO(written)) == {"a": [text], text: {"b": text}}


def test_words_codes_and_fences_of_markdown() -> None:
    assert words("[a](b)\n| <i>") == r"\[a\](b)↵\| \<i\>"
    assert code("a|b", cell=True) == r"`a\|b`"
    assert code("``x`") == "``` ``x` ```"
    assert fenced("a\n```\n", "yaml") == "````yaml\na\n```\n````\n"


def test_plain_data_keeps_names_apart_that_differ_in_what_is_hidden() -> None:
    assert plain({"a\x00": 1, "a␀": 2, "b": ["\x1b"]}) == {"a␀": 1, "a␀'": 2, "b": ["␛"]}
    assert terminal().render_str("[red]x[/] :smile:").plain == "[red]x[/] :smile:"
