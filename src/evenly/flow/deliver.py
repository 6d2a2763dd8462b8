"""From the selection to the output folder: the splits' files, ledger, card, manifest (DESIGN section 3)."""

from __future__ import annotations

import shutil
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

import evenly
from evenly.columns import STRATUM
from evenly.core.measure import Summary, balance_measures
from evenly.flow.chats import chat_facts
from evenly.flow.delivery import Written
from evenly.flow.holdout import draw_tests, facts_of_tests, test_writings
from evenly.flow.lite import lite_writings
from evenly.flow.plan import category_column
from evenly.flow.records import digest_writings, ledger_writings
from evenly.flow.shards import shard_writings, spill
from evenly.io.manifest import Rows
from evenly.io.outputs import unpacked_bytes
from evenly.reporting.card import write_card

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.engines.base import Engine
    from evenly.flow.delivery import Delivery, Writing
    from evenly.flow.draw import Draw
    from evenly.flow.holdout import Test
    from evenly.flow.plan import Plan
    from evenly.reporting.progress import Reporter

FOLDERS: Final = ("data", "lite", "holdout", "ledger")
"""Folders of an output, in the order in which a manifest lists what is in them."""


def deliver(delivery: Delivery, plan: Plan, engine: Engine, reporter: Reporter) -> tuple[dict[str, Any], Summary]:
    """Fill the output folder; return its manifest, not yet written, and a summary of the selected records."""
    after = spill(delivery, engine, reporter)
    ledger = ledger_writings(delivery) if delivery.recipe.export.ledger else []
    lite = lite_writings(delivery)
    tests: list[Test] = []
    if delivery.recipe.holdout is not None and delivery.recipe.holdout.export:
        tests = draw_tests(delivery.recipe, delivery.pool, delivery.scratch, engine, reporter)
    own = [*ledger, *shard_writings(delivery), *digest_writings(delivery), _copy_quarantine]
    work = [*own, *test_writings(tests, delivery.folder, engine, reporter)]
    written = _write(work, delivery, engine, reporter)
    if lite:  # made of the splits' files
        written = _joined([written, _write(lite, delivery, engine, reporter)])
    manifest = _manifest(delivery, plan, after, written)
    chats = chat_facts(delivery.folder, delivery.recipe)
    if chats is not None:
        manifest["chat"] = chats
    if tests:
        manifest["holdout"] = facts_of_tests(tests, written)
    card = write_card(manifest, written.columns, unpacked_bytes(delivery.folder, manifest))
    (delivery.folder / "README.md").write_text(card, encoding="utf-8")
    return manifest, after


def _write(work: Sequence[Writing], delivery: Delivery, engine: Engine, reporter: Reporter) -> Written:
    """Do all of the writing, side by side, and return what it came to."""
    with reporter.phase("write", len(work), "files") as advance:
        written = engine.fold(partial(_done, delivery=delivery), work, _joined, advance=advance)
        advance.counts |= {"files": len(written.files), "bytes": sum(int(one["bytes"]) for one in written.files)}
    return written


def _done(writing: Writing, delivery: Delivery) -> Written:
    return writing(delivery)


def _copy_quarantine(delivery: Delivery) -> Written:
    shutil.copyfile(delivery.pool.quarantine(), delivery.folder / "quarantine.jsonl")
    return Written()


def _joined(written: list[Written]) -> Written:
    return Written(
        [entry for one in written for entry in one.files],
        {split: digest for one in written for split, digest in one.digests.items()},
        next((one.columns for one in written if one.columns), written[0].columns),
    )


def _manifest(delivery: Delivery, plan: Plan, after: Summary, written: Written) -> dict[str, Any]:
    recipe, index, drawn = delivery.recipe, delivery.pool.index, delivery.drawn
    rows = Rows(
        read=index.read,
        dropped=index.dropped,
        quarantined=index.quarantined,
        kept=index.kept,
        outside_strata=plan.outside,
        held_out=plan.held_out,
        selected=drawn.selected,
        splits=drawn.sizes,
        repeated=drawn.repeated,
    )
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
        "files": sorted(written.files, key=lambda entry: FOLDERS.index(entry["path"].partition("/")[0])),
        "selection_digest": {split: written.digests[split] for split in drawn.sizes},
    }


def _rows_of_strata(plan: Plan, drawn: Draw) -> pl.Series:
    """Return the rows of the output, those in no split included, by stratum."""
    rows = drawn.counts.group_by(STRATUM).agg(pl.col("rows").sum().cast(pl.Int64))
    joined = plan.strata.select(STRATUM).join(rows, on=STRATUM, how="left", maintain_order="left")
    return joined["rows"].fill_null(0)


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
