"""Charts of several outputs side by side."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import altair as alt

from evenly.reporting.charts.base import Chart, clean, colored, distinct
from evenly.reporting.design import AFTER, COMPARED_COLORS, INK, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.reporting.charts.base import Numbers


def draw_comparison(numbers: Numbers) -> list[Chart]:
    """Return the charts of a comparison, see `evenly.audit.compare.compare_outputs`."""
    numbers = clean(numbers)
    legend = tuple(zip(numbers["names"], COMPARED_COLORS, strict=False))
    made = [
        *(_overlaid(numbers[name], name, legend) for name in ("label", "tokens") if numbers[name] is not None),
        _categories(numbers["categories"], legend) if numbers["categories"] is not None else None,
        _overlap(numbers),
    ]
    return [one for one in made if one is not None]


def _overlaid(told: Numbers, name: str, legend: Sequence[tuple[str, str]]) -> Chart:
    """Return the shares of each along the label or the tokens, as lines on top of each other."""
    bins = list(pairwise(told["edges"]))
    totals = [max(1, sum(rows)) for rows in told["rows"]]
    values: list[dict[str, Any]] = []
    for (side, _), rows, total in zip(legend, told["rows"], totals, strict=True):
        shares = [count / total for count in rows[1:-1]]
        values += [{"low": low, "share": share, "of": side} for (low, _), share in zip(bins, shares, strict=True)]
        values.append({"low": told["edges"][-1], "share": shares[-1], "of": side})
    lines = alt.Chart(alt.Data(values=values)).mark_line(interpolate="step-after", strokeWidth=1.8)
    drawn = lines.encode(
        x=alt.X("low:Q", title=told["name"], scale=alt.Scale(domain=[told["edges"][0], told["edges"][-1]], nice=False)),
        y=alt.Y("share:Q", title="share of the records", axis=alt.Axis(format="%")),
        color=colored("of", legend),
        tooltip=["of:N", alt.Tooltip("low:Q", title="from"), alt.Tooltip("share:Q", format=".2%")],
    )
    table = [
        (
            f"{number(low)} – {number(high)}",
            *(f"{rows[place] / total:.2%}" for rows, total in zip(told["rows"], totals, strict=True)),
        )
        for place, (low, high) in enumerate(bins, 1)
    ]
    return Chart(
        name,
        str(told["name"]).capitalize(),
        f"Which share of its records each has along {told['name']}.",
        (drawn,),
        (told["name"], *(side for side, _ in legend)),
        tuple(table),
        legend=tuple(legend),
        height=280,
    )


def _categories(told: Numbers, legend: Sequence[tuple[str, str]]) -> Chart:
    counts = [[*rows, others] for rows, others in zip(told["rows"], told["others"], strict=True)]
    totals = [max(1, sum(rows)) for rows in counts]
    names = distinct([*told["names"], "others"]) if any(told["others"]) else distinct(told["names"])
    values = [
        {"category": name, "share": rows[place] / total, "records": rows[place], "of": side}
        for (side, _), rows, total in zip(legend, counts, totals, strict=True)
        for place, name in enumerate(names)
    ]
    bars = alt.Chart(alt.Data(values=values)).mark_bar()
    drawn = bars.encode(
        y=alt.Y("category:N", sort=None, title=None, axis=alt.Axis(labelLimit=150)),
        yOffset=alt.YOffset("of:N", sort=[side for side, _ in legend]),
        x=alt.X("share:Q", title="share of the records", axis=alt.Axis(format="%")),
        color=colored("of", legend),
        tooltip=["category:N", "of:N", alt.Tooltip("share:Q", format=".1%"), alt.Tooltip("records:Q", format=",")],
    )
    table = [
        (name, *(f"{rows[place] / total:.1%}" for rows, total in zip(counts, totals, strict=True)))
        for place, name in enumerate(names)
    ]
    return Chart(
        "categories",
        f"Shares by {told['name']}",
        f"Which share of its records each has of a {told['name']}.",
        (drawn,),
        (told["name"], *(side for side, _ in legend)),
        tuple(table),
        legend=tuple(legend),
        height=(10 * len(legend) + 10) * len(names) + 40,
    )


def _overlap(numbers: Numbers) -> Chart:
    names, told = numbers["names"], numbers["overlap"]
    values = [
        {"one": one, "other": other, "jaccard": told["jaccard"][i][j], "shown": f"{told['common'][i][j]:,}"}
        for i, one in enumerate(names)
        for j, other in enumerate(names)
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("other:N", sort=names, title=None, axis=alt.Axis(labelAngle=0, labelLimit=120, orient="top")),
        y=alt.Y("one:N", sort=names, title=None, axis=alt.Axis(labelLimit=120)),
    )
    squares = base.mark_rect(color=AFTER).encode(
        opacity=alt.Opacity("jaccard:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 0.7]), legend=None),
        tooltip=["one:N", "other:N", alt.Tooltip("jaccard:Q", format=".3f")],
    )
    texts = base.mark_text(fontSize=12, color=INK).encode(text="shown:N")
    table = [
        (one, other, told["common"][i][j], told["only"][i][j], told["only"][j][i], f"{told['jaccard'][i][j]:.3f}")
        for i, one in enumerate(names)
        for j, other in enumerate(names)
        if i < j
    ]
    return Chart(
        "overlap",
        "Records in common",
        "How many records each two share; the stronger the colour, the larger the share of all that either has.",
        (alt.LayerChart(layer=[squares, texts]),),
        ("one", "other", "in both", "in one alone", "in the other alone", "Jaccard index"),
        tuple(table),
        height=44 * len(names) + 30,
        narrow=True,
    )
