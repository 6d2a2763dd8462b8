"""What the notebook pickles: an object for each listing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Item:
    """A curated listing."""

    title: str
    price: float
    category: str
    token_count: int
    prompt: str
