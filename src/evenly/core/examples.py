"""A selected record as the output shows it: the format's text columns, label, kept columns, and what was drawn.

Columns out, in order: id; text, or prompt and completion, or messages; label and kept columns; tokens (where a
tokenizer is named); stratum; inclusion_probability; design_weight; epoch (where records may repeat).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import COMPLETION, OUTPUT_NAMES, PROMPT, TOKENS
from evenly.core.conversations import as_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.recipe.model import Recipe


def to_examples(
    rendered: pl.DataFrame, recipe: Recipe, turn_keys: Sequence[str] = (), *, withheld: bool = False
) -> pl.DataFrame:
    """Return the output's columns for rendered rows, in their order; turns have the fields `turn_keys`.

    Where the answer is `withheld`, rows of `text` format end before it.
    """
    named = {name: pl.col(internal).alias(name) for internal, name in OUTPUT_NAMES.items()}
    if TOKENS not in rendered.columns:
        del named["tokens"]
    if recipe.balance.policy != "unimax":
        del named["epoch"]
    own = [recipe.balance.label] if recipe.balance.label is not None else []
    kept = [pl.col(name) for name in dict.fromkeys([*own, *recipe.export.keep])]
    identity = named.pop("id")
    if recipe.template.messages:
        texts = [as_messages(rendered[PROMPT], turn_keys).alias("messages")]
        return rendered.select(identity, *texts, *kept, *named.values())
    return rendered.select(identity, *_texts(recipe.export.format, withheld=withheld), *kept, *named.values())


def _texts(kind: str, *, withheld: bool) -> list[pl.Expr]:
    prompt, completion = pl.col(PROMPT), pl.col(COMPLETION)
    if kind == "text":
        return [(prompt if withheld else prompt + completion).alias("text")]
    if kind == "prompt-completion":
        return [prompt.alias("prompt"), completion.alias("completion")]
    turns = [
        pl.struct(pl.lit("user").alias("role"), prompt.alias("content")),
        pl.struct(pl.lit("assistant").alias("role"), completion.alias("content")),
    ]
    return [pl.concat_list(turns).alias("messages")]
