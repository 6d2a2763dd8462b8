"""The tests that are drawn of what is held out: a natural one and a balanced one, the same under every seed.

A test is what a recipe draws from the other side of the pool, so that it needs no code of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.flow.delivery import Delivery, Written
from evenly.flow.draw import draw
from evenly.flow.plan import make_plan
from evenly.flow.records import digest_writings
from evenly.flow.reserve import held_side
from evenly.flow.shards import shard_writings, spill
from evenly.recipe.balance import Balance
from evenly.recipe.model import Split

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from evenly.core.reserve import Side
    from evenly.engines.base import Engine
    from evenly.flow.delivery import Writing
    from evenly.flow.draw import Draw
    from evenly.flow.plan import Plan
    from evenly.io.pool import Pool
    from evenly.recipe.model import Holdout, Recipe
    from evenly.reporting.progress import Reporter

NATURAL: Final = "natural"
BALANCED: Final = "balanced"

EVERY_ROW: Final = 2**52
"""A cap that no stratum has more records than."""

SEED: Final = 0
"""Of every test, whatever the recipe's."""


@dataclass(frozen=True)
class Test:
    """A test, drawn but not yet written: its own recipe, plan and draw, the latter's records in `scratch`."""

    name: str
    recipe: Recipe
    pool: Pool
    plan: Plan
    drawn: Draw
    scratch: Path

    __test__ = False  # no test of pytest's


def draw_tests(
    recipe: Recipe, pool: Pool, scratch: Path, engine: Engine, reporter: Reporter, side: Side | None = None
) -> list[Test]:
    """Draw both tests of a recipe that has a holdout, from a side of its pool: by default what is held out."""
    holdout = recipe.holdout
    if holdout is None:
        return []
    aside = replace(pool, side=held_side(recipe) if side is None else side)
    natural = _drawn(NATURAL, _natural(recipe, holdout), aside, scratch, engine, reporter)
    rows = natural.plan.strata["rows"]
    balanced = _balanced(recipe, holdout, max(1, int(rows.quantile(0.5, "lower") or 1)))
    return [natural, _drawn(BALANCED, balanced, aside, scratch, engine, reporter)]


def _drawn(name: str, recipe: Recipe, pool: Pool, scratch: Path, engine: Engine, reporter: Reporter) -> Test:
    folder = scratch / name
    folder.mkdir()
    own = recipe.model_copy(
        update={
            "seed": SEED,
            "split": Split.model_validate({name: 1.0}),
            "holdout": None,
            "variants": None,
            "export": recipe.export.model_copy(update={"ledger": False, "report": False}),
        }
    )
    plan = make_plan(own, pool, folder, engine, reporter)
    return Test(name, own, pool, plan, draw(own, pool, plan, folder, engine, reporter), folder)


def _natural(recipe: Recipe, holdout: Holdout) -> Recipe:
    """Return the recipe of the natural test: all that is held out and in a stratum, or so many rows in proportion."""
    own: dict[str, Any] = {"policy": "cap", "cap": EVERY_ROW}
    if holdout.natural is not None:
        own = {"policy": "proportional", "size": holdout.natural}
    return _of_strata(recipe, holdout, own)


def _balanced(recipe: Recipe, holdout: Holdout, cap: int) -> Recipe:
    """Return the recipe of the balanced test: so many rows, or as many of each stratum as the median one has."""
    own: dict[str, Any] = {"policy": "cap", "cap": cap}
    if holdout.balanced is not None:
        own = {"policy": "equal", "size": holdout.balanced, "shortfall": "redistribute"}
    return _of_strata(recipe, holdout, own)


def _of_strata(recipe: Recipe, holdout: Holdout, own: dict[str, Any]) -> Recipe:
    strata = holdout.strata or recipe.balance.strata
    return recipe.model_copy(update={"balance": Balance(label=recipe.balance.label, strata=strata, **own)})


def test_writings(tests: Iterable[Test], folder: Path, engine: Engine, reporter: Reporter) -> list[Writing]:
    """Return what writes the files of the tests, and takes their digests, once their rows are spilled."""
    work: list[Writing] = []
    for test in tests:
        delivery = Delivery(test.recipe, test.pool, test.drawn, folder, test.scratch, room="holdout")
        spill(delivery, engine, reporter)
        work += [_Writing(delivery, one) for one in (*shard_writings(delivery), *digest_writings(delivery))]
    return work


@dataclass(frozen=True)
class _Writing:
    """A piece of writing that is of another delivery than the one that it is done with."""

    own: Delivery
    work: Writing

    def __call__(self, delivery: Delivery) -> Written:
        """Do it."""
        del delivery
        made = self.work(self.own)
        # A split of the recipe may be called as a test is.
        return replace(made, digests={f"holdout/{name}": digest for name, digest in made.digests.items()})


def facts_of_tests(tests: Iterable[Test], written: Written) -> dict[str, Any]:
    """Return what a manifest says of the tests: rows, strata that they have rows of, digest of the ids."""
    return {
        test.name: {
            "rows": test.drawn.selected,
            "strata": test.plan.strata.filter(pl.col("quota") > 0).height,
            "digest": written.digests[f"holdout/{test.name}"],
        }
        for test in tests
    }
