"""docs/reference/python.md: every public name of `evenly` with its signature and docstring; results; errors."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import evenly
import evenly.errors
from generate.recipe import cell, examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTRODUCTION: Final = """\
`import evenly` loads nothing else; each name is loaded when it is first used. Each call is the twin of a
[command](cli.md) of the same name.

- `recipe` is a `Recipe`, the path of its file, or plain data of its shape. `set` lays `key=value` texts over it, as
  `--set` does: `set=["balance.cap=600"]`.
- `engine` is `local` or `ray`: who does the work.
- `force` replaces an output that is there.
- `reporter` is told of each phase; without one, a call is silent. It needs one method, `phase(name, total, unit)`, as
  `evenly.reporting.progress.Silent` has it.
- Results of the larger calls show themselves in a notebook.
"""

SECTIONS: Final = re.compile(r"^(Attributes|Raises):$", re.MULTILINE)
ENTRY: Final = re.compile(r"^ {4}(\S[^:]*): (.*(?:\n {8}.*)*)", re.MULTILINE)

LONGEST: Final = 88
"""Characters of a signature that stands in one line."""

DETAILS: Final = ("Axis", "Catalogue", "Expected", "Memory", "Options", "Pool", "Recipe")
"""Classes that results hold and that have no section: they are Evenly's own business, or told of elsewhere."""


def public() -> list[str]:
    """Return the public names, but for the version."""
    return [name for name in evenly.__all__ if name != "__version__"]


def page() -> str:
    """Return the page."""
    calls = [name for name in public() if not inspect.isclass(getattr(evenly, name))]
    errors = [name for name in public() if is_error(getattr(evenly, name))]
    others = [name for name in public() if name not in calls and name not in errors]
    return "\n".join(
        [
            "# Python\n",
            INTRODUCTION,
            "`evenly.__version__` is the version, as text.\n",
            "## Calls\n",
            *(line for name in calls for line in call_section(name)),
            "## Recipe and results\n",
            *(line for name in others for line in class_section(getattr(evenly, name))),
            *(line for one in results() for line in class_section(one)),
            "## Errors\n",
            errors_intro(),
            *(line for name in errors for line in class_section(getattr(evenly, name))),
        ]
    )


def is_error(value: object) -> bool:
    """Say whether a public name is an error."""
    return inspect.isclass(value) and issubclass(value, Exception)


def call_section(name: str) -> Iterator[str]:
    """Yield the lines of a call."""
    call = getattr(evenly, name)
    yield f"### `evenly.{name}`\n"
    yield f"```python\n{signature(call, f'evenly.{name}')}\n```\n"
    yield f"{docstring(call)}\n"
    options = options_of(call)
    if options is not None:
        yield f"**Options**\n\n{attributes(inspect.getdoc(options) or '')}\n"
    yield f"```python\n{example(name)}```\n"


def example(name: str) -> str:
    """Return the example of a public name."""
    return examples()["python"].get(name, "")


def class_section(one: type) -> Iterator[str]:
    """Yield the lines of a class: its docstring, fields, properties and methods."""
    name = one.__name__
    shown = f"evenly.{name}" if name in evenly.__all__ else name
    yield f"### `{shown}`\n"
    yield f"{docstring(one)}\n"
    fields = own_fields(one)
    if fields:
        texts = field_texts(one)
        yield "| attribute | type | what it is |\n|---|---|---|"
        yield from (f"| `{name}` | `{cell(kind)}` | {cell(texts.get(name, ''))} |" for name, kind in fields.items())
        yield ""
    for key, member in own_members(one):
        if isinstance(member, property):
            yield f"**`.{key}`** {docstring(member)}\n"
        else:
            head = signature(getattr(one, key), f".{key}", wide=True)
            yield f"**`{head}`** {docstring(member)}\n"
    if name in evenly.__all__:
        yield f"```python\n{example(name)}```\n"


def field_texts(one: type) -> dict[str, str]:
    """Return what the docstring of a dataclass says of its fields; of several by one text, each gets it."""
    _, _, body = (inspect.getdoc(one) or "").partition("Attributes:\n")
    return {name: joined(text) for names, text in entries(body).items() for name in names.split(", ")}


def own_fields(one: type) -> dict[str, str]:
    """Return the public fields of a dataclass with their types; a recipe's are its keys, which have a page."""
    if not dataclasses.is_dataclass(one):
        return {}
    return {field.name: str(field.type) for field in dataclasses.fields(one) if not field.name.startswith("_")}


def own_members(one: type) -> list[tuple[str, Any]]:
    """Return the public properties and methods that a class defines itself, documented ones."""
    found = [(key, getattr(value, "__func__", value)) for key, value in vars(one).items() if not key.startswith("_")]
    return [(key, value) for key, value in found if isinstance(value, property) or inspect.isfunction(value)]


