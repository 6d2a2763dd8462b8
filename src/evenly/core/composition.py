"""What a selection is expected to look like, told from counts alone: category shares, the label's mean, tokens.

A composition counts records by stratum, category and weight, weights in steps of a hundredth. Within a stratum a record
of weight w is taken with probability 1 - exp(-w tau), tau such that the quota comes out: the design that the draw
follows, to the first order. With equal weights that is exactly n / N.

Columns of a composition: `__stratum__`, `__category__`; `rows` UInt64, `weight`, `tokens`, `label` and `squares` (the
label's) Float64: sums over the records of weight above 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import CATEGORY, LABEL, STRATUM, TOKENS, WEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STEPS: Final = 64
"""Steps of a doubling of the weight: neighbours differ by 1.1 %."""

STEP: Final = "step"

SUMS: Final = ("rows", "weight", "tokens", "labelled", "label", "squares")

HALVINGS: Final = 100

FEW: Final = 2
"""Records drawn of a stratum up to which their chances are found exactly."""


@dataclass(frozen=True)
class Expected:
    """What the quotas are expected to select.

    Attributes:
        categories: category -> rows.
        label_mean: of the selection, in the label's unit, or None where there is no numeric label.
        label_error: standard error of that mean from seed to seed.
        tokens: in total, or None without a tokenizer.
        repeated: rows that repeat a record and are written, since it is in the split `train`.
    """

    categories: dict[str, float]
    label_mean: float | None
    label_error: float | None
    tokens: float | None
    repeated: float = 0.0


def take_composition(keyed: pl.DataFrame, label: str | None, category: str | None) -> pl.DataFrame:
    """Count a frame that has strata and weights."""
    numeric = label is not None and keyed.schema[label].is_numeric()
    value = pl.col(label or "").cast(pl.Float64) if numeric else pl.lit(None, dtype=pl.Float64)
    tokens = pl.col(TOKENS).cast(pl.Float64) if TOKENS in keyed.columns else pl.lit(None, dtype=pl.Float64)
    named = pl.col(category).cast(pl.String).fill_null("(none)") if category is not None else pl.lit("")
    return (
        keyed.lazy()
        .filter(pl.col(STRATUM).is_not_null() & (pl.col(WEIGHT) > 0))
        .select(
            STRATUM,
            WEIGHT,
            named.alias(CATEGORY),
            value.alias(LABEL),
            tokens.alias(TOKENS),
            (pl.col(WEIGHT).log(2.0) * STEPS).floor().cast(pl.Int32).alias(STEP),
        )
        .group_by(STRATUM, CATEGORY, STEP)
        .agg(
            pl.len().cast(pl.UInt64).alias("rows"),
            pl.col(WEIGHT).sum().alias("weight"),
            pl.col(TOKENS).sum().alias("tokens"),
            pl.col(LABEL).count().cast(pl.UInt64).alias("labelled"),
            pl.col(LABEL).sum().alias("label"),
            (pl.col(LABEL) ** 2).sum().alias("squares"),
        )
        .with_columns(pl.col(STRATUM).cast(pl.String))
        .collect()
    )


def merge_compositions(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add compositions of disjoint records."""
    keys = (STRATUM, CATEGORY, STEP)
    return pl.concat(parts).group_by(keys).agg(pl.col(SUMS).sum()).sort(keys)


