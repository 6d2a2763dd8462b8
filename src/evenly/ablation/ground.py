"""What a search tries recipes on: the tests of its own, the texts met so far, and one linear proxy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy import sparse  # pyright: ignore[reportMissingTypeStubs] - it has none

from evenly.ablation.features import as_directions, count_ngrams
from evenly.ablation.fits import classes_of, known_labels, weights_of
from evenly.ablation.metrics import Truth
from evenly.ablation.proxies import PROXIES, Examples, predict_classes, predict_numbers
from evenly.ablation.sets import (
    Budget,
    draw_all_tests,
    draw_training,
    open_variants,
    place_of,
    proportional,
    read_records,
)
from evenly.columns import ID, LABEL, PART, ROW, STRATUM
from evenly.core.reserve import TEXT
from evenly.errors import UserError
from evenly.flow.holdout import draw_tests
from evenly.flow.plan import make_plan
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from evenly.ablation.metrics import Measure, Measured
    from evenly.ablation.proxies import Scale
    from evenly.ablation.sets import Tests, Variant
    from evenly.core.reserve import Side
    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe

    Floats = NDArray[np.float64]

PROXY = PROXIES["ridge"]
"""What a search is made by: the one that is fitted in a moment."""


@dataclass
class Texts:
    """The records of a pool that a search has met: places, features, labels; more are added as they are met."""

    variant: Variant
    rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={PART: pl.UInt32, ROW: pl.UInt32}))
    features: Any = None
    labels: Floats = field(default_factory=lambda: np.empty(0))

    def numbers(self, places: pl.DataFrame, classes: Sequence[str], engine: Engine) -> NDArray[np.int64]:
        """Return the numbers of the records at some places, once all of them are known."""
        new = places.select(PART, ROW).unique().join(self.rows, on=[PART, ROW], how="anti")
        if new.height:
            found = read_records(self.variant.pool, self.variant.recipe, [new], engine, Silent()).rows
            made = as_directions(count_ngrams(found[TEXT].to_list()))
            self.features = made if self.features is None else sparse.vstack([self.features, made], format="csr")
            self.labels = np.concatenate([self.labels, known_labels(found[LABEL], classes)])
            self.rows = pl.concat([self.rows, found.select(PART, ROW)])
        numbered = self.rows.with_row_index("number")
        joined = places.select(PART, ROW).join(numbered, on=[PART, ROW], how="left", maintain_order="left")
        return joined["number"].cast(pl.Int64).to_numpy()


@dataclass(frozen=True)
class Ground:
    """What recipes are tried on.

    Attributes:
        first: the recipe that is searched, on its training side.
        trained: the side of the pool that is trained on.
        tests: rows of both tests, from the side between.
        classes: the names of the label's classes; empty for numbers.
        scale: as what a number is predicted.
        seeds: selections of each recipe.
        rows: training rows of each.
        texts: what is known of each pool that was met, by its fingerprint.
    """

    first: Variant
    trained: Side
    tests: Tests
    classes: list[str]
    scale: Scale
    seeds: Sequence[int]
    rows: int
    scratch: Path
    engine: Engine
    texts: dict[str, Texts] = field(default_factory=dict[str, Texts])

    def measured(self, recipe: Recipe, measure: Measure) -> Mapping[str, Measured]:
        """Return the measure of models of a recipe on each test, over the seeds.

        Raises:
            UserError: when the recipe can't be drawn from, or selects fewer rows than are trained on.
        """
        recipes = {self.first.name: self.first.recipe, recipe.name: recipe}
        variant = open_variants(recipes, self.trained, self.scratch, self.engine, Silent())[-1]
        texts = self.texts.setdefault(variant.pool.index.fingerprint, Texts(variant))
        tested = self._tested(texts)
        said: list[Floats] = []
        for seed in self.seeds:
            training = draw_training(variant, seed, self.scratch, self.engine, Silent())
            if training.rows.height < self.rows:
                message = (
                    f"recipe.balance: {training.rows.height:,} training rows are selected, {self.rows:,} are needed. "
                    "Lower --rows, or let the recipe select more."
                )
                raise UserError(message)
            training = training.first(self.rows)
            numbers = texts.numbers(training.rows, self.classes, self.engine)
            known = np.isfinite(texts.labels[numbers])
            weight = weights_of(training.rows, known) if variant.weighted else None
            train = Examples(texts.features[numbers[known]], texts.labels[numbers[known]], weight)
            if self.classes:
                said.append(predict_classes(PROXY, train, texts.features[tested], seed))
            else:
                said.append(predict_numbers(PROXY, self.scale, train, texts.features[tested], seed))
        return {name: measure.of(np.stack(said)[:, which], self._truth(which)) for name, which in self._sides().items()}

    def truth(self) -> Truth:
        """Return what is known of the tests' rows."""
        return self._truth(np.ones(self.tests.rows.height, dtype=np.bool_))

    def _truth(self, which: NDArray[np.bool_]) -> Truth:
        rows = self.tests.rows
        label, strata = rows[LABEL].to_numpy()[which], rows["stratum"].cast(pl.Int64).to_numpy()[which]
        return Truth(label, strata, bool(self.classes))

    def _sides(self) -> dict[str, NDArray[np.bool_]]:
        return {name: self.tests.rows[name].to_numpy() for name in ("natural", "balanced")}

    def _tested(self, texts: Texts) -> NDArray[np.int64]:
        pool = texts.variant.pool
        if pool.index.fingerprint == self.first.pool.index.fingerprint:
            return texts.numbers(self.tests.rows, self.classes, self.engine)
        places = place_of(pool, self.tests.rows)
        joined = self.tests.rows.select(ID).join(places, on=ID, how="inner", maintain_order="left")
        if joined.height < self.tests.rows.height:
            message = (
                f"recipe.curate: {self.tests.rows.height - joined.height:,} of the test's rows are dropped. "
                "Take keys that drop records out of --search."
            )
            raise UserError(message)
        return texts.numbers(joined, self.classes, self.engine)


