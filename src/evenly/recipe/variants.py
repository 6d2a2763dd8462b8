"""Variants of a recipe for an ablation: the recipe itself, and others that say only what differs.

A variant is a mapping of the recipe's shape that is laid over it: mappings are laid over mappings, anything else takes
the place of what was there, and a null takes a key out. One that names another policy starts without the keys that
belong to the recipe's own.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final, cast

from evenly.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evenly.recipe.model import Recipe

OF_A_POLICY: Final = ("cap", "alpha", "epochs", "target", "marginals")
"""Keys of the balance that belong to one policy each."""

FIXED: Final = ("name", "seed", "sources", "holdout", "variants", "engine")
"""Keys that are the same for all variants: what is compared is what is made of the same records."""


def variants_of(recipe: Recipe) -> dict[str, Recipe]:
    """Return a recipe's variants by name: first the recipe itself, by its own.

    Raises:
        RecipeError: for a variant that is no sound recipe, with all its faults, or that changes what must not differ.
    """
    from evenly.recipe.load import build_recipe  # noqa: PLC0415 - load looks at the variants of what it reads

    found = {recipe.name: recipe.model_copy(update={"variants": None})}
    base = found[recipe.name].to_dict()
    for name, change in (recipe.variants or {}).items():
        shown = f"recipe.variants.{name}"
        if name == recipe.name:
            message = f"{shown}: is the recipe's own name, and the recipe is the first variant. Choose another."
            raise RecipeError([message])
        fixed = [key for key in FIXED if key in change]
        if fixed:
            message = f"{shown}.{fixed[0]}: is the same for all variants. Take it out, or write a recipe of its own."
            raise RecipeError([message])
        found[name] = build_recipe(_changed(base, change) | {"name": name}, shown=shown)
    return found


def _changed(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe's plain data with what a variant changes."""
    data = copy.deepcopy(dict(base))
    balance = change.get("balance")
    if isinstance(balance, dict) and "policy" in balance:
        for key in OF_A_POLICY:
            data["balance"].pop(key, None)
        if {"size", "cap"} & balance.keys():
            data["balance"].pop("size", None)
    return lay_over(data, change)


def lay_over(data: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain data with a change laid over it; `data` is changed.

    >>> lay_over({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": 4}})
    {'a': {'c': 2, 'e': 4}, 'd': 3}
    """
    for key, value in change.items():
        if value is None:
            data.pop(key, None)
        elif isinstance(value, dict) and isinstance(data.get(key), dict):
            lay_over(data[key], cast("dict[str, Any]", value))
        else:
            data[key] = copy.deepcopy(cast("Any", value))
    return data
