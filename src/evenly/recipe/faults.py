"""What is wrong with a recipe, all of it at once: faults of shape (pydantic's) and of meaning, each with its place."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, TypeGuard, get_args

from pydantic import BaseModel, ValidationError

from evenly.errors import choices_line, did_you_mean
from evenly.recipe.check import meaning_faults
from evenly.recipe.model import Recipe
from evenly.recipe.needs import Fault, Loc, show_path

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

STAND_INS: Final[dict[str, Any]] = {"name": "x", "id": "id", "template": {"prompt": "x"}}
"""What stands for a required key that is wrong, while the rest of the recipe is checked."""

SHOWN_CHARS: Final = 60
"""Characters of a wrong value that an error shows."""

LONGEST_WHOLE: Final = 10_000
"""Bits of a whole number that is shown by its digits."""

MOST_FAULTS: Final = 100
"""Faults of shape that are told."""

WANTED: Final = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text (in quotes where YAML would read a number or true)",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "too_short": "at least one",
    "string_too_short": "a text that is not empty",
    "finite_number": "a finite number",
}
"""pydantic's error type -> what was expected, in a user's words."""


def checked(data: dict[str, Any]) -> tuple[Recipe | None, list[Fault]]:
    """Return plain data as a recipe, or None, and every fault found, in the recipe's order.

    A recipe whose shape is wrong in places is checked for its meaning all the same, without those places, so that
    a user sees all faults at once.
    """
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as wrong:
        shape = _shape_faults(wrong, data)
        return None, _in_order([*shape, *_meaning_of_the_rest(data, [loc for loc, _, _ in shape if loc])])
    return recipe, _in_order(meaning_faults(recipe))


def _shape_faults(wrong: ValidationError, data: dict[str, Any]) -> list[Fault]:
    """Return pydantic's errors as faults; what was expected instead of one value stands in one fault."""
    merged: dict[tuple[Loc, str], list[str]] = {}
    errors = wrong.errors(include_url=False)
    places = [(_real_loc(error["loc"], data), error) for error in errors[:MOST_FAULTS]]
    for loc, error in places:
        if any(len(other) > len(loc) and other[: len(loc)] == loc for other, _ in places):
            continue  # a mapping that is no number either: what is wrong within it is what matters
        found, expected, what = _shape_text(error, loc).partition(", expected ")
        others = merged.setdefault((loc, found + expected), [])
        if what not in others:
            others.append(what)
    found = [
        (loc, show_path(loc), text + " or ".join([*(what.removesuffix(".") for what in others[:-1]), others[-1]]))
        for (loc, text), others in merged.items()
    ]
    more = len(errors) - MOST_FAULTS
    return [*found, ((), "", f"{more:,} more faults, which are not shown. Mend these first.")] if more > 0 else found


def _meaning_of_the_rest(data: dict[str, Any], wrong: list[Loc]) -> list[Fault]:
    """Return the faults of meaning that a recipe has besides those of shape at `wrong`."""
    rest = copy.deepcopy(data)
    for loc in wrong:
        _take_out(rest, loc)
    try:
        recipe = Recipe.model_validate(rest)
    except ValidationError:
        return []  # too little is left to be a recipe
    columns_known = not any(loc[0] in {"curate", "sources"} for loc in wrong if loc)
    found = meaning_faults(recipe, columns_known=columns_known)
    return [fault for fault in found if not any(_about(fault[0], loc) for loc in wrong)]


def _take_out(rest: Any, loc: Loc) -> None:  # noqa: ANN401 - plain data
    """Take a faulty place out of plain data; what must not be missing is replaced by something harmless."""
    if loc[:1] == ("curate",) and len(loc) > 1 and is_list(rest["curate"]):
        rest["curate"][int(loc[1])] = {"filter": "true"}
        return
    steps = list(loc)
    last, here = steps.pop(), rest
    for step in steps:
        if not (step in here if is_mapping(here) else is_list(here)):
            return  # what it stood in is out already
        here = here[step]
    if is_mapping(here):
        here.pop(last, None)
        if last in STAND_INS and (not steps or steps[0] == "sources"):
            here[last] = STAND_INS[str(last)]


