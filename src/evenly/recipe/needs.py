"""Which columns a recipe reads, and as what: found by walking the recipe from source to export, without any data.

A column's type is fixed by how the recipe uses it, never by a sample of rows: a sample would make the result depend on
which rows come first. `number` or arithmetic makes it a number, `join` takes lists, `as_text` takes anything as its
JSON text, and what is only passed through keeps the type that all of its values share.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from evenly.columns import RECORD, SOURCE
from evenly.recipe.balance import InverseDensity, WeightTable
from evenly.recipe.expression import Expression, ExpressionError, parse_expression
from evenly.recipe.statistic import statistic_column

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from evenly.recipe.balance import Balance
    from evenly.recipe.model import Holdout, Recipe
    from evenly.recipe.steps import Step

Kind = Literal["any", "text", "number", "list", "json", "boolean", "record"]
"""What a column is read as: `any` keeps its own type, `json` is any value as its JSON text, `record` all of a row."""

Drift = Literal["error", "coerce", "null"]
"""What becomes of a value that is not what the recipe needs, or not what the column is in other files."""

Yields = Literal["boolean", "number", "text", "unknown"]
"""What an expression is asked to yield."""

Loc = tuple[int | str, ...]
Fault = tuple[Loc, str, str]
"""Where (as keys), where (as a path to show), and what is wrong."""

COUNTED: Final = "tokens"
"""A column of the balance that no source needs to have: the record's token count, where a tokenizer is named."""

WIDEST: Final = 1_000
"""Characters that a format may pad a value to, and digits that it may ask for."""

NUMBER_SPECS: Final = frozenset("eEfFgGn%d")


@dataclass(frozen=True)
class Need:
    """A source column that the recipe reads: as which kind, and where the recipe first names it."""

    column: str
    kind: Kind
    path: str
    drift: Drift = "error"


@dataclass
class Flow:
    """The columns of a recipe: what is read from the source, and what each one is after curate.

    `faults` are columns that don't fit their use; `unreadable` are expressions and templates that can't be read at all.
    """

    needs: dict[str, Need] = field(default_factory=dict[str, Need])
    kinds: dict[str, Kind] = field(default_factory=dict[str, Kind])
    faults: list[Fault] = field(default_factory=list[Fault])
    unreadable: list[Fault] = field(default_factory=list[Fault])
    as_text: frozenset[str] = frozenset()
    renamed: dict[str, str] = field(default_factory=dict[str, str])
    scalars: set[str] = field(default_factory=set[str])
    made: set[str] = field(default_factory=set[str])
    joined: set[str] = field(default_factory=set[str])

    def read(self, column: str, wanted: Kind | Literal["scalar"], loc: Loc) -> None:
        """Note that the recipe uses `column` as `wanted` here; `scalar` is any kind but a list."""
        self._refuse_internal(column, loc)
        if column in self.renamed and column not in self.renamed.values() and column not in self.made:
            new = self.renamed[column]
            self.faults.append((loc, show_path(loc), f"'{column}' is renamed to '{new}'. Use that name."))
            column = new
        if wanted == "scalar":
            self.scalars.add(column)
        if column not in self.kinds:
            own: Kind = "any" if wanted == "scalar" else wanted
            kind: Kind = "json" if column in self.as_text else own
            self.needs[column] = Need(column, kind, show_path(loc))
            self.kinds[column] = kind
            if kind == own or wanted != "number":
                return
        self._agree(column, wanted, loc)

    def _agree(self, column: str, wanted: Kind | Literal["scalar"], loc: Loc) -> None:
        kind = self.kinds[column]
        is_text = kind in {"text", "json"}
        if (
            kind == "list"
            and wanted in {"scalar", "text", "number"}
            and column in self.needs
            and column not in self.made
        ):
            # `join` takes lists and texts; what is used as one text, or as a number, elsewhere can't be a list.
            self._settle(column, "number" if wanted == "number" else "text")
            return
        if wanted == "any" or wanted == "scalar" or wanted == kind or (wanted == "text" and is_text):  # noqa: PLR1714 - narrows
            return
        if wanted == "list" and (kind not in {"any", "boolean"} or column in self.scalars):
            return
        if kind == "any":  # so far only passed through: the new use decides
            self._settle(column, wanted)
            return
        if wanted == "number":
            text = f"'{column}' is {kind} here, a number is needed. Put `- number: {{column: {column}}}` into curate."
        else:
            text = f"'{column}' is a {kind} here, {wanted} is needed. Use it before it becomes one, or join it first."
        self.faults.append((loc, show_path(loc), text))

    def _settle(self, column: str, kind: Kind) -> None:
        self.kinds[column] = kind
        if column in self.needs:
            self.needs[column] = Need(column, kind, self.needs[column].path)

    def make(self, column: str, kind: Kind, loc: Loc) -> None:
        """Note that a step makes `column`, or makes it into `kind`."""
        self._refuse_internal(column, loc)
        self.made.add(column)
        self.kinds[column] = kind

    def _refuse_internal(self, column: str, loc: Loc) -> None:
        if column.startswith("__") and column.endswith("__"):
            text = f"'{column}': names between double underscores are Evenly's own. Rename the column in the data."
            self.faults.append((loc, show_path(loc), text))

    def expression(
        self, text: str, loc: Loc, expects: Yields = "unknown", own: Collection[str] = ()
    ) -> Expression | None:
        """Read an expression's columns, but for `own` ones; a fault of the expression is kept and gives None."""
        try:
            parsed = parse_expression(text, expects)
        except ExpressionError as fault:
            self.unreadable.append((loc, show_path(loc), str(fault)))
            return None
        for column in parsed.columns:
            if column in own:
                continue
            self.read(column, "number" if column in parsed.numeric_columns else "scalar", loc)
        return parsed


