"""What an output is made of, for all that writes a piece of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from evenly.flow.draw import Draw
    from evenly.io.pool import Pool
    from evenly.recipe.model import Recipe


WITHHELD_SPLIT: Final = "test"
"""The split whose rows of `text` format end before the answer."""

DATA: Final = "data"


@dataclass(frozen=True)
class Delivery:
    """What an output is made of: the recipe, its pool, what was drawn from it; and the folders to write to.

    `room` is the folder of the output that its files go to: `data`, or `holdout` for the tests.
    """

    recipe: Recipe
    pool: Pool
    drawn: Draw
    folder: Path
    scratch: Path
    room: str = DATA

    def withholds(self, split: str) -> bool:
        """Say whether rows of `text` format end before the answer."""
        return split == WITHHELD_SPLIT or self.room != DATA

    def shards(self) -> dict[str, int]:
        """Return split -> files."""
        size = self.recipe.export.shard_rows
        return {split: max(1, -(-rows // size)) for split, rows in self.drawn.rows.items()}

    def place(self, name: str, folder: str | None = None) -> Path:
        """Return where a file of the output goes, by default in its room; the folder is there then."""
        folder = folder or self.room
        (self.folder / folder).mkdir(exist_ok=True)
        return self.folder / folder / name


@dataclass(frozen=True)
class Written:
    """What one piece of the writing came to: entries of files, a split's digest, the types of a split's columns."""

    files: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    digests: dict[str, str] = field(default_factory=dict[str, str])
    columns: dict[str, str] = field(default_factory=dict[str, str])


if TYPE_CHECKING:
    Writing = Callable[[Delivery], Written]
