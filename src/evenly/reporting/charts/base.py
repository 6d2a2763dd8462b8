"""What all charts share: what a chart is, and the parts that look the same everywhere."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import altair as alt

from evenly.reporting.design import SIDE_NAMES, day, number, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Numbers = Mapping[str, Any]
    Drawing = alt.Chart | alt.LayerChart

WIDTH, HEIGHT = 420, 220
"""Pixels of a panel in a file; on a page it is as wide as there is room."""

FEW_EDGES: Final = 12

DATE_MARKS: Final = 7
"""Dates that are written below an axis at most."""

DAY: Final = 86_400_000
"""Milliseconds, in which drawings count time."""

Axis = TypeVar("Axis", alt.X, alt.Y)

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


def distinct(names: Sequence[str]) -> list[str]:
    """Return names of which no two are the same: those that came to be alike when they were cut short have a number."""
    taken: Counter[str] = Counter()
    found: list[str] = []
    for name in names:
        taken[name] += 1
        found.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
    return found


def layers(*layers: alt.Chart) -> alt.LayerChart:
    """Return drawings on top of each other."""
    return alt.LayerChart(layer=list(layers))


def side_title(numbers: Numbers, side: str, what: str) -> alt.TitleParams:
    """Return the title of a side: how many records, and the mean and the highest of what is counted."""
    facts = numbers["facts"][side]
    told = facts.get(what)
    subtitle = f"{number(facts['rows'])} records"
    if told is not None:
        shown = day if what == "label" and numbers["dates"] else number
        subtitle += f", mean {shown(told['mean'])}, {'last' if shown is day else 'highest'} {shown(told['highest'])}"
    return alt.TitleParams(SIDE_NAMES[side], subtitle=subtitle)


def colored(field: str, legend: Sequence[tuple[str, str]]) -> alt.Color:
    """Return a colour by name, as a legend says."""
    names = [name for name, _ in legend]
    scale = alt.Scale(domain=names, range=[color for _, color in legend])
    return alt.Color(f"{field}:N", scale=scale, sort=names, title=None)


@dataclass(frozen=True)
class Along:
    """How values along an axis are drawn and told: as numbers, or as dates, which are days since 1970.

    Attributes:
        edges: of the bins.
        title: of the axis.
        dates: whether they are dates.
    """

    edges: Sequence[float]
    title: str
    dates: bool = False

    def bins(self, counts: Sequence[int]) -> list[dict[str, Any]]:
        """Return the bins with their counts; what lies beyond the edges is left out."""
        return [
            {**self.bin(low, high), "records": rows}
            for (low, high), rows in zip(pairwise(self.edges), counts[1:-1], strict=True)
        ]

    def bin(self, low: float, high: float) -> dict[str, Any]:
        """Return a bin: where it is drawn (`low`, `high`), and what it is told as (`between`)."""
        return {"low": self._place(low), "high": self._place(high), "between": self.between(low, high)}

    def between(self, low: float, high: float) -> str:
        """Return how a bin is told."""
        shown = day if self.dates else number
        return f"{shown(low)} – {shown(high)}"

    def encode(self, kind: type[Axis], field: str = "low", axis: alt.Axis | None = None) -> Axis:
        """Return the side of a drawing on which bins begin at a field."""
        scale = alt.Scale(domain=[self._place(self.edges[0]), self._place(self.edges[-1])], nice=False)
        return kind(f"{field}:Q", title=self.title, scale=scale, bin="binned", axis=axis or self._axis())

    def _axis(self) -> alt.Axis:
        """Return an axis; few edges are marked one by one, so that no mark lies between two."""
        if self.dates:
            starts = {day(edge)[4:] for edge in self.edges}
            shown = "%Y" if starts == {"-01-01"} else "%Y-%m" if {one[3:] for one in starts} == {"-01"} else "%Y-%m-%d"
            marks = [self._place(edge) for edge in self.edges[:: -(-len(self.edges) // DATE_MARKS)]]
            return alt.Axis(values=marks, labelExpr=f"utcFormat(datum.value, '{shown}')")
        if len(self.edges) <= FEW_EDGES:
            return alt.Axis(format=",.6~g", values=list(self.edges))
        return alt.Axis(format=",.6~g")

    def _place(self, value: float) -> float:
        return value * DAY if self.dates else value
