"""Charts along the label and the tokens: histograms, the categories' mix, label against length."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from evenly.reporting.charts.base import SIDES, Chart, colored, from_to, side_title
from evenly.reporting.design import SIDE_COLORS, SIDE_NAMES, colors, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.reporting.charts.base import Drawing, Numbers

FEW_EDGES: Final = 12


def histogram(numbers: Numbers, name: str) -> Chart:
    """Return how many records there are along the label (`label`, `label_log`) or `tokens`."""
    picture = numbers["pictures"][name]
    what = "tokens" if name == "tokens" else "label"
    shown = "tokens of prompt and answer" if what == "tokens" else str(numbers["label"])
    log = name == "label_log"
    axis = f"{shown}, logarithmic" if log else shown
    ends = [picture["edges"][0], picture["edges"][-1]]
    scale = alt.Scale(type="log" if log else "linear", domain=ends, nice=False)
    ticks = alt.Axis(values=_decades(picture["edges"]), format=",.6~g") if log else _axis(picture["edges"])
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
            .properties(title=side_title(numbers, side, what))
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


def _bins(edges: Sequence[float], counts: Sequence[int]) -> list[dict[str, float]]:
    """Return the counts between edges; those beyond are told in words."""
    return [
        {"low": low, "high": high, "records": rows}
        for (low, high), rows in zip(pairwise(edges), counts[1:-1], strict=True)
    ]


def _axis(edges: Sequence[float]) -> alt.Axis:
    """Return an axis of numbers; few edges are marked one by one, so that no mark lies between two."""
    if len(edges) <= FEW_EDGES:
        return alt.Axis(format=",.6~g", values=list(edges))
    return alt.Axis(format=",.6~g")


def _decades(edges: Sequence[float]) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten within some edges."""
    powers = range(math.floor(math.log10(edges[0])), math.ceil(math.log10(edges[-1])) + 1)
    marks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [mark for mark in marks if edges[0] <= mark <= edges[-1] * (1 + 1e-9)]


def mix(numbers: Numbers) -> Chart:
    """Return the share of each category along the label."""
    picture, told = numbers["pictures"]["mix"], numbers["categories"]
    names = [*picture["categories"], *(["other"] if len(told["names"]) > len(picture["categories"]) else [])]
    legend = tuple(zip(names, colors(names), strict=True))
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
                x=alt.X("low:Q", bin="binned", title=str(numbers["label"]), scale=from_to(picture["label"])),
                x2="high:Q",
                y=alt.Y("records:Q", stack="normalize", title="share", axis=alt.Axis(format="%")),
                order="place:Q",
                color=colored("category", legend),
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
        "where the two sides differ, the draw changed the mix.",
        tuple(panels),
        (str(numbers["label"]), *(f"{name}, {SIDE_NAMES[side]}" for name in names for side in SIDES)),
        tuple(rows),
        legend=legend,
        height=260,
    )


def density(numbers: Numbers) -> Chart:
    """Return the label against the tokens: how many records there are of both."""
    picture = numbers["pictures"]["density"]
    tokens = _axis(picture["tokens"])
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
                x=alt.X("from:Q", bin="binned", title="tokens", scale=from_to(picture["tokens"]), axis=tokens),
                x2="to:Q",
                y=alt.Y("low:Q", bin="binned", title=str(numbers["label"]), scale=from_to(picture["label"])),
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
        "as selected (0: it tells nothing). The stronger the colour, the more records, in ratios.",
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
