"""The first gate of an expression: its words and signs, looked at before any grammar is.

A name in front of a parenthesis must be a known function, every sign must be one of a short list, and any other word
becomes a plain column name (so that `date` and `order` can be columns). sqlglot's parser therefore never meets
`SELECT`, `FROM` or `OVER`, and never tries a nest of type names one way and then the other, which takes it exponential
time.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from evenly.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlglot.tokenizer_core import Token, TokenType

LONGEST = 4_000  # characters
DEEPEST = 24  # parentheses and CASE inside one another: sqlglot's parser takes about 22 stack frames for each

DEEPEST_TREE = 64  # operations under one another: Polars' time grows with the square of it


class ExpressionError(ValueError):
    """A text that is no expression; its message is one line: what was found, what was expected, what to do."""


_KEYWORDS = frozenset(
    "AND OR NOT IN BETWEEN IS NULL TRUE FALSE LIKE ILIKE CASE WHEN THEN ELSE END CAST AS".split()  # noqa: SIM905
)
_SIGNS = frozenset(
    "L_PAREN R_PAREN COMMA PLUS DASH STAR SLASH MOD DPIPE EQ NEQ LT LTE GT GTE NUMBER STRING IDENTIFIER".split()  # noqa: SIM905
)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_TYPES = {
    **dict.fromkeys(("DOUBLE", "FLOAT", "REAL"), "DOUBLE"),
    **dict.fromkeys(("INT", "INTEGER", "BIGINT"), "BIGINT"),
    **dict.fromkeys(("TEXT", "VARCHAR", "STRING"), "TEXT"),
}

# What people write out of habit: the names, and why they are refused.
_AGGREGATE = (
    "is an aggregate: it looks at all rows, an expression at one. "
    "Under balance, `stats` names such a number, for weight and take_all; elsewhere write the number itself"
)
_CLOCK = "reads a clock, so that no two runs would agree. Write the moment itself as text: '2024-01-31'"
_WINDOW = "is a window: it looks at other rows, an expression at one. Rank or number the rows before Evenly reads them"
_SUBQUERY = "begins a subquery; an expression looks at one row. Write the values out: category IN ('a', 'b')"
_FILE = "reads a file or a table; an expression looks at one row. Name the file under sources"
_RANDOM = "is random, a selection is not. The draw takes its chance from the recipe's seed"
_CLOCKS = "current_date current_time current_timestamp localtime localtimestamp"
HABITS = (
    ("sum avg mean count median mode any_value array_agg list string_agg group_concat corr", _AGGREGATE),
    ("std stddev stddev_pop stddev_samp var variance var_pop var_samp quantile quantile_cont", _AGGREGATE),
    ("percentile_cont bool_and bool_or approx_count_distinct", _AGGREGATE),
    ("min", f"{_AGGREGATE}. The smaller of two values is least(a, b)"),
    ("max", f"{_AGGREGATE}. The greater of two values is greatest(a, b)"),
    (f"{_CLOCKS} now today getdate sysdate clock_timestamp unix_timestamp", _CLOCK),
    ("over rank dense_rank percent_rank row_number ntile lag lead first last first_value last_value", _WINDOW),
    ("nth_value cume_dist", _WINDOW),
    ("select exists any all some unnest", _SUBQUERY),
    ("glob parquet_scan sniff_csv load_file openrowset table getenv", _FILE),
    ("random rand uuid gen_random_uuid newid setseed", _RANDOM),
    ("log", "means base e to some and base 10 to others. Write ln(x), log10(x) or log2(x)"),
    ("ifnull nvl", "goes by another name here: coalesce(a, b)"),
    ("len char_length", "goes by another name here: length(text)"),
    ("iif", "goes by another name here: if(condition, a, b)"),
    ("mod", "goes by another name here: a % b"),
)
_REFUSED_CALLS = {name: reason for names, reason in HABITS for name in names.split()}
_REFUSED_WORDS = {"select": _SUBQUERY, **dict.fromkeys(_CLOCKS.split(), _CLOCK)}
_REFUSED_SIGNS = {
    ";": "an expression is one statement. Make each a step of its own",
    ".": "a column stands without a table, a number as 0.5. A name with a point in it takes double quotes",
    "::": "a conversion is written CAST(x AS double)",
    "^": "a power is written power(x, y)",
    "&": "both conditions is written a AND b",
    "|": "either condition is written a OR b",
    "`": "a name is quoted with double quotes",
    **dict.fromkeys("?:@$", "there are no parameters. Write the value"),
    "[": "there are no lists to look into. Derive a column of the value first",
    "{": "there are no templates or objects. Write the value",
    "->": "there are no objects or functions within functions. Derive a column of the value first",
    "~": "a pattern is tested with regexp_like(text, 'pattern')",
}


def admit(text: str, functions: Collection[str]) -> list[Token]:
    """Return the tokens of `text`, each a number, a text, a name, a keyword of this small language or a sign of it.

    `functions` are the names (lower case) that may be called.

    Raises:
        ExpressionError: for anything else, and for a text that is empty, too long or too deeply nested.
    """
    from sqlglot.errors import TokenError  # noqa: PLC0415  (sqlglot takes a third of a second to import)
    from sqlglot.tokens import Tokenizer  # noqa: PLC0415

    if len(text) > LONGEST:
        msg = f"an expression of {len(text):,} characters, expected at most {LONGEST:,}. Derive parts of it first."
        raise ExpressionError(msg)
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        msg = f"{shown(text)} holds half a character (a lone surrogate), expected whole ones. Write the text again."
        raise ExpressionError(msg)
    try:
        tokens = Tokenizer().tokenize(text)
    except TokenError as fault:
        msg = f"{shown(text)} ends inside quotes or a comment. Put text in 'single' quotes, names in \"double\" ones."
        raise ExpressionError(msg) from fault
    if any(token.comments for token in tokens) or not tokens:
        msg = "an expression without comments is expected. Note that -- and /* begin one; minus a negative is a - (-b)."
        raise ExpressionError(
            msg if text.strip() else "an empty text, expected a condition or value such as price >= 10."
        )
    _check_nesting(tokens)
    _check_neighbours(tokens, text)
    after = [*(token.token_type.name for token in tokens[1:]), ""]
    before = ["", *(token.text.upper() for token in tokens[:-1])]
    return [
        _type(token) if left == "AS" else _admitted(token, _source(token, text), functions, called=right == "L_PAREN")
        for left, token, right in zip(before, tokens, after, strict=True)
    ]


def shown(text: str, length: int = 60) -> str:
    """Return `text` for a message: on one line and not longer than `length` characters."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def too_deep() -> ExpressionError:
    """Return the fault of an expression with too much inside one another."""
    return ExpressionError(
        f"nested too deeply: expected at most {DEEPEST} parentheses or CASE, and {DEEPEST_TREE} operations, inside one "
        "another (AND and OR are free). For one of many values write IN (…), else derive parts as columns first."
    )


