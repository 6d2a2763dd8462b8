"""Results in a notebook: every type that a front end may choose is there and says the same."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import altair as alt
import pytest

import evenly

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    rows = [{"id": f"{n}", "title": f"<b>{n}</b>", "price": float(n % 90), "kind": "<i>a"} for n in range(300)]
    return {
        "name": "small",
        "sources": [{"name": "s", "files": str(write_lines(tmp_path / "in.jsonl", rows)), "id": "id"}],
        "template": {"prompt": "{title}"},
        "balance": {"label": "price", "strata": [{"column": "price", "width": 10}, {"column": "kind"}], "cap": 12},
    }


def test_results_show_themselves(recipe: dict[str, Any], tmp_path: Path) -> None:
    done = evenly.run(recipe, tmp_path / "one")
    other = evenly.run({**recipe, "seed": 5}, tmp_path / "two")
    for result in (done, evenly.plan(recipe), evenly.compare(done.folder, other.folder)):
        bundle = result._repr_mimebundle_()  # pyright: ignore[reportPrivateUsage]
        (kind,) = [kind for kind in bundle if "vegalite" in kind]
        assert kind.endswith("+json")  # else a notebook that has it is not valid
        spec = bundle[kind]
        assert alt.Chart.from_dict({key: value for key, value in spec.items() if key != "config"}) is not None
        assert bundle["image/png"].startswith(b"\x89PNG")
        assert "<svg" not in bundle["text/html"]  # a front end takes it out of a notebook that it does not trust
        assert base64.b64encode(bundle["image/png"]).decode() in bundle["text/html"]
        assert "<script" not in bundle["text/html"]
        assert "http:" not in bundle["text/html"]
        assert "https:" not in bundle["text/html"]
        assert "<i>a" not in bundle["text/html"]
        assert len(bundle["text/plain"]) > 20


def test_a_result_without_a_report_shows_what_it_is(recipe: dict[str, Any], tmp_path: Path) -> None:
    done = evenly.run({**recipe, "export": {"report": False}}, tmp_path / "out")
    (text,) = done._repr_mimebundle_().values()  # pyright: ignore[reportPrivateUsage]
    assert "records in" in text


def test_charts_are_altairs_to_change_and_reuse(recipe: dict[str, Any], tmp_path: Path) -> None:
    charts = evenly.run(recipe, tmp_path / "out").charts
    assert charts.names()[0] == "label"
    assert "strata" in dir(charts)
    label = charts.label()
    assert isinstance(label, alt.HConcatChart)
    changed = label.properties(title="mine").to_dict()
    assert changed["title"] == "mine"
    assert isinstance(charts.strata(), alt.LayerChart)
    with pytest.raises(AttributeError, match=r"no chart is called 'lable'; there are label, strata, lorenz"):
        charts.lable()
