"""The recipe's keys, from its models: path, what may stand there in words, default, sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast, get_args, get_origin

from pydantic import BaseModel

from evenly.recipe.described import sentences
from evenly.recipe.load import json_schema
from evenly.recipe.model import Recipe
from evenly.recipe.steps import NamedStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

SHARED: Final = frozenset(NamedStep.model_fields)
"""Keys that every step has, which are told once."""

ANY: Final = "KIND"
"""What stands in the path of such a key for the step's kind."""

LARGE: Final = 2**52

OPTIONAL: Final = "optional"


@dataclass(frozen=True)
class Key:
    """One key of a recipe."""

    path: str
    name: str
    kind: str
    default: str
    text: str


@dataclass(frozen=True)
class Part:
    """A part of a recipe that is a mapping: where it stands, what it is, its keys."""

    places: list[str]
    model: type[BaseModel]
    keys: list[Key]

    @property
    def title(self) -> str:
        """Return the part's heading: its first place."""
        return self.places[0] or "The top level"


def parts() -> list[Part]:
    """Return all parts of a recipe, outer ones before what they hold, in the order of the recipe's keys."""
    schema = json_schema()
    found: dict[type[BaseModel], Part] = {}
    _walk(Recipe, "", schema, found)
    return list(found.values())


def _walk(model: type[BaseModel], place: str, schema: dict[str, Any], found: dict[type[BaseModel], Part]) -> None:
    if model in found:
        if place not in found[model].places:
            found[model].places.append(place)
        return
    found[model] = Part([place], model, list(_keys(model, place, schema)))
    for name, field in model.model_fields.items():
        for inner, where in _inner(field.annotation):
            _walk(inner, f"{_under(place, name)}{where}", schema, found)


def _inner(annotation: Any, where: str = "") -> Iterator[tuple[type[BaseModel], str]]:  # noqa: ANN401 - typing constructs
    """Yield the models that a key may hold, and how they are reached from it: `[]` in a list, `.NAME` in a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, where
    kinds: dict[Any, str] = {list: "[]", dict: ".NAME"}
    more = kinds.get(get_origin(annotation), "")
    for one in get_args(annotation):
        yield from _inner(one, where + more)


def _under(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _keys(model: type[BaseModel], place: str, schema: dict[str, Any]) -> Iterator[Key]:
    own = schema if model is Recipe else schema["$defs"][model.__name__]
    texts = sentences(model)
    for name, field in model.model_fields.items():
        if name in SHARED and issubclass(model, NamedStep):
            continue
        kind = worded(own["properties"][name], schema)
        yield Key(_under(place, name), name, kind, default_of(field), texts.get(name, ""))
    if model.model_config.get("extra") == "allow":
        kind = worded(own["additionalProperties"], schema)
        yield Key(_under(place, "NAME"), "NAME", kind, OPTIONAL, own["description"])


def shared_keys() -> list[Key]:
    """Return the keys that every step has."""
    texts = sentences(NamedStep)
    fields = NamedStep.model_fields
    return [Key(f"curate[].{ANY}.{name}", name, "text", default_of(fields[name]), texts[name]) for name in fields]


def default_of(field: FieldInfo) -> str:
    """Return what a key is where a recipe does not give it."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ([], {}):
        return OPTIONAL
    if isinstance(value, BaseModel):
        texts = [f"{key}: {shown(one)}" for key, one in value.model_dump(exclude_defaults=True).items()]
        return f"by default `{{{', '.join(texts)}}}`" if texts else OPTIONAL
    return f"by default `{shown(value)}`"


def shown(value: object) -> str:
    """Return a value as YAML has it in a line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(shown, cast('list[object]', value)))}]"
    if isinstance(value, str):
        return value if value.replace("-", "").replace("_", "").isalnum() else '"' + value.replace("\n", "\\n") + '"'
    return repr(value)


def worded(what: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return what a JSON Schema allows, in words."""
    if "$ref" in what:
        return "a mapping"
    choices = [one for one in what.get("anyOf", what.get("oneOf", [])) if one.get("type") != "null"]
    if choices:
        return " or ".join(dict.fromkeys(worded(one, schema) for one in choices))
    if "enum" in what or "const" in what:
        names = [f"`{one}`" for one in what.get("enum", [what.get("const")])]
        return names[0] if len(names) == 1 else f"one of {', '.join(names)}"
    kind = what.get("type")
    if kind == "array":
        each = worded(what["items"], schema)
        return {"text": "a list of texts", "a number": "a list of numbers", "a mapping": "a list of mappings"}.get(
            each, f"a list, each {each}"
        )
    if kind == "object":
        inner = cast("dict[str, Any] | bool", what.get("additionalProperties", False))
        return f"names, each with {worded(inner, schema)}" if isinstance(inner, dict) and inner else "a mapping"
    return _scalar(what)


def _scalar(what: dict[str, Any]) -> str:
    word = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}.get(what.get("type", ""))
    if word is None:
        length = "one character" if what.get("maxLength") == 1 else "text"
        return f"{length} like `{what['pattern']}`" if "pattern" in what else length
    bounds = [
        f"{said} {what[key]:,}"
        for key, said in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "more than"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "less than"),
        )
        if key in what and what[key] < LARGE
    ]
    return f"{word}, {' and '.join(bounds)}" if bounds else word
