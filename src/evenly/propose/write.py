"""The recipe as commented YAML: what each line is, why it was guessed, and what to change."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from evenly.propose.guess import FILLED
from evenly.propose.inputs import relative
from evenly.propose.names import PRICES, named, words
from evenly.propose.yaml import Page, value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenly.propose.draft import Draft
    from evenly.propose.guess import Guess
    from evenly.propose.inputs import Given
    from evenly.propose.look import Looked

TOKENIZER: Final = "o200k_base"

DELETED: Final = ['"', "{", "}"]
"""Signs of JSON that only cost tokens."""

EXACT: Final = 0.99
"""Share of numbers that have to be told exactly."""

SHOWN: Final = 12
"""Columns that are named in one comment."""

SMALL, TINY = 1_000, 20
"""Rows of a selection below which a test takes a fifth, and below which it has one row at least."""


def write(draft: Draft, folder: Path, command: str) -> str:
    """Return the recipe's text; its files are named from `folder`, where it will lie."""
    page = Page()
    seen, about = sum(len(one.rows) for one in draft.looked), "" if draft.whole else "about "
    opened, files = sum(one.files for one in draft.looked), sum(len(one.files) for one in draft.sources)
    where = f"{'' if opened == files else f'{opened:,} of '}{files:,} {'file' if files == 1 else 'files'}"
    page.note(
        f"Proposed by `{command}` after a look at {seen:,} of {about}{draft.rows:,} rows, in {where}. It runs as "
        "it is; comments say why a line is as it is, and what else it could be."
    )
    page.put("")
    page.put(f"name: {draft.name}", "the output's folder, unless --out names another")
    page.put("seed: 42", "another seed draws other records")
    page.put(f"tokenizer: {TOKENIZER}", "or your model's: an id on the Hub, or the path of a tokenizer.json")
    page.put("sources:")
    for source, looked, identity in zip(draft.sources, draft.looked, draft.ids, strict=True):
        _write_source(page, draft, folder, source, looked, identity)
    _write_steps(page, draft)
    _write_template(page, draft)
    _write_balance(page, draft)
    _write_rest(page, draft)
    return page.text


def _write_source(page: Page, draft: Draft, folder: Path, source: Given, looked: Looked, identity: Guess) -> None:
    page.put(f"  - name: {value(source.name)}")
    files = [relative(one, folder) for one in source.patterns]
    page.put(f"    files: {value(files[0])}" if len(files) == 1 else "    files:")
    for one in files if len(files) > 1 else ():
        page.put(f"      - {value(one)}")
    if source.named:
        page.put(f"    format: {source.format}", "the files' endings do not say it")
    _write_id(page, looked, identity)
    renames = {old: new for old, new in draft.renames.items() if old in looked.columns}
    if renames:
        page.put(f"    rename: {value(renames)}", "a name that recipes or outputs have another use for")
    if draft.part is not None and source.from_path is not None:
        given = {draft.part: {"from_path": source.from_path}}
        page.put(f"    columns: {value(given)}", "in what the files' names differ")
    if draft.currency is not None and draft.currency[0] in looked.columns:
        column, kept = draft.currency
        condition = f"{column} = '{kept.replace(chr(39), chr(39) * 2)}'"
        page.put(f"    filter: {value(condition)}", "the commonest: amounts in several can't be compared")
    as_text = _as_text(draft, looked)
    if as_text:
        page.put(f"    as_text: {value(as_text)}", "holds objects, or values of several types: read as text")


def _write_id(page: Page, looked: Looked, identity: Guess) -> None:
    if not identity.columns:
        page.put("    duplicate_ids: drop", f"no id: {identity.why}; equal rows are one")
        return
    names = list(identity.columns)
    page.put(f"    id: {value(names[0] if len(names) == 1 else names)}", identity.why)
    if not looked.whole or len(looked.rows) < looked.read or not identity.sure:
        page.put("    duplicate_ids: drop", "should one repeat after all, one row of it stays; or `error`")