def refuse_small_last(ground: Ground, needed: int, scratch: Path, engine: Engine) -> None:
    """Refuse a search whose last tests would be too small for the smallest effect: that is known before it begins.

    Raises:
        UserError: saying how many rows it takes.
    """
    folder = scratch / "last"
    folder.mkdir()
    for test in draw_tests(ground.first.recipe, ground.first.pool, folder, engine, Silent()):
        if test.drawn.selected < needed:
            message = (
                f"recipe.holdout: the {test.name} test has {test.drawn.selected:,} rows, the last measurement needs "
                f"{needed:,}. Raise holdout.fraction or holdout.{test.name}."
            )
            raise UserError(message)


def prepare_ground(
    recipe: Recipe, scale: Scale, seeds: int, asked: int | None, most: int, scratch: Path, engine: Engine
) -> Ground:
    """Set up what recipes are tried on: as many groups beyond the recipe's holdout as that has are the tests.

    Raises:
        UserError: when nothing is left to train on, or the label has too many texts to be classes.
    """
    fraction = recipe.holdout.fraction if recipe.holdout is not None else 0.0
    trained, tested = (2 * fraction, 1.0), (fraction, 2 * fraction)
    first = open_variants({recipe.name: recipe}, trained, scratch, engine, Silent())[0]
    base = proportional([first], Budget(rows=1))
    plan = make_plan(base.recipe, base.pool, None, engine, Silent())
    strata = plan.strata[STRATUM].to_list()
    tests = draw_all_tests(first, plan.axes, strata, tested, scratch, engine, Silent())
    label = str(recipe.balance.label)
    classes = classes_of([first.pool.thin([part], [label])[label] for part in range(len(first.pool.index.parts))])
    tests = replace(tests, rows=tests.rows.with_columns(pl.Series(LABEL, known_labels(tests.rows[LABEL], classes))))
    all_seeds = [recipe.seed + number for number in range(seeds)]
    there = draw_training(first, recipe.seed, scratch, engine, Silent()).rows.height
    if asked is not None and asked > there:
        message = (
            f"--rows: {asked:,} are asked for, the recipe selects {there:,} beside the search's own test. "
            "Lower --rows, or let the recipe select more."
        )
        raise UserError(message)
    rows = asked or min(most, there)
    return Ground(first, trained, tests, classes, scale, all_seeds, rows, scratch, engine)
