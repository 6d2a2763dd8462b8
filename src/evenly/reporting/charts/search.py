"""Charts of a search: the front of both errors, and each knob against them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import altair as alt

from evenly.reporting.charts.ablation import MEASURE_NAMES
from evenly.reporting.charts.base import Chart, clean, colored, layers
from evenly.reporting.design import ACCENT, AFTER, BEFORE, number

if TYPE_CHECKING:
    from evenly.reporting.charts.base import Drawing, Numbers

LEGEND: Final = (("tried", BEFORE), ("on the front", AFTER), ("chosen", ACCENT))

TEST_TITLES: Final = {"natural": "natural test", "balanced": "balanced test"}


def draw_search(numbers: Numbers) -> list[Chart]:
    """Return the charts of a search, see `evenly.ablation.tuned.tune_recipe`."""
    told = clean(numbers["search"])
    found = [_front(told)]
    for knob in told["knobs"]:
        found.append(_knob(told, knob, len(found)))
    return found


def _points(told: Numbers) -> list[dict[str, Any]]:
    kinds = dict.fromkeys(told["front"], "on the front") | {told["knee"]: "chosen"}
    return [
        {
            "trial": trial["number"],
            "kind": kinds.get(trial["number"], "tried"),
            "values": trial["values"],
            **{test: trial[test] for test in TEST_TITLES},
        }
        for trial in told["trials"]
        if "natural" in trial
    ]


def _front(told: Numbers) -> Chart:
    points = _points(told)
    measure = MEASURE_NAMES[told["measure"]]
    knobs = [knob["key"] for knob in told["knobs"]]
    drawn = [{**{key: one[key] for key in ("trial", "kind", *TEST_TITLES)}, **_shown(one["values"])} for one in points]
    line = sorted((one for one in drawn if one["kind"] != "tried"), key=lambda one: one["natural"])
    x = alt.X("natural:Q", title=f"{measure}, natural test", scale=alt.Scale(zero=False))
    y = alt.Y("balanced:Q", title=f"{measure}, balanced test", scale=alt.Scale(zero=False))
    tooltip = ["trial:Q", "kind:N", *(alt.Tooltip(f"{test}:Q", format=",.4~g") for test in TEST_TITLES)]
    dots = alt.Chart(alt.Data(values=drawn)).mark_point(filled=True, size=55, opacity=0.9)
    drawing: Drawing = layers(
        alt.Chart(alt.Data(values=line)).mark_line(color=AFTER, strokeWidth=1.5).encode(x=x, y=y),
        dots.encode(x=x, y=y, color=colored("kind", LEGEND), tooltip=tooltip),
    )
    rows = [
        (one["trial"], one["kind"], *(number(one[test]) for test in TEST_TITLES), *_shown(one["values"]).values())
        for one in points
    ]
    return Chart(
        "front",
        "The front",
        f"Each point is a recipe that was tried: its proxy's {measure} on the natural and on the balanced test. No "
        "other beats one on the front in both. The knee is chosen: where a little more of one costs much of the other.",
        (drawing,),
        ("trial", "", *TEST_TITLES.values(), *knobs),
        tuple(rows),
        legend=LEGEND,
        height=340,
        narrow=True,
    )


def _shown(values: Numbers) -> dict[str, str]:
    return {key: number(value) if isinstance(value, (int, float)) else str(value) for key, value in values.items()}


def _knob(told: Numbers, knob: Numbers, place: int) -> Chart:
    """Return both errors against a knob, a panel for each test."""
    points, measure = _points(told), MEASURE_NAMES[told["measure"]]
    panels: list[Drawing] = []
    for test, title in TEST_TITLES.items():
        drawn = [
            {"trial": one["trial"], "kind": one["kind"], "knob": one["values"][knob["key"]], "error": one[test]}
            for one in points
        ]
        kind = "N" if "choices" in knob else "Q"
        if "choices" in knob:
            x: alt.X = alt.X("knob:N", title=knob["key"], sort=None, axis=alt.Axis(labelAngle=0))
        else:
            scale = alt.Scale(type="log" if knob["log"] else "linear", domain=[knob["low"], knob["high"]], nice=False)
            x = alt.X("knob:Q", title=knob["key"], scale=scale, axis=alt.Axis(format=",.4~g"))
        dots = alt.Chart(alt.Data(values=drawn)).mark_point(filled=True, size=45, opacity=0.9)
        panels.append(
            dots.encode(
                x=x,
                y=alt.Y("error:Q", title=measure, scale=alt.Scale(zero=False)),
                color=colored("kind", LEGEND),
                tooltip=["trial:Q", "kind:N", f"knob:{kind}", alt.Tooltip("error:Q", format=",.4~g")],
            ).properties(title=title)
        )
    rows = [(_shown(one["values"])[knob["key"]], *(number(one[test]) for test in TEST_TITLES)) for one in points]
    return Chart(
        f"knob-{place}",
        str(knob["key"]),
        f"The proxy's {measure} of every recipe that was tried, by {knob['key']}.",
        tuple(panels),
        (knob["key"], *TEST_TITLES.values()),
        tuple(rows),
        legend=LEGEND,
    )
