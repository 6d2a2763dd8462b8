"""From the recipe's inputs to the pool: read, curate, pool (DESIGN section 3). The expensive half, so its result is kept.

Each piece is curated on its own by `curate_piece`, a pure function of (piece, job) but for the files that it writes into
the pool's folder; what the pool needs to know of it comes back as a small, mergeable summary.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import COMPLETION, CONTENT, ID, LINE, PIECE, PROMPT, REASON, TOKENS
from evenly.core.hashing import content, identity
from evenly.core.steps import curate
from evenly.core.template import render
from evenly.core.tokens import count
from evenly.errors import DataError
from evenly.flow.duplicates import drop_duplicates
from evenly.io import pool as pools
from evenly.io.blocks import Rejected, cut_into_pieces, read_blocks
from evenly.io.sources import check_columns, describe, find_files, path_columns, sha256_of
from evenly.io.tokenizers import load_tokenizer
from evenly.recipe.needs import carried_columns, column_flow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenly.core.tokens import Tokenizer
    from evenly.engines.base import Engine
    from evenly.io.blocks import Block, Piece
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe
    from evenly.recipe.needs import Need
    from evenly.reporting.progress import Reporter

TEMPLATE_REASON = "template"
"""Why a record is dropped whose template would show a null."""


@dataclass(frozen=True)
class Job:
    """What it takes to curate a piece."""

    recipe: Recipe
    needs: tuple[Need, ...]
    carried: tuple[str, ...]
    tokenizer: Tokenizer | None
    folder: Path


@dataclass
class Summary:
    """What curating a piece came to; rows throughout. `lines` counts lines of text, for the pieces that follow."""

    piece: Piece
    lines: int = 0
    read: int = 0
    quarantined: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    parts: list[str] = field(default_factory=list[str])
    types: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


def open_pool(recipe: Recipe, engine: Engine, reporter: Reporter, *, recheck: bool = False) -> tuple[Pool, bool]:
    """Return the recipe's pool, and whether it was there already; build it when it was not.

    With `recheck` a pool that is there is used only if the inputs' sha256 are still those it was built from.

    Raises:
        DataError: when the inputs don't hold what the recipe asks of them.
        TokenizerError: when the tokenizer can't be had.
    """
    source = recipe.sources[0]
    files = find_files(source)
    tokenizer = load_tokenizer(recipe.tokenizer) if recipe.tokenizer is not None else None
    inputs = [asdict(one) for one in describe(files)]
    carried = carried_columns(recipe)
    resolved = recipe.to_dict()
    name = pools.fingerprint(
        {
            "inputs": inputs,
            "source": {key: value for key, value in resolved["sources"][0].items() if key != "files"},
            "tokenizer": tokenizer.fingerprint if tokenizer is not None else None,
            "curate": resolved["curate"],
            "template": resolved["template"],
            "carried": carried,
            "max_bad_fraction": recipe.max_bad_fraction,
        }
    )
    pools.sweep_dead()
    found = pools.find_pool(name)
    if found is not None and not (recheck and _changed(found, files, engine, reporter)):
        return found, True
    needs = tuple(column_flow(recipe).needs.values())
    check_columns(source, files, needs)
    for path in files:
        path_columns(source, path)
    folder = pools.new_folder(name)
    try:
        job = Job(recipe, needs, tuple(carried), tokenizer, folder)
        return _build(job, files, inputs, name, engine, reporter), False
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def curate_piece(piece: Piece, job: Job) -> Summary:
    """Read and curate one piece; write its parts, dropped records and quarantined rows into the job's folder."""
    summary = Summary(piece)
    quarantined: list[Rejected] = []
    for number, block in enumerate(read_blocks(piece, job.needs)):
        part = f"{piece.index:06d}-{number:06d}.parquet"
        rejected, kept, dropped, keys = _curate_block(block, piece, job)
        summary.lines += block.lines
        summary.read += block.frame.height + len(block.rejected)
        summary.dropped.update(dropped[REASON].to_list())
        for column, met in block.types.items():
            summary.types.setdefault(column, set()).update(met)
        quarantined += rejected
        kept.write_parquet(job.folder / "kept" / part, compression="lz4", statistics=False)
        keys.write_parquet(job.folder / "keys" / part, compression="lz4", statistics=False)
        if dropped.height:
            dropped.write_parquet(job.folder / "dropped" / part, compression="lz4", statistics=False)
        summary.parts.append(part)
    summary.quarantined = len(quarantined)
    if quarantined:
        rows = [json.dumps(asdict(row), ensure_ascii=False) for row in sorted(quarantined, key=lambda row: row.line)]
        path = job.folder / "quarantine" / f"{piece.index:06d}.jsonl"
        path.write_text("\n".join(rows) + "\n", encoding="utf-8", errors="backslashreplace")
    return summary


