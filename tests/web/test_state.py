"""The state of a page: it is a recipe's seed and balance in JSON, and nothing else comes in by it."""

from __future__ import annotations

import copy
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenly
from evenly.errors import UserError
from evenly.web.state import GONE, changes, state_of, with_state

RECIPE: dict[str, Any] = {
    "name": "even",
    "seed": 2**53 + 1,
    "sources": [{"name": "s", "files": ["a.jsonl"], "id": ["id"]}],
    "template": {"prompt": "{text}"},
    "balance": {
        "label": "price",
        "strata": [{"column": "price", "edges": [-math.inf, 10, 20.5, math.inf]}, {"column": "category"}],
        "weight": {"column": "category", "values": {".inf": 2, "toys.and[0]": 0.1}, "default": 1},
        "cap": 5,
        "take_all": "price > 3",
    },
    "variants": {"equal": {"balance": {"policy": "equal", "size": 9}}},
}


def base(**balance: Any) -> dict[str, Any]:
    return evenly.Recipe.from_dict({**RECIPE, "balance": {**RECIPE["balance"], **balance}}).to_dict()


def sent(state: dict[str, Any]) -> dict[str, Any]:
    """Return a state as it comes back from a page: JavaScript has one kind of number, exact up to 2**53."""
    return json.loads(json.dumps(state, allow_nan=False), parse_int=lambda text: int(float(text)))


def test_a_state_that_comes_back_is_the_recipe_that_it_was() -> None:
    data = base()
    state = state_of(data)
    assert set(state) == {"seed", "balance"}
    assert state["seed"] == str(2**53 + 1)
    assert state["balance"]["strata"][0]["edges"] == ["-.inf", 10, 20.5, ".inf"]
    again = evenly.Recipe.from_dict(with_state(data, sent(state)))
    assert again.to_dict() == {key: value for key, value in data.items() if key != "variants"}
    assert again.fingerprint() == evenly.Recipe.from_dict(data).fingerprint()


@given(st.integers(0, 2**63 - 1))
def test_every_seed_comes_back_exactly(seed: int) -> None:
    data = {**base(), "seed": seed}
    assert with_state(data, sent(state_of(data)))["seed"] == seed


def test_only_edges_have_open_ends() -> None:
    data = base()
    state = state_of(data)
    state["balance"]["filter"] = ".inf"
    found = with_state(data, state)["balance"]
    assert found["filter"] == ".inf"
    assert found["weight"]["values"] == {".inf": 2, "toys.and[0]": 0.1}
    assert found["strata"][0]["edges"] == [-math.inf, 10, 20.5, math.inf]


def test_a_state_is_taken_as_it_is_and_neither_it_nor_the_recipe_is_changed() -> None:
    data = base()
    state = {"balance": {"policy": "equal", "size": 3, "strata": [{"column": "price", "edges": [0, ".inf"]}]}}
    before = copy.deepcopy((data, state))
    found = with_state(data, state)
    assert (data, state) == before
    assert found["seed"] == 2**53 + 1
    assert found["balance"]["strata"][0]["edges"] == [0, math.inf]
    assert "variants" not in found
    assert {key: found[key] for key in ("name", "sources", "template")} == {
        key: data[key] for key in ("name", "sources", "template")
    }


def nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    "state",
    [
        None,
        3,
        "balance",
        [],
        {},
        {"seed": 3},
        {"balance": []},
        {"balance": None},
        {"balance": {}, "sources": []},
        {"balance": {}, "name": "../x"},
        {"balance": {}, "holdout": None},
        {"balance": {"strata": nested(5_000)}},
    ],
)
def test_what_is_no_state_is_refused(state: object) -> None:
    with pytest.raises(UserError, match="state: expected"):
        with_state(base(), state)


@pytest.mark.parametrize("seed", ["-1", "1" * 5_000, "٣", "²", "1e3", "", True, -1, 1.5, None, [], 2**63, 10**400])
def test_a_seed_that_is_none_is_a_fault_of_that_key(seed: object) -> None:
    from evenly.web.answers import ImpossibleError, recipe_of

    with pytest.raises(ImpossibleError) as raised:
        recipe_of(with_state(base(), {**state_of(base()), "seed": seed}))
    assert [fault["keys"] for fault in raised.value.faults] == [["seed"]]


FILES = {"files": ["other/*.jsonl"]}


@pytest.mark.parametrize(
    ("balance", "place"),
    [
        ({"policy": "target", "target": {"files": "/etc/passwd"}}, "target"),
        ({"policy": "target", "target": {"files": ["other/*.jsonl"], "format": "csv"}}, "target"),
        ({"policy": "target", "target": {"files": None, "values": {"a": 1}}}, "target"),
        ({"policy": "rake", "marginals": {"category": {"files": "hf://x"}}}, "marginals.category"),
        ({"policy": "rake", "marginals": {"a.b": FILES, "category": "uniform"}}, r"marginals.a\.b"),
    ],
)
def test_files_are_not_named_on_the_page(balance: dict[str, Any], place: str) -> None:
    with pytest.raises(UserError, match=rf"recipe\.balance\.{place}: files are named in the recipe, not on the page"):
        with_state(base(), {"balance": balance})


def test_files_that_the_recipe_names_pass_where_it_names_them() -> None:
    size = {"policy": "target", "cap": None, "size": 9}
    target = base(target=FILES, **size)
    assert with_state(target, state_of(target))["balance"]["target"] == FILES
    assert with_state(target, {"balance": {"target": {"values": {"a": 1}}}})["balance"]["target"] == {
        "values": {"a": 1}
    }
    with pytest.raises(UserError, match=r"marginals\.category: files are named in the recipe"):
        with_state(target, {"balance": {"marginals": {"category": FILES}}})
    raked = base(**{**size, "policy": "rake", "take_all": None}, marginals={"category": FILES})
    assert with_state(raked, state_of(raked))["balance"]["marginals"] == {"category": FILES}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2, width=16) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=10,
)
MAPPINGS = st.dictionaries(st.text("abc", max_size=2), PLAIN, max_size=3)


def applied(data: Any, changed: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """Return data with changes, the plain way."""
    top = {"": copy.deepcopy(data)}
    for place, value in changed:
        here: Any = top
        steps = ("", *place)
        for step in steps[:-1]:
            here = here[step]
        if value is GONE:
            del here[steps[-1]]
        else:
            here[steps[-1]] = copy.deepcopy(value)
    return top[""]


def same(one: Any, other: Any) -> bool:
    """Say whether plain data are equal, and true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


@given(MAPPINGS, MAPPINGS)
def test_changes_make_one_of_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert same(applied(before, list(changes(before, after))), after)


@given(PLAIN, PLAIN)
def test_changes_of_anything_make_one_of_the_other(before: Any, after: Any) -> None:
    assert same(applied(before, list(changes(before, after))), after)


@given(PLAIN)
def test_what_is_the_same_has_no_changes(data: Any) -> None:
    assert list(changes(data, copy.deepcopy(data))) == []


def test_a_change_is_as_small_as_can_be() -> None:
    before = {
        "weight": {"values": {"a": 1, "b": 2}},
        "strata": [{"column": "x"}, {"column": "y", "width": 3}],
        "size": 1,
    }
    after = {
        "weight": {"values": {"a": 1, "b": 3}},
        "strata": [{"column": "x"}, {"column": "y", "width": 4}],
        "size": 1.0,
    }
    assert list(changes(before, after)) == [(("weight", "values", "b"), 3), (("strata", 1, "width"), 4)]
