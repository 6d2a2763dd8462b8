"""The recipe as commented YAML: what each line is, why it was guessed, and what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from evenly.columns import FORMAT_COLUMNS, OUTPUT_NAMES
from evenly.propose.guess import FILLED, OBJECTS, words
from evenly.propose.inputs import relative
from evenly.propose.strata import PRICES
from evenly.propose.guess import named
from evenly.propose.yaml import Page, value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evenly.propose.guess import Guess, Roles
    from evenly.propose.inputs import Given
    from evenly.propose.look import Looked
    from evenly.propose.strata import Balance
    from evenly.propose.summary import Column

TOKENIZER: Final = "o200k_base"

UNSAFE: Final = re.compile(r"[.\[\]{}!:]|^\d+$")
"""What a field of a template can't be called."""

DELETED: Final = ['"', "{", "}"]
"""Signs of JSON that only cost tokens."""

SHOWN: Final = 12
"""Columns that are named in one comment."""


@dataclass(frozen=True)
class Draft:
    """All that a recipe is written from.

    Attributes:
        ids: each source's own guess.
        tokens: bounds of the `tokens` step (min_tokens, truncate), or empty, with `tokens_why`.
        size: rows, or {"tokens": …}; `size_why` says of how many.
        accept: whether the size may be more than there is: then fewer rows are given.
        part: the column that comes from the files' paths, or None.
        currency: the one that is kept of several, with the column that says it.
    """

    name: str
    sources: Sequence[Given]
    looked: Sequence[Looked]
    columns: Mapping[str, Column]
    roles: Roles
    ids: Sequence[Guess]
    balance: Balance
    tokens: Mapping[str, int]
    tokens_why: str
    size: int | dict[str, int] = 1
    size_why: str = ""
    accept: bool = False
    part: str | None = None
    currency: tuple[str, str] | None = None
    bad: float = 0.0
    rows: int = 0

    @property
    def renames(self) -> dict[str, str]:
        """Column of the data -> the recipe's name, where its own can't stand there."""
        return {name: new for name in self.used if (new := self._new_name(name)) != name}

    @property
    def used(self) -> list[str]:
        """Columns of the data that the recipe's balance, template and output name."""
        roles = self.roles
        kept = [*roles.label.columns, *(name for name in roles.category.columns if name not in {self.part, "source"} or name in self.columns)]
        kept = [name for name in kept if not (name == "source" and len(self.sources) > 1)]
        shown = roles.texts.columns if roles.ready == "prompt-completion" else ()
        dates = roles.dates[:1] if not kept else ()
        return list(dict.fromkeys([*kept, *shown, *dates]))

    def _new_name(self, name: str) -> str:
        taken = {*OUTPUT_NAMES.values(), "source", *FORMAT_COLUMNS[self.format]}
        made = name
        if UNSAFE.search(name):
            made = "_".join(words(name)) or "column"
        ready = self.roles.ready is not None and name in self.roles.texts.columns
        if (made in taken and not ready) or made.isdecimal():
            made = f"data_{made}"
        while made != name and made in self.columns:
            made += "_"
        return made

    def called(self, name: str) -> str:
        """Return what the recipe calls a column of the data."""
        return self.renames.get(name, name)

    @property
    def format(self) -> str:
        """The export format."""
        ready = self.roles.ready
        return ready or ("prompt-completion" if self.roles.label.columns else "text")

    @property
    def text(self) -> str:
        """The column that holds the text once curate is done."""
        texts = self.roles.texts.columns
        if len(texts) == 1 and not self._needs_join(texts[0]):
            return texts[0]
        return "text"

    def _needs_join(self, name: str) -> bool:
        column = self.columns.get(name)
        listed = column is not None and column.kinds.get("list", 0) > 0
        return listed or bool(UNSAFE.search(name)) or name in self.renames or (name in OUTPUT_NAMES.values())

    @property
    def objects(self) -> list[str]:
        """Texts that hold JSON objects."""
        return [name for name in self.roles.texts.columns if self._holds(name)] if not self.roles.ready else []

    def _holds(self, name: str) -> bool:
        column = self.columns[name]
        return named(name, OBJECTS) >= FILLED and (column.kinds.get("object", 0) > 0 or column.objects > 0.05)  # noqa: PLR2004

    @property
    def leaks(self) -> dict[str, list[str]]:
        """Text that holds objects -> those of its keys that tell the label."""
        label = words(self.roles.label.column or "")
        if not label:
            return {}
        found = {name: [key for key in self.columns[name].keys if label[-1] in words(key)] for name in self.objects}
        return {name: keys for name, keys in found.items() if keys}


