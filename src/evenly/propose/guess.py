"""From summaries to guesses: which column names a record, which is the label, the text, the category, and why.

Pure functions. Names decide where they say enough, else the values; each guess says its reason, and what came next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from evenly.propose.summary import Column

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ID_NAMES: Final = (
    *("id", "uuid", "guid", "parent_asin", "asin", "sku", "isbn", "ean", "upc", "gtin", "doi", "pmid", "arxiv", "key"),
    *("hash", "url", "uri", "link", "permalink", "index", "idx", "row", "unnamed"),
)
NUMBER_LABELS: Final = (
    *("price", "target", "label", "y", "score", "rating", "cost", "value", "salary", "revenue", "sales", "amount"),
    *("fee", "rent", "wage", "income", "points", "stars", "grade", "age", "year", "upvotes", "votes", "likes", "views"),
)
CLASS_LABELS: Final = (
    *("label", "class", "target", "sentiment", "intent", "emotion", "stance", "toxicity", "toxic", "spam", "y"),
    *("rating", "stars", "grade", "score", "verdict", "polarity", "difficulty", "priority", "severity", "outcome"),
)
WEAK_LABELS: Final = ("topic", "genre", "category", "tag", "type", "kind", "department")
"""Names of classes that are a label only where there is one text and nothing else."""

CATEGORIES: Final = (
    *("category", "main_category", "domain", "language", "lang", "topic", "genre", "department", "section", "subset"),
    *("type", "class", "kind", "group", "source", "brand", "store", "publisher", "country", "region", "license"),
)
LANGUAGES: Final = ("language", "lang", "locale")
DOMAINS: Final = ("domain", "subset", "corpus", "source", "dataset", "origin")
TEXTS: Final = (
    *("title", "name", "headline", "subject", "question", "query", "prompt", "instruction", "context", "input"),
    *("text", "body", "content", "document", "passage", "article", "abstract", "summary", "description", "desc"),
    *("features", "feature", "details", "detail", "specs", "attributes", "properties", "review", "comment", "comments"),
    *("message", "post", "answer", "output", "caption", "transcript", "synopsis", "plot", "notes", "code"),
)
OBJECTS: Final = ("details", "detail", "specs", "specifications", "attributes", "properties", "facts", "metadata")
PLAIN_TEXTS: Final = ("text", "content", "document", "body", "code")
COUNTS: Final = frozenset(
    {"count", "number", "num", "rank", "index", "length", "size", "lat", "lon", "latitude", "longitude", "zip"}
    | {"phone", "timestamp", "time", "day", "month", "hour", "fold", "split", "unnamed", "row", "line", "page"}
)
"""Last words of names whose numbers nobody predicts."""

PAIRS: Final = (
    *(("prompt", "completion"), ("prompt", "response"), ("instruction", "output"), ("instruction", "response")),
    *(("question", "answer"), ("input", "output"), ("query", "response"), ("query", "answer"), ("source", "target")),
)
CONVERSATIONS: Final = ("messages", "conversations", "conversation", "chat", "turns", "dialogue")

UNIQUE: Final = 0.99
FILLED: Final = 0.5
MOST_TEXTS: Final = 6
MOST_CLASSES: Final = 50
MOST_CATEGORIES: Final = 200
LONG: Final = 40
"""Characters of a median value from which on a column is text whatever it is called."""

Kind = Literal["number", "classes"]


@dataclass(frozen=True)
class Guess:
    """A guess: the columns it names (none, one, or several), why, and what came next, each with its reason."""

    columns: tuple[str, ...]
    why: str
    others: tuple[tuple[str, str], ...] = ()

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
    language: str | None = None
    dates: tuple[str, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Wanted:
    """What a user says instead of a guess; None where they say nothing, an empty tuple for none."""

    id: tuple[str, ...] | None = None
    label: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None
    category: tuple[str, ...] | None = None


def words(name: str) -> list[str]:
    """Return the words of a column's name, in lower case.

    >>> words("parentASIN"), words("Unnamed: 0"), words("main_category")
    (['parent', 'asin'], ['unnamed', '0'], ['main', 'category'])
    """
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[^\W_]+", split.lower())


def named(name: str, names: Sequence[str]) -> float:
    """Return how well a name fits some: from 1 for the first of them to 0.5, half of it where it only ends so, or 0."""
    own = words(name)
    for text, weight in (("_".join(own), 1.0), (own[-1] if own else "", 0.5), (own[0] if own else "", 0.4)):
        if text in names:
            return weight * (1 - 0.5 * names.index(text) / len(names))
    return 0.0


def guess_roles(columns: Sequence[Column], wanted: Wanted = Wanted(), part: str | None = None) -> Roles:  # noqa: B008 - frozen
    """Return what columns are to a recipe; `part` names the column that comes from paths or sources, if there is one."""
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
    if ready is None and not label.columns and texts.columns == ("text",):
        ready = "text"
    return Roles(
        identity,
        label,
        texts,
        category,
        ready,
        kind=kind_of(by_name[label.columns[0]]) if label.columns and label.columns[0] in by_name else None,
        language=next((one.name for one in usable if named(one.name, LANGUAGES) > 0.5), None),  # noqa: PLR2004 - its whole name
        dates=tuple(one.name for one in usable if one.iso > UNIQUE - 0.09 and one.scalar),
        unusable=unusable,
    )


def kind_of(column: Column) -> Kind:
    """Say whether a label is a number to predict, or one of a few classes."""
    if column.numeric < FILLED:
        return "classes"
    few = column.whole and column.distinct <= 20 and column.distinct <= max(2, column.filled // 5)  # noqa: PLR2004 - stars, grades, digits
    return "classes" if few else "number"


def _told(columns: tuple[str, ...] | None) -> Guess | None:
    return None if columns is None else Guess(columns, "as you said")


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
    talks = [one for one in columns if one.turns > UNIQUE - 0.09]
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
    found: list[tuple[float, Column, str]] = []
    repeated: list[str] = []
    for column in columns:
        name = named(column.name, ID_NAMES)
        like = column.words == 1 and column.longest <= 200 and column.dates < FILLED and column.kinds.get("text", 0) == 1  # noqa: PLR2004
        counted = column.whole and column.kinds.get("number", 0) == 1
        if not column.scalar or not (name or like) or not (like or counted or name) or column.kinds.get("boolean"):
            continue
        if column.filled < column.rows or column.distinct < UNIQUE * column.rows:
            if name > 0.3:  # noqa: PLR2004 - a name that is an id's
                repeated.append(f"{column.name} repeats or is empty in {column.rows - column.distinct:,} rows")
            continue
        if not name and (not like or column.numeric > FILLED or column.rows < 10):  # noqa: PLR2004 - of few rows anything is unique
            continue
        if name and not like and not counted:
            continue
        repeats = column.rows - column.distinct
        why = f"unique in all {column.rows:,} rows looked at" if not repeats else f"{repeats:,} of {column.rows:,} repeat"
        found.append((2 * name - repeats / column.rows, column, why))
    ranked = _ranked(found)
    if not ranked:
        told = repeated[0] if repeated else "no column is unique"
        return Guess((), f"{told}: rows are named by their content")
    return Guess((ranked[0][1].name,), ranked[0][2], _others(ranked[1:]))


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
    found: list[tuple[float, Column, str]] = []
    passed: list[tuple[float, Column, str]] = []
    for column in columns:
        name = named(column.name, TEXTS)
        holds = column.kinds.get("object", 0) > FILLED or column.objects > FILLED
        fits = holds and named(column.name, OBJECTS) or not holds and column.textual
        if not fits or column.addresses > FILLED or column.dates > FILLED or column.numeric > FILLED:
            continue
        said = f"{column.chars:,} characters, {_filled(column)}"
        varied = column.distinct > max(1, 0.2 * column.filled)
        if (name >= FILLED and column.distinct > 1) or (column.chars >= LONG and column.words > 3 and varied):  # noqa: PLR2004
            found.append((name, column, said))
        elif column.chars > 2:  # noqa: PLR2004 - a code says nothing
            passed.append((column.chars / 1000, column, said))
    chosen = _ranked(found)[:MOST_TEXTS]
    plain = [one for one in chosen if named(one[1].name, PLAIN_TEXTS) >= FILLED and one[1].chars >= LONG]
    if plain and not labelled:
        chosen = plain[:1]
    others = [one for one in _ranked(found) if one not in chosen] + _ranked(passed)
    if not chosen and passed:
        chosen, others = _ranked(passed)[:1], _ranked(passed)[1:]
    if not chosen:
        return Guess((), "no column holds text")
    chosen.sort(key=lambda one: -named(one[1].name, TEXTS))
    why = "; ".join(f"{column.name}: {said}" for _, column, said in chosen)
    return Guess(tuple(column.name for _, column, _ in chosen), why, _others(others))


def _filled(column: Column) -> str:
    return "in every row" if column.filled == column.rows else f"in {column.share:.0%} of the rows"


def _category(columns: Sequence[Column], part: str | None) -> Guess:
    found: list[tuple[float, Column, str]] = []
    for column in columns:
        name = named(column.name, CATEGORIES)
        last = (words(column.name) or [""])[-1]
        few = 2 <= column.distinct <= MOST_CATEGORIES and column.distinct < column.rows  # noqa: PLR2004 - not a constant
        clear = column.distinct <= MOST_CLASSES and column.distinct <= 0.05 * column.rows
        if not column.scalar or not few or column.share < FILLED or last in COUNTS or column.chars > 2 * LONG:
            continue
        if column.dates > FILLED or (column.numeric > FILLED and not name) or not (name >= FILLED or clear):
            continue
        if last in {"currency", "split", "fold"}:
            continue
        top, count = column.common[0]
        why = f"{column.distinct} values, {count / column.filled:.0%} of them {top[:30]}"
        found.append((2 * name + column.share, column, why))
    ranked = _ranked(found)
    if part is not None:
        return Guess((part,), "from the files' names" if part != "source" else "which file", _others(ranked))
    if not ranked:
        return Guess((), "no column has a few values that many rows share")
    return Guess((ranked[0][1].name,), ranked[0][2], _others(ranked[1:]))


def short(number: float) -> str:
    """Return a number as people write it: `1,200`, `0.5`, `11,899.97`."""
    return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:,.6g}"  # noqa: PLR2004 - whole beyond doubt
