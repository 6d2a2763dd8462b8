"""The few records of an output that a person reads in its report, and how their ends fall into tokens."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from evenly.io.splits import first_rows
from evenly.io.tokenizers import load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from evenly.core.tokens import Tokenizer
    from evenly.recipe.model import Recipe

RECORDS: Final = 20

LOOKED_AT: Final = 2_000
"""Rows of a split that these are taken from."""

SHOWN_CHARS: Final = 4_000
"""Characters of a record's text that are kept."""

LAST_TOKENS: Final = 8


@dataclass(frozen=True)
class _Text:
    """A record's whole text, and where in it the answer begins, if that is known."""

    whole: str
    answer: int | None


def sample_records(folder: Path, recipe: Recipe, sizes: dict[str, int]) -> dict[str, Any]:
    """Return some records of the largest split, spread along the label, as plain data.

    `split`; `rows`: of each `facts` [[name, value]], `parts` [{role, text}] and `tokens` [[text, in the answer]], its
    last ones. A split's rows come in a shuffled order, so that its first ones are drawn at random.
    """
    split = max(sizes, key=lambda name: sizes[name])
    label = recipe.balance.label
    rows = first_rows(folder, split, recipe.export.files, LOOKED_AT)
    if label is not None and label in rows.columns:
        rows = rows.sort(label, "id", nulls_last=True)
    places = np.linspace(0, max(0, rows.height - 1), min(RECORDS, rows.height)).round().astype(int)
    shown = list(rows[np.unique(places).tolist()].iter_rows(named=True)) if rows.height else []
    named = [name for name in (label, "stratum", "tokens", *recipe.export.keep) if name in rows.columns]
    ends = _ends([_text(row, recipe) for row in shown], recipe)
    return {
        "split": split,
        "rows": [
            {"facts": [[name, _short(row[name])] for name in dict.fromkeys(named)], "parts": _parts(row), "tokens": end}
            for row, end in zip(shown, ends, strict=True)
        ],
    }


def _parts(row: dict[str, Any]) -> list[dict[str, str]]:
    if "messages" in row:
        turns = cast("list[dict[str, object]]", row["messages"] or [])
        return [{"role": str(turn.get("role", "")), "text": _short(turn.get("content"))} for turn in turns]
    if "text" in row:
        return [{"role": "", "text": _short(row["text"])}]
    return [{"role": name, "text": _short(row[name])} for name in ("prompt", "completion")]


def _short(value: object) -> str:
    if value is None:
        return "–"
    text = f"{value:,.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]} … ({len(text):,} characters)"


def _text(row: dict[str, Any], recipe: Recipe) -> _Text:
    """Return what of a record is encoded in one piece; in a plain text the answer follows the prompt's last words."""
    if "messages" in row:
        turns = cast("list[dict[str, object]]", row["messages"] or [])
        return _Text(str(turns[-1].get("content") or "") if turns else "", None)
    if "prompt" in row:
        return _Text(f"{row['prompt']}{row['completion']}", len(row["prompt"]))
    text = str(row["text"])
    parsed = [*string.Formatter().parse(recipe.template.prompt or "")]
    last = parsed[-1][0] if parsed and parsed[-1][1] is None else ""
    place = text.rfind(last) if last and recipe.template.completion else -1
    return _Text(text, place + len(last) if place >= 0 else None)


def _ends(texts: list[_Text], recipe: Recipe) -> list[list[list[Any]]]:
    if recipe.tokenizer is None:
        return [[] for _ in texts]
    tokenizer = load_tokenizer(recipe.tokenizer)
    return [_end(text, tokenizer) for text in texts]


def _end(text: _Text, tokenizer: Tokenizer) -> list[list[Any]]:
    """Return the last tokens of a text, and of each whether the answer begins before its end."""
    ids, _ = tokenizer.encode([text.whole])
    found: list[list[Any]] = []
    left = len(text.whole)
    for one in ids[: -LAST_TOKENS - 1 : -1]:
        shown = tokenizer.decode(np.array([one], np.uint32))
        found.append([shown, text.answer is not None and left > text.answer])
        left -= len(shown)
    return found[::-1]
