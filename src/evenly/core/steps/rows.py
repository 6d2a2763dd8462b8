"""Steps that look at values and say which records go on: number, chars, filter; and derive, which adds columns.

A step that drops returns the frame with its columns changed and a Boolean Series, true where the record is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from evenly.columns import KEEP
from evenly.recipe.expression import parse_expression, to_polars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evenly.recipe.steps import Chars, Filter, Number

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""What a text must look like to be a number: `nan`, `inf`, `1_000`, `$5` and `from 12.99` do not."""


def number(frame: pl.DataFrame, step: Number) -> tuple[pl.DataFrame, pl.Series]:
    """Read a column as Float64; keep finite values within min..max."""
    column = pl.col(step.column)
    if not frame.schema[step.column].is_numeric():
        trimmed = column.cast(pl.String).str.strip_chars()
        column = pl.when(trimmed.str.contains(NUMBER)).then(trimmed).cast(pl.Float64, strict=False)
    parsed = frame.with_columns(column.cast(pl.Float64).alias(step.column))
    value = pl.col(step.column)
    inside = value.is_finite()
    if step.min is not None:
        inside &= value >= step.min
    if step.max is not None:
        inside &= value <= step.max
    return parsed, _mask(parsed, inside)


def chars(frame: pl.DataFrame, step: Chars) -> tuple[pl.DataFrame, pl.Series]:
    """Keep texts of min..max characters (Unicode code points); cut to the first `truncate`. A null has none."""
    text = pl.col(step.column).fill_null("")
    length = text.str.len_chars()
    inside = pl.lit(value=True)
    if step.min is not None:
        inside &= length >= step.min
    if step.max is not None:
        inside &= length <= step.max
    mask = _mask(frame, inside)
    cut = text if step.truncate is None else text.str.slice(0, step.truncate)
    return frame.with_columns(cut.alias(step.column)), mask


def where(frame: pl.DataFrame, step: Filter) -> tuple[pl.DataFrame, pl.Series]:
    """Keep the records for which the expression is true; SQL's unknown (a null) is not true."""
    return frame, _mask(frame, to_polars(parse_expression(step.where, "boolean")))


def derive(frame: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """Add columns, each an expression over one record; a later one may use an earlier one."""
    for name, text in columns.items():
        frame = frame.with_columns(to_polars(parse_expression(text)).alias(name))
    return frame


def _mask(frame: pl.DataFrame, condition: pl.Expr) -> pl.Series:
    """Evaluate a condition to one Boolean per row (a literal alone would give one value for the frame)."""
    answer = pl.when(condition.fill_null(value=False)).then(pl.lit(value=True)).otherwise(pl.lit(value=False))
    return frame.with_columns(answer.alias(KEEP))[KEEP]
