"""From columns to the training example, by the recipe's template: prompt and completion, or a ready conversation."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import COMPLETION, PROMPT
from evenly.core.conversations import conversations
from evenly.errors import DataError

if TYPE_CHECKING:
    from evenly.recipe.model import Template


def render(frame: pl.DataFrame, template: Template) -> pl.DataFrame:
    """Return `frame` with `__prompt__` and `__completion__`, String; null where a field's value is null.

    A conversation stands in `__prompt__` as JSON (see `evenly.core.conversations`), and the completion is empty.

    Fields with a format go through Python's own `format` (half to even, as `{price:.0f}` means it there).

    Raises:
        DataError: when a format does not fit a column's values.
    """
    if template.messages:
        return frame.with_columns(conversations(frame, template.messages).alias(PROMPT), pl.lit("").alias(COMPLETION))
    parts = {PROMPT: template.prompt or "", COMPLETION: template.completion}
    return frame.with_columns(_rendered(frame, text).alias(name) for name, text in parts.items())


def template_columns(template: Template) -> list[str]:
    """Return the columns that the template names, sorted."""
    if template.messages:
        return sorted(set(template.messages))
    parsed = [*string.Formatter().parse(template.prompt or ""), *string.Formatter().parse(template.completion)]
    return sorted({column for _, column, _, _ in parsed if column is not None})


def _rendered(frame: pl.DataFrame, text: str) -> pl.Expr:
    pieces: list[pl.Expr] = []
    for literal, column, spec, _ in string.Formatter().parse(text):
        if literal:
            pieces.append(pl.lit(literal))
        if column is not None:
            pieces.append(pl.lit(_formatted(frame[column], spec)) if spec else pl.col(column).cast(pl.String))
    return pl.concat_str(pieces or [pl.lit("")])


def _formatted(values: pl.Series, spec: str) -> pl.Series:
    """Format each value; only distinct ones go through Python, since labels repeat."""
    if values.dtype.is_float():
        values = values.set(values == 0, 0.0)  # -0 is 0: which of the two `unique` kept would be a matter of row order
    distinct = values.unique().drop_nulls()
    try:
        texts = [format(value, spec) for value in distinct]
    except (ValueError, TypeError) as fault:
        message = (
            f"recipe.template: the format '{spec}' does not fit column '{values.name}' ({values.dtype}): {fault}. "
            f"For a number, put `- number: {{column: {values.name}}}` into curate."
        )
        raise DataError(message) from None
    return values.replace_strict(distinct, pl.Series(texts, dtype=pl.String), default=None, return_dtype=pl.String)
