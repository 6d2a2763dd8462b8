"""From the recipe's inputs to the pool (DESIGN section 3): the expensive half, so its result is kept.

The pieces are curated on the engine; here their summaries are folded, lines are numbered, duplicates go, and the pool
is closed.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from evenly.errors import DataError, EvenlyError, UserError, noted
from evenly.flow.duplicates import drop_duplicates
from evenly.flow.exclude import excluded_files
from evenly.flow.pieces import Job, PieceSummary, curate_piece, piece_key
from evenly.flow.room import Tally, refuse_full, short_of_memory
from evenly.flow.types import shared_types
from evenly.io import pool as pools
from evenly.io.blocks import File
from evenly.io.cache import mark_use
from evenly.io.chats import load_chat
from evenly.io.readers import cut_into_pieces
from evenly.io.sources import check_columns, describe, find_files, given_columns, sha256_of, told_of
from evenly.io.tokenizers import tokenizer_fingerprint
from evenly.recipe.needs import carried_columns, data_needs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenly.core.conversations import Chat
    from evenly.engines.base import Engine
    from evenly.io.blocks import Piece
    from evenly.io.pool import Pool
    from evenly.io.sources import Input
    from evenly.recipe.model import Recipe
    from evenly.recipe.needs import Need
    from evenly.reporting.progress import Reporter

Given = Mapping[int, File]
"""The tables that Python gave, kept as files: source's number -> file."""

NOTHING: Final[Given] = {}

EXAMPLES = 5
"""Bad rows that an error shows."""

RAW_CHARS = 80
"""Characters of a bad row that an error shows."""


def open_pool(
    recipe: Recipe,
    engine: Engine,
    reporter: Reporter,
    given: Given = NOTHING,
    *,
    scratch: Path | None = None,
    recheck: bool = False,
) -> tuple[Pool, bool]:
    """Return the recipe's pool, and whether it was there already; build it when it was not.

    As long as `scratch` is there, a folder in the cache's scratch, nobody else deletes or replaces the pool.
    Where another run builds the same pool, this one waits for it; what an interrupted one finished is gone on with.
    With `recheck` a pool that is there is used only if the inputs' sha256 are still those that it was built from.

    Raises:
        DataError: when the inputs don't hold what the recipe asks of them.
        TokenizerError: when the tokenizer can't be had.
    """
    files = all_files(recipe, reporter, given)
    kept_out = excluded_files(recipe, reporter)
    watched = [file for _, file in files] + [file for own in kept_out.values() for file in own]
    found_as = describe(watched)
    name = _fingerprint(recipe, files, kept_out)
    pools.sweep_unfinished()
    with pools.locked(name, partial(reporter.say, "another run curates the same inputs; this one waits for its pool")):
        found = pools.find_pool(name)
        if found is not None and recheck and _changed(found, watched, engine, reporter):
            pools.replace_pool(found, partial(reporter.say, "another run reads the pool; this one waits until it ends"))
            found = None
        if scratch is not None:
            mark_use(scratch, name)
        if found is not None:
            return found, True
        job = Job(
            recipe,
            needs=check_inputs(recipe, files),
            carried=tuple(carried_columns(recipe)),
            chat=_chat(recipe),
            kept_out=kept_out,
            folder=pools.building_folder(name, anew=recheck),
        )
        return _built(job, name, files, list(zip(watched, found_as, strict=True)), engine, reporter), False


