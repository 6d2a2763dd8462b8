"""What is held out of a pool: the group of each record, once, and by it the sides of the pool (DESIGN section 3).

Groups are kept beside the pool's parts: they depend on neither the seed nor the balance, nor on how many are held out.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from evenly.columns import ID, LINE, PIECE, RESERVE
from evenly.core.duplicates import PLACE
from evenly.core.hashing import hashed
from evenly.core.near import is_blank, signatures
from evenly.core.reserve import TEXT, Side, group_hashes, prompt_texts
from evenly.errors import DataError
from evenly.flow.ledgers import GROUP_ROWS
from evenly.flow.near import near_groups
from evenly.flow.room import NEAR_BYTES, short_of_disk
from evenly.io.cache import scratch_folder
from evenly.io.pool import fingerprint, finish_reserve, reserve_path
from evenly.recipe.needs import shown_columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.io.pool import Pool
    from evenly.recipe.model import Holdout, Recipe
    from evenly.reporting.progress import Reporter

SIGNED: Final = "signed"
"""Binary, 512 bytes: the signature of a record's text."""


def kept_side(recipe: Recipe) -> Side:
    """Return the side of the pool that is balanced: what is not held out."""
    return (recipe.holdout.fraction if recipe.holdout is not None else 0.0), 1.0


def held_side(recipe: Recipe) -> Side:
    """Return the side of the pool that is held out."""
    return 0.0, recipe.holdout.fraction if recipe.holdout is not None else 0.0


def reserve(recipe: Recipe, pool: Pool, engine: Engine, reporter: Reporter) -> Pool:
    """Return the side of a pool that is balanced: the pool itself where the recipe asks for no holdout.

    Raises:
        DataError: when a side is empty.
    """
    if recipe.holdout is None:
        return pool
    named = {"group": recipe.holdout.group, "column": recipe.holdout.column, "shown": _compared(recipe, recipe.holdout)}
    if recipe.holdout.group == "near":
        named |= {"threshold": recipe.holdout.threshold, "ngram": recipe.holdout.ngram}
    place = pool.folder / "groups" / fingerprint(named)
    if not place.is_dir():
        with scratch_folder() as scratch:
            (scratch / "made").mkdir()
            _group(recipe, recipe.holdout, pool, scratch, engine, reporter)
            finish_reserve(scratch / "made", place)
    sided = replace(pool, reserve=place, side=kept_side(recipe))
    held = held_rows(sided, engine)
    if not 0 < held < pool.index.kept:
        message = (
            f"recipe.holdout.fraction: {held:,} of {pool.index.kept:,} records would be held out, in groups by "
            f"{recipe.holdout.column or recipe.holdout.group}. Choose another fraction, or smaller groups."
        )
        raise DataError(message)
    return sided


def held_rows(pool: Pool, engine: Engine) -> int:
    """Return how many records are not on a pool's side."""
    groups = pool.groups(GROUP_ROWS)
    return pool.index.kept - sum(engine.map(partial(_present, pool=pool), groups))


def _present(parts: Sequence[int], pool: Pool) -> int:
    there = pool.present(parts)
    return sum(int(pool.index.parts[part]["rows"]) for part in parts) if there is None else int(there.sum())


def _compared(recipe: Recipe, holdout: Holdout) -> list[str]:
    return shown_columns(recipe) if holdout.group in {"exact", "near"} else []


def _group(recipe: Recipe, holdout: Holdout, pool: Pool, scratch: Path, engine: Engine, reporter: Reporter) -> None:
    """Write the groups of all parts into `scratch/made`."""
    needed = 2 * NEAR_BYTES * pool.index.kept if holdout.group == "near" else 0
    remedy = "Free some, or set EVENLY_CACHE to a folder on another disk."
    if short := short_of_disk(scratch, needed, "finding near-duplicates", remedy):
        reporter.say(f"warning: {short}")
    groups = list(enumerate(pool.groups(GROUP_ROWS)))
    steps = 2 if holdout.group == "near" else 1
    with reporter.phase("reserve", steps * len(groups), "groups") as advance:
        work: dict[str, Any] = {"recipe": recipe, "holdout": holdout, "pool": pool, "scratch": scratch}
        if holdout.group == "near":
            for _ in engine.map(partial(_sign, **work), groups):
                advance(1)
            list(engine.map(partial(_join_near, pool=pool, scratch=scratch), [holdout.threshold]))
        for _ in engine.map(partial(_write, **work), groups):
            advance(1)
        advance.counts["records"] = pool.index.kept


def _texts(parts: Sequence[int], recipe: Recipe, pool: Pool, *columns: str) -> pl.DataFrame:
    """Return what the prompts of some parts show, `__text__`, beside some columns."""
    shown = shown_columns(recipe)
    frame = pool.thin(parts, list(dict.fromkeys([*columns, *shown])))
    texts = prompt_texts(frame, shown, conversations=bool(recipe.template.messages))
    return frame.select(columns).with_columns(texts)


def _sign(group: tuple[int, list[int]], recipe: Recipe, holdout: Holdout, pool: Pool, scratch: Path) -> None:
    """Write the signatures of a group of parts, but for texts without words."""
    number, parts = group
    frame = _texts(parts, recipe, pool, ID, PIECE, LINE)
    made = signatures(frame[TEXT], holdout.ngram)
    words = pl.Series(~is_blank(made))
    signed = pl.Series(SIGNED, [row.tobytes() for row in made.astype("<u4")], dtype=pl.Binary)
    frame.drop(TEXT).with_columns(signed).filter(words).write_ipc(scratch / f"signed-{number:06d}.arrow")


def _join_near(threshold: float, pool: Pool, scratch: Path) -> None:
    """Write the groups of records that are alike."""
    frames = (pl.scan_ipc(path, glob=False).collect() for path in sorted(scratch.glob("signed-*.arrow")))
    found = near_groups(frames, pool.index.kept, SIGNED, threshold, scratch)
    named = found.select(*PLACE, hashed(pl.format("n{}:{}", "first", "second"), "holdout").alias(RESERVE))
    named.write_ipc(scratch / "near.arrow")


def _write(group: tuple[int, list[int]], recipe: Recipe, holdout: Holdout, pool: Pool, scratch: Path) -> None:
    """Write the groups of a group of parts, a file for each."""
    hashes = _hashes(group[1], recipe, holdout, pool, scratch)
    ends = np.cumsum([int(pool.index.parts[part]["rows"]) for part in group[1]]).tolist()
    for part, start, end in zip(group[1], [0, *ends], ends, strict=False):
        path = reserve_path(scratch / "made", pool.index.parts[part]["name"])
        hashes[start:end].to_frame().write_ipc(path)


def _hashes(parts: Sequence[int], recipe: Recipe, holdout: Holdout, pool: Pool, scratch: Path) -> pl.Series:
    match holdout.group:
        case "exact":
            return group_hashes(_texts(parts, recipe, pool, ID), TEXT)
        case "near":
            frame = pool.thin(parts, [ID, *PLACE])
            alike = pl.scan_ipc(scratch / "near.arrow", glob=False).collect()
            joined = frame.join(alike, on=PLACE, how="left", maintain_order="left")
            return joined[RESERVE].fill_null(group_hashes(frame, ID))
        case "column":
            return group_hashes(pool.thin(parts, [ID, str(holdout.column)]), str(holdout.column))
        case "id":
            return group_hashes(pool.thin(parts, [ID]), ID)
