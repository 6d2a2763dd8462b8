"""The demo's recipe: the course's, at the demo's scale, with a vocabulary that a package carries."""

from __future__ import annotations

from importlib import resources
from typing import Final

FULL_SCALE: Final = 2_811_408
"""Usable listings of the course's run, at which its cap is 1,200."""

CAP: Final = 1_200


def demo_recipe_text(listings: int, seed: int) -> str:
    """Return the YAML of a recipe for a catalogue with `listings` priced listings, cap in the course's proportion."""
    cap = max(1, round(CAP * listings / FULL_SCALE))
    template = resources.files("evenly.catalogue").joinpath("demo.yaml").read_text(encoding="utf-8")
    return template.replace("seed: 42", f"seed: {seed}").replace("cap: 1200", f"cap: {cap}")
