"""What an ablation trains and tests on: variants over one holdout, their training rows under many seeds, the tests.

A variant's training rows are those that `evenly run` would write, the first of its `train` split up to the budget: so
they can be had again with the recipe and the seed alone.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.columns import DESIGN_WEIGHT, EPOCH, HASH, ID, LABEL, PART, RESERVE, ROW, SPLIT, STRATUM, TOKENS
from evenly.core.reserve import prompt_texts
from evenly.core.select import TRAIN
from evenly.core.strata import with_strata
from evenly.errors import UserError
from evenly.flow.curate import open_pool
from evenly.flow.draw import draw, drawn_rows
from evenly.flow.holdout import BALANCED, NATURAL, draw_tests
from evenly.flow.plan import make_plan
from evenly.flow.reserve import held_side, reserve
from evenly.io.manifest import selection_digest
from evenly.io.pool import reserve_path
from evenly.recipe.balance import Balance, TokenSize
from evenly.recipe.model import Holdout, Split
from evenly.recipe.needs import COUNTED, shown_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from evenly.core.axes import Axis
    from evenly.core.reserve import Side
    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

PROPORTIONAL: Final = "proportional sample"
"""What the variant is called that all are held against, where none of those given is one."""

DEFAULT_HOLDOUT: Final = Holdout(fraction=0.1, group="exact")
"""Of recipes that have none."""

READ_BYTES: Final = 2**26
"""Bytes of the pool's parts, some times as many in memory, whose texts are read at once."""


@dataclass(frozen=True)
class Variant:
    """A recipe whose selection is trained on: its name, its pool less the holdout, and whether weights are used."""

    name: str
    recipe: Recipe
    pool: Pool

    @property
    def weighted(self) -> bool:
        """Whether a model is trained on the rows' design weights."""
        return self.recipe.train_weight == "design"


@dataclass(frozen=True)
class Budget:
    """What each variant is trained on: so many rows, or as many as cost so many tokens."""

    rows: int | None = None
    tokens: int | None = None

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.rows:,} rows" if self.rows is not None else f"{self.tokens:,} tokens"


@dataclass(frozen=True)
class Training:
    """The training rows of a variant under a seed, in order: id, `__part__`, `__row__`, stratum, design weight."""

    rows: pl.DataFrame

    def first(self, rows: int) -> Training:
        """Return the first rows; their design weights are those of so small a set."""
        return Training(_reweighted(self.rows.head(rows), self.rows))

    def digest(self) -> str:
        """Return the sha256 of the ids, as a manifest's selection digests."""
        return selection_digest([self.rows[ID].unique().sort()])


