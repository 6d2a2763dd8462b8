"""What counting tells: how long texts are in tokens, how many rows a recipe keeps, how large a selection may be."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evenly.core.measure import balance_measures
from evenly.engines.local import LocalEngine
from evenly.flow.run import plan_recipe
from evenly.flow.sampled import curated_sample
from evenly.io.blocks import File
from evenly.io.cache import scratch_folder
from evenly.io.readers import cut_into_pieces
from evenly.io.tokenizers import load_tokenizer
from evenly.propose.look import PLACE
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

Bounds = dict[str, int]

LONGEST_TEXT: Final = 2**16
"""Characters of a text that are encoded."""

LONGEST: Final = {True: 512, False: 4096}
"""Tokens that a text is cut to at most: one that leads to a label, one that is the example."""

UNEVEN: Final = 0.55
"""Gini coefficient of the strata from which on they are very uneven."""

FEWEST: Final = 16
"""Tokens of a text at least, where nearly all have more."""


@dataclass(frozen=True)
class Counted:
    """What a recipe could draw.

    Attributes:
        rows: those in a stratum.
        exact: whether all was curated; else it is an estimate.
        gini: how uneven they lie over the strata, from 0 to 1; None where that was not counted.
    """

    rows: int
    exact: bool
    gini: float | None = None


def token_bounds(rows: Sequence[Row], texts: Sequence[str], tokenizer: str, *, labelled: bool) -> tuple[Bounds, str]:
    """Return bounds of a `tokens` step from the lengths of the sample's texts, with their reason."""
    joined = (
        "\n".join(text_of(row[name]) for name in texts if not is_nothing(row.get(name))) for row in rows[:ENCODED]
    )
    there = [text[:LONGEST_TEXT] for text in joined if text.strip()]
    if not there:
        return {"min_tokens": 1}, "a text must be there"
    lengths = np.sort(np.diff(load_tokenizer(tokenizer).encode(there)[1]))
    share = 0.95 if labelled else 0.99
    low, middle, high = (int(lengths[int(one * (lengths.size - 1))]) for one in (0.01, 0.5, share))
    step = 2 ** max(4, math.floor(math.log2(max(high, 1))) - 3)
    truncate = min(LONGEST[labelled], max(32, math.ceil(high / step) * step))
    beyond = int((lengths > truncate).mean() * 100)
    told = f"half of the texts have {middle:,} or more; {beyond or 'fewer than 1'} in 100 are longer: cut"
    return {"min_tokens": max(1, min(FEWEST, low)), "truncate": truncate}, told


def count(recipe: Recipe, looked: Sequence[Looked], files: Sequence[Sequence[File]], reporter: Reporter) -> Counted:
    """Return what a recipe keeps: of small data all is curated, and the pool is there for what comes next.

    Raises:
        UserError: when the recipe can't be run over the data, or keeps nothing.
    """
    size = sum(file.path.stat().st_size for own in files for file in own)
    rows = sum(one.total for one in looked)
    if (
        size <= COUNTED_BYTES
        and rows <= COUNTED_ROWS
        and all(len(own) == one.files for own, one in zip(files, looked, strict=True))
    ):
        census = plan_recipe(recipe, reporter=reporter).plan.strata["eligible"]
        return Counted(int(census.sum()), exact=True, gini=balance_measures(census.to_list())["gini"])
    return Counted(_sampled(recipe, looked, files), exact=False)


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
            pieces = [replace(pieces[0], stop=path.stat().st_size)]  # of several, only the first is sampled
            sample = curated_sample(alone, [data_needs(alone, 0)], pieces, LocalEngine(recipe.engine.workers))
            label = recipe.balance.label
            rows = sample.drop_nulls(label).height if sample.height and label in sample.columns else sample.height
            kept += own.total * rows / max(1, len(own.rows))
    return round(kept)


def _bare(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != PLACE}


def size_for(counted: Counted) -> tuple[int, str]:
    """Return a sensible size, two digits of it, and its reason: half of what can be drawn, a third of very uneven rows.

    All of them would balance nothing; the fewer, the more even.
    """
    part, told = (3, "a third") if (counted.gini or 0) > UNEVEN else (2, "half")
    size = min(MOST, max(1, -(-counted.rows // part)))
    digits = 10 ** max(0, len(str(size)) - 2)
    about = "" if counted.exact else "about "
    return size // digits * digits, f"{told} of {about}{counted.rows:,} that can be drawn: the fewer, the more even"
