"""From YAML to a checked recipe: YAML 1.2, `--set` overrides, and every fault at once with its path and line."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeGuard, get_args

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from evenly.errors import RecipeError, choices_line, did_you_mean
from evenly.recipe.check import meaning_faults
from evenly.recipe.model import LATER, LATER_POLICIES, Recipe
from evenly.recipe.needs import Loc, show_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

SHOWN_CHARS: Final = 60
"""Characters of a wrong value that an error shows."""

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
}
"""pydantic's error type -> what was expected, in a user's words."""


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file; its relative files are taken from its folder, those of overrides from the working folder.

    Raises:
        RecipeError: when the file can't be read, or with every fault of its content.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecipeError([f"{path}: no such recipe. Give the path of a YAML file."]) from None
    except UnicodeDecodeError as fault:
        raise RecipeError([f"{path}: not UTF-8 at byte {fault.start}. Save the recipe as UTF-8."]) from None
    except OSError as fault:
        raise RecipeError([f"{path}: can't be read: {fault.strerror}."]) from None
    return parse_recipe(text, overrides, folder=Path(path).parent, shown=str(path))


def parse_recipe(text: str, overrides: Sequence[str] = (), folder: Path | None = None, shown: str = "recipe") -> Recipe:
    """Read a recipe from YAML text; see `read_recipe`. Without `folder`, files are taken from the working folder."""
    marked = _yaml(text, shown)
    if not _is_mapping(marked):
        raise RecipeError([f"{shown}: expected keys such as `name:` and `sources:`, found {_kind(marked)}."])
    plain: dict[str, Any] = _plain(marked)
    if folder is not None and folder != Path():
        _take_files_from(plain, folder)
    return override_and_build(plain, overrides, marked=marked, shown=shown)


def override_and_build(
    data: dict[str, Any], overrides: Sequence[str] = (), marked: object = None, shown: str = "recipe"
) -> Recipe:
    """Apply overrides to a copy of plain data and check it; see `build_recipe`."""
    changed = copy.deepcopy(data)
    for override in overrides:
        _override(changed, override)
    return build_recipe(changed, marked=marked, shown=shown)


def build_recipe(data: dict[str, Any], marked: object = None, shown: str = "recipe") -> Recipe:
    """Check plain data; `marked` is the same data with YAML's line marks, `shown` the name for errors.

    Raises:
        RecipeError: with every fault found.
    """
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as fault:
        found = [_fault_text(error, data, marked) for error in fault.errors(include_url=False)]
        raise RecipeError([_where(shown, text) for text in _merged(found)]) from None
    faults = meaning_faults(recipe)
    if faults:
        raise RecipeError([_where(shown, f"{path}{_line(marked, loc)}: {text}") for loc, path, text in faults])
    return recipe


def json_schema() -> dict[str, Any]:
    """Return the recipe's JSON Schema (draft 2020-12), for editors."""
    schema = Recipe.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Evenly recipe"}


def _where(shown: str, text: str) -> str:
    return text if shown == "recipe" else f"{shown}: {text}"


