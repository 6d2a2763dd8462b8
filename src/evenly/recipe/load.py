"""From YAML to a checked recipe: YAML 1.2, `--set` overrides, and every fault at once with its path and line."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from wcmatch import glob

from evenly.errors import RecipeError, did_you_mean, siblings
from evenly.recipe.described import described
from evenly.recipe.faults import checked, found_in, is_list, is_mapping, kind_of
from evenly.recipe.model import Recipe
from evenly.recipe.plain import DEEPEST, LONGEST, refuse_unless_plain
from evenly.recipe.variants import variants_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.recipe.needs import Loc


UNREAD: Final = (TypeError, LookupError, AttributeError, NotImplementedError)
"""What ruamel.yaml raises where a key is a mapping, a value is not what its tag says, or comments overlap."""


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file; its relative files are taken from its folder, those of overrides from the working folder.

    Raises:
        RecipeError: when the file can't be read, or with every fault of its content.
    """
    try:
        with Path(path).open("rb") as file:
            text = file.read(4 * LONGEST).decode("utf-8-sig")  # more than a recipe can be, and no more than that
    except FileNotFoundError:
        near = did_you_mean(Path(path).name, siblings(Path(path)))
        raise RecipeError([f"{path}: no such recipe. Give the path of a YAML file.{near}"]) from None
    except UnicodeDecodeError as fault:
        raise RecipeError([f"{path}: not UTF-8 at byte {fault.start}. Save the recipe as UTF-8."]) from None
    except OSError as fault:
        raise RecipeError([f"{path}: can't be read: {fault.strerror}. Check the path and its rights."]) from None
    return parse_recipe(text, overrides, folder=Path(path).parent, shown=str(path))


def parse_recipe(text: str, overrides: Sequence[str] = (), folder: Path | None = None, shown: str = "recipe") -> Recipe:
    """Read a recipe from YAML text; see `read_recipe`. Without `folder`, files are taken from the working folder."""
    marked = _yaml(text, shown)
    if not is_mapping(marked):
        raise RecipeError([f"{shown}: expected keys such as `name:` and `sources:`, found {found_in(marked)}."])
    try:
        plain: dict[str, Any] = _plain(marked)
    except RecursionError:
        raise _endless(shown) from None
    if folder is not None and folder != Path():
        take_files_from(plain, folder)
    return override_and_build(plain, overrides, marked=marked, shown=shown)


def override_and_build(
    data: dict[str, Any], overrides: Sequence[str] = (), marked: object = None, shown: str = "recipe"
) -> Recipe:
    """Apply overrides to a copy of plain data and check it; see `build_recipe`."""
    try:
        changed = copy.deepcopy(data)
        for one in overrides:
            override(changed, one)
        return build_recipe(changed, marked=marked, shown=shown)
    except RecursionError:
        raise _endless(shown) from None


def build_recipe(data: dict[str, Any], marked: object = None, shown: str = "recipe") -> Recipe:
    """Check plain data; `marked` is the same data with YAML's line marks, `shown` the name for errors.

    Raises:
        RecipeError: with every fault found, of shape and of meaning, in the recipe's order.
    """
    recipe, faults = checked(data)
    if recipe is None or faults:
        texts = [
            f"recipe.{path}{_line(marked, loc)}: {text}" if path else f"recipe: {text}" for loc, path, text in faults
        ]
        raise RecipeError([text if shown == "recipe" else f"{shown}: {text}" for text in texts])
    variants_of(recipe)
    return recipe


def json_schema() -> dict[str, Any]:
    """Return the recipe's JSON Schema (draft 2020-12), for editors."""
    schema = described(Recipe.model_json_schema(), Recipe)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Evenly recipe"}


def _endless(shown: str) -> RecipeError:
    found = "a value holds itself (an anchor within what it names), or nests too deep"
    return RecipeError([f"{shown}: {found}. Write the value itself in its place."])


