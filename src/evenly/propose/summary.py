"""What a column looks like: one pure pass over a sample of its values, from which every guess is made."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from evenly.core.steps.rows import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NOTHING: Final = frozenset({"", "none", "null", "nan", "na", "n/a", "-", "—", "–", "?"})
"""Texts, in lower case, that say that there is no value."""

DATE: Final = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:[T ]\d{2}:\d{2}.*)?)?|\d{4}/\d{2}/\d{2}|\d{1,2}/\d{1,2}/\d{4}")
ISO: Final = re.compile(r"\d{4}-\d{2}(?:-\d{2}(?:[T ]\d{2}:\d{2}.*)?)?")
"""Dates that a stratum's `part` reads."""

ADDRESS: Final = re.compile(r"(?:https?|ftp|s3|gs|data):", re.IGNORECASE)
AS_NUMBER: Final = re.compile(NUMBER)

PARSED: Final = 300
"""Texts that are tried as JSON."""

COMMON: Final = 30
"""Values that are kept with their counts."""

Value = Any


@dataclass(frozen=True)
class Column:
    """A column of a sample.

    Attributes:
        name: as in the data.
        rows: rows of the sample.
        filled: rows with a value; an empty text, list or object is none, nor is a text such as `None`.
        distinct: different values among them.
        kinds: shares of the filled values: text, number, boolean, list, object.
        numeric: share of the filled values that are numbers, or texts that read as one.
        numbers: these, ascending.
        whole: whether all of them are whole.
        chars: characters of a value, median and longest, and `words`, the median of words between spaces.
        dates, addresses, objects: shares of the texts that are dates, addresses of the web, JSON objects.
        iso: share of the texts that are dates in ISO 8601.
        turns: share of the filled values that are conversations, `nested` of those that hold lists or objects.
        keys: of the objects -> in how many of those looked at.
        common: the commonest values (as text) with their counts.
    """

    name: str
    rows: int
    filled: int = 0
    distinct: int = 0
    kinds: Mapping[str, float] = field(default_factory=dict[str, float])
    numeric: float = 0.0
    numbers: Sequence[float] = ()
    whole: bool = False
    chars: int = 0
    longest: int = 0
    words: int = 0
    dates: float = 0.0
    iso: float = 0.0
    addresses: float = 0.0
    objects: float = 0.0
    turns: float = 0.0
    nested: float = 0.0
    keys: Mapping[str, int] = field(default_factory=dict[str, int])
    common: Sequence[tuple[str, int]] = ()

    @property
    def share(self) -> float:
        """Share of the rows that have a value."""
        return self.filled / max(1, self.rows)

    @property
    def scalar(self) -> bool:
        """Say whether no value is a list or an object."""
        return not self.kinds.get("list") and not self.kinds.get("object")

    @property
    def textual(self) -> bool:
        """Say whether most values are texts, or lists of such."""
        return self.kinds.get("text", 0) + self.kinds.get("list", 0) > 0.5 and self.nested < 0.01  # noqa: PLR2004 - most

    def quantile(self, share: float) -> float:
        """Return a quantile of the numbers: one of them."""
        return self.numbers[min(len(self.numbers) - 1, int(share * len(self.numbers)))]


def summarise(name: str, values: Iterable[Value], rows: int) -> Column:
    """Return what a column of a sample looks like; `values` may leave out those that are absent."""
    held = [value for value in values if not is_nothing(value)]
    if not held:
        return Column(name, rows)
    texts = [text_of(value) for value in held]
    plain = [value.strip() for value in held if isinstance(value, str)]
    numbers = sorted(number for value in held if (number := number_of(value)) is not None)
    lengths, words = [len(text) for text in texts], [text.count(" ") + 1 for text in texts]
    counts = Counter(texts)
    some = held[:PARSED]
    objects = [fields for value in some if (fields := object_of(value)) is not None]
    return Column(
        name,
        rows,
        filled=len(held),
        distinct=len(counts),
        kinds={kind: count / len(held) for kind, count in Counter(map(_kind, held)).items()},
        numeric=len(numbers) / len(held),
        numbers=numbers,
        whole=all(number.is_integer() for number in numbers),
        chars=int(np.median(lengths)),
        longest=max(lengths),
        words=int(np.median(words)),
        dates=_share(plain, DATE.fullmatch),
        iso=_share(plain, ISO.fullmatch),
        addresses=_share(plain, ADDRESS.match),
        objects=len(objects) / len(some),
        turns=_share(some, is_conversation),
        nested=_share(held, _is_nested),
        keys=dict(sorted(Counter(key for fields in objects for key in fields).items())),
        common=sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:COMMON],
    )


def is_nothing(value: Value) -> bool:
    """Say whether a value is none: null, NaN, empty, or a text that says so."""
    if isinstance(value, str):
        return value.strip().lower() in NOTHING
    if isinstance(value, list | dict):
        items = list(cast("dict[str, Any]", value).values() if isinstance(value, dict) else cast("list[Any]", value))
        return not any(item not in (None, "", [], {}) for item in items)
    return value is None or value != value  # noqa: PLR0124 - NaN


def number_of(value: Value) -> float | None:
    """Return a value as the number that the step `number` would read, or None."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        text = value.strip()
        if not AS_NUMBER.fullmatch(text):
            return None
        value = text
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if np.isfinite(number) else None


def text_of(value: Value) -> str:
    """Return a value as `join` would write it: lists line by line, objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not _is_nested(value):
        return "\n".join(text_of(item) for item in cast("list[Any]", value) if item is not None)
    return json.dumps(value, default=str)


def object_of(value: Value) -> dict[str, Any] | None:
    """Return the object that a value is, or that its text holds, or None."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    if not isinstance(value, str) or not value.lstrip().startswith("{"):
        return None
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else None


def is_conversation(value: Value) -> bool:
    """Say whether a value is a list of turns, each with a role and a text."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return False
    if not isinstance(value, list) or not value:
        return False
    turns = cast("list[Any]", value)
    return all(
        isinstance(turn, dict) and ({"role", "content"} <= turn.keys() or {"from", "value"} <= turn.keys())
        for turn in turns
    )


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "text", int: "number", float: "number", list: "list", dict: "object"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "text")


def _is_nested(value: Value) -> bool:
    return isinstance(value, list) and any(isinstance(item, list | dict) for item in cast("list[Any]", value))


def _share(values: Sequence[Any], test: Any) -> float:  # noqa: ANN401 - a function of a value
    return sum(bool(test(value)) for value in values) / len(values) if values else 0.0