def write(draft: Draft, folder: Path, command: str) -> str:
    """Return the recipe's text; its files are named from `folder`, where it will lie."""
    page = Page()
    seen = sum(len(one.rows) for one in draft.looked)
    opened, files = sum(one.files for one in draft.looked), sum(len(one.files) for one in draft.sources)
    page.note(
        f"Proposed by `{command}` from {seen:,} of {'' if draft_whole(draft) else 'about '}{draft.rows:,} rows, in {opened:,} of "
        f"{files:,} files. It runs as it is; the comments say what was guessed, and why."
    )
    page.put("")
    page.put(f"name: {draft.name}", "the output's folder, unless --out names another")
    page.put("seed: 42", "another seed draws other records")
    page.put(f"tokenizer: {TOKENIZER}", "or your model's: an id on the Hub such as Qwen/Qwen3-8B, or a tokenizer.json")
    _write_sources(page, draft, folder)
    _write_steps(page, draft)
    _write_template(page, draft)
    _write_balance(page, draft)
    _write_rest(page, draft)
    return page.text


def draft_whole(draft: Draft) -> bool:
    """Say whether everything was read."""
    return all(one.whole for one in draft.looked)


def _write_sources(page: Page, draft: Draft, folder: Path) -> None:
    page.put("sources:")
    for source, looked, identity in zip(draft.sources, draft.looked, draft.ids, strict=True):
        page.put(f"  - name: {value(source.name)}")
        files = [relative(one, folder) for one in source.patterns]
        if len(files) == 1:
            page.put(f"    files: {value(files[0])}")
        else:
            page.put("    files:")
            for one in files:
                page.put(f"      - {value(one)}")
        if source.named:
            page.put(f"    format: {source.format}", "the files' endings do not say it")
        if identity.columns:
            page.put(f"    id: {value(identity.columns[0] if len(identity.columns) == 1 else list(identity.columns))}", identity.why)
        drop = not identity.columns or not looked.whole or "repeat" in identity.why or identity.why == "as you said" or len(looked.rows) < looked.read
        if not identity.columns:
            page.put("    duplicate_ids: drop", f"no id: {identity.why}, equal rows are one")
        elif drop:
            page.put("    duplicate_ids: drop", "should an id repeat after all; `error` would stop there")
        renames = {old: new for old, new in draft.renames.items() if old in looked.columns}
        if renames:
            page.put(f"    rename: {value(renames)}", "names that a recipe or its output uses otherwise")
        if draft.part and source.from_path:
            page.put(f"    columns: {value({draft.part: {'from_path': source.from_path}})}", "the part in which the files' names differ")
        if draft.currency and draft.currency[0] in looked.columns:
            column, kept = draft.currency
            quoted = kept.replace("'", "''")
            page.put(f"    filter: {value(f'{column} = ' + chr(39) + quoted + chr(39))}", "the commonest: amounts in several are no one number")
        as_text = _as_text(draft, looked)
        if as_text:
            page.put(f"    as_text: {value(as_text)}", "objects, or values of several types, are read as their text")


def _as_text(draft: Draft, looked: Looked) -> list[str]:
    names = [*draft.roles.texts.columns, *draft.roles.label.columns] if draft.roles.ready != "messages" else []
    found: list[str] = []
    for name in names:
        column = draft.columns.get(name)
        if column is None or name not in looked.columns:
            continue
        mixed = column.kinds.get("text", 0) > 0 and column.kinds.get("number", 0) + column.kinds.get("boolean", 0) > 0
        if column.kinds.get("object", 0) > 0 or (mixed and name in draft.roles.label.columns):
            found.append(draft.called(name))
    return found


def _write_steps(page: Page, draft: Draft) -> None:
    roles = draft.roles
    page.put("curate:", "steps, in this order; what they drop is counted under their name")
    label = roles.label.column
    if label is not None and draft.balance.number is not None:
        body = {"column": draft.called(label), **draft.balance.number}
        page.put(f"  - number: {value(body)}", draft.balance.number_why or "text that is no number is dropped")
    for name, keys in draft.leaks.items():
        page.put(f"  - json: {value({'column': name, 'drop_keys': keys})}", "these would give the answer away")
    if draft.objects:
        page.put(f"  - delete: {value({'column': draft.objects, 'strings': DELETED})}", "signs of JSON, which only cost tokens")
    if roles.ready == "messages":
        page.put(f"  - unique: {value({'columns': roles.texts.columns[0]})}", "the same conversation twice is one")
        return
    if roles.ready == "prompt-completion":
        prompt, completion = (draft.called(name) for name in roles.texts.columns)
        page.put(f"  - chars: {value({'column': completion, 'min': 1})}", "an answer there must be")
        page.put(f"  - unique: {value({'columns': [prompt, completion]})}", "the same example twice is one")
        return
    text = draft.text
    if text == "text" and roles.texts.columns != ("text",):
        joined = [draft.called(name) for name in roles.texts.columns]
        page.put(f"  - join: {value({'columns': joined, 'into': 'text'})}", "the text to learn from; empty parts are skipped")
    page.put(f"  - tokens: {value({'column': text, **draft.tokens})}", draft.tokens_why)
    page.put(f"  - unique: {value({'columns': text, 'fold': ['case', 'space']})}", "the same text twice is one; near_unique goes further")


