"""The pages that are made from the code, and whether what is committed is what would be made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from generate import catalogue, commands, output, python, recipe

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).resolve().parents[1] / "reference"

MADE: Final[dict[str, Callable[[], str]]] = {
    "recipe.md": recipe.page,
    "cli.md": commands.page,
    "python.md": python.page,
    "output.md": output.page,
    "errors.md": catalogue.page,
}
"""File in docs/reference -> what makes its text."""

NOTE: Final = "<!-- Made from the code by `make docs`: change it there. -->\n\n"


def text_of(name: str) -> str:
    """Return the text of a page, as it is to be committed."""
    return NOTE + MADE[name]()


def write() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name in MADE:
        (FOLDER / name).write_text(text_of(name), encoding="utf-8")
