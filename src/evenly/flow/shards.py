"""From the selection to the files of the splits, in their shuffled order (DESIGN section 3).

The pool is never shuffled. One pass takes the selected rows of each group of parts, as examples, to a spill file per
shard; then each shard is put in its order and written. Memory is some parts or one shard, whichever is larger.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import DESIGN_WEIGHT, EPOCH, HASH, ID, PART, PI, SHARD, SPLIT, STRATUM, TOKENS
from evenly.core.examples import to_examples
from evenly.core.measure import Summary
from evenly.core.template import render, template_columns
from evenly.flow.delivery import Written
from evenly.flow.draw import drawn_rows
from evenly.flow.plan import category_column, describe
from evenly.io.manifest import file_entry

if TYPE_CHECKING:
    from pathlib import Path

    from evenly.engines.base import Engine
    from evenly.flow.delivery import Delivery, Writing
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

SPILL_BYTES: Final = 2**25
"""Bytes of the pool's parts, some times as many in memory, whose selected rows are taken at once."""

_SPILL_COLUMNS: Final = (STRATUM, PI, DESIGN_WEIGHT, EPOCH, SPLIT, SHARD, HASH)


def spill(delivery: Delivery, engine: Engine, reporter: Reporter) -> Summary:
    """Take the selected rows of each group to files per shard; return what was selected."""
    for split, shards in delivery.shards().items():
        for shard in range(shards):
            _folder(delivery, split, shard).mkdir(parents=True)
    groups = range(len(delivery.drawn.groups))
    with reporter.phase("gather", len(groups), "groups") as advance:
        after = engine.fold(partial(_spill_group, delivery=delivery), groups, Summary.merged, advance=advance)
        advance.counts["rows"] = after.rows
    return after


def shard_writings(delivery: Delivery) -> list[Writing]:
    """Return what writes each file of the splits."""
    return [
        partial(_write_shard, split, number, count)
        for split, count in delivery.shards().items()
        for number in range(count)
    ]


def _spill_group(number: int, delivery: Delivery) -> Summary:
    recipe, summaries = delivery.recipe, list[Summary]()
    rows = drawn_rows(delivery.drawn, delivery.scratch, number)
    rows = rows.with_columns(pl.col(STRATUM).cast(pl.String))
    for place, parts in enumerate(delivery.pool.groups(SPILL_BYTES, delivery.drawn.groups[number], of="bytes")):
        chosen = rows.filter(pl.col(PART).is_between(parts[0], parts[-1]))
        held = delivery.pool.rows(chosen, _shown_columns(recipe))
        frame = pl.concat([held, chosen.select(_SPILL_COLUMNS)], how="horizontal")
        placed = render(frame.filter(pl.col(SPLIT).is_not_null()), recipe.template)
        for (split, shard), own in placed.partition_by(SPLIT, SHARD, as_dict=True).items():
            withheld = delivery.withholds(str(split))
            examples = to_examples(own, recipe, delivery.pool.index.turn_keys, withheld=withheld)
            path = _folder(delivery, str(split), int(shard)) / f"{number:06d}-{place:03d}.arrow"
            examples.with_columns(own[HASH]).write_ipc(path)
        summaries.append(describe(frame, recipe))
    return Summary.merged(summaries)


def _folder(delivery: Delivery, split: str, shard: int) -> Path:
    return delivery.scratch / "spill" / f"{split}-{shard:05d}"


def _write_shard(split: str, number: int, count: int, delivery: Delivery) -> Written:
    """Write a shard in its order."""
    recipe = delivery.recipe
    spilled = sorted(_folder(delivery, split, number).glob("*.arrow"))
    if spilled:
        rows = pl.scan_ipc(spilled, glob=False).collect().sort(HASH, "id").drop(HASH)
    else:  # a fraction so small that the split has no row: its columns are those that a row would have
        rendered = render(_no_rows(delivery), recipe.template)
        rows = to_examples(rendered, recipe, delivery.pool.index.turn_keys, withheld=delivery.withholds(split))
    path = delivery.place(f"{split}-{number:05d}-of-{count:05d}.{recipe.export.files}")
    if recipe.export.files == "jsonl":
        rows.write_ndjson(path)
    else:
        rows.write_parquet(path, compression="zstd")
    columns = {name: str(dtype) for name, dtype in rows.schema.items()}
    return Written(files=[file_entry(delivery.folder, path, rows.height)], columns=columns)


def _no_rows(delivery: Delivery) -> pl.DataFrame:
    part = delivery.pool.part(0, _shown_columns(delivery.recipe)).clear()
    drawn = drawn_rows(delivery.drawn, delivery.scratch, 0).clear().with_columns(pl.col(STRATUM).cast(pl.String))
    return pl.concat([part, drawn.select(_SPILL_COLUMNS)], how="horizontal")


def _shown_columns(recipe: Recipe) -> list[str]:
    """Return the pool's columns that examples and views show."""
    named = {ID, *template_columns(recipe.template), *recipe.export.keep}
    named |= {name for name in (recipe.balance.label, category_column(recipe)) if name is not None}
    if recipe.tokenizer is not None:
        named.add(TOKENS)
    return sorted(named)
