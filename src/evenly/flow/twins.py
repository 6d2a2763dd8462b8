"""A look for near-duplicates across splits, before a run: in a sample, since all of them take a run's time to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import ID
from evenly.core.duplicates import PLACE
from evenly.core.hashing import hashed
from evenly.core.near import is_blank, signatures
from evenly.core.reserve import prompt_texts
from evenly.core.select import TRAIN
from evenly.flow.near import near_groups
from evenly.io.cache import scratch_folder
from evenly.recipe.model import Holdout
from evenly.recipe.needs import shown_columns

if TYPE_CHECKING:
    from evenly.recipe.model import Recipe

LIKE: Final = Holdout(fraction=0.1, group="near")
"""What near-duplicates are, by default."""

SIGNED: Final = "signed"


def twins_across_splits(recipe: Recipe, sample: pl.DataFrame) -> str | None:
    """Return a warning where a sample's test records have near-duplicates among its training records.

    None where there are none, or the recipe has one split, drops near-duplicates, or holds groups out.
    """
    shares = recipe.split.shares
    kept_apart = recipe.holdout is not None and recipe.holdout.group != "id"
    unique = any(step.kind == "near_unique" for step in recipe.curate)
    shown = shown_columns(recipe)
    if TRAIN not in shares or len(shares) < 2 or kept_apart or unique or not shown:  # noqa: PLR2004 - one split has no other
        return None
    if sample.height < 2:  # noqa: PLR2004 - one record has no twin
        return None
    ordered = _grouped(sample, recipe).sort(hashed(ID, "split"), ID)
    tested = max(1, round(_tested_share(recipe) * ordered.height))
    sided = ordered.with_columns(pl.int_range(pl.len()).lt(tested).alias("tested"))
    crossing = sided.filter(pl.col("first").is_not_null()).with_columns(
        trained=(~pl.col("tested")).any().over("first", "second")
    )
    twins = crossing.filter(pl.col("tested") & pl.col("trained")).height
    if not twins:
        return None
    others = ", ".join(name for name in shares if name != TRAIN)
    return (
        f"recipe.split: in a sample of {ordered.height:,} records, {twins:,} of {tested:,} that would go to {others} "
        f"have a near-duplicate in {TRAIN}, so that a model may know the answer. Drop near-duplicates "
        f"(`- near_unique: {{column: {shown[-1]}}}`), or test on a `holdout: {{fraction: 0.05, group: near}}`."
    )


def _tested_share(recipe: Recipe) -> float:
    """Return which share of the selection goes to other splits than train, as far as the recipe tells it."""
    shares = recipe.split.shares
    others = [share for name, share in shares.items() if name != TRAIN]
    rows = sum(share for share in others if isinstance(share, int))
    size = recipe.balance.size
    whole = size if isinstance(size, int) else sum(share for share in shares.values() if isinstance(share, int))
    return min(0.9, sum(share for share in others if isinstance(share, float)) + rows / max(whole, 2 * rows, 1))


def _grouped(frame: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    """Return a sample's records with the names of the groups of those that are alike others."""
    shown = shown_columns(recipe)
    texts = frame.with_columns(pl.col(shown).cast(pl.String))
    made = signatures(prompt_texts(texts, shown, conversations=bool(recipe.template.messages)), LIKE.ngram)
    signed = pl.Series(SIGNED, [row.tobytes() for row in made.astype("<u4")], dtype=pl.Binary)
    keys = frame.select(ID, *PLACE).with_columns(signed).filter(pl.Series(~is_blank(made)))
    with scratch_folder() as scratch:
        groups = near_groups([keys], max(1, keys.height), SIGNED, LIKE.threshold, scratch)
    return frame.select(ID, *PLACE).join(groups, on=PLACE, how="left")
