"""Every chart, drawn from the numbers of a report (see `evenly.flow.report`): no record is looked at.

A chart is one or two panels (before and after, side by side on a page and in a file), a sentence that says what is
seen, for those who can't see it, and a table of the numbers that it shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, cast

import altair as alt

from evenly.reporting.design import (
    ACCENT,
    AFTER,
    BEFORE,
    LINES,
    QUIET_INK,
    SIDE_COLORS,
    SIDE_NAMES,
    colors,
    number,
    visible,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Numbers = Mapping[str, Any]
    Drawing = alt.Chart | alt.LayerChart

SIDES: Final = ("before", "after")

LONGEST_TEXT: Final = 80
"""Characters of a name that a chart shows."""

WIDTH, HEIGHT = 420, 220
"""Pixels of a panel in a file; on a page it is as wide as there is room."""


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


def draw_charts(numbers: Numbers) -> list[Chart]:
    """Return all charts that there are numbers for, in the order in which a report shows them."""
    numbers = _clean(numbers)
    pictures = numbers["pictures"]
    made = [
        _histogram(numbers, "label") if "label" in pictures else None,
        _histogram(numbers, "label_log") if "label_log" in pictures else None,
        _strata(numbers),
        _lorenz(numbers),
        _category_bars(numbers) if len(numbers["categories"]["names"]) > 1 else None,
        _category_shares(numbers) if len(numbers["categories"]["names"]) > 1 else None,
        _mix(numbers) if "mix" in pictures and len(numbers["categories"]["names"]) > 1 else None,
        _histogram(numbers, "tokens") if "tokens" in pictures else None,
        _density(numbers) if "density" in pictures else None,
        _funnel(numbers),
    ]
    return [one for one in made if one is not None]


def _clean(numbers: Any) -> Any:  # noqa: ANN401 - plain data
    """Return plain data whose texts can be drawn: short, nothing hidden (a control character would end the program)."""
    if isinstance(numbers, str):
        text = visible(numbers).replace("\n", " ").replace("\t", " ")
        return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
    if isinstance(numbers, dict):
        return {name: _clean(value) for name, value in cast("dict[str, Any]", numbers).items()}
    if isinstance(numbers, list):
        return [_clean(value) for value in cast("list[Any]", numbers)]
    return numbers


def _layers(*layers: alt.Chart) -> alt.LayerChart:
    return alt.LayerChart(layer=list(layers))


def _side_title(numbers: Numbers, side: str, what: str) -> alt.TitleParams:
    facts = numbers["facts"][side]
    told = facts.get(what)
    subtitle = f"{number(facts['rows'])} records"
    if told is not None:
        subtitle += f", mean {number(told['mean'])}, highest {number(told['highest'])}"
    return alt.TitleParams(SIDE_NAMES[side], subtitle=subtitle)


def _bins(edges: Sequence[float], counts: Sequence[int]) -> list[dict[str, float]]:
    """Return the counts between edges; those beyond are told in words."""
    return [
        {"low": low, "high": high, "records": rows}
        for (low, high), rows in zip(pairwise(edges), counts[1:-1], strict=True)
    ]


def _histogram(numbers: Numbers, name: str) -> Chart:
    picture = numbers["pictures"][name]
    what = "tokens" if name == "tokens" else "label"
    shown = "tokens of prompt and answer" if what == "tokens" else str(numbers["label"])
    log = name == "label_log"
    axis = f"{shown}, logarithmic" if log else shown
    scale = alt.Scale(type="log", nice=False) if log else alt.Scale(zero=False, nice=False)
    ticks = alt.Axis(values=_decades(picture["edges"]), format=",.6~g") if log else alt.Axis(format=",.6~g")
    panels: list[Drawing] = []
    for side in SIDES:
        bars = alt.Chart(alt.Data(values=_bins(picture["edges"], picture[side])))
        panels.append(
            bars.mark_bar(color=SIDE_COLORS[side], binSpacing=0.5)
            .encode(
                x=alt.X("low:Q", title=axis, scale=scale, bin="binned", axis=ticks),
                x2="high:Q",
                y=alt.Y("records:Q", title="records"),
                tooltip=[
                    alt.Tooltip("low:Q", title="from", format=",.6~g"),
                    alt.Tooltip("high:Q", title="to below", format=",.6~g"),
                    alt.Tooltip("records:Q", format=","),
                ],
            )
            .properties(title=_side_title(numbers, side, what))
        )
    rows = [
        (f"{number(low)} – {number(high)}", before, after)
        for (low, high), before, after in zip(
            pairwise(picture["edges"]), picture["before"][1:-1], picture["after"][1:-1], strict=True
        )
    ]
    text = f"How many records there are along {shown}, in the pool and as selected."
    beyond = [picture[side][0] + picture[side][-1] for side in SIDES]
    if any(beyond):
        text += f" Outside the picture lie {number(beyond[0])} records of the pool and {number(beyond[1])} selected."
    title = {"label": str(numbers["label"]).capitalize(), "tokens": "Tokens"}[what]
    return Chart(
        name,
        f"{title}, logarithmic" if log else title,
        text,
        tuple(panels),
        (shown, *(SIDE_NAMES[side] for side in SIDES)),
        tuple(rows),
    )


def _decades(edges: Sequence[float]) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten within some edges."""
    powers = range(math.floor(math.log10(edges[0])), math.ceil(math.log10(edges[-1])) + 1)
    marks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [mark for mark in marks if edges[0] <= mark <= edges[-1] * (1 + 1e-9)]


