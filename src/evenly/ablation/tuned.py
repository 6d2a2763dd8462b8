"""A search from its recipe to the recipe that it chose: written out, and measured once on the last test."""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

import evenly
from evenly.ablation.kept import TUNED_RECIPE, Numbers, write_tuned
from evenly.ablation.knobs import POWER_OF, set_key, turned
from evenly.ablation.run import ablate_recipes
from evenly.ablation.sets import with_holdout
from evenly.ablation.tune import search
from evenly.recipe.variants import variants_of
from evenly.reporting.card import to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evenly.ablation.knobs import Knob, Value
    from evenly.ablation.options import Options
    from evenly.ablation.tune import Search
    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

TUNED_NAME = "tuned"


def tune_recipe(
    recipe: Recipe, source: str | None, how: Search, last: Options, folder: Path, engine: Engine, reporter: Reporter
) -> Numbers:
    """Search a recipe's knobs in `folder`, write the recipe that was chosen, and measure it on the last test.

    `source` is the YAML that the recipe was read from: the one that is written keeps its comments. `last` says how the
    last measurement is made: an ablation of the recipe, its variants and the tuned one.

    Raises:
        UserError: for a recipe without knobs, or a folder that holds another search.
    """
    begun = time.monotonic()
    variants = with_holdout(variants_of(recipe))
    first = next(iter(variants.values()))
    found = search(first, how, folder, engine, reporter)
    searched = time.monotonic()
    chosen = turned(first, found.knobs, found.chosen, f"{recipe.name}-{TUNED_NAME}")
    text = written_out(chosen, source, found.knobs, found.chosen)
    (folder / TUNED_RECIPE).write_text(text, encoding="utf-8")
    made = ablate_recipes({**variants, chosen.name: chosen}, last, engine, reporter)
    numbers: Numbers = {
        "version": found.numbers["version"],
        "evenly": evenly.__version__,
        "name": recipe.name,
        "tuned": chosen.name,
        "recipe": first.to_dict(),
        "search": found.numbers,
        "chosen": {knob.key: knob.value(found.chosen[knob.key]) for knob in found.knobs},
        "written": text,
        "ablation": made.numbers,
        "timings": {"search": round(searched - begun, 1), "measure": round(time.monotonic() - searched, 1)},
    }
    write_tuned(folder, numbers, made.predictions)
    return numbers


def written_out(chosen: Recipe, source: str | None, knobs: Sequence[Knob], found: Mapping[str, Value]) -> str:
    """Return the chosen recipe as YAML: the source with its keys changed, comments and all, where there is one."""
    if source is None:
        return to_yaml(chosen.to_dict())
    reader: Any = YAML(typ="rt")
    reader.width = 4096  # a folded line would change a text
    data = reader.load(source)
    data["name"] = chosen.name
    data.pop("variants", None)
    for knob in knobs:
        set_key(data, knob.key, knob.value(found[knob.key]))
    if "balance.alpha" in found and data["balance"].get("policy") in POWER_OF:
        data["balance"]["policy"] = "power"
    if "holdout" not in data and chosen.holdout is not None:  # what was searched with stays held out
        data["holdout"] = chosen.holdout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    out = io.StringIO()
    reader.dump(data, out)
    return out.getvalue()
