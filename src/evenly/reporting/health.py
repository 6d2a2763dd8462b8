"""The view of `evenly doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from evenly.reporting.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

STYLES: Final = {"ok": "green", "off": "dim", "warn": "yellow", "broken": "bold red"}


def health_view(found: Mapping[str, Any]) -> RenderableType:
    """Return each finding on a line: its state, what was looked at, what was found, and what to do."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in plain(found["findings"]):
        told = Text(one["found"])
        if one["advice"]:
            told.append(f"  {one['advice']}", style="bold")
        table.add_row(Text(one["state"], style=STYLES[one["state"]]), Text(one["name"]), told)
    return table
