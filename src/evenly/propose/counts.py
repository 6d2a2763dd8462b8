"""What counting tells: how long the texts are in tokens, how many rows a recipe keeps, how large its selection may be."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evenly.engines.local import LocalEngine
from evenly.flow.run import plan_recipe
from evenly.flow.sampled import curated_sample
from evenly.io.blocks import File
from evenly.io.cache import scratch_folder
from evenly.io.readers import cut_into_pieces
from evenly.io.sources import given_columns
from evenly.io.tokenizers import load_tokenizer
from evenly.propose.summary import is_nothing, text_of
from evenly.recipe.needs import data_needs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.propose.look import Looked, Row
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

COUNTED_BYTES: Final = 2**26
COUNTED_ROWS: Final = 300_000
"""Data up to which all is curated and counted at once; of more the sample is."""

ENCODED: Final = 2_000
"""Texts that are encoded, to see how long they are."""

MOST: Final = 500_000
"""Rows that are proposed at most."""

LONGEST: Final = {True: 512, False: 4096}
"""Tokens that a text is cut to at most: one that leads to a label, one that is the example."""

FEWEST: Final = 16


@dataclass(frozen=True)
class Counted:
    """What a recipe would keep, and how many rows are in a stratum; `exact` where all was curated."""

    kept: int
    in_strata: int
    exact: bool


def token_bounds(rows: Sequence[Row], texts: Sequence[str], tokenizer: str, *, labelled: bool) -> tuple[dict[str, int], str]:
    """Return bounds of a `tokens` step from the lengths of the sample's texts, with their reason."""
    joined = ["\n".join(text_of(row[name]) for name in texts if not is_nothing(row.get(name))) for row in rows[:ENCODED]]
    there = [text for text in joined if text.strip()]
    if not there:
        return {"min_tokens": 1}, "a text there must be"
    _, offsets = load_tokenizer(tokenizer).encode([text[: 2**16] for text in there])
    lengths = np.sort(np.diff(offsets))
    low, middle, high = (int(lengths[min(lengths.size - 1, int(share * lengths.size))]) for share in (0.01, 0.5, 0.95 if labelled else 0.99))
    step = 2 ** max(4, math.floor(math.log2(max(high, 1))) - 3)
    truncate = min(LONGEST[labelled], max(32, math.ceil(high / step) * step))
    told = f"half have {middle:,} tokens or more; cut where {'1' if not labelled else '5'} in 100 are longer"
    if truncate == LONGEST[labelled] < high:
        told = f"half have {middle:,} tokens or more; cut at {truncate:,}, raise it if your budget allows"
    return {"min_tokens": max(1, min(FEWEST, low)), "truncate": truncate}, told


def count(recipe: Recipe, looked: Sequence[Looked], files: Sequence[Sequence[File]], reporter: Reporter) -> Counted:
    """Return what a recipe keeps: of small data all is curated, and the pool is there for what comes next.

    Raises:
        UserError: when the recipe can't be run over the data, or keeps nothing.
    """
    size = sum(file.path.stat().st_size for own in files for file in own)
    rows = sum(one.total for one in looked)
    if size <= COUNTED_BYTES and rows <= COUNTED_ROWS and all(len(own) == one.files for own, one in zip(files, looked, strict=True)):
        found = plan_recipe(recipe, reporter=reporter)
        return Counted(found.pool.index.kept, int(found.plan.strata["eligible"].sum()), exact=True)
    kept = _sampled(recipe, looked, files)
    return Counted(kept, kept, exact=False)


def _sampled(recipe: Recipe, looked: Sequence[Looked], files: Sequence[Sequence[File]]) -> int:
    """Return how many rows a recipe keeps about, from what it keeps of the rows looked at."""
    kept = 0.0
    with scratch_folder() as folder:
        for number, (source, own) in enumerate(zip(recipe.sources, looked, strict=True)):
            path = folder / f"{number}.jsonl"
            place = files[number][0].place
            path.write_text("".join(json.dumps(_bare(row), default=str) + "\n" for row in own.rows), encoding="utf-8")
            plain = source.model_copy(update={"format": None, "delimiter": None, "encoding": None})
            alone = recipe.model_copy(update={"sources": [plain]})
            pieces = cut_into_pieces([File(path, place, "sample")], None)
            sample = curated_sample(alone, [data_needs(alone)], pieces, LocalEngine(recipe.engine.workers))
            label = recipe.balance.label
            rows = sample.drop_nulls(label).height if sample.height and label in sample.columns else sample.height
            kept += own.total * rows / max(1, len(own.rows))
    return round(kept)


def _bare(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "__file__"}


def size_for(counted: Counted) -> int:
    """Return a sensible size: half of what can be drawn, two digits of it, so that there is something to balance."""
    half = min(MOST, max(1, counted.in_strata // 2))
    digits = 10 ** max(0, len(str(half)) - 2)
    return half // digits * digits
