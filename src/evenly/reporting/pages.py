"""Pages: one file each, that answers what a run made or how runs differ, and opens without a network.

What comes from the data is other people's text: it is escaped, control characters are shown as signs, and a policy in
the page itself lets no script run but its own, and nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup

import evenly
from evenly.reporting.design import DARK, number, spelled, theme, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.reporting.charts import Chart

SECTIONS: Final = {
    "report.html": (
        ("answer", "What it is"),
        ("balance", "Is it balanced?"),
        ("mix", "What is in it?"),
        ("cost", "What did it cost?"),
        ("records", "Read some of it"),
        ("repeat", "How to repeat it"),
    ),
    "ablation.html": (
        ("answer", "What it shows"),
        ("effects", "How sure is that?"),
        ("boards", "Leaderboard"),
        ("along", "Along the label"),
        ("sizes", "How many records?"),
        ("examples", "Where they differ"),
        ("known", "What a proxy can say"),
        ("repeat", "How to repeat it"),
    ),
    "tune.html": (
        ("answer", "What was found"),
        ("front", "The front"),
        ("knobs", "The knobs"),
        ("last", "The last test"),
        ("known", "What a proxy can say"),
        ("repeat", "The recipe"),
    ),
    "compare.html": (
        ("answer", "What differs"),
        ("measures", "Measures"),
        ("distributions", "Distributions"),
        ("overlap", "The same records?"),
        ("recipes", "How the recipes differ"),
    ),
}
"""Template -> its sections."""

INPUTS_SHOWN: Final = 20


def render_page(template: str, content: Mapping[str, Any], charts: Sequence[Chart], library: str) -> str:
    """Return the page of a template, such as `report.html`: `content` as it names it, charts in sections.

    `library` is the script that draws them; it gives the page `vegaEmbed`.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, loader=jinja2.FunctionLoader(_asset)
    )
    environment.filters.update(visible=visible, shown=shown, spelled=spelled)
    style, script = _asset("page.css"), _asset("page.js")
    specs = _json(_specs(charts))
    return environment.get_template(template).render(
        **content,
        version=evenly.__version__,
        charts=charts,
        sections=[one for one in SECTIONS[template] if content.get(one[0], True)],
        allowed={"scripts": " ".join(_source(one) for one in (library, script)), "styles": _source(style)},
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704
        library=Markup(library),  # noqa: S704
        specs=Markup(specs),  # noqa: S704 - JSON without a `<`
        dark=json.dumps(DARK),
        inputs_shown=INPUTS_SHOWN,
    )


def shown(cell: object) -> str:
    """Return a cell of a table: numbers as people read them, text with nothing hidden."""
    return number(cell) if isinstance(cell, (int, float)) else visible(cell)


def _specs(charts: Sequence[Chart]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for chart in charts:
        for place, panel in enumerate(chart.panels):
            spec = panel.properties(width="container", height=chart.height).to_dict(validate=False)
            spec["config"] = theme() | {"legend": {"disable": True}}  # the page has its own
            spec["autosize"] = {"type": "fit", "contains": "padding"}
            found[f"panel-{chart.name}-{place}"] = spec
    return found


def _json(data: object) -> str:
    """Return JSON that can stand within a `script` element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _source(text: str) -> str:
    """Return how a content security policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return resources.files("evenly.reporting").joinpath("page", name).read_text(encoding="utf-8")
