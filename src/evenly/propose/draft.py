"""All that a recipe is written from, and what follows: names that can stand in one, what is joined, what leaks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from evenly.columns import FORMAT_COLUMNS, OUTPUT_NAMES, SOURCE
from evenly.propose.guess import FILLED
from evenly.propose.names import OBJECTS, named, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.propose.guess import Guess, Roles
    from evenly.propose.inputs import Given
    from evenly.propose.look import Looked
    from evenly.propose.strata import Balance
    from evenly.propose.summary import Column

UNSAFE: Final = re.compile(r"[.\[\]{}!:]|^\d+$")
"""What the field of a template can't be called."""

SOME: Final = 0.05
"""Share of texts that are JSON objects from which on a column is taken for one of objects."""


@dataclass(frozen=True)
class Draft:
    """All that a recipe is written from.

    Attributes:
        ids: each source's own guess.
        tokens: bounds of the `tokens` step (min_tokens, truncate), or empty; `tokens_why` is their reason.
        size: rows, or {"tokens": …}; `size_why` says of how many.
        accept: whether the size may be more than there is: then fewer rows are given.
        part: the column that comes from the files' paths, or None.
        currency: of several the one that is kept, after the column that says it.
        bad: share of rows that may be unreadable, or 0 where the recipe's own limit will do.
        rows: of all sources, about where not everything was read.
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
    def whole(self) -> bool:
        """Say whether everything was read."""
        return all(one.whole for one in self.looked)

    @property
    def format(self) -> str:
        """The export format."""
        return self.roles.ready or ("prompt-completion" if self.roles.label.columns else "text")

    @property
    def renames(self) -> dict[str, str]:
        """Column of the data -> the recipe's name, where its own can't stand there."""
        roles = self.roles
        made = {self.part, SOURCE if len(self.sources) > 1 else None}
        used = [*roles.label.columns, *(name for name in roles.category.columns if name not in made)]
        used += roles.dates[:1] if not used else ()
        used += roles.texts.columns if roles.ready == "prompt-completion" else ()
        return {name: new for name in dict.fromkeys(used) if (new := self._name_of(name)) != name}

    def _name_of(self, name: str) -> str:
        made = "_".join(words(name)) or "column" if UNSAFE.search(name) else name
        shown = self.roles.ready is not None and name in self.roles.texts.columns
        if made.isdecimal() or (made in {*OUTPUT_NAMES.values(), SOURCE, *FORMAT_COLUMNS[self.format]} and not shown):
            made = f"data_{made}"
        while made != name and made in self.columns:
            made += "_"
        return made

    def called(self, name: str) -> str:
        """Return what the recipe calls a column of the data."""
        return self.renames.get(name, name)

    @property
    def text(self) -> str:
        """The column that holds the text once curate is done."""
        texts = self.roles.texts.columns
        if len(texts) != 1:
            return "text"
        column = self.columns[texts[0]]
        listed = column.kinds.get("list", 0) > 0
        return "text" if listed or UNSAFE.search(texts[0]) or texts[0] in {*self.renames, SOURCE} else texts[0]

    @property
    def objects(self) -> list[str]:
        """Texts that hold JSON objects."""
        return [] if self.roles.ready else [name for name in self.roles.texts.columns if self._holds(name)]

    def _holds(self, name: str) -> bool:
        column = self.columns[name]
        return column.kinds.get("object", 0) > 0 or (named(name, OBJECTS) >= FILLED and column.objects > SOME)

    @property
    def leaks(self) -> dict[str, list[str]]:
        """Text that holds objects -> those of its keys that tell the label."""
        label = words(self.roles.label.column or "")
        if not label:
            return {}
        found = {name: [key for key in self.columns[name].keys if label[-1] in words(key)] for name in self.objects}
        return {name: keys for name, keys in found.items() if keys}
