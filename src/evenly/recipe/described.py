"""The sentences below the recipe's keys, as the schema's descriptions.

pydantic can collect such sentences itself, but does so while each class is made, which would add a tenth of a second to
every command. Here a module's source is read when somebody asks for the schema.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator


def described(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return a model's JSON Schema with the sentence of each key; the schema is changed."""
    for one in models_within(model):
        own = schema if one is model else schema["$defs"].get(one.__name__, {})
        for key, text in sentences(one).items():
            if key in own.get("properties", {}):
                own["properties"][key]["description"] = text
    return schema


def models_within(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Return a model and all that its keys hold, in the order in which they are met."""
    found: dict[type[BaseModel], None] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop(0)
        if one not in found:
            found[one] = None
            waiting += [inner for field in one.model_fields.values() for inner in models_in(field.annotation)]
    return list(found)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - walks typing constructs
    """Yield the models within an annotation such as `list[Step] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def sentences(model: type[BaseModel]) -> dict[str, str]:
    """Return key -> what is written below it, in a model and those that it is made from; paragraphs by a blank line.

    It is empty where Python has the source no more.
    """
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            found |= _written(one.__module__).get(one.__name__, {})
    return {key: text for key, text in found.items() if key in model.model_fields}


@cache
def _written(module: str) -> dict[str, dict[str, str]]:
    """Return class -> key -> what is written below the key in a module's source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except OSError:
        return {}
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return {one.name: dict(_below(one)) for one in classes}


def _below(made: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for line, after in zip(made.body, made.body[1:], strict=False):
        if (
            isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            paragraphs = inspect.cleandoc(after.value.value).split("\n\n")
            yield line.target.id, "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