def _as_text(draft: Draft, looked: Looked) -> list[str]:
    """Return the columns that hold objects, or a label's numbers as text too: they are read as their text."""
    found: list[str] = []
    for name in dict.fromkeys([*draft.roles.texts.columns, *draft.roles.label.columns]):
        column = draft.columns[name]
        if draft.roles.ready == "messages" or name not in looked.columns:
            continue
        mixed = column.kinds.get("text", 0) > 0 and column.kinds.get("text", 0) < 1
        if column.kinds.get("object", 0) > 0 or column.nested > 0 or (mixed and name in draft.roles.label.columns):
            found.append(draft.called(name))
    return found


def _write_steps(page: Page, draft: Draft) -> None:
    roles, label = draft.roles, draft.roles.label.column
    page.put("curate:", "steps in this order; what one drops is counted under its name")
    if label is not None and draft.balance.number is not None:
        body = {"column": draft.called(label), **draft.balance.number}
        page.put(f"  - number: {value(body)}", draft.balance.number_why)
    if roles.ready == "messages":
        page.put(f"  - unique: {value({'columns': roles.texts.columns[0]})}", "the same conversation twice is one")
        return
    if roles.ready == "prompt-completion":
        prompt, completion = (draft.called(name) for name in roles.texts.columns)
        page.put(f"  - chars: {value({'column': completion, 'min': 1})}", "an answer must be there")
        page.put(f"  - unique: {value({'columns': [prompt, completion]})}", "the same example twice is one")
        return
    for name, keys in draft.leaks.items():
        page.put(f"  - json: {value({'column': name, 'drop_keys': keys})}", "they would give the answer away")
    if draft.objects:
        page.put(f"  - delete: {value({'column': draft.objects, 'strings': DELETED})}", "signs that only cost tokens")
    text = draft.text
    if roles.texts.columns != (text,):
        joined = {"columns": [draft.called(name) for name in roles.texts.columns], "into": text}
        page.put(f"  - join: {value(joined)}", "the text to learn from; empty parts are skipped")
    page.put(f"  - tokens: {value({'column': text, **draft.tokens})}", draft.tokens_why)
    same = {"columns": text, "fold": ["case", "space"]}
    page.put(f"  - unique: {value(same)}", "near_unique also finds what is alike")


def _write_template(page: Page, draft: Draft) -> None:
    roles, label = draft.roles, draft.roles.label.column
    if roles.ready == "messages":
        page.put(f"template: {value({'messages': list(roles.texts.columns)})}", "ready-made conversations pass through")
        return
    if roles.ready == "prompt-completion":
        question, answer = (f"{{{draft.called(name)}}}" for name in roles.texts.columns)
        page.put("template:", "ready-made examples pass through")
    elif label is None:
        page.put(f"template: {value({'prompt': f'{{{draft.text}}}'})}", "no label: the text itself is the example")
        return
    else:
        question, answer = _prompt(draft, label)
        page.put("template:", "what the model reads, and what it answers; the words are yours to change")
    page.put(f"  prompt: {value(question)}")
    page.put(f"  completion: {value(answer)}")


def _prompt(draft: Draft, label: str) -> tuple[str, str]:
    """Return prompt and completion for a label: a question, the text, and the answer after the label's name."""
    column, field = draft.columns[label], draft.called(label)
    said = " ".join(words(label)) or "label"
    if draft.balance.number is None:
        return f"{{{draft.text}}}\n\n{said.capitalize()}:", f" {{{field}}}"
    answer = f"{{{field}:.{_digits(column.numbers)}f}}"
    if named(label, PRICES) < FILLED:
        return f"What is the {said}?\n\n{{{draft.text}}}\n\n{said.capitalize()}:", f" {answer}"
    question = f"What does this cost?\n\n{{{draft.text}}}\n\n{said.capitalize()} is"
    in_dollars = _currency(draft) == "USD"
    return (f"{question} $", answer) if in_dollars else (question, f" {answer}")


def _digits(numbers: Sequence[float]) -> int:
    """Return how many digits after the point nearly all of some numbers have: two at most, of small ones four."""
    most = 2 if max(map(abs, numbers)) >= 1 else 4  # cents; a share of something
    for digits in range(most):
        if sum(round(one, digits) == one for one in numbers) >= EXACT * len(numbers):
            return digits
    return most


