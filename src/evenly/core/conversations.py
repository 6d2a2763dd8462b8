"""Ready-made conversations: lists of turns that pass through from the data to the output.

A conversation is held as JSON text, `[{"role": "user", "content": "…"}, …]`; turns of the older form
`{"from": "human", "value": "…"}` are read as such too. What else a turn has (`name`, `tool_calls`) stays beside role
and content, as JSON text where it is not text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import jinja2
import polars as pl

from evenly.core.sandbox import Sandbox, TooMuchError, refuse, rendered
from evenly.errors import TokenizerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from evenly.core.tokens import Tokenizer

ROLES: Final = {"human": "user", "gpt": "assistant"}
"""What the form from/value calls a role -> its name today."""

ANSWERS: Final = "assistant"
"""The role whose last turn is the answer."""

CHAT_RULES: Final = {
    "unknown_role": "have a turn of a role that hosts do not know",
    "no_user": "have no turn of the user's",
    "last_not_assistant": "do not end with the assistant's turn",
    "empty": "have a turn of the user's or the assistant's that is empty",
    "too_long": "have more tokens than export.token_limit allows",
    "too_few": "are fewer than the ten that hosts train on at least",
}
"""Rule of hosted fine-tuning that is broken -> what conversations that break it do."""

Turn = dict[str, str | None]


def conversations(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Return each record's conversation: the turns of `columns` (String, JSON), one column after the other.

    The result is String: JSON with the keys of each turn in the order role, content, others; null for a record of which
    a column is no list of turns, each with a role and a text.
    """
    texts = [_text(row) for row in frame.select(columns).iter_rows()]
    return pl.Series("messages", texts, dtype=pl.String)


def spoken_before(frame: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """Return what is said in each conversation before the assistant's last turn, a line a turn; "" for a null."""
    texts: list[str] = []
    for text in conversations(frame, columns).to_list():
        turns: list[Turn] = [] if text is None else json.loads(text)
        last = max((place for place, turn in enumerate(turns) if turn["role"] == ANSWERS), default=len(turns))
        texts.append("\n".join(turn["content"] or "" for turn in turns[:last]))
    return pl.Series("spoken", texts, dtype=pl.String)


def chat_notes(facts: Mapping[str, Any]) -> list[str]:
    """Return what hosts would refuse of an output's conversations (`rows`, `broken`), a sentence each."""
    return [
        f"{rows:,} of {facts['rows']:,} conversations {CHAT_RULES[name]}: a host of fine-tuning may refuse the file."
        for name, rows in facts["broken"].items()
    ]


def turn_keys(texts: pl.Series) -> set[str]:
    """Return the keys that the turns of some conversations have."""
    return {key for text in texts.drop_nulls().to_list() for turn in json.loads(text) for key in turn}


def as_messages(texts: pl.Series, keys: Iterable[str]) -> pl.Series:
    """Return conversations as List(Struct) of texts, with role, content and `keys` for fields."""
    names = dict.fromkeys(("role", "content", *sorted(keys)))
    turns = pl.List(pl.Struct(dict.fromkeys(names, pl.String)))
    return texts.str.json_decode(turns)


@dataclass(frozen=True)
class Chat:
    """A tokenizer's chat template (Jinja) and the special tokens that it names, such as `bos_token`."""

    template: str
    tokens: tuple[tuple[str, str], ...] = ()

    @cached_property
    def _render(self) -> Callable[..., str]:
        """The template, compiled in Jinja's sandbox; without a clock, so that it writes the same every day."""
        return Sandbox().from_string(self.template).render

    def render(self, text: str) -> str | None:
        """Return a conversation as the text that a model is trained on; None where the template refuses it.

        Raises:
            TokenizerError: for a template that does more than a conversation may cost.
        """
        values = {"add_generation_prompt": False, "raise_exception": refuse, **dict(self.tokens)}
        try:
            return rendered(self._render, len(text), {"messages": json.loads(text), **values})
        except (TooMuchError, MemoryError):
            message = (
                f"recipe.tokenizer: its chat template makes too much of a conversation of {len(text):,} characters: an "
                "endless loop, perhaps. Mend chat_template.jinja or tokenizer_config.json, or take another tokenizer."
            )
            raise TokenizerError(message) from None
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError, ArithmeticError, RecursionError):
            return None


def count_conversations(tokenizer: Tokenizer, chat: Chat | None, texts: pl.Series) -> pl.Series:
    """Return the tokens of each conversation (UInt32), null for null and for one that the chat template refuses.

    With a chat template it is what a trainer's `apply_chat_template` makes of the turns, control tokens included;
    without one it is the tokens of the turns' contents.
    """
    if chat is None:
        return _count_contents(tokenizer, texts)
    rendered = [None if text is None else chat.render(text) for text in texts.to_list()]
    _, offsets = tokenizer.encode([text or "" for text in rendered], control=True)
    counts = pl.Series(texts.name, offsets[1:] - offsets[:-1]).cast(pl.UInt32)
    return counts.set(pl.Series([text is None for text in rendered], dtype=pl.Boolean), None)


def _count_contents(tokenizer: Tokenizer, texts: pl.Series) -> pl.Series:
    contents: list[str] = []
    ends = [0]
    for text in texts.to_list():
        contents += [] if text is None else [turn["content"] or "" for turn in json.loads(text)]
        ends.append(len(contents))
    _, offsets = tokenizer.encode(contents)
    counts = pl.Series(texts.name, offsets[ends[1:]] - offsets[ends[:-1]]).cast(pl.UInt32)
    return counts.set(texts.is_null(), None)


def _text(parts: Sequence[str | None]) -> str | None:
    turns: list[Turn] = []
    for part in parts:
        here = _turns(part)
        if here is None:
            return None
        turns += here
    try:
        text = json.dumps(turns, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which is no text
        return None
    return text if turns else None


def _turns(text: str | None) -> list[Turn] | None:
    """Return the turns of one column of one record, or None where it is no conversation."""
    try:
        found: Any = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list):
        return None
    items: list[Any] = found  # pyright: ignore[reportUnknownVariableType]
    turns = [_turn(item) for item in items]
    whole = [turn for turn in turns if turn is not None]
    return whole if len(whole) == len(turns) else None


def _turn(item: Any) -> Turn | None:  # noqa: ANN401 - any JSON value
    if not isinstance(item, dict):
        return None
    fields: dict[str, Any] = {key: value for key, value in item.items() if value is not None}  # pyright: ignore[reportUnknownVariableType]
    if "role" not in fields and isinstance(fields.get("from"), str):
        speaker = fields.pop("from")
        fields["role"] = ROLES.get(speaker, speaker)
    if "content" not in fields and "value" in fields:
        fields["content"] = fields.pop("value")
    role, content = fields.pop("role", None), fields.pop("content", None)
    if not isinstance(role, str) or not role or not (isinstance(content, str) or (content is None and fields)):
        return None
    others = {key: value if isinstance(value, str) else json.dumps(value) for key, value in sorted(fields.items())}
    return {"role": role, "content": content, **others}
