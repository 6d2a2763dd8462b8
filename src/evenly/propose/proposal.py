"""From DATA to a recipe on the disk: look, guess, ask, count, write."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from evenly.columns import SOURCE
from evenly.errors import DataError, OutputError, UserError, choices_line, did_you_mean
from evenly.io.durable import whole
from evenly.propose.counts import count, size_for, token_bounds
from evenly.propose.draft import Draft
from evenly.propose.guess import Wanted, guess_roles
from evenly.propose.inputs import slug, sources_of
from evenly.propose.look import look
from evenly.propose.names import PRICES, named
from evenly.propose.strata import balance_of
from evenly.propose.summary import summarise
from evenly.propose.write import TOKENIZER, write
from evenly.recipe.load import parse_recipe
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.propose.counts import Counted
    from evenly.propose.guess import Guess, Roles
    from evenly.propose.inputs import Given
    from evenly.propose.look import Looked
    from evenly.propose.summary import Column
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

Size = int | dict[str, int]

LANGUAGE: Final = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]{2})?")
"""Parts of files' names that are codes of languages."""

CURRENCIES: Final = ("currency", "price_currency", "currency_code")

SHOWN_KEYS: Final = frozenset({"round", "width", "log", "part", "other_below"})

WORST_TOLD: Final = 0.005
"""Share of bad rows from which on the recipe allows for more than it would by itself."""


class Asker(Protocol):
    """Who answers the three questions; each is asked with the guess."""

    def label(self, roles: Roles, columns: Sequence[Column]) -> tuple[str, ...]:
        """Return the column to predict, or none."""
        ...

    def texts(self, roles: Roles, columns: Sequence[Column]) -> tuple[str, ...]:
        """Return the columns to learn from."""
        ...

    def size(self, guess: int, counted: Counted) -> Size:
        """Return how large the training set may be."""
        ...


@dataclass(frozen=True)
class Proposal:
    """A recipe that was written, and what it was guessed from.

    Attributes:
        path: the recipe's file.
        recipe: what is in it.
        guesses: a row each: `guess`, `value`, `why`.
        looked: rows that were looked at.
        files: files that these are in.
        rows: rows of the data, about where not `whole`.
        whole: whether all of them were looked at.
        usable: rows that the recipe can draw from, of which it selects its size; about where not `counted`.
        counted: whether these were counted.
    """

    path: Path
    recipe: Recipe
    guesses: list[dict[str, str]]
    looked: int
    files: int
    rows: int
    whole: bool
    usable: int
    counted: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for `--json`."""
        return {**vars(self), "path": str(self.path), "recipe": self.recipe.to_dict()}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it: the recipe's place, and the guesses as a table."""
        del include, exclude
        cells = "".join(
            f"<tr>{''.join(f'<td>{escape(one[key])}</td>' for key in ('guess', 'value', 'why'))}</tr>"
            for one in self.guesses
        )
        lines = [f"{one['guess']}: {one['value']} ({one['why']})" for one in self.guesses]
        return {
            "text/html": f"<p>{escape(str(self.path))}</p><table>{cells}</table>",
            "text/plain": "\n".join([str(self.path), *lines]),
        }