def _built(
    job: Job,
    name: str,
    files: Sequence[tuple[int, File]],
    watched: Sequence[tuple[File, Input]],
    engine: Engine,
    reporter: Reporter,
) -> Pool:
    """Build the pool in the job's folder; what pieces are finished stays there, unless the fault is the inputs'.

    `files` are the sources', `watched` those and what else is read, each as it was when the work began.
    """
    pieces = cut(job.recipe, files)
    warning = short_of_memory(job.recipe.engine.workers, len(pieces)) if engine.name == "local" else None
    if warning is not None:
        reporter.say(warning)
    try:
        with noted(partial(_kept_of, job, pieces)):
            built = _build(job, pieces, engine, reporter)
            read, found_as = [file for file, _ in watched], [found for _, found in watched]
            digests = _digests("hash", read, engine, reporter)
            _refuse_changed(found_as, describe(read))
            inputs = [asdict(one) | {"sha256": digest} for one, digest in zip(found_as, digests, strict=True)]
            for one, (number, file) in zip(inputs, files, strict=False):  # those of `exclude` come after
                one["found"] = told_of(file, job.recipe.sources[number].format)
            return pools.finish(
                job.folder,
                pools.PoolIndex(
                    version=pools.VERSION, fingerprint=name, recipe=job.recipe.name, inputs=inputs, **built
                ),
            )
    except UserError:
        shutil.rmtree(job.folder, ignore_errors=True)
        raise


def _kept_of(job: Job, pieces: Sequence[Piece]) -> str:
    """Say what of an interrupted pool is kept."""
    done = len(pools.finished_pieces(job.folder))
    if not done:
        return ""
    return f"{done:,} of {len(pieces):,} pieces are curated and kept; the same command goes on from there."


def _refuse_changed(before: Sequence[Input], after: Sequence[Input]) -> None:
    """Refuse inputs that were written to while they were read: what was read is neither the old nor the new."""
    for old, new in zip(before, after, strict=True):
        if old != new:
            message = f"{old.path}: changed while it was read. Run again when nothing writes to it."
            raise DataError(message)


def all_files(recipe: Recipe, reporter: Reporter, given: Given = NOTHING) -> list[tuple[int, File]]:
    """Return the files of all sources, in the recipe's order, each with its source's number.

    Raises:
        DataError: for a source without files, and a pattern that matches nothing.
    """
    found: list[tuple[int, File]] = []
    for number, source in enumerate(recipe.sources):
        if number in given:
            found.append((number, given[number]))
            continue
        if not source.files:
            message = (
                f"recipe.sources[{number}].files: source '{source.name}' has none. Name its files, or give its table "
                f"from Python: data={{'{source.name}': table}}."
            )
            raise DataError(message)
        found += [(number, file) for file in find_files(source, number, reporter.phase)]
    return found


def check_inputs(recipe: Recipe, files: Sequence[tuple[int, File]]) -> tuple[tuple[Need, ...], ...]:
    """Return what the recipe reads from each source, once every file is known to have it.

    Raises:
        DataError: for a file that lacks a column or whose path gives none.
    """
    needs = tuple(data_needs(recipe, number) for number in range(len(recipe.sources)))
    for number, source in enumerate(recipe.sources):
        own = [file for owner, file in files if owner == number]
        check_columns(own, needs[number], source.format, list(source.columns))
        for file in own:
            given_columns(source, file, number)
    return needs


def cut(recipe: Recipe, files: Sequence[tuple[int, File]]) -> list[Piece]:
    """Return the pieces of all sources' files, numbered throughout."""
    pieces: list[Piece] = []
    for number, source in enumerate(recipe.sources):
        own = [file for owner, file in files if owner == number]
        pieces += cut_into_pieces(own, source.format, f"recipe.sources[{number}].files", number, len(pieces))
    return pieces


def _fingerprint(recipe: Recipe, files: Sequence[tuple[int, File]], kept_out: Mapping[int, Sequence[File]]) -> str:
    """Return the name of the pool: a hash of all that its content depends on."""
    resolved = recipe.to_dict()
    return pools.fingerprint(
        {
            "inputs": [_identity(file) | {"source": number} for number, file in files],
            "excluded": [_identity(file) | {"step": step} for step, own in kept_out.items() for file in own],
            "sources": [{key: value for key, value in one.items() if key != "files"} for one in resolved["sources"]],
            "tokenizer": tokenizer_fingerprint(recipe.tokenizer) if recipe.tokenizer is not None else None,
            "chat": asdict(chat) if (chat := _chat(recipe)) is not None else None,
            "curate": resolved["curate"],
            "template": resolved["template"],
            "reads": [
                sorted((need.column, need.kind) for need in data_needs(recipe, number))
                for number in range(len(recipe.sources))
            ],
            "carried": carried_columns(recipe),
            "max_bad_fraction": recipe.max_bad_fraction,
        }
    )


