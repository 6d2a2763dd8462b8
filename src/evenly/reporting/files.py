"""Charts as files: SVG and PNG of each, made without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import vl_convert

from evenly.reporting.design import theme

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evenly.reporting.charts import Chart

SCALE: Final = 2.0
"""Pixels of a PNG for each of the drawing's."""


def write_charts(folder: Path, charts: Sequence[Chart]) -> None:
    """Write an SVG and a PNG of each chart; those that are there of other charts go."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.[sp][vn]g"):
        path.unlink()
    for chart in charts:
        svg = vl_convert.vegalite_to_svg(as_file(chart))
        (folder / f"{chart.name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{chart.name}.png").write_bytes(vl_convert.svg_to_png(svg, scale=SCALE))


def as_file(chart: Chart) -> dict[str, Any]:
    """Return a chart's drawing as it stands by itself, on white."""
    spec: dict[str, Any] = chart.whole().to_dict(validate=False)
    spec["config"] = theme() | {"background": "white", "padding": 12}
    return spec
