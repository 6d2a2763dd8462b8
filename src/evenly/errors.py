"""Every error that Evenly raises on purpose.

    EvenlyError                 exit 1: the run failed
    ├── UserError               exit 2: the recipe, the data or the command line is wrong
    │   ├── RecipeError         one or more faults of a recipe, each with its path
    │   ├── DataError           the inputs do not hold what the recipe asks of them
    │   ├── TokenizerError      a tokenizer that can't be had or can't be read
    │   └── OutputError         the output folder can't be used
    ├── VerificationError       exit 3: a verification did not hold
    └── Cancelled               exit 1: whoever asked for the work called it off

Each carries a message a user can act on: where, what was found, what was expected, what to do.
The command line prints it without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
import os
import re
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from pathlib import Path


LONGEST_LINE: Final = 2_000
"""Characters of an error's line; of a longer one the middle is left out."""

_TELLING: Final = (
    r"(?:[\w.-]*(?:token|secret|passwd|password|pwd|credentials?|signature|accesskeyid|apikey)(?:[-_.][\w.-]*)?"
    r"|(?:[\w.-]*[-_.])?(?:sig|auth|key)(?:[-_.]id)?)"
)
"""Names in the query of an address whose values are credentials; `author`, `design` and `tokens` are none."""

SECRETS: Final = (
    # https://user:password@host, s3://key:secret@bucket (a secret may hold a slash; digits and a slash are a port)
    (re.compile(r"(?<=://)(?:[^\s'\"/@:]*:(?!\d+(?:[/\s'\"]|$))[^\s'\"@]*|[^\s'\"/@]+)@"), "***@"),
    (re.compile(rf"(?i)(?<=[?&])({_TELLING}=)[^&\s'\"#]+"), r"\1***"),
    (re.compile(r"(?i)\b(authorization['\"]?\s*[:=]\s*['\"]?(?:\w+\s+)?)[^\s'\",]+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{16,}"), r"\1***"),
    (re.compile(r"\bhf_[A-Za-z0-9]{30,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), "***"),
)
"""What credentials look like -> what is shown of them."""

_SECRET_VARIABLE: Final = re.compile(r"(?:TOKEN|SECRET|PASSWORD|KEY|CREDENTIALS)$")

SHORTEST_SECRET: Final = 8
"""Characters from which on the value of a variable such as HF_TOKEN is looked for."""


def redacted(text: str) -> str:
    """Return a text without the credentials in it: passwords and signatures of addresses, tokens, secret variables.

    >>> redacted("https://me:word@example.org/a?X-Amz-Signature=0af3&page=2")
    'https://***@example.org/a?X-Amz-Signature=***&page=2'
    """
    for name, value in os.environ.items():
        if len(value) >= SHORTEST_SECRET and value in text and _SECRET_VARIABLE.search(name.upper()):
            text = text.replace(value, "***")
    return without_credentials(text)


def without_credentials(text: str) -> str:
    """Return a text without what looks like a credential, whatever the environment holds."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


def _shown(message: str) -> str:
    """Return a message for a terminal: nothing secret, nothing that steers it; what data it quotes begins no line.

    A line end is the message's own where two spaces follow, as before what there is to choose from.
    """
    text = redacted(message)
    signs = (
        one if one.isprintable() or (one == "\n" and text[place + 1 : place + 3] == "  ") else repr(one)[1:-1]
        for place, one in enumerate(text)
    )
    lines = "".join(signs).split("\n")
    half = LONGEST_LINE // 2
    return "\n".join(line if len(line) <= LONGEST_LINE else f"{line[:half]} … {line[-half:]}" for line in lines)


class EvenlyError(Exception):
    """Something that stops a run; its text is meant for the user: it steers no terminal and tells no credential."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        """Keep the message as it can be shown."""
        super().__init__(_shown(message))


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
        self.faults = tuple(map(_shown, faults))
        Exception.__init__(self, "\n".join(self.faults))

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


class Cancelled(EvenlyError):  # noqa: N818 - nothing went wrong
    """The work was called off by whoever asked for it: a reporter raises it where work tells of its next step."""


MOST_SIBLINGS: Final = 1_000
"""Files of a folder that a missing one is compared with."""


def siblings(path: Path) -> list[str]:
    """Return the names of what lies where a file was looked for: one of them may have been meant."""
    try:
        return [other.name for other in islice(path.parent.iterdir(), MOST_SIBLINGS)]
    except (OSError, ValueError):
        return []


LONGEST_CHOICE = 40
"""Characters of a name that an error lists: a broken header may be one name of a megabyte."""


LONGEST_WORD = 200
"""Characters of a word that others are compared with, which takes a while."""


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the nearest of `choices`, or an empty text when none is near."""
    near = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6) if len(word) <= LONGEST_WORD else []
    return f" Did you mean '{near[0]}'?" if near else ""


def choices_line(what: str, choices: Iterable[str], limit: int = 20) -> str:
    """Return the second line of an error: `  columns: price, title, …` (at most `limit` names)."""
    names = [repr(name)[1:-1][:LONGEST_CHOICE] for name in choices]
    more = f", … ({len(names) - limit} more)" if len(names) > limit else ""
    return f"\n  {what}: {', '.join(names[:limit])}{more}."