def signature(call: Callable[..., Any], name: str, *, wide: bool = False) -> str:
    """Return a call's signature, a parameter a line where it is long; options that are packed stand by themselves."""
    told = inspect.signature(call)
    parameters = [one for one in told.parameters.values() if one.name not in {"self", "cls"}]
    lines: list[str] = []
    starred = any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters)
    for one in parameters:
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            lines.append("*")
            starred = True
        lines += packed(call, one) if one.kind is inspect.Parameter.VAR_KEYWORD else [parameter(one, wide=wide)]
    given = told.return_annotation
    back = "" if wide or given is inspect.Signature.empty else f" -> {given}"
    short = f"{name}({', '.join(lines)}){back}"
    if wide or len(short) <= LONGEST:
        return short
    return f"{name}(\n" + "".join(f"    {line},\n" for line in lines) + f"){back}"


def parameter(one: inspect.Parameter, *, wide: bool) -> str:
    """Return a parameter as it is written."""
    star = "*" if one.kind is inspect.Parameter.VAR_POSITIONAL else ""
    kind = "" if wide or one.annotation is inspect.Parameter.empty else f": {one.annotation}"
    equals = " = " if kind else "="
    return f"{star}{one.name}{kind}" + ("" if one.default is inspect.Parameter.empty else f"{equals}{one.default!r}")


def packed(call: Callable[..., Any], one: inspect.Parameter) -> list[str]:
    """Return the options that a call takes by keyword, each as a parameter of its own."""
    options = resolved(call, re.sub(r"^Unpack\[(\w+)\]$", r"\1", str(one.annotation)))
    kinds = getattr(options, "__annotations__", {})
    return [f"{key}: {getattr(kind, '__forward_arg__', kind)} = …" for key, kind in kinds.items()]


def options_of(call: Callable[..., Any]) -> type | None:
    """Return the class whose docstring says what a call's packed options are."""
    packed = next(
        (str(one.annotation) for one in inspect.signature(call).parameters.values() if one.kind == one.VAR_KEYWORD), ""
    )
    names = {"Unpack[AblationOptions]": "Options", "Unpack[SearchOptions]": "Search"}
    module = importlib.import_module("evenly.ablation.options")
    return getattr(module, names[packed]) if packed in names else None


def results() -> list[type]:
    """Return the classes that calls give and that are not public names, and those that these hold."""
    found: dict[type, None] = {}
    waiting: list[Any] = []
    for name in public():
        call = getattr(evenly, name)
        if inspect.isfunction(call):
            waiting.append(resolved(call, str(inspect.signature(call).return_annotation)))
    waiting = [evenly.RunResult, evenly.PlanResult, *waiting]
    while waiting:
        one = waiting.pop(0)
        if not inspect.isclass(one) or one in found or one.__module__.partition(".")[0] != "evenly":
            continue
        found[one] = None
        for kind in own_fields(one).values():
            waiting += [resolved(one, word) for word in re.findall(r"\b[A-Z]\w+", kind) if word not in DETAILS]
    return [one for one in found if one.__name__ not in evenly.__all__]


def resolved(owner: Any, name: str) -> Any:  # noqa: ANN401 - whatever the name is
    """Return what a name stands for in the module of a call or a class, whether imported for types alone or not."""
    module = sys.modules[owner.__module__]
    if hasattr(module, name):
        return getattr(module, name)
    home = imported_from(module.__name__).get(name)
    return getattr(importlib.import_module(home), name, None) if home is not None else None


@cache
def imported_from(module: str) -> dict[str, str]:
    """Return name -> module of what a module of Evenly's imports from others of them."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    found = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and (node.module or "")[:6] == "evenly"
    ]
    return {alias.asname or alias.name: str(node.module) for node in found for alias in node.names}


def docstring(value: object) -> str:
    """Return a docstring as Markdown: sections as lists."""
    text = inspect.getdoc(value) or ""
    parts = SECTIONS.split(text)
    told = [joined(parts[0])]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        if title == "Raises":
            told.append("Raises " + " ".join(f"`{name}` {joined(what)}" for name, what in entries(body).items()))
    return "\n\n".join(told)


def attributes(text: str) -> str:
    """Return the attributes of a docstring as a list."""
    _, _, body = text.partition("Attributes:\n")
    return "\n".join(f"- `{name}`: {joined(what)}" for name, what in entries(body).items())


def entries(body: str) -> dict[str, str]:
    """Return name -> text of a section of a docstring."""
    return dict(ENTRY.findall(body))


def joined(text: str) -> str:
    """Return a docstring's text with one line a paragraph."""
    return "\n\n".join(" ".join(one.split()) for one in text.strip().split("\n\n")).replace("->", "→")


def errors_intro() -> str:
    """Return the tree of errors, from the module that draws it."""
    tree = re.search(r"(?:^ {4}.*\n)+", evenly.errors.__doc__ or "", re.MULTILINE)
    lines = inspect.cleandoc(f"\n{tree[0]}") if tree else ""
    return (
        "A call raises one of these for what a user can mend; the text says where it is, what was found, what was "
        f"expected, and what to do. [Errors](errors.md) lists the messages.\n\n```\n{lines}\n```\n"
    )
