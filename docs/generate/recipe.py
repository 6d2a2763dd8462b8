"""docs/reference/recipe.md: every key of a recipe with a sentence and an example; expressions; numbers of the pool."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl
from ruamel.yaml import YAML

from evenly.recipe.expression import parse_expression, to_polars
from evenly.recipe.expression_operations import FUNCTIONS, OPERATORS
from evenly.recipe.load import build_recipe
from evenly.recipe.statistic import STATISTICS
from evenly.recipe.steps import Step
from evenly.recipe.variants import lay_over
from generate.keys import ANY, Key, Part, parts, shared_keys

if TYPE_CHECKING:
    from evenly.recipe.model import Recipe

FILE: Final = Path(__file__).with_name("examples.yaml")

INTRODUCTION: Final = """\
A recipe is a YAML file that says everything about a dataset: where its records come from, how they are cleaned, how
many of each stratum are drawn, and what is written. YAML is read as version 1.2: `no` is text, `1e6` is a number.
Unknown keys are refused, and `evenly check RECIPE` tells every fault at once.

Paths below read like this: `sources[]` is each item of a list, `NAME` is a name of your own. Each example is laid over
this recipe:

```yaml
{base}```

`--set KEY=VALUE` changes a key from the command line (`--set balance.cap=600`, `--set sources.0.files=raw/*.jsonl`).
`evenly schema` prints the JSON Schema with these sentences; an editor that knows it completes and checks as you type.
"""

EXPRESSIONS: Final = """\
`filter`, `derive`, `take_all` and `weight` take an expression: SQL over one record. Columns stand by their names,
texts in 'single' quotes, a name with spaces or signs in "double" ones. What is not on this list is refused: subqueries,
tables, windows, aggregates and clocks among it.

{rules}
"""

STATS: Final = """\
`balance.stats` names numbers over the whole pool, less the holdout, or over what `balance.filter` leaves of it.
`weight` and `take_all` use them by their names.
"""

MORE: Final = {"balance": "[Balancing policies](../policies.md) shows what each policy does, with a picture."}
"""Part -> what else to read."""


@cache
def examples() -> dict[str, Any]:
    """Return what `examples.yaml` holds."""
    reader: Any = YAML(typ="safe")
    return reader.load(FILE.read_text(encoding="utf-8"))


def loaded(text: str) -> dict[str, Any]:
    """Return an example as plain data."""
    reader: Any = YAML(typ="safe")
    return reader.load(text)


def with_example(path: str) -> Recipe:
    """Return the base recipe with the example of a key laid over it; a balance of another policy starts without a cap.

    Raises:
        RecipeError: when it is no sound recipe.
    """
    data, change = loaded(examples()["base"]), loaded(examples()["keys"][path])
    if {"policy", "size"} & change.get("balance", {}).keys():
        del data["balance"]["cap"]
    return build_recipe(lay_over(data, change))


def holds(data: Any, path: str) -> bool:  # noqa: ANN401 - plain data
    """Say whether plain data has a value at a path such as `sources[].columns.NAME.value`."""
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    given = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
    found = list(given.values()) if name.isupper() else [given[name]] if name in given else []
    if head.endswith("[]"):
        found = [item for one in found if isinstance(one, list) for item in cast("list[Any]", one)]
    return any(holds(one, rest) for one in found) if rest else bool(found)


def page() -> str:
    """Return the page."""
    sections = [part for one in parts() for part in section(one)]
    return "\n".join(
        [
            "# Recipe\n",
            INTRODUCTION.format(base=examples()["base"]),
            *sections,
            "## Expressions\n",
            EXPRESSIONS.format(rules=rules()),
            *_table("function", FUNCTIONS, examples()["functions"]),
            *_table("operator", OPERATORS, examples()["operators"]),
            "## Numbers over the pool\n",
            STATS,
            "| written | what it is |\n|---|---|",
            *(f"| `{written}` | {text} |" for written, text in STATISTICS.values()),
            "",
        ]
    )


def section(part: Part) -> list[str]:
    """Return the lines of a part of the recipe."""
    also = "".join(f", `{place}`" for place in part.places[1:])
    title = f"`{part.places[0]}`{also}" if part.places[0] else part.title
    text = inspect.getdoc(part.model) if part.places[0] else "What stands at the top of the file."
    told = [f"## {title}\n", markdown(text or ""), ""]
    if part.places[0] in MORE:
        told += [MORE[part.places[0]], ""]
    keys = [*part.keys, *(shared_keys() if part.model is Step else [])]
    return told + [line for key in keys for line in entry(key)]


def entry(key: Key) -> list[str]:
    """Return the lines of a key."""
    example = examples()["keys"].get(key.path, "")
    text = f"{key.text} Every kind of step has it." if ANY in key.path else key.text
    return [f"### `{key.path}`\n", f"*{key.kind}; {key.default}*\n", f"{markdown(text)}\n", f"```yaml\n{example}```\n"]


def markdown(text: str) -> str:
    """Return a docstring's text as Markdown: one line a paragraph, arrows as arrows."""
    return "\n\n".join(" ".join(one.split()) for one in text.replace("->", "→").split("\n\n"))


def rules() -> str:
    """Return what an expression means, from the module that says it."""
    import evenly.recipe.expression as module  # noqa: PLC0415 - its docstring alone

    _, _, told = (module.__doc__ or "").partition("What an expression means:\n\n")
    return "\n".join(re.sub(r"^  (?=\S)", "  ", line) for line in told.strip().splitlines())


def value_of(expression: str) -> str:
    """Return what an expression without columns is, as one would write it; nothing for one with a column."""
    parsed = parse_expression(expression)
    if parsed.columns:
        return ""
    value = pl.DataFrame({"one": [1]}).select(to_polars(parsed).alias("it")).item()
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float | int) else repr(value)


def _table(what: str, names: dict[str, Any], told: dict[str, list[str]]) -> list[str]:
    """Return a table of all functions, or operators: an example, its value, what it does."""
    rows = [told[name] for name in names]
    lines = [f"| `{cell(written)}` | {_code(value_of(written))} | {cell(text)} |" for written, text in rows]
    return [f"| {what} | gives | |", "|---|---|---|", *lines, ""]


def _code(text: str) -> str:
    return f"`{cell(text)}`" if text else ""


def cell(text: str) -> str:
    """Return a text as it stands in a table."""
    return text.replace("|", "\\|")
