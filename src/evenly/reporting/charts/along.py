"""Charts along the label and the tokens: histograms, the categories' mix, label against length."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import altair as alt

from evenly.core.pictures import SIDES
from evenly.reporting.charts.base import Along, Chart, colored, distinct, side_title
from evenly.reporting.design import SIDE_COLORS, SIDE_NAMES, colors, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.reporting.charts.base import Drawing, Numbers


def histogram(numbers: Numbers, name: str) -> Chart:
    """Return how many records there are along the label (`label`, `label_log`) or `tokens`."""
    picture = numbers["pictures"][name]
    what = "tokens" if name == "tokens" else "label"
    shown = "tokens of prompt and answer" if what == "tokens" else str(numbers["label"])
    log = name == "label_log"
    along = Along(picture["edges"], f"{shown}, logarithmic" if log else shown, numbers["dates"] and what == "label")
    x = along.encode(alt.X)
    if log:
        ends = [picture["edges"][0], picture["edges"][-1]]
        marks = alt.Axis(values=_decades(picture["edges"]), format=",.6~g")
        x = along.encode(alt.X, axis=marks).scale(type="log", domain=ends, nice=False)
    panels: list[Drawing] = []
    for side in SIDES:
        bars = alt.Chart(alt.Data(values=along.bins(picture[side])))
        panels.append(
            bars.mark_bar(color=SIDE_COLORS[side], binSpacing=0.5)
            .encode(
                x=x,
                x2="high",
                y=alt.Y("records:Q", title="records"),
                tooltip=[alt.Tooltip("between:N", title=shown), alt.Tooltip("records:Q", format=",")],
            )
            .properties(title=side_title(numbers, side, what))
        )
    rows = [
        (along.between(low, high), before, after)
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


def mix(numbers: Numbers) -> Chart:
    """Return the share of each category along the label."""
    picture, told = numbers["pictures"]["mix"], numbers["categories"]
    rest = len(told["names"]) - len(picture["categories"]) + told["others"]["count"]
    names = distinct([*picture["categories"], *([f"{rest:,} others"] if rest else [])])
    legend = tuple(zip(names, colors(names), strict=True))
    along = Along(picture["label"], str(numbers["label"]), numbers["dates"])
    bins = list(pairwise(picture["label"]))
    panels: list[Drawing] = []
    for side in SIDES:
        values = [
            {**along.bin(low, high), "category": name, "records": rows, "place": place}
            for (low, high), counts in zip(bins, picture[side][1:-1], strict=True)
            for place, (name, rows) in enumerate(zip(names, counts, strict=False))
            if rows
        ]
        panels.append(
            alt.Chart(alt.Data(values=values))
            .mark_bar(binSpacing=0)
            .encode(
                x=along.encode(alt.X),
                x2="high",
                y=alt.Y("records:Q", stack="normalize", title="share", axis=alt.Axis(format="%")),
                order="place:Q",
                color=colored("category", legend),
                tooltip=["category:N", "between:N", alt.Tooltip("records:Q", format=",")],
            )
            .properties(title=SIDE_NAMES[side])
        )
    rows: list[tuple[Any, ...]] = []
    for (low, high), old, new in zip(bins, picture["before"][1:-1], picture["after"][1:-1], strict=True):
        shares = [
            "–" if not sum(side) else f"{side[place] / sum(side):.0%}"
            for place in range(len(names))
            for side in (old, new)
        ]
        rows.append((along.between(low, high), *shares))
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
    label = Along(picture["label"], str(numbers["label"]), numbers["dates"])
    tokens = Along(picture["tokens"], "tokens")
    bins = list(pairwise(picture["label"]))
    panels: list[Drawing] = []
    for side in SIDES:
        values = [
            {**label.bin(low, high), "from": start, "to": stop, "tokens": tokens.between(start, stop), "records": rows}
            for (low, high), counts in zip(bins, picture[side][1:-1], strict=True)
            for (start, stop), rows in zip(pairwise(picture["tokens"]), counts[1:-1], strict=True)
            if rows
        ]
        found = picture["correlation"][side]
        told = "no rank correlation" if found is None else f"rank correlation {found:+.3f}"
        shade = alt.Scale(type="log", range=[0.08, 1], nice=False)
        panels.append(
            alt.Chart(alt.Data(values=values))
            .mark_rect(color=SIDE_COLORS[side])
            .encode(
                x=tokens.encode(alt.X, "from"),
                x2="to",
                y=label.encode(alt.Y),
                y2="high",
                opacity=alt.Opacity("records:Q", scale=shade, legend=None),
                tooltip=[
                    alt.Tooltip("between:N", title=str(numbers["label"])),
                    alt.Tooltip("tokens:N"),
                    alt.Tooltip("records:Q", format=","),
                ],
            )
            .properties(title=alt.TitleParams(SIDE_NAMES[side], subtitle=told))
        )
    rows = [
        (label.between(low, high), *(_middle(picture["tokens"], counts) for counts in (old, new)))
        for (low, high), old, new in zip(bins, picture["before"][1:-1], picture["after"][1:-1], strict=True)
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