def column_flow(recipe: Recipe, index: int = 0) -> Flow:
    """Return the columns that `recipe` reads from its source `index` and makes, with the faults met on the way."""
    source = recipe.sources[index]
    flow = Flow(as_text=frozenset([*source.as_text, *recipe.template.messages]), renamed=dict(source.rename))
    flow.make(SOURCE, "text", ("sources", index, "name"))
    for name in source.columns:
        flow.make(name, "text", ("sources", index, "columns", name))
    for column in source.id:
        flow.read(column, "text", ("sources", index, "id"))
    if source.filter is not None:
        flow.expression(source.filter, ("sources", index, "filter"), "boolean")
    for place, step in enumerate(recipe.curate):
        _step(flow, step, ("curate", place, step.kind))
    _balance(flow, recipe)
    _template(flow, recipe)
    if recipe.balance.label is not None:
        flow.read(recipe.balance.label, "scalar", ("balance", "label"))
    for place, column in enumerate(recipe.export.keep):
        flow.read(column, "any", ("export", "keep", place))
    return flow


def carried_columns(recipe: Recipe) -> list[str]:
    """Return the columns that the pool holds, sorted: what curate read or made, but for the makings of a joined text.

    What `join` put into another column is left out, unless the recipe names it outside curate too: it would double the
    pool.
    """
    flows = [column_flow(recipe, index) for index in range(len(recipe.sources))]
    shared = [name for name in flows[0].kinds if all(name in flow.kinds for flow in flows)]  # a filter may read more
    named = {field for _, _, field, _ in template_fields(recipe)} | {*recipe.template.messages, *recipe.export.keep}
    balance = Flow()
    _balance(balance, recipe)
    named |= {*balance.needs, recipe.balance.label}
    return sorted(name for name in shared if name in named or any(_is_held(name, flow) for flow in flows))


def _is_held(name: str, flow: Flow) -> bool:
    makings = name in flow.joined or flow.kinds[name] in {"list", "json"}
    return not makings or (name in flow.needs and not flow.needs[name].path.startswith("curate"))


def data_needs(recipe: Recipe, index: int) -> tuple[Need, ...]:
    """Return what is read from a source, under the names that the columns have in its data.

    Where the source names no id, all of each record is read besides, to be hashed into one.
    """
    source = recipe.sources[index]
    in_data = {new: old for old, new in source.rename.items()}
    needs = list(column_flow(recipe, index).needs.values())
    if not source.id:
        needs.append(Need(RECORD, "record", f"sources[{index}].id"))
    return tuple(replace(need, column=in_data.get(need.column, need.column), drift=source.drift) for need in needs)


def template_fields(recipe: Recipe) -> Iterator[tuple[str, str, str, str]]:
    """Yield (part, literal text before, column, format spec) for each field of the template's parts."""
    for part in ("prompt", "completion"):
        for literal, column, spec, _ in string.Formatter().parse(getattr(recipe.template, part) or ""):
            if column is not None:
                yield part, literal, column, spec or ""


def shown_columns(recipe: Recipe) -> list[str]:
    """Return the columns that a prompt shows, in their order, but for the label: what a model can go by."""
    named = recipe.template.messages or [field for part, _, field, _ in template_fields(recipe) if part == "prompt"]
    return [name for name in dict.fromkeys(named) if name != recipe.balance.label]


def show_path(loc: Loc) -> str:
    """Return a location as a user writes it: `balance.strata[0].column`."""
    path = ""
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path