def _check_nesting(tokens: list[Token]) -> None:
    depth = 0
    for token in tokens:
        depth += {"L_PAREN": 1, "CASE": 1, "R_PAREN": -1, "END": -1}.get(token.token_type.name, 0)
        if depth > DEEPEST:
            raise too_deep()


def _check_neighbours(tokens: list[Token], text: str) -> None:
    """Refuse two texts side by side: SQL would join them, and what is missing is a comma."""
    for left, right in itertools.pairwise(tokens):
        if left.token_type.name == right.token_type.name == "STRING":
            found = shown(text[left.start : right.end + 1])
            msg = f"two texts side by side at {found}. Put a comma between them, or || to join them."
            raise ExpressionError(msg)


def _source(token: Token, text: str) -> str:
    return text[token.start : token.end + 1]


def _type(token: Token) -> Token:
    """Take the word after AS as one of three types."""
    from sqlglot.tokenizer_core import TokenType  # noqa: PLC0415

    known = _TYPES.get(token.text.upper())
    if known is None:
        near = did_you_mean(token.text.lower(), [name.lower() for name in _TYPES])
        msg = f"'{shown(token.text)}' is no type of CAST. Expected double, int or text.{near}"
        raise ExpressionError(msg)
    return _retyped(token, TokenType[known])


def _admitted(token: Token, source: str, functions: Collection[str], *, called: bool) -> Token:
    from sqlglot.tokenizer_core import TokenType  # noqa: PLC0415

    if token.token_type.name == "NUMBER" and not _NUMBER.fullmatch(source):
        msg = f"{shown(source)} is no number. Expected one such as 12, 0.5 or 1e6."
        raise ExpressionError(msg)
    if token.token_type.name in _SIGNS:
        if called and token.token_type.name == "IDENTIFIER":
            msg = f'a call of "{shown(token.text)}", a quoted name. Write a function without quotes.'
            raise ExpressionError(msg)
        return token
    if not source.isidentifier():
        raise ExpressionError(_sign_message(source))
    name = source.lower()
    if name.upper() in _KEYWORDS and (name != "cast" or called):
        return token
    if called and name not in functions:
        raise ExpressionError(_call_message(name, functions))
    if not called and name in _REFUSED_WORDS:
        msg = f"'{source}' {_REFUSED_WORDS[name]}. Write \"{source}\" for a column of that name."
        raise ExpressionError(msg)
    return _retyped(token, TokenType.VAR)


def _retyped(token: Token, token_type: TokenType) -> Token:
    return type(token)(token_type, token.text, token.line, token.col, token.start, token.end)


def _sign_message(source: str) -> str:
    reason = _REFUSED_SIGNS.get(source) or _REFUSED_SIGNS.get(
        source[:1], "expected columns, numbers, 'texts' and functions"
    )
    return f"'{shown(source)}' has no place in an expression: {reason}."


def _call_message(name: str, functions: Collection[str]) -> str:
    reason = _REFUSED_CALLS.get(name) or (_FILE if name.startswith(("read_", "scan_")) else None)
    if reason is not None:
        return f"{shown(name)}(…) {reason}."
    known = ", ".join(sorted(functions))
    return f"{shown(name)}(…) is no function of an expression. There are {known}.{did_you_mean(name, functions)}"
