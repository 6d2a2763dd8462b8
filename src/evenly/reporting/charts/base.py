"""What all charts share: what a chart is, and the parts that look the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import altair as alt

from evenly.reporting.design import SIDE_NAMES, number, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Numbers = Mapping[str, Any]
    Drawing = alt.Chart | alt.LayerChart

SIDES: Final = ("before", "after")

WIDTH, HEIGHT = 420, 220
"""Pixels of a panel in a file; on a page it is as wide as there is room."""

LONGEST_TEXT: Final = 80
"""Characters of a name that a chart shows."""


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        name: of its files, and of the call that returns it.
        title: what it shows.
        text: what is to be seen in it, in a sentence or two.
        panels: one drawing, or one of each side.
        columns, rows: the table of its numbers.
        height: pixels of a panel.
        legend: name and colour, where colours stand for something; a file has it in the drawing, a page above it.
        narrow: a single panel that would say no more if it were wider.
    """

    name: str
    title: str
    text: str
    panels: tuple[Drawing, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    height: int = HEIGHT
    legend: tuple[tuple[str, str], ...] = ()
    narrow: bool = False

    def whole(self) -> alt.HConcatChart | Drawing:
        """Return all panels as one drawing."""
        if len(self.panels) == 1:
            return self.panels[0].properties(width=WIDTH if self.narrow else WIDTH * 2, height=self.height)
        sized = [panel.properties(width=WIDTH, height=self.height) for panel in self.panels]
        return alt.hconcat(*sized)


def clean(numbers: Any) -> Any:  # noqa: ANN401 - plain data
    """Return plain data whose texts can be drawn: short, nothing hidden (a control character would end the program)."""
    if isinstance(numbers, str):
        text = visible(numbers).replace("\n", " ").replace("\t", " ")
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    if isinstance(numbers, dict):
        return {name: clean(value) for name, value in cast("dict[str, Any]", numbers).items()}
    if isinstance(numbers, list):
        return [clean(value) for value in cast("list[Any]", numbers)]
    return numbers


def layers(*layers: alt.Chart) -> alt.LayerChart:
    """Return drawings on top of each other."""
    return alt.LayerChart(layer=list(layers))


def side_title(numbers: Numbers, side: str, what: str) -> alt.TitleParams:
    """Return the title of a side: how many records, and the mean and the highest of what is counted."""
    facts = numbers["facts"][side]
    told = facts.get(what)
    subtitle = f"{number(facts['rows'])} records"
    if told is not None:
        subtitle += f", mean {number(told['mean'])}, highest {number(told['highest'])}"
    return alt.TitleParams(SIDE_NAMES[side], subtitle=subtitle)


def colored(field: str, legend: Sequence[tuple[str, str]]) -> alt.Color:
    """Return a colour by name, as a legend says."""
    names = [name for name, _ in legend]
    scale = alt.Scale(domain=names, range=[color for _, color in legend])
    return alt.Color(f"{field}:N", scale=scale, sort=names, title=None)


def from_to(edges: Sequence[float]) -> alt.Scale:
    """Return a scale from the first edge to the last, on every side the same."""
    return alt.Scale(domain=[edges[0], edges[-1]], nice=False)
