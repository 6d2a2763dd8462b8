"""The columns of a pool in memory, read when they are first asked for, and what was last made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import polars as pl

from evenly.columns import ID, PART, ROW, TOKENS
from evenly.errors import UserError, choices_line, did_you_mean
from evenly.flow.plan import thin_frame
from evenly.recipe.needs import COUNTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

Made = TypeVar("Made")


class Held:
    """The records of a pool that are not held out, by their numbers among these.

    Attributes:
        frame: the columns that were asked for so far, `__id__` at least.
    """

    def __init__(self, recipe: Recipe, pool: Pool, engine: Engine, reporter: Reporter) -> None:
        """Read the ids of the pool of a recipe, or of a side of it."""
        self.pool, self.engine, self.reporter = pool, engine, reporter
        self._recipe = recipe
        self._parts = range(len(pool.index.parts))
        self._present = pool.present(self._parts)
        self._kept: dict[str, tuple[object, Any]] = {}
        self.frame = self._read([ID])

    def columns(self, names: Sequence[str]) -> pl.DataFrame:
        """Return some columns of all records.

        Raises:
            UserError: for a column that the pool does not hold.
        """
        missing = [name for name in dict.fromkeys(names) if name not in self.frame.columns]
        if missing:
            self._refuse_unknown(missing)
            self.frame = self.frame.hstack(self._read(missing))
        return self.frame.select(list(dict.fromkeys(names)))

    def read(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
        """Read some columns of a few records, by their numbers and in that order, from the parts that they lie in.

        Raises:
            UserError: for a column that the pool does not hold.
        """
        self._refuse_unknown(columns)
        kept = self.memo(
            "present", None, lambda: None if self._present is None else self._present.arg_true().to_numpy()
        )
        places = rows if kept is None else kept[rows].astype(np.int64)
        starts = np.cumsum([0, *(int(part["rows"]) for part in self.pool.index.parts)])
        part = np.searchsorted(starts, places, side="right") - 1
        frame = pl.DataFrame({PART: part.astype(np.uint32), ROW: (places - starts[part]).astype(np.uint32)})
        there = self.pool.columns()
        stored = {name: TOKENS if name == COUNTED and COUNTED not in there else name for name in columns}
        found = self.pool.rows(frame, list(dict.fromkeys(stored.values())))
        return found.select(pl.col(one).alias(name) for name, one in stored.items())

    def memo(self, name: str, key: object, make: Callable[[], Made]) -> Made:
        """Return what was made for this key, or make it."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            self._kept[name] = kept = (key, make())
        return cast("Made", kept[1])

    def _refuse_unknown(self, names: Iterable[str]) -> None:
        there = [*self.pool.columns(), *([COUNTED] if self._recipe.tokenizer is not None else [])]
        for name in names:
            if name not in there:
                own = [one for one in there if not one.startswith("__")]
                message = f"recipe.balance: the curated pool has no column '{name}'.{did_you_mean(name, own)}"
                raise UserError(message + choices_line("columns", own))

    def _read(self, names: list[str]) -> pl.DataFrame:
        frame = thin_frame(self.pool, list(self._parts), self._recipe, names).select(names)
        return (frame if self._present is None else frame.filter(self._present)).rechunk()
