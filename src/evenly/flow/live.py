"""A pool held ready in memory, so that what another seed or another balance would select is known at once.

It is asked with a whole recipe and answers with that recipe's plan and its very records, those that `run` would write.
What an answer is made of is kept until something that it depends on changes: the seed decides the order of the records,
filter and strata their cells, weights and quotas how far each cell is taken (see `evenly.core.cells`). So a quota costs
a few thousandths of a second, and a weight by category hardly more.

Memory is about a hundred bytes for each record: this is for one person's page, not for a run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from evenly.columns import HASH, ID, NAME
from evenly.core.allocate import AllocationError
from evenly.core.budget import largest
from evenly.core.cells import cut, in_order
from evenly.core.quotas import marginals_met, possible_sizes, with_quotas
from evenly.core.select import TRAIN
from evenly.core.split import SplitError, split_order, split_sizes
from evenly.errors import UserError
from evenly.flow import live_pictures, live_weights
from evenly.flow.budget import too_little
from evenly.flow.grounds import drawing_of, ground_of
from evenly.flow.held import Held
from evenly.flow.plan import Plan, refuse_empty
from evenly.recipe.balance import TokenSize

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import polars as pl
    from numpy.typing import NDArray

    from evenly.engines.base import Engine
    from evenly.flow.grounds import Drawing, Ground
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


@dataclass(frozen=True)
class Look:
    """What a recipe selects.

    Attributes:
        strata: the census with quotas, one row per stratum; see `evenly.core.census` and `evenly.core.quotas`.
        outside: records of the pool that are in no stratum.
        rows: Int64: the selected records, by their numbers among those of the pool that are not held out, ascending.
        times: Int64: how often each of them stands in the output; None: once each.
    """

    strata: pl.DataFrame
    outside: int
    rows: NDArray[np.int64]
    times: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class _Drawn:
    """The records of a plan, in any order.

    Attributes:
        rows: their numbers.
        times: how often each of them is drawn, but for
        again: those of them that are drawn once more. None, both: nothing repeats.
    """

    rows: NDArray[np.int64]
    times: NDArray[np.int64] | None = None
    again: NDArray[np.int64] | None = None


class Live:
    """A pool held ready for recipes that differ in seed and balance.

    They have the sources, steps and template of the one that the pool is of. Every question raises a UserError for a
    column that the pool does not hold.
    """

    def __init__(self, recipe: Recipe, pool: Pool, engine: Engine, reporter: Reporter) -> None:
        """Read the ids of the pool of a recipe, or of the side of it that is balanced; other columns when asked."""
        self.pool = pool
        self._held = Held(recipe, pool, engine, reporter)

    @property
    def frame(self) -> pl.DataFrame:
        """The records that are not held out: `__id__` and the columns that were looked at so far."""
        return self._held.frame

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of all records that are not held out."""
        return self._held.columns(names)

    def read(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Read some columns of a few records, by their numbers as in `Look.rows` and in that order."""
        return self._held.read(rows, columns)

    def look(self, recipe: Recipe) -> Look:
        """Return what a recipe selects.

        Raises:
            UserError: for a size in tokens under rake.
            DataError: for a bad weight, or when no record is in a stratum.
            AllocationError: when the recipe's wishes can't be met together.
        """
        ground = ground_of(self._held, recipe)
        drawing = drawing_of(self._held, recipe, ground)
        refuse_empty(drawing.census, recipe, self.frame.height)
        draw = partial(self._draw, drawing=drawing, ground=ground)
        size = recipe.balance.size
        if isinstance(size, TokenSize):
            strata = self._within(size.tokens, recipe, drawing.census, ground, lambda plan: self._cost(draw(plan)))
        else:
            strata = with_quotas(drawing.census, recipe, ground.facts, ground.others)
        rows, times = self._in_order(draw(strata), recipe)
        return Look(strata, ground.outside, rows, times)

    def plan(self, recipe: Recipe, look: Look) -> Plan:
        """Return a look as the plan that `evenly plan` would make, without what to expect of a selection."""
        ground, balance = ground_of(self._held, recipe), recipe.balance
        met = marginals_met(look.strata, recipe, ground.facts, ground.others) if balance.marginals else None
        return Plan(
            look.strata,
            look.outside,
            live_pictures.summary_of(self._held, recipe),
            marginals=met,
            asked=balance.size if isinstance(balance.size, int) else None,
            held_out=self.pool.index.kept - self.frame.height,
            axes=ground.facts.axes,
        )

    def pictures(self, recipe: Recipe, look: Look, *, density: bool = True) -> dict[str, Any]:
        """Return what charts show of pool and output, as `evenly.flow.pictures.take_pictures` does.

        Without `density` what shows label and tokens at once is left out.
        """
        return live_pictures.pictures(self._held, recipe, look.rows, look.times, density=density)

    def categories(self, recipe: Recipe, look: Look) -> dict[str, Any] | None:
        """Return the categories of pool and output, as `evenly.flow.report` tells them: {names, before, after, others}.

        `others` {count, before, after} are those beyond `KEPT_CATEGORIES`. None without a category column.
        """
        return live_pictures.categories(self._held, recipe, look.rows, look.times)

    def facts(self, recipe: Recipe, look: Look) -> dict[str, Any]:
        """Return `rows` of the output, distinct `records`, `label` {mean} and `tokens` {total, mean}.

        Those are left out of which there is none. A label's mean is in days since 1970 where it is a date.
        """
        return live_pictures.facts(self._held, recipe, look.rows, look.times)

    def bar(
        self,
        recipe: Recipe,
        look: Look,
        chart: str,
        place: int,
        category: int | None = None,
        *,
        selected: bool = True,
        skip: int = 0,
        most: int = 5,
    ) -> tuple[int, NDArray[np.int64]]:
        """Return how many records lie in a bar of a picture, and the numbers of `most` of them after `skip`.

        Of the selected, or of all; each counts once. They come in an order that is random and the recipe's seed's own.
        `chart`: `label`, `label_log`, `tokens`; `mix`, with the number of a `category` or None for all of them;
        `category`, by its place among the names, all others being the last; `strata`, by the row of `strata_numbers`.

        Raises:
            UserError: for a picture or a place that is not there.
        """
        bar = live_pictures.bar_of(self._held, recipe, look.strata, chart, (place, category))
        found = bar.records(look.rows if selected else None)
        return found.size, live_pictures.first_by_key(self._held, recipe.seed, found, skip, most)

    def equal_weights(self, recipe: Recipe) -> dict[str, float]:
        """Return the weights by category under which a recipe selects as many rows of each, as far as it goes.

        By the category's text, largest first, as a weight table has it under `values`; but a table gives a null its
        `default`, which is what "(none)" stands for. They take the place of the recipe's own weight. A size in tokens
        counts as that of equal weights in rows. See `evenly.core.even`.

        Raises:
            UserError: when there is no column of categories, or it has more than `KEPT_CATEGORIES`.
            DataError, AllocationError: as `look`.
        """
        return live_weights.equal_weights(self._held, recipe, lambda asked: self.look(asked).strata)

    def _draw(self, strata: pl.DataFrame, drawing: Drawing, ground: Ground) -> _Drawn:
        """Return the records that a plan draws."""
        cells, quota, repeated = drawing.cells, strata["quota"], strata["repeated"]

        def taken(quotas: pl.Series) -> NDArray[np.int64]:
            return cells.rows[cut(cells, quotas.to_numpy(), drawing.weights, self.frame[ID]).places(cells)]

        rows = taken(quota)
        if not repeated.sum():
            return _Drawn(rows)
        times = 1 + (repeated // quota).fill_null(0).to_numpy()
        return _Drawn(rows, times[ground.stratum[rows]], taken((repeated % quota).fill_null(0)))

    def _in_order(self, drawn: _Drawn, recipe: Recipe) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Return the records in the pool's order, so that what is read of them lies together, and their times."""
        if drawn.times is None:
            chosen = np.zeros(self.frame.height, np.bool_)
            chosen[drawn.rows] = True
            return np.flatnonzero(chosen), None
        counted = np.zeros(self.frame.height, np.int64)
        counted[drawn.rows] = drawn.times
        counted[drawn.again] += 1
        rows = np.flatnonzero(counted)
        return rows, np.where(self._trained(rows, recipe), counted[rows], 1)

    def _trained(self, rows: NDArray[np.int64], recipe: Recipe) -> NDArray[np.bool_]:
        """Return which of the selected records are in the split `train`, where alone they repeat.

        All of them where the splits want more than there is: no run would write that.
        """
        try:
            sizes = split_sizes(recipe.split.shares, rows.size)
        except SplitError:
            return np.ones(rows.size, np.bool_)
        end = sum(sizes.values())
        begin = end - sizes.get(TRAIN, 0)  # it is filled last
        inside = np.zeros(rows.size, np.bool_)
        if begin < end:
            ranks = self._held.memo("split", None, self._split_ranks)[rows]
            inside[np.argpartition(ranks, sorted({begin, end - 1}))[begin:end]] = True
        return inside

    def _split_ranks(self) -> NDArray[np.int64]:
        """Return each record's rank in the order that splits are cut from."""
        ordered = split_order(self.frame.select(ID))
        ranks = np.empty(ordered.height, np.int64)
        ranks[in_order(ordered[HASH].to_numpy(), ordered[NAME])] = np.arange(ordered.height)
        return ranks

    def _cost(self, drawn: _Drawn) -> int:
        """Return the tokens of what a plan draws, repetitions included."""
        tokens = live_pictures.tokens_of(self._held)
        each = tokens[drawn.rows]
        if drawn.times is None:
            return int(each.sum(dtype=np.int64))
        return int((each * drawn.times).sum() + tokens[drawn.again].sum(dtype=np.int64))

    def _within(
        self,
        budget: int,
        recipe: Recipe,
        census: pl.DataFrame,
        ground: Ground,
        cost: Callable[[pl.DataFrame], int],
    ) -> pl.DataFrame:
        """Return the plan of the most rows that cost at most so many tokens, see `evenly.flow.budget`."""
        if recipe.balance.policy == "rake":
            message = "recipe.balance.size: under rake a size in tokens is found by a run alone. Give it in rows here."
            raise UserError(message)

        def plan(size: int) -> pl.DataFrame:
            return with_quotas(census, recipe, ground.facts, ground.others, size)

        def cost_of(size: int) -> int | None:
            try:
                return cost(plan(size))
            except AllocationError:
                return None

        least, most = possible_sizes(census, recipe, ground.facts, ground.others)
        if (spent := cost_of(least)) is None or spent > budget:
            raise AllocationError(too_little(budget, least))
        return plan(largest(budget, least, most, cost_of))