def _about(one: Loc, other: Loc) -> bool:
    """Say whether one location lies within the other."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _in_order(faults: list[Fault]) -> list[Fault]:
    order = list(Recipe.model_fields)
    return sorted(faults, key=lambda fault: order.index(str(fault[0][0])) if fault[0] and fault[0][0] in order else -1)


def _shape_text(error: ErrorDetails, loc: Loc) -> str:
    """Return what is wrong at one place: found, expected, what to do."""
    if error["type"] == "extra_forbidden":
        choices = _keys_at(loc[:-1])
        return f"unknown key '{loc[-1]}'.{did_you_mean(str(loc[-1]), choices)}{choices_line('keys', choices)}"
    if error["type"] == "missing":
        return f"is missing. {_purpose(loc)}"
    return _expectation(error)


def _expectation(error: ErrorDetails) -> str:
    """Return what was found and what was expected, in a user's words."""
    found = found_in(error["input"])
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "literal_error":
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        near = did_you_mean(found.strip("'"), choices)
        return f"found {found}, expected one of: {', '.join(choices)}.{near}"
    if kind == "value_error":
        return f"{context['error']}."
    wanted = WANTED.get(kind)
    if kind in {"greater_than_equal", "less_than_equal", "greater_than"}:
        word, key = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}.get(
            kind, ("more than", "gt")
        )
        wanted = f"{word} {context[key]:g}"
    if wanted is None and kind == "string_pattern_mismatch":
        wanted = f"a name of letters, digits and underscores (pattern {context['pattern']})"
    if wanted is None:
        wanted = error["msg"].removeprefix("Input should be ")
    return f"found {found}, expected {wanted}."


def _purpose(loc: Loc) -> str:
    """Return what a missing key is for: the first line of its model's docstring, where it has a model."""
    model = _model_at(loc)
    doc = (model.__doc__ or "").strip().split("\n")[0] if model is not None else ""
    return f"Expected: {doc}" if doc else f"Write `{loc[-1]}: …`."


def _keys_at(loc: Loc) -> list[str]:
    """Return the keys that a recipe may have at a location."""
    model = _model_at(loc)
    return list(model.model_fields) if model is not None else []


def _model_at(loc: Loc) -> type[BaseModel] | None:
    """Return the model of what stands at a location of a recipe, or None where that is no model."""
    model: type[BaseModel] | None = Recipe
    for step in loc:
        if isinstance(step, str):
            field = model.model_fields.get(step) if model is not None else None
            model = _model_of(field.annotation) if field is not None else None
    return model


def _model_of(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - walks typing constructs
    """Return the model class within an annotation such as `list[Step]` or `Tokens | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_of, get_args(annotation))), None)


def _real_loc(loc: Loc, data: Any) -> Loc:  # noqa: ANN401 - plain data
    """Return pydantic's location without the union tags that it inserts; its last step may be a key that is missing."""
    real: list[int | str] = []
    here = data
    for depth, step in enumerate(loc):
        if is_mapping(here):
            missing = depth == len(loc) - 1 and isinstance(step, str) and step.isidentifier()
            if step in here or missing:
                real.append(step)
                here = here.get(step)
        elif is_list(here) and isinstance(step, int) and step < len(here):
            real.append(step)
            here = here[step]
    return tuple(real)


def found_in(value: Any) -> str:  # noqa: ANN401 - plain data
    """Return what a wrong value is, for an error, in not too many characters."""
    text = kind_of(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


def kind_of(value: Any) -> str:  # noqa: ANN401 - plain data
    """Return what a wrong value is, for an error."""
    if value is None:
        return "nothing"
    if is_mapping(value):
        return "a mapping with the keys " + ", ".join(map(str, value))
    if isinstance(value, int) and value.bit_length() > LONGEST_WHOLE:
        return f"a whole number of {value.bit_length():,} bits"  # Python refuses to write it out
    return "a list" if is_list(value) else repr(value)


def is_mapping(value: object) -> TypeGuard[dict[Any, Any]]:
    """Say whether plain data is a mapping."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Say whether plain data is a list."""
    return isinstance(value, list)
