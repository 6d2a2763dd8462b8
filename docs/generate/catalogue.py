"""docs/reference/errors.md: every message, by where it says that it is, with what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from evenly.recipe import expression_words
from generate import notices
from generate.messages import Message, all_messages
from generate.recipe import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION: Final = """\
Every error is one line: where it is, what was found, what was expected, what to do. A second line lists what there is
to choose from. On the command line it begins with `evenly:` and ends the command with an
[exit code](cli.md#exit-codes); from Python it is the text of an [exception](python.md#errors). A recipe's faults are
told all at once, each with its path and its line in the file.

Words between ‹ and › stand for what a message fills in, `a | b` for one of several. Below each message is what to do.
"""

_VERBS: Final = """
    Add Ask Change Check Choose Close Compare Convert Copy Derive Download Drop End Free
    Give Group Install Leave Let Loosen
    Lower Make Mend Move Name Note Open Pack Please Push Put Raise Rank Read Rename Replace Run Save Say Search See Set
    Show Start Swap Take Try Under Unpack Unset Use Wait Write
"""

VERBS: Final = frozenset(_VERBS.split())
"""Words that a sentence begins with that says what to do."""

SENTENCE: Final = re.compile(r"(?<=[.?!…]) (?=[A-Z`‹])")
WITHIN: Final = re.compile(
    r"(?:[:;,] | or )(?:or )?(?:write|read|make|leave|push|run|name|" + "|".join(sorted(VERBS)).lower() + r")\b"
)
NEAR: Final = re.compile(r"Did you mean '‹name›'\?(?: (\w+): ….)?")
PLACE: Final = re.compile(
    r"(?:recipe[.:\[]|--\w|(?:'?‹[^›]+›'? ?)+(?::\d+)?:|'‹[^›]+›' is |"
    r"balance\(|balance‹rest›|(?:DATA|balance|doctor):|"
    r"(?:ablate|ablate, tune|compare|data|demo|demo rows|demo seed|evenly|internal|load|picture|state|studio|workers):)"
)
"""How a message says where it is: a key of the recipe, an option, a file or folder, a command, a part of Evenly."""

BY_HAND: Final = {
    "interrupted.": "Run the same command again: it goes on from what was finished.",
    "cancelled.": "Start it again when you want it.",
    "balance: ‹text›": "What a recipe says of the same fault, with the argument in the place of its key.",
    "balance(‹argument›=…)‹rest›": "The same.",
    "balance‹rest›": "The same.",
    "‹format message› See: evenly --help": "Mend the command line as the message says.",
    "‹folder›: ‹what› takes about ‹needed› more, and ‹free› are free. ‹remedy›": (
        "Free some room, or set EVENLY_CACHE, or `--out`, to a folder on another disk; the message says which."
    ),
    "'‹key›' has no place in an expression: ‹reason›.": "The reason says what to write instead.",
    "'‹source›' has no place in an expression: ‹reason›.": "The reason says what to write; see the table.",
}
"""Messages that can't say all by themselves -> what to do: they end what the user ended, or hand on what others say."""

GROUPS: Final = {
    "Command line": "Told before anything is read.",
    "The recipe's file": "The file can't be read as a recipe at all.",
    "Any key of a recipe": "Told by every command that reads a recipe. ‹place› is the key's path.",
    "Sources": "Told by `check`; what the files hold, by `check --sources`, `plan` and `run`.",
    "Curate": "Steps that contradict themselves, and runs that no record passes.",
    "Template and export": "Told by `check`; what depends on the values, by `run`.",
    "Balance": "What contradicts itself is told by `check`; wishes that the pool can't meet, by `plan` and `run`.",
    "Split and holdout": "Told by `check`, or once the selection's size is known.",
    "Variants": "Told by every command that reads a recipe.",
    "Expressions": "Told by `check`, behind the path of the key that has the expression.",
    "Tokenizer": "Told by `check --sources`, `plan` and `run`.",
    "Input files": "Told while files are found and read. ‹where› is the path of the key that names them.",
    "Workers and engines": "Told while the work runs.",
    "Outputs": "Told before an output is written, or when one is read again.",
    "The Hub": "Told by `push`, `run --push`, and for `hf://` addresses.",
    "Ablations and searches": "Told by `ablate` and `tune`.",
    "Studio": "Told on the studio's page, or when it starts.",
    "Internal": "A fault of Evenly's, not of yours.",
}
"""Group -> when its messages come."""

KEYS: Final = {
    "balance": "Balance",
    "curate": "Curate",
    "engine": "Workers and engines",
    "export": "Template and export",
    "holdout": "Split and holdout",
    "max_bad_fraction": "Input files",
    "sources": "Sources",
    "split": "Split and holdout",
    "template": "Template and export",
    "tokenizer": "Tokenizer",
    "variants": "Variants",
}
"""Key of a recipe that a message begins with -> its group."""

ROOMS: Final = {
    "web/": "Studio",
    "ablation/": "Ablations and searches",
    "api/models": "Ablations and searches",
    "recipe/load": "The recipe's file",
    "recipe/plain": "The recipe's file",
    "recipe/": "Any key of a recipe",
    "engines/": "Workers and engines",
    "io/publish": "The Hub",
    "io/hub": "The Hub",
    "io/output": "Outputs",
    "io/stores": "Outputs",
    "io/manifest": "Outputs",
    "io/cache": "Outputs",
    "io/within": "Outputs",
    "audit/": "Outputs",
    "api/outputs": "Outputs",
    "catalogue/": "Outputs",
    "flow/report": "Outputs",
    "flow/room": "Outputs",
    "flow/live": "Studio",
    "flow/held": "Studio",
    "cli": "Command line",
    "": "Input files",
}
"""Beginning of a module's name -> the group of its messages, where they do not begin with a key."""


def whole(message: Message) -> str:
    """Return a message as it is told."""
    return f"recipe.{message.where}: {message.text}" if message.where else message.text


def group_of(message: Message) -> str:
    """Return the group that a message belongs to."""
    if message.error == "ExpressionError" or message.module == "recipe/statistic.py":
        return "Expressions"
    text = whole(message)
    if text.startswith("internal"):
        return "Internal"
    key = re.match(r"recipe\.(\w+)", text)
    if key is not None and key[1] in KEYS and not message.module.startswith("ablation/"):
        return KEYS[key[1]]
    if text.startswith("--engine"):
        return "Workers and engines"
    if text.startswith("--set"):
        return "Command line"
    return next(group for room, group in ROOMS.items() if message.module.startswith(room))


def parted(text: str) -> tuple[str, str]:
    """Return what a message says is wrong, and what it says to do, as a sentence of its own; else an empty text."""
    sentences = SENTENCE.split(text)
    for place, sentence in enumerate(sentences):
        first = re.sub(r"^[^A-Za-z]*(?:Or )?", "", sentence).split(" ")[0].strip(",:;.")
        bare = sentence.removeprefix("For a number, put").removeprefix("‹")
        if place and (first.title() in VERBS or bare != sentence or sentence.startswith(("Did you mean", "Or write"))):
            return " ".join(sentences[:place]), " ".join(sentences[place:])
    return text, ""


def remedy(text: str) -> str:
    """Return what to do about a message; an empty text where it does not say."""
    if text in BY_HAND:
        return BY_HAND[text]
    told = parted(text)[1]
    if told:
        return NEAR.sub(lambda one: suggested(one[1]), told)
    if wanted := re.search(r"(?:, |^|: | is )expected (?:such as |keys such as )?(.+)", text) or re.search(
        r" Expected (.+)", text
    ):
        return f"Give {wanted[1].rstrip('.')}."
    return "The message says it." if WITHIN.search(text) else ""


def suggested(listed: str | None) -> str:
    """Return what to do where a message suggests a name, and perhaps lists what there is."""
    return "Take the name that it suggests" + (
        f", or another of the {listed} that it lists." if listed else ", if it does."
    )


def says_where(message: Message) -> bool:
    """Say whether a message begins with its place, or stands behind one, as an expression's does."""
    text = whole(message)
    return message.error == "ExpressionError" or text in BY_HAND or PLACE.match(text) is not None


def entries() -> dict[str, list[Message]]:
    """Return group -> its messages, each text once, in the order of the groups."""
    found: dict[str, dict[str, Message]] = {group: {} for group in GROUPS}
    for message in all_messages():
        found[group_of(message)].setdefault(whole(message), message)
    return {group: [one for _, one in sorted(told.items())] for group, told in found.items()}


def page() -> str:
    """Return the page."""
    return "\n".join(["# Errors\n", INTRODUCTION, *sections(), *left_out(), *warned(), *near_misses()])


def sections() -> Iterator[str]:
    """Yield the lines of all groups."""
    for group, messages in entries().items():
        if messages:
            yield f"## {group}\n"
            yield f"{GROUPS[group]}\n"
            for message in messages:
                yield entry(whole(message))
        if group == "Expressions":
            yield from refused()


def entry(text: str) -> str:
    """Return a message and what to do as an item of a list."""
    wrong, _ = parted(text) if text not in BY_HAND else (text, "")
    return f"- {code(wrong)}\n\n    {remedy(text)}\n"


def left_out() -> Iterator[str]:
    """Yield why rows go to quarantine, with what to do."""
    yield "## Rows in quarantine\n"
    yield (
        "A row that can't be read is no error: it goes to `quarantine.jsonl` with its file, its line and one of these "
        "reasons, and the run goes on. More of them than `max_bad_fraction` allows end it.\n"
    )
    for reason in notices.reasons():
        yield f"- {code(reason)}\n\n    {notices.remedy(reason)}\n"


def warned() -> Iterator[str]:
    """Yield the warnings, with what to do."""
    yield "## Warnings\n"
    yield "Told on stderr behind `warning:`; the command goes on.\n"
    for warning in notices.warnings():
        wrong, told = parted(warning)
        yield f"- {code(wrong)}\n\n    {notices.warned(warning) or told}\n"


def code(text: str) -> str:
    """Return a text as code, whatever backticks it has."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def refused() -> Iterator[str]:
    """Yield what people write out of habit in an expression, and what to write."""
    yield "What people write out of habit, and why it is refused:\n"
    yield "| written | refused |\n|---|---|"
    for names, reason in expression_words.HABITS:
        yield f"| {', '.join(f'`{name}`' for name in names.split())} | {cell(reason)} |"
    yield ""


def near_misses() -> Iterator[str]:
    """Yield where a name that is nearly another is answered with that."""
    yield "## Near misses\n"
    yield "A name that is nearly a known one is answered with it (`Did you mean 'price'?`):\n"
    for message in dict.fromkeys(parted(whole(one))[0] for one in all_messages() if "Did you mean" in one.text):
        yield f"- {code(message)}"
    yield ""
