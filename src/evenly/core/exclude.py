"""What is kept out: ids, texts and near texts of other files, as small as it takes to know them again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import ID
from evenly.core.duplicates import group_hash
from evenly.core.near import ENTRIES, band_hashes, is_blank, likeness, signatures
from evenly.recipe.steps import Unique

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.core.near import Signatures, Words
    from evenly.recipe.steps import Exclude

FOLD: Final = ["case", "space"]
"""What two equal texts may differ in."""


@dataclass(frozen=True)
class Excluded:
    """What one `exclude` step keeps out.

    Attributes:
        names: ids, or hashes of texts (String); empty where near texts are compared.
        signed: signatures of near texts, a row each; of those bands are sorted hashes and the rows that they are of.
    """

    names: pl.Series
    signed: Signatures
    bands: Sequence[tuple[Words, np.ndarray[tuple[int], np.dtype[np.intp]]]] = ()


def excluded_from(texts: Sequence[pl.Series], step: Exclude) -> Excluded:
    """Return what a step keeps out: `texts` (String) are its files' column, block by block; nulls are nothing."""
    named = [_names(text.drop_nulls(), step) for text in texts] if step.on != "near" else []
    names = pl.concat([pl.Series("name", [], dtype=pl.String), *named]).unique()
    nothing = np.empty((0, ENTRIES), np.uint32)
    if step.on != "near":
        return Excluded(names, nothing)
    signed = np.concatenate([nothing, *(signatures(text, step.ngram) for text in texts)])
    signed = np.unique(signed[~is_blank(signed)], axis=0)
    hashes = band_hashes(signed, step.threshold)
    orders = [np.argsort(band, kind="stable") for band in hashes.T]
    return Excluded(names, signed, [(band[order], order) for band, order in zip(hashes.T, orders, strict=True)])


def exclude(frame: pl.DataFrame, step: Exclude, excluded: Excluded) -> tuple[pl.DataFrame, pl.Series]:
    """Return the frame, and which of its records are kept."""
    if step.on == "near":
        return frame, ~_near(frame[step.column or ""], step, excluded)
    texts = frame[ID] if step.on == "id" else frame[step.column or ""]
    return frame, ~(_names(texts, step).is_in(excluded.names.implode()) & texts.is_not_null())


def _names(texts: pl.Series, step: Exclude) -> pl.Series:
    if step.on == "id":
        return texts.alias("name")
    folded = Unique.model_validate({"columns": ["name"], "fold": FOLD})
    return group_hash(texts.cast(pl.String).alias("name").to_frame(), folded).alias("name")


def _near(texts: pl.Series, step: Exclude, excluded: Excluded) -> pl.Series:
    signed = signatures(texts.cast(pl.String), step.ngram)
    found = np.zeros(len(texts), dtype=np.bool_)
    hashes = band_hashes(signed, step.threshold)
    for number, (ranked, order) in enumerate(excluded.bands):
        starts = np.searchsorted(ranked, hashes[:, number], side="left")
        stops = np.searchsorted(ranked, hashes[:, number], side="right")
        for row in np.flatnonzero((stops > starts) & ~found):
            alike = likeness(signed[row], excluded.signed[order[starts[row] : stops[row]]])
            found[row] = bool((alike >= step.threshold).any())
    return pl.Series(found & ~is_blank(signed))
