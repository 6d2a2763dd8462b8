"""From predictions to what an ablation says: measures, verdicts, curves and examples, as plain data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evenly.ablation.metrics import Truth, measure_all, measures_for
from evenly.ablation.sets import PROPORTIONAL
from evenly.ablation.verdict import effect_of, judge, own_interval
from evenly.columns import ID, LABEL
from evenly.core.reserve import TEXT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.ablation.contest import Setting
    from evenly.ablation.fits import Model, Predicted
    from evenly.ablation.metrics import Measure, Measured
    from evenly.ablation.options import Options

    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

CONSTANT: Final = "constant"
"""What a model is called that says the same of everything."""

MANY_SHOT, FEW_SHOT = 100, 20
"""Training rows of the proportional sample in a stratum: more are many, fewer than the second are few."""

BINS: Final = 6
"""Intervals of the label along which the error is shown, of either test."""

FEWEST_OF_BIN: Final = 10

EXAMPLES: Final = 12

EXAMPLE_CHARS: Final = 400


class Regions:
    """The parts of the tests that are looked at: names, and which rows they hold."""

    def __init__(self, setting: Setting, bands: Sequence[float]) -> None:
        """Part the rows of the natural test by its strata's training rows, and by bands of the label."""
        rows = setting.tests.rows
        natural, self.label = rows["natural"].to_numpy(), rows[LABEL].to_numpy()
        self.strata = rows["stratum"].cast(int).to_numpy()
        self.groups = np.unique(rows["group"].to_numpy(), return_inverse=True)[1].astype(np.int64)
        self.tests: dict[str, Mask] = {"natural": natural, "balanced": rows["balanced"].to_numpy()}
        shots = np.append(np.array(setting.shots), np.nan)[self.strata]
        self.parts: dict[str, Mask] = {
            "many-shot": natural & (shots > MANY_SHOT),
            "medium-shot": natural & (shots >= FEW_SHOT) & (shots <= MANY_SHOT),
            "few-shot": natural & (shots < FEW_SHOT),
        }
        edges = [-np.inf, *sorted(bands), np.inf] if bands and not setting.contest.categorical else []
        for low, high in pairwise(edges):
            self.parts[_band(low, high)] = natural & (self.label >= low) & (self.label < high)
        self.categorical = setting.contest.categorical

    @property
    def all(self) -> dict[str, Mask]:
        """Tests and parts that have a row."""
        return {name: which for name, which in (self.tests | self.parts).items() if which.any()}

    def truth(self, which: Mask) -> Truth:
        """Return what is known of some rows."""
        return Truth(self.label[which], self.strata[which], self.categorical)


def _band(low: float, high: float) -> str:
    if low == -np.inf:
        return f"below {high:,g}"
    return f"{low:,g} and over" if high == np.inf else f"{low:,g} to {high:,g}"


def describe_regions(regions: Regions) -> list[dict[str, Any]]:
    """Return each region's name, rows and meaning."""
    what = {
        "natural": "what is held out, as it is",
        "balanced": "the same number of each stratum, as far as it has them",
        "many-shot": f"natural, strata with more than {MANY_SHOT} training rows in the proportional sample",
        "medium-shot": f"natural, strata with {FEW_SHOT} to {MANY_SHOT} of them",
        "few-shot": f"natural, strata with fewer than {FEW_SHOT}",
    }
    return [
        {"name": name, "rows": int(which.sum()), "what": what.get(name, f"natural, label {name}")}
        for name, which in (regions.tests | regions.parts).items()
    ]


def judged_measure(measures: Sequence[Measure], asked: str | None) -> Measure | None:
    """Return the measure that verdicts are about, or None for a name that is none."""
    return next((one for one in measures if one.name == (asked or measures[0].name)), None)


