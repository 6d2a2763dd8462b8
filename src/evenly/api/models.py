"""From recipes to proxies: ablate and tune."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenly.ablation.kept import (
    ABLATION,
    STUDY,
    AblationResult,
    TuneResult,
    given_variants,
    read_ablation,
    write_ablation,
)
from evenly.ablation.options import Options, search_options
from evenly.api.given import read_given
from evenly.errors import UserError
from evenly.flow.run import opened
from evenly.io.output import built, claimed, working
from evenly.io.within import refuse_links_out
from evenly.recipe.variants import variants_of
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Unpack

    from evenly.ablation.options import AblationOptions, SearchOptions
    from evenly.api.given import RecipeLike
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


def ablate(
    *recipes: RecipeLike,
    out: str | Path = "ablation",
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    force: bool = False,
    engine: str = "local",
    reporter: Reporter | None = None,
    **options: Unpack[AblationOptions],
) -> AblationResult:
    """Train small proxy models on what each recipe selects, and say where that helps, hurts, or can't be told.

    All are held against the proportional sample of the same budget, on a natural and a balanced test that none of them
    saw. A recipe with `variants` stands for all of these; the folder of an ablation, alone, for what was done there.
    The folder `out` gets the page, `ablation.json` and all predictions.

    Raises:
        UserError: for recipes that can't be compared, a budget that one of them can't fill, tests that are too small.
    """
    place = Path(out)
    work = _ablation("evenly.ablation.run")
    with claimed(place, force=force, mark=ABLATION) as real:
        named, given = _contestants(recipes, set)
        chosen = Options.from_dict(given | options)
        with opened(engine, next(iter(named.values()))) as worker:
            made = work.ablate_recipes(named, chosen, worker, reporter or Silent())
        with built(real, force=force) as folder:
            write_ablation(folder, made.numbers, made.predictions)
    return AblationResult(place, made.numbers)


def tune(
    recipe: RecipeLike,
    *,
    out: str | Path = "tuned",
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    force: bool = False,
    engine: str = "local",
    reporter: Reporter | None = None,
    **how: Unpack[SearchOptions],
) -> TuneResult:
    """Search a recipe's knobs by the errors of a small proxy on a natural and a balanced test.

    The folder `out` keeps the trials, so that the same call goes on with a search that was interrupted; it gets the
    page, `tune.json` and `tuned.yaml`, the recipe at the knee of the front, which is measured once on a test that the
    search never saw.

    Raises:
        UserError: for a recipe that has no knobs or no label, or a folder that holds something else.
    """
    place = Path(out)
    work = _ablation("evenly.ablation.tuned")
    loaded = read_given(recipe, set)
    source = Path(recipe) if isinstance(recipe, (str, Path)) and not set else None
    options = search_options(how)
    with working(place, STUDY), opened(engine, loaded) as worker:
        refuse_links_out(place)
        numbers = work.tune_recipe(loaded, source, *options, place, worker, reporter or Silent(), force=force)
    return TuneResult(place, numbers)


def _ablation(name: str) -> ModuleType:
    """Return what makes ablations or searches, which takes libraries of an extra.

    Raises:
        UserError: when they are not there.
    """
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        message = f"ablate, tune: a library is not installed ({fault.name}). Run: pip install 'evenly[ablate]'"
        raise UserError(message) from None


def _contestants(given: Sequence[RecipeLike], overrides: Sequence[str]) -> tuple[dict[str, Recipe], dict[str, Any]]:
    """Return the recipes of an ablation by name, variants among them, and the options of one that is made again."""
    if len(given) == 1 and isinstance(given[0], (str, Path)) and (Path(given[0]) / ABLATION).is_file():
        numbers = read_ablation(Path(given[0]))
        return {one["name"]: read_given(one["recipe"], overrides) for one in given_variants(numbers)}, numbers[
            "options"
        ]
    if not given:
        message = "ablate: no recipe is given. Give recipes, or one that has variants."
        raise UserError(message)
    found: dict[str, Recipe] = {}
    for one in given:
        for name, recipe in variants_of(read_given(one, overrides)).items():
            if name in found:
                message = f"ablate: two variants are called '{name}'. Give each recipe a name of its own."
                raise UserError(message)
            found[name] = recipe
    return found, {}