def with_holdout(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """Return recipes that agree on what is held out and on the label; the default holdout where none asks for one.

    Raises:
        UserError: when they do not agree.
    """
    names = list(recipes)
    holdouts = {name: recipe.holdout for name, recipe in recipes.items() if recipe.holdout is not None}
    first = next(iter(holdouts.values()), DEFAULT_HOLDOUT)
    for name, recipe in recipes.items():
        if first.group in {"exact", "near"} and not shown_columns(recipe):
            message = (
                f"{name}: recipe.template.prompt shows nothing of the records but the label. Let it show a column."
            )
            raise UserError(message)
        if recipe.holdout is not None and recipe.holdout != first:
            message = f"{name}: has another holdout than {next(iter(holdouts))}. Give all of them the same."
            raise UserError(message)
        if recipe.balance.label is None:
            message = f"{name}: recipe.balance.label is missing. Name the column that is to be predicted."
            raise UserError(message)
        if recipe.balance.label != recipes[names[0]].balance.label:
            message = (
                f"{name}: predicts '{recipe.balance.label}', {names[0]} '{recipes[names[0]].balance.label}'. "
                "Give all of them one label."
            )
            raise UserError(message)
    return {name: recipe.model_copy(update={"holdout": first}) for name, recipe in recipes.items()}


def proportional(variants: Sequence[Variant], budget: Budget) -> Variant:
    """Return the variant that all are held against: the first that is a proportional sample, or one that is made."""
    for variant in variants:
        balance = variant.recipe.balance
        asked = (balance.weight, balance.min, balance.max, balance.take_all)
        if balance.policy == "proportional" and not any(asked) and not variant.weighted:
            return variant
    first = variants[0]
    balance = Balance(
        label=first.recipe.balance.label,
        strata=_test_strata(first.recipe),
        policy="proportional",
        size=budget.rows if budget.tokens is None else TokenSize(tokens=budget.tokens),
        shortfall="redistribute",
    )
    own = {"balance": balance, "split": Split.model_validate({TRAIN: 1.0}), "train_weight": "equal"}
    return replace(first, name=PROPORTIONAL, recipe=first.recipe.model_copy(update=own))


def _test_strata(recipe: Recipe) -> list[Any]:
    strata = recipe.holdout.strata if recipe.holdout is not None else []
    return strata or recipe.balance.strata


def open_variants(
    recipes: Mapping[str, Recipe], side: Side | None, scratch: Path, engine: Engine, reporter: Reporter
) -> list[Variant]:
    """Curate (or find) each recipe's pool and set the holdout aside: what the first holds out, none of them keeps.

    `side` is what of the pools is trained on, by default what is not held out.
    """
    found: list[Variant] = []
    for name, recipe in recipes.items():
        pool, _ = open_pool(recipe, engine, reporter, scratch=scratch)
        sided = reserve(recipe, pool, engine, reporter)
        sided = sided if side is None else replace(sided, side=side)
        if found and pool.index.fingerprint != found[0].pool.index.fingerprint:
            place = scratch / f"groups-{pool.index.fingerprint}"
            sided = replace(sided, reserve=_without(held_ids(found[0].pool), sided, place))
        found.append(Variant(name, recipe, sided))
    return found


def held_ids(pool: Pool) -> pl.Series:
    """Return the ids of the records that are not on a pool's side."""
    frames = [pool.thin([part], [ID]) for part in range(len(pool.index.parts))]
    sides = [pool.present([part]) for part in range(len(pool.index.parts))]
    return pl.concat(
        [frame if side is None else frame.filter(~side) for frame, side in zip(frames, sides, strict=True)]
    )[ID]


def _without(held: pl.Series, pool: Pool, place: Path) -> Path:
    """Write the groups of a pool's records so that each group with a record of `held` is held out; return where.

    The group of another pool's record may be another one, since its text is: then both groups are held out.
    """
    if place.is_dir() or pool.reserve is None:
        return place
    place.mkdir()
    parts = range(len(pool.index.parts))
    groups = [pool.groups_of(part) for part in parts]
    named = [pool.thin([part], [ID]).with_columns(own) for part, own in zip(parts, groups, strict=True)]
    gone = pl.concat([frame.filter(pl.col(ID).is_in(held.implode()))[RESERVE] for frame in named]).unique()
    for part, own in zip(parts, groups, strict=True):
        first = pl.when(pl.col(RESERVE).is_in(gone.implode())).then(pl.lit(0, dtype=pl.UInt64)).otherwise(RESERVE)
        own.to_frame().select(first.alias(RESERVE)).write_ipc(reserve_path(place, pool.index.parts[part]["name"]))
    return place


def draw_training(variant: Variant, seed: int, scratch: Path, engine: Engine, reporter: Reporter) -> Training:
    """Return all rows of a variant's train split under a seed, in their shuffled order."""
    recipe = variant.recipe.model_copy(update={"seed": seed})
    split = TRAIN if TRAIN in recipe.split.shares else next(iter(recipe.split.shares))
    folder = scratch / "draw"
    folder.mkdir()
    try:
        plan = make_plan(recipe, variant.pool, folder, engine, reporter)
        drawn = draw(recipe, variant.pool, plan, folder, engine, reporter)
        frames = [_of_split(drawn_rows(drawn, folder, number), split) for number in range(len(drawn.groups))]
    finally:
        shutil.rmtree(folder)
    return Training(pl.concat(frames).sort(HASH, ID, EPOCH).drop(HASH, EPOCH))


def _of_split(rows: pl.DataFrame, split: str) -> pl.DataFrame:
    return rows.filter(pl.col(SPLIT) == split).select(
        ID, PART, ROW, pl.col(STRATUM).cast(pl.String), DESIGN_WEIGHT, HASH, EPOCH
    )


def _reweighted(part: pl.DataFrame, whole: pl.DataFrame) -> pl.DataFrame:
    """Return some rows of a set with the design weights that they have as a set of their own."""
    sizes = whole.group_by(STRATUM).agg(pl.len().alias("whole"))
    here = part.group_by(STRATUM).agg(pl.len().alias("here")).join(sizes, on=STRATUM)
    factors = here.select(STRATUM, factor=pl.col("whole") / pl.col("here"))
    factor = part.select(STRATUM).join(factors, on=STRATUM, how="left", maintain_order="left")["factor"]
    return part.with_columns(pl.col(DESIGN_WEIGHT) * factor)


@dataclass(frozen=True)
class Tests:
    """What is tested on: the rows of both tests, each once.

    Attributes:
        rows: `__id__`; `__part__` and `__row__` in the first variant's pool; `natural` and `balanced`: which have it;
            `__label__`; `stratum`, Int32, the number of its stratum, -1 outside them; `group`, UInt64, what was held
            out with it.
        strata: the strata's names, by their numbers.
        digests: sha256 of the ids of each test.
        lost: rows that are left out, since another variant's pool lacks them or they have no label.
    """

    rows: pl.DataFrame
    strata: list[str]
    digests: dict[str, str]
    lost: int

    __test__ = False  # no test of pytest's


def draw_all_tests(
    first: Variant,
    axes: Sequence[Axis],
    strata: Sequence[str],
    side: Side | None,
    scratch: Path,
    engine: Engine,
    reporter: Reporter,
) -> Tests:
    """Draw both tests from what is held out, or another side of the first variant's pool.

    `axes` and `strata` are those of the proportional sample, by which rows are told to be of a stratum.
    """
    own = side or held_side(first.recipe)
    drawn = draw_tests(first.recipe, first.pool, scratch, engine, reporter, own)
    found = [
        pl.concat([drawn_rows(test.drawn, test.scratch, number) for number in range(len(test.drawn.groups))])
        .select(ID, PART, ROW)
        .with_columns(pl.lit(test.name).alias("test"))
        for test in drawn
    ]
    rows = (
        pl.concat(found)
        .group_by(ID, PART, ROW)
        .agg(natural=(pl.col("test") == NATURAL).any(), balanced=(pl.col("test") == BALANCED).any())
        .sort(ID)
    )
    label = str(first.recipe.balance.label)
    columns = list(dict.fromkeys([label, *(axis.column for axis in axes)]))
    there = first.pool.columns()
    columns = [TOKENS if name == COUNTED and name not in there else name for name in columns]
    absent = [name for name in columns if name not in there]
    if absent:
        message = (
            f"{first.name}: its curated pool has no column '{absent[0]}', which the strata of the proportional sample "
            "look at. Give the recipe that has it first."
        )
        raise UserError(message)
    thin = first.pool.rows(rows, columns)
    if TOKENS in thin.columns:
        thin = thin.with_columns(pl.col(TOKENS).cast(pl.Float64).alias(COUNTED))
    placed = with_strata(thin, axes)[STRATUM].cast(pl.String)
    number = placed.replace_strict(list(strata), range(len(strata)), default=-1, return_dtype=pl.Int32)
    groups = first.pool.groups_at(rows).alias("group")
    rows = rows.with_columns(thin[label].alias(LABEL), number.fill_null(-1).alias("stratum"), groups)
    known = rows.filter(_is_label(rows[LABEL]))
    digests = {test: selection_digest([known.filter(test)[ID].sort()]) for test in (NATURAL, BALANCED)}
    return Tests(known, list(strata), digests, rows.height - known.height)


def _is_label(values: pl.Series) -> pl.Series:
    known = values.is_not_null()
    return known & values.is_finite() if values.dtype.is_float() else known


@dataclass(frozen=True)
class Records:
    """Records of one pool that are trained or tested on: `__part__`, `__row__`, `__text__`, `__label__`, numbered."""

    rows: pl.DataFrame

    def numbers(self, places: pl.DataFrame) -> NDArray[np.int64]:
        """Return the numbers of the records at some places (`__part__`, `__row__`)."""
        numbered = self.rows.select(PART, ROW).with_row_index("number")
        joined = places.select(PART, ROW).join(numbered, on=[PART, ROW], how="left", maintain_order="left")
        return joined["number"].cast(pl.Int64).to_numpy()


def read_records(
    pool: Pool, recipe: Recipe, places: Sequence[pl.DataFrame], engine: Engine, reporter: Reporter
) -> Records:
    """Read text and label of the records at some places, each once, in the pool's order."""
    wanted = pl.concat([one.select(PART, ROW) for one in places]).unique().sort(PART, ROW)
    groups = pool.groups(READ_BYTES, of="bytes")
    frames: list[pl.DataFrame] = []
    with reporter.phase("read texts", len(groups), "groups") as advance:
        for frame in engine.map(partial(_read_group, pool=pool, recipe=recipe, wanted=wanted), groups):
            frames.append(frame)
            advance(1)
    return Records(pl.concat(frames))


def _read_group(parts: Sequence[int], pool: Pool, recipe: Recipe, wanted: pl.DataFrame) -> pl.DataFrame:
    shown, label = shown_columns(recipe), str(recipe.balance.label)
    places = wanted.filter(pl.col(PART).is_between(parts[0], parts[-1]))
    held = pool.rows(places, list(dict.fromkeys([*shown, label])))
    texts = prompt_texts(held, shown, conversations=bool(recipe.template.messages))
    return places.with_columns(texts, held[label].alias(LABEL))


def place_of(pool: Pool, rows: pl.DataFrame) -> pl.DataFrame:
    """Return where in a pool some records are, those that are there: `__id__`, `__part__`, `__row__`."""
    found: list[pl.DataFrame] = []
    for part in range(len(pool.index.parts)):
        there = pool.thin([part], [ID]).hstack(pool.places([part]))
        found.append(there.join(rows.select(ID), on=ID, how="semi"))
    return pl.concat(found).select(ID, PART, ROW)
