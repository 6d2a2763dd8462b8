"""A search from its recipe to the recipe that it chose: written out, and measured once on the last test."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

import evenly
from evenly.ablation.kept import TUNED_RECIPE, Numbers, write_tuned
from evenly.ablation.knobs import POWER_OF, set_key, turned
from evenly.ablation.run import ablate_recipes
from evenly.ablation.sets import with_holdout
from evenly.ablation.tune import search
from evenly.ablation.verdict import rows_needed
from evenly.errors import UserError
from evenly.recipe.load import take_files_from
from evenly.recipe.variants import variants_of
from evenly.reporting.card import to_yaml

if TYPE_CHECKING:
    from evenly.ablation.options import Options
    from evenly.ablation.tune import Found, Search
    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

TUNED_NAME = "tuned"


def tune_recipe(
    recipe: Recipe,
    source: Path | None,
    how: Search,
    last: Options,
    folder: Path,
    engine: Engine,
    reporter: Reporter,
    *,
    force: bool,
) -> Numbers:
    """Search a recipe's knobs in `folder`, write the recipe that was chosen, and measure it on the last test.

    `source` is the file that the recipe was read from: the one that is written keeps its comments. `last` says how the
    last measurement is made: an ablation of the recipe, its variants and the tuned one. With `force` an earlier search
    in the folder goes, once it is clear that this one can begin.

    Raises:
        UserError: for a recipe without knobs, or a folder that holds another search.
    """
    begun = time.monotonic()
    if source is not None and folder.resolve() in source.resolve().parents:
        message = f"{source}: lies in {folder}, which the search writes to. Copy the recipe, or choose another --out."
        raise UserError(message)
    text = None if source is None else source.read_text(encoding="utf-8-sig")
    variants = with_holdout(variants_of(recipe))
    first = next(iter(variants.values()))
    found = search(first, how, folder, engine, reporter, rows_needed(last.smallest_effect), force=force)
    searched = time.monotonic()
    chosen = turned(first, found.knobs, found.chosen, f"{recipe.name}-{TUNED_NAME}")
    written = written_out(chosen, source, text, found, folder)
    (folder / TUNED_RECIPE).write_text(written, encoding="utf-8")
    made = ablate_recipes({**variants, chosen.name: chosen}, last, engine, reporter)
    numbers: Numbers = {
        "version": found.numbers["version"],
        "evenly": evenly.__version__,
        "name": recipe.name,
        "tuned": chosen.name,
        "recipe": first.to_dict(),
        "search": found.numbers,
        "chosen": {knob.key: knob.value(found.chosen[knob.key]) for knob in found.knobs},
        "written": written,
        "ablation": made.numbers,
        "timings": {"search": round(searched - begun, 1), "measure": round(time.monotonic() - searched, 1)},
    }
    write_tuned(folder, numbers, made.predictions)
    return numbers


def written_out(chosen: Recipe, source: Path | None, text: str | None, found: Found, folder: Path) -> str:
    """Return the chosen recipe as YAML to stand in `folder`: the source's `text` with its keys changed."""
    if source is None or text is None:
        data = chosen.to_dict()
        take_files_from(data, Path(os.path.relpath(Path.cwd(), folder)))
        return to_yaml(data)
    reader: Any = YAML(typ="rt")
    reader.width = 4096  # a folded line would change a text
    reader.preserve_quotes = True
    marked: Any = reader.load(text)
    marked["name"] = chosen.name
    marked.pop("variants", None)
    for knob in found.knobs:
        set_key(marked, knob.key, knob.value(found.chosen[knob.key]))
    if "balance.alpha" in found.chosen and marked["balance"].get("policy") in POWER_OF:
        marked["balance"]["policy"] = "power"
    if "holdout" not in marked and chosen.holdout is not None:  # what was searched with stays held out
        marked["holdout"] = chosen.holdout.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    take_files_from(marked, Path(os.path.relpath(source.parent, folder)))
    out = io.StringIO()
    reader.dump(marked, out)
    return out.getvalue()
