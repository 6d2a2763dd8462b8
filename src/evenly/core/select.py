"""Selection: the n smallest keys of each stratum, found by a fold that never holds more than it needs.

A ledger frame has `__id__`, `__stratum__`, `__key__`, `__weight__` and whatever else should come along. Bottom-n is
mergeable: the n smallest of a union are among the n smallest of its parts, so that parts fold in any order.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from evenly.columns import DESIGN_WEIGHT, EPOCH, ID, KEY, PI, SPLIT, STRATUM, WEIGHT

TRAIN: Final = "train"
"""The split in which records may repeat."""


def candidates(ledger: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that can still be selected: the quota + 1 smallest (key, id) of each stratum.

    The one beyond the quota is kept because its key is the stratum's cut-off. `plan` has `__stratum__` and `quota`. To
    sort each stratum's keys alone takes a quarter of the time of sorting the rows; ids are looked at where keys tie.
    """
    wanted = plan.lazy().filter(pl.col("quota") > 0).select(STRATUM, "quota")
    there = ledger.lazy().filter(pl.col(STRATUM).is_not_null(), pl.col(KEY).is_finite())
    beyond = pl.col(KEY).sort().slice(pl.col("quota").first(), 1).first()
    cuts = there.select(STRATUM, KEY).join(wanted, on=STRATUM, how="inner").group_by(STRATUM).agg(beyond.alias("cut"))
    kept = there.join(cuts, on=STRATUM, how="inner").filter(pl.col("cut").is_null() | (pl.col(KEY) <= pl.col("cut")))
    found = kept.drop("cut").collect()
    sizes = found.lazy().group_by(STRATUM).len().join(wanted, on=STRATUM, how="inner")
    if not sizes.filter(pl.col("len") > pl.col("quota") + 1).collect().height:
        return found
    ranked = found.lazy().sort(KEY, ID).join(wanted, on=STRATUM, how="left", maintain_order="left")
    return ranked.filter(pl.int_range(pl.len()).over(STRATUM) <= pl.col("quota")).drop("quota").collect()


def select(candidate_rows: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return the selected rows with `__pi__`, from the candidates of all parts together.

    With equal weights in a stratum the inclusion probability is exactly n / N; with unequal ones it is the probability
    conditional on the cut-off tau, 1 - exp(-weight x tau) (rank conditioning: Cohen and Kaplan, 2007); 1 for a stratum
    taken whole.
    """
    facts = plan.lazy().select(STRATUM, "quota", "eligible", equal=pl.col("weight_min") == pl.col("weight_max"))
    rank = pl.int_range(pl.len()).over(STRATUM)
    ranked = (
        candidates(candidate_rows, plan)
        .lazy()
        .sort(KEY, ID)
        .with_columns(rank.alias("rank"))
        .join(facts, on=STRATUM, how="left")
        .with_columns(pl.col(KEY).filter(pl.col("rank") == pl.col("quota")).first().over(STRATUM).alias("tau"))
        .filter(pl.col("rank") < pl.col("quota"))
    )
    probability = (
        pl.when(pl.col("quota") == pl.col("eligible").cast(pl.Int64))
        .then(1.0)
        .when(pl.col("equal"))
        .then(pl.col("quota") / pl.col("eligible"))
        .otherwise(-(-pl.col(WEIGHT) * pl.col("tau")).map_batches(_expm1, return_dtype=pl.Float64))
    )
    return ranked.with_columns(probability.alias(PI)).drop("rank", "quota", "eligible", "equal", "tau").collect()


def with_design_weights(selected: pl.DataFrame) -> pl.DataFrame:
    """Return `selected` (with `__pi__` and `__split__`) with `__design_weight__`.

    1 / inclusion probability x selected rows / split's rows of the stratum: sums over a split's records estimate sums
    over the curated pool, as long as the split has records of every stratum.
    """
    of_stratum, of_split = pl.len().over(STRATUM), pl.len().over(STRATUM, SPLIT)
    return selected.with_columns((of_stratum / of_split / pl.col(PI)).alias(DESIGN_WEIGHT))


def repeat(split: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return `split` with `__epoch__`, UInt32 from 1: a row for each time that a record is in the output.

    Records repeat in the split `train` alone, as often as their stratum's `repeated` rows share out: each once more,
    the smallest keys first. A record's design weight is shared out over its rows.
    """
    if not int(plan["repeated"].sum()):
        return split.with_columns(pl.lit(1, dtype=pl.UInt32).alias(EPOCH))
    more = plan.lazy().select(STRATUM, "repeated", "quota")
    rank = pl.int_range(pl.len()).over(STRATUM)
    extra = pl.col("repeated") // pl.col("quota") + (pl.col("rank") < pl.col("repeated") % pl.col("quota"))
    times = pl.when(pl.col(SPLIT) == TRAIN).then(1 + extra).otherwise(1)
    return (
        split.lazy()
        .sort(KEY, ID)
        .with_columns(rank.alias("rank"))
        .join(more, on=STRATUM, how="left", maintain_order="left")
        .with_columns(times.alias("times"))
        .with_columns(pl.col(DESIGN_WEIGHT) / pl.col("times"), pl.int_ranges(1, pl.col("times") + 1).alias(EPOCH))
        .explode(EPOCH)
        .with_columns(pl.col(EPOCH).cast(pl.UInt32))
        .drop("rank", "repeated", "quota", "times")
        .collect()
    )


def _expm1(values: pl.Series) -> pl.Series:
    """exp(x) - 1 without losing the digits of a small x; Polars has no such expression."""
    import numpy as np  # noqa: PLC0415 - needed here alone

    return pl.Series(np.expm1(values.to_numpy()))
