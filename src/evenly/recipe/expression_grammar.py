"""The grammar of an expression: the operations there are, and the reading of a text into them and nothing else.

This is the second gate (`expression_words` is the first): a node of sqlglot's tree that `_SHAPES` does not list, or that
carries a part nobody reads, is a fault. What passes is a flat list of `Operation`, in which nothing of sqlglot is left.

sqlglot takes a third of a second to import and is imported by the first expression that is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from evenly.recipe.expression_words import ExpressionFault, admit, shown, too_deep

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

Constant = float | str | bool
Want = Literal["number", "text", "boolean", "alike", "result", "any", "shown"]

DEEPEST_TREE = 64  # operations under one another; Polars' time grows with the square of it
_MOST_DECIMALS = 15


@dataclass(frozen=True, slots=True)
class Signature:
    """What an operation takes and gives.

    `takes` has one entry per argument: a kind; `alike` (the same kind as the other `alike` ones);
    `result` (the kind of the result); `any`; or `shown` (any kind, turned into text first). The last
    `optional` arguments may be left out, the last one may be `repeated`. With `constants` all arguments
    but the first are literals. An operation that `compares` has to be told whether it compares numbers or text.
    """

    takes: tuple[Want, ...]
    gives: Want
    optional: int = 0
    repeated: bool = False
    constants: bool = False
    compares: bool = False

    def wants(self, count: int) -> tuple[Want, ...]:
        """Return one entry for each of `count` arguments."""
        return (self.takes + self.takes[-1:] * (count - len(self.takes)))[:count]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `arguments` are positions of earlier ones in the same list.

    `constants` are the literal arguments, which follow the others; for a `column` its name, for a
    `literal` its value. `said` is how a message names the operation.
    """

    name: str
    signature: Signature
    arguments: tuple[int, ...]
    constants: tuple[Constant, ...]
    said: str


_NUMBER = Signature(("number",), "number")
_TEXT = Signature(("text",), "text")
_TEST = Signature(("text", "text"), "boolean")
_COMPARED = Signature(("alike", "alike"), "boolean", compares=True)
_EXTREME = Signature(("result", "result"), "result", repeated=True, compares=True)
_ARITHMETIC = Signature(("number", "number"), "number")
_CONNECTED = Signature(("boolean", "boolean"), "boolean", repeated=True)
_MATCH = Signature(("text", "text"), "boolean", constants=True)
_IS = Signature(("boolean",), "boolean")

FUNCTIONS: dict[str, Signature] = {
    **dict.fromkeys(("abs", "ceil", "floor", "sqrt", "exp", "ln", "log10", "log2"), _NUMBER),
    "round": Signature(("number", "number"), "number", optional=1, constants=True),
    **dict.fromkeys(("power", "pow"), _ARITHMETIC),
    **dict.fromkeys(("least", "greatest"), _EXTREME),
    "coalesce": Signature(("result",), "result", repeated=True),
    "nullif": Signature(("result", "result"), "result", constants=True),
    "if": Signature(("boolean", "result", "result"), "result", optional=1),
    **dict.fromkeys(("lower", "upper", "trim"), _TEXT),
    "length": Signature(("text",), "number"),
    **dict.fromkeys(("substr", "substring"), Signature(("text", "number", "number"), "text", 1, constants=True)),
    **dict.fromkeys(("starts_with", "ends_with", "contains"), _TEST),
    "concat": Signature(("shown",), "text", repeated=True),
    "regexp_like": _MATCH,
}