def _write_template(page: Page, draft: Draft) -> None:
    roles = draft.roles
    if roles.ready == "messages":
        page.put(f"template: {value({'messages': list(roles.texts.columns)})}", "ready-made conversations pass through")
        return
    if roles.ready == "prompt-completion":
        prompt, completion = (draft.called(name) for name in roles.texts.columns)
        page.put("template:", "ready-made examples pass through")
        page.put(f"  prompt: {value('{' + prompt + '}')}")
        page.put(f"  completion: {value('{' + completion + '}')}")
        return
    label = roles.label.column
    if label is None:
        page.put(f"template: {value({'prompt': '{' + draft.text + '}'})}", "no label: the text itself is the example")
        return
    question, answer = _prompt(draft, label)
    page.put("template:", "what the model reads, and what it is to answer; change the words as you like")
    page.put(f"  prompt: {value(question)}")
    page.put(f"  completion: {value(answer)}")


def _prompt(draft: Draft, label: str) -> tuple[str, str]:
    """Return prompt and completion of a label: a question, the text, and the answer after its name."""
    column = draft.columns[label]
    said = " ".join(words(label)) or "label"
    field = draft.called(label)
    if draft.balance.number is None:
        return f"{{{draft.text}}}\n\n{said.capitalize()}:", f" {{{field}}}"
    digits = 0 if column.whole else 2 if max(map(abs, column.numbers)) >= 1 else 4  # noqa: PLR2004 - cents
    shown = f"{{{field}:.{digits}f}}"
    if named(label, PRICES) >= FILLED:
        sign = "$" if draft.currency is None or draft.currency[1] == "USD" else ""
        return f"What does this cost?\n\n{{{draft.text}}}\n\n{said.capitalize()} is {sign}".rstrip(), shown if sign else f" {shown}"
    return f"What is the {said}?\n\n{{{draft.text}}}\n\n{said.capitalize()}:", f" {shown}"


def _write_balance(page: Page, draft: Draft) -> None:
    balance, roles = draft.balance, draft.roles
    page.put("balance:")
    if roles.label.column is not None:
        others = _named(roles.label.others)
        page.put(f"  label: {value(draft.called(roles.label.column))}", roles.label.why + (f"; else {others}" if others else ""))
    strata = [{**one, "column": draft.called(str(one["column"]))} for one in balance.strata]
    page.put(f"  strata: {value(strata)}", balance.why)
    page.put(f"  policy: {balance.policy}", balance.reason)
    for key, one in balance.extra.items():
        page.put(f"  {key}: {value(one)}")
    page.put(f"  size: {value(draft.size)}", draft.size_why)
    if draft.accept:
        page.put("  shortfall: accept", "fewer rows where there are fewer; `error` would stop there")
    if balance.weight is not None and roles.category.column is not None:
        weight: dict[str, Any] = {"column": draft.called(roles.category.column), "values": {balance.weight: 1}, "default": 3}
        page.put(f"  weight: {value(weight)}", "the ruling category is a third as likely, within each stratum")


def _write_rest(page: Page, draft: Draft) -> None:
    roles = draft.roles
    page.put(f"split: {value(splits(draft.size))}", "shares of what is selected; whole numbers would be rows")
    keep = [draft.called(name) for name in [*roles.label.columns, *roles.category.columns]]
    export: dict[str, Any] = {"format": draft.format}
    if keep:
        export["keep"] = list(dict.fromkeys(keep))
    page.put(f"export: {value(export)}", "or text, messages; `keep` names columns that go along")
    if draft.bad:
        page.put(f"max_bad_fraction: {value(draft.bad)}", "rows that can't be read go to quarantine.jsonl")
    page.put("# card: {license: cc-by-4.0, language: [en], source: where the data are from}", "for the dataset card")
    if roles.category.columns:
        page.note(f"Category: {roles.category.columns[0]} ({roles.category.why})" + (f"; else {_named(roles.category.others)}." if roles.category.others else "."))
    if roles.dates:
        page.note(f"Dates: {', '.join(roles.dates[:SHOWN])}; as strata: {value({'column': roles.dates[0], 'part': 'year'})}.")
    if roles.texts.others:
        page.note(f"Other texts, to join: {_named(roles.texts.others)}.")
    if roles.unusable:
        told = [f"{name} ({why})" for name, why in list(roles.unusable.items())[:SHOWN]]
        more = len(roles.unusable) - SHOWN
        page.note(f"Not used: {', '.join(told)}{f', and {more} more' if more > 0 else ''}.")


def _named(others: Sequence[tuple[str, str]]) -> str:
    return ", ".join(name for name, _ in others[:5])


def splits(size: int | dict[str, int]) -> dict[str, float]:
    """Return the splits of a selection: with a test as large as it allows."""
    if isinstance(size, dict) or size >= 1_000:  # noqa: PLR2004 - rows of which a twentieth tells something
        return {"train": 0.9, "validation": 0.05, "test": 0.05}
    return {"train": 0.8, "test": 0.2}
