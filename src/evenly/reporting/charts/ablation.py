"""Charts of an ablation and of a search: effects with their intervals, errors along the label, by size, the front."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import altair as alt

from evenly.reporting.charts.base import Chart, clean, colored, layers
from evenly.reporting.design import BEFORE, COMPARED_COLORS, LINES, QUIET_INK, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.reporting.charts.base import Drawing, Numbers

SCALE_NAMES: Final = {"units": "fitted in its own units", "log": "fitted as a logarithm", "classes": "classes"}

MEASURE_NAMES: Final = {
    "mae": "MAE",
    "balanced_mae": "balanced MAE",
    "rmsle": "RMSLE",
    "geometric": "geometric mean of errors",
    "green": "off by < 40 or 20 %",
    "orange": "off by < 80 or 40 %",
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "worst_group": "worst stratum",
}
"""Name of a measure -> it on a page."""

PROXY_TITLES: Final = {"ridge": "Ridge", "trees": "Trees"}

ENDS: Final = ("value", "low", "high")
"""A number and the ends of its interval."""

ROW: Final = 16
"""Pixels of a variant's line in a region."""


def draw_ablation(numbers: Numbers) -> list[Chart]:
    """Return the charts of an ablation, see `evenly.ablation.run.ablate_recipes`."""
    numbers = clean(numbers)
    legend = variant_colors(numbers)
    proxies = list(dict.fromkeys(one["proxy"] for one in numbers["results"]))
    found: list[Chart] = []
    for proxy in proxies:
        own = [one for one in numbers["results"] if one["proxy"] == proxy]
        if any(variant.get("verdicts") for one in own for variant in one["variants"]):
            found.append(_effects(numbers, proxy, own, legend))
    if numbers["curve"] is not None:
        found += [_along(numbers, proxy, legend) for proxy in proxies if _fitted(numbers["curve"]["models"], proxy)]
    if numbers["sizes"]:
        found += [_sizes(numbers, proxy, legend) for proxy in proxies if _fitted(numbers["sizes"], proxy)]
    return found


def _fitted(told: Sequence[Numbers], proxy: str) -> bool:
    """Say whether there is anything of a proxy to draw."""
    return any(one.get("variants") or one.get("points") for one in told if one["proxy"] == proxy)


def variant_colors(numbers: Numbers) -> tuple[tuple[str, str], ...]:
    """Return the colour of each variant; the proportional sample is grey, as the pool is elsewhere."""
    others = [one["name"] for one in numbers["variants"] if one["name"] != numbers["base"]]
    colors = [COMPARED_COLORS[place % len(COMPARED_COLORS)] for place in range(len(others))]
    return ((numbers["base"], BEFORE), *zip(others, colors, strict=True))


def _effects(numbers: Numbers, proxy: str, results: Sequence[Numbers], legend: Sequence[tuple[str, str]]) -> Chart:
    """Return the effect on each region against the proportional sample, for each scale a panel."""
    regions = [one["name"] for one in numbers["regions"] if one["rows"]]
    others = [one for one in legend if one[0] != numbers["base"]]
    panels: list[Drawing] = []
    rows: list[tuple[Any, ...]] = []
    for result in results:
        values: list[dict[str, Any]] = []
        for variant in result["variants"]:
            for verdict in variant.get("verdicts", ()):
                shown = [verdict[key] for key in ("change", "low", "high")]
                percent = [None if one is None else f"{one:+.1%}" for one in shown]
                about = verdict["region"], variant["name"], SCALE_NAMES[result["scale"]]
                rows.append((*about, verdict["word"], *percent, verdict["rows"]))
                if None not in shown:
                    keys = ("change", "low", "high", "region", "word")
                    values.append({**{key: verdict[key] for key in keys}, "variant": variant["name"]})
        panels.append(_effect_panel(numbers, result, values, regions, others))
    measure = numbers["measure"]
    better = next(one["better"] for one in numbers["measures"] if one["name"] == measure)
    side = "left" if better == "lower" else "right"
    return Chart(
        f"effects-{proxy}",
        f"{PROXY_TITLES[proxy]}: change of {MEASURE_NAMES[measure]} against the proportional sample",
        f"What the proxy makes of each variant, with intervals that are corrected for the number of regions. A better "
        f"proxy is to the {side}; within the band ({numbers['options']['smallest_effect']:.0%}) no difference matters.",
        tuple(panels),
        ("region", "variant", "label", "verdict", "change", "from", "to", "test rows"),
        tuple(rows),
        legend=tuple(others),
        height=max(120, len(regions) * (ROW * len(others) + 12) + 40),
    )


def _effect_panel(
    numbers: Numbers,
    result: Numbers,
    values: list[dict[str, Any]],
    regions: list[str],
    others: Sequence[tuple[str, str]],
) -> Drawing:
    smallest = numbers["options"]["smallest_effect"]
    data = alt.Data(values=values)
    y = alt.Y("region:N", sort=regions, title=None, axis=alt.Axis(labelLimit=130), scale=alt.Scale(domain=regions))
    offset = alt.YOffset("variant:N", sort=[name for name, _ in others])
    x = alt.X("low:Q", title="change", axis=alt.Axis(format="+.0%"))
    color = colored("variant", others)
    band = alt.Chart(alt.Data(values=[{"low": -smallest, "high": smallest}]))
    percents = [alt.Tooltip(f"{key}:Q", format="+.1%") for key in ("change", "low", "high")]
    tooltip = ["variant:N", "region:N", "word:N", *percents]
    base = alt.Chart(data).encode(y=y, yOffset=offset, color=color, tooltip=tooltip)
    return layers(
        band.mark_rect(color=LINES, opacity=0.5).encode(x=x, x2="high"),
        band.mark_rule(color=QUIET_INK).encode(x=alt.datum(0)),
        base.mark_rule(strokeWidth=2).encode(x=x, x2="high"),
        base.mark_point(filled=True, size=45, opacity=1).encode(x="change:Q"),
    ).properties(title=SCALE_NAMES[result["scale"]])


