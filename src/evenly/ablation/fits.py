"""Models of all variants, seeds and proxies, and what they predict for the tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from evenly.ablation.features import FITTED_ON, as_directions, count_ngrams, squeeze
from evenly.ablation.proxies import PROXIES, Examples, predict_classes, predict_numbers
from evenly.columns import DESIGN_WEIGHT, LABEL
from evenly.core.reserve import TEXT
from evenly.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from evenly.ablation.options import Options
    from evenly.ablation.sets import Records, Training, Variant
    from evenly.reporting.progress import Reporter

    Floats = NDArray[np.float64]

CLASSES: Final = "classes"
"""The one scale of a label that is a class."""

MOST_CLASSES: Final = 1_000
"""Different texts that a label may have to be one of classes."""

Model = tuple[str, str]
"""A proxy's name and a scale."""


@dataclass(frozen=True)
class Library:
    """The records of one pool that are trained or tested on, and their features.

    Attributes:
        records: texts and labels, by their numbers.
        labels: Float64; of classes their numbers; NaN where there is none.
        tested: the numbers of the tests' rows, in their order.
    """

    records: Records
    labels: Floats
    tested: NDArray[np.int64]

    @cached_property
    def _counts(self) -> Any:  # noqa: ANN401 - a sparse matrix
        return count_ngrams(self.records.rows[TEXT].to_list())

    @cached_property
    def directions(self) -> Any:  # noqa: ANN401 - a sparse matrix
        """Words and pairs, each record of length 1."""
        return as_directions(self._counts)

    @cached_property
    def squeezed(self) -> NDArray[np.float32]:
        """The records as a hundred numbers, which are found from records that are no test rows."""
        apart = np.setdiff1d(np.arange(self.labels.size), self.tested)
        step = max(1, -(-apart.size // FITTED_ON))
        return squeeze(self._counts, apart[::step])

    def examples(self, proxy: str, training: Training, *, weighted: bool) -> Examples:
        """Return what a proxy is fitted on: the rows of a training set that have a label."""
        numbers = self.records.numbers(training.rows)
        known = np.isfinite(self.labels[numbers])
        numbers = numbers[known]
        weight = weights_of(training.rows, known) if weighted else None
        return Examples(self.seen(proxy)[numbers], self.labels[numbers], weight)

    def seen(self, proxy: str) -> Any:  # noqa: ANN401 - a matrix, sparse or not
        """Return the features that a proxy is fitted on."""
        return self.directions if PROXIES[proxy].seen == "directions" else self.squeezed


@dataclass(frozen=True)
class Predicted:
    """What models say of the tests' rows, Float64 of seeds x rows, by variant and model; and why some say nothing."""

    arrays: dict[tuple[str, Model], Floats] = field(default_factory=dict[tuple[str, Model], "Floats"])
    failures: dict[tuple[str, Model], str] = field(default_factory=dict[tuple[str, Model], str])


@dataclass(frozen=True)
class Contest:
    """All that is fitted: variants, their libraries, and their training sets, one for each seed."""

    variants: Sequence[Variant]
    libraries: dict[str, Library]
    trainings: dict[str, list[Training]]
    seeds: Sequence[int]
    categorical: bool

    def library(self, variant: Variant) -> Library:
        """Return the library of a variant's pool."""
        return self.libraries[variant.pool.index.fingerprint]


def weights_of(rows: pl.DataFrame, known: NDArray[np.bool_]) -> Floats:
    """Return the design weights of some training rows, with a mean of 1: a penalty weighs the same beside any set."""
    weight = rows[DESIGN_WEIGHT].to_numpy()[known]
    return weight / weight.mean()


def classes_of(columns: Sequence[pl.Series]) -> list[str]:
    """Return the names of a label's classes, from its columns, in order; none where it is of numbers.

    Raises:
        UserError: for more different texts than MOST_CLASSES.
    """
    if all(column.dtype.is_numeric() for column in columns):
        return []
    classes = pl.concat([column.cast(pl.String) for column in columns]).drop_nulls().unique().sort().to_list()
    if len(classes) > MOST_CLASSES:
        message = (
            f"recipe.balance.label: {len(classes):,} different texts are no classes to predict (at most "
            f"{MOST_CLASSES:,}). For a number, put `- number: {{column: …}}` into curate."
        )
        raise UserError(message)
    return classes


def known_labels(column: pl.Series, classes: Sequence[str]) -> Floats:
    """Return labels as Float64, of classes their numbers; NaN where there is none."""
    if classes:
        names = column.cast(pl.String)
        coded = names.replace_strict(classes, range(len(classes)), default=None, return_dtype=pl.Int64)
        return coded.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def models_of(options: Options, *, categorical: bool, logarithms: bool) -> list[Model]:
    """Return the models that are fitted: each proxy, for numbers on each scale; no logarithm of what is below 0."""
    if categorical:
        return [(proxy, CLASSES) for proxy in options.proxies]
    scales = [scale for scale in options.scales if scale != "log" or logarithms]
    return [(proxy, scale) for proxy in options.proxies for scale in scales]


def fit_all(contest: Contest, models: Sequence[Model], rows: int | None, reporter: Reporter) -> Predicted:
    """Fit every model to every variant's training sets, or their first `rows`, and return what they predict.

    What can't be fitted is told by its model and variant; the rest goes on.
    """
    found = Predicted()
    work = len(contest.variants) * len(contest.seeds) * len(models)
    with reporter.phase("train", work, "models") as advance:
        for variant in contest.variants:
            sets = [one if rows is None else one.first(rows) for one in contest.trainings[variant.name]]
            for model in models:
                said: list[Floats] = []
                for seed, training in zip(contest.seeds, sets, strict=True):
                    try:
                        said.append(_fitted(contest, variant, model, training, seed))
                    except Exception as fault:  # noqa: BLE001 - a library's fault in one cell must not cost the others
                        found.failures[variant.name, model] = f"seed {seed}: {type(fault).__name__}: {_line(fault)}"
                    advance(1)
                if len(said) == len(sets):
                    found.arrays[variant.name, model] = np.stack(said)
    return found


def _line(fault: Exception) -> str:
    return next(iter(str(fault).strip().splitlines()), "")


def _fitted(contest: Contest, variant: Variant, model: Model, training: Training, seed: int) -> Floats:
    name, scale = model
    library = contest.library(variant)
    train = library.examples(name, training, weighted=variant.weighted)
    test = library.seen(name)[library.tested]
    if contest.categorical:
        return predict_classes(PROXIES[name], train, test, seed)
    return predict_numbers(PROXIES[name], "log" if scale == "log" else "units", train, test, seed)


def constants(contest: Contest, base: str) -> Floats:
    """Return what a model says that knows nothing of the text: the median of the proportional sample, or its mode."""
    library = contest.library(next(variant for variant in contest.variants if variant.name == base))
    said: list[float] = []
    for training in contest.trainings[base]:
        labels = library.labels[library.records.numbers(training.rows)]
        known = labels[np.isfinite(labels)]
        values, counts = np.unique(known, return_counts=True)
        said.append(float(values[counts.argmax()]) if contest.categorical else float(np.median(known)))
    return np.repeat(np.array(said)[:, None], library.tested.size, axis=1)


def as_frame(predicted: Predicted, tests: pl.DataFrame, seeds: Sequence[int], classes: Sequence[str]) -> pl.DataFrame:
    """Return all predictions as rows: variant, proxy, scale, seed, id, label, prediction; classes by their names."""
    frames = list(_frames(predicted, tests, seeds))
    if not frames:
        return pl.DataFrame()
    frame = pl.concat(frames)
    if not classes:
        return frame
    names = pl.Series(list(classes), dtype=pl.String)
    return frame.with_columns(names.gather(frame["prediction"].cast(pl.Int64)).alias("prediction"))


def _frames(predicted: Predicted, tests: pl.DataFrame, seeds: Sequence[int]) -> Iterator[pl.DataFrame]:
    for (variant, (proxy, scale)), array in predicted.arrays.items():
        for seed, said in zip(seeds, array, strict=True):
            yield pl.DataFrame(
                {
                    "variant": pl.repeat(variant, tests.height, dtype=pl.Categorical, eager=True),
                    "proxy": pl.repeat(proxy, tests.height, dtype=pl.Categorical, eager=True),
                    "scale": pl.repeat(scale, tests.height, dtype=pl.Categorical, eager=True),
                    "seed": pl.repeat(seed, tests.height, dtype=pl.Int64, eager=True),
                    "id": tests["__id__"],
                    "label": tests[LABEL],
                    "prediction": pl.Series(said),
                }
            )
