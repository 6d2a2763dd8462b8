"""Curating one piece of the inputs: read, id, row-wise steps, tokens; what is kept, dropped and quarantined.

`curate_piece` is a function of (piece, job) alone but for the files that it writes into the job's folder, so that
pieces can go through on any worker in any order. What the pool needs to know comes back as a small summary.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from evenly.columns import COMPLETION, CONTENT, ID, KEEP, LINE, PIECE, PROMPT, REASON, RECORD, SOURCE, TOKENS
from evenly.core.conversations import Chat, count_conversations, turn_keys
from evenly.core.duplicates import group_column, group_hash, signed
from evenly.core.hashing import content, identity
from evenly.core.steps import Beside, curate
from evenly.core.steps.tokens import Spoken
from evenly.core.template import render
from evenly.core.tokens import count
from evenly.flow.exclude import load_excluded
from evenly.io.blocks import Rejected
from evenly.io.durable import whole
from evenly.io.pool import finish_piece
from evenly.io.readers import read_blocks
from evenly.io.sources import given_columns
from evenly.io.tokenizers import load_tokenizer
from evenly.recipe.expression import parse_expression, to_polars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evenly.core.exclude import Excluded
    from evenly.core.tokens import Tokenizer
    from evenly.io.blocks import Block, File, Piece
    from evenly.recipe.model import Recipe, Source
    from evenly.recipe.needs import Need

TEMPLATE_REASON = "template"
"""Why a record is dropped whose template would show a null."""


RAW_CHARS = 65_536
"""Characters of a bad row that quarantine keeps."""


@dataclass(frozen=True)
class Job:
    """What it takes to curate a piece."""

    recipe: Recipe
    needs: tuple[tuple[Need, ...], ...]
    """What is read from each source, under the names in its data."""
    carried: tuple[str, ...]
    folder: Path
    chat: Chat | None = None
    """The tokenizer's chat template, for conversations."""
    kept_out: Mapping[int, Sequence[File]] = field(default_factory=dict[int, "Sequence[File]"])
    """The files of each `exclude` step, by its place in curate."""

    @cached_property
    def excluded(self) -> Mapping[int, Excluded]:
        """What each `exclude` step keeps out, read once by each process."""
        return load_excluded(self.recipe, self.kept_out)

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The recipe's tokenizer, loaded once by each process."""
        return load_tokenizer(self.recipe.tokenizer) if self.recipe.tokenizer is not None else None


@dataclass
class PieceSummary:
    """What curating a piece came to: rows, `lines` of text, to number the pieces after it, and `bytes` written."""

    piece: Piece
    lines: int = 0
    bytes: int = 0
    read: int = 0
    quarantined: int = 0
    dropped: Counter[str] = field(default_factory=Counter[str])
    parts: list[dict[str, str | int]] = field(default_factory=list[dict[str, str | int]])
    types: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    turn_keys: set[str] = field(default_factory=set[str])
    """What the turns of kept conversations hold."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, to be kept beside what the piece left."""
        told = vars(self) | {"piece": _name(self.piece), "dropped": dict(self.dropped)}
        types = {column: sorted(met) for column, met in self.types.items()}
        return told | {"types": types, "turn_keys": sorted(self.turn_keys)}

    @classmethod
    def of(cls, piece: Piece, told: Mapping[str, Any] | None) -> PieceSummary | None:
        """Return the summary of a piece from what was kept of it; None where that is another piece's, or nothing."""
        if told is None or told["piece"] != _name(piece):
            return None
        types = {column: set(met) for column, met in told["types"].items()}
        counts = {name: told[name] for name in ("lines", "bytes", "read", "quarantined", "parts")}
        return cls(piece, **counts, dropped=Counter(told["dropped"]), types=types, turn_keys=set(told["turn_keys"]))