def _along(numbers: Numbers, proxy: str, legend: Sequence[tuple[str, str]]) -> Chart:
    """Return the mean absolute error along the label."""
    told = numbers["curve"]
    bins = list(pairwise(told["edges"]))
    models = [one for one in told["models"] if one["proxy"] == proxy]
    logarithmic = told["edges"][0] > 0 and told["edges"][-1] > 20 * told["edges"][0]
    panels: list[Drawing] = []
    for model in models:
        values: list[dict[str, Any]] = []
        for variant in model["variants"]:
            line = [
                {"from": low, "between": f"{number(low)} – {number(high)}", "error": error, "variant": variant["name"]}
                for (low, high), error in zip(bins, variant["values"], strict=True)
                if error is not None
            ]
            values += [*line, *([{**line[-1], "from": told["edges"][-1]}] if line else [])]
        scale = alt.Scale(
            type="log" if logarithmic else "linear", domain=[told["edges"][0], told["edges"][-1]], nice=False
        )
        lines = alt.Chart(alt.Data(values=values)).mark_line(interpolate="step-after", strokeWidth=2)
        axis = alt.Axis(format=",.6~g", values=told["edges"])
        panels.append(
            lines.encode(
                x=alt.X("from:Q", title=numbers["label"], scale=scale, axis=axis),
                y=alt.Y("error:Q", title="mean absolute error"),
                color=colored("variant", legend),
                tooltip=["variant:N", "between:N", alt.Tooltip("error:Q", format=",.4~g")],
            ).properties(title=SCALE_NAMES[model["scale"]])
        )
    columns = [(model["scale"], variant) for model in models for variant in model["variants"]]
    rows: list[tuple[Any, ...]] = []
    for place, (low, high) in enumerate(bins):
        cells = [number(variant["values"][place]) for _, variant in columns]
        rows.append((f"{number(low)} – {number(high)}", told["rows"][place], *cells))
    return Chart(
        f"along-{proxy}",
        f"{PROXY_TITLES[proxy]}: error along {numbers['label']}",
        "The mean absolute error over the rows of both tests: the lower line is the better proxy.",
        tuple(panels),
        (numbers["label"], "test rows", *(f"{variant['name']}, {SCALE_NAMES[scale]}" for scale, variant in columns)),
        tuple(rows),
        legend=tuple(legend),
        height=260,
    )


def _sizes(numbers: Numbers, proxy: str, legend: Sequence[tuple[str, str]]) -> Chart:
    """Return the judged measure by training rows, on each test a panel; the label in its own units, or classes."""
    own = [one for one in numbers["sizes"] if one["proxy"] == proxy]
    scale = own[0]["scale"]
    shown = [one for one in own if one["scale"] == scale]
    panels: list[Drawing] = []
    for test in dict.fromkeys(one["test"] for one in shown):
        values = [
            {**point, "variant": one["variant"]} for one in shown if one["test"] == test for point in one["points"]
        ]
        sizes = sorted({one["size"] for one in values})
        ends = [alt.Tooltip(f"{key}:Q", format=",.4~g") for key in ENDS]
        axis, scale_of = alt.Axis(format=",", values=sizes), alt.Scale(type="log", nice=False)
        base = alt.Chart(alt.Data(values=values)).encode(
            x=alt.X("size:Q", title="training rows", scale=scale_of, axis=axis),
            color=colored("variant", legend),
            tooltip=["variant:N", alt.Tooltip("size:Q", format=","), *ends],
        )
        title = MEASURE_NAMES[numbers["measure"]]
        low = alt.Y("low:Q", title=title, scale=alt.Scale(zero=False))
        panels.append(
            layers(
                base.mark_area(opacity=0.15, line=False).encode(y=low, y2="high"),
                base.mark_line(strokeWidth=2, point=True).encode(y=alt.Y("value:Q", title=title)),
            ).properties(title=f"{test} test")
        )
    rows: list[tuple[Any, ...]] = []
    for one in own:
        about = one["test"], one["variant"], SCALE_NAMES[one["scale"]]
        rows += [(*about, point["size"], *(number(point[key]) for key in ENDS)) for point in one["points"]]
    flat = [
        f"{one['variant']} on the {one['test']} test from {number(one['flat_from'])} rows on"
        for one in shown
        if one["flat_from"] is not None
    ]
    told = f"It flattens: {'; '.join(flat)}." if flat else "It still falls at the largest size, for every variant."
    return Chart(
        f"sizes-{proxy}",
        f"{PROXY_TITLES[proxy]}: {MEASURE_NAMES[numbers['measure']]} by training rows",
        f"How many records does it take? {told} Flat means: the largest size gains less than "
        f"{numbers['options']['smallest_effect']:.0%}, the interval included.",
        tuple(panels),
        ("test", "variant", "label", "training rows", MEASURE_NAMES[numbers["measure"]], "from", "to"),
        tuple(rows),
        legend=tuple(legend),
        height=260,
    )