OPERATORS: dict[str, Signature] = {
    **dict.fromkeys(("+", "-", "*", "/", "%"), _ARITHMETIC),
    "negative": _NUMBER,
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), _COMPARED),
    **dict.fromkeys(("is distinct from", "is not distinct from"), _COMPARED),
    **dict.fromkeys(("and", "or"), _CONNECTED),
    **dict.fromkeys(("not", "is true", "is false"), _IS),
    "is null": Signature(("any",), "boolean"),
    "between": Signature(("alike", "alike", "alike"), "boolean", compares=True),
    "in": Signature(("alike", "alike"), "boolean", repeated=True, constants=True),
    **dict.fromkeys(("like", "not like", "ilike", "not ilike"), _MATCH),
    "||": Signature(("shown", "shown"), "text"),
    "(": Signature(("result",), "result"),
    "cast double": Signature(("any",), "number"),
    "cast bigint": Signature(("any",), "number"),
    "cast text": Signature(("shown",), "text"),
    "null": Signature((), "result"),
    "column": Signature((), "result"),
}
COMPARISONS = frozenset(("=", "<>", "<", "<=", ">", ">="))
_LITERALS = {kind: Signature((), kind) for kind in ("number", "text", "boolean")}

# A node of sqlglot's tree: the operation that it is, and its parts that are arguments. `_SPECIAL` reads the rest.
_PAIR = ("this", "expression")
_SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "add": ("+", _PAIR),
    "sub": ("-", _PAIR),
    "mul": ("*", _PAIR),
    "div": ("/", _PAIR),
    "mod": ("%", _PAIR),
    "neg": ("negative", ("this",)),
    "eq": ("=", _PAIR),
    "neq": ("<>", _PAIR),
    "lt": ("<", _PAIR),
    "lte": ("<=", _PAIR),
    "gt": (">", _PAIR),
    "gte": (">=", _PAIR),
    "nullsafeneq": ("is distinct from", _PAIR),
    "nullsafeeq": ("is not distinct from", _PAIR),
    "and": ("and", _PAIR),
    "or": ("or", _PAIR),
    "not": ("not", ("this",)),
    "is": ("is", _PAIR),
    "between": ("between", ("this", "low", "high")),
    "in": ("in", ("this", "expressions")),
    "like": ("like", _PAIR),
    "ilike": ("ilike", _PAIR),
    "dpipe": ("||", _PAIR),
    "paren": ("(", ("this",)),
    "cast": ("cast", ("this", "to")),
    "case": ("case", ("ifs", "default")),
    "anonymous": ("call", ("expressions",)),
    "null": ("null", ()),
}
_SAID = {"(": "what stands in parentheses", "negative": "minus"}
_STRANGERS = {
    "tuple": "a list in parentheses stands after IN only: category IN ('a', 'b')",
    "star": "a * is a multiplication here. There is no sign for all columns",
    "alias": "AS stands in CAST(x AS double) only",
}


def read_operations(text: str) -> list[Operation]:
    """Return the operations of `text`, arguments before what uses them; the last one is the whole expression.

    Raises:
        ExpressionFault: for a text that is not an expression over one row.
    """
    pending = [(_parsed(text), 1)]
    found: list[tuple[exp.Expr, Operation, list[exp.Expr]]] = []
    while pending:
        node, depth = pending.pop()
        if depth > DEEPEST_TREE:
            raise too_deep()
        operation, parts = _read_node(node)
        found.append((node, operation, parts))
        pending += [(part, depth + 1) for part in parts]
    found.reverse()
    places = {id(node): place for place, (node, _, _) in enumerate(found)}
    return [replace(operation, arguments=tuple(places[id(part)] for part in parts)) for _, operation, parts in found]


def _parsed(text: str) -> exp.Expr:
    tokens = admit(text, FUNCTIONS)
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import ParseError  # noqa: PLC0415

    try:
        trees = _dialect().parser().parse_into(exp.Condition, tokens, text)
    except RecursionError as fault:
        raise too_deep() from fault
    except ParseError as fault:
        place = fault.errors[0]
        near = shown(f"{str(place.get('start_context') or '')[-20:]}{place.get('highlight') or ''}")
        msg = f"not understood near '{near}'. Expected one condition or value, such as price >= 10 AND category = 'Books'."
        raise ExpressionFault(msg) from fault
    if len(trees) != 1 or trees[0] is None:
        msg = f"'{shown(text)}' is not one expression. Expected a condition or value such as price >= 10."
        raise ExpressionFault(msg)
    return trees[0]


