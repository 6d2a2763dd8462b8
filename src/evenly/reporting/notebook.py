"""Results in a notebook: each shows itself, as Vega-Lite where that is drawn, else as a picture, without a network."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Any, Final

import vl_convert

from evenly.reporting.charts import draw_charts
from evenly.reporting.design import visible
from evenly.reporting.files import SCALE, as_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from altair import HConcatChart

    from evenly.reporting.charts import Chart
    from evenly.reporting.charts.base import Drawing

VEGALITE: Final = "application/vnd.vegalite.v5+json"
"""The newest that JupyterLab and VS Code draw by themselves; our charts use nothing that it lacks."""

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"


class Charts:
    """A report's charts by name: `charts.label()` is an Altair chart, to change and to use again."""

    def __init__(self, numbers: Mapping[str, Any]) -> None:
        """Draw the charts of a report's numbers."""
        self._charts = {chart.name: chart for chart in draw_charts(numbers)}

    def __getattr__(self, name: str) -> Callable[[], HConcatChart | Drawing]:
        """Return what draws the chart of that name.

        Raises:
            AttributeError: naming the charts that there are.
        """
        if name not in self.__dict__.get("_charts", {}):
            message = f"no chart is called '{name}'; there are {', '.join(self.names())}"
            raise AttributeError(message)
        return self._charts[name].whole

    def __dir__(self) -> list[str]:
        """Return the names of the charts, for completion."""
        return [*super().__dir__(), *self.names()]

    def names(self) -> list[str]:
        """Return the names of the charts that this result has."""
        return list(self.__dict__.get("_charts", {}))

    def first(self) -> Chart:
        """Return the chart that stands for all: the label's where there is one."""
        return next(iter(self._charts.values()))


def bundle(chart: Chart, lead: str, facts: Sequence[tuple[str, str]] = ()) -> dict[str, Any]:
    """Return a result in the types that a front end chooses from: Vega-Lite, HTML and PNG that need nothing, text."""
    spec = as_file(chart)
    picture = vl_convert.vegalite_to_png(spec, scale=SCALE)
    inline = base64.b64encode(picture).decode()  # a front end takes SVG out of a notebook that it does not trust
    cells = "".join(f"<tr><th>{_html(name)}</th><td>{_html(value)}</td></tr>" for name, value in facts)
    html = f"<p>{_html(lead)}</p>" + (f"<table>{cells}</table>" if cells else "")
    return {
        VEGALITE: {**spec, "$schema": SCHEMA},
        "text/html": f'{html}<img alt="{_html(chart.text)}" width="100%" src="data:image/png;base64,{inline}">',
        "image/png": picture,
        "text/plain": "\n".join([lead, *(f"{name}: {value}" for name, value in facts)]),
    }


def _html(text: str) -> str:
    return escape(visible(text))
