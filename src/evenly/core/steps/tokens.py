"""The tokens step: keep texts by their number of tokens, cut the kept ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenly.core.conversations import conversations, count_conversations
from evenly.core.tokens import count_and_cut
from evenly.errors import TokenizerError

if TYPE_CHECKING:
    import polars as pl

    from evenly.core.conversations import Chat
    from evenly.core.tokens import Tokenizer
    from evenly.recipe.steps import Tokens


@dataclass(frozen=True)
class Spoken:
    """Which columns hold conversations, and the tokenizer's chat template, which says how long they are."""

    columns: frozenset[str] = frozenset()
    chat: Chat | None = None


def tokens(
    frame: pl.DataFrame, step: Tokens, tokenizer: Tokenizer | None, spoken: Spoken | None = None
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the frame with the texts cut to `truncate` tokens, and which have min_tokens..max_tokens before the cut.

    A column of conversations is counted as such and not cut; what is no conversation passes, for the template to drop.

    Raises:
        TokenizerError: when the recipe names no tokenizer.
    """
    if tokenizer is None:
        message = "recipe.tokenizer: is missing, and a tokens step needs one. Name one, such as o200k_base."
        raise TokenizerError(message)
    if spoken is not None and step.column in spoken.columns:
        counts = count_conversations(tokenizer, spoken.chat, conversations(frame, [step.column]))
        return frame, _between(counts, step).fill_null(value=True)
    texts, counts = count_and_cut(tokenizer, frame[step.column].fill_null(""), step.truncate)
    return frame.with_columns(texts.alias(step.column)), _between(counts, step)


def _between(counts: pl.Series, step: Tokens) -> pl.Series:
    keep = counts >= (step.min_tokens or 0)
    return keep if step.max_tokens is None else keep & (counts <= step.max_tokens)
