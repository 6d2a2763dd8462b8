"""From data to a recipe: init."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evenly.propose.guess import Wanted
from evenly.propose.proposal import Proposal, propose
from evenly.propose.sizes import size_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.propose.proposal import Asker
    from evenly.reporting.progress import Reporter

NONE = "none"


def init(
    data: str | Path | Sequence[str | Path],
    out: str | Path = "recipe.yaml",
    *,
    label: str | None = None,
    text: str | Sequence[str] | None = None,
    id: str | Sequence[str] | None = None,  # noqa: A002 - `--id`'s twin
    category: str | None = None,
    size: int | str | None = None,
    force: bool = False,
    ask: Asker | None = None,
    reporter: Reporter | None = None,
) -> Proposal:
    """Look at data and write a commented recipe for them to `out`, one that runs as it is.

    `data` are files, globs, folders or addresses, whatever a recipe's `files` takes. What is guessed can be said
    instead: the column of the `label` (`none` for no label), those of the `text`, the `id` (`none`: rows are named by
    their content), the `category`, and the `size` in rows, or as text in rows or tokens (`400k`, `50Mtokens`). `ask`
    is asked three questions on the way.

    Raises:
        UserError: for data that are not there or hold nothing to learn from, columns that they lack, an `out` that is
            there already without `force`.
    """
    given = [data] if isinstance(data, str | Path) else list(data)
    words = [str(one) for one in given]
    wanted = Wanted(_columns(id), _columns(label), _columns(text), _columns(category))
    return propose(
        words,
        Path(out),
        wanted,
        size_of(str(size)) if size is not None else None,
        command=f"evenly init {' '.join(words if len(words) <= 3 else [*words[:2], '…'])}",  # noqa: PLR2004 - what a line holds
        force=force,
        ask=ask,
        reporter=reporter,
    )


def _columns(given: str | Sequence[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    names = [given] if isinstance(given, str) else list(given)
    return () if names == [NONE] else tuple(names)
