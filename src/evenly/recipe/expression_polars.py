"""Checked operations as Polars expressions; what they mean is written at the top of `evenly.recipe.expression`.

Each argument is used once in what is built, so that the size of the Polars expression stays in proportion to the text:
an argument used twice would double it with every level.
"""

from __future__ import annotations

import math
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
    """Return the Polars expression of the last of `operations`; `kinds` are boolean, number, text or unknown."""
    anchor = next((str(operation.constants[0]) for operation in operations if operation.name == "column"), None)
    built: list[pl.Expr] = []
    per_row: list[bool] = []  # whether the value has one entry per row, or one for all
    for operation, kind in zip(operations, kinds, strict=True):
        places = operation.arguments
        arguments = _arguments(operation, [built[place] for place in places], [kinds[place] for place in places])
        may_be_one = operation.name == "/" or (operation.name == "%" and not per_row[places[1]])
        spread = may_be_one and anchor is not None
        if spread and anchor is not None:
            arguments[1] = _spread(arguments[1], anchor)
        per_row.append(spread or operation.name == "column" or any(per_row[place] for place in places))
        built.append(_built(operation, kind, arguments))
    last = built[-1].cast(pl.Int64, strict=False) if operations[-1].name == "cast bigint" else built[-1]
    return last if anchor is None or operations[-1].name == "column" else _every_row(last, anchor)


def _arguments(operation: Operation, built: list[pl.Expr], kinds: list[str]) -> list[pl.Expr]:
    wants = operation.signature.wants(len(built))
    return [
        _as_text(value, kind) if want == "shown" else value
        for value, kind, want in zip(built, kinds, wants, strict=True)
    ]


def _built(operation: Operation, kind: str, arguments: list[pl.Expr]) -> pl.Expr:
    if operation.name == "column":
        return _column(str(operation.constants[0]), kind)
    if operation.name == "null":
        return pl.lit(None, dtype=_DTYPES.get(kind))
    return BUILDERS[operation.name](*arguments, *operation.constants)


def _spread(constant: pl.Expr, anchor: str) -> pl.Expr:
    """Give a divisor one entry per row, by adding a zero that the column `anchor` gives for every row.

    Polars divides by a single value by multiplying with its reciprocal, which is off in the last bit: 49 % 49 is 49.
    It makes one of `coalesce(1.5, x)` as well, whose column says nothing.
    """
    return constant + pl.col(anchor).is_null().is_null().cast(pl.Float64)


def _every_row(value: pl.Expr, anchor: str) -> pl.Expr:
    """Give one entry per row, whatever the data, by a test of the column `anchor` that is true of every row.

    Polars 2.1 gives one entry in all for `lit == when(m).then(column).otherwise(lit)` where m is false of every row.
    """
    return pl.when(pl.col(anchor).is_null().is_not_null()).then(value)


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


def _like(text: pl.Expr, pattern: str, *, flags: str = "s") -> pl.Expr:
    """Match the whole of a text: % is any run of characters, _ any one, line breaks included."""
    signs = {"%": ".*", "_": "."}
    body = "".join(signs.get(character) or re.escape(character) for character in pattern)
    return text.str.contains(rf"(?{flags})\A{body}\z")


def _substring(text: pl.Expr, start: float, length: float | None = None) -> pl.Expr:
    return text.str.slice(int(start) - 1, None if length is None else int(length))


def _round(number: pl.Expr, decimals: float = 0) -> pl.Expr:
    return number.round(int(decimals), mode="half_to_even")


def _null_if(value: pl.Expr, constant: float | str | bool) -> pl.Expr:  # noqa: FBT001  (a value of the data, no switch)
    return value.replace(constant, None)


def _is_in(value: pl.Expr, *constants: float | str | bool) -> pl.Expr:
    return value.is_in(constants)


def _concat(*texts: pl.Expr) -> pl.Expr:
    return pl.concat_str(texts, ignore_nulls=True)


def _whole(value: pl.Expr) -> pl.Expr:
    """Cut a number towards zero; what is beyond Int64 is NULL."""
    return _as_number(value).cast(pl.Int64, strict=False).cast(pl.Float64)


_OF_ONE: dict[str, Callable[[pl.Expr], pl.Expr]] = {
    "(": lambda x: x,
    "negative": pl.Expr.neg,
    "not": pl.Expr.not_,
    "is null": pl.Expr.is_null,
    "is true": lambda x: x.fill_null(value=False),
    "is false": lambda x: x.fill_null(value=True).not_(),
    "cast double": _as_number,
    "cast bigint": _whole,
    "cast text": lambda x: x,
    "abs": pl.Expr.abs,
    "ceil": pl.Expr.ceil,
    "floor": pl.Expr.floor,
    "sqrt": lambda x: _finite(x.sqrt()),
    "exp": lambda x: _finite(x.exp()),
    "ln": lambda x: _finite(x.log()),
    "log10": lambda x: _finite(x.log10()),
    "log2": lambda x: _finite(x.log(2)),
    "lower": lambda x: x.str.to_lowercase(),
    "upper": lambda x: x.str.to_uppercase(),
    "trim": lambda x: x.str.strip_chars(),
    "length": lambda x: x.str.len_chars().cast(pl.Float64),
}
_OF_TWO: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": lambda x, y: _finite(x + y),
    "-": lambda x, y: _finite(x - y),
    "*": lambda x, y: _finite(x * y),
    "/": lambda x, y: _finite(x / y),
    "%": lambda x, y: _finite(x % y),
    **dict.fromkeys(("power", "pow"), lambda x, y: _finite(x.pow(y))),
    "=": pl.Expr.eq,
    "<>": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
    "is distinct from": pl.Expr.ne_missing,
    "is not distinct from": pl.Expr.eq_missing,
    "starts_with": lambda x, prefix: x.str.starts_with(prefix),
    "ends_with": lambda x, suffix: x.str.ends_with(suffix),
    "contains": lambda x, part: x.str.contains(part, literal=True),
}
_OF_ANY_NUMBER: dict[str, Callable[..., pl.Expr]] = {
    "between": pl.Expr.is_between,
    "and": pl.all_horizontal,
    "or": pl.any_horizontal,
    "case": _case,
    "if": _case,
    "least": pl.min_horizontal,
    "greatest": pl.max_horizontal,
    "coalesce": pl.coalesce,
    "concat": _concat,
    "||": pl.concat_str,
}
_WITH_CONSTANTS: dict[str, Callable[..., pl.Expr]] = {
    "literal": pl.lit,
    "in": _is_in,
    "nullif": _null_if,
    "round": _round,
    **dict.fromkeys(("substr", "substring"), _substring),
}
_WITH_PATTERN: dict[str, Callable[[pl.Expr, str], pl.Expr]] = {
    "like": _like,
    "not like": lambda text, pattern: _like(text, pattern).not_(),
    "ilike": lambda text, pattern: _like(text, pattern, flags="si"),
    "not ilike": lambda text, pattern: _like(text, pattern, flags="si").not_(),
    "regexp_like": lambda text, pattern: text.str.contains(pattern),
}
BUILDERS: dict[str, Callable[..., pl.Expr]] = {
    **_OF_ONE,
    **_OF_TWO,
    **_OF_ANY_NUMBER,
    **_WITH_CONSTANTS,
    **_WITH_PATTERN,
}
