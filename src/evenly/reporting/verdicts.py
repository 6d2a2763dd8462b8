"""An ablation in words and tables, for the page, the terminal and a notebook."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from evenly.reporting.card import to_yaml
from evenly.reporting.charts.ablation import MEASURE_NAMES, SCALE_NAMES
from evenly.reporting.design import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KNOWN: Final = (
    """A proxy is a small model of words. It costs a second, so that it can be fitted under many seeds, and it shows
    what a training set has to teach. It does not show what a large language model makes of it, which knows much before
    it sees the set.""",
    """What is known of that: rankings of data by small language models mostly hold for larger ones (DataDecide, 2025:
    a proxy of 150 million parameters chose the better of two sets at a billion in about four of five cases; RegMix,
    2024: mixtures ranked by proxies of a million parameters held at a billion). For proxies that are no language
    models, such as these, we know of no such measurement.""",
    """So read a verdict as: this set has more, or less, to learn from there. Where a verdict decides something costly,
    train the large model on the two sets that are left.""",
)
"""What is known of how proxies agree with large models."""


def lead(numbers: Mapping[str, Any]) -> str:
    """Return an ablation in a sentence or two: each variant's verdicts on both tests under the first model."""
    result = numbers["results"][0]
    told = [
        f"{variant['name']} {_both(variant['verdicts'])}" for variant in result["variants"] if variant.get("verdicts")
    ]
    if not told:
        return (
            f"The proxy {model_name(result)} could not be fitted, or there is no variant but the proportional sample."
        )
    measure = MEASURE_NAMES[numbers["measure"]]
    return (
        f"By the proxy {model_name(result)}, in {measure} against the proportional sample at {numbers['budget']}: "
        f"{'; '.join(told)}."
    )


def _both(verdicts: Sequence[Mapping[str, Any]]) -> str:
    parts = [
        f"{one['word']} on the {one['region']} test{_change(one)}" if one["word"] != "cannot tell" else
        f"can't be told from it on the {one['region']} test{_change(one)}"
        for one in verdicts
        if one["region"] in {"natural", "balanced"}
    ]  # fmt: skip
    return " and ".join(parts)


def _change(one: Mapping[str, Any]) -> str:
    return "" if one["change"] is None else f" ({one['change']:+.1%})"


def model_name(result: Mapping[str, Any]) -> str:
    """Return a model's name: `ridge`, or `ridge, log` where a number is fitted as a logarithm."""
    return str(result["proxy"]) + (", log" if result["scale"] == "log" else "")


def verdict_tables(numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each model's table of words.

    `model`; `variants`; `rows` [{region, rows, what, cells [{word, told, short, why}]}]; and `failed` [[variant, why]].
    """
    tables: list[dict[str, Any]] = []
    for result in numbers["results"]:
        judged = [one for one in result["variants"] if one.get("verdicts")]
        rows: list[dict[str, Any]] = []
        for region in numbers["regions"]:
            cells = [
                _cell(next((one for one in variant["verdicts"] if one["region"] == region["name"]), None))
                for variant in judged
            ]
            rows.append({"region": region["name"], "rows": region["rows"], "what": region["what"], "cells": cells})
        failed = [[one["name"], one["failed"]] for one in result["variants"] if "failed" in one]
        tables.append(
            {
                "model": model_name(result),
                "scale": SCALE_NAMES[result["scale"]],
                "variants": [one["name"] for one in judged],
                "rows": rows,
                "failed": failed,
            }
        )
    return tables


def _cell(verdict: Mapping[str, Any] | None) -> dict[str, str]:
    if verdict is None:
        return {"word": "no rows", "told": "–", "short": "–", "why": ""}
    if verdict["change"] is None:
        return {"word": verdict["word"], "told": "–", "short": "–", "why": verdict["why"]}
    told = short = f"{verdict['change']:+.1%}"
    if verdict["low"] is not None:
        short += f" ± {(verdict['high'] - verdict['low']) / 2:.1%}"
        told += f" ({verdict['low']:+.1%} to {verdict['high']:+.1%})"
    return {"word": verdict["word"], "told": told, "short": short, "why": verdict["why"]}


def measure_tables(numbers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return for each model the leaderboard on each test: `model`, `test`, `columns`, `rows` [[name, cells …]].

    Variants come best first by the judged measure; intervals are of the value itself, over seeds and test rows.
    """
    judged = next(one for one in numbers["measures"] if one["name"] == numbers["measure"])
    tables: list[dict[str, Any]] = []
    for result in numbers["results"]:
        for test in ("natural", "balanced"):
            there = [one for one in result["variants"] if test in one.get("measures", {})]
            by = judged["name"]
            there.sort(key=lambda one: one["measures"][test][by]["value"], reverse=judged["better"] == "higher")
            rows = [[one["name"], *_values(one["measures"][test], numbers["measures"])] for one in there]
            columns = [MEASURE_NAMES[m["name"]] for m in numbers["measures"]]
            tables.append({"model": model_name(result), "test": test, "columns": columns, "rows": rows})
    return tables


def _values(told: Mapping[str, Any], measures: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [_value(told.get(measure["name"]), measure) for measure in measures]


def _value(told: Mapping[str, float | None] | None, measure: Mapping[str, Any]) -> dict[str, str]:
    if told is None or told["value"] is None:
        return {"value": "–", "interval": ""}
    shown = [f"{one:.1%}" if measure["unit"] == "share" else number(one) for one in told.values() if one is not None]
    return {"value": shown[0], "interval": f"{shown[1]} – {shown[2]}" if len(shown) == 3 else ""}  # noqa: PLR2004 - value and both ends


def content_of(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page of an ablation shows, see `page/ablation.html`."""
    names = [one["name"] for one in numbers["variants"]]
    rows = sorted({count for one in numbers["variants"] for count in one["rows"]})
    fits = len(names) * len(numbers["seeds"]) * len(numbers["results"])
    return {
        "kind": "Evenly ablation",
        "title": " · ".join(names),
        "lead": lead(numbers),
        "tiles": [
            {"name": "variants", "value": f"{len(names):,}", "aside": "the proportional sample among them"},
            {
                "name": "training rows",
                "value": " – ".join(number(one) for one in (rows[:1] if len(rows) == 1 else [rows[0], rows[-1]])),
                "aside": "of each, under each seed",
            },
            {"name": "seeds", "value": f"{len(numbers['seeds']):,}", "aside": f"{fits:,} proxy models"},
            *(
                {"name": f"{name} test", "value": f"{one['rows']:,}", "aside": "rows that no variant saw"}
                for name, one in numbers["tests"].items()
            ),
        ],
        "verdicts": verdict_tables(numbers),
        "boards": measure_tables(numbers),
        "measures": [{**one, "shown": MEASURE_NAMES[one["name"]]} for one in numbers["measures"]],
        "judged": MEASURE_NAMES[numbers["measure"]],
        "smallest": f"{numbers['options']['smallest_effect']:.2g}",
        "percent": f"{numbers['options']['smallest_effect']:.0%}",
        "base": numbers["base"],
        "label": numbers["label"],
        "known": KNOWN,
        "effects": any(table["variants"] for table in verdict_tables(numbers)),
        "along": numbers["curve"] is not None,
        "sizes": bool(numbers["sizes"]),
        "examples": numbers["examples"],
        "proxies": numbers["proxies"],
        "numbers": numbers,
        "recipes": [(one["name"], to_yaml(one["recipe"])) for one in numbers["variants"]],
        "again": shlex.join(["evenly", "ablate", "DIR", "--out", "AGAIN"]),
    }
