"""Are the conversations of an output such as hosted fine-tuning takes? Counted over all rows, told in the manifest.

The rules that hosts share: roles that they know, a turn of the user's, the last one the assistant's, nothing empty, ten
examples at least to train on, and no example longer than the model reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.core.conversations import CHAT_RULES
from evenly.core.select import TRAIN
from evenly.io.outputs import data_files, scan_data

if TYPE_CHECKING:
    from pathlib import Path

    from evenly.recipe.model import Recipe

ROLES: Final = ("system", "developer", "user", "assistant", "tool", "function")

FEWEST: Final = 10
"""Examples that a host trains on at least."""


def chat_facts(folder: Path, recipe: Recipe) -> dict[str, Any] | None:
    """Return how many rows of the splits break each rule, and the tokens of train; None for another format."""
    if recipe.export.format != "messages":
        return None
    turn, last = pl.element().struct.field("role"), pl.col("messages").list.last().struct.field("role")
    spoken = pl.element().struct.field("content").fill_null("").str.strip_chars() == ""
    either = turn.is_in(["user", "assistant"])
    rules = {
        "unknown_role": ~pl.col("messages").list.eval(turn.is_in(ROLES)).list.all(),
        "no_user": ~pl.col("messages").list.eval(turn == "user").list.any(),
        "last_not_assistant": (last != "assistant").fill_null(value=True),
        "empty": pl.col("messages").list.eval(spoken & either).list.any(),
    }
    counts: dict[str, int] = dict.fromkeys(CHAT_RULES, 0)
    facts: dict[str, Any] = {"rows": 0, "tokens": 0}
    limit = recipe.export.token_limit
    for split in recipe.split.shares:
        before = facts["rows"]
        for path in data_files(folder, "data", split, recipe.export.files):
            frame = scan_data(path)
            told = dict(rules)
            if limit is not None and "tokens" in frame.collect_schema():
                told["too_long"] = pl.col("tokens") > limit
            tokens = pl.col("tokens").cast(pl.Int64).sum() if "tokens" in frame.collect_schema() else pl.lit(0)
            found = frame.select(
                pl.len().alias("rows"), tokens.alias("tokens"), *(one.sum().alias(name) for name, one in told.items())
            ).collect()
            facts["rows"] += int(found["rows"].item())
            facts["tokens"] += int(found["tokens"].item() or 0) if split == TRAIN else 0
            for name in told:
                counts[name] += int(found[name].item() or 0)
        if split == TRAIN and facts["rows"] - before < FEWEST:
            counts["too_few"] = facts["rows"] - before
    return facts | {"broken": {name: rows for name, rows in counts.items() if rows}}