def _curate_block(
    block: Block, piece: Piece, job: Job
) -> tuple[list[Rejected], pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return (quarantined rows, kept, dropped, keys) of one block."""
    recipe, source = job.recipe, job.recipe.sources[0]
    given = [pl.lit(value).alias(name) for name, value in path_columns(source, piece.path).items()]
    frame = block.frame.with_columns(pl.lit(piece.index, dtype=pl.UInt32).alias(PIECE), *given)
    one = len(source.id) == 1
    frame = frame.with_columns((pl.col(source.id[0]).cast(pl.String) if one else identity(source.id, frame.schema)).alias(ID))
    nameless = frame.filter(pl.col(ID).is_null() | (pl.col(ID) == ""))
    rejected = [*block.rejected, *_nameless(nameless, source.id)]
    if nameless.height:
        frame = frame.filter(pl.col(ID).is_not_null() & (pl.col(ID) != ""))
    read = [need.column for need in job.needs]
    survivor = content(read, frame.schema) if source.duplicate_ids == "drop" else pl.lit(0, dtype=pl.UInt64)
    keys = frame.select(ID, PIECE, LINE, survivor.alias(CONTENT))
    curated = curate(frame, recipe.curate, job.tokenizer)
    kept, hollow = _count_tokens(curated.kept, job)
    dropped = pl.concat([curated.dropped.select(hollow.columns), hollow])
    groups = [step.body.columns for step in recipe.curate if step.kind == "unique"]
    values = [identity(columns, kept.schema).alias(f"__unique_{index}__") for index, columns in enumerate(groups)]
    keys = keys.join(kept.select(LINE, *values), on=LINE, how="left", maintain_order="left")
    held = [name for name in job.carried if name in kept.columns]
    tokens = [TOKENS] if job.tokenizer is not None else []
    return rejected, kept.select(ID, PIECE, LINE, *tokens, *held), dropped, keys


def _count_tokens(kept: pl.DataFrame, job: Job) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the records whose template can be rendered, with `__tokens__`, and the others as dropped."""
    rendered = render(kept, job.recipe.template)
    whole = pl.col(PROMPT).is_not_null() & pl.col(COMPLETION).is_not_null()
    hollow = rendered.filter(~whole).select(ID, PIECE, LINE, pl.lit(TEMPLATE_REASON).alias(REASON))
    if hollow.height:
        rendered = rendered.filter(whole)
    if job.tokenizer is None:
        return rendered.drop(PROMPT, COMPLETION), hollow
    texts = rendered.select(pl.col(PROMPT) + pl.col(COMPLETION))[PROMPT]
    return rendered.drop(PROMPT, COMPLETION).with_columns(count(job.tokenizer, texts).alias(TOKENS)), hollow


def _nameless(rows: pl.DataFrame, columns: Sequence[str]) -> list[Rejected]:
    """Return the rows without an id as quarantined ones, with the columns that were read as their text."""
    named = ", ".join(f"'{column}'" for column in columns)
    shown = [name for name in rows.columns if not name.startswith("__")]
    return [
        Rejected(int(row[LINE]), f"no id: {named} is null or empty", json.dumps({name: row[name] for name in shown}, default=str))
        for row in rows.iter_rows(named=True)
    ]


def _build(
    job: Job, files: Sequence[Path], inputs: list[dict[str, object]], name: str, engine: Engine, reporter: Reporter
) -> Pool:
    begun = time.monotonic()
    pieces = cut_into_pieces(files, job.recipe.sources[0].format)
    summaries: list[Summary] = []
    size = sum(path.stat().st_size for path in files)
    with reporter.phase("curate", size, "bytes") as advance:
        for summary in engine.map(partial(curate_piece, job=job), pieces):
            summaries.append(summary)
            advance(_bytes_of(summary.piece, pieces))
    with reporter.phase("hash", len(files), "files") as advance:
        for one, digest in zip(inputs, engine.map(sha256_of, files), strict=True):
            one["sha256"] = digest
            advance(1)
    placed = _place(summaries)
    read, quarantined = sum(s.read for s in summaries), sum(s.quarantined for s in summaries)
    _write_quarantine(job.folder, placed)
    _refuse_too_bad(job, read, quarantined)
    dropped = sum((s.dropped for s in summaries), Counter[str]())
    parts = [part for summary in summaries for part in summary.parts]
    dropped.update(drop_duplicates(job.recipe, job.folder, parts, placed))
    index = pools.PoolIndex(
        version=pools.VERSION,
        fingerprint=name,
        recipe=job.recipe.name,
        inputs=inputs,
        pieces=placed,
        parts=_measured_parts(job.folder, parts),
        read=read,
        quarantined=quarantined,
        kept=read - quarantined - dropped.total(),
        dropped={reason: rows for reason, rows in sorted(dropped.items()) if rows},
        types=_types(job, summaries),
        seconds=round(time.monotonic() - begun, 3),
    )
    if not index.kept:
        raise DataError(_nothing_kept(index))
    shutil.rmtree(job.folder / "keys")
    shutil.rmtree(job.folder / "quarantine")
    return pools.finish(job.folder, index)


def _place(summaries: Sequence[Summary]) -> list[dict[str, object]]:
    """Return each piece's file and the number of its first line (from 1), now that the lines before it are counted."""
    placed: list[dict[str, object]] = []
    before: Counter[Path] = Counter()
    for summary in summaries:
        path = summary.piece.path
        placed.append({"file": path.as_posix(), "first_line": before[path] + summary.piece.lines + 1})
        before[path] += summary.lines
    return placed


def _write_quarantine(folder: Path, placed: Sequence[dict[str, object]]) -> None:
    """Gather the quarantined rows of all pieces into one file, with their true lines."""
    with (folder / "quarantine.jsonl").open("w", encoding="utf-8") as out:
        for path in sorted((folder / "quarantine").glob("*.jsonl")):
            place = placed[int(path.stem)]
            with path.open(encoding="utf-8") as rows:
                for row in map(json.loads, rows):
                    line = int(str(place["first_line"])) + row["line"]
                    one = {"file": place["file"], "line": line, "reason": row["reason"], "raw": row["raw"]}
                    out.write(json.dumps(one, ensure_ascii=False) + "\n")


def _refuse_too_bad(job: Job, read: int, quarantined: int) -> None:
    if not read:
        message = "recipe.sources[0].files: the files hold no rows. Give files with data."
        raise DataError(message)
    if quarantined <= job.recipe.max_bad_fraction * read:
        return
    with (job.folder / "quarantine.jsonl").open(encoding="utf-8") as rows:
        examples = [json.loads(row) for _, row in zip(range(5), rows, strict=False)]
    shown = "".join(f"\n  {one['file']}:{one['line']}: {one['reason']}: {one['raw'][:80]}" for one in examples)
    message = (
        f"recipe.max_bad_fraction: {quarantined:,} of {read:,} rows ({quarantined / read:.1%}) could not be read, "
        f"at most {job.recipe.max_bad_fraction:.1%} may be bad. Mend the data, or raise max_bad_fraction.{shown}"
    )
    raise DataError(message)


def _nothing_kept(index: pools.PoolIndex) -> str:
    reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in index.dropped.items())
    return (
        f"recipe.curate: none of {index.read:,} rows is left (dropped: {reasons or 'none'}; quarantined: {index.quarantined:,}). "
        "Loosen the step that drops the most."
    )


