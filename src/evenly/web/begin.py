"""`evenly studio`: a recipe's page on this machine, from a terminal or within a notebook."""

from __future__ import annotations

import importlib
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evenly.api.given import read_given
from evenly.errors import UserError
from evenly.flow.run import with_data
from evenly.io.manifest import NAME as MANIFEST
from evenly.io.outputs import open_output
from evenly.recipe.model import Recipe
from evenly.reporting.card import to_yaml
from evenly.web.session import Start
from evenly.web.written import overridden

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.api.given import RecipeLike
    from evenly.web.serve import Studio

NOTEBOOKS: Final = ("http://localhost:*", "http://127.0.0.1:*", "vscode-webview:")
"""Pages that may show the studio within themselves, where it is started from Python: notebooks on this machine."""


def studio(
    recipe: RecipeLike,
    *,
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    data: object = None,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = False,
    framed: bool = True,
) -> Studio:
    """Start the studio of a recipe, or of an output's: a page on which a slider moves the real selection.

    In a notebook the result shows itself as the page. `data` gives tables from Python, see `run`. `port` 0 takes one
    that is free. With `browser` the address is opened there; `framed` lets notebooks on
    this machine show the page within theirs. Outputs of the page go beside the recipe.

    Raises:
        UserError: for a faulty recipe, and a host or port that can't be had.
    """
    start = _start(recipe, set, data)
    made: Studio = _serve().Studio(start, host=host, port=port, ancestors=NOTEBOOKS if framed else ())
    if browser:
        webbrowser.open(made.address)
    return made


def _start(given: RecipeLike, overrides: Sequence[str], data: object) -> Start:
    overrides = [overrides] if isinstance(overrides, str) else overrides
    if isinstance(given, (str, Path)) and (Path(given) / MANIFEST).is_file():
        place = Path(given)
        recipe = Recipe.from_dict(open_output(place)["recipe"], overrides)
        folder, text, named = place.resolve().parent, to_yaml(recipe.to_dict()), None
    elif isinstance(given, (str, Path)):
        recipe = read_given(given, overrides)
        folder, named = Path(given).resolve().parent, str(given)
        text = overridden(Path(given).read_text(encoding="utf-8-sig"), overrides, Path(given).parent)
    else:
        recipe = read_given(given, overrides)
        folder, text, named = Path.cwd(), to_yaml(recipe.to_dict()), None
    ready, tables = with_data(recipe, data)
    return Start(ready, text, folder, named, tables)


def _serve() -> Any:  # noqa: ANN401 - a module
    """Return what serves, which takes libraries of an extra.

    Raises:
        UserError: when they are not there.
    """
    try:
        return importlib.import_module("evenly.web.serve")
    except ImportError as fault:
        message = f"studio: a library is not installed ({fault.name}). Run: pip install 'evenly[studio]'"
        raise UserError(message) from None
