"""Selection: the n smallest keys of each stratum, found by a fold that never holds more than it needs.

A ledger frame has `__id__`, `__stratum__`, `__key__`, `__weight__` and whatever else should come along. Bottom-n is
mergeable: the n smallest of a union are among the n smallest of its parts, so that parts fold in any order. What the
fold comes to is small, each stratum's cut-off; by it every part selects its own rows.
"""

from __future__ import annotations

import math
from typing import Final

import polars as pl

from evenly.columns import DESIGN_WEIGHT, EPOCH, ID, KEY, PI, SPLIT, STRATUM, TIMES, WEIGHT

TRAIN: Final = "train"
"""The split in which records may repeat."""

SURE: Final = 6.0
"""Standard deviations by which more records are looked at than are wanted: fewer lie there once in 10^9 strata."""


SPARE: Final = 2
"""Times the rows that can still be selected up to which a fold lets others stand: to find them takes longer."""


def reach(plan: pl.DataFrame) -> pl.DataFrame:
    """Return `__stratum__` and `reach`, Float64: the key up to which, almost surely, a stratum's candidates lie.

    Of the stratum's records with keys that are exponential by their weights; infinite for a stratum that gives nearly
    all it has. `short` says where it was not far enough.
    """
    wanted = pl.col("quota") + 1
    share = (wanted + SURE * wanted.sqrt() + SURE**2) / pl.col("eligible")
    far = pl.when(share < 1).then(-(-share).log1p() / pl.col("weight_min")).otherwise(float("inf"))
    return plan.filter(pl.col("quota") > 0).select(STRATUM, far.alias("reach"))


