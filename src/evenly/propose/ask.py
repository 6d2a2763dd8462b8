"""The three questions, on a terminal: each with the guess as its default and the runners-up numbered."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from evenly.errors import UserError, did_you_mean
from evenly.propose.sizes import size_of
from evenly.propose.yaml import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from evenly.propose.counts import Counted
    from evenly.propose.guess import Guess, Roles
    from evenly.propose.summary import Column

NONE = "none"


def questions(console: Console) -> Questions:
    """Return the questions as a terminal asks them."""
    return Questions(console.print, partial(console.input, markup=False, emoji=False))


class Questions:
    """Asks by `say` (a line to show) and `hear` (a prompt to show, and what was typed)."""

    def __init__(self, say: Callable[[str], Any], hear: Callable[[str], str]) -> None:
        """Ask so."""
        self._say = say
        self._hear = hear

    def label(self, roles: Roles, columns: Sequence[Column]) -> tuple[str, ...]:
        """Ask which column is to be predicted."""
        choices = _choices(roles.label)
        self._say("\n1 of 3: Which column is to be predicted, the label?")
        self._list([*choices, (NONE, "balance by category, learn the text itself")])
        names = [name for name, _ in choices]
        default = names[0] if roles.label.columns else NONE
        return self._columns(default, [*names, NONE], columns, many=False)

    def texts(self, roles: Roles, columns: Sequence[Column]) -> tuple[str, ...]:
        """Ask which columns hold the text to learn from."""
        own = list(roles.texts.columns)
        others = [(name, why) for name, why in roles.texts.others if name not in own]
        reasons = dict(part.split(": ", 1) for part in roles.texts.why.split("; ") if ": " in part)
        choices = [*((name, reasons.get(name, "")) for name in own), *others]
        self._say("\n2 of 3: What is the text to learn from? Several are joined.")
        self._list(choices)
        return self._columns(", ".join(own), [name for name, _ in choices], columns, many=True)

    def size(self, guess: int, counted: Counted) -> int | dict[str, int]:
        """Ask how large the training set may be."""
        about = "" if counted.exact else "about "
        self._say(f"\n3 of 3: How many rows may the training set have? {about}{counted.rows:,} can be drawn.")
        self._say("   (rows such as 400k, or tokens: 50Mtokens)")
        while True:
            heard = self._hear(f"   [{guess:,}]: ").strip()
            if not heard:
                return guess
            try:
                return size_of(heard)
            except UserError as fault:
                self._say(f"   {fault}")

    def _list(self, choices: Sequence[tuple[str, str]]) -> None:
        for number, (name, why) in enumerate(choices, 1):
            self._say(f"   {number}  {one_line(name)}" + (f"  ({one_line(why)})" if why else ""))

    def _columns(
        self, default: str, listed: Sequence[str], columns: Sequence[Column], *, many: bool
    ) -> tuple[str, ...]:
        """Return the columns that are named by their numbers or names."""
        known = {column.name for column in columns}
        while True:
            heard = self._hear(f"   [{one_line(default)}]: ").strip() or default
            if heard in known:
                return (heard,)
            picked: list[str] = []
            wrong: str | None = None
            for word in [one.strip() for one in heard.split(",")] if many else [heard]:
                if word.isdecimal() and 1 <= int(word) <= len(listed):
                    picked.append(listed[int(word) - 1])
                elif word in known or word == NONE:
                    picked.append(word)
                else:
                    wrong = word
            if wrong is None and (picked or not many) and not (many and NONE in picked):
                return () if NONE in picked else tuple(dict.fromkeys(picked))
            near = did_you_mean(wrong or "", known)
            self._say(f"   '{one_line(wrong or heard)}' is no column and no number of the list.{near}")


def _choices(guess: Guess) -> list[tuple[str, str]]:
    return [*((name, guess.why) for name in guess.columns), *guess.others]
