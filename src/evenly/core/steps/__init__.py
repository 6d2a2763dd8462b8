"""The curate steps at work: frame in, kept frame and dropped records with their reasons out.

Row-wise steps look at one record, so that blocks can go through in any order. The global ones are folds over hashes:
`unique` in `evenly.core.duplicates`, `near_unique` in `evenly.core.near`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import REASON
from evenly.core.exclude import Excluded, exclude
from evenly.core.steps import objects, rows, text
from evenly.core.steps.tokens import Spoken, tokens
from evenly.recipe.steps import GLOBAL_KINDS, reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from evenly.core.tokens import Tokenizer
    from evenly.recipe.steps import Step

CHANGES: Final[dict[str, Callable[[pl.DataFrame, Any], pl.DataFrame]]] = {
    "join": text.join,
    "delete": text.delete,
    "replace": text.replace,
    "collapse": text.collapse,
    "drop_words": text.drop_words,
    "derive": rows.derive,
    "json": objects.objects,
}
"""Kind -> function of (frame, step) that changes columns and drops nothing."""

JUDGES: Final[dict[str, Callable[[pl.DataFrame, Any], tuple[pl.DataFrame, pl.Series]]]] = {
    "number": rows.number,
    "chars": rows.chars,
    "filter": rows.where,
}
"""Kind -> function of (frame, step) that also says which records are kept; `tokens` and `exclude` need more."""


@dataclass(frozen=True)
class Curated:
    """What row-wise curate made of a frame.

    Attributes:
        kept: the records that passed, all columns.
        dropped: the internal columns of those that did not, with `__reason__` (String). No record is in neither.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame


@dataclass(frozen=True)
class Beside:
    """What steps look at besides the frame: conversations' columns and template, and what is kept out, by step."""

    spoken: Spoken = field(default_factory=Spoken)
    excluded: Mapping[int, Excluded] = field(default_factory=dict[int, Excluded])


def curate(
    frame: pl.DataFrame, steps: Sequence[Step], tokenizer: Tokenizer | None, beside: Beside | None = None
) -> Curated:
    """Run the row-wise steps in order over one frame; a record is dropped by the first step that refuses it."""
    identity = [name for name in frame.columns if name.startswith("__")]
    dropped: list[pl.DataFrame] = []
    beside = beside or Beside()
    for index, (step, reason) in enumerate(zip(steps, reasons(list(steps)), strict=True)):
        if step.kind in GLOBAL_KINDS:
            continue
        if step.kind in CHANGES:
            frame = CHANGES[step.kind](frame, step.body)
            continue
        if step.kind == "tokens":
            frame, keep = tokens(frame, step.body, tokenizer, beside.spoken)
        elif step.kind == "exclude":
            frame, keep = exclude(frame, step.body, beside.excluded[index])
        else:
            frame, keep = JUDGES[step.kind](frame, step.body)
        if not keep.all():
            dropped.append(frame.filter(~keep).select(*identity, pl.lit(reason).alias(REASON)))
            frame = frame.filter(keep)
    nothing = frame.clear().select(*identity, pl.lit("", dtype=pl.String).alias(REASON))
    return Curated(frame, pl.concat([nothing, *dropped]))