@dataclass(frozen=True)
class CuratedBlock:
    """One block after curate.

    Attributes:
        kept: __id__, __piece__, __line__, __tokens__ (where a tokenizer is named) and the carried columns.
        dropped: __id__, __piece__, __line__, __reason__.
        turn_keys: what the turns of kept conversations hold.
        keys: of all good rows: __id__, __piece__, __line__, __content__, and per global step what groups records:
            for `unique` a hash of its columns, for `near_unique` a signature (null for a dropped row, or one that is
            like no other).
        rejected: the bad rows, those without an id among them.
    """

    kept: pl.DataFrame
    dropped: pl.DataFrame
    keys: pl.DataFrame
    rejected: list[Rejected]
    turn_keys: set[str]


def piece_key(piece: Piece) -> str:
    """Return what the files of a piece begin with."""
    return f"{piece.index:06d}"


def _name(piece: Piece) -> list[str | int]:
    """Return what tells a piece from any other of the same inputs."""
    return [piece.source, piece.file.name, piece.format, piece.start, piece.stop]


def curate_piece(piece: Piece, job: Job) -> PieceSummary:
    """Read and curate one piece; write its parts, dropped records, keys and quarantined rows into the job's folder.

    Each file takes its place when it is complete, the note that the piece is finished after all of them: whoever goes
    on with an interrupted run takes the piece as it is, or does it again.
    """
    summary = PieceSummary(piece)
    rejects = job.folder / "quarantine" / f"{piece_key(piece)}.jsonl"
    with whole(rejects) as unfinished:
        files = _curate_blocks(piece, job, summary, unfinished)
    if summary.quarantined:
        files.append(rejects)
    summary.bytes = sum(path.stat().st_size for path in files)
    finish_piece(job.folder, piece_key(piece), files, summary.to_dict())
    return summary


def _curate_blocks(piece: Piece, job: Job, summary: PieceSummary, rejects: Path) -> list[Path]:
    """Curate the blocks of a piece, tell its summary and its file of bad rows of each; return the other files."""
    files: list[Path] = []
    names = job.recipe.sources[piece.source].rename
    for number, block in enumerate(read_blocks(piece, job.needs[piece.source])):
        part = f"{piece_key(piece)}-{number:06d}.parquet"
        curated = curate_block(block, piece, job)
        for folder, frame in (("kept", curated.kept), ("dropped", curated.dropped), ("keys", curated.keys)):
            if frame.height:
                files.append(job.folder / folder / part)
                with whole(files[-1]) as place:
                    frame.write_parquet(place, compression="lz4", statistics=False)
        summary.lines += block.lines
        summary.read += block.frame.height + len(block.rejected)
        summary.dropped.update(curated.dropped[REASON].to_list())
        summary.turn_keys |= curated.turn_keys
        summary.parts.append({"name": part, "rows": curated.kept.height})
        for column, met in block.types.items():
            summary.types.setdefault(names.get(column, column), set()).update(met)
        summary.quarantined += len(curated.rejected)
        _quarantine(curated.rejected, rejects)
    return files


def _quarantine(rejected: Sequence[Rejected], path: Path) -> None:
    """Append a block's bad rows to their piece's file: a file that is bad throughout must not gather in memory."""
    if not rejected:
        return
    with path.open("a", encoding="utf-8", errors="backslashreplace") as out:
        for row in sorted(rejected, key=lambda row: row.line):
            out.write(json.dumps(asdict(row) | {"raw": _bounded(row.raw)}, ensure_ascii=False) + "\n")


def _bounded(raw: str) -> str:
    """Return a raw row, of a very long one the beginning: quarantine is for looking at."""
    more = len(raw) - RAW_CHARS
    return raw if more <= 0 else f"{raw[:RAW_CHARS]}… ({more:,} more characters)"


