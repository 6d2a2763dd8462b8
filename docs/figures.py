"""Draw the pictures of policies.md, from the policies themselves: `python docs/figures.py`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import polars as pl

import evenly
from evenly.columns import ID
from evenly.core.weights import exponential
from evenly.recipe.model import Recipe

HERE = Path(__file__).resolve().parent
DOMAINS = {
    "web": 80_000,
    "books": 8_000,
    "code": 5_000,
    "papers": 3_000,
    "forums": 1_800,
    "news": 1_000,
    "law": 600,
    "recipes": 350,
    "poems": 180,
    "maths": 70,
}
LANGUAGES = {"en": 0.7, "de": 0.12, "fr": 0.1, "es": 0.05, "sw": 0.02, "is": 0.01}
BEFORE, AFTER = "#b8bec6", "#1f6feb"
PICTURES: dict[str, dict[str, Any]] = {
    "cap": {"cap": 1_200},
    "proportional": {"policy": "proportional", "size": 10_000},
    "equal": {"policy": "equal", "size": 10_000},
    "power": {"policy": "power", "alpha": 0.3, "size": 10_000},
    "unimax": {"policy": "unimax", "epochs": 4, "size": 15_000},
    "target": {"policy": "target", "target": {"values": {"web": 0.4, "code": 0.2}}, "size": 10_000},
}


def pool() -> pl.DataFrame:
    """Return the page's pool: domain, language, price, date and text, 100,000 rows."""
    chance = np.random.default_rng(11)
    domain = np.repeat(list(DOMAINS), list(DOMAINS.values()))
    rows = domain.size
    words = chance.integers(3, 12, rows)
    return pl.DataFrame(
        {
            "id": [f"r{number}" for number in range(rows)],
            "domain": domain,
            "language": chance.choice(list(LANGUAGES), rows, p=list(LANGUAGES.values())),
            "price": np.round(chance.lognormal(3.2, 1.1, rows), 2),
            "date": [f"{year}-06-01" for year in chance.choice([2021, 2022, 2023, 2024], rows, p=[0.1, 0.2, 0.3, 0.4])],
            "text": ["word " * int(number) for number in words],
        }
    )


def recipe(balance: dict[str, Any]) -> Recipe:
    """Return a recipe over the pool with some balance."""
    return Recipe.from_dict(
        {
            "name": "page",
            "tokenizer": "o200k_base",
            "sources": [{"name": "texts", "id": "id"}],
            "template": {"prompt": "{text}"},
            "balance": {"label": "price", **balance},
            "export": {"keep": ["domain", "language", "date"]},
        }
    )


