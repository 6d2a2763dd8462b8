"""The operations that an expression may be made of, and what each takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Constant = float | str | bool
Want = Literal["number", "text", "boolean", "alike", "result", "any", "shown"]


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


def kind_of(value: Constant) -> Literal["number", "text", "boolean"]:
    """Return the kind of a literal's value."""
    return "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
