"""Ready-made conversations: what counts as one, what passes through, how long it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.core.conversations import Chat, as_messages, conversations, count_conversations, turn_keys
from evenly.io.tokenizers import load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if messages|length > 3 %}{{ raise_exception('too long') }}{% endif %}"
)


def one(*columns: Any) -> Any:
    """Return what a record's columns, each a JSON value or None, come to."""
    texts = [[None if column is None else json.dumps(column)] for column in columns]
    frame = pl.DataFrame(dict(zip("abc", texts, strict=False)), schema=dict.fromkeys("abc"[: len(columns)], pl.String))
    found = conversations(frame, frame.columns)[0]
    return None if found is None else json.loads(found)


USER, ANSWER = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}


def test_turns_pass_through_and_columns_follow_each_other() -> None:
    assert one([USER, ANSWER]) == [USER, ANSWER]
    assert one([USER], [ANSWER]) == [USER, ANSWER]


def test_the_older_form_becomes_roles_and_contents() -> None:
    older = [{"from": "system", "value": "be brief"}, {"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]
    assert [turn["role"] for turn in one(older)] == ["system", "user", "assistant"]
    assert [turn["content"] for turn in one(older)] == ["be brief", "hi", "yo"]


def test_what_else_a_turn_has_stays_as_text_and_nulls_go() -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"name": "f"}], "name": None}
    assert one([call]) == [{"role": "assistant", "content": None, "tool_calls": '[{"name": "f"}]'}]


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "hi",
        {"role": "user", "content": "hi"},
        [USER, "hi"],
        [{"role": "user"}],
        [{"content": "hi"}],
        [{"role": "", "content": "hi"}],
        [{"role": 1, "content": "hi"}],
        [{"role": "user", "content": [{"type": "image"}]}],
        [{"from": 1, "value": "hi"}],
        [{"role": "user", "content": "\ud800"}],
    ],
)
def test_anything_else_is_no_conversation(value: Any) -> None:
    assert one(value) is None
    assert one([USER], value) is None or value == []


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
turns = st.lists(st.fixed_dictionaries({"role": texts.filter(bool), "content": texts}), min_size=1, max_size=5)


@given(st.lists(turns, min_size=1, max_size=5))
def test_what_comes_out_is_what_went_in(made: list[list[dict[str, str]]]) -> None:
    frame = pl.DataFrame({"a": [json.dumps(conversation) for conversation in made]})
    found = conversations(frame, ["a"])
    assert as_messages(found, turn_keys(found)).to_list() == made


def test_keys_that_only_some_turns_have_are_null_in_the_others() -> None:
    found = pl.Series([json.dumps([{**USER, "name": "kim"}, ANSWER])])
    assert as_messages(found, turn_keys(found)).to_list() == [[{**USER, "name": "kim"}, {**ANSWER, "name": None}]]


def test_without_a_chat_template_the_contents_are_counted() -> None:
    tokenizer = load_tokenizer("cl100k_base")
    found = pl.Series([json.dumps([USER, ANSWER]), None, json.dumps([{**USER, "content": "two kettles"}])])
    counted = count_conversations(tokenizer, None, found)
    _, ends = tokenizer.encode(["hi", "hello", "two kettles"])
    assert counted.to_list() == [ends[2], None, ends[3] - ends[2]]


def test_with_a_chat_template_control_tokens_count_as_one_each(shared_data: Path) -> None:
    tokenizer = load_tokenizer(str(shared_data / "tokenizers" / "llama-3.1.json"))
    template = (
        "{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>{{ m.content }}<|eot_id|>{% endfor %}"
    )
    counted = count_conversations(tokenizer, Chat(template), pl.Series([json.dumps([USER, ANSWER])]))
    assert counted.to_list() == [
        2 * 3 + sum(len(tokenizer.encode([word])[0]) for word in ("user", "hi", "assistant", "hello"))
    ]


def test_a_template_sees_the_special_tokens_and_may_refuse() -> None:
    chat = Chat("{{ bos_token }}" + CHATML, (("bos_token", "<s>"),))
    assert chat.render(json.dumps([USER])) == "<s><|im_start|>user\nhi<|im_end|>\n"
    assert chat.render(json.dumps([USER] * 4)) is None
    counts = count_conversations(load_tokenizer("cl100k_base"), chat, pl.Series([json.dumps([USER] * 4), None]))
    assert counts.to_list() == [None, None]


@pytest.mark.parametrize(
    "template", ["{{ messages.__class__.__mro__ }}", "{{ ''.__class__ }}", "{% set x = messages.append(1) %}", "{{ x"]
)
def test_a_template_stays_in_its_sandbox(template: str) -> None:
    rendered = Chat(template).render(json.dumps([USER]))
    assert not rendered


def test_jsons_in_templates_are_written_plainly() -> None:
    assert Chat("{{ messages[0].content | tojson }}").render(json.dumps([{**USER, "content": "<é>"}])) == '"<é>"'