def _identity(file: File) -> dict[str, Any]:
    """Return what tells a file's state: as given, since a ledger shows that, and absolute, wherever it was given."""
    return asdict(describe([file])[0]) | {"at": file.place}


def _chat(recipe: Recipe) -> Chat | None:
    """Return the tokenizer's chat template where the recipe has conversations to count."""
    return load_chat(recipe.tokenizer) if recipe.tokenizer is not None and recipe.template.messages else None


def _build(job: Job, pieces: Sequence[Piece], engine: Engine, reporter: Reporter) -> dict[str, Any]:
    """Curate all pieces into the job's folder, but those that are there; return the pool's index but for its inputs."""
    summaries = _curated(job, pieces, engine, reporter)
    placed = _place(summaries)
    read, quarantined = sum(one.read for one in summaries), sum(one.quarantined for one in summaries)
    list(engine.map(partial(_gather_quarantine, placed=placed), [job.folder]))
    _refuse_too_bad(job, read, quarantined)
    dropped = sum((one.dropped for one in summaries), Counter[str]())
    parts = [part for summary in summaries for part in summary.parts]
    moved, left = drop_duplicates(job.recipe, job.folder, parts, placed, read - quarantined, engine, reporter)
    dropped.update(moved)
    kept = read - quarantined - dropped.total()
    if kept != sum(int(part["rows"]) for part in left):
        message = f"internal: {kept:,} rows should be kept, the parts hold others. Please report this."
        raise EvenlyError(message)
    if not kept:
        raise DataError(_nothing_kept(read, quarantined, dropped))
    return {
        "pieces": placed,
        "parts": [part | {"bytes": _size(job.folder, part)} for part in left if part["rows"]],
        "read": read,
        "quarantined": quarantined,
        "kept": kept,
        "dropped": {reason: rows for reason, rows in sorted(dropped.items()) if rows},
        "types": shared_types(job, summaries),
        "turn_keys": sorted(set[str]().union(*(one.turn_keys for one in summaries))),
    }


def _curated(job: Job, pieces: Sequence[Piece], engine: Engine, reporter: Reporter) -> list[PieceSummary]:
    """Return the summaries of all pieces, in their order; those that a run before this one finished are kept."""
    told = pools.finished_pieces(job.folder)
    found = {piece.index: PieceSummary.of(piece, told.get(piece_key(piece))) for piece in pieces}
    left = [piece for piece in pieces if found[piece.index] is None]
    if len(left) < len(pieces):
        reporter.say(f"goes on with an interrupted run: {len(pieces) - len(left):,} of {len(pieces):,} pieces are done")
    sizes = _sizes(pieces)
    tally = Tally(sum(sizes.values()))
    with reporter.phase("curate", tally.total, "bytes") as advance:
        for index, summary in found.items():
            if summary is not None:
                tally.add(sizes[index], summary)
        advance(tally.read)
        for summary in engine.map(partial(curate_piece, job=job), left, python=True):
            found[summary.piece.index] = summary
            advance(sizes[summary.piece.index])
            tally.add(sizes[summary.piece.index], summary)
            refuse_full(job.folder, tally, job.recipe)
        all_of_them = [summary for summary in found.values() if summary is not None]
        advance.counts |= {
            "read": sum(one.read for one in all_of_them),
            "quarantined": sum(one.quarantined for one in all_of_them),
            "kept": sum(int(part["rows"]) for one in all_of_them for part in one.parts),
            "dropped": dict(sum((one.dropped for one in all_of_them), Counter[str]())),
        }
    return all_of_them