def _measured_parts(folder: Path, parts: Sequence[str]) -> list[dict[str, object]]:
    """Return the parts that hold rows, with their number; empty ones are deleted."""
    measured: list[dict[str, object]] = []
    for part in parts:
        path = folder / "kept" / part
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        if rows:
            measured.append({"name": part, "rows": rows})
        else:
            path.unlink()
    return measured


def _types(job: Job, summaries: Sequence[Summary]) -> dict[str, str]:
    """Return the type that all values of a passed-through column share: a fold over all pieces, no sample decides it."""
    passed = {need.column for need in job.needs if need.kind == "any"}
    met: dict[str, set[str]] = {}
    for summary in summaries:
        for column, types in summary.types.items():
            met.setdefault(column, set()).update(types)
    shared: dict[str, str] = {}
    for column, types in sorted((column, types) for column, types in met.items() if column in passed):
        numbers = types <= {"integer", "number"} and bool(types)
        shared[column] = max(types, key=["integer", "number"].index) if numbers else types.pop() if len(types) == 1 else "text"
    return shared


def _bytes_of(piece: Piece, pieces: Sequence[Piece]) -> int:
    """Return the bytes that finishing a piece stands for on the bar; row groups share their file's."""
    if piece.format != "parquet":
        return piece.stop - piece.start
    same = [one for one in pieces if one.path == piece.path]
    size = piece.path.stat().st_size
    return size // len(same) if piece is not same[-1] else size - size // len(same) * (len(same) - 1)


def _changed(pool: Pool, files: Sequence[Path], engine: Engine, reporter: Reporter) -> bool:
    """Say whether the inputs' content is no longer what the pool was built from."""
    known = [one["sha256"] for one in pool.index.inputs]
    with reporter.phase("recheck", len(files), "files") as advance:
        for old, new in zip(known, engine.map(sha256_of, files), strict=True):
            advance(1)
            if old != new:
                shutil.rmtree(pool.folder)
                return True
    return False
