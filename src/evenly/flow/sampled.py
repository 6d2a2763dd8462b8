"""A sample of the inputs, curated as a run would: what can be told of the data before one."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.columns import COMPLETION, ID, PROMPT
from evenly.core.template import render
from evenly.flow.pieces import Job, curate_piece
from evenly.flow.twins import twins_across_splits
from evenly.io.cache import scratch_folder
from evenly.io.pool import with_rooms
from evenly.io.tokenizers import load_tokenizer
from evenly.recipe.needs import carried_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.engines.base import Engine
    from evenly.io.blocks import Piece
    from evenly.recipe.model import Recipe
    from evenly.recipe.needs import Need

MOST_PIECES: Final = 8
"""Pieces of the inputs, from as many files, that are looked at."""

MOST_RECORDS: Final = 50_000

RENDERED: Final = 500
"""Records whose prompt and completion are encoded."""


def warnings_of(recipe: Recipe, needs: Sequence[Sequence[Need]], pieces: Sequence[Piece], engine: Engine) -> list[str]:
    """Return what a sample of the inputs warns of: near-duplicates across splits, tokens across the answer's edge."""
    sample = curated_sample(recipe, needs, pieces, engine)
    found = [twins_across_splits(recipe, sample), merged_tokens(recipe, sample)] if sample.height else []
    return [text for text in found if text is not None]


def merged_tokens(recipe: Recipe, sample: pl.DataFrame) -> str | None:
    """Return a warning where the tokenizer makes one token of a prompt's end and its completion's beginning.

    A trainer that learns the completion alone would learn a token that no model is asked for after the prompt.
    """
    if recipe.tokenizer is None or recipe.template.messages or not recipe.template.completion:
        return None
    rendered = render(sample.head(RENDERED), recipe.template).drop_nulls([PROMPT, COMPLETION])
    tokenizer = load_tokenizer(recipe.tokenizer)
    prompts, answers = rendered[PROMPT].to_list(), rendered[COMPLETION].to_list()
    ids: list[list[list[int]]] = []
    for texts in (prompts, answers, [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]):
        tokens, offsets = tokenizer.encode(texts)
        ends = offsets.tolist()
        ids.append([tokens[start:end].tolist() for start, end in pairwise(ends)])
    merged = [place for place, (one, other, whole) in enumerate(zip(*ids, strict=True)) if one + other != whole]
    if not merged:
        return None
    prompt, answer = prompts[merged[0]][-12:], answers[merged[0]][:12]
    return (
        f"recipe.template: the tokenizer merges prompt and completion in {len(merged):,} of {len(prompts):,} records "
        f"({prompt!r} and {answer!r} share a token), so that the answer begins within a token. End the prompt where a "
        "token ends, most often before a space: put the space into the completion."
    )


def curated_sample(
    recipe: Recipe, needs: Sequence[Sequence[Need]], pieces: Sequence[Piece], engine: Engine
) -> pl.DataFrame:
    """Curate the first pieces of some files, and return what is kept of them."""
    first = {piece.file: piece for piece in reversed(pieces)}
    chosen = list(first.values())[::-1][:MOST_PIECES]
    with scratch_folder() as folder:
        job = Job(recipe, tuple(map(tuple, needs)), tuple(carried_columns(recipe)), with_rooms(folder))
        parts = [part for one in engine.map(partial(curate_piece, job=job), chosen) for part in one.parts]
        there = [job.folder / "kept" / str(part["name"]) for part in parts if part["rows"]]
        if not there:
            return pl.DataFrame()
        frames = [pl.read_parquet(path, glob=False) for path in there]
        frame = pl.concat(frames, how="diagonal_relaxed").head(MOST_RECORDS)
        return frame.unique(ID, keep="first", maintain_order=True)