def _yaml(text: str, shown: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return YAML 1.2 with ruamel's line marks."""
    reader: Any = YAML(typ="rt")
    try:
        return reader.load(text)
    except MarkedYAMLError as fault:
        marked: Any = fault
        line = f":{marked.problem_mark.line + 1}" if marked.problem_mark is not None else ""
        problem = " ".join(str(marked.problem or marked.context).split())
        raise RecipeError([f"{shown}{line}: not YAML: {problem}."]) from None
    except (YAMLError, ValueError, RecursionError) as fault:
        raise RecipeError([f"{shown}: not YAML: {' '.join(str(fault).split())}."]) from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return ruamel's marked values as plain ones (its texts and numbers are subclasses that strict types refuse)."""
    if _is_mapping(value):
        return {str(key): _plain(item) for key, item in value.items()}
    if _is_list(value):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value if value is None else str(value)


def _take_files_from(data: dict[str, Any], folder: Path) -> None:
    """Make the recipe's relative paths relative to the working folder, since a recipe's folder may be elsewhere."""

    def moved(path: Any) -> Any:  # noqa: ANN401 - not checked yet
        return (folder / path).as_posix() if isinstance(path, str) and "://" not in path else path

    sources: Any = data.get("sources")
    for source in sources if _is_list(sources) else []:
        if _is_mapping(source) and "files" in source:
            files: Any = source["files"]
            source["files"] = [moved(file) for file in files] if _is_list(files) else moved(files)
    if str(data.get("tokenizer")).endswith(".json"):
        data["tokenizer"] = moved(data["tokenizer"])


def _override(data: dict[str, Any], override: str) -> None:
    """Set one `a.b.0=value` in plain data; the value is YAML."""
    path, equals, text = override.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        example = "balance.cap=100 or sources.0.files=data/*.jsonl"
        raise RecipeError([f"--set {override}: expected KEY=VALUE, such as {example}."])
    value = _plain(_yaml(text, f"--set {path}"))
    here: Any = data
    for depth, key in enumerate(keys[:-1]):
        here = _descend(here, key, f"--set {override}: {'.'.join(keys[: depth + 1])}")
    if _is_list(here):
        here[_index(here, keys[-1], f"--set {override}: {path}")] = value
    elif _is_mapping(here):
        here[keys[-1]] = value
    else:
        raise RecipeError([f"--set {override}: {'.'.join(keys[:-1])} is {_kind(here)}, it has no keys."])


def _descend(here: Any, key: str, shown: str) -> Any:  # noqa: ANN401 - plain data
    if _is_list(here):
        return here[_index(here, key, shown)]
    if _is_mapping(here):
        return here.setdefault(key, {})
    raise RecipeError([f"{shown}: {_kind(here)} has no keys."])


def _index(items: list[Any], key: str, shown: str) -> int:
    if key.isdecimal() and int(key) < len(items):
        return int(key)
    raise RecipeError([f"{shown}: found '{key}', expected a number from 0 to {len(items) - 1} (items count from 0)."])


def _fault_text(error: ErrorDetails, data: object, marked: object) -> str:
    """Return one pydantic error as `recipe.path (line n): found, expected, what to do`."""
    loc = _real_loc(error["loc"], data)
    shown = f"recipe.{show_path(loc)}" if loc else "recipe"
    line = _line(marked, loc)
    if error["type"] == "extra_forbidden":
        key = str(loc[-1])
        later = _later(loc)
        if later:
            return f"{shown}{line}: {later} is not in this version of Evenly yet. Take the key out."
        choices = _keys_at(loc[:-1])
        return f"{shown}{line}: unknown key '{key}'.{did_you_mean(key, choices)}{choices_line('keys', choices)}"
    if error["type"] == "missing":
        return f"{shown}{_line(marked, loc[:-1])}: is missing. {_purpose(loc)}"
    return f"{shown}{line}: {_expectation(error, loc)}"


def _merged(texts: Sequence[str]) -> list[str]:
    """Return the faults without repetitions; what was expected instead of one value stands in one fault."""
    merged: dict[str, list[str]] = {}
    for text in texts:
        found, expected, what = text.partition(", expected ")
        others = merged.setdefault(found + expected, [])
        if what not in others:
            others.append(what)
    return [found + " or ".join([*(what.removesuffix(".") for what in others[:-1]), others[-1]]) for found, others in merged.items()]


def _expectation(error: ErrorDetails, loc: Loc) -> str:
    """Return what was found and what was expected, in a user's words."""
    found = _found(error["input"])
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "literal_error":
        if loc[-1] == "policy" and error["input"] in LATER_POLICIES:
            return f"policy '{error['input']}' is not in this version of Evenly yet; it has: cap."
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        near = did_you_mean(str(error["input"]), choices)
        return f"found {found}, expected one of: {', '.join(choices)}.{near}"
    if kind == "value_error":
        return f"{context['error']}."
    wanted = WANTED.get(kind)
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
        if _is_mapping(here):
            missing = depth == len(loc) - 1 and isinstance(step, str) and step.isidentifier()
            if step in here or missing:
                real.append(step)
                here = here.get(step)
        elif _is_list(here) and isinstance(step, int) and step < len(here):
            real.append(step)
            here = here[step]
    return tuple(real)


def _later(loc: Loc) -> str | None:
    """Return what a key of the design is that this version lacks; `split.lite` may have keys of its own beneath."""
    named = [str(step) for step in loc if isinstance(step, str)]
    return LATER.get(".".join(named[:2])) or LATER.get(".".join(named[-2:])) or LATER.get(".".join(named))


def _line(marked: Any, loc: Loc) -> str:  # noqa: ANN401 - ruamel's marked data
    """Return ` (line 12)` for a location in marked YAML, or nothing where the line is not known."""
    line: int | None = None
    here = marked
    for step in loc:
        marks = getattr(here, "lc", None)
        try:
            if marks is not None:
                line = (marks.key(step) if isinstance(step, str) else marks.item(step))[0] + 1
            here = here[step]
        except (KeyError, IndexError, TypeError):
            break
    return f" (line {line})" if line is not None else ""


def _found(value: Any) -> str:  # noqa: ANN401 - plain data
    text = repr(value) if isinstance(value, str | int | float | bool) else _kind(value)
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


def _kind(value: Any) -> str:  # noqa: ANN401 - plain data
    if value is None:
        return "nothing"
    if _is_mapping(value):
        return "a mapping with the keys " + ", ".join(map(str, value))
    return "a list" if _is_list(value) else repr(value)


def _is_mapping(value: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