def within(ledger: pl.DataFrame, reaches: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger's rows that can be drawn and whose keys are within their stratum's reach."""
    near = ledger.lazy().join(_as(reaches, ledger).lazy(), on=STRATUM, how="inner")
    return near.filter(pl.col(KEY) <= pl.col("reach"), pl.col(KEY).is_finite()).drop("reach").collect()


def short(found: pl.DataFrame, plan: pl.DataFrame) -> bool:
    """Say whether candidates that were looked for within reach are fewer than they must be."""
    there = _as(plan, found).join(found.group_by(STRATUM).len(), on=STRATUM, how="left")
    wanted = pl.min_horizontal(pl.col("quota") + 1, pl.col("eligible").cast(pl.Int64))
    return there.filter((pl.col("quota") > 0) & (pl.col("len").fill_null(0) < wanted)).height > 0


def candidates(ledger: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that can still be selected: the quota + 1 smallest (key, id) of each stratum.

    The one beyond the quota is kept because its key is the stratum's cut-off. `plan` has `__stratum__` and `quota`. To
    sort each stratum's keys alone takes a quarter of the time of sorting the rows; ids are looked at where keys tie.
    """
    wanted = _as(plan, ledger).lazy().filter(pl.col("quota") > 0).select(STRATUM, "quota")
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


def fewer(rows: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return the candidates among some rows, or the rows as they are where these are not many more."""
    wanted = int((plan["quota"] + 1).sum())
    return rows if rows.height <= SPARE * wanted else candidates(rows, plan)


def cut_offs(found: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return how far each stratum's selection goes, from the candidates of all parts together; more do no harm.

    One row per stratum that selects: `__stratum__` String, what `take` looks at of the plan, and `last_key` of its last
    record; `tau`, the first key that is not taken (null where all are); `again_key` of the last record that repeats
    once more than the others (null where none does). Where records share such a key and not all of them go, `last_id`
    and `again_id` say up to which they do.
    """
    facts = plan.filter(pl.col("quota") > 0).select(
        pl.col(STRATUM).cast(pl.String),
        *("quota", "repeated", pl.col("eligible").cast(pl.Int64)),
        equal=pl.col("weight_min") == pl.col("weight_max"),
    )
    there = found.lazy().filter(pl.col(KEY).is_finite()).join(_as(facts, found).lazy(), on=STRATUM, how="semi")
    keys = there.group_by(STRATUM).agg(pl.col(KEY).sort()).with_columns(pl.col(STRATUM).cast(pl.String))
    last, again = pl.col("quota") - 1, pl.col("repeated") % pl.col("quota") - 1
    tied = (_of_rank(last) == _of_rank(last + 1)) | (_of_rank(again) == _of_rank(again + 1))
    cuts = (
        facts.lazy()
        .join(keys, on=STRATUM, how="inner")
        .select(
            *facts.columns,
            last_key=_of_rank(last),
            tau=_of_rank(pl.col("quota")),
            again_key=_of_rank(again),
            tied=tied.fill_null(value=False),
        )
    )
    known = cuts.collect()
    ties = known.filter("tied").select(STRATUM, last=last, again=again)
    ranked = there.join(_as(ties, found).lazy(), on=STRATUM, how="inner").sort(KEY, ID)
    rank = pl.int_range(pl.len())
    names = ranked.group_by(pl.col(STRATUM).cast(pl.String)).agg(
        pl.col(ID).filter(rank == pl.col("last")).first().alias("last_id"),
        pl.col(ID).filter(rank == pl.col("again")).first().alias("again_id"),
    )
    return known.drop("tied").join(names.collect(), on=STRATUM, how="left").sort(STRATUM)


def _of_rank(rank: pl.Expr) -> pl.Expr:
    """Return the key of a rank, from 0, in a stratum's sorted keys; null where there is none."""
    return pl.col(KEY).list.get(pl.when(rank >= 0).then(rank), null_on_oob=True)


def take(ledger: pl.DataFrame, cuts: pl.DataFrame) -> pl.DataFrame:
    """Return a ledger's selected rows with `__pi__` and `__times__`, in any order.

    With equal weights in a stratum the inclusion probability is exactly n / N; with unequal ones it is the probability
    conditional on the cut-off tau, 1 - exp(-weight x tau) (rank conditioning: Cohen and Kaplan, 2007); 1 for a stratum
    taken whole. A stratum's repeated rows are shared out: each record once more, the smallest keys first.
    """
    facts = _as(cuts, ledger).lazy()
    ends = facts.select(STRATUM, "last_key", "last_id")
    taken = ledger.lazy().join(ends, on=STRATUM, how="inner").filter(_up_to("last_key", "last_id"))
    others = facts.drop("last_key", "last_id")
    taken = taken.drop("last_key", "last_id").join(others, on=STRATUM, how="left")
    probability = (
        pl.when(pl.col("quota") == pl.col("eligible"))
        .then(1.0)
        .when(pl.col("equal"))
        .then(pl.col("quota") / pl.col("eligible"))
        .otherwise(-(-pl.col(WEIGHT) * pl.col("tau")).map_batches(_expm1, return_dtype=pl.Float64))
    )
    times = 1 + pl.col("repeated") // pl.col("quota") + _up_to("again_key", "again_id").fill_null(value=False)
    return (
        taken.with_columns(probability.alias(PI), times.cast(pl.UInt32).alias(TIMES))
        .select(*ledger.columns, PI, TIMES)
        .collect()
    )


def select(candidate_rows: pl.DataFrame, plan: pl.DataFrame) -> pl.DataFrame:
    """Return the selected rows of a ledger that is in one frame, as `take` does."""
    return take(candidate_rows, cut_offs(candidate_rows, plan))


def with_design_weights(selected: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Return `selected` (with `__pi__` and `__split__`) with `__design_weight__`.

    1 / inclusion probability x selected rows / split's rows of the stratum: sums over a split's records estimate sums
    over the curated pool, as long as the split has records of every stratum. `counts` are those of `split_counts` over
    all parts.
    """
    of_stratum = pl.col("records").sum().over(STRATUM)
    factors = _as(counts, selected).select(STRATUM, SPLIT, factor=of_stratum / pl.col("records"))
    joined = selected.join(factors, on=[STRATUM, SPLIT], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns((pl.col("factor") / pl.col(PI)).alias(DESIGN_WEIGHT)).drop("factor")


def split_counts(selected: pl.DataFrame) -> pl.DataFrame:
    """Return `__stratum__` String, `__split__`, `records` and `rows` (with repetitions), UInt64, sorted."""
    counted = selected.group_by(pl.col(STRATUM).cast(pl.String), SPLIT).agg(
        pl.len().cast(pl.UInt64).alias("records"), times_in_output().sum().cast(pl.UInt64).alias("rows")
    )
    return counted.sort(STRATUM, SPLIT)


def add_counts(counts: list[pl.DataFrame]) -> pl.DataFrame:
    """Add the `split_counts` of disjoint records."""
    return pl.concat(counts).group_by(STRATUM, SPLIT).agg(pl.col("records", "rows").sum()).sort(STRATUM, SPLIT)


def repeat(split: pl.DataFrame) -> pl.DataFrame:
    """Return `split` with `__epoch__`, UInt32 from 1: a row for each time that a record is in the output.

    Records repeat in the split `train` alone. A record's design weight, where it has one, is shared out over its rows.
    """
    times = split.select(times_in_output()).to_series()
    if (times == 1).all():
        return split.with_columns(pl.lit(1, dtype=pl.UInt32).alias(EPOCH))
    shared = [pl.col(DESIGN_WEIGHT) / times] if DESIGN_WEIGHT in split.columns else []
    repeated = split.with_columns(*shared, pl.int_ranges(1, times + 1).alias(EPOCH))
    return repeated.explode(EPOCH).with_columns(pl.col(EPOCH).cast(pl.UInt32))


def times_in_output() -> pl.Expr:
    """Return how often a selected record with its split is in the output, UInt32."""
    return pl.when(pl.col(SPLIT) == TRAIN).then(pl.col(TIMES)).otherwise(pl.lit(1, dtype=pl.UInt32))


def _up_to(key: str, name: str) -> pl.Expr:
    """Return whether a row is not beyond a key, and of the rows that have it not beyond an id, if there is one."""
    known = (pl.col(ID) <= pl.col(name)).fill_null(value=True)
    return (pl.col(KEY) < pl.col(key)) | ((pl.col(KEY) == pl.col(key)) & known)


def _as(facts: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Return facts of strata with the names in the type that the rows' have, Categorical where there are many."""
    return facts.with_columns(pl.col(STRATUM).cast(rows.schema[STRATUM]))


def _expm1(values: pl.Series) -> pl.Series:
    """exp(x) - 1 without losing the digits of a small x; Polars has no such expression.

    Nor does numpy's do: its last digit depends on the processor, and so would the bytes of the output.
    """
    return pl.Series([None if value is None else math.expm1(value) for value in values], dtype=pl.Float64)
