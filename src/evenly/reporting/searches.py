"""A search in words and tables, for its page, the terminal and a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenly.reporting.charts.ablation import MEASURE_NAMES
from evenly.reporting.design import number
from evenly.reporting.terminal import plain
from evenly.reporting.terminal_ablation import ablation_view
from evenly.reporting.verdicts import content_of, lead

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType


def search_lead(numbers: Mapping[str, Any]) -> str:
    """Return what a search found, in a sentence or two."""
    told = numbers["search"]
    tried = sum("natural" in trial for trial in told["trials"])
    knee = next(trial for trial in told["trials"] if trial["number"] == told["knee"])
    values = ", ".join(f"{key} = {_value(value)}" for key, value in numbers["chosen"].items())
    return (
        f"Of {tried:,} recipes that were tried, {len(told['front']):,} are on the front; the knee is chosen: {values}. "
        f"Its proxy's {MEASURE_NAMES[told['measure']]} is {number(knee['natural'])} on the search's natural test and "
        f"{number(knee['balanced'])} on its balanced one."
    )


def _value(value: object) -> str:
    return number(value) if isinstance(value, (int, float)) else str(value)


def content_of_search(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page of a search shows, see `page/tune.html`."""
    told = numbers["search"]
    failed = [trial for trial in told["trials"] if "natural" not in trial]
    start = told["trials"][told["start"]] if told["start"] is not None else None
    return {
        **content_of(numbers["ablation"]),
        "kind": "Evenly search",
        "title": f"{numbers['name']}, tuned",
        "lead": search_lead(numbers),
        "last": lead(numbers["ablation"]),
        "tiles": [
            {
                "name": "recipes tried",
                "value": f"{len(told['trials']):,}",
                "aside": f"{len(failed):,} could not be drawn",
            },
            {"name": "on the front", "value": f"{len(told['front']):,}", "aside": "no other beats them in both"},
            *(
                {"name": f"search's {test} test", "value": f"{rows:,}", "aside": "rows, none of them of the last test"}
                for test, rows in told["tests"].items()
            ),
        ],
        "chosen": [
            {"key": knob["key"], "from": _from(start, knob["key"]), "to": _value(numbers["chosen"][knob["key"]])}
            for knob in told["knobs"]
        ],
        "failed": failed,
        "written": numbers["written"],
        "told": told,
    }


def _from(start: Mapping[str, Any] | None, key: str) -> str:
    return "–" if start is None else _value(start["values"][key])


def search_view(numbers: Mapping[str, Any]) -> RenderableType:
    """Return the view of a search for a terminal: the front, what was chosen, and the ablation on the last test."""
    numbers = plain(numbers)
    told = numbers["search"]
    shown = Table(box=None, pad_edge=False)
    for name in ("trial", "natural", "balanced", *(knob["key"] for knob in told["knobs"])):
        shown.add_column(name, justify="right")
    for trial in told["trials"]:
        if trial["number"] in told["front"]:
            cells = [number(trial["natural"]), number(trial["balanced"]), *map(_value, trial["values"].values())]
            shown.add_row(str(trial["number"]), *cells, style="bold" if trial["number"] == told["knee"] else "")
    head = Text(f"the front: {MEASURE_NAMES[told['measure']]} of the proxy on the search's own tests", style="bold")
    return Group(Text(), Text(search_lead(numbers)), Text(), head, shown, ablation_view(numbers["ablation"]))
