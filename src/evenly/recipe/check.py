"""What a recipe means, checked as a whole: contradictions, columns that don't fit their use, things not there yet."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from encodings.aliases import aliases
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from evenly.columns import EPOCH, FORMAT_COLUMNS, OUTPUT_NAMES
from evenly.errors import choices_line, did_you_mean
from evenly.recipe.addresses import credential_faults
from evenly.recipe.balance import INTERVALS, STRATUM_KINDS, Distribution, TokenSize
from evenly.recipe.expression import ExpressionError, parse_expression
from evenly.recipe.needs import Fault, Loc, column_flow, show_path, shown_columns
from evenly.recipe.statistic import statistic
from evenly.recipe.steps import GLOBAL_KINDS, OWN_REASONS, reasons

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from evenly.recipe.balance import Balance, Stratum
    from evenly.recipe.model import GivenColumn, Recipe
    from evenly.recipe.steps import Exclude


OWNED: Final = {"alpha": "power", "epochs": "unimax", "target": "target", "marginals": "rake"}
"""Key of `balance` -> the one policy that takes it, and needs it."""

SHARES_MISS: Final = 1e-9
"""By which shares of a table may miss 1: what 0.1 + 0.2 + 0.7 does."""

SPLIT_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def meaning_faults(recipe: Recipe, *, columns_known: bool = True) -> list[Fault]:
    """Return what is wrong with a well-formed recipe; an empty list when it is sound.

    With `columns_known` off, how columns are used is left out: a step or a source is not what the user wrote.
    """
    found = [
        *_sources(recipe),
        *credential_faults(recipe),
        *_tokens(recipe),
        *_steps(recipe),
        *_template(recipe),
        *_balance(recipe),
        *_split(recipe),
        *_holdout(recipe),
    ]
    found += _export(recipe)
    flows = [column_flow(recipe, index) for index in range(len(recipe.sources))]
    found += [fault for flow in flows for fault in flow.unreadable]
    found += [fault for flow in flows for fault in flow.faults if columns_known]
    return list(dict.fromkeys(found))


def _fault(loc: Loc, text: str) -> Fault:
    return loc, show_path(loc), text


def _sources(recipe: Recipe) -> Iterator[Fault]:
    names = [source.name for source in recipe.sources]
    for index, source in enumerate(recipe.sources):
        if source.name in names[:index]:
            yield _fault(
                ("sources", index, "name"),
                f"'{source.name}' names another source already. Give each a name of its own.",
            )
        if source.encoding is not None and not _is_encoding(source.encoding):
            near = did_you_mean(source.encoding, aliases.values())
            text = f"'{source.encoding}' is no encoding that Python knows. Write utf-8, cp1252, utf-16, ….{near}"
            yield _fault(("sources", index, "encoding"), text)
        for old, new in source.rename.items():
            if list(source.rename.values()).count(new) > 1 or new in source.columns:
                loc = ("sources", index, "rename", old)
                yield _fault(loc, f"'{new}' is the name of another column too. Give each a name of its own.")
        for name, column in source.columns.items():
            yield from _given(column, ("sources", index, "columns", name))


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding  # noqa: SLF001  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    except (LookupError, ValueError):  # ValueError: a name with a NUL or half a character
        return False


def _given(column: GivenColumn, loc: Loc) -> Iterator[Fault]:
    """Check a column that the recipe gives: one of from_path and value; a pattern with a group."""
    if (column.from_path is None) == (column.value is None):
        yield _fault(loc, "expected one of from_path and value.")
    if column.from_path is None:
        return
    loc = (*loc, "from_path")
    try:
        groups = re.compile(column.from_path).groups
    except re.error as fault:
        yield _fault(loc, f"'{column.from_path}' is no regular expression: {fault}. Write one of Python's.")
        return
    if groups < 1:
        yield _fault(loc, f"'{column.from_path}' has no group. Put what should be the value in parentheses.")


def _tokens(recipe: Recipe) -> Iterator[Fault]:
    if recipe.tokenizer is None and any(step.kind == "tokens" for step in recipe.curate):
        yield _fault(
            ("tokenizer",),
            "is missing, and a tokens step needs one. Give a tokenizer.json or a packaged vocabulary: o200k_base.",
        )


def _steps(recipe: Recipe) -> Iterator[Fault]:
    names = reasons(recipe.curate)
    taken = {*OWN_REASONS, *(f"{source.name}.filter" for source in recipe.sources)}
    for index, name in enumerate(names):
        if name in taken or name in names[:index]:
            loc: Loc = ("curate", index, recipe.curate[index].kind)
            yield _fault(loc, f"'{name}' names other drops already. Give the step a name of its own.")
    seen_global: str | None = None
    for index, step in enumerate(recipe.curate):
        if step.kind in GLOBAL_KINDS:
            seen_global = step.kind
        elif seen_global is not None:
            yield _fault(
                ("curate", index),
                f"'{step.kind}' looks at one record and stands after '{seen_global}', which looks at all. Move it up.",
            )
        if step.kind == "exclude":
            yield from _exclude(step.body, ("curate", index, "exclude"))
        for low, high in (("min", "max"), ("min_tokens", "max_tokens")):
            lowest, highest = getattr(step.body, low, None), getattr(step.body, high, None)
            if lowest is not None and highest is not None and lowest > highest:
                yield _fault(
                    ("curate", index, step.kind),
                    f"{low} {lowest} is above {high} {highest}: nothing would be kept. Swap them.",
                )


def _exclude(step: Exclude, loc: Loc) -> Iterator[Fault]:
    if step.on == "id" and step.column is not None:
        yield _fault((*loc, "column"), "ids are compared; name the files' column with `their`.")
    if step.on != "id" and step.column is None:
        yield _fault((*loc, "column"), f"is missing: `on: {step.on}` compares a text. Name the column that has it.")


def _template(recipe: Recipe) -> Iterator[Fault]:
    template = recipe.template
    if (template.prompt is None) == (not template.messages):
        yield _fault(("template",), "expected one of prompt and messages.")
    elif template.messages and template.completion:
        yield _fault(("template", "completion"), "a conversation has its answers within. Take the completion out.")
    elif template.messages and recipe.export.format != "messages":
        text = f"conversations can't be written as {recipe.export.format}. Write `export: {{format: messages}}`."
        yield _fault(("template", "messages"), text)
    for index, step in enumerate(recipe.curate):
        if step.kind == "tokens" and step.body.column in template.messages and step.body.truncate is not None:
            text = "a conversation can't be cut. Give max_tokens, which drops those that are longer."
            yield _fault(("curate", index, "tokens", "truncate"), text)


def _balance(recipe: Recipe) -> Iterator[Fault]:
    balance = recipe.balance
    yield from _policy(balance)
    columns = [stratum.column for stratum in balance.strata]
    for index, stratum in enumerate(balance.strata):
        if stratum.column in columns[:index]:
            yield _fault(("balance", "strata", index), f"'{stratum.column}' is an axis already. Name each column once.")
        yield from _stratum(stratum, ("balance", "strata", index))
    if balance.take_all is not None:
        yield from _take_all(balance.take_all, columns, balance.stats)
    if balance.filter is not None:
        yield from _filter(balance.filter, balance.stats)
    for name, text in balance.stats.items():
        try:
            statistic(text)
        except ValueError as fault:
            yield _fault(("balance", "stats", name), f"{fault}.")
    if isinstance(balance.size, TokenSize) and recipe.tokenizer is None:
        yield _fault(("balance", "size"), "is in tokens, and the recipe names no tokenizer. Name one.")
    yield from _wanted(balance)


def _wanted(balance: Balance) -> Iterator[Fault]:
    """Check the wanted distributions of policies target and rake."""
    columns = [stratum.column for stratum in balance.strata]
    if isinstance(balance.target, Distribution):
        yield from _distribution(balance.target, ("balance", "target"), balance.strata)
    for column, wanted in (balance.marginals or {}).items():
        if column not in columns:
            text = f"'{column}' is no axis of the strata.{did_you_mean(column, columns)}{choices_line('axes', columns)}"
            yield _fault(("balance", "marginals", column), text)
        elif isinstance(wanted, Distribution):
            own = [stratum for stratum in balance.strata if stratum.column == column]
            yield from _distribution(wanted, ("balance", "marginals", column), own)


def _policy(balance: Balance) -> Iterator[Fault]:
    """Check which keys go with the policy."""
    policy = balance.policy
    if balance.cap is not None and policy != "cap":
        text = f"belongs to policy cap. Under policy {policy} give `size`, and `max` for a ceiling."
        yield _fault(("balance", "cap"), text)
    elif balance.cap is not None and balance.size is not None:
        yield _fault(
            ("balance",), "cap and size contradict each other: with size, the cap is solved for. Give one of them."
        )
    elif balance.cap is None and balance.size is None:
        needs = "`cap` (records per stratum at most) or `size`" if policy == "cap" else "`size`"
        yield _fault(("balance",), f"policy {policy} needs {needs} (records in all). Write one: `size: 10000`.")
    yield from _policy_keys(balance)


def _policy_keys(balance: Balance) -> Iterator[Fault]:
    """Check the keys that one policy takes, and those that contradict each other or the policy."""
    policy = balance.policy
    for key, owner in OWNED.items():
        given = getattr(balance, key) is not None
        if given and policy != owner:
            yield _fault(("balance", key), f"belongs to policy {owner}. Write `policy: {owner}`, or take it out.")
        if not given and policy == owner:
            yield _fault(("balance", key), f"is missing: policy {owner} needs it. Write `{key}: …`.")
    for name, ceiling in (("max", balance.max), ("cap", balance.cap)):
        if balance.min is not None and ceiling is not None and balance.min > ceiling:
            text = f"min {balance.min:,} is above {name} {ceiling:,}: no stratum can have both. Lower min."
            yield _fault(("balance", "min"), text)
    if policy != "weighted" and not balance.strata:
        yield _fault(
            ("balance", "strata"),
            f"is missing: policy {policy} needs at least one axis of strata. Write `strata: [{{column: …}}]`.",
        )
    for key in ("strata", "take_all", "min", "max"):
        if policy == "weighted" and getattr(balance, key):
            yield _fault(("balance", key), "policy weighted is one draw without strata. Take the key out.")


def _stratum(stratum: Stratum, loc: Loc) -> Iterator[Fault]:
    """Check one axis: at most one key that says what is made of its values, in an order that makes sense."""
    given = [kind for kind in STRATUM_KINDS if getattr(stratum, kind) is not None]
    if len(given) > 1:
        yield _fault(loc, f"{given[0]} and {given[1]} contradict each other. Give one of them.")
    if stratum.edges is not None and any(low >= high for low, high in pairwise(stratum.edges)):
        yield _fault((*loc, "edges"), "the edges do not grow. Write them from the least to the largest, each once.")
    if stratum.unit is not None and stratum.part is None:
        yield _fault(
            (*loc, "unit"),
            "says what a date's number counts, and no `part` of a date is asked for. Name the part, or take unit out.",
        )
    if stratum.min is not None and stratum.max is not None and stratum.min > stratum.max:
        yield _fault(loc, f"min {stratum.min} is above max {stratum.max}: no record is in a stratum. Swap them.")


def _distribution(wanted: Distribution, loc: Loc, strata: list[Stratum]) -> Iterator[Fault]:
    """Check a wanted distribution: one of its kinds, shares that sum to 1 at most, one axis for a lognormal."""
    given = [name for name in ("values", "lognormal", "files") if getattr(wanted, name)]
    if len(given) != 1:
        yield _fault(loc, "expected uniform, or one of values, lognormal and files.")
    if wanted.values is not None and sum(wanted.values.values()) > 1 + SHARES_MISS:
        yield _fault((*loc, "values"), f"the shares sum to {sum(wanted.values.values()):g}, expected at most 1.")
    if wanted.format is not None and not wanted.files:
        yield _fault((*loc, "format"), "is that of files, and none are named. Name them, or take it out.")
    if wanted.lognormal is not None and (len(strata) != 1 or strata[0].kind not in INTERVALS):
        text = "a lognormal is over one axis of numbers. Give its stratum round, width, quantile, log or edges."
        yield _fault((*loc, "lognormal"), text)


def _take_all(text: str, columns: list[str], own: Collection[str]) -> Iterator[Fault]:
    loc = ("balance", "take_all")
    try:
        parsed = parse_expression(text, "boolean")
    except ExpressionError as fault:
        yield _fault(loc, str(fault))
        return
    for column in parsed.columns:
        if column not in columns and column not in own:
            near = did_you_mean(column, columns)
            text = f"'{column}' is no column of the strata; take_all looks at a stratum's values.{near}"
            yield _fault(loc, text + choices_line("columns", columns))


def _filter(text: str, stats: Collection[str]) -> Iterator[Fault]:
    with suppress(ExpressionError):  # told of with its columns
        for name in parse_expression(text, "boolean").columns:
            if name in stats:
                told = f"'{name}' is a number over the records that the filter leaves. Write the number itself."
                yield _fault(("balance", "filter"), told)


def _split(recipe: Recipe) -> Iterator[Fault]:
    shares = recipe.split.shares
    if not shares:
        yield _fault(("split",), "names no split. Write `split: {train: 0.9, test: 0.1}`.")
    fractions = [share for share in shares.values() if isinstance(share, float)]
    if sum(fractions) > 1 + 1e-9:  # what 0.1 + 0.2 + 0.7 may miss 1 by
        yield _fault(("split",), f"the fractions sum to {sum(fractions):g}, expected at most 1.")
    for name, share in shares.items():
        if SPLIT_NAME.fullmatch(name) is None:
            yield _fault(("split", name), f"'{name}' is no name of a split. Use letters, digits and underscores.")
        if share == 1 and isinstance(share, int):
            text = "1 is a number of rows: one. Write 1.0 for all that is selected (whole numbers are rows)."
            yield _fault(("split", name), text)
    for name, rows in (recipe.split.lite or {}).items():
        loc = ("split", "lite", name)
        if name not in shares:
            yield _fault(loc, f"'{name}' is no split.{did_you_mean(name, shares)}{choices_line('splits', shares)}")
        elif isinstance(shares[name], int) and rows > shares[name]:
            yield _fault(
                loc, f"{rows:,} rows are wanted of a split of {shares[name]:,}. Lower it: a lite set is a subset."
            )


def _holdout(recipe: Recipe) -> Iterator[Fault]:
    """Check what is held out: a column goes with group column, a text with exact and near, strata with the tests."""
    holdout = recipe.holdout
    if holdout is None:
        return
    if (holdout.column is None) == (holdout.group == "column"):
        text = "names what `group: column` groups by. " + (
            "Name the column." if holdout.group == "column" else "Write `group: column`, or take it out."
        )
        yield _fault(("holdout", "column"), text)
    if holdout.group in {"exact", "near"} and not shown_columns(recipe):
        text = f"'{holdout.group}' compares what the prompt shows, and it shows the label alone. Group by a column."
        yield _fault(("holdout", "group"), text)
    if not holdout.strata and not recipe.balance.strata:
        text = "is missing: the balance has no strata, and the balanced test has as many rows of each. Name some."
        yield _fault(("holdout", "strata"), text)
    for index, stratum in enumerate(holdout.strata):
        if stratum.column in [other.column for other in holdout.strata[:index]]:
            loc = ("holdout", "strata", index)
            yield _fault(loc, f"'{stratum.column}' is an axis already. Name each column once.")
        yield from _stratum(stratum, ("holdout", "strata", index))


def _export(recipe: Recipe) -> Iterator[Fault]:
    taken = {*OUTPUT_NAMES.values(), *FORMAT_COLUMNS[recipe.export.format]}
    if recipe.balance.policy != "unimax":
        taken.remove(OUTPUT_NAMES[EPOCH])
    named: list[tuple[Loc, str]] = [
        (("export", "keep", index), column) for index, column in enumerate(recipe.export.keep)
    ]
    if recipe.balance.label is not None:
        named.append((("balance", "label"), recipe.balance.label))
    for loc, column in named:
        if column in taken:
            yield _fault(
                loc,
                f"'{column}' is a column that the output has of its own. Derive it under another name: "
                f"`- derive: {{my_{column}: {column}}}`.",
            )
