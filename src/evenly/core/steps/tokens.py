"""The tokens step: keep texts by their number of tokens, cut the kept ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenly.core.tokens import count_and_cut
from evenly.errors import TokenizerError

if TYPE_CHECKING:
    import polars as pl

    from evenly.core.tokens import Tokenizer
    from evenly.recipe.steps import Tokens


def tokens(frame: pl.DataFrame, step: Tokens, tokenizer: Tokenizer | None) -> tuple[pl.DataFrame, pl.Series]:
    """Return the frame with the texts cut to `truncate` tokens, and which have min_tokens..max_tokens before the cut.

    Raises:
        TokenizerError: when the recipe names no tokenizer.
    """
    if tokenizer is None:
        message = "recipe.tokenizer: is missing, and a tokens step needs one."
        raise TokenizerError(message)
    texts, counts = count_and_cut(tokenizer, frame[step.column].fill_null(""), step.truncate)
    keep = counts >= (step.min_tokens or 0)
    if step.max_tokens is not None:
        keep &= counts <= step.max_tokens
    return frame.with_columns(texts.alias(step.column)), keep