def expect(
    composition: pl.DataFrame, plan: pl.DataFrame, *, labelled: bool, counted: bool, trained: float = 1.0
) -> Expected:
    """Return what a plan's quotas are expected to select.

    `labelled` and `counted`: there is a label, and tokens; `trained`: share of the records that are in the split
    `train`, where alone they repeat.
    """
    facts = plan.select(STRATUM, "quota", "repeated", pl.col("eligible").cast(pl.Int64)).with_row_index("place")
    table = composition.join(facts, on=STRATUM, how="inner", maintain_order="left")
    place = table["place"].to_numpy().astype(np.int64)
    rows, weight = table["rows"].cast(pl.Float64).to_numpy(), table["weight"].to_numpy()
    quota = plan["quota"].cast(pl.Float64).to_numpy()
    chance = _chances(rows, weight / rows, place, quota, plan["eligible"].cast(pl.Float64).to_numpy())
    repeated = trained * plan["repeated"].to_numpy() / np.maximum(quota, 1)
    taken = chance * (1 + repeated[place])
    total = float((rows * taken).sum())
    shown = pl.DataFrame({CATEGORY: table[CATEGORY], "rows": rows * taken}).group_by(CATEGORY).agg(pl.col("rows").sum())
    categories = {
        str(name): float(one) for name, one in shown.sort("rows", CATEGORY, descending=[True, False]).iter_rows()
    }
    label, squares = table["label"].to_numpy(), table["squares"].to_numpy()
    named = table["labelled"].cast(pl.Float64).to_numpy()  # a record without a label adds nothing to the mean
    total = float((named * taken).sum())
    mean = float((label * taken).sum()) / total if labelled and total else None
    return Expected(
        categories,
        mean,
        # Of a mean over a number of records that may vary too: the error of the sum of what is above it.
        _error(rows, label - mean * named, squares - 2 * mean * label + mean**2 * named, chance, place, quota.size)
        / total
        if mean is not None
        else None,
        float((table["tokens"].to_numpy() * taken).sum()) if counted else None,
        trained * float(plan["repeated"].sum()),
    )


def _chances(
    rows: NDArray[np.float64],
    weight: NDArray[np.float64],
    place: NDArray[np.int64],
    quota: NDArray[np.float64],
    eligible: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return each group's inclusion probability: those of a stratum sum to its quota."""
    whole = quota >= eligible
    mean = np.bincount(place, rows * weight, quota.size) / np.maximum(eligible, 1)
    low, high = np.zeros(quota.size), np.ones(quota.size)
    scale = 1 / np.where(mean > 0, mean, 1)
    for _ in range(HALVINGS):  # tau in units of 1 / mean weight, from above
        short = np.bincount(place, rows * -np.expm1(-weight * (high * scale)[place]), quota.size) < quota
        if not (short & ~whole).any():
            break
        high = np.where(short, high * 2, high)
    for _ in range(HALVINGS):
        tau = (low + high) / 2
        short = np.bincount(place, rows * -np.expm1(-weight * (tau * scale)[place]), quota.size) < quota
        low, high = np.where(short, tau, low), np.where(short, high, tau)
        if float((high - low).max(initial=0)) <= 1e-12 * float(high.max(initial=1)):
            break
    chance = -np.expm1(-weight * (high * scale)[place])
    alike = np.bincount(place, minlength=quota.size) == 1
    exact = (quota / np.maximum(eligible, 1))[place]
    chance = np.where(quota[place] <= FEW, _chances_of_few(rows, weight, place, quota), chance)
    return np.where(whole[place], 1.0, np.where(alike[place], exact, chance))


def _chances_of_few(
    rows: NDArray[np.float64], weight: NDArray[np.float64], place: NDArray[np.int64], quota: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each group's exact inclusion probability where one or two records are drawn.

    The first is drawn by weight; the second by weight among what the first has left. That a cut-off stands for all
    draws is three points off there.
    """
    total = np.bincount(place, rows * weight, quota.size)[place]
    first = weight / total
    after = weight / np.where(total > weight, total - weight, np.inf)  # drawn first, times its odds of staying out
    others = np.bincount(place, rows * first / np.where(total > weight, total - weight, np.inf), quota.size)[place]
    second = weight * others - first * after
    return np.where(quota[place] == 1, first, first + second)


def _error(
    rows: NDArray[np.float64],
    label: NDArray[np.float64],
    squares: NDArray[np.float64],
    chance: NDArray[np.float64],
    place: NDArray[np.int64],
    strata: int,
) -> float:
    """Return the standard error of the selection's sum of labels, by Hájek's approximation of the variance."""
    spread = chance * (1 - chance)
    held = np.bincount(place, rows * spread, strata)
    middle = np.bincount(place, label * spread, strata) / np.where(held > 0, held, 1)
    centre = middle[place]
    parts = spread * (squares - 2 * centre * label + rows * centre**2)
    taken = np.bincount(place, rows, strata)
    correction = taken / np.maximum(taken - 1, 1)
    return math.sqrt(max(0.0, float((np.bincount(place, parts, strata) * correction).sum())))
