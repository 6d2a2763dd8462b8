"""Expressions of a recipe (`filter`, `derive`, `take_all`, `weight`): SQL over one row, checked before it runs.

A text becomes a list of allowed operations (`expression_grammar`), each gets a kind here, and `expression_polars`
builds a Polars expression from them. The text never reaches an SQL engine, so there is nothing that it could open.

What an expression means:

- A number is a 64-bit float, whatever type its column has. `/` is real division; `%` has the sign of its divisor, as
  in Python; `round` goes half to even. What has no finite value (x / 0, ln of 0, a root of a negative, an overflow, a
  NaN or infinity in the data) is NULL. `CAST(x AS int)` cuts towards zero; as the whole expression it yields Int64.
- NULL follows SQL: unknown in comparisons and AND, OR, NOT; `||` with one is NULL; `concat`, `least` and `greatest`
  skip it. A filter keeps what is true, not what is unknown.
- Text compares by code point, `length` and `substr` count characters (code points, from 1), `trim` takes white space
  off, LIKE minds case and ILIKE does not. A whole number shows as `12` in text. `regexp_like` finds its pattern
  anywhere.
- A column's kind is what the expression uses it as. Text used as a number is read as one (NULL where it is none), text
  used as a condition is true, false, 1 or 0 (any case; else NULL): it does not matter which type a reader chose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evenly.recipe.expression_grammar import read_operations
from evenly.recipe.expression_operations import COMPARISONS, Operation, kind_of
from evenly.recipe.expression_words import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

__all__ = ["Expression", "ExpressionError", "Kind", "parse_expression", "to_polars"]

Kind = Literal["boolean", "number", "text", "unknown"]

_KINDS: dict[object, Kind] = {"boolean": "boolean", "number": "number", "text": "text"}
_CHAINED = " Write two comparisons: 1 < price AND price < 10."
_NAMES = {"boolean": "a condition", "number": "a number", "text": "text"}

# What shares a kind: an operation (its place), a column (its name), a group of arguments, or a kind itself.
_Slot = int | str | tuple[str, str | int]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression over one row.

    `text` is what the user wrote; `columns` the names it reads, sorted and unique, of which it uses `numeric_columns`
    as numbers and `boolean_columns` as conditions; `kind` is what it yields, where that can be told without the data.
    """

    text: str
    columns: tuple[str, ...]
    numeric_columns: tuple[str, ...]
    boolean_columns: tuple[str, ...]
    kind: Kind


def parse_expression(text: str, expects: Kind = "unknown") -> Expression:
    """Check `text` and return what it reads and yields.

    `expects` is the kind that its place in the recipe asks for; with it a lone column has a kind too (`weight: price`).

        >>> parse_expression("price >= 10 AND category = 'Books'").numeric_columns
        ('price',)

    Raises:
        ExpressionError: for a text that is not an allowed expression over one row, or does not yield `expects`.
    """
    operations = read_operations(text)
    slots = _solve(operations, expects)
    columns = sorted({str(operation.constants[0]) for operation in operations if operation.name == "column"})
    return Expression(
        text=text,
        columns=tuple(columns),
        numeric_columns=tuple(name for name in columns if slots.kind(("column", name)) == "number"),
        boolean_columns=tuple(name for name in columns if slots.kind(("column", name)) == "boolean"),
        kind=slots.kind(_slot(operations, len(operations) - 1)),
    )


def to_polars(expression: Expression) -> pl.Expr:
    """Return `expression` for Polars: Boolean, Float64 (Int64 for CAST AS int) or String; a lone column as it is.

    The text is read and checked again, so that an `Expression` made by hand is as safe as a parsed one.

    Raises:
        ExpressionError: where `parse_expression` raises it.
    """
    from evenly.recipe.expression_polars import build  # noqa: PLC0415  (Polars takes a third of a second to import)

    operations = read_operations(expression.text)
    slots = _solve(operations, expression.kind)
    return build(operations, [slots.kind(_slot(operations, place)) for place in range(len(operations))])