def _yaml(text: str, shown: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return YAML 1.2 with ruamel's line marks."""
    reader: Any = YAML(typ="rt")
    try:
        refuse_unless_plain(text, shown)
        with warnings.catch_warnings(action="ignore", category=ReusedAnchorWarning):  # a name given twice is no fault
            return reader.load(text)
    except MarkedYAMLError as fault:
        marked: Any = fault
        line = f":{marked.problem_mark.line + 1}" if marked.problem_mark is not None else ""
        problem = " ".join(str(marked.problem or marked.context).split())
        raise RecipeError([f"{shown}{line}: not YAML: {problem}. Check its brackets, quotes and indents."]) from None
    except (YAMLError, ValueError, RecursionError) as fault:
        raise RecipeError(
            [f"{shown}: not YAML: {' '.join(str(fault).split())}. Check its brackets, quotes and indents."]
        ) from None
    except UNREAD as fault:
        found = " ".join(str(fault).split())[:100] or type(fault).__name__
        advice = "Put text that has braces in it into quotes, and leave tags (!!…) out"
        raise RecipeError([f"{shown}: YAML that can't be read: {found}. {advice}."]) from None


def _plain(value: Any) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return ruamel's marked values as plain ones (its texts and numbers are subclasses that strict types refuse)."""
    if is_mapping(value):
        return {str(key): _plain(item) for key, item in value.items()}
    if is_list(value):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value if value is None else str(value)


def take_files_from(data: dict[str, Any], folder: Path) -> None:
    """Make a recipe's paths, which are relative to `folder`, relative to where one stands; `data` is changed."""

    def moved(path: Any) -> Any:  # noqa: ANN401 - not checked yet
        if not isinstance(path, str) or "://" in path or Path(path).is_absolute():
            return path
        magic = glob.is_magic(path, flags=glob.BRACE) and glob.is_magic(folder.as_posix(), flags=glob.BRACE)
        return f"{glob.escape(folder.as_posix()) if magic else folder.as_posix()}/{path}"

    for named in _with_files(data):
        files: Any = named["files"]
        named["files"] = [moved(file) for file in files] if is_list(files) else moved(files)
    if str(data.get("tokenizer")).endswith(".json"):
        data["tokenizer"] = (folder / data["tokenizer"]).as_posix()


def _with_files(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the mappings of a recipe that name files: sources, `exclude` steps, wanted distributions."""
    sources, steps, balance = data.get("sources"), data.get("curate"), data.get("balance")
    found: list[Any] = list(sources) if is_list(sources) else []
    found += [step.get("exclude") for step in steps if is_mapping(step)] if is_list(steps) else []
    if is_mapping(balance):
        marginals = balance.get("marginals")
        found += [balance.get("target"), *(marginals.values() if is_mapping(marginals) else [])]
    return [one for one in found if is_mapping(one) and "files" in one]


def override(data: dict[str, Any], given: str) -> None:
    """Set one `a.b.0=value` in plain data; the value is YAML.

    Raises:
        RecipeError: for what is no override, or leads through what has no keys.
    """
    path, equals, text = given.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        example = "balance.cap=100 or sources.0.files=data/*.jsonl"
        raise RecipeError([f"--set {given}: expected KEY=VALUE, such as {example}."])
    if len(keys) > DEEPEST:
        raise RecipeError([f"--set {path[:60]}…: {len(keys):,} keys inside one another, expected {DEEPEST} at most."])
    value = _plain(_yaml(text, f"--set {path}"))
    here: Any = data
    for depth, key in enumerate(keys[:-1]):
        here = _descend(here, key, f"--set {given}: {'.'.join(keys[: depth + 1])}")
    if is_list(here):
        here[_index(here, keys[-1], f"--set {given}: {path}")] = value
    elif is_mapping(here):
        here[keys[-1]] = value
    else:
        raise RecipeError(
            [f"--set {given}: {'.'.join(keys[:-1])} is {kind_of(here)}, it has no keys. Set it as a whole."]
        )


def _descend(here: Any, key: str, shown: str) -> Any:  # noqa: ANN401 - plain data
    if is_list(here):
        return here[_index(here, key, shown)]
    if is_mapping(here):
        return here.setdefault(key, {})
    raise RecipeError([f"{shown}: {kind_of(here)} has no keys. Set it as a whole."])


def _index(items: list[Any], key: str, shown: str) -> int:
    if key.isdecimal() and int(key) < len(items):
        return int(key)
    raise RecipeError([f"{shown}: found '{key}', expected a number from 0 to {len(items) - 1} (items count from 0)."])


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