def _currency(draft: Draft) -> str | None:
    """Return the currency of the prices that the recipe keeps, where the data say it."""
    if draft.currency is not None:
        return draft.currency[1]
    one = draft.columns.get("currency")
    return one.common[0][0] if one is not None and one.distinct == 1 else None


def _write_balance(page: Page, draft: Draft) -> None:
    balance, roles = draft.balance, draft.roles
    page.put("balance:")
    if roles.label.column is not None:
        page.put(f"  label: {value(draft.called(roles.label.column))}", _with_others(roles.label))
    strata = [{**one, "column": draft.called(str(one["column"]))} for one in balance.strata]
    page.put(f"  strata: {value(strata)}", balance.why)
    page.put(f"  policy: {balance.policy}", balance.reason)
    for key, one in balance.extra.items():
        page.put(f"  {key}: {value(one)}")
    page.put(f"  size: {value(draft.size)}", draft.size_why)
    if draft.accept:
        page.put("  shortfall: accept", "should there be fewer rows, fewer are drawn; or `error`")
    if balance.weight is not None and roles.category.column is not None:
        column = draft.called(roles.category.column)
        weight: dict[str, Any] = {"column": column, "values": {balance.weight: 1}, "default": 3}
        page.put(f"  weight: {value(weight)}", "within a stratum, the largest category is a third as likely")


def _write_rest(page: Page, draft: Draft) -> None:
    roles = draft.roles
    page.put(f"split: {value(splits(draft.size))}", "shares of what is selected; whole numbers are rows")
    export: dict[str, Any] = {"format": draft.format}
    keep = list(dict.fromkeys(draft.called(name) for name in [*roles.label.columns, *roles.category.columns]))
    if keep:
        export["keep"] = keep
    page.put(f"export: {value(export)}", "`keep`: columns that go along")
    if draft.bad:
        page.put(f"max_bad_fraction: {value(draft.bad)}", "rows that can't be read go to quarantine.jsonl")
    page.put("")
    page.note("For the dataset card: card: {license: cc-by-4.0, language: [en], source: where the data are from}")
    page.note(f"Category: {', '.join(roles.category.columns) or 'none'}: {_with_others(roles.category)}.")
    if roles.dates:
        axis = value({"column": roles.dates[0], "part": "year"})
        page.note(f"Dates: {', '.join(roles.dates[:SHOWN])}. As strata: {axis}.")
    others = [name for name, _ in roles.texts.others if name not in roles.category.columns]
    if others and not roles.ready:
        page.note(f"Other columns with text: {', '.join(others[:SHOWN])}.")
    if roles.unusable:
        told = [f"{name} ({why})" for name, why in list(roles.unusable.items())[:SHOWN]]
        more = len(roles.unusable) - SHOWN
        page.note(f"Not used: {', '.join(told)}{f', and {more} more' if more > 0 else ''}.")


def _with_others(guess: Guess) -> str:
    """Return a guess's reason, with the columns that came next."""
    return guess.why + (f"; or {_listed(guess.others)}" if guess.others else "")


def _listed(others: Sequence[tuple[str, str]]) -> str:
    return ", ".join(name for name, _ in others[:3])


def splits(size: int | dict[str, int]) -> dict[str, float]:
    """Return the splits of a selection, with a test: a twentieth of many rows, a fifth of few, one of two.

    >>> splits(400_000), splits(3), splits(1)
    ({'train': 0.9, 'validation': 0.05, 'test': 0.05}, {'train': 0.66, 'test': 0.34}, {'train': 1.0})
    """
    if isinstance(size, dict) or size >= SMALL:
        return {"train": 0.9, "validation": 0.05, "test": 0.05}
    if size == 1:
        return {"train": 1.0}
    test = 0.2 if size >= TINY else math.ceil(100 * math.ceil(size / 5) / size) / 100
    return {"train": round(1 - test, 2), "test": test}
