"""The json step: objects read as text lose keys and give numbers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import polars as pl

if TYPE_CHECKING:
    from evenly.recipe.steps import Json

GRAMS_PER_POUND: Final = 453.59237
"""The international pound, exactly (1959)."""

POUNDS: Final = {
    "": 1.0,
    **dict.fromkeys(("pound", "pounds", "lb", "lbs"), 1.0),
    **dict.fromkeys(("ounce", "ounces", "oz"), 1 / 16),
    **dict.fromkeys(("gram", "grams", "g"), 1 / GRAMS_PER_POUND),
    **dict.fromkeys(("kilogram", "kilograms", "kg"), 1_000 / GRAMS_PER_POUND),
    **dict.fromkeys(("milligram", "milligrams", "mg"), 0.001 / GRAMS_PER_POUND),
    **dict.fromkeys(("hundredths pounds", "hundredths of a pound"), 0.01),
}
"""Unit of weight, in lower case -> pounds; a number without a unit stays what it is."""

MEASURE: Final = re.compile(r"\s*([+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?)\s*([a-z ]*?)\.?\s*")


def objects(frame: pl.DataFrame, step: Json) -> pl.DataFrame:
    """Return the frame with `drop_keys` gone from the column's objects and a Float64 column for each of `extract`.

    The text becomes what Python's json.dumps gives for the object; a text that is no object stays as it is, and gives
    no number. Weights are in pounds. A number that is not there is the extraction's `default`, by default null.
    """
    texts: list[str | None] = []
    found: dict[str, list[float | None]] = {name: [] for name in step.extract}
    for text in frame[step.column].to_list():
        fields = _object(text)
        for name, extraction in step.extract.items():
            number = None if fields is None else pounds(fields.get(extraction.key))
            found[name].append(extraction.default if number is None else number)
        if fields is not None and step.drop_keys:
            texts.append(json.dumps({key: value for key, value in fields.items() if key not in step.drop_keys}))
        else:
            texts.append(text)
    numbers = [pl.Series(name, values, dtype=pl.Float64) for name, values in found.items()]
    return frame.with_columns(pl.Series(step.column, texts, dtype=pl.String), *numbers)


def pounds(value: Any) -> float | None:  # noqa: ANN401 - any JSON value
    """Return a measure as a number: a weight in pounds, a bare number as it is; None for what is neither.

    >>> pounds("1,234 pounds"), pounds("8 ounces"), pounds("12 hundredths pounds"), pounds(3), pounds("heavy")
    (1234.0, 0.5, 0.12, 3.0, None)
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    match = MEASURE.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None or not any(character.isdecimal() for character in match[1]) or match[2] not in POUNDS:
        return None
    return float(match[1].replace(",", "")) * POUNDS[match[2]]


def _object(text: str | None) -> dict[str, Any] | None:
    """Return the object that a text holds, or None for anything else."""
    try:
        value = None if text is None else msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