def _strata(numbers: Numbers) -> Chart:
    strata = numbers["strata"]
    rows = strata["rows"]
    along = strata["kind"] == "along"
    x = (
        alt.X("x:Q", title=strata["axis"], scale=alt.Scale(zero=False, nice=False))
        if along
        else alt.X("stratum:N", title=strata["axis"], sort=None, axis=alt.Axis(labelAngle=-60, labelLimit=120))
    )
    tooltip = [
        alt.Tooltip("stratum:N"),
        alt.Tooltip("N:Q", title="in the pool", format=","),
        alt.Tooltip("n:Q", title="selected", format=","),
        alt.Tooltip("bound:N", title="bound by"),
    ]
    most = max(row["N"] for row in rows)
    marks = [0, *(10**power for power in range(len(str(most))))]
    axis = alt.Axis(format=",.6~g", values=marks)
    y = alt.Y("count:Q", title="records, logarithmic", scale=alt.Scale(type="symlog"), axis=axis)
    base = alt.Chart(alt.Data(values=rows))
    layers: list[alt.Chart] = []
    whole = [row for row in rows if row["bound"] == "take_all"]
    if along and whole:
        region = alt.Data(values=[{"from": min(row["x"] for row in whole), "to": max(row["x"] for row in whole)}])
        layers.append(alt.Chart(region).mark_rect(color=LINES, opacity=0.5).encode(x="from:Q", x2="to:Q"))
    legend = (("in the pool", BEFORE), ("selected", AFTER))
    folded = base.transform_fold(["N", "n"], as_=["side", "count"]).transform_calculate(
        of="datum.side == 'N' ? 'in the pool' : 'selected'"
    )
    color = _colored("of", legend)
    if along:
        mark = folded.mark_line(interpolate="step", strokeWidth=1.5)
        layers.append(mark.encode(x=x, y=y, color=color, tooltip=tooltip))
    else:
        mark = folded.mark_bar()
        layers.append(mark.encode(x=x, y=y, xOffset="of:N", color=color, tooltip=tooltip))
    if strata["cap"] is not None:
        cap = alt.Chart(alt.Data(values=[{"cap": strata["cap"]}])).mark_rule(color=QUIET_INK, strokeDash=[4, 3])
        layers.append(cap.encode(y="cap:Q", tooltip=alt.Tooltip("cap:Q", format=",")))
    missing = [row for row in rows if row["wanted"] > row["n"]]
    if missing:
        points = alt.Chart(alt.Data(values=missing)).mark_point(color=ACCENT, shape="triangle-down", size=28)
        layers.append(points.encode(x=x, y="n:Q", tooltip=[*tooltip, alt.Tooltip("wanted:Q", format=",")]))
    told = numbers["counts"]
    text = (
        f"Of {told['count']:,} strata {told['take_all']:,} are taken whole, {told['capped']:,} have more than drawn, "
        f"{told['short']:,} give all they have."
    )
    if missing:
        text += f" {number(len(missing))} fall short of what is wanted of them (marked)."
    return Chart(
        "strata",
        "What is drawn of each stratum",
        text,
        (_layers(*layers),),
        (strata["axis"], "in the pool (N)", "wanted", "selected (n)", "bound by"),
        tuple((row["stratum"], row["N"], row["wanted"], row["n"], row["bound"]) for row in rows),
        legend=legend,
        height=260,
    )


