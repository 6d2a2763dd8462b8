"""Data that are training examples already pass through a run: conversations, prompts and completions, plain texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import datasets
import polars as pl
import pytest

import evenly
from evenly.errors import RecipeError

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

ROWS: list[dict[str, Any]] = [
    {
        "id": f"c{number}",
        "topic": "abc"[number % 3],
        "messages": [
            {"role": "user", "content": f"question {number}"},
            {"role": "assistant", "content": "answer " * (1 + number % 7)},
        ],
    }
    for number in range(120)
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def recipe(path: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "chats",
        "tokenizer": "cl100k_base",
        "sources": [{"name": "chats", "files": str(path), "id": "id"}],
        "balance": {"strata": [{"column": "topic"}], "cap": 10},
        "export": {"format": "messages", "keep": ["topic"]},
        **changes,
    }


def rows_of(out: Path) -> dict[str, Any]:
    return {row["id"]: row for row in pl.read_parquet(out / "data" / "*.parquet").to_dicts()}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_conversations_come_out_as_they_went_in(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "chats.jsonl", ROWS)
    if kind == "parquet":
        pl.DataFrame(ROWS).write_parquet(path := tmp_path / "chats.parquet")
    evenly.run(recipe(path), tmp_path / "out")
    found = rows_of(tmp_path / "out")
    assert len(found) == 30
    for row in ROWS:
        if row["id"] in found:
            assert found[row["id"]]["messages"] == row["messages"]
    assert all(row["tokens"] > 3 for row in found.values())
    loaded = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "hf"))
    assert loaded[0]["messages"][0]["role"] == "user"


def test_both_formats_give_one_selection_and_the_same_counts(tmp_path: Path) -> None:
    pl.DataFrame(ROWS).write_parquet(tmp_path / "chats.parquet")
    write(tmp_path / "chats.jsonl", list(reversed(ROWS)))
    one = evenly.run(recipe(tmp_path / "chats.jsonl"), tmp_path / "one").manifest
    two = evenly.run(recipe(tmp_path / "chats.parquet"), tmp_path / "two").manifest
    assert one["selection_digest"] == two["selection_digest"]
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two")


def test_what_is_no_conversation_is_dropped_and_counted(tmp_path: Path) -> None:
    bad = [{"id": "x1", "topic": "a", "messages": "hi"}, {"id": "x2", "topic": "a"}, {"id": "x3", "messages": []}]
    made = evenly.run(recipe(write(tmp_path / "chats.jsonl", [*ROWS, *bad])), tmp_path / "out")
    assert made.manifest["rows"]["dropped"] == {"template": 3}
    assert made.manifest["rows"]["kept"] == 120


def test_a_chat_template_beside_the_tokenizer_counts_what_a_trainer_sees(tmp_path: Path, shared_data: Path) -> None:
    llama = shared_data / "tokenizers" / "llama-3.1.json"
    (tmp_path / "tokenizer.json").symlink_to(llama)
    turn = "<|start_header_id|>{{ m.role }}<|end_header_id|>{{ m.content }}<|eot_id|>"
    template = "{{ bos_token }}{% for m in messages %}" + turn + "{% endfor %}"
    config = {
        "bos_token": {"content": "<|begin_of_text|>"},
        "chat_template": [{"name": "default", "template": template}],
    }
    path = write(tmp_path / "chats.jsonl", ROWS)
    named = {"tokenizer": str(tmp_path / "tokenizer.json")}
    evenly.run(recipe(path, **named), tmp_path / "plain")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    spoken = evenly.run(recipe(path, **named), tmp_path / "spoken")
    assert not spoken.pool_reused
    before, after = rows_of(tmp_path / "plain"), rows_of(tmp_path / "spoken")
    assert before.keys() == after.keys()
    # the beginning, and for each turn its role (one token) and three control tokens
    assert all(after[name]["tokens"] == before[name]["tokens"] + 1 + 2 * (1 + 3) for name in before)


def test_a_tokens_step_keeps_conversations_by_their_length(tmp_path: Path) -> None:
    path = write(tmp_path / "chats.jsonl", ROWS)
    made = evenly.run(
        recipe(path, curate=[{"tokens": {"column": "messages", "max_tokens": 6}}], split={"train": 1.0}),
        tmp_path / "out",
    )
    assert made.manifest["rows"]["dropped"]["tokens"] > 20
    assert max(row["tokens"] for row in rows_of(tmp_path / "out").values()) <= 6


def test_turns_in_two_columns_make_one_conversation(tmp_path: Path) -> None:
    rows = [{**row, "prompt": row["messages"][:1], "completion": row["messages"][1:]} for row in ROWS]
    path = write(tmp_path / "chats.jsonl", rows)
    evenly.run(recipe(path, template={"messages": ["prompt", "completion"]}), tmp_path / "out")
    assert all(len(row["messages"]) == 2 for row in rows_of(tmp_path / "out").values())


@pytest.mark.parametrize(
    ("kind", "columns"),
    [("text", {"text": "so it is"}), ("prompt-completion", {"prompt": "1 + 1 =", "completion": " 2"})],
)
def test_ready_made_texts_pass_through(tmp_path: Path, kind: str, columns: dict[str, str]) -> None:
    path = write(tmp_path / "texts.jsonl", [{"id": row["id"], "topic": row["topic"], **columns} for row in ROWS])
    evenly.run(recipe(path, export={"format": kind}), tmp_path / "out")
    (row, *_) = rows_of(tmp_path / "out").values()
    assert {name: row[name] for name in columns} == columns


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"export": {"format": "text"}, "template": {"messages": "messages"}}, "can't be written as text"),
        ({"template": {"messages": "messages", "prompt": "x"}}, "expected one of prompt and messages"),
        ({"template": {"completion": "x"}}, "expected one of prompt and messages"),
        ({"template": {"messages": "messages", "completion": "x"}}, "has its answers within"),
        ({"curate": [{"tokens": {"column": "messages", "truncate": 9}}]}, "a conversation can't be cut"),
    ],
)
def test_contradictions_are_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        evenly.check(recipe(tmp_path / "x.jsonl", **changes))


def test_what_hosts_of_fine_tuning_refuse_is_counted(tmp_path: Path) -> None:
    def turns(*said: tuple[str, str]) -> list[dict[str, str]]:
        return [{"role": role, "content": content} for role, content in said]

    good = [turns(("user", f"hello {n}"), ("assistant", "hello " * (n % 5 + 1))) for n in range(40)]
    bad = [
        turns(("user", "a"), ("assistant", "b"), ("user", "c")),
        turns(("narrator", "a"), ("user", "b"), ("assistant", "c")),
        turns(("system", "a"), ("assistant", "b")),
        turns(("user", "  "), ("assistant", "c")),
        turns(("user", "a"), ("assistant", "")),
    ]
    rows = [{"id": f"{n}", "messages": one, "kind": "x"} for n, one in enumerate([*good, *bad])]
    recipe: dict[str, Any] = {
        "name": "chats",
        "tokenizer": "o200k_base",
        "sources": [{"name": "s", "files": str(write_lines(tmp_path / "in.jsonl", rows)), "id": "id"}],
        "balance": {"strata": [{"column": "kind"}], "cap": 1000},
        "export": {"format": "messages", "token_limit": 6},
    }
    for files in ("parquet", "jsonl"):
        recipe["export"]["files"] = files
        told = evenly.run(recipe, tmp_path / files).manifest["chat"]
        assert told["rows"] == 45
        assert told["tokens"] > 100
        too_long = told["broken"].pop("too_long")
        assert 0 < too_long < 40
        assert told["broken"] == {"unknown_role": 1, "no_user": 1, "last_not_assistant": 1, "empty": 2}
    few = evenly.run(recipe | {"balance": {"strata": [{"column": "kind"}], "cap": 6}}, tmp_path / "few")
    assert few.manifest["chat"]["broken"]["too_few"] == 6