def bars(table: pl.DataFrame, title: str, order: list[str]) -> alt.Chart:
    """Return a chart of two bars for each name: its share of the rows before and after."""
    return (
        alt.Chart(table, title=title, width=430, height=190)
        .mark_bar()
        .encode(
            alt.X("name:N", sort=order, title=None, axis=alt.Axis(labelAngle=-35)),
            alt.Y("share:Q", axis=alt.Axis(format="%"), title="share of the rows"),
            alt.XOffset("when:N", sort=["before", "after"]),
            alt.Color(
                "when:N",
                sort=["before", "after"],
                scale=alt.Scale(domain=["before", "after"], range=[BEFORE, AFTER]),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
        )
    )


def shares(names: list[str], before: list[float], after: list[float]) -> pl.DataFrame:
    """Return counts of two sides as shares, long: name, when, share."""
    sides = [
        pl.DataFrame({"name": names, "when": when, "share": np.array(rows) / sum(rows)})
        for when, rows in (("before", before), ("after", after))
    ]
    return pl.concat(sides)


def by_stratum(frame: pl.DataFrame, name: str, balance: dict[str, Any]) -> alt.Chart:
    """Return the picture of a policy over the domains."""
    plan = evenly.plan(recipe({"strata": [{"column": "domain"}], **balance}), data=frame).plan.strata
    counts = {row["__stratum__"]: row for row in plan.iter_rows(named=True)}
    after = [counts[domain]["quota"] + counts[domain]["repeated"] for domain in DOMAINS]
    said = [f"{key} {value:,}" for key, value in balance.items() if isinstance(value, int | float) and key != "size"]
    title = f"{', '.join([name, *said]).replace('cap, cap', 'cap')}: {sum(after):,} of {frame.height:,} rows"
    return bars(shares(list(DOMAINS), [*DOMAINS.values()], after), title, list(DOMAINS))


def raked(frame: pl.DataFrame) -> alt.HConcatChart:
    """Return the picture of policy rake: both marginals."""
    marginals = {
        "domain": {"values": {"web": 0.5, "code": 0.1}},
        "language": {"values": {"en": 0.4, "de": 0.2, "fr": 0.2}},
    }
    strata = [{"column": "domain"}, {"column": "language"}]
    plan = evenly.plan(recipe({"strata": strata, "policy": "rake", "marginals": marginals, "size": 5_000}), data=frame)
    charts: list[alt.Chart] = []
    for column, order in (("domain", list(DOMAINS)), ("language", list(LANGUAGES))):
        sums = plan.plan.strata.group_by(pl.col(f"__axis__{column}").alias("name")).agg(
            pl.col("rows").sum(), pl.col("quota").sum()
        )
        found = {name: (before, after) for name, before, after in sums.iter_rows()}
        table = shares(order, [found[name][0] for name in order], [found[name][1] for name in order])
        charts.append(bars(table, f"rake: {column}", order).properties(width=260))
    return alt.hconcat(*charts)


def weighted(frame: pl.DataFrame, folder: Path) -> alt.Chart:
    """Return the picture of policy weighted: the label before and after."""
    balance = {
        "policy": "weighted",
        "size": 10_000,
        "stats": {"lo": "min(price)", "hi": "max(price)"},
        "weight": "power((price - lo) / (hi - lo), 2)",
    }
    evenly.run(recipe(balance), folder, data=frame, force=folder.exists())
    drawn = pl.read_parquet(folder / "data" / "*.parquet")
    edges = [0, 10, 20, 40, 80, 160, 320, 640]
    names = [f"{low}–{high}" for low, high in pairwise(edges)] + ["640 and over"]
    counts = [np.histogram(side["price"], [*edges, np.inf])[0].tolist() for side in (frame, drawn)]
    return bars(shares(names, *counts), "weighted by the squared distance to the lowest price", names)


def keys(quota: int = 8, records: int = 24, heavy: float = 5.0) -> alt.LayerChart:
    """Return the picture of a draw: the keys of a stratum's records of two weights, and where the quota cuts."""
    ids = pl.DataFrame({ID: [f"r{number}" for number in range(records)]})
    weights = np.where(np.arange(records) % 2, heavy, 1.0)
    key = ids.select(exponential(42)).to_series().to_numpy() / weights
    ordered = np.sort(key)
    cut = float(ordered[quota - 1 : quota + 1].mean())
    kinds = {heavy: f"weight {heavy:g}", 1.0: "weight 1"}
    table = pl.DataFrame({"key": key, "record": [kinds[weight] for weight in weights.tolist()], "taken": key < cut})
    dots = (
        alt.Chart(table, width=620, height=110)
        .mark_circle(size=110, opacity=0.9)
        .encode(
            alt.X("key:Q", title="key = -ln(1 - u) / weight, logarithmic", scale=alt.Scale(type="log")),
            alt.Y("record:N", title=None),
            alt.Color("taken:N", scale=alt.Scale(domain=[True, False], range=[AFTER, BEFORE]), legend=None),
        )
    )
    at = pl.DataFrame({"key": [cut], "text": [f"the {quota} smallest keys are taken"]})
    rule = alt.Chart(at).mark_rule(strokeDash=[4, 3]).encode(alt.X("key:Q"))
    told = (
        alt.Chart(at)
        .mark_text(align="right", dx=-6, baseline="bottom")
        .encode(x="key:Q", text="text:N", y=alt.value(-4))
    )
    return alt.layer(dots, rule, told)


def main() -> None:
    """Write every picture as SVG."""
    import tempfile  # noqa: PLC0415 - needed here alone

    frame = pool()
    out = HERE / "img"
    out.mkdir(exist_ok=True)
    for name, balance in PICTURES.items():
        by_stratum(frame, name, balance).save(out / f"{name}.svg")
    raked(frame).save(out / "rake.svg")
    keys().save(out / "keys.svg")
    with tempfile.TemporaryDirectory() as folder:
        weighted(frame, Path(folder) / "out").save(out / "weighted.svg")


if __name__ == "__main__":
    main()