def results(
    setting: Setting, predicted: Predicted, constant: Floats, models: Sequence[Model], options: Options, judged: Measure
) -> list[dict[str, Any]]:
    """Return what each model shows: `proxy`, `scale`, and `variants`, best told by their verdicts.

    Of a variant: `name`, `measures` {region: {measure: {value, low, high}}}, `verdicts`; or why it `failed`.
    """
    regions = Regions(setting, options.bands)
    told: list[dict[str, Any]] = []
    for model in models:
        base = _measured(predicted.arrays.get((setting.base, model)), regions)
        rows: list[dict[str, Any]] = [
            {"name": CONSTANT, "measures": _plain(_measured(constant, regions), regions), "verdicts": []}
        ]
        for variant in setting.contest.variants:
            failed = predicted.failures.get((variant.name, model))
            if failed is not None:
                rows.append({"name": variant.name, "failed": failed})
                continue
            own = _measured(predicted.arrays[variant.name, model], regions)
            verdicts: list[dict[str, Any]] = []
            if base and variant.name != setting.base:
                effects = [
                    (name, effect_of(own[name][judged.name], base[name][judged.name], regions.groups[which]))
                    for name, which in regions.all.items()
                ]
                found = judge(effects, options.smallest_effect, judged.better)
                verdicts = [one.to_dict() for one in found]
            rows.append({"name": variant.name, "measures": _plain(own, regions), "verdicts": verdicts})
        told.append({"proxy": model[0], "scale": model[1], "variants": rows})
    return told


def _measured(array: Floats | None, regions: Regions) -> dict[str, Mapping[str, Measured]]:
    """Return all measures of some predictions in each region."""
    if array is None:
        return {}
    found: dict[str, Mapping[str, Measured]] = {}
    for name, which in regions.all.items():
        truth = regions.truth(which)
        found[name] = measure_all(array[:, which], truth, measures_for(truth))
    return found


def _plain(measured: Mapping[str, Mapping[str, Measured]], regions: Regions) -> dict[str, dict[str, Any]]:
    return {
        name: {key: _with_interval(one, regions.groups[regions.all[name]]) for key, one in own.items()}
        for name, own in measured.items()
    }


def _with_interval(one: Measured, groups: NDArray[np.int64]) -> dict[str, float | None]:
    numbers = (one.value, *own_interval(one, groups))
    shown = [float(value) if np.isfinite(value) else None for value in numbers]
    return dict(zip(("value", "low", "high"), shown, strict=True))


def curve(setting: Setting, predicted: Predicted, models: Sequence[Model]) -> dict[str, Any] | None:
    """Return the mean absolute error along a numeric label, over all rows of the tests.

    `edges`; `rows` of each interval; `models` [{proxy, scale, variants: [{name, values}]}].
    """
    label = setting.tests.rows[LABEL].to_numpy()
    if setting.contest.categorical:
        return None
    edges = _edges(*(label[setting.tests.rows[test].to_numpy()] for test in ("natural", "balanced")))
    places = np.searchsorted(edges[1:-1], label, side="right")
    bins = len(edges) - 1
    rows = np.bincount(places, minlength=bins)
    told: list[dict[str, Any]] = []
    for model in models:
        own: list[dict[str, Any]] = []
        for variant in setting.contest.variants:
            array = predicted.arrays.get((variant.name, model))
            if array is None:
                continue
            off = np.abs(array - label).mean(axis=0)
            sums = np.bincount(places, off, minlength=bins)
            values = [float(s / n) if n >= FEWEST_OF_BIN else None for s, n in zip(sums, rows.tolist(), strict=True)]
            own.append({"name": variant.name, "values": values})
        told.append({"proxy": model[0], "scale": model[1], "variants": own})
    return {"edges": edges.tolist(), "rows": rows.tolist(), "models": told}


def _edges(*labels: Floats) -> Floats:
    """Return edges between which about as many rows of one test or another lie, as short numbers."""
    found = np.concatenate([np.quantile(one, np.linspace(0, 1, BINS + 1)) for one in labels if one.size])
    short = np.unique([float(f"{edge:.2g}") for edge in found])
    return short if short.size > 1 else np.array([short[0], short[0] + 1.0])


