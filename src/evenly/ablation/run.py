"""An ablation from its recipes to what it says (see `evenly.ablation.told`)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import evenly
from evenly.ablation.contest import set_up
from evenly.ablation.fits import as_frame, constants, fit_all, models_of
from evenly.ablation.kept import VERSION, Numbers
from evenly.ablation.metrics import Truth, measures_for
from evenly.ablation.proxies import PROXIES
from evenly.ablation.sets import with_holdout
from evenly.ablation.told import (
    Regions,
    curve,
    describe_regions,
    examples,
    judged_measure,
    results,
    size_curve,
    training_facts,
)
from evenly.ablation.verdict import LEVEL
from evenly.columns import LABEL
from evenly.errors import UserError, choices_line, did_you_mean
from evenly.io.cache import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from evenly.ablation.contest import Setting
    from evenly.ablation.options import Options
    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

LIBRARIES: Final = ("lightgbm", "numpy", "polars", "scikit-learn", "scipy")
"""What figures depend on besides the recipes."""


@dataclass(frozen=True)
class Made:
    """An ablation that was made: what it says, and all predictions."""

    numbers: Numbers
    predictions: pl.DataFrame


def ablate_recipes(recipes: Mapping[str, Recipe], options: Options, engine: Engine, reporter: Reporter) -> Made:
    """Train proxies on each recipe's selection and on the proportional sample, test them, and say what that shows.

    Keys of the numbers: `version`, `evenly`, `libraries`; `options`; `label`, `classes`, `categorical`; `base`,
    `budget`, `seeds`, `level`; `measure`, `measures` [{name, what, better, unit}]; `proxies`; `variants` as
    `training_facts` gives them; `tests` {name: {rows, digest}}, `lost`; `regions`; `results`, `curve`, `sizes`,
    `examples`; `timings`.

    Raises:
        UserError: for recipes that can't be compared, a budget or tests that are too small.
    """
    begun = time.monotonic()
    ready = with_holdout(recipes)
    with scratch_folder() as scratch:
        setting = set_up(ready, options, scratch, engine, reporter)
        drawn = time.monotonic()
        made = _judged(setting, options, reporter)
    trained = time.monotonic()
    made.numbers["timings"] = {"draw": round(drawn - begun, 1), "train": round(trained - drawn, 1)}
    return made


def _judged(setting: Setting, options: Options, reporter: Reporter) -> Made:
    rows, contest = setting.tests.rows, setting.contest
    truth = Truth(rows[LABEL].to_numpy(), rows["stratum"].cast(int).to_numpy(), contest.categorical)
    measures = measures_for(truth)
    judged = judged_measure(measures, options.measure)
    if judged is None:
        names = [one.name for one in measures]
        near = did_you_mean(str(options.measure), names)
        message = f"--measure: '{options.measure}' is none of this label's.{near}{choices_line('measures', names)}"
        raise UserError(message)
    lowest = min(
        float(library.labels[library.labels == library.labels].min()) for library in contest.libraries.values()
    )
    models = models_of(options, categorical=contest.categorical, logarithms=lowest > -1)
    if not models:
        message = f"--scales: there is no logarithm of a label of {lowest:g}. Give units."
        raise UserError(message)
    by_size = {size: fit_all(contest, models, size, reporter) for size in sorted(options.sizes)[:-1]}
    predicted = fit_all(contest, models, None, reporter)
    if options.sizes:
        by_size[max(options.sizes)] = predicted
    numbers: Numbers = {
        "version": VERSION,
        "evenly": evenly.__version__,
        "libraries": {name: version(name) for name in LIBRARIES},
        "options": options.to_dict(),
        "label": contest.variants[0].recipe.balance.label,
        "categorical": contest.categorical,
        "classes": setting.classes,
        "base": setting.base,
        "budget": str(setting.budget),
        "seeds": list(contest.seeds),
        "level": LEVEL,
        "measure": judged.name,
        "measures": [{"name": m.name, "what": m.what, "better": m.better, "unit": m.unit} for m in measures],
        "proxies": [vars(PROXIES[name]) for name in options.proxies],
        "variants": training_facts(setting),
        "tests": {
            name: {"rows": int(rows[name].sum()), "digest": digest} for name, digest in setting.tests.digests.items()
        },
        "lost": setting.tests.lost,
        "regions": describe_regions(Regions(setting, options.bands)),
        "results": results(setting, predicted, constants(contest, setting.base), models, options, judged),
        "curve": curve(setting, predicted, models),
        "sizes": size_curve(setting, by_size, models, options, judged) if by_size else [],
        "examples": examples(setting, predicted, models),
    }
    return Made(numbers, as_frame(predicted, rows, contest.seeds, setting.classes))
