"""From a finished run to its report: the numbers, then the charts and the page that are drawn of them.

The numbers are small plain data and lie in the output (`charts/numbers.json`), so that a page can be made anew when the
pool is long gone. They are counts; of records there are only the few that a person reads.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import polars as pl

from evenly.columns import STRATUM
from evenly.core.measure import Summary, balance_measures, exact_sum
from evenly.core.pictures import OTHER, SIDES, quantiles
from evenly.core.strata import axis_name
from evenly.errors import UserError
from evenly.flow.plan import category_column
from evenly.flow.samples import sample_records
from evenly.io.library import vega_library
from evenly.recipe.steps import reasons
from evenly.reporting.card import to_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from evenly.flow.delivery import Delivery
    from evenly.flow.plan import Plan
    from evenly.recipe.model import Recipe

VERSION: Final = 1

Numbers = dict[str, Any]
"""What a report shows in numbers, see `report_numbers`."""

QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)

KEPT_CATEGORIES: Final = 1_000
"""Categories that are told by name; the others are counted together."""

SHOWN_ALONG: Final = 1_000
"""Strata along a number that are drawn one by one; more are drawn in neighbouring groups."""

SHOWN_RANKED: Final = 40

LORENZ_POINTS: Final = 50

NUMBERS: Final = "charts/numbers.json"

KEYS: Final = {
    *("aim", "categories", "category", "counts", "dates", "facts", "funnel", "label", "lorenz", "measures"),
    *("pictures", "records", "reused", "strata", "version"),
}
"""What the numbers have, see `report_numbers`; `reused` says whether the curated pool was there already."""


def report_numbers(
    delivery: Delivery, plan: Plan, after: Summary, pictures: Mapping[str, Any], manifest: Mapping[str, Any]
) -> Numbers:
    """Return all that a report shows but for the manifest, as plain data; the splits are written already.

    `label`, `category`: columns, or None; `dates`: whether the label is one; `facts`, `lorenz`, `measures` of either
    side; `aim`: what `measures` tell the distance to; `pictures` as `evenly.flow.pictures.take_pictures` gives them;
    `categories` {names, before, after, others {count, before, after}}; `strata` as `strata_numbers` does; `counts` of
    strata, as in the manifest; `funnel` [{stage, left, gone}]; `records` as `evenly.flow.samples.sample_records` does.
    """
    recipe = delivery.recipe
    drawn = (plan.strata["quota"] + plan.strata["repeated"]).cast(pl.Int64)
    counts = {"before": plan.strata["rows"].cast(pl.Int64).to_numpy(), "after": drawn.to_numpy()}
    return {
        "version": VERSION,
        "label": recipe.balance.label,
        "dates": plan.pool.dated,
        "category": category_column(recipe),
        "facts": {
            side: facts_of_side(one, dated=plan.pool.dated) for side, one in zip(SIDES, (plan.pool, after), strict=True)
        },
        "pictures": dict(pictures),
        "categories": _categories(plan.pool, after),
        "strata": strata_numbers(recipe, plan),
        "counts": manifest["strata"],
        "lorenz": {side: _lorenz(own) for side, own in counts.items()},
        "funnel": _funnel(manifest["rows"], reasons(recipe.curate)),
        "records": sample_records(delivery.folder, recipe, manifest["rows"]["splits"]),
        "aim": "the target" if recipe.balance.policy == "target" else "even strata",
        "measures": {side: measures_of(own, recipe, plan) for side, own in counts.items()},
    }


def facts_of_side(summary: Summary, *, dated: bool) -> dict[str, Any]:
    """Return what is told of a side's records: `rows`; `label` and `tokens`, where there are any.

    These have `mean`, `highest` and `quantiles`, tokens a `total`; a label is in days since 1970 where it is `dated`.
    """
    facts: dict[str, Any] = {"rows": summary.rows}
    if dated and summary.dates:
        mean = sum(day * rows for day, rows in summary.dates.items()) / max(1, sum(summary.dates.values()))
        facts["label"] = _of_values(summary.dates, mean, max(summary.dates))
    elif not dated and summary.label:
        facts["label"] = _of_values(summary.label, summary.label_mean, summary.label_highest)
    if summary.token_counts:
        mean = summary.tokens / max(1, sum(summary.token_counts.values()))
        facts["tokens"] = _of_values(summary.token_counts, mean, summary.tokens_highest)
        facts["tokens"]["total"] = summary.tokens
    return facts


def _of_values(values: Mapping[float, int], mean: float | None, highest: float) -> dict[str, Any]:
    found = zip(QUANTILES, quantiles(values, QUANTILES), strict=True)
    return {"mean": mean, "highest": highest, "quantiles": {f"{share:g}": value for share, value in found}}


def _categories(before: Summary, after: Summary) -> dict[str, Any]:
    names = before.largest_categories
    kept, rest = names[:KEPT_CATEGORIES], names[KEPT_CATEGORIES:]
    sides = dict(zip(SIDES, (before.categories, after.categories), strict=True))
    return {
        "names": kept,
        **{side: [own[name] for name in kept] for side, own in sides.items()},
        "others": {"count": len(rest), **{side: sum(own[name] for name in rest) for side, own in sides.items()}},
    }


def strata_numbers(recipe: Recipe, plan: Plan) -> dict[str, Any]:
    """Return N and n of the strata, as many as can be drawn: `along` a number, or the largest `ranked` by name.

    `axis`, `cap`, `count`, `kind`; `rows` [{stratum, N, n, wanted, bound}], along a number with `x`, which is None for
    an interval that no record lies in; `plain`: whether numbers are written without signs between thousands;
    `logarithmic`: whether the strata grow by a factor.
    """
    axes = [stratum.column for stratum in recipe.balance.strata]
    frame, along = _laid_out(recipe, plan.strata)
    told: dict[str, Any] = {"axis": " | ".join(axes) or "all", "cap": recipe.balance.cap, "count": frame.height}
    if along:
        plain = recipe.balance.strata[0].kind == "part"  # 2026 is a year, not 2,026
        logarithmic = recipe.balance.strata[0].kind == "log"
        rows = _grouped(frame).to_dicts()
        return told | {"kind": "along", "plain": plain, "logarithmic": logarithmic, "rows": rows}
    rest = frame[SHOWN_RANKED:]
    rows = frame[:SHOWN_RANKED].to_dicts()
    if rest.height:
        sums = {name: int(rest[name].sum()) for name in ("N", "n", "wanted")}
        rows.append({"stratum": f"{rest.height:,} others", **sums, "bound": ""})
    return told | {"kind": "ranked", "rows": rows}


def strata_places(recipe: Recipe, strata: pl.DataFrame) -> NDArray[np.int64]:
    """Return for each stratum of a plan which of the rows of `strata_numbers` shows it, Int64."""
    frame, along = _laid_out(recipe, strata.with_row_index("at"), "at")
    order = np.arange(frame.height)
    places = np.zeros(frame.height, np.int64)
    shown = order // max(1, -(-frame.height // SHOWN_ALONG)) if along else np.minimum(order, SHOWN_RANKED)
    places[frame["at"].to_numpy()] = shown
    return places


def _laid_out(recipe: Recipe, strata: pl.DataFrame, *more: str) -> tuple[pl.DataFrame, bool]:
    """Return strata in the order in which they are shown, and whether that is along a number."""
    axes = [stratum.column for stratum in recipe.balance.strata]
    frame = strata.select(
        pl.col(STRATUM).alias("stratum"),
        pl.col("rows").cast(pl.Int64).alias("N"),
        (pl.col("quota") + pl.col("repeated")).cast(pl.Int64).alias("n"),
        pl.col("wanted").cast(pl.Int64),
        "bound",
        *([pl.col(axis_name(axes[0])).alias("x")] if len(axes) == 1 else []),
        *more,
    )
    if len(axes) == 1 and frame.schema["x"].is_numeric():
        named = pl.col("stratum").cast(pl.Float64, strict=False)  # of one that is wanted and not there
        frame = frame.with_columns(pl.col("x").cast(pl.Float64).fill_null(named))
        frame = frame.sort("x", nulls_last=True, maintain_order=True)
        return frame.with_columns(pl.col("x").replace(-math.inf, _open_end(frame["x"]))), True
    return frame.drop("x", strict=False).sort(["N", "stratum"], descending=[True, False]), False


def _open_end(x: pl.Series) -> float:
    """Return where an interval without a lower end is drawn: as far from the next one as that is from its own next."""
    begins = x.filter(x.is_finite()).unique(maintain_order=True)
    if begins.is_empty():
        return 0.0
    return begins[0] - (begins[1] - begins[0] if begins.len() > 1 else 1.0)


def _grouped(frame: pl.DataFrame) -> pl.DataFrame:
    """Return strata along a number, neighbours together where there are too many to draw."""
    size = -(-frame.height // SHOWN_ALONG)
    if size <= 1:
        return frame
    groups = frame.with_row_index("place").group_by(pl.col("place") // size, maintain_order=True)
    return groups.agg(
        pl.format("{} … {}", pl.col("stratum").first(), pl.col("stratum").last()).alias("stratum"),
        pl.col("N", "n", "wanted").sum(),
        pl.col("bound").mode().sort().first(),
        pl.col("x").first(),
    ).drop("place")


def _lorenz(counts: NDArray[np.int64]) -> dict[str, Any]:
    ordered = np.sort(counts).astype(np.float64)
    ends = np.concatenate([[0.0], np.cumsum(ordered)])
    total = ends[-1] or 1.0
    places = np.linspace(0, ordered.size, LORENZ_POINTS + 1)
    shares = np.interp(places, np.arange(ends.size), ends / total)
    points = [
        [round(place / max(1, ordered.size), 4), round(float(share), 5)]
        for place, share in zip(places, shares, strict=True)
    ]
    return {"points": points, "gini": balance_measures(counts.tolist())["gini"]}


def measures_of(counts: NDArray[np.int64], recipe: Recipe, plan: Plan) -> dict[str, Any]:
    """Return measures over the strata; `distance` is Kolmogorov-Smirnov's: the widest gap between cumulative shares.

    To the target where the policy has one, else to even strata; along the axis' value where it is one number.
    """
    strata = plan.strata
    aim = strata["wanted"].cast(pl.Float64).to_numpy() if recipe.balance.policy == "target" else np.ones(strata.height)
    gaps = counts / max(1, counts.sum()) - aim / max(1.0, aim.sum())
    axes = [axis_name(stratum.column) for stratum in recipe.balance.strata]
    order = strata[axes[0]] if len(axes) == 1 and strata.schema[axes[0]].is_numeric() else strata[STRATUM]
    distance = np.abs(np.cumsum(gaps[order.arg_sort(nulls_last=True).to_numpy()])).max()
    return balance_measures(counts.tolist()) | {"distance": round(float(distance), 6)}


def _funnel(rows: Mapping[str, Any], order: Sequence[str]) -> list[dict[str, Any]]:
    """Return the stages that records went through, in their order: how many were left after each, how many it took."""
    dropped = sorted(rows["dropped"].items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    steps = [("could not be read", rows["quarantined"]), *dropped]
    steps += [("outside the strata", rows["outside_strata"]), ("held out", rows["held_out"])]
    taken = [(name, gone) for name, gone in steps if gone] + [("selected", rows["not_selected"])]
    left = accumulate((gone for _, gone in taken), lambda before, gone: before - gone, initial=rows["read"])
    names = [("read", 0), *taken]
    return [{"stage": name, "left": here, "gone": gone} for (name, gone), here in zip(names, left, strict=True)]


def write_report(folder: Path, manifest: Mapping[str, Any], numbers: Numbers, price: float | None = None) -> None:
    """Write the charts and the page of an output, from its numbers and its manifest."""
    from evenly.reporting.charts import draw_charts  # noqa: PLC0415 - Altair loads slowly
    from evenly.reporting.files import write_charts  # noqa: PLC0415
    from evenly.reporting.pages import render_page  # noqa: PLC0415
    from evenly.reporting.story import tell  # noqa: PLC0415

    charts = draw_charts(numbers)
    write_charts(folder / "charts", charts)
    content = {
        **tell(numbers, manifest, price),
        "kind": "Evenly report",
        "title": manifest["recipe"]["name"],
        "manifest": manifest,
        "records": numbers["records"]["rows"],
        "split": numbers["records"]["split"],
        "along": numbers["label"] or "the whole set",
        "recipe": to_yaml(manifest["recipe"]),
    }
    page = folder / ".report.html.new"
    page.write_text(render_page("report.html", content, charts, vega_library()), encoding="utf-8")
    page.replace(folder / "report.html")


def write_numbers(folder: Path, numbers: Numbers) -> None:
    """Write the numbers of a report into an output."""
    (folder / "charts").mkdir(exist_ok=True)
    text = json.dumps(numbers, ensure_ascii=False, separators=(",", ":"))
    (folder / NUMBERS).write_text(text + "\n", encoding="utf-8")


def read_numbers(folder: Path) -> Numbers:
    """Read the numbers of a report.

    Raises:
        UserError: when they are not there, or another version's.
    """
    numbers: Any
    try:
        numbers = json.loads((folder / NUMBERS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        numbers = {}
    if not isinstance(numbers, dict) or numbers.get("version") != VERSION or not numbers.keys() >= KEYS:
        message = (
            f"{folder / NUMBERS}: the numbers of the report are not there as this Evenly writes them. Run the recipe "
            "again, without export.report: false."
        )
        raise UserError(message)
    return cast("Numbers", numbers)


def summary_of(numbers: Numbers, side: str) -> Summary:
    """Return the summary of a side (`before`, `after`) as far as a report's numbers tell it: labels are bins' edges."""
    facts, told = numbers["facts"][side], numbers["categories"]
    categories = Counter(dict(zip(told["names"], told[side], strict=True)))
    if told["others"]["count"]:
        categories[OTHER] += told["others"][side]
    found = Summary(rows=facts["rows"], categories=categories)
    picture = numbers["pictures"].get("label")
    if picture is not None and not numbers["dates"]:
        counts = [0, *picture[side][1:]]
        counts[1] += picture[side][0]
        found.label = Counter({low: rows for low, rows in zip(picture["edges"], counts[1:], strict=True) if rows})
        found.label_sum = exact_sum(np.array([facts["label"]["mean"]]), np.array([sum(found.label.values())]))
    return found