def _colored(field: str, legend: Sequence[tuple[str, str]]) -> alt.Color:
    names = [name for name, _ in legend]
    scale = alt.Scale(domain=names, range=[color for _, color in legend])
    return alt.Color(f"{field}:N", scale=scale, sort=names, title=None)


def _lorenz(numbers: Numbers) -> Chart:
    curves = numbers["lorenz"]
    names = {side: f"{SIDE_NAMES[side]}, Gini {curves[side]['gini']:.2f}" for side in SIDES}
    values = [{"strata": x, "records": y, "of": names[side]} for side in SIDES for x, y in curves[side]["points"]]
    even = [{"strata": 0, "records": 0}, {"strata": 1, "records": 1}]
    x = alt.X("strata:Q", title="share of the strata, smallest first", axis=alt.Axis(format="%"))
    y = alt.Y("records:Q", title="share of the records", axis=alt.Axis(format="%"))
    legend = tuple((names[side], SIDE_COLORS[side]) for side in SIDES)
    lines = alt.Chart(alt.Data(values=values)).mark_line(strokeWidth=2)
    lines = lines.encode(x=x, y=y, color=_colored("of", legend))
    diagonal = alt.Chart(alt.Data(values=even)).mark_line(color=QUIET_INK, strokeDash=[4, 3], strokeWidth=1)
    both = zip(curves["before"]["points"], curves["after"]["points"], strict=True)
    return Chart(
        "lorenz",
        "How evenly records lie over strata",
        f"On the dashed line all strata have equally many records. The Gini index of the pool is "
        f"{curves['before']['gini']:.3f}, of what is selected {curves['after']['gini']:.3f} (0 is even).",
        (_layers(diagonal.encode(x=x, y=y), lines),),
        ("share of the strata", *(SIDE_NAMES[side] for side in SIDES)),
        tuple((f"{one[0]:.0%}", f"{one[1]:.1%}", f"{other[1]:.1%}") for one, other in both),
        legend=legend,
        height=340,
        narrow=True,
    )


def _category_bars(numbers: Numbers) -> Chart:
    told = numbers["categories"]
    legend = _category_legend(told)
    panels: list[Drawing] = []
    for side in SIDES:
        total = max(1, sum(told[side]))
        values = [
            {"category": name, "records": rows, "shown": f"{rows:,}  {rows / total:.1%}"}
            for name, rows in zip(told["names"], told[side], strict=True)
        ]
        room = alt.Scale(domain=[0, max(1, *told[side]) * 1.75])
        base = alt.Chart(alt.Data(values=values)).encode(
            y=alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=150)),
            x=alt.X("records:Q", scale=room, axis=None),
        )
        bars = base.mark_bar().encode(color=_colored("category", legend).legend(None))
        labels = base.mark_text(align="left", dx=4, color=QUIET_INK, fontSize=11).encode(text="shown:N")
        panels.append(_layers(bars, labels).properties(title=_side_title(numbers, side, "categories")))
    before, after = (max(1, sum(told[side])) for side in SIDES)
    rows = tuple(
        (name, old, f"{old / before:.1%}", new, f"{new / after:.1%}")
        for name, old, new in zip(told["names"], told["before"], told["after"], strict=True)
    )
    largest = rows[0]
    return Chart(
        "categories",
        f"Records by {numbers['category']}",
        f"The largest, {largest[0]}, has {largest[2]} of the pool and {largest[4]} of what is selected.",
        tuple(panels),
        (str(numbers["category"]), "pool", "share", "selected", "share"),
        rows,
        height=26 * len(told["names"]) + 10,
    )


