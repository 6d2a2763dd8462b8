"""Chat templates are programs that come with a tokenizer: they run in Jinja's sandbox, and what they may do is counted.

The sandbox keeps a template from everything but its own values. It does not keep it from looping for ever or from
making a text of gigabytes, so here each turn of a loop, each call and each character that is made costs a step, and
whoever asks for more at once than is left is stopped before it is made. Steps are counted, not seconds: a template
does the same on every machine.
"""

from __future__ import annotations

import json
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, cast

from jinja2 import TemplateError, nodes
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LEAST_STEPS: Final = 1_000_000
STEPS_OF_A_CHARACTER: Final = 100
"""Steps that a conversation may cost: so many, and more for each of its characters."""

STEPS_OF_A_CALL: Final = 10
"""What a call costs besides what it makes: it takes the time of so many turns of a loop."""

LARGEST_ARGUMENT: Final = 100_000
"""A whole number that is handed to a filter, a call or an operator: a width, a count, an exponent."""

UNSTEADY: Final = ("random", "lipsum")
"""Filters and names of Jinja's whose value is another one each time."""

_left: ContextVar[list[int]] = ContextVar("steps that are left")


class TooMuchError(Exception):
    """A template that does more than a conversation may cost."""


def spend(steps: int) -> None:
    """Take steps from those that are left; outside of a rendering, as when a template is compiled, there is a few."""
    left = _left.get([LEAST_STEPS])
    left[0] -= steps
    if left[0] < 0:
        raise TooMuchError


def rendered(render: Callable[..., str], characters: int, values: dict[str, Any]) -> str:
    """Return what a template of `Sandbox` makes of some values.

    Raises:
        TooMuchError: when it costs more than a conversation of so many characters may.
    """
    token = _left.set([LEAST_STEPS + STEPS_OF_A_CHARACTER * characters])
    try:
        return render(**values)
    finally:
        _left.reset(token)


class _Counting(NodeTransformer):
    """Puts a counting filter around what loops run over, texts that are joined, lists and mappings."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Count the turns of a loop."""
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "turns", [], [], None, None, lineno=node.lineno)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Count a list."""
        return self._made(node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Count a mapping."""
        return self._made(node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Count a tuple, but not one of names."""
        return self._made(node) if node.ctx == "load" else node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja's name
        """Count a text that is joined."""
        return self._made(node)

    def _made(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        return nodes.Filter(node, "made", [], [], None, None, lineno=node.lineno)


class Named(Namespace):
    """A template's own variables; it does not tell what is in it, which may be in it twice, and so on."""

    def __repr__(self) -> str:
        """Return what it is."""
        return "<Namespace>"


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja as chat templates expect it, in a sandbox that counts."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        """Make it as `transformers` does, without what has another value each time."""
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols], finalize=made)
        for name in UNSTEADY:
            self.filters.pop(name, None)
            self.globals.pop(name, None)
        self.globals["namespace"] = Named
        self.filters = {name: self._counted(name, one) for name, one in self.filters.items()}
        self.filters |= {"tojson": as_json, "turns": turns, "made": made}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _Counting().visit(tree)
        return tree

    def call(self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401, PYI063 - Jinja's
        """Call a macro or a method, and count it."""
        spend(STEPS_OF_A_CALL)
        name = getattr(__obj, "__name__", "")
        owner = getattr(getattr(__obj, "__wrapped__", __obj), "__self__", None)  # `format` is wrapped by the sandbox
        foresee(name, (owner, *args, *kwargs.values()) if isinstance(owner, str) else (*args, *kwargs.values()))
        return made(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja's
        """Apply an operator that can make a value larger than both."""
        for one, other in ((left, right), (right, left)):
            if operator == "*" and isinstance(one, int) and isinstance(other, (str, list, tuple)):
                spend(max(0, one) * size(other))  # pyright: ignore[reportUnknownArgumentType]
        if operator == "**" or (operator == "*" and size(left) + size(right) > LARGEST_ARGUMENT):
            refuse_large((right,))
        if operator == "%" and isinstance(left, str):
            refuse_format(left)
        return made(super().call_binop(context, operator, left, right))

    def _counted(self, name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
        """Return a filter that is counted; Jinja hands some of them a context of its own first."""
        told = (
            next((key for key in vars(apply) if key.startswith("jinja_pass")), None)
            if hasattr(apply, "__dict__")
            else None
        )

        def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Jinja's
            foresee(name, (*args[told is not None :], *kwargs.values()))
            return made(apply(*args, **kwargs))

        vars(counted).update(vars(apply) if told else {})
        return counted


def turns(items: Iterable[Any]) -> Iterator[Any]:
    """Yield what a loop runs over, a step each."""
    for item in items:
        spend(1)
        yield item


def made(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a value that was made, having paid for it."""
    spend(1 + size(value))
    return value


def size(value: Any) -> int:  # noqa: ANN401 - any value
    """Return what a value costs: characters, items, digits, and those of what is in it as often as it is there."""
    return _size(value, {})


def _size(value: Any, known: dict[int, int]) -> int:  # noqa: ANN401 - any value
    """Return a value's size; `known` are those of lists and mappings that were met, by identity."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, (list, tuple, dict)):
        return value.bit_length() // 8 if isinstance(value, int) else 0
    many = cast("dict[Any, Any] | list[Any]", value)
    if id(many) not in known:
        items = [*many, *many.values()] if isinstance(many, dict) else many
        known[id(many)] = sum(1 + _size(one, known) for one in items)
    return known[id(many)]


def foresee(name: str, values: tuple[Any, ...]) -> None:
    """Pay for what a filter or a method is about to make, where that may be much more than what it is handed."""
    refuse_large(values)
    texts = [value for value in values if isinstance(value, str)]
    match name:
        case "replace" if len(texts) > 2:  # noqa: PLR2004 - the text, what goes, what comes
            spend(texts[0].count(texts[1]) * len(texts[2]))
        case "join":
            spend(sum(size(value) for value in values if not isinstance(value, str)) * sum(map(len, texts)))
        case "indent" | "expandtabs":
            widest = max((value for value in values if isinstance(value, int)), default=8)
            spend(sum(text.count("\n") + text.count("\t") for text in texts) * max(widest, *map(len, texts[1:]), 8))
        case "format" if texts:
            refuse_format(texts[0])
        case "translate":  # a text for each character
            raise TooMuchError
        case _:
            pass


def refuse_large(values: tuple[Any, ...]) -> None:
    """Refuse whole numbers that would be widths or counts of what has no place in a conversation."""
    if any(isinstance(value, int) and abs(value) > LARGEST_ARGUMENT for value in values):
        raise TooMuchError


def refuse_format(text: str) -> None:
    """Refuse a format with a width of its own that is large, or that an argument gives."""
    widths = re.findall(r"[%{:][^%{}]*?([0-9]{6,}|\*)", text)
    if widths:
        raise TooMuchError


def as_json(value: object, indent: int | None = None) -> str:
    """Return a value as JSON without the escapes for HTML that Jinja's own filter writes."""
    refuse_large(((indent or 0) * 1_000,))
    return made(json.dumps(value, ensure_ascii=False, indent=indent))


def refuse(message: str) -> None:
    """Let a template say that it takes no such conversation."""
    raise TemplateError(message)