@cache
def _dialect() -> Dialect:
    """Return SQL with every call left as it is written, so that `FUNCTIONS` alone gives names a meaning."""
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415
    from sqlglot.parser import Parser as Whole  # noqa: PLC0415

    class Plain(Dialect):
        class Parser(Whole):
            FUNCTIONS = {}  # noqa: RUF012  (sqlglot's own way to set up a dialect)
            NO_PAREN_FUNCTIONS = {}  # noqa: RUF012
            FUNCTION_PARSERS = {"CAST": Whole.FUNCTION_PARSERS["CAST"]}  # noqa: RUF012
            NO_PAREN_FUNCTION_PARSERS = {"CASE": Whole.NO_PAREN_FUNCTION_PARSERS["CASE"]}  # noqa: RUF012

    return Plain()


def _read_node(node: exp.Expr) -> tuple[Operation, list[exp.Expr]]:
    """Return the operation that `node` is, its arguments still to be placed, and the nodes of these arguments."""
    if node.key == "column":
        return _column(node), []
    if node.key in {"literal", "boolean"}:
        value = _constant(node, "an expression")
        return Operation("literal", _LITERALS[kind_of(value)], (), (value,), shown(str(node.args["this"]), 30)), []
    name, parts = _named_parts(node)
    signature = _signature(name, len(parts))
    said = f"{name}(…)" if name in FUNCTIONS else _SAID.get(name, name.upper())
    if name in COMPARISONS and any(part.key == "null" for part in parts):
        msg = f"{said} with NULL is never true. Write x IS NULL or x IS NOT NULL."
        raise ExpressionFault(msg)
    constants = parts[1:] if signature.constants else []
    values = tuple(_constant(part, said) for part in constants)
    _check_constants(name, values)
    return Operation(name, signature, (), values, said), parts[: len(parts) - len(constants)]


def _named_parts(node: exp.Expr) -> tuple[str, list[exp.Expr]]:
    """Return an operation's name and argument nodes; a part of the node that nobody reads is a fault."""
    if node.key not in _SHAPES:
        reason = _STRANGERS.get(node.key, "expected columns, numbers, 'texts', operators and functions")
        msg = f"'{node.key}' has no place in an expression: {reason}."
        raise ExpressionFault(msg)
    name, slots = _SHAPES[node.key]
    given: dict[str, Any] = {slot: value for slot, value in node.args.items() if value and slot != "safe"}
    called = str(given.pop("this")).lower() if name == "call" else ""
    negated = "not " if given.pop("negate", False) else ""
    parts: list[exp.Expr] = []
    for slot in slots:
        value = given.pop(slot, [])
        parts += value if isinstance(value, list) else [value]
    if given:
        usage = {"in": "category IN ('a', 'b')", "case": "CASE WHEN x = 1 THEN a ELSE b END"}.get(name, f"a plain {name.upper()}")
        msg = f"{name.upper()} is written in a way that is not known here ({', '.join(given)}). Write {usage}."
        raise ExpressionFault(msg)
    match name:
        case "call":
            return called, parts
        case "is":
            return _is(parts)
        case "cast":
            return _cast(parts)
        case "case":
            return name, [part for choice in parts for part in _choice(choice)]
        case "and" | "or":
            return name, list(node.flatten(unnest=False))
        case _:
            return negated + name, parts


def _is(parts: list[exp.Expr]) -> tuple[str, list[exp.Expr]]:
    key = parts[1].key
    if key not in {"null", "boolean"}:
        msg = "IS takes NULL, TRUE or FALSE. Compare values with =."
        raise ExpressionFault(msg)
    return f"is {'null' if key == 'null' else str(parts[1].args['this']).lower()}", parts[:1]


def _cast(parts: list[exp.Expr]) -> tuple[str, list[exp.Expr]]:
    name = f"cast {parts[1].args['this'].name.lower()}"
    if name not in OPERATORS or parts[1].args.get("expressions"):
        msg = "CAST to another type than double, int or text. Write CAST(x AS double), for instance."
        raise ExpressionFault(msg)
    return name, parts[:1]


