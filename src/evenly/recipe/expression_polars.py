"""Checked operations as Polars expressions; what they mean is written at the top of `evenly.recipe.expression`.

Nothing here looks at a row twice: each argument is used once in what is built, so that the size of the Polars expression
stays in proportion to the text (an argument used twice doubles it with every level).
"""

from __future__ import annotations

import functools
import math
import operator
import re
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evenly.recipe.expression_grammar import Operation

_INFINITE = (math.inf, -math.inf, math.nan)
_TRUTH = {"true": True, "false": False, "1": True, "0": False}
_DTYPES = {"number": pl.Float64, "text": pl.String, "boolean": pl.Boolean}


def build(operations: Sequence[Operation], kinds: Sequence[str]) -> pl.Expr:
    """Return the Polars expression of the last of `operations`, whose kinds are `kinds` (boolean, number, text, unknown)."""
    built: list[pl.Expr] = []
    for operation, kind in zip(operations, kinds, strict=True):
        if operation.name == "column":
            built.append(_column(str(operation.constants[0]), kind))
        elif operation.name == "null":
            built.append(pl.lit(None, dtype=_DTYPES.get(kind)))
        else:
            wants = operation.signature.wants(len(operation.arguments))
            arguments = [
                _as_text(built[place], kinds[place]) if want == "shown" else built[place]
                for place, want in zip(operation.arguments, wants, strict=True)
            ]
            built.append(BUILDERS[operation.name](*arguments, *operation.constants))
    return built[-1].cast(pl.Int64, strict=False) if operations[-1].name == "cast bigint" else built[-1]


def _finite(value: pl.Expr) -> pl.Expr:
    """Make NULL of what is not finite: Polars holds a NaN above every number, so that `ln(-1) > 2` would be true."""
    return value.replace(_INFINITE, None)


def _as_number(value: pl.Expr) -> pl.Expr:
    return _finite(value.cast(pl.Float64, strict=False))


def _as_text(value: pl.Expr, kind: str) -> pl.Expr:
    shown = value.cast(pl.String)
    return shown.replace("-0.0", "0").str.strip_suffix(".0") if kind == "number" else shown


def _column(name: str, kind: str) -> pl.Expr:
    column = pl.col(name)
    match kind:
        case "number":
            return _as_number(column)
        case "text":
            return column.cast(pl.String)
        case "boolean":
            lowered = column.cast(pl.String).str.to_lowercase()
            return lowered.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
        case _:
            return column


def _case(*parts: pl.Expr) -> pl.Expr:
    """Take condition, value, condition, value, …, and perhaps a last value for when no condition is true."""
    chain: Any = pl
    for condition, value in zip(parts[::2], parts[1::2], strict=False):
        chain = chain.when(condition).then(value)
    return chain.otherwise(parts[-1] if len(parts) % 2 else None)


def _like(text: pl.Expr, pattern: str, *, flags: str) -> pl.Expr:
    """Match the whole of a text: % is any run of characters, _ any one, line breaks included."""
    signs = {"%": ".*", "_": "."}
    body = "".join(signs.get(character) or re.escape(character) for character in pattern)
    return text.str.contains(rf"(?{flags})\A{body}\z")


def _substring(text: pl.Expr, start: float, length: float | None = None) -> pl.Expr:
    return text.str.slice(int(start) - 1, None if length is None else int(length))


def _arithmetic(calculate: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Callable[..., pl.Expr]:
    return lambda left, right: _finite(calculate(left, right))


def _concatenated(*texts: pl.Expr) -> pl.Expr:
    return pl.concat_str(texts, ignore_nulls=True)


_like_case = functools.partial(_like, flags="s")
_like_any_case = functools.partial(_like, flags="si")
_whole: Callable[..., pl.Expr] = lambda x: _as_number(x).cast(pl.Int64, strict=False).cast(pl.Float64)  # noqa: E731

BUILDERS: dict[str, Callable[..., pl.Expr]] = {
    "literal": pl.lit,
    "(": lambda x: x,
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "%": _arithmetic(operator.mod),
    "power": _arithmetic(pl.Expr.pow),
    "pow": _arithmetic(pl.Expr.pow),
    "negative": operator.neg,
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "is distinct from": pl.Expr.ne_missing,
    "is not distinct from": pl.Expr.eq_missing,
    "between": pl.Expr.is_between,
    "in": lambda x, *values: x.is_in(list(values)),
    "and": lambda *conditions: pl.all_horizontal(*conditions),
    "or": lambda *conditions: pl.any_horizontal(*conditions),
    "not": operator.invert,
    "is null": pl.Expr.is_null,
    "is true": lambda x: x.fill_null(value=False),
    "is false": lambda x: ~x.fill_null(value=True),
    "like": _like_case,
    "not like": lambda x, pattern: ~_like_case(x, pattern),
    "ilike": _like_any_case,
    "not ilike": lambda x, pattern: ~_like_any_case(x, pattern),
    "||": lambda x, y: pl.concat_str(x, y),
    "case": _case,
    "if": _case,
    "cast double": _as_number,
    "cast bigint": _whole,
    "cast text": lambda x: x,
    "abs": pl.Expr.abs,
    "ceil": pl.Expr.ceil,
    "floor": pl.Expr.floor,
    "round": lambda x, digits=0.0: x.round(int(digits), mode="half_to_even"),
    "sqrt": lambda x: _finite(x.sqrt()),
    "exp": lambda x: _finite(x.exp()),
    "ln": lambda x: _finite(x.log()),
    "log10": lambda x: _finite(x.log10()),
    "log2": lambda x: _finite(x.log(2)),
    "least": lambda *values: pl.min_horizontal(*values),
    "greatest": lambda *values: pl.max_horizontal(*values),
    "coalesce": lambda *values: pl.coalesce(*values),
    "nullif": lambda x, value: x.replace(value, None),
    "lower": lambda x: x.str.to_lowercase(),
    "upper": lambda x: x.str.to_uppercase(),
    "trim": lambda x: x.str.strip_chars(),
    "length": lambda x: x.str.len_chars().cast(pl.Float64),
    "substr": _substring,
    "substring": _substring,
    "starts_with": lambda x, prefix: x.str.starts_with(prefix),
    "ends_with": lambda x, suffix: x.str.ends_with(suffix),
    "contains": lambda x, part: x.str.contains(part, literal=True),
    "concat": _concatenated,
    "regexp_like": lambda x, pattern: x.str.contains(pattern),
}
