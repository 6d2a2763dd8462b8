"""The page and the charts of an output: complete, alone, safe with other people's text, sensible with odd data."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import evenly
from evenly.reporting.design import AFTER, BEFORE, CATEGORY_COLORS, DARK, number, visible

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "<script>alert(1)</script>",
    "</style></title><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "left \u202eright\u202c",
    "w" * 10_000,
    "\U0001f469\u200d\U0001f4bb emoji \U0001f600",
    "nul \x00 bell \x07 escape \x1b[31m",
    "{{ 7 * 7 }} {% raw %} </script> ${x} <!--",
    "שלום עולם",
]


def rows(count: int, **columns: Any) -> list[dict[str, Any]]:
    return [
        {"id": f"{number}", "title": f"thing {number}", **{name: make(number) for name, make in columns.items()}}
        for number in range(count)
    ]


def recipe(files: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "odd",
        "sources": [{"name": "s", "files": str(files), "id": "id"}],
        "template": {"prompt": "{title}"},
        "balance": {"strata": [{"column": "kind"}], "cap": 5},
        **changes,
    }


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, tag: str) -> int:
        return sum(one == tag for one, _ in self.tags)


def page_of(folder: Path) -> Page:
    return Page((folder / "report.html").read_text(encoding="utf-8"))


@pytest.mark.drawn
def test_a_report_has_everything_and_can_be_made_again(tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    made = rows(800, price=lambda _: round(float(chance.lognormal(3, 1)), 2), kind=lambda number: "abc"[number % 3])
    path = write_lines(tmp_path / "in.jsonl", made)
    balance: dict[str, Any] = {"label": "price", "strata": [{"column": "price", "round": 10}], "cap": 20}
    balance["weight"] = {"column": "kind", "values": {"a": 2}}
    done = evenly.run(recipe(path, balance=balance, tokenizer="o200k_base"), tmp_path / "out")
    names = ["label", "label_log", "strata", "lorenz", "categories", "shares", "mix", "tokens", "density", "funnel"]
    files = sorted(path.name for path in (done.folder / "charts").iterdir())
    assert files == sorted(["numbers.json", *(f"{name}.{ending}" for name in names for ending in ("svg", "png"))])
    for name in names:
        assert (done.folder / "charts" / f"{name}.svg").read_text("utf-8").startswith("<svg")
        assert (done.folder / "charts" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    page = page_of(done.folder)
    assert (done.folder / "report.html").stat().st_size < 2_000_000
    assert page.count("figure") == len(names)
    pictures = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert all(len(str(one["aria-label"])) > 20 for one in pictures)
    assert len(pictures) == page.count("details") == len(names)
    assert not [attributes for _, attributes in page.tags if attributes.get("src") or attributes.get("style")]
    assert page.count("script") == 3
    assert "20 rows of train" in " ".join(page.text.split())
    assert done.manifest["selection_digest"]["train"] in page.text
    assert "report" in done.manifest["timings"]

    was = (done.folder / "report.html").read_bytes()
    for chart in (done.folder / "charts").glob("*.svg"):
        chart.unlink()
    (done.folder / "report.html").unlink()
    again = evenly.report(done.folder)
    assert (done.folder / "report.html").read_bytes() == was
    assert sorted(path.name for path in (done.folder / "charts").iterdir()) == files
    assert again.manifest == done.manifest
    assert again.after.rows == done.after.rows
    assert again.before.categories == done.before.categories
    assert again.after.label_mean == pytest.approx(done.after.label_mean)
    evenly.report(done.folder, price=25)
    total = done.after.tokens / 1e6 * 25
    assert f"{total:,.2f} at 25 a million" in page_of(done.folder).text


@pytest.mark.drawn
def test_other_peoples_text_is_text(tmp_path: Path) -> None:
    made = [
        {"id": f"{place}", "title": text, "kind": text[:200], "price": float(place)}
        for place, text in enumerate([*HOSTILE, *HOSTILE])
    ]
    path = write_lines(tmp_path / "in.jsonl", made)
    balance = {"label": "price", "strata": [{"column": "kind"}], "cap": 5}
    done = evenly.run(recipe(path, balance=balance, export={"keep": ["kind"]}), tmp_path / "out")
    page = page_of(done.folder)
    assert page.count("script") == 3
    assert page.count("img") == 0
    assert page.count("style") == 1
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    raw = (done.folder / "report.html").read_text(encoding="utf-8")
    for character in ("\x00", "\x07", "\x1b", "\u202e"):
        assert character not in raw
    for text in HOSTILE:
        assert visible(text[:4_000]) in page.text
    svg = (done.folder / "charts" / "strata.svg").read_text("utf-8")
    assert "<script" not in svg


def kinds(count: int) -> Any:
    return lambda number: f"kind {number % count:03d}"


ODD: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "a label of one value": (
        rows(50, price=lambda _: 7.0, kind=kinds(3)),
        {"balance": {"label": "price", "strata": [{"column": "kind"}], "cap": 5}},
    ),
    "a single category": (rows(50, kind=kinds(1)), {}),
    "500 categories": (
        rows(3_000, kind=kinds(500), price=lambda number: float(number % 90)),
        {"balance": {"label": "price", "strata": [{"column": "kind"}], "cap": 5}},
    ),
    "a label below zero": (
        rows(200, kind=kinds(4), price=lambda number: number * 0.37 - 40),
        {"balance": {"label": "price", "strata": [{"column": "price", "width": 10}], "cap": 15}},
    ),
    "a label that is missing": (
        rows(200, kind=kinds(4), price=lambda number: None if number % 3 else float(number)),
        {"balance": {"label": "price", "strata": [{"column": "kind"}], "cap": 15}},
    ),
    "a label of dates": (
        rows(
            300,
            kind=kinds(4),
            day=lambda number: None if number == 3 else f"20{10 + number % 17}-{1 + number % 12:02d}-09",
        ),
        {
            "balance": {"label": "day", "strata": [{"column": "day", "part": "year"}], "cap": 9},
            "tokenizer": "o200k_base",
        },
    ),
    "a label of text": (
        rows(200, kind=kinds(4), name=lambda number: f"name {number % 12}"),
        {"balance": {"label": "name", "strata": [{"column": "name"}], "cap": 5}},
    ),
    "no strata": (rows(50, kind=kinds(2)), {"balance": {"policy": "weighted", "size": 20}}),
    "crossed strata": (
        rows(400, kind=kinds(40), price=lambda number: float(number % 7)),
        {"balance": {"strata": [{"column": "kind"}, {"column": "price"}], "cap": 1}},
    ),
    "more categories than are kept": (rows(1_500, kind=kinds(1_200)), {}),
    "names that are alike when cut short": (
        rows(60, kind=lambda number: "k" * 200 + "abc"[number % 3]),
        {"balance": {"strata": [{"column": "kind"}], "cap": 5}},
    ),
    "an empty stratum among numbers": (
        rows(200, kind=kinds(2), price=lambda number: float(number % 4)),
        {
            "balance": {
                "strata": [{"column": "price"}],
                "policy": "target",
                "target": {"values": {"0.0": 0.4, "1.0": 0.4, "9.0": 0.2}},
                "size": 50,
                "shortfall": "accept",
            }
        },
    ),
    "an empty stratum": (
        rows(200, kind=kinds(2)),
        {
            "balance": {
                "strata": [{"column": "kind"}],
                "policy": "target",
                "target": {"values": {"kind 000": 0.5, "kind 001": 0.5}},
                "size": 50,
            }
        },
    ),
    "messages": (
        [
            {
                "id": f"{number}",
                "kind": "x",
                "messages": [
                    {"role": "user", "content": f"hello {number}"},
                    {"role": "assistant", "content": "</script>"},
                ],
            }
            for number in range(30)
        ],
        {"template": {"messages": ["messages"]}, "export": {"format": "messages"}},
    ),
    "json lines": (rows(50, kind=kinds(2)), {"export": {"files": "jsonl"}}),
}


@pytest.mark.drawn
@pytest.mark.parametrize("name", ODD)
def test_odd_data_still_makes_sense(name: str, tmp_path: Path) -> None:
    made, changes = ODD[name]
    path = write_lines(tmp_path / "in.jsonl", made)
    done = evenly.run(recipe(path, **changes), tmp_path / "out")
    page = page_of(done.folder)
    assert page.count("figure") >= 2
    tables = page.text[page.text.index("What it is") : page.text.index("How to repeat it", 1_000)]
    assert not {"nan", "None", "inf", "-inf"} & set(tables.split())
    numbers = json.loads((done.folder / "charts" / "numbers.json").read_text("utf-8"))
    assert sum(row["n"] for row in numbers["strata"]["rows"]) == done.manifest["rows"]["selected"]
    told = numbers["categories"]
    if told["names"]:
        assert sum(told["after"]) + told["others"]["after"] == done.manifest["rows"]["selected"]
    if name == "a label of dates":
        assert "2010-01-01 – 2010-04-01" in page.text
        assert numbers["dates"]
        assert sum(numbers["pictures"]["label"]["after"]) == done.manifest["rows"]["selected"]
    if name == "an empty stratum among numbers":
        (empty,) = [row for row in numbers["strata"]["rows"] if not row["N"]]
        assert (empty["stratum"], empty["x"], empty["n"]) == ("9.0", 9.0, 0)
        assert empty["wanted"] > 0
    if name == "500 categories":
        assert "480 others" in page.text
        assert "491 others" in page.text  # along the label nine have a colour
        assert len(numbers["pictures"]["mix"]["categories"]) == 9


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (1_234_567, "1,234,567"),
        (60.1512, "60.15"),
        (990.0, "990"),
        (6.99, "6.99"),
        (-1.5e300, "-1.5e+300"),
        (0.00012346, "0.0001235"),
        (-12.5, "-12.5"),
        (99_999.96, "100,000"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_numbers_are_written_for_people(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_every_colour_of_the_categories_is_another() -> None:
    assert len({*CATEGORY_COLORS, BEFORE, AFTER}) == len(CATEGORY_COLORS) + 2
    assert len({*(DARK.get(color, color) for color in CATEGORY_COLORS)}) == len(CATEGORY_COLORS)
