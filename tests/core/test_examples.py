"""Selected records as the output shows them, in each format."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from evenly.core.examples import to_examples
from evenly.recipe.model import Recipe

LAST = ["tokens", "stratum", "inclusion_probability", "design_weight"]
RENDERED = pl.DataFrame(
    {
        "__id__": ["b", "a"],
        "__prompt__": ["P1 ", "P2 "],
        "__completion__": ["C1", "C2"],
        "price": [1.5, 2.0],
        "category": ["x", None],
        "__tokens__": [7, 9],
        "__stratum__": ["2", "2"],
        "__pi__": [0.5, 0.5],
        "__design_weight__": [2.0, 4.0],
        "__key__": [0.1, 0.2],
    }
)


def recipe(label: str | None = "price", **export: object) -> Recipe:
    balance: dict[str, Any] = {"strata": [{"column": "price", "round": 1}], "cap": 1}
    if label is not None:
        balance["label"] = label
    source = {"name": "shop", "files": "x.jsonl", "id": "id"}
    data = {"name": "r", "sources": [source], "template": {"prompt": "{price}"}, "balance": balance, "export": export}
    return Recipe.from_dict(data)


def test_a_text_is_prompt_and_completion_but_where_the_answer_is_withheld() -> None:
    done = to_examples(RENDERED, recipe(keep=["category", "price"]))
    assert done.columns == ["id", "text", "price", "category", *LAST]
    assert done["text"].to_list() == ["P1 C1", "P2 C2"]
    done = to_examples(RENDERED, recipe(), withheld=True)
    assert done["text"].to_list() == ["P1 ", "P2 "]
    assert done["tokens"].to_list() == [7, 9]
    assert done["price"].to_list() == [1.5, 2.0]
    assert done["id"].to_list() == ["b", "a"]  # rows stay in their order


@pytest.mark.parametrize("withheld", [False, True])
def test_prompt_and_completion_stand_apart(withheld: bool) -> None:
    done = to_examples(RENDERED, recipe(format="prompt-completion"), withheld=withheld)
    assert done.columns == ["id", "prompt", "completion", "price", *LAST]
    assert done.row(0) == ("b", "P1 ", "C1", 1.5, 7, "2", 0.5, 2.0)


@pytest.mark.parametrize("withheld", [False, True])
def test_messages_are_a_user_and_an_assistant(withheld: bool) -> None:
    done = to_examples(RENDERED, recipe(format="messages"), withheld=withheld)
    assert done.columns == ["id", "messages", "price", *LAST]
    assert done["messages"].to_list()[1] == [
        {"role": "user", "content": "P2 "},
        {"role": "assistant", "content": "C2"},
    ]


def test_without_tokenizer_or_label_there_are_no_such_columns() -> None:
    done = to_examples(RENDERED.drop("__tokens__"), recipe(None))
    assert done.columns == ["id", "text", *LAST[1:]]


def test_no_rows_have_the_same_columns() -> None:
    for kind in ("text", "prompt-completion", "messages"):
        full, empty = (to_examples(frame, recipe(format=kind)) for frame in (RENDERED, RENDERED.clear()))
        assert empty.schema == full.schema
