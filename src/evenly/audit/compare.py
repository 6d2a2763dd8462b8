"""What differs between several outputs, side by side.

Two to eight outputs, or recipes that are run for it, side by side: what was drawn, along the label and the tokens, by
category; which records they share; where their recipes differ. Of the data thin columns are read, no text.
"""

from __future__ import annotations

import difflib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from evenly.core.pictures import HISTOGRAM_BINS, steps
from evenly.errors import UserError
from evenly.flow.report import read_numbers
from evenly.flow.run import run_recipe
from evenly.io.cache import scratch_folder
from evenly.io.library import vega_library
from evenly.io.outputs import open_output, scan_data
from evenly.recipe.model import Recipe
from evenly.reporting.card import to_yaml
from evenly.reporting.design import day, number
from evenly.reporting.story import measures_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.reporting.progress import Reporter

FEWEST, MOST = 2, 8
"""How many are compared at once."""

SHOWN_CATEGORIES: Final = 20

LABEL: Final = "label"
TOKENS: Final = "tokens"


@dataclass(frozen=True)
class Side:
    """One of those that are compared.

    Attributes:
        name: its recipe's, or its folder's where several have that.
        manifest, numbers: what its run left behind.
        rows: `id`, and where it has them `label` and `tokens`, Float64: a row for each of the data's.
    """

    name: str
    manifest: dict[str, Any]
    numbers: dict[str, Any]
    rows: pl.DataFrame


@dataclass(frozen=True)
class Comparison:
    """What differs between several outputs.

    Attributes:
        numbers: names, measures, label, tokens, categories, shared records and recipes, as `compare_outputs` tells.
    """

    numbers: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for `--json`."""
        return self.numbers

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it."""
        del include, exclude
        from evenly.reporting.charts.compare import draw_comparison  # noqa: PLC0415 - Altair loads slowly
        from evenly.reporting.notebook import bundle  # noqa: PLC0415

        facts = [(row["name"], " | ".join(row["told"])) for row in self.numbers["measures"]]
        return bundle(draw_comparison(self.numbers)[0], self.numbers["lead"], facts)

    def write_page(self, path: str | Path) -> None:
        """Write it as one page that opens offline."""
        from evenly.reporting.charts.compare import draw_comparison  # noqa: PLC0415 - Altair loads slowly
        from evenly.reporting.pages import render_page  # noqa: PLC0415

        numbers = self.numbers
        content = {
            "kind": "Evenly comparison",
            "title": " · ".join(numbers["names"]),
            "lead": numbers["lead"],
            "tiles": [
                {"name": name, "value": f"{rows:,}", "aside": "records"}
                for name, rows in zip(numbers["names"], numbers["records"], strict=True)
            ],
            "names": numbers["names"],
            "measures": numbers["measures"],
            "recipes": numbers["recipes"],
        }
        page = render_page("compare.html", content, draw_comparison(numbers), vega_library())
        Path(path).write_text(page, encoding="utf-8")


def compare_outputs(given: Sequence[str | Path], engine: str, reporter: Reporter | None) -> Comparison:
    """Compare outputs (folders) and recipes (files, which are run for it into a folder that goes again).

    Keys of the numbers: `names`; `records`, rows of each; `lead`; `measures` [{name, told [of each], what}]; `label`
    and `tokens` {name, edges, rows [[of each]]} or None; `categories` {name, names, rows [[of each]], others [of each]}
    or None; `overlap` {common, only [[i, not j]], jaccard}; `recipes` [{name, against, lines}].

    Raises:
        UserError: for fewer than two or more than eight, and for what is neither an output nor a recipe.
    """
    if not FEWEST <= len(given) <= MOST:
        message = f"compare: {len(given)} given, expected {FEWEST} to {MOST} outputs (folders) or recipes (files)."
        raise UserError(message)
    with ExitStack() as stack:
        folders = [_folder(Path(one), stack, engine, reporter) for one in given]
        manifests = [open_output(folder) for folder in folders]
        names = _names([Path(one) for one in given], manifests)
        sides = [
            Side(name, manifest, read_numbers(folder), _thin(folder, manifest))
            for name, manifest, folder in zip(names, manifests, folders, strict=True)
        ]
    overlap = _overlap(sides)
    return Comparison(
        {
            "names": names,
            "records": [side.rows.height for side in sides],
            "lead": _lead(sides, overlap),
            "measures": _measures(sides),
            "label": _distribution(sides, LABEL),
            "tokens": _distribution(sides, TOKENS),
            "categories": _categories(sides),
            "overlap": overlap,
            "recipes": _differences(sides),
        }
    )