def size_curve(
    setting: Setting, by_size: Mapping[int, Predicted], models: Sequence[Model], options: Options, judged: Measure
) -> list[dict[str, Any]]:
    """Return how the judged measure falls with the training rows, for each model and variant, on both tests.

    `points` [{size, value, low, high}]; `flat_from`: the smallest size from which on no larger one is better by the
    smallest effect that matters, as far as the intervals tell; None where that is the largest alone.
    """
    regions = Regions(setting, ())
    told: list[dict[str, Any]] = []
    for model in models:
        for variant in setting.contest.variants:
            arrays = {size: predicted.arrays.get((variant.name, model)) for size, predicted in by_size.items()}
            measured = {size: _measured(array, regions) for size, array in arrays.items()}
            for test in regions.tests:
                own = {size: found[test][judged.name] for size, found in measured.items() if test in found}
                groups = regions.groups[regions.tests[test]]
                points = [{"size": size, **_with_interval(one, groups)} for size, one in own.items()]
                told.append(
                    {
                        "proxy": model[0],
                        "scale": model[1],
                        "variant": variant.name,
                        "test": test,
                        "points": points,
                        "flat_from": _flat_from(own, groups, options.smallest_effect, judged),
                    }
                )
    return told


def _flat_from(own: Mapping[int, Measured], groups: NDArray[np.int64], smallest: float, judged: Measure) -> int | None:
    """Return the smallest size from which no larger one is better by what matters: their intervals end before that."""
    sizes = sorted(own)
    for place, size in enumerate(sizes[:-1]):
        gains: list[float] = []
        for larger in sizes[place + 1 :]:
            low, high = effect_of(own[larger], own[size], groups).interval(0.1)  # one end is looked at: 95 % sure
            gains.append(-low if judged.better == "lower" else high)
        if max(gains) < smallest:
            return size
    return None


def examples(setting: Setting, predicted: Predicted, models: Sequence[Model]) -> list[dict[str, Any]]:
    """Return the test rows about which the variants differ most under the first model.

    Half are those where another is nearest to the truth against the proportional sample, half where one is farthest:
    `id`, `label`, `text`, `said` [[variant, mean prediction over the seeds]].
    """
    model = next((one for one in models if (setting.base, one) in predicted.arrays), None)
    if model is None or setting.contest.categorical:
        return []
    label = setting.tests.rows[LABEL].to_numpy()
    means = {
        variant.name: predicted.arrays[variant.name, model].mean(axis=0)
        for variant in setting.contest.variants
        if (variant.name, model) in predicted.arrays
    }
    off = {name: np.abs(said - label) for name, said in means.items()}
    others = [name for name in off if name != setting.base]
    if not others:
        return []
    best = np.stack([off[setting.base] - off[name] for name in others])
    ranked = np.argsort(best.max(axis=0), kind="stable")
    ranked_down = np.argsort(best.min(axis=0), kind="stable")
    chosen = [*ranked[::-1][: EXAMPLES // 2].tolist(), *ranked_down[: EXAMPLES // 2].tolist()]
    variant = setting.contest.variants[0]
    library = setting.contest.library(variant)
    found: list[dict[str, Any]] = []
    for place in dict.fromkeys(chosen):
        text = str(library.records.rows[TEXT][int(library.tested[place])])
        found.append(
            {
                "id": setting.tests.rows[ID][place],
                "label": float(label[place]),
                "text": text if len(text) <= EXAMPLE_CHARS else text[:EXAMPLE_CHARS] + "…",
                "said": [[name, float(said[place])] for name, said in means.items()],
            }
        )
    return found


def training_facts(setting: Setting) -> list[dict[str, Any]]:
    """Return the facts of each variant's training.

    `name`, `given` (not made for the ablation), `recipe`, `pool`, `train_weight`; `rows`, `digests` of each seed's set.
    """
    return [
        {
            "name": variant.name,
            "given": variant.name != PROPORTIONAL,
            "recipe": variant.recipe.to_dict(),
            "pool": variant.pool.index.fingerprint,
            "train_weight": variant.recipe.train_weight,
            "rows": [one.rows.height for one in setting.contest.trainings[variant.name]],
            "digests": [one.digest() for one in setting.contest.trainings[variant.name]],
        }
        for variant in setting.contest.variants
    ]
