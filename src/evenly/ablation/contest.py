"""From recipes to a contest: pools, budget, training sets under every seed, tests, and the texts of all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenly.ablation.fits import Contest, Library, classes_of, known_labels
from evenly.ablation.options import DEFAULT_ROWS
from evenly.ablation.sets import (
    Budget,
    draw_all_tests,
    draw_training,
    open_variants,
    place_of,
    proportional,
    read_records,
)
from evenly.ablation.verdict import rows_needed
from evenly.columns import ID, LABEL, STRATUM, TOKENS
from evenly.errors import UserError
from evenly.flow.plan import make_plan
from evenly.io.manifest import selection_digest
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evenly.ablation.options import Options
    from evenly.ablation.sets import Tests, Training, Variant
    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


@dataclass(frozen=True)
class Setting:
    """Where an ablation takes place.

    Attributes:
        contest: what is fitted.
        base: the name of the proportional sample among the variants.
        tests: what is tested on.
        budget: what each variant is trained on.
        classes: the names of the label's classes, by their numbers; empty for a number.
        shots: training rows that the proportional sample has of each of the tests' strata, on average over the seeds.
    """

    contest: Contest
    base: str
    tests: Tests
    budget: Budget
    classes: list[str]
    shots: list[float]


def set_up(
    recipes: Mapping[str, Recipe], options: Options, scratch: Path, engine: Engine, reporter: Reporter
) -> Setting:
    """Draw everything that an ablation of some recipes trains and tests on.

    Raises:
        UserError: for a budget that a variant can't fill, tests too small for the smallest effect, one value alone.
    """
    given = open_variants(recipes, None, scratch, engine, reporter)
    seeds = [given[0].recipe.seed + number for number in range(options.seeds)]
    most = Budget(max(options.sizes, default=options.rows or DEFAULT_ROWS), options.tokens)
    trainings: dict[str, list[Training]] = {}
    least: dict[str, int] = {}
    made = proportional(given, most) not in given
    with reporter.phase("draw", (len(given) + made) * len(seeds), "selections") as advance:

        def drawn(variant: Variant, budget: Budget) -> list[Training]:
            """Return a variant's training sets within a budget; `least` gets the rows of its smallest selection."""
            found: list[Training] = []
            for seed in seeds:
                whole = draw_training(variant, seed, scratch, engine, Silent())
                least[variant.name] = min(whole.rows.height, least.get(variant.name, whole.rows.height))
                found.append(_within(variant, whole, budget))
                advance(1)
            return found

        for variant in given:
            trainings[variant.name] = drawn(variant, most)
        budget = _budget(options, least)
        trainings = {name: [_first(one, budget) for one in sets] for name, sets in trainings.items()}
        base = proportional(given, budget)
        if base.name not in trainings:
            trainings[base.name] = drawn(base, budget)
    variants = [base, *(variant for variant in given if variant.name != base.name)]
    axes = make_plan(base.recipe, base.pool, None, engine, Silent())
    strata = axes.strata[STRATUM].to_list()
    tests = draw_all_tests(given[0], axes.axes, strata, None, scratch, engine, Silent())
    libraries, tests = _libraries(variants, trainings, tests, engine, reporter)
    classes, libraries, tests = _coded(libraries, tests)
    _refuse_small(tests, options)
    contest = Contest(variants, libraries, trainings, seeds, categorical=bool(classes))
    _refuse_one_value(contest, str(base.recipe.balance.label))
    return Setting(contest, base.name, tests, budget, classes, _shots(trainings[base.name], strata))


def _budget(options: Options, least: Mapping[str, int]) -> Budget:
    """Return the budget: as asked for, or as many rows as the smallest variant has; `least` says how many each has."""
    if options.tokens is not None:
        return Budget(tokens=options.tokens)
    asked = max(options.sizes, default=options.rows or 0)
    smallest = min(least, key=lambda name: least[name])
    if asked > least[smallest]:
        message = (
            f"{smallest}: its recipe selects {least[smallest]:,} training rows, the budget asks for {asked:,}. Lower "
            "the budget (--rows, --sizes), or let the recipe select more."
        )
        raise UserError(message)
    return Budget(rows=asked or min(DEFAULT_ROWS, least[smallest]))


def _first(training: Training, budget: Budget) -> Training:
    return training if budget.rows is None else training.first(budget.rows)