class _Slots:
    """Which slots share a kind: a union-find in which a kind is the head of its own set."""

    def __init__(self) -> None:
        self._parents: dict[_Slot, _Slot] = {}

    def find(self, slot: _Slot) -> _Slot:
        """Return the head of a slot's set: the same for all slots of one kind."""
        while slot in self._parents:
            slot = self._parents[slot]
        return slot

    def kind(self, slot: _Slot) -> Kind:
        """Return a slot's kind, `unknown` where nothing tells."""
        return _KINDS.get(self.find(slot), "unknown")

    def join(self, left: _Slot, right: _Slot) -> bool:
        """Give both slots one kind; return whether that can be."""
        left, right = self.find(left), self.find(right)
        if left == right:
            return True
        if left in _KINDS and right in _KINDS:
            return False
        if left in _KINDS:
            left, right = right, left
        self._parents[left] = right
        return True


def _slot(operations: Sequence[Operation], place: int) -> _Slot:
    operation = operations[place]
    return ("column", str(operation.constants[0])) if operation.name == "column" else place


def _solve(operations: Sequence[Operation], expects: Kind) -> _Slots:
    """Find the kind of every operation and column from what each operation takes and gives."""
    slots = _Slots()
    for place, operation in enumerate(operations):
        own: dict[str, _Slot] = {"alike": ("alike", place), "result": _slot(operations, place)}
        if operation.name not in {"column", "null"}:
            slots.join(own["result"], own.get(operation.signature.gives, operation.signature.gives))
        _join_arguments(slots, operations, operation, own)
    last = _slot(operations, len(operations) - 1)
    if expects != "unknown" and not slots.join(last, expects):
        msg = f"yields {_NAMES[slots.kind(last)]}, expected {_NAMES[expects]}."
        raise ExpressionError(msg)
    for place, operation in enumerate(operations):
        shared: _Slot = ("alike", place) if "alike" in operation.signature.takes else place
        if operation.signature.compares and slots.kind(shared) == "unknown":
            raise ExpressionError(_undecided(operations, operation))
    return slots


def _join_arguments(
    slots: _Slots, operations: Sequence[Operation], operation: Operation, own: dict[str, _Slot]
) -> None:
    given: list[tuple[_Slot, Operation | None]] = [
        (_slot(operations, place), operations[place]) for place in operation.arguments
    ]
    given += [(kind_of(value), None) for value in operation.constants if operation.signature.constants]
    for want, (slot, argument) in zip(operation.signature.wants(len(given)), given, strict=True):
        if want in {"any", "shown"}:
            continue
        wanted = own.get(want, want)
        if not slots.join(slot, wanted):
            found, expected = slots.kind(slot), slots.kind(wanted)
            compared = [operations[place].name for place in operation.arguments if operation.name in COMPARISONS]
            advice = _CHAINED if COMPARISONS.intersection(compared) else _conversion(found, expected)
            raise ExpressionError(_mismatch(operation, argument, found, expected) + advice)


def _mismatch(operation: Operation, argument: Operation | None, found: Kind, expected: Kind) -> str:
    if argument is None:
        what = f"a literal of {operation.said}"
    elif argument.name == "column":
        what = f"column '{argument.said}', used as {_NAMES[found]} elsewhere,"
    else:
        what = f"'{argument.said}'"
    return f"{what} is {_NAMES[found]} where {operation.said} takes {_NAMES[expected]}."


def _conversion(found: Kind, expected: Kind) -> str:
    """Return what to do about a value of one kind where another is expected."""
    if found == "boolean":
        return " Make a number of a condition with if(condition, 1, 0)."
    if expected == "boolean":
        return " Write a comparison, such as price > 0."
    return f" Convert one of them: CAST(x AS {'double' if expected == 'number' else 'text'})."


def _undecided(operations: Sequence[Operation], operation: Operation) -> str:
    first, *others = (operations[place].said for place in operation.arguments)
    return (
        f"nothing tells whether {operation.said} compares {', '.join((first, *others))} as numbers or as text. "
        f"Say it of one: CAST({first} AS double) or CAST({first} AS text)."
    )