def propose(
    data: Sequence[str],
    out: Path,
    wanted: Wanted,
    size: Size | None = None,
    *,
    command: str = "evenly init",
    force: bool = False,
    ask: Asker | None = None,
    reporter: Reporter | None = None,
) -> Proposal:
    """Look at data and write a recipe for them; see `evenly.init`."""
    reporter = reporter or Silent()
    if out.exists() and not force:
        message = f"{out}: is there already. Use --force to replace it, or --out for another file."
        raise OutputError(message)
    sources = sources_of(data, reporter.phase)
    looked: list[Looked] = []
    with reporter.phase("look", sum(len(one.files) for one in sources), "files") as advance:
        for source in sources:
            looked.append(look(source, 1 / len(sources)))
            advance(len(source.files))
    draft = _guessed(sources, looked, _checked(wanted, looked), ask)
    trial = parse_recipe(write(draft, Path(), command), shown=str(out))
    counted = count(trial, looked, [source.files for source in sources], reporter)
    draft = _sized(draft, counted, size, ask)
    text = write(draft, out.parent, command)
    recipe = parse_recipe(text, folder=out.parent, shown=str(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
    return Proposal(
        out,
        recipe,
        told_of(draft),
        looked=sum(len(one.rows) for one in looked),
        files=sum(one.files for one in looked),
        rows=draft.rows,
        whole=all(one.whole for one in looked),
        usable=counted.rows,
        counted=counted.exact,
    )


def _checked(wanted: Wanted, looked: Sequence[Looked]) -> Wanted:
    """Refuse columns that the data do not have, and a label that is also the text.

    Raises:
        UserError: with the columns that there are.
    """
    there = list(dict.fromkeys(name for one in looked for name in one.columns))
    said = {"--id": wanted.id, "--label": wanted.label, "--text": wanted.texts, "--category": wanted.category}
    for option, columns in said.items():
        for name in columns or ():
            if not all(name in one.columns for one in looked):
                where = "" if name not in there else " in every source"
                told = f"{did_you_mean(name, there)}{choices_line('columns', there)}"
                message = f"{option} {name}: there is no such column{where}.{told}"
                raise UserError(message)
    if wanted.label and set(wanted.label) & set(wanted.texts or ()):
        message = f"--label {wanted.label[0]}: is also given as --text, which would tell the answer. Name another."
        raise UserError(message)
    return wanted


def _guessed(sources: Sequence[Given], looked: Sequence[Looked], wanted: Wanted, ask: Asker | None) -> Draft:
    """Return a draft of the recipe, but for its size."""
    shared = [name for name in looked[0].columns if all(name in one.columns for one in looked)]
    rows = [row for one in looked for row in one.rows]
    columns = {name: summarise(name, [row.get(name) for row in rows], len(rows)) for name in shared}
    part = _part(sources, columns)
    wanted, roles = _asked(list(columns.values()), wanted, part, ask)
    _refuse(roles, columns)
    ids = [_id_of(one, wanted) for one in looked] if len(looked) > 1 else [roles.id]
    total = sum(one.total for one in looked)
    balance = balance_of(roles, columns, total, whole=all(one.whole for one in looked))
    tokens, why = {}, ""
    if roles.ready in {None, "text"}:
        tokens, why = token_bounds(rows, roles.texts.columns, TOKENIZER, labelled=bool(roles.label.columns))
    bad = sum(one.bad for one in looked) / sum(one.read for one in looked)
    folder = Path(sources[0].files[0].place).parent.name
    return Draft(
        f"{sources[0].name if len(sources) == 1 else slug(folder)}-balanced".lstrip("._"),
        sources,
        looked,
        columns,
        roles,
        ids,
        balance,
        tokens,
        why,
        part=part if part != SOURCE else None,
        currency=_currency(roles, columns),
        bad=0.0 if bad < WORST_TOLD else min(1.0, math.ceil(200 * bad) / 100),
        rows=total,
    )


def _asked(columns: Sequence[Column], wanted: Wanted, part: str | None, ask: Asker | None) -> tuple[Wanted, Roles]:
    """Return the roles of the columns, once label and text were asked for, where there is someone to ask."""
    roles = guess_roles(columns, wanted, part)
    if ask is not None and wanted.label is None and columns:
        label = ask.label(roles, columns)
        if label != roles.label.columns:
            wanted = replace(wanted, label=label)
            roles = guess_roles(columns, wanted, part)
    if ask is not None and wanted.texts is None and roles.texts.columns:
        texts = ask.texts(roles, columns)
        if texts != roles.texts.columns:
            wanted = replace(wanted, texts=texts)
            roles = guess_roles(columns, wanted, part)
    return wanted, roles


def _part(sources: Sequence[Given], columns: dict[str, Column]) -> str | None:
    """Return the name of the column that files' names or sources make, or None."""
    if len(sources) > 1:
        return SOURCE
    if sources[0].from_path is None:
        return None
    pattern = sources[0].from_path
    parts = {match[1] for file in sources[0].files if (match := re.search(pattern, file.place)) is not None}
    name = "language" if all(LANGUAGE.fullmatch(part) for part in parts) else "category"
    return name if name not in columns else f"file_{name}"


def _id_of(looked: Looked, wanted: Wanted) -> Guess:
    columns = [summarise(name, [row.get(name) for row in looked.rows], len(looked.rows)) for name in looked.columns]
    return guess_roles(columns, Wanted(id=wanted.id)).id


def _currency(roles: Roles, columns: dict[str, Column]) -> tuple[str, str] | None:
    """Return the column that says a price's currency, where there are several, and the commonest."""
    label = roles.label.column
    if label is None or not named(label, PRICES):
        return None
    for name in CURRENCIES:
        if name in columns and columns[name].distinct > 1 and columns[name].longest <= 5:  # noqa: PLR2004 - USD, EUR
            return name, columns[name].common[0][0]
    return None


def _refuse(roles: Roles, columns: dict[str, Column]) -> None:
    """Refuse data of which no example can be made.

    Raises:
        UserError: saying what a recipe needs.
    """
    if not roles.texts.columns:
        numbers = all(column.numeric > 0.5 for column in columns.values() if column.filled)  # noqa: PLR2004 - most values
        held = "only numbers" if numbers else "no text to learn from"
        message = f"DATA: there is {held}, and a training example needs some. Name columns that have it by --text."
        raise DataError(message + choices_line("columns", columns))
    for name in roles.label.columns:
        column = columns.get(name)
        if column is not None and not column.scalar:
            message = f"--label {name}: holds lists or objects, expected a number or a class in each row."
            raise UserError(message)
        if column is not None and (column.distinct < 2):  # noqa: PLR2004 - a constant
            why = roles.unusable.get(name, "one value")
            message = f"--label {name}: {why}; there is nothing to balance or to learn. Name another column."
            raise UserError(message)


def _sized(draft: Draft, counted: Counted, size: Size | None, ask: Asker | None) -> Draft:
    """Return the draft with its size: as asked, or a share of what there is."""
    guess, told = size_for(counted)
    if size is None and ask is not None:
        size = ask.size(guess, counted)
    if size is None or size == guess:
        return replace(draft, size=guess, size_why=told, accept=not counted.exact)
    about = "" if counted.exact else "about "
    if isinstance(size, dict):
        return replace(draft, size=size, size_why=f"tokens, as you said; {about}{counted.rows:,} rows can be drawn")
    why = f"as you said, of {about}{counted.rows:,} that can be drawn"
    if size >= counted.rows:
        why = f"as you said, but only {about}{counted.rows:,} can be drawn: with fewer there would be a choice"
    return replace(draft, size=size, size_why=why, accept=not counted.exact or size > counted.rows)


def told_of(draft: Draft) -> list[dict[str, str]]:
    """Return what was guessed, a row each: guess, value, why."""
    roles, balance = draft.roles, draft.balance
    ids = dict.fromkeys((_shown(one.columns) or "each row's content", one.why) for one in draft.ids)
    name, why = next(iter(ids))
    names = ", ".join(dict.fromkeys(shown for shown, _ in ids))
    why = why if len({reason for _, reason in ids}) == 1 else "by source, see the recipe"
    found = [
        ("id", names or name, why),
        ("label", _shown(roles.label.columns) or "none", roles.label.why),
        ("text", _shown(roles.texts.columns), roles.texts.why),
        ("category", _shown(roles.category.columns) or "none", roles.category.why),
        ("strata", _axis(balance.strata[0]), balance.why),
        ("policy", balance.policy, balance.reason),
    ]
    if draft.tokens:
        found.append(("tokens", " to ".join(f"{one:,}" for one in draft.tokens.values()), draft.tokens_why))
    size = f"{draft.size:,} rows" if isinstance(draft.size, int) else f"{draft.size['tokens']:,} tokens"
    found.append(("size", size, draft.size_why))
    return [{"guess": guess, "value": value, "why": reason} for guess, value, reason in found]


def _shown(columns: Sequence[str]) -> str:
    return ", ".join(columns)


def _axis(stratum: dict[str, Any]) -> str:
    return ", ".join(
        [
            str(stratum["column"]),
            *(f"{key} {value}" for key, value in stratum.items() if key not in {"column", "min", "max", "edges"}),
        ]
    )