def _choice(node: exp.Expr) -> list[exp.Expr]:
    """Return the condition and the value of a WHEN; of the ELSE its value."""
    return [node.args["this"], node.args["true"]] if node.key == "if" else [node]


def _signature(name: str, count: int) -> Signature:
    if name == "case":
        return Signature(("boolean", "result") * (count // 2) + ("result",) * (count % 2), "result")
    signature = FUNCTIONS.get(name) or OPERATORS[name]
    most = len(signature.takes)
    fewest = most - signature.optional
    if count < fewest or (count > most and not signature.repeated):
        expected = f"{fewest} or more" if signature.repeated else str(most) if fewest == most else f"{fewest} or {most}"
        msg = f"{name}(…) with {count} argument{'s' * (count != 1)}, expected {expected}."
        raise ExpressionFault(msg)
    return signature


def _column(node: exp.Expr) -> Operation:
    identifier: Any = node.args["this"]
    name = str(identifier.args["this"])
    if [slot for slot, value in node.args.items() if value] != ["this"] or not name:
        msg = "a column is written as its bare name, in double quotes where it has spaces or signs."
        raise ExpressionFault(msg)
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        msg = f"a column named '{shown(name)}', which Polars takes for many columns. Rename it under sources.columns."
        raise ExpressionFault(msg)
    return Operation("column", OPERATORS["column"], (), (name,), name)


def kind_of(value: Constant) -> Literal["number", "text", "boolean"]:
    """Return the kind of a literal's value."""
    return "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _constant(node: exp.Expr, said: str) -> Constant:
    """Return the value of a literal, a number as a float."""
    if node.key == "neg" and (inner := node.args["this"]).key == "literal" and not inner.is_string:
        return -_number(str(inner.args["this"]))
    if node.key == "boolean":
        return bool(node.args["this"])
    if node.key == "literal":
        text = str(node.args["this"])
        return text if node.is_string else _number(text)
    found = "NULL" if node.key == "null" else "a value that changes from row to row"
    msg = f"{found} in {said}, where a number or a 'text' written out is expected."
    raise ExpressionFault(msg)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or (text.isdecimal() and int(text) != value):
        msg = f"{shown(text)} is more than a number can hold exactly. Compare it as text: CAST(x AS text) = '{shown(text)}'."
        raise ExpressionFault(msg)
    return value


def _check_constants(name: str, values: tuple[Constant, ...]) -> None:
    match name, values:
        case "round", (digits,) if not _whole(digits, 0, _MOST_DECIMALS):
            msg = f"round(…) to {digits} decimals, expected a whole number of them from 0 to {_MOST_DECIMALS}."
        case ("substr" | "substring"), (start, *length) if not (_whole(start, 1) and all(_whole(n, 0) for n in length)):
            found = ", ".join(str(value) for value in values)
            msg = f"{name}(…, {found}), expected the first character (from 1) and how many: substr(title, 1, 10)."
        case "regexp_like", (pattern,) if (reason := _regex_fault(pattern)) is not None:
            msg = f"'{shown(str(pattern))}' is no pattern: {reason}. Expected a regular expression of Rust's regex crate."
        case _:
            return
    raise ExpressionFault(msg)


def _whole(value: Constant, least: int, most: int = 2**31 - 1) -> bool:
    return isinstance(value, float) and value.is_integer() and least <= value <= most


def _regex_fault(pattern: Constant) -> str | None:
    """Compile a pattern where it will run (Polars), which also bounds its size; return what is wrong with it."""
    import polars as pl  # noqa: PLC0415  (only a pattern needs it here)

    try:
        pl.select(pl.lit("").str.contains(str(pattern)))
    except pl.exceptions.ComputeError as fault:
        lines = str(fault).split("\n\n")[0].splitlines()
        return shown(lines[-1].removeprefix("error: ").removeprefix("regex error: ").rstrip("."), 120)
    return None
