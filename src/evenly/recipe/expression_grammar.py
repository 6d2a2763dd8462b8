"""The second gate of an expression: its grammar, read into allowed operations and nothing else.

A node of sqlglot's tree that `_SHAPES` does not list, or that carries a part nobody reads, is a fault. What passes is a
flat list of `Operation`, in which nothing of sqlglot is left.

sqlglot takes a third of a second to import and is imported by the first expression that is read.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from evenly.recipe.expression_operations import (
    COMPARISONS,
    FUNCTIONS,
    OPERATORS,
    Constant,
    Operation,
    Signature,
    kind_of,
)
from evenly.recipe.expression_words import DEEPEST_TREE, ExpressionError, admit, shown, too_deep

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.dialects.dialect import Dialect

_MOST_DECIMALS = 15

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
_USAGES = {"in": "category IN ('a', 'b')", "case": "CASE WHEN x = 1 THEN a ELSE b END"}
_STRANGERS = {
    "tuple": "a list in parentheses stands after IN only: category IN ('a', 'b')",
    "star": "a * is a multiplication here. There is no sign for all columns",
    "alias": "AS stands in CAST(x AS double) only",
}


def read_operations(text: str) -> list[Operation]:
    """Return the operations of `text`, arguments before what uses them; the last one is the whole expression.

    Raises:
        ExpressionError: for a text that is not an expression over one row.
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
        msg = f"not understood near: {near}  Expected a condition or value, such as price >= 10 AND category = 'Books'."
        raise ExpressionError(msg) from fault
    if len(trees) != 1 or trees[0] is None:
        msg = f"'{shown(text)}' is not one expression. Expected a condition or value such as price >= 10."
        raise ExpressionError(msg)
    return trees[0]


@cache
def _dialect() -> Dialect:
    """Return SQL with every call left as it is written, so that `FUNCTIONS` alone gives names a meaning."""
    from sqlglot import parser  # noqa: PLC0415
    from sqlglot.dialects.dialect import Dialect  # noqa: PLC0415

    whole: Any = parser.Parser

    class EvenlyExpression(Dialect):
        class Parser(parser.Parser):
            FUNCTIONS: ClassVar[dict[str, Any]] = {}
            NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
            FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CAST": whole.FUNCTION_PARSERS["CAST"]}
            NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": whole.NO_PAREN_FUNCTION_PARSERS["CASE"]}

    return EvenlyExpression()


def _read_node(node: exp.Expr) -> tuple[Operation, list[exp.Expr]]:
    """Return the operation that `node` is, its arguments still to be placed, and the nodes of these arguments."""
    if node.key == "column":
        return _column(node), []
    if node.key in {"literal", "boolean"}:
        value = _constant(node, "an expression")
        return Operation("literal", Signature((), kind_of(value)), (), (value,), shown(str(node.args["this"]), 30)), []
    name, parts = _named_parts(node)
    signature = _signature(name, len(parts))
    said = f"{name}(…)" if name in FUNCTIONS else _SAID.get(name, name.upper())
    if name in COMPARISONS and any(part.key == "null" for part in parts):
        msg = f"{said} with NULL is never true. Write x IS NULL or x IS NOT NULL."
        raise ExpressionError(msg)
    constants = parts[1:] if signature.constants else []
    values = tuple(_constant(part, said) for part in constants)
    _check_constants(name, values)
    return Operation(name, signature, (), values, said), parts[: len(parts) - len(constants)]


def _named_parts(node: exp.Expr) -> tuple[str, list[exp.Expr]]:
    """Return an operation's name and argument nodes; a part of the node that nobody reads is a fault."""
    if node.key not in _SHAPES:
        reason = _STRANGERS.get(node.key, "expected columns, numbers, 'texts', operators and functions")
        msg = f"'{node.key}' has no place in an expression: {reason}."
        raise ExpressionError(msg)
    name, slots = _SHAPES[node.key]
    given: dict[str, Any] = {slot: value for slot, value in node.args.items() if value and slot != "safe"}
    called = str(given.pop("this")).lower() if name == "call" else ""
    negated = "not " if given.pop("negate", False) else ""
    parts: list[exp.Expr] = []
    for slot in slots:
        value = given.pop(slot, [])
        parts += value if isinstance(value, list) else [value]
    if given:
        usage = _USAGES.get(name, f"a plain {name.upper()}")
        msg = f"{name.upper()} is written in a way that is not known here ({', '.join(given)}). Write {usage}."
        raise ExpressionError(msg)
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
        raise ExpressionError(msg)
    return f"is {'null' if key == 'null' else str(parts[1].args['this']).lower()}", parts[:1]


def _cast(parts: list[exp.Expr]) -> tuple[str, list[exp.Expr]]:
    name = f"cast {parts[1].args['this'].name.lower()}"
    if name not in OPERATORS or parts[1].args.get("expressions"):
        msg = "CAST to another type than double, int or text. Write CAST(x AS double), for instance."
        raise ExpressionError(msg)
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
        raise ExpressionError(msg)
    return signature


def _column(node: exp.Expr) -> Operation:
    identifier: Any = node.args["this"]
    name = str(identifier.args["this"])
    if [slot for slot, value in node.args.items() if value] != ["this"] or not name:
        msg = "a name of several parts. Write a column as its bare name, in double quotes where it has spaces or signs."
        raise ExpressionError(msg)
    if name == "*" or (name.startswith("^") and name.endswith("$")):
        msg = f"a column named '{shown(name)}', which Polars takes for many columns. Rename it under sources.columns."
        raise ExpressionError(msg)
    return Operation("column", OPERATORS["column"], (), (name,), name)


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
    msg = f"{found} in {said}, expected a number or a 'text' written out."
    raise ExpressionError(msg)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or (text.isdecimal() and int(text) != value):
        found = shown(text)
        msg = f"{found} is more than a number can hold exactly. Compare it as text: CAST(x AS text) = '{found}'."
        raise ExpressionError(msg)
    return value


def _check_constants(name: str, values: tuple[Constant, ...]) -> None:
    match name, values:
        case "round", (digits,) if not _whole(digits, 0, _MOST_DECIMALS):
            msg = f"round(…) to {digits} decimals, expected a whole number of them from 0 to {_MOST_DECIMALS}."
        case (("substr" | "substring"), (start, *rest)) if not _whole(start, 1) or not all(_whole(n, 0) for n in rest):
            found = ", ".join(str(value) for value in values)
            msg = f"{name}(…, {found}), expected the first character (from 1) and how many: substr(title, 1, 10)."
        case "regexp_like", (pattern,) if (reason := _regex_fault(pattern)) is not None:
            msg = f"'{shown(str(pattern))}' is no pattern: {reason}. Expected a regular expression as Rust reads it."
        case _:
            return
    raise ExpressionError(msg)


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