def curate_block(block: Block, piece: Piece, job: Job) -> CuratedBlock:
    """Curate the good rows of one block."""
    source = job.recipe.sources[piece.source]
    frame, nameless = _named(block, piece, job)
    survivor = pl.lit(0, dtype=pl.UInt64)
    if source.duplicate_ids == "drop":
        survivor = content([name for name in frame.columns if name not in {ID, PIECE, LINE}], frame.schema)
    keys = frame.select(ID, PIECE, LINE, survivor.alias(CONTENT))
    frame, unwanted = _filtered(frame, source)
    beside = Beside(Spoken(frozenset(job.recipe.template.messages), job.chat), job.excluded)
    curated = curate(frame, job.recipe.curate, job.tokenizer, beside)
    kept, hollow = _count_tokens(curated.kept, job)
    dropped = pl.concat([unwanted, curated.dropped.select(hollow.columns), hollow])
    makers = {"unique": group_hash, "near_unique": signed}
    groups = [
        makers[step.kind](kept, step.body).alias(group_column(index))
        for index, step in enumerate(job.recipe.curate)
        if step.kind in makers
    ]
    if groups:
        keys = keys.join(kept.select(LINE, *groups), on=LINE, how="left", maintain_order="left", validate="1:1")
    tokens = [TOKENS] if job.recipe.tokenizer is not None else []
    held = kept.select(ID, PIECE, LINE, *tokens, *job.carried)
    turns = turn_keys(kept[PROMPT]) if job.recipe.template.messages else set[str]()
    return CuratedBlock(held, dropped, keys, [*block.rejected, *nameless], turns)


def _named(block: Block, piece: Piece, job: Job) -> tuple[pl.DataFrame, list[Rejected]]:
    """Return a block's rows with `__id__`, `__piece__` and the columns that the path gives; and those without an id."""
    source = job.recipe.sources[piece.source]
    given = {SOURCE: source.name} | given_columns(source, piece.file)
    frame = block.frame.rename(source.rename, strict=False).with_columns(
        pl.lit(piece.index, dtype=pl.UInt32).alias(PIECE), *[pl.lit(value).alias(name) for name, value in given.items()]
    )
    columns = source.id or [RECORD, *sorted(source.columns)]
    name = pl.col(columns[0]).cast(pl.String) if len(source.id) == 1 else identity(columns, frame.schema)
    if len(job.recipe.sources) > 1:
        name = pl.when(name != "").then(source.name + ":" + name)
    frame = frame.with_columns(name.alias(ID)).drop(RECORD, strict=False)
    unnamed = pl.col(ID).is_null() | (pl.col(ID) == "")
    nameless = frame.filter(unnamed)
    if not nameless.height:
        return frame, []
    return frame.filter(~unnamed), _rejected_nameless(nameless, source.id)


def _filtered(frame: pl.DataFrame, source: Source) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that a source's own filter lets through, and the others as dropped."""
    keep = pl.lit(value=True)
    if source.filter is not None:
        keep = to_polars(parse_expression(source.filter, "boolean")).fill_null(value=False)
    judged = frame.with_columns(keep.alias(KEEP))
    dropped = judged.filter(~pl.col(KEEP)).select(ID, PIECE, LINE, pl.lit(f"{source.name}.filter").alias(REASON))
    return judged.filter(KEEP).drop(KEEP), dropped


def _rejected_nameless(rows: pl.DataFrame, columns: Sequence[str]) -> list[Rejected]:
    """Return the rows without an id as quarantined ones, with the columns that were read as their text."""
    reason = f"no id: {', '.join(repr(column) for column in columns)} is null or empty"
    shown = [name for name in rows.columns if not name.startswith("__")]
    return [
        Rejected(int(row[LINE]), reason, json.dumps({name: row[name] for name in shown}, default=str))
        for row in rows.iter_rows(named=True)
    ]


def _count_tokens(kept: pl.DataFrame, job: Job) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the records whose template can be rendered, with it and `__tokens__`, and the others as dropped."""
    rendered = render(kept, job.recipe.template)
    tokenizer = job.tokenizer
    whole = pl.col(PROMPT).is_not_null() & pl.col(COMPLETION).is_not_null()
    if tokenizer is not None:
        if job.recipe.template.messages:
            counts = count_conversations(tokenizer, job.chat, rendered[PROMPT])
        else:
            counts = count(tokenizer, rendered.select(pl.col(PROMPT) + pl.col(COMPLETION))[PROMPT])
        rendered = rendered.with_columns(counts.alias(TOKENS))
        whole &= pl.col(TOKENS).is_not_null()  # a chat template may refuse a conversation
    hollow = rendered.filter(~whole).select(ID, PIECE, LINE, pl.lit(TEMPLATE_REASON).alias(REASON))
    return (rendered.filter(whole) if hollow.height else rendered), hollow
