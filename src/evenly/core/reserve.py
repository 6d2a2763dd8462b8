"""Who is held out: a stable hash of the group that a record belongs to, the same under every seed.

A group is held out when the number in [0, 1) that its hash stands for is below the holdout's fraction. So whether it is
depends on nothing but the group: neither on the seed and the balance, nor on what other groups there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import ID, RESERVE
from evenly.core.conversations import spoken_before
from evenly.core.hashing import hashed, uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

Side = tuple[float, float]
"""From where to where on [0, 1) the groups lie of which something is made; the upper end is outside."""

EVERYONE: Final[Side] = (0.0, 1.0)

TEXT: Final = "__text__"
"""String: what a model can go by, see `prompt_texts`."""


def prompt_texts(frame: pl.DataFrame, columns: Sequence[str], *, conversations: bool) -> pl.Series:
    """Return what a prompt shows of each record: the values of `columns`, a line each, `__text__`, String.

    Of conversations it is what is said before the last turn of the assistant. A null shows as nothing.
    """
    if conversations:
        return spoken_before(frame, columns).alias(TEXT)
    shown = [pl.col(name).cast(pl.String).fill_null("") for name in columns]
    return frame.select(pl.concat_str(shown, separator="\n").alias(TEXT))[TEXT]


def group_hashes(frame: pl.DataFrame, group: str) -> pl.Series:
    """Return h('holdout', what a record's group is called), `__reserve__`, UInt64.

    `group` names a column: `__id__`, or one whose equal values are a group; a null there is a group by itself.
    """
    # A record's own group never has the name of a value's.
    own = pl.format("i{}", pl.col(ID))
    name = own if group == ID else pl.coalesce(pl.format("v{}", pl.col(group).cast(pl.String)), own)
    return frame.select(hashed(name, "holdout").alias(RESERVE))[RESERVE]


def on_side(hashes: pl.Series, side: Side) -> pl.Series:
    """Return which of some groups' hashes lie on a side, Boolean."""
    low, high = side
    placed = uniform(pl.col(RESERVE))
    return hashes.to_frame(RESERVE).select((placed >= low) & (placed < high)).to_series()