def _folder(given: Path, stack: ExitStack, engine: str, reporter: Reporter | None) -> Path:
    """Return the output that is given, or that of a recipe."""
    if given.is_dir():
        return given
    if not given.is_file():
        message = f"{given}: there is no such output or recipe. Give the folder of a run, or a recipe's file."
        raise UserError(message)
    recipe = Recipe.from_file(given)
    recipe = recipe.model_copy(update={"export": recipe.export.model_copy(update={"report": True})})
    out = stack.enter_context(scratch_folder()) / recipe.name
    run_recipe(recipe, out, engine=engine, reporter=reporter)
    return out


def _names(given: Sequence[Path], manifests: Sequence[dict[str, Any]]) -> list[str]:
    """Return a name for each that no other has: the recipe's, else the folder's, else one with a number."""
    names = [str(manifest["recipe"]["name"]) for manifest in manifests]
    for others in ([path.stem for path in given], [str(path) for path in given]):
        taken = Counter(names)
        names = [name if taken[name] == 1 else other for name, other in zip(names, others, strict=True)]
    taken = Counter(names)
    return [name if taken[name] == 1 else f"{name} ({place})" for place, name in enumerate(names, 1)]


def _thin(folder: Path, manifest: dict[str, Any]) -> pl.DataFrame:
    """Return the thin columns of the data."""
    ending, label = manifest["recipe"]["export"]["files"], manifest["recipe"]["balance"].get("label")
    paths = sorted((folder / "data").glob(f"*.{ending}"))
    frame = pl.concat([scan_data(path) for path in paths], how="vertical_relaxed")
    schema = frame.collect_schema()
    columns = [pl.col("id").cast(pl.String)]
    if label in schema and schema[label].is_numeric():
        columns.append(pl.col(label).cast(pl.Float64).alias(LABEL))
    if "tokens" in schema:
        columns.append(pl.col("tokens").cast(pl.Float64).alias(TOKENS))
    return frame.select(columns).collect()


def _measures(sides: Sequence[Side]) -> list[dict[str, Any]]:
    """Return the measures that any side has, with what each has."""
    told = [{row["name"]: row for row in measures_of(side.numbers)} for side in sides]
    order = dict.fromkeys(name for rows in told for name in rows)
    return [
        {
            "name": name,
            "told": [rows[name]["after"] if name in rows else "–" for rows in told],
            "what": next(rows[name]["what"] for rows in told if name in rows),
        }
        for name in order
    ]


def _distribution(sides: Sequence[Side], column: str) -> dict[str, Any] | None:
    """Return how many rows of each lie between common edges; None where not all have the column."""
    names = {side.manifest["recipe"]["balance"].get("label") if column == LABEL else column for side in sides}
    if len(names) > 1 or not all(column in side.rows.columns for side in sides):
        return None
    values = [side.rows[column].filter(side.rows[column].is_finite()).drop_nulls() for side in sides]
    counted = pl.concat(values).value_counts()
    edges = steps(dict(counted.iter_rows()), HISTOGRAM_BINS)
    if not edges:
        return None
    bins = np.array([-np.inf, *edges, np.inf])
    rows = [np.histogram(one.to_numpy(), bins)[0].tolist() for one in values]
    return {"name": str(names.pop()), "edges": list(edges), "rows": rows}