def _category_legend(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    others = bool(told["others"])
    return tuple(zip(told["names"], colors(told["names"][: len(told["names"]) - others], others), strict=True))


def _category_shares(numbers: Numbers) -> Chart:
    told = numbers["categories"]
    legend = _category_legend(told)
    panels: list[Drawing] = []
    for side in SIDES:
        values = [
            {"category": name, "records": rows, "place": place}
            for place, (name, rows) in enumerate(zip(told["names"], told[side], strict=True))
        ]
        ring = alt.Chart(alt.Data(values=values)).mark_arc(innerRadius=alt.ExprRef("min(width, height) * 0.28"))
        panels.append(
            ring.encode(
                theta=alt.Theta("records:Q", stack=True),
                order="place:Q",
                color=_colored("category", legend),
                tooltip=["category:N", alt.Tooltip("records:Q", format=",")],
            ).properties(title=_side_title(numbers, side, "categories"))
        )
    bars = _category_bars(numbers)
    return Chart(
        "shares", f"Shares by {numbers['category']}", bars.text, tuple(panels), bars.columns, bars.rows, legend=legend
    )


def _mix(numbers: Numbers) -> Chart:
    picture, told = numbers["pictures"]["mix"], numbers["categories"]
    names = [*picture["categories"], *(["other"] if len(told["names"]) > len(picture["categories"]) else [])]
    legend = tuple(zip(names, colors(picture["categories"], others=True), strict=False))
    panels: list[Drawing] = []
    for side in SIDES:
        values = [
            {"low": low, "high": high, "category": name, "records": rows, "place": place}
            for (low, high), counts in zip(pairwise(picture["label"]), picture[side][1:-1], strict=True)
            for place, (name, rows) in enumerate(zip(names, counts, strict=False))
            if rows
        ]
        panels.append(
            alt.Chart(alt.Data(values=values))
            .mark_bar(binSpacing=0)
            .encode(
                x=alt.X("low:Q", bin="binned", title=str(numbers["label"]), scale=alt.Scale(zero=False, nice=False)),
                x2="high:Q",
                y=alt.Y("records:Q", stack="normalize", title="share", axis=alt.Axis(format="%")),
                order="place:Q",
                color=_colored("category", legend),
                tooltip=["category:N", alt.Tooltip("low:Q", title="from"), alt.Tooltip("records:Q", format=",")],
            )
            .properties(title=SIDE_NAMES[side])
        )
    rows: list[tuple[Any, ...]] = []
    for (low, high), old, new in zip(
        pairwise(picture["label"]), picture["before"][1:-1], picture["after"][1:-1], strict=True
    ):
        shares = [
            "–" if not sum(side) else f"{side[place] / sum(side):.0%}"
            for place in range(len(names))
            for side in (old, new)
        ]
        rows.append((f"{number(low)} – {number(high)}", *shares))
    return Chart(
        "mix",
        f"{str(numbers['category']).capitalize()} along {numbers['label']}",
        f"Which share of the records each {numbers['category']} has at each {numbers['label']}: "
        "where the two sides differ, weights were at work.",
        tuple(panels),
        (str(numbers["label"]), *(f"{name}, {SIDE_NAMES[side]}" for name in names for side in SIDES)),
        tuple(rows),
        legend=legend,
        height=260,
    )


def _density(numbers: Numbers) -> Chart:
    picture = numbers["pictures"]["density"]
    panels: list[Drawing] = []
    for side in SIDES:
        values = [
            {"low": low, "high": high, "from": start, "to": stop, "records": rows}
            for (low, high), counts in zip(pairwise(picture["label"]), picture[side][1:-1], strict=True)
            for (start, stop), rows in zip(pairwise(picture["tokens"]), counts[1:-1], strict=True)
            if rows
        ]
        found = picture["correlation"][side]
        told = "no rank correlation" if found is None else f"rank correlation {found:+.3f}"
        panels.append(
            alt.Chart(alt.Data(values=values))
            .mark_rect(color=SIDE_COLORS[side])
            .encode(
                x=alt.X("from:Q", bin="binned", title="tokens", scale=alt.Scale(zero=False, nice=False)),
                x2="to:Q",
                y=alt.Y("low:Q", bin="binned", title=str(numbers["label"]), scale=alt.Scale(zero=False, nice=False)),
                y2="high:Q",
                opacity=alt.Opacity("records:Q", scale=alt.Scale(type="log", range=[0.08, 1], nice=False), legend=None),
                tooltip=[
                    alt.Tooltip("from:Q", title="tokens from"),
                    alt.Tooltip("low:Q", title=f"{numbers['label']} from"),
                    alt.Tooltip("records:Q", format=","),
                ],
            )
            .properties(title=alt.TitleParams(SIDE_NAMES[side], subtitle=told))
        )
    rows = [
        (f"{number(low)} – {number(high)}", *(_middle(picture["tokens"], counts) for counts in (old, new)))
        for (low, high), old, new in zip(
            pairwise(picture["label"]), picture["before"][1:-1], picture["after"][1:-1], strict=True
        )
    ]
    both = [picture["correlation"][side] for side in SIDES]
    shown = ["none" if one is None else f"{one:+.3f}" for one in both]
    return Chart(
        "density",
        f"{str(numbers['label']).capitalize()} and tokens",
        f"Does the length of a prompt tell its {numbers['label']}? Rank correlation {shown[0]} in the pool, {shown[1]} "
        "as selected (0: it tells nothing). The darker, the more records; each shade is a ratio.",
        tuple(panels),
        (str(numbers["label"]), "pool: median tokens", "selected: median tokens"),
        tuple(rows),
        height=300,
    )


def _middle(edges: Sequence[float], counts: Sequence[int]) -> str:
    """Return the bin that holds the median."""
    half, seen = sum(counts) / 2, 0
    for place, rows in enumerate(counts):
        seen += rows
        if rows and seen >= half:
            low = edges[place - 1] if place else None
            high = edges[place] if place < len(edges) else None
            return f"{'' if low is None else number(low)} – {'' if high is None else number(high)}"
    return "–"


def _funnel(numbers: Numbers) -> Chart:
    stages = numbers["funnel"]
    values = [{**one, "shown": f"{one['left']:,}" + (f"  (-{one['gone']:,})" if one["gone"] else "")} for one in stages]
    room = alt.Scale(domain=[0, stages[0]["left"] * 1.5])
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("stage:N", sort=None, title=None, axis=alt.Axis(labelLimit=180)),
        x=alt.X("left:Q", scale=room, axis=None),
    )
    color = alt.condition("datum.stage == 'selected'", alt.value(AFTER), alt.value(BEFORE))
    bars = base.mark_bar().encode(color=color)
    labels = base.mark_text(align="left", dx=4, color=QUIET_INK, fontSize=11).encode(text="shown:N")
    return Chart(
        "funnel",
        "Where the records went",
        f"Of {stages[0]['left']:,} records that were read {stages[-1]['left']:,} are selected.",
        (_layers(bars, labels),),
        ("after", "left", "gone"),
        tuple((one["stage"], one["left"], one["gone"]) for one in stages),
        height=26 * len(stages) + 10,
    )
