"""What the calls take for a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenly.recipe.model import Recipe

if TYPE_CHECKING:
    from collections.abc import Sequence


RecipeLike = Recipe | str | Path | dict[str, Any]
"""A recipe, the path of its file, or plain data of its shape."""


def read_given(recipe: RecipeLike, overrides: Sequence[str]) -> Recipe:
    """Return the recipe that is given, with overrides laid over it."""
    if isinstance(overrides, str):
        overrides = [overrides]
    if isinstance(recipe, Recipe):  # checked again: one made by `model_copy` was never
        return Recipe.from_dict(recipe.to_dict(), overrides)
    if isinstance(recipe, dict):
        return Recipe.from_dict(recipe, overrides)
    return Recipe.from_file(recipe, overrides)