def _categories(sides: Sequence[Side]) -> dict[str, Any] | None:
    """Return the records of each in the categories with the largest shares; None where they count by other columns."""
    names = {side.numbers["category"] for side in sides}
    if len(names) > 1 or None in names:
        return None
    told = [side.numbers["categories"] for side in sides]
    rows = [dict(zip(one["names"], one["after"], strict=True)) for one in told]
    # What a side counts among its others is not known to be 0 there, so that it is among the others of all.
    named = [name for name in dict.fromkeys(name for own in rows for name in own) if _known(name, rows, told)]
    totals = [max(1, sum(one["after"]) + one["others"]["after"]) for one in told]
    shares = {name: max(own.get(name, 0) / total for own, total in zip(rows, totals, strict=True)) for name in named}
    shown = sorted(named, key=lambda name: (-shares[name], name))[:SHOWN_CATEGORIES]
    counts = [[own.get(name, 0) for name in shown] for own in rows]
    rest = [sum(one["after"]) + one["others"]["after"] - sum(own) for one, own in zip(told, counts, strict=True)]
    return {"name": names.pop(), "names": shown, "rows": counts, "others": rest}


def _known(name: str, rows: Sequence[Mapping[str, int]], told: Sequence[Mapping[str, Any]]) -> bool:
    return all(name in own or not one["others"]["count"] for own, one in zip(rows, told, strict=True))


def _overlap(sides: Sequence[Side]) -> dict[str, list[list[Any]]]:
    """Return, for each pair, the ids in both, those in the first alone, and the Jaccard index."""
    ids = [side.rows.select(pl.col("id").unique()) for side in sides]
    size = len(sides)
    common = [[one.height if i == j else 0 for j in range(size)] for i, one in enumerate(ids)]
    for i, j in combinations(range(size), 2):
        common[i][j] = common[j][i] = ids[i].join(ids[j], on="id", how="semi").height
    only = [[ids[i].height - common[i][j] for j in range(size)] for i in range(size)]
    jaccard = [
        [round(common[i][j] / max(1, ids[i].height + ids[j].height - common[i][j]), 6) for j in range(size)]
        for i in range(size)
    ]
    return {"common": common, "only": only, "jaccard": jaccard}


def _differences(sides: Sequence[Side]) -> list[dict[str, Any]]:
    """Return how each recipe differs from the first, line by line; files and tokenizer by their names."""
    texts = [to_yaml(side.manifest["recipe"]).splitlines() for side in sides]
    first = sides[0].name
    return [
        {
            "name": side.name,
            "against": first,
            "lines": list(difflib.unified_diff(texts[0], text, n=2, lineterm=""))[2:],
        }
        for side, text in zip(sides[1:], texts[1:], strict=True)
    ]


def _lead(sides: Sequence[Side], overlap: dict[str, list[list[Any]]]) -> str:
    pairs = list(combinations(range(len(sides)), 2))
    i, j = min(pairs, key=lambda pair: overlap["jaccard"][pair[0]][pair[1]])
    found = overlap["jaccard"][i][j]
    least = "" if len(pairs) == 1 else "The two that share least: "
    text = (
        f"{least}{sides[i].name} and {sides[j].name} have {overlap['common'][i][j]:,} records in common "
        f"(Jaccard index {found:.3f}); {overlap['only'][i][j]:,} are in the first alone, {overlap['only'][j][i]:,} in "
        "the second."
    )
    means = [side.numbers["facts"]["after"].get(LABEL, {}).get("mean") for side in sides]
    labels = {side.numbers["label"] for side in sides}
    if len(labels) == 1 and all(mean is not None for mean in means) and len({s.numbers["dates"] for s in sides}) == 1:
        shown = day if all(side.numbers["dates"] for side in sides) else number
        told = ", ".join(f"{shown(mean)} ({side.name})" for mean, side in zip(means, sides, strict=True))
        text += f" Mean {labels.pop()}: {told}."
    return text