def _step(flow: Flow, step: Step, loc: Loc) -> None:
    body = step.body
    match step.kind:
        case "number":
            flow.read(body.column, "any", (*loc, "column"))
            flow.make(body.column, "number", (*loc, "column"))
        case "join":
            _read_all(flow, body.columns, "list", (*loc, "columns"))
            flow.joined.update(body.columns)
            flow.make(body.into, "text", (*loc, "into"))
            flow.joined.discard(body.into)
        case "filter":
            flow.expression(body.where, (*loc, "where"), "boolean")
        case "derive":
            for name, text in body.items():
                parsed = flow.expression(text, (*loc, name))
                flow.make(name, "any" if parsed is None or parsed.kind == "unknown" else parsed.kind, (*loc, name))
        case "json":
            flow.read(body.column, "text", (*loc, "column"))
            for name in body.extract:
                flow.make(name, "number", (*loc, "extract", name))
        case "unique":
            _read_all(flow, body.columns, "any", (*loc, "columns"))
        case _:
            named = [body.column] if isinstance(body.column, str) else body.column or []
            _read_all(flow, named, "text", (*loc, "column"))


def _read_all(flow: Flow, columns: list[str], wanted: Kind, loc: Loc) -> None:
    for column in columns:
        flow.read(column, wanted, loc)


def _balance(flow: Flow, recipe: Recipe) -> None:
    balance = recipe.balance
    counted = recipe.tokenizer is not None and COUNTED not in flow.kinds
    for index, stratum in enumerate(balance.strata):
        if not counted or stratum.column != COUNTED:
            kind = "number" if stratum.numeric else "scalar"
            flow.read(stratum.column, kind, ("balance", "strata", index, "column"))
    if balance.filter is not None:
        flow.expression(balance.filter, ("balance", "filter"), "boolean", [COUNTED] if counted else [])
    own = {*balance.stats, *([COUNTED] if counted else [])}
    _weight(flow, balance, own)
    if recipe.holdout is not None:
        _holdout(flow, recipe.holdout, counted=counted)
    for name, text in balance.stats.items():
        column = statistic_column(text)
        if column is not None and column not in own:
            flow.read(column, "any" if text.lstrip().startswith("count") else "number", ("balance", "stats", name))


def _weight(flow: Flow, balance: Balance, own: Collection[str]) -> None:
    if isinstance(balance.weight, WeightTable):
        flow.read(balance.weight.column, "scalar", ("balance", "weight", "column"))
    elif isinstance(balance.weight, InverseDensity):
        column = balance.weight.inverse_density.column
        if column not in own:
            flow.read(column, "number", ("balance", "weight", "inverse_density", "column"))
    elif balance.weight is not None:
        flow.expression(balance.weight, ("balance", "weight"), "number", own)


def _holdout(flow: Flow, holdout: Holdout, *, counted: bool) -> None:
    if holdout.column is not None:
        flow.read(holdout.column, "scalar", ("holdout", "column"))
    for index, stratum in enumerate(holdout.strata):
        if not counted or stratum.column != COUNTED:
            kind = "number" if stratum.numeric else "scalar"
            flow.read(stratum.column, kind, ("holdout", "strata", index, "column"))


def _template(flow: Flow, recipe: Recipe) -> None:
    _read_all(flow, recipe.template.messages, "json", ("template", "messages"))
    for part in ("prompt", "completion"):
        loc: Loc = ("template", part)
        try:
            fields = [
                field
                for field in string.Formatter().parse(getattr(recipe.template, part) or "")
                if field[1] is not None
            ]
        except ValueError as fault:
            flow.unreadable.append((loc, show_path(loc), f"{fault}. Write a brace that is text twice: {{{{ or }}}}."))
            continue
        for _, column, spec, conversion in fields:
            text = _field_fault(column or "", spec or "", conversion)
            if text:
                flow.unreadable.append((loc, show_path(loc), text))
            else:
                flow.read(column or "", "number" if spec and spec[-1] in NUMBER_SPECS else "scalar", loc)


def _field_fault(column: str, spec: str, conversion: str | None) -> str | None:
    if not column or column.isdecimal():
        return "a field without a name. Write {column} or {column:format}."
    if conversion is not None or re.search(r"[.\[]", column):
        return f"'{{{column}}}' looks into a value. Write the name of a column, with a format at most: {{price:.0f}}."
    if "{" in spec:
        return f"a format within a format in '{{{column}:{spec}}}'. Write the format itself."
    if any(len(digits) > len(str(WIDEST)) or int(digits) > WIDEST for digits in re.findall(r"[0-9]+", spec)):
        return f"'{spec[:40]}' makes more than {WIDEST:,} characters of a value. Write a narrower format."
    try:
        format(1.0 if spec and spec[-1] in NUMBER_SPECS - {"d"} else 1 if spec.endswith("d") else "x", spec)
    except (ValueError, OverflowError, MemoryError):
        return f"'{spec}' is no format. Expected one of Python's, such as .0f or >10."
    return None
