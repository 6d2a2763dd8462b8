"""Charts of the strata: what is drawn of each, and how evenly records lie over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from evenly.core.pictures import SIDES
from evenly.reporting.charts.base import Chart, colored, distinct, layers
from evenly.reporting.design import ACCENT, AFTER, BEFORE, LINES, QUIET_INK, SIDE_COLORS, SIDE_NAMES, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.reporting.charts.base import Numbers

STRATA_LEGEND: Final = (("in the pool", BEFORE), ("selected", AFTER))

STRATA_TOOLTIP: Final = [
    alt.Tooltip("stratum:N"),
    alt.Tooltip("N:Q", title="in the pool", format=","),
    alt.Tooltip("wanted:Q", format=","),
    alt.Tooltip("n:Q", title="selected", format=","),
    alt.Tooltip("bound:N", title="bound by"),
]


def strata(numbers: Numbers) -> Chart:
    """Return N and n of each stratum, with the cap, what is taken whole, and what falls short."""
    given, told = numbers["strata"], numbers["counts"]
    names = distinct([row["stratum"] for row in given["rows"]])
    rows = [{**row, "stratum": name} for row, name in zip(given["rows"], names, strict=True)]
    shown: dict[str, Any] = {**given, "rows": rows}
    missing = [row for row in rows if row["wanted"] > row["n"]]
    text = (
        f"Of {told['count']:,} strata {told['take_all']:,} are taken whole, {told['capped']:,} have more than drawn, "
        f"{told['short']:,} give all they have."
    )
    if missing:
        text += f" {number(len(missing))} fall short of what is wanted of them (marked)."
    along = shown["kind"] == "along"
    draw = _strata_along if along else _strata_ranked
    return Chart(
        "strata",
        "What is drawn of each stratum",
        text,
        (layers(*draw(shown, missing)),),
        (shown["axis"], "in the pool (N)", "wanted", "selected (n)", "bound by"),
        tuple((row["stratum"], row["N"], row["wanted"], row["n"], row["bound"]) for row in rows),
        legend=STRATA_LEGEND,
        height=260 if along else 22 * len(rows) + 30,
    )


def _strata_along(shown: Mapping[str, Any], missing: Sequence[Mapping[str, Any]]) -> list[alt.Chart]:
    """Return N and n along a number, over the region that is taken whole."""
    rows = [row for row in shown["rows"] if row["x"] is not None]
    missing = [row for row in missing if row["x"] is not None]
    axis = alt.Axis(format=".6~g" if shown["plain"] else ",.6~g", tickMinStep=1 if shown["plain"] else 0)
    logarithmic = shown.get("logarithmic", False) and all(row["x"] is None or row["x"] > 0 for row in shown["rows"])
    kind: Any = {"type": "log"} if logarithmic else {"zero": False}
    x = alt.X("x:Q", title=shown["axis"], scale=alt.Scale(nice=False, **kind), axis=axis)
    drawn: list[alt.Chart] = []
    whole = [row["x"] for row in rows if row["bound"] == "take_all"]
    if whole:
        region = alt.Chart(alt.Data(values=[{"from": min(whole), "to": max(whole)}]))
        drawn.append(region.mark_rect(color=LINES, opacity=0.5).encode(x="from:Q", x2="to:Q"))
    y = _count_axis(alt.Y, rows)
    lines = _both(rows).mark_line(interpolate="step", strokeWidth=1.5)
    drawn.append(lines.encode(x=x, y=y, color=colored("of", STRATA_LEGEND), tooltip=STRATA_TOOLTIP))
    if shown["cap"] is not None:
        drawn.append(_cap_rule(shown["cap"]).encode(y="cap:Q"))
    if missing:
        points = alt.Chart(alt.Data(values=list(missing))).mark_point(color=ACCENT, shape="triangle-down", size=28)
        drawn.append(points.encode(x=x, y="n:Q", tooltip=STRATA_TOOLTIP))
    return drawn


def _strata_ranked(shown: Mapping[str, Any], missing: Sequence[Mapping[str, Any]]) -> list[alt.Chart]:
    """Return N and n of the largest shown, each with its name."""
    rows = shown["rows"]
    y = alt.Y("stratum:N", title=None, sort=None, axis=alt.Axis(labelLimit=150, labelOverlap=False))
    x = _count_axis(alt.X, rows)
    bars = _both(rows).mark_bar()
    drawn = [bars.encode(x=x, y=y, yOffset="of:N", color=colored("of", STRATA_LEGEND), tooltip=STRATA_TOOLTIP)]
    if shown["cap"] is not None:
        drawn.append(_cap_rule(shown["cap"]).encode(x="cap:Q"))
    if missing:
        points = alt.Chart(alt.Data(values=list(missing))).mark_point(color=ACCENT, shape="triangle-left", size=28)
        drawn.append(points.encode(x="n:Q", y=y, tooltip=STRATA_TOOLTIP))
    return drawn


def _count_axis(kind: Any, rows: Sequence[Mapping[str, Any]]) -> Any:  # noqa: ANN401 - either axis
    marks = [0, *(10**power for power in range(len(str(max(row["N"] for row in rows)))))]
    axis = alt.Axis(format=",.6~g", values=marks)
    return kind("count:Q", title="records, logarithmic", scale=alt.Scale(type="symlog"), axis=axis)


def _both(rows: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """Return a drawing of N and n as two rows of data each."""
    folded = alt.Chart(alt.Data(values=list(rows))).transform_fold(["N", "n"], as_=["side", "count"])
    return folded.transform_calculate(of=f"datum.side == 'N' ? '{STRATA_LEGEND[0][0]}' : '{STRATA_LEGEND[1][0]}'")


def _cap_rule(cap: int) -> alt.Chart:
    return alt.Chart(alt.Data(values=[{"cap": cap}])).mark_rule(color=QUIET_INK, strokeDash=[4, 3])


def lorenz(numbers: Numbers) -> Chart:
    """Return the Lorenz curves of the records over strata."""
    curves = numbers["lorenz"]
    names = {side: f"{SIDE_NAMES[side]}, Gini {curves[side]['gini']:.2f}" for side in SIDES}
    values = [{"strata": x, "records": y, "of": names[side]} for side in SIDES for x, y in curves[side]["points"]]
    even = [{"strata": 0, "records": 0}, {"strata": 1, "records": 1}]
    x = alt.X("strata:Q", title="share of the strata, smallest first", axis=alt.Axis(format="%"))
    y = alt.Y("records:Q", title="share of the records", axis=alt.Axis(format="%"))
    legend = tuple((names[side], SIDE_COLORS[side]) for side in SIDES)
    lines = alt.Chart(alt.Data(values=values)).mark_line(strokeWidth=2)
    lines = lines.encode(x=x, y=y, color=colored("of", legend))
    diagonal = alt.Chart(alt.Data(values=even)).mark_line(color=QUIET_INK, strokeDash=[4, 3], strokeWidth=1)
    both = zip(curves["before"]["points"], curves["after"]["points"], strict=True)
    return Chart(
        "lorenz",
        "How evenly records lie over strata",
        f"On the dashed line all strata have equally many records. The Gini index of the pool is "
        f"{curves['before']['gini']:.3f}, of what is selected {curves['after']['gini']:.3f} (0 is even).",
        (layers(diagonal.encode(x=x, y=y), lines),),
        ("share of the strata", *(SIDE_NAMES[side] for side in SIDES)),
        tuple((f"{one[0]:.0%}", f"{one[1]:.1%}", f"{other[1]:.1%}") for one, other in both),
        legend=legend,
        height=340,
        narrow=True,
    )
