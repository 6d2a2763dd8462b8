"""Guesses by small made tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from evenly.propose.guess import Wanted, guess_roles
from evenly.propose.strata import balance_of, nice
from evenly.propose.summary import summarise
from evenly.propose.yaml import value

from .tables import answers, chats, listings, prose, reviews, texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.propose.guess import Roles
    from evenly.propose.strata import Balance
    from evenly.propose.summary import Column


def columns_of(rows: Sequence[dict[str, Any]]) -> list[Column]:
    names = dict.fromkeys(name for row in rows for name in row)
    return [summarise(name, [row.get(name) for row in rows], len(rows)) for name in names]


def roles_of(rows: Sequence[dict[str, Any]], wanted: Wanted | None = None) -> Roles:
    return guess_roles(columns_of(rows), wanted or Wanted())


def balance(rows: Sequence[dict[str, Any]]) -> Balance:
    return balance_of(roles_of(rows), {one.name: one for one in columns_of(rows)}, len(rows), whole=True)


def test_goods_with_prices() -> None:
    roles = roles_of(listings(600))
    assert (roles.id.columns, roles.label.columns, roles.kind) == (("sku",), ("price",), "number")
    assert roles.texts.columns == ("title", "description")
    assert roles.category.columns == ("shelf",)
    assert roles.unusable == {"currency": "the same in all rows: USD"}
    found = balance(listings(600))
    assert (found.strata, found.policy, found.weight) == ([{"column": "price", "log": 2}], "cap", "garden")


def test_texts_with_classes() -> None:
    roles = roles_of(reviews(200))
    assert (roles.id.columns, roles.label.columns, roles.kind) == (("id",), ("sentiment",), "classes")
    assert roles.texts.columns == ("review",)
    assert balance(reviews(200)).policy == "power"


def test_ready_made_examples_pass_through() -> None:
    assert (roles_of(chats(40)).ready, roles_of(chats(40)).category.columns) == ("messages", ("domain",))
    assert (roles_of(answers(40)).ready, roles_of(answers(40)).texts.columns) == (
        "prompt-completion",
        ("question", "answer"),
    )
    assert (roles_of(texts(60)).ready, balance(texts(60)).policy) == ("text", "unimax")


def test_an_answer_of_few_values_is_a_label() -> None:
    rows = [{"input": prose(number), "output": "yes" if number % 3 else "no"} for number in range(90)]
    assert roles_of(rows).ready is None


@pytest.mark.parametrize(
    ("name", "values", "axis"),
    [
        ("price", [1.5 * 1.02**number for number in range(300)], {"log": 2}),
        ("rating", [1 + number % 5 for number in range(300)], {"round": 1}),
        ("votes", [0, 0, *(number**2 for number in range(298))], {"edges"}),
        ("score", [number / 300 for number in range(300)], {"width": 0.1}),
        ("score", [number - 150 for number in range(300)], {"width": 20}),
    ],
)
def test_what_strata_numbers_get(name: str, values: list[float], axis: dict[str, Any] | set[str]) -> None:
    rows = [{"text": prose(number), name: value} for number, value in enumerate(values)]
    found = balance(rows).strata[0]
    assert found.pop("column") == name
    assert (set(found) if isinstance(axis, set) else found) == axis


def test_a_great_many_prices_below_a_thousand_are_strata_by_the_dollar() -> None:
    rows = [{"text": prose(number), "price": round(2 * 1.01 ** (number % 600), 2)} for number in range(1_000)]
    by_name = {one.name: one for one in columns_of(rows)}
    found = balance_of(roles_of(rows), by_name, 2_800_000, whole=False)
    assert found.strata == [{"column": "price", "round": 1, "min": 1, "max": 999}]


def test_neither_ids_nor_constants_nor_counters_are_labels() -> None:
    rows = [
        {"id": number, "index": number, "target": 1, "page_number": number, "text": prose(number)}
        for number in range(50)
    ]
    roles = roles_of(rows)
    assert (roles.label.columns, roles.id.columns) == ((), ("id",))
    assert balance(rows).strata == [{"column": "tokens", "log": 2}]


def test_an_id_that_repeats_is_none() -> None:
    rows = [{"id": number // 2, "text": prose(number)} for number in range(50)]
    assert roles_of(rows).id.columns == ()
    assert "repeats in 25 of 50 rows" in roles_of(rows).id.why
    nearly = [{"id": max(1, number), "text": prose(number)} for number in range(500)]
    assert (roles_of(nearly).id.columns, roles_of(nearly).id.sure) == (("id",), False)


def test_a_category_beside_one_text_is_the_label() -> None:
    rows = [{"text": prose(number), "topic": ("a", "a", "b")[number % 3]} for number in range(90)]
    assert roles_of(rows).label.columns == ("topic",)


def test_what_a_user_says_holds() -> None:
    roles = roles_of(listings(200), Wanted(id=(), label=("shelf",), texts=("title",), category=()))
    assert (roles.id.columns, roles.label.columns, roles.texts.columns) == ((), ("shelf",), ("title",))
    assert (roles.category.columns, roles.kind) == ((), "classes")


def test_round_numbers() -> None:
    assert [nice(number) for number in (0, 37.2, -4, 0.034)] == [0, 50, -5, 0.05]
    assert [nice(number, up=True) for number in (899.99, 11_899.97, 0.0123)] == [900, 12_000, 0.013]
    assert [nice(number, up=False) for number in (3.99, 1_250, -7.77)] == [3.9, 1_200, -7.8]


@pytest.mark.parametrize(
    "text",
    ["no", "1e6", ".5", "a: b", "x#y", "# z", "-", "*x", "a,b", "../x/*.csv", "ü", "a\nb", "\x7f", "'", "\\d", "", "~"],
)
def test_any_text_is_read_back_from_the_yaml(text: str) -> None:
    assert YAML(typ="safe", pure=True).load(f"key: {value({'a': text, 'b': [text]})}")["key"] == {
        "a": text,
        "b": [text],
    }
