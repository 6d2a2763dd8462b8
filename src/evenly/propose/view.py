"""What `init` prints: what was looked at, the guesses as a table, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenly.reporting.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType


def proposal_view(told: Mapping[str, Any], *, taken: bool = False) -> RenderableType:
    """Return the view of a proposal (its plain data); `taken` says that nobody was asked."""
    told = plain(dict(told))
    rows = f"{told['looked']:,} of {'' if told['whole'] else 'about '}{told['rows']:,} rows"
    lead = f"looked at {rows} in {told['files']:,} {'file' if told['files'] == 1 else 'files'}"
    if told["counted"]:
        lead += f", and counted all: {told['usable']:,} can be drawn"
    table = Table(box=None, pad_edge=False, show_header=True)
    table.add_column("guess", style="bold", no_wrap=True)
    table.add_column("value", max_width=28, overflow="fold")
    table.add_column("why", style="dim", overflow="fold")
    for one in told["guesses"]:
        table.add_row(one["guess"], one["value"], one["why"])
    parts: list[RenderableType] = [Text(lead), Text(), table]
    if taken:
        parts += [Text(), Text("No terminal to ask on: the guesses were taken, as --yes does.", style="dim")]
    return Group(*parts)
