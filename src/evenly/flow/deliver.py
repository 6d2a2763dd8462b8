"""From the selection to the output folder: rows into shards, ledger, quarantine, card, manifest (DESIGN section 3).

The pool is never shuffled. One pass takes the selected rows of each part to a spill file per shard; then each shard is
put in its order and written. Memory is one part or one shard, whichever is larger.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

import evenly
from evenly.columns import (
    DESIGN_WEIGHT,
    EPOCH,
    ID,
    KEY,
    LINE,
    PART,
    PI,
    PIECE,
    POSITION,
    REASON,
    ROW,
    SHARD,
    SPLIT,
    STRATUM,
    TOKENS,
    WEIGHT,
)
from evenly.core.examples import to_examples
from evenly.core.measure import Summary, balance_measures
from evenly.core.template import render, template_columns
from evenly.flow.ledgers import ledgers
from evenly.flow.lite import write_lite
from evenly.flow.plan import category_column, describe
from evenly.io.manifest import Rows, file_entry, selection_digest
from evenly.reporting.card import write_card

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.flow.draw import Draw
    from evenly.flow.plan import Plan
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

SPILL_ROWS: Final = 50_000
"""Rows of the pool, about, whose selected ones are taken at once: with fewer, there are more small files than work."""

LEDGER_ROWS: Final = 1_000_000
"""Rows of a ledger file, about: as many parts as it takes to have that many."""

_SPILL_COLUMNS: Final = (STRATUM, PI, DESIGN_WEIGHT, EPOCH, SPLIT, SHARD, POSITION)


@dataclass(frozen=True)
class Delivery:
    """What an output is made of: the recipe, its pool, and what was planned and drawn from it."""

    recipe: Recipe
    pool: Pool
    plan: Plan
    drawn: Draw
    folder: Path
    scratch: Path


def deliver(delivery: Delivery, engine: Engine, reporter: Reporter) -> tuple[dict[str, Any], Summary]:
    """Fill the output folder; return its manifest, not yet written, and a summary of the selected records."""
    after = _spill(delivery, engine, reporter)
    files, columns = _write_shards(delivery, engine, reporter)
    files += write_lite(delivery.recipe, delivery.drawn, delivery.folder)
    if delivery.recipe.export.ledger:
        files += _write_ledger(delivery, engine, reporter)
    shutil.copyfile(delivery.pool.quarantine(), delivery.folder / "quarantine.jsonl")
    manifest = _manifest(delivery, after, files)
    (delivery.folder / "README.md").write_text(write_card(manifest, columns), encoding="utf-8")
    return manifest, after


def _spill(delivery: Delivery, engine: Engine, reporter: Reporter) -> Summary:
    """Take the selected rows of some parts, as examples, to a file per shard; return what was selected."""
    drawn = delivery.drawn
    unplaced = drawn.rows.filter(pl.col(SPLIT).is_null())
    rows = pl.concat([drawn.placed, unplaced], how="diagonal").with_columns(pl.col(EPOCH).fill_null(1))
    groups = delivery.pool.groups(SPILL_ROWS)
    group_of = pl.DataFrame(
        {
            PART: [part for group in groups for part in group],
            "group": [n for n, group in enumerate(groups) for _ in group],
        },
        schema_overrides={PART: pl.UInt32},
    )
    by_group = rows.join(group_of, on=PART, how="left").sort(PART, ROW).partition_by("group", include_key=False)
    (delivery.scratch / "spill").mkdir()
    after = Summary()
    with reporter.phase("gather", len(by_group), "groups") as advance:
        work = partial(_spill_group, delivery=delivery)
        for summary in engine.map(work, list(enumerate(by_group))):
            after.add(summary)
            advance(1)
    return after


def _spill_group(item: tuple[int, pl.DataFrame], delivery: Delivery) -> Summary:
    number, chosen = item
    recipe = delivery.recipe
    held = delivery.pool.rows(chosen, _shown_columns(recipe))
    frame = pl.concat([held, chosen.select(_SPILL_COLUMNS)], how="horizontal")
    placed = render(frame.filter(pl.col(SPLIT).is_not_null()), recipe.template)
    for (split, shard), rows in placed.partition_by(SPLIT, SHARD, as_dict=True).items():
        examples = to_examples(rows, recipe, str(split), delivery.pool.index.turn_keys).with_columns(rows[POSITION])
        examples.write_ipc(_spill_folder(delivery, str(split), int(shard)) / f"{number:06d}.arrow")
    return describe(frame, recipe)


def _spill_folder(delivery: Delivery, split: str, shard: int) -> Path:
    folder = delivery.scratch / "spill" / f"{split}-{shard:05d}"
    folder.mkdir(exist_ok=True)
    return folder


def _write_shards(
    delivery: Delivery, engine: Engine, reporter: Reporter
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Write every shard in its order; return the files' entries and the columns' types."""
    (delivery.folder / "data").mkdir()
    size = delivery.recipe.export.shard_rows
    written = dict(delivery.drawn.placed.group_by(SPLIT).len().iter_rows())
    rows_of = {split: int(written.get(split, 0)) for split in delivery.drawn.sizes}
    shards = [
        (split, number, max(1, -(-rows // size)))
        for split, rows in rows_of.items()
        for number in range(max(1, -(-rows // size)))
    ]
    files: list[dict[str, Any]] = []
    columns: dict[str, str] = {}
    with reporter.phase("write", len(shards), "files") as advance:
        for entry, schema in engine.map(partial(_write_shard, delivery=delivery), shards):
            files.append(entry)
            columns = columns or {name: str(dtype) for name, dtype in schema.items()}
            advance(1)
    return files, columns


def _write_shard(shard: tuple[str, int, int], delivery: Delivery) -> tuple[dict[str, Any], pl.Schema]:
    split, number, count = shard
    recipe = delivery.recipe
    spilled = sorted(_spill_folder(delivery, split, number).glob("*.arrow"))
    if spilled:
        rows = pl.concat([pl.read_ipc(path.read_bytes()) for path in spilled]).sort(POSITION).drop(POSITION)
    else:  # a fraction so small that the split has no row: its columns are those that a row would have
        rows = to_examples(render(_no_rows(delivery), recipe.template), recipe, split, delivery.pool.index.turn_keys)
    path = delivery.folder / "data" / f"{split}-{number:05d}-of-{count:05d}.{recipe.export.files}"
    if recipe.export.files == "jsonl":
        rows.write_ndjson(path)
    else:
        rows.write_parquet(path, compression="zstd")
    return file_entry(delivery.folder, path, rows.height), rows.schema


def _no_rows(delivery: Delivery) -> pl.DataFrame:
    part = delivery.pool.part(0, _shown_columns(delivery.recipe)).clear()
    return pl.concat([part, delivery.drawn.placed.clear().select(_SPILL_COLUMNS)], how="horizontal")


def _write_ledger(delivery: Delivery, engine: Engine, reporter: Reporter) -> list[dict[str, Any]]:
    """Write who was drawn and who was dropped, with file and line, for `why` and `verify`."""
    folder = delivery.folder / "ledger"
    folder.mkdir()
    entries: list[dict[str, Any]] = []
    kept, dropped = _kept_ledgers(delivery), _dropped_ledgers(delivery)
    with reporter.phase("ledger", 2, "tables") as advance:
        work = partial(_write_table, folder=folder, delivery=delivery)
        for written in engine.map(work, [("kept", kept), ("dropped", dropped)]):
            entries += written
            advance(1)
    return entries


def _write_table(table: tuple[str, Iterable[pl.DataFrame]], folder: Path, delivery: Delivery) -> list[dict[str, Any]]:
    name, frames = table
    entries: list[dict[str, Any]] = []
    for number, frame in enumerate(_in_files(frames)):
        path = folder / f"{name}-{number:05d}.parquet"
        frame.write_parquet(path, compression="zstd")
        entries.append(file_entry(delivery.folder, path, frame.height))
    return entries


def _kept_ledgers(delivery: Delivery) -> Iterator[pl.DataFrame]:
    drawn = delivery.drawn.rows.select(PART, ROW, SPLIT, selected=True)
    for ledger in ledgers(delivery.pool, delivery.scratch):
        here = drawn.filter(pl.col(PART).is_between(ledger[PART].min(), ledger[PART].max()))
        joined = ledger.join(here, on=[PART, ROW], how="left", maintain_order="left")
        joined = joined.join(_places(delivery.pool), on=PIECE, how="left", maintain_order="left")
        yield joined.select(
            pl.col(ID).alias("id"),
            pl.col(STRATUM).alias("stratum"),
            pl.col(WEIGHT).alias("weight"),
            pl.col(KEY).alias("key"),
            pl.col("selected").fill_null(value=False),
            pl.col(SPLIT).alias("split"),
            "file",
            (pl.col("first_line") + pl.col(LINE)).alias("line"),
        )


def _dropped_ledgers(delivery: Delivery) -> Iterator[pl.DataFrame]:
    for frame in delivery.pool.dropped():
        joined = frame.join(_places(delivery.pool), on=PIECE, how="left", maintain_order="left")
        line = (pl.col("first_line") + pl.col(LINE)).alias("line")
        yield joined.select(pl.col(ID).alias("id"), pl.col(REASON).alias("reason"), "file", line)


def _places(pool: Pool) -> pl.DataFrame:
    """Return __piece__ -> file, first_line."""
    pieces = pl.DataFrame(pool.index.pieces).select(pl.col("file"), pl.col("first_line").cast(pl.UInt64))
    return pieces.with_row_index(PIECE)


def _in_files(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Gather small frames into ones of about LEDGER_ROWS."""
    waiting: list[pl.DataFrame] = []
    for frame in frames:
        waiting.append(frame)
        if sum(one.height for one in waiting) >= LEDGER_ROWS:
            yield pl.concat(waiting)
            waiting = []
    if waiting:
        yield pl.concat(waiting)


def _shown_columns(recipe: Recipe) -> list[str]:
    """Return the pool's columns that examples and views show."""
    named = {ID, *template_columns(recipe.template), *recipe.export.keep}
    named |= {name for name in (recipe.balance.label, category_column(recipe)) if name is not None}
    if recipe.tokenizer is not None:
        named.add(TOKENS)
    return sorted(named)


def _manifest(delivery: Delivery, after: Summary, files: list[dict[str, Any]]) -> dict[str, Any]:
    recipe, index, plan, drawn = delivery.recipe, delivery.pool.index, delivery.plan, delivery.drawn
    rows = Rows(
        read=index.read,
        dropped=index.dropped,
        quarantined=index.quarantined,
        kept=index.kept,
        outside_strata=plan.outside,
        selected=drawn.rows.height,
        splits=drawn.sizes,
        repeated=int((drawn.placed[EPOCH] > 1).sum()),
    )
    ids = {split: drawn.rows.filter(pl.col(SPLIT) == split)[ID] for split in drawn.sizes}
    return {
        "evenly": evenly.__version__,
        "recipe": recipe.to_dict(),
        "recipe_fingerprint": recipe.fingerprint(),
        "pool_fingerprint": index.fingerprint,
        "seed": recipe.seed,
        "inputs": [
            {key: one[key] for key in ("path", "bytes", "sha256", "found") if one.get(key)} for one in index.inputs
        ],
        "rows": rows.to_dict(),
        "strata": strata_counts(plan),
        "balance": {
            "category": category_column(recipe),
            "before": _measures(plan.pool, plan.strata["rows"]),
            "after": _measures(after, _rows_of_strata(plan, drawn)),
        },
        "files": files,
        "selection_digest": {split: selection_digest(names) for split, names in ids.items()},
    }


def _rows_of_strata(plan: Plan, drawn: Draw) -> pl.Series:
    """Return the rows of the output by stratum, repetitions included."""
    again = drawn.placed.filter(pl.col(EPOCH) > 1).group_by(STRATUM).agg(pl.len().cast(pl.Int64).alias("again"))
    joined = plan.strata.select(STRATUM, "quota").join(again, on=STRATUM, how="left", maintain_order="left")
    return joined.select(pl.col("quota") + pl.col("again").fill_null(0))["quota"]


def strata_counts(plan: Plan) -> dict[str, int]:
    """Return how many strata there are, taken whole, with more records than are drawn, and giving all they have.

    Of those with more, `floor` and `ceiling` are bound by min and max; `missing` are rows that strata fall short of.
    """
    bound = Counter(plan.strata["bound"].to_list())
    drawn = plan.strata.filter(~pl.col("take_all"))
    more = drawn.filter(pl.col("quota") < pl.col("eligible").cast(pl.Int64)).height
    return {
        "count": plan.strata.height,
        "take_all": plan.strata.height - drawn.height,
        "capped": more,
        "short": drawn.height - more,
        "repeated": plan.strata.filter(pl.col("repeated") > 0).height,
        "floor": bound["floor"],
        "ceiling": bound["ceiling"],
        "missing": plan.missing,
        "no_variance": int(plan.strata["no_variance"].sum()),
    }


def _measures(summary: Summary, counts: pl.Series) -> dict[str, Any]:
    """Return one side of the manifest's `balance`: measures over the strata, and what the records look like."""
    return {
        "rows": summary.rows,
        **balance_measures(counts.to_list()),
        "label_mean": summary.label_mean,
        "tokens": summary.tokens,
        "categories": dict(sorted(summary.categories.items(), key=lambda item: (-item[1], item[0]))[:100]),
    }
