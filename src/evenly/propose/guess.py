"""From summaries to guesses: which column names a record, which is the label, the text, the category, and why.

Pure functions. Names decide where they say enough, else the values; each guess says its reason, and what came next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from evenly.columns import SOURCE
from evenly.propose.names import (
    CATEGORIES,
    CLASS_LABELS,
    CONVERSATIONS,
    COUNTS,
    ELSEWHERE,
    ID_NAMES,
    NUMBER_LABELS,
    OBJECTS,
    PAIRS,
    PLAIN_TEXTS,
    TEXTS,
    WEAK_LABELS,
    named,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evenly.propose.summary import Column

UNIQUE, MOSTLY, FILLED = 0.99, 0.9, 0.5
"""Shares of the rows or values: nearly all, most, and half."""

SHARED: Final = 0.05
"""Distinct values for each row below which a column is a category whatever it is called."""

ENDS: Final = 0.25
"""How well a name fits that ends like one of a list, at least."""

VARIED, SPOKEN = 0.2, 3
"""Share of a column's values that differ, and words of a median one, beyond which it reads like text."""

MOST_TEXTS: Final = 6
MOST_CLASSES: Final = 50
MOST_CATEGORIES: Final = 200
LONGEST_ID: Final = 200
FEWEST: Final = 10
"""Rows below which anything may be unique."""

LONG: Final = 40
"""Characters of a median value from which on a column is text whatever it is called."""

Kind = Literal["number", "classes"]


@dataclass(frozen=True)
class Guess:
    """A guess: the columns it names (none, one, or several), why, and what came next, each with its reason.

    An id is `sure` when it was found to be unique.
    """

    columns: tuple[str, ...]
    why: str
    others: tuple[tuple[str, str], ...] = ()
    sure: bool = True

    @property
    def column(self) -> str | None:
        """The one column, or None."""
        return self.columns[0] if self.columns else None


@dataclass(frozen=True)
class Roles:
    """What each column is to a recipe.

    Attributes:
        ready: the format whose examples the data hold, or None: a template has to make them.
        kind: what the label is.
        unusable: column -> why no recipe can use it.
    """

    id: Guess
    label: Guess
    texts: Guess
    category: Guess
    ready: Literal["text", "prompt-completion", "messages"] | None = None
    kind: Kind | None = None
    dates: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Wanted:
    """What a user says instead of a guess; None where they say nothing, an empty tuple for none."""

    id: tuple[str, ...] | None = None
    label: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None
    category: tuple[str, ...] | None = None


NOTHING_SAID: Final = Wanted()


def guess_roles(columns: Sequence[Column], wanted: Wanted = NOTHING_SAID, part: str | None = None) -> Roles:
    """Return what columns are to a recipe; `part` names the column that comes from paths or sources, if any does."""
    usable, unusable = _usable(columns)
    by_name = {column.name: column for column in columns}
    ready, made = _ready(usable) if wanted.texts is None else (None, ())
    identity = _told(wanted.id) or _id(usable)
    rest = [column for column in usable if column.name not in {*identity.columns, *made}]
    label = _told(wanted.label) or (_no_label() if ready in {"messages", "prompt-completion"} else _label(rest))
    rest = [column for column in rest if column.name not in label.columns]
    if made:
        texts = Guess(made, f"ready-made examples: {' and '.join(made)}")
    else:
        texts = _told(wanted.texts) or _texts(rest, labelled=bool(label.columns))
    if not label.columns and wanted.label is None and ready is None and len(texts.columns) == 1:
        label = _weak_label(rest, texts) or label
    rest = [column for column in rest if column.name not in {*texts.columns, *label.columns}]
    category = _told(wanted.category) or _category(rest, part)
    plain = len(texts.columns) == 1 and named(texts.columns[0], PLAIN_TEXTS) >= FILLED
    if ready is None and not label.columns and plain:
        ready = "text"
    return Roles(
        identity,
        label,
        texts,
        category,
        ready,
        kind=kind_of(by_name[label.columns[0]]) if label.columns and label.columns[0] in by_name else None,
        dates=tuple(one.name for one in usable if one.iso > MOSTLY and one.scalar),
        unusable=unusable,
    )


