"""Every error that Evenly raises on purpose.

    EvenlyError                 exit 1: the run failed
    ├── UserError               exit 2: the recipe, the data or the command line is wrong
    │   ├── RecipeError         one or more faults of a recipe, each with its path
    │   ├── DataError           the inputs do not hold what the recipe asks of them
    │   ├── TokenizerError      a tokenizer that can't be had or can't be read
    │   └── OutputError         the output folder can't be used
    └── VerificationError       exit 3: a verification did not hold

Each carries a message a user can act on: where, what was found, what was expected, what to do.
The command line prints it without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence


class EvenlyError(Exception):
    """Something that stops a run; its text is meant for the user, and steers no terminal whatever data it quotes."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        """Keep the message, with what can't be printed as escapes."""
        shown = (one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in message)
        super().__init__("".join(shown))


@contextmanager
def noted(text: Callable[[], str]) -> Generator[None]:
    """Add a note, if there is any, to what ends the work within, but to a user's fault: what is kept of it, say."""
    try:
        yield
    except UserError:
        raise
    except BaseException as fault:
        if note := text():
            fault.add_note(note)
        raise


class UserError(EvenlyError):
    """The recipe, the data or the command line is wrong; no output was written."""

    exit_code = 2


class RecipeError(UserError):
    """A recipe with faults, all of them at once.

    `faults` holds one text per fault, each beginning with its path (`balance.strata[0].column: …`).
    """

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep the faults in the order of the recipe; the message is one per line."""
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type[RecipeError], tuple[tuple[str, ...]]]:
        """Let a worker hand it over fault by fault."""
        return RecipeError, (self.faults,)


class DataError(UserError):
    """Inputs that are missing, unreadable, or do not hold what the recipe asks of them."""


class TokenizerError(UserError):
    """A tokenizer that can't be had here, or a file that is not one."""


class OutputError(UserError):
    """An output folder that exists already or can't be written."""


class VerificationError(EvenlyError):
    """A verification did not hold."""

    exit_code = 3


LONGEST_CHOICE = 40
"""Characters of a name that an error lists: a broken header may be one name of a megabyte."""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the nearest of `choices`, or an empty text when none is near."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean '{near[0]}'?" if near else ""


def choices_line(what: str, choices: Iterable[str], limit: int = 20) -> str:
    """Return the second line of an error: `  columns: price, title, …` (at most `limit` names)."""
    names = [repr(name)[1:-1][:LONGEST_CHOICE] for name in choices]
    more = f", … ({len(names) - limit} more)" if len(names) > limit else ""
    return f"\n  {what}: {', '.join(names[:limit])}{more}."