def _size(folder: Path, part: dict[str, str | int]) -> int:
    """Return the bytes of a part: of what is left of it, where it lost duplicates."""
    name = str(part["name"])
    left = folder / pools.BURIED / "kept" / name
    return (left if left.exists() else folder / "kept" / name).stat().st_size


def _place(summaries: Sequence[PieceSummary]) -> list[dict[str, Any]]:
    """Return each piece's file and the number of its first line (from 1), now that the lines before it are counted."""
    placed: list[dict[str, Any]] = []
    before: Counter[tuple[int, File]] = Counter()
    for summary in summaries:
        file = summary.piece.source, summary.piece.file
        first = before[file] + summary.piece.lines + 1
        placed.append({"file": file[1].name, "first_line": first, "source": file[0]})
        before[file] += summary.lines
    return placed


def _gather_quarantine(folder: Path, placed: Sequence[dict[str, Any]]) -> None:
    """Gather the quarantined rows of all pieces into one file, with their true lines."""
    with (folder / "quarantine.jsonl").open("w", encoding="utf-8") as out:
        for path in sorted((folder / "quarantine").glob("[!.]*.jsonl")):
            place = placed[int(path.stem)]
            with path.open(encoding="utf-8") as rows:
                for row in map(json.loads, rows):
                    line = place["first_line"] + row["line"]
                    one = {"file": place["file"], "line": line, "reason": row["reason"], "raw": row["raw"]}
                    out.write(json.dumps(one, ensure_ascii=False) + "\n")


def _refuse_too_bad(job: Job, read: int, quarantined: int) -> None:
    if not read:
        message = "recipe.sources: the files hold no rows. Give files with data."
        raise DataError(message)
    allowed = job.recipe.max_bad_fraction
    if quarantined / read <= allowed:
        return
    with (job.folder / "quarantine.jsonl").open(encoding="utf-8") as rows:
        examples = [json.loads(row) for _, row in zip(range(EXAMPLES), rows, strict=False)]
    shown = "".join(f"\n  {one['file']}:{one['line']}: {one['reason']}: {_printable(one['raw'])}" for one in examples)
    message = (
        f"recipe.max_bad_fraction: {quarantined:,} of {read:,} rows ({quarantined / read:.1%}) could not be read, "
        f"at most {allowed:.1%} may be bad. Mend the data, or raise max_bad_fraction.{shown}"
    )
    raise DataError(message)


def _printable(raw: str) -> str:
    """Return the beginning of a raw row as one line that can't steer a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in raw[:RAW_CHARS])


def _nothing_kept(read: int, quarantined: int, dropped: Counter[str]) -> str:
    reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in dropped.most_common() if rows) or "none"
    return (
        f"recipe.curate: none of {read:,} rows is left (dropped: {reasons}; quarantined: {quarantined:,}). "
        "Loosen the step that drops the most."
    )


def _sizes(pieces: Sequence[Piece]) -> dict[int, int]:
    """Return the bytes that finishing each piece stands for on the bar; row groups share their file's."""
    together = Counter(piece.file for piece in pieces)
    return {
        piece.index: piece.file.path.stat().st_size // together[piece.file]
        if piece.format in {"parquet", "arrow"}
        else piece.stop - piece.start
        for piece in pieces
    }


def _digests(phase: str, files: Sequence[File], engine: Engine, reporter: Reporter) -> list[str]:
    """Return the files' sha256."""
    digests: list[str] = []
    with reporter.phase(phase, len(files), "files") as advance:
        for digest in engine.map(sha256_of, [file.path for file in files]):
            digests.append(digest)
            advance(1)
        advance.counts["bytes"] = sum(file.path.stat().st_size for file in files)
    return digests


def _changed(pool: Pool, files: Sequence[File], engine: Engine, reporter: Reporter) -> bool:
    """Say whether the inputs' content is no longer what the pool was built from; if so, the pool goes."""
    known = [one["sha256"] for one in pool.index.inputs]
    return _digests("recheck", files, engine, reporter) != known