def kind_of(column: Column) -> Kind:
    """Say whether a label is a number to predict, or one of a few classes."""
    if column.numeric < FILLED:
        return "classes"
    few = column.whole and column.distinct <= 20 and column.distinct <= max(2, column.filled // 5)  # noqa: PLR2004 - stars, grades, digits
    return "classes" if few else "number"


def _told(columns: tuple[str, ...] | None) -> Guess | None:
    return None if columns is None else Guess(columns, "as you said", sure=False)


def _no_label() -> Guess:
    return Guess((), "the examples hold their answers")


def _usable(columns: Sequence[Column]) -> tuple[list[Column], dict[str, str]]:
    usable: list[Column] = []
    unusable: dict[str, str] = {}
    for column in columns:
        if not column.filled:
            unusable[column.name] = "empty in all rows looked at"
        elif column.distinct == 1 and column.rows > 1 and column.filled > 1:
            unusable[column.name] = f"the same in all rows: {column.common[0][0][:40]}"
        elif column.name.startswith("__") and column.name.endswith("__"):
            unusable[column.name] = "a name of Evenly's own"
        elif re.search(r'[\x00-\x1f"\\]', column.name) or not column.name.strip():
            unusable[column.name] = "its name can't stand in a recipe"
        else:
            usable.append(column)
    return usable, unusable


def _ready(columns: Sequence[Column]) -> tuple[Literal["prompt-completion", "messages"] | None, tuple[str, ...]]:
    """Return the format of examples that are ready made, and the columns that hold them."""
    talks = [one for one in columns if one.turns > MOSTLY]
    talks.sort(key=lambda one: (-named(one.name, CONVERSATIONS), one.name))
    if talks:
        return "messages", (talks[0].name,)
    texts = {"_".join(words(one.name)): one.name for one in columns if one.textual and one.scalar}
    for prompt, completion in PAIRS:
        if prompt in texts and completion in texts:
            answer = next(one for one in columns if one.name == texts[completion])
            if answer.distinct > min(MOST_CLASSES, answer.filled // 5) or completion == "completion":
                return "prompt-completion", (texts[prompt], texts[completion])
    return None, ()


def _ranked(scores: Iterable[tuple[float, Column, str]]) -> list[tuple[float, Column, str]]:
    return sorted(scores, key=lambda one: (-round(one[0], 6), one[1].name))


def _others(ranked: Sequence[tuple[float, Column, str]], most: int = 5) -> tuple[tuple[str, str], ...]:
    return tuple((column.name, why) for _, column, why in ranked[:most])


def _id(columns: Sequence[Column]) -> Guess:
    """Return the column that names rows: unique, and called like an id or made up of single words."""
    found: list[tuple[float, Column, str]] = []
    repeated: list[tuple[float, str]] = []
    for column in columns:
        name = named(column.name, ID_NAMES)
        word = column.words == 1 and column.longest <= LONGEST_ID and column.kinds.get("text", 0) == 1
        counted = column.whole and column.kinds.get("number", 0) == 1
        called = name >= FILLED or (name > 0 and (word or counted))
        if not column.scalar or column.kinds.get("boolean") or not (word or called):
            continue
        repeats, empty = column.filled - column.distinct, column.rows - column.filled
        if empty or repeats > (1 - UNIQUE) * column.rows:
            what = f"is empty in {empty:,}" if empty else f"repeats in {repeats:,}"
            repeated.append((-name, f"'{column.name}' {what} of {column.rows:,} rows"))
        elif called or (column.rows >= FEWEST and max(column.numeric, column.dates) < FILLED):
            told = f"unique in all {column.rows:,} rows looked at"
            found.append((2 * name - repeats, column, f"{repeats:,} of {column.rows:,} repeat" if repeats else told))
    ranked = _ranked(found)
    if ranked:
        best = ranked[0][1]
        return Guess((best.name,), ranked[0][2], _others(ranked[1:]), sure=best.distinct == best.rows)
    told = [text for rank, text in sorted(repeated) if rank < 0]
    return Guess((), f"{told[0] if told else 'no column is unique'}, so a row is named by its content", sure=False)


def _label(columns: Sequence[Column]) -> Guess:
    scores = _ranked([one for column in columns if (one := _as_label(column)) is not None])
    best = [one for one in scores if one[0] >= 1]
    if not best:
        return Guess((), "no column looks like something to predict", _others(scores))
    return Guess((best[0][1].name,), best[0][2], _others([one for one in scores if one is not best[0]]))


def _as_label(column: Column) -> tuple[float, Column, str] | None:
    """Return how good a label a column is (1 and more: good enough), with the reason; None where it is none."""
    last = (words(column.name) or [""])[-1]
    if not column.scalar or column.distinct < 2 or column.dates > FILLED or column.addresses > FILLED:  # noqa: PLR2004 - a constant
        return None
    number, group = named(column.name, NUMBER_LABELS), named(column.name, CLASS_LABELS)
    penalty = 1.5 if last in COUNTS or named(column.name, ID_NAMES) > 0.4 else 0.0  # noqa: PLR2004
    empty = "" if column.share > UNIQUE else f", in {column.share:.0%} of the rows"
    distinct = len(set(column.numbers))
    if column.numeric >= (0.6 if number >= FILLED else 0.95) and distinct > 1 and kind_of(column) == "number":
        low, high = column.numbers[0], column.numbers[-1]
        why = f"a number, {short(low)} to {short(high)}{empty}"
        fraction = 0.0 if column.whole else 0.3
        return 2 * number + 0.5 * column.share + fraction - penalty, column, why
    most = min(MOST_CLASSES, max(2, column.filled // 2))
    if column.distinct > most or column.chars > LONG:
        return None
    why = f"{column.distinct} classes{empty}"
    return 2 * max(group, number) + 0.5 * column.share - penalty, column, why


def _weak_label(columns: Sequence[Column], texts: Guess) -> Guess | None:
    """Return a category as the label where it stands beside one text and nothing else."""
    others = [one for one in columns if one.name not in texts.columns]
    if len(others) == 1 and named(others[0].name, WEAK_LABELS) >= FILLED:
        found = _as_label(others[0])
        if found is not None:
            return Guess((others[0].name,), f"{found[2]}, beside one text")
    return None


def _texts(columns: Sequence[Column], *, labelled: bool) -> Guess:
    """Return the columns of texts, by their names or since they read like some; of plain text without a label one."""
    scores = [one for column in columns if (one := _as_text(column)) is not None]
    found = _ranked([one for one in scores if one[0] >= 1])
    chosen = found[:MOST_TEXTS] or _ranked(scores)[:1]
    plain = [one for one in chosen if named(one[1].name, PLAIN_TEXTS) >= FILLED and one[1].chars >= LONG]
    if plain and not labelled:
        chosen = plain[:1]
    if not chosen:
        return Guess((), "no column holds text")
    others = [one for one in _ranked(scores) if one not in chosen]
    why = "; ".join(f"{column.name}: {said}" for _, column, said in chosen)
    return Guess(tuple(column.name for _, column, _ in chosen), why, _others(others))


def _as_text(column: Column) -> tuple[float, Column, str] | None:
    """Return how surely a column is a text to learn from (from 1 on it is), with what it is like; None for no text."""
    name = named(column.name, TEXTS)
    holds = column.kinds.get("object", 0) > FILLED or column.objects > FILLED
    fits = named(column.name, OBJECTS) >= FILLED if holds else column.textual
    if not fits or max(column.addresses, column.dates, column.numeric) > FILLED:
        return None
    said = f"{column.chars:,} characters, {_filled(column)}"
    varied = column.distinct > VARIED * column.filled and column.chars >= LONG and column.words > SPOKEN
    elsewhere = max(named(column.name, CATEGORIES), named(column.name, ELSEWHERE)) >= FILLED
    if name >= ENDS or (varied and not elsewhere):
        return 1 + name, column, said
    if elsewhere and column.distinct <= MOST_CATEGORIES:
        return None
    return min(0.9, column.chars / 1000), column, said


def _filled(column: Column) -> str:
    return "in every row" if column.filled == column.rows else f"in {column.share:.0%} of the rows"


def _category(columns: Sequence[Column], part: str | None) -> Guess:
    """Return the column of a few values that many rows share; what comes from paths or sources is told by itself."""
    ranked = _ranked([one for column in columns if (one := _as_category(column)) is not None])
    if part is not None:
        told = "which source a row is from" if part == SOURCE else "from the files' names"
        return Guess((part,), told, _others(ranked))
    if not ranked:
        return Guess((), "no column has a few values that many rows share")
    return Guess((ranked[0][1].name,), ranked[0][2], _others(ranked[1:]))


def _as_category(column: Column) -> tuple[float, Column, str] | None:
    name, last = named(column.name, CATEGORIES), (words(column.name) or [""])[-1]
    if not column.scalar or column.share < FILLED or last in {*COUNTS, *ELSEWHERE} or column.longest > LONGEST_ID:
        return None
    few = column.distinct <= MOST_CATEGORIES and column.distinct < column.rows
    clear = column.distinct <= min(MOST_CLASSES, SHARED * column.rows) and column.numeric < FILLED
    if not few or column.dates > FILLED or not (name >= FILLED or clear):
        return None
    top, count = column.common[0]
    return 2 * name + column.share, column, f"{column.distinct} values, {count / column.filled:.0%} of them {top[:30]}"


def short(number: float) -> str:
    """Return a number as people write it: `1,200`, `0.5`, `11,899.97`."""
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:,.6g}"  # noqa: PLR2004 - whole beyond doubt