def _within(variant: Variant, training: Training, budget: Budget) -> Training:
    """Return the first rows of a training set that the budget pays for."""
    if budget.tokens is None:
        return _first(training, budget)
    limit = budget.tokens
    counts = _tokens(variant.pool, training)
    paid = int(np.searchsorted(np.cumsum(counts), limit, side="right"))
    if paid == training.rows.height and counts.sum() < limit * 0.99:  # what the last row would have cost is no lack
        message = (
            f"{variant.name}: its recipe selects {int(counts.sum()):,} training tokens, the budget asks for {limit:,}. "
            "Lower --tokens, or let the recipe select more."
        )
        raise UserError(message)
    return training.first(max(1, paid))


def _tokens(pool: Pool, training: Training) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if TOKENS not in pool.columns():
        message = "--tokens: the recipes name no tokenizer, so tokens are not counted. Name one, or give --rows."
        raise UserError(message)
    return pool.rows(training.rows, [TOKENS])[TOKENS].cast(pl.Int64).to_numpy()


def _libraries(
    variants: Sequence[Variant],
    trainings: Mapping[str, Sequence[Training]],
    tests: Tests,
    engine: Engine,
    reporter: Reporter,
) -> tuple[dict[str, Library], Tests]:
    """Return the records of each pool, labels still to be numbered, and the tests' rows that are in all of them."""
    pools = {variant.pool.index.fingerprint: variant for variant in variants}
    places = {name: place_of(variant.pool, tests.rows) for name, variant in pools.items()}
    common = tests.rows
    for found in places.values():
        common = common.join(found.select(ID), on=ID, how="semi", maintain_order="left")
    digests = {name: selection_digest([common.filter(name)[ID].sort()]) for name in tests.digests}
    tests = replace(tests, rows=common, digests=digests, lost=tests.lost + tests.rows.height - common.height)
    libraries: dict[str, Library] = {}
    for name, variant in pools.items():
        own = [one.rows for other in variants if other.pool.index.fingerprint == name for one in trainings[other.name]]
        tested = common.select(ID).join(places[name], on=ID, how="left", maintain_order="left")
        records = read_records(variant.pool, variant.recipe, [tested, *own], engine, reporter)
        libraries[name] = Library(records, np.empty(0), records.numbers(tested))
    return libraries, tests


def _coded(libraries: dict[str, Library], tests: Tests) -> tuple[list[str], dict[str, Library], Tests]:
    """Return the names of the label's classes, if it is none of numbers, and labels as Float64 everywhere."""
    columns = [library.records.rows[LABEL] for library in libraries.values()]
    classes = classes_of(columns)
    coded = {
        name: replace(library, labels=known_labels(library.records.rows[LABEL], classes))
        for name, library in libraries.items()
    }
    first = next(iter(coded.values()))
    label = pl.Series(LABEL, first.labels[first.tested])
    return classes, coded, replace(tests, rows=tests.rows.with_columns(label))


def _refuse_small(tests: Tests, options: Options) -> None:
    needed = rows_needed(options.smallest_effect)
    for name in ("natural", "balanced"):
        rows = int(tests.rows[name].sum())
        if rows < needed:
            message = (
                f"recipe.holdout: the {name} test has {rows:,} rows. To tell an effect of "
                f"{options.smallest_effect:.2g} it takes at least {needed:,}. Raise holdout.fraction or "
                f"holdout.{name}, or the smallest effect that matters (--smallest-effect)."
            )
            raise UserError(message)


def _refuse_one_value(contest: Contest, label: str) -> None:
    for variant in contest.variants:
        library = contest.library(variant)
        labels = library.labels[library.records.numbers(contest.trainings[variant.name][0].rows)]
        values = np.unique(labels[np.isfinite(labels)])
        if values.size < 2:  # noqa: PLR2004 - nothing can be learned of one value
            message = (
                f"{variant.name}: '{label}' has {'one value' if values.size else 'no value'} in its training rows, so "
                "there is nothing to predict. Let it select others."
            )
            raise UserError(message)


def _shots(trainings: Sequence[Training], strata: Sequence[str]) -> list[float]:
    """Return the training rows of each stratum, on average over the seeds."""
    counted = pl.concat([one.rows for one in trainings]).group_by(STRATUM).len()
    rows = dict(counted.iter_rows())
    return [rows.get(name, 0) / len(trainings) for name in strata]
