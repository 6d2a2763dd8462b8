"""Charts of the records: by category, and where they went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from evenly.core.pictures import SIDES
from evenly.reporting.charts.base import Chart, colored, distinct, layers, side_title
from evenly.reporting.design import AFTER, BEFORE, QUIET_INK, colors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evenly.reporting.charts.base import Drawing, Numbers


SHOWN: Final = 20
"""Categories that have a bar of their own."""


def category_bars(numbers: Numbers) -> Chart:
    """Return a bar for each category, with its count."""
    told = _shown(numbers["categories"])
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
        bars = base.mark_bar().encode(color=colored("category", legend).legend(None))
        labels = base.mark_text(align="left", dx=4, color=QUIET_INK, fontSize=11).encode(text="shown:N")
        panels.append(layers(bars, labels).properties(title=side_title(numbers, side, "categories")))
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


def category_shares(numbers: Numbers) -> Chart:
    """Return a ring of the categories' shares."""
    told = _shown(numbers["categories"])
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
                color=colored("category", legend),
                tooltip=["category:N", alt.Tooltip("records:Q", format=",")],
            ).properties(title=side_title(numbers, side, "categories"))
        )
    bars = category_bars(numbers)
    return Chart(
        "shares", f"Shares by {numbers['category']}", bars.text, tuple(panels), bars.columns, bars.rows, legend=legend
    )


def _shown(told: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the largest categories' `names`, and their records `before` and `after`; the others are one more."""
    names, others = told["names"][:SHOWN], told["others"]
    rest = len(told["names"]) - len(names) + others["count"]
    shown = {side: told[side][:SHOWN] for side in SIDES}
    if rest:
        names = [*names, f"{rest:,} others"]
        shown = {side: [*own, sum(told[side][SHOWN:]) + others[side]] for side, own in shown.items()}
    return {"names": distinct(names), **shown}


def _category_legend(told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(zip(told["names"], colors(told["names"]), strict=True))


def funnel(numbers: Numbers) -> Chart:
    """Return how many records are left after each step."""
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
        (layers(bars, labels),),
        ("after", "left", "gone"),
        tuple((one["stage"], one["left"], one["gone"]) for one in stages),
        height=26 * len(stages) + 10,
    )
