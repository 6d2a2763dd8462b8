"""Each file of the real listings: the guesses are those that a person would make, and the recipe runs as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import evenly

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

ALL = ("title", "description", "features", "details")


@dataclass(frozen=True)
class Expected:
    """What a person would say of some files."""

    data: str
    id: str | None
    label: str | None
    texts: tuple[str, ...]
    category: str | None
    strata: str
    even: bool = True
    """Whether there are rows enough to be more even than before."""


CASES = (
    Expected(
        "amazon-2023/meta_*.jsonl.gz", "parent_asin", "price", ("title", "description", "details"), "category", "log"
    ),
    Expected(
        "amazon-2023/meta_Appliances.jsonl.gz", "parent_asin", "price", ("title", "description", "details"), None, "log"
    ),
    Expected(
        "amazon-2023/raw-shape-rows.jsonl", "parent_asin", "average_rating", ALL, "main_category", "width", even=False
    ),
    Expected("amazon-2023/hf-loaded-rows.jsonl", "parent_asin", "price", ALL, "main_category", "log", even=False),
    Expected("amazon-2023/unpriced-texts.parquet", None, None, ALL, "source", "log"),
    Expected("retail/amazon-2018.csv.gz", "id", "price", ALL, "category", "log"),
    Expected("retail/pc-parts.parquet", "id", "price", ("title", "details"), "category", "log"),
    Expected("retail/walmart-amazon.jsonl.gz", "id", "price", ("title", "details"), "source", "log"),
    Expected("retail/costco.parquet", "id", "price", ("title", "description", "features"), "category", "log"),
    Expected("retail/best-buy.parquet", "id", "price", ALL, None, "log"),
    Expected("retail/wine.parquet", "id", "price", ("title", "details"), "category", "log"),
    Expected("retail", "id", "price", ALL, "source", "log"),
)


@pytest.mark.parametrize("case", CASES, ids=[case.data.rpartition("/")[2] for case in CASES])
def test_the_recipe_is_sensible_and_runs(case: Expected, shared_data: Path, tmp_path: Path) -> None:
    made = evenly.init(shared_data / case.data, tmp_path / "recipe.yaml")
    told = {one["guess"]: one["value"] for one in made.guesses}
    assert told["id"] == (case.id or "each row's content")
    assert told["label"] == (case.label or "none")
    assert told["text"] == ", ".join(case.texts)
    assert told["category"] == (case.category or "none")
    assert made.recipe.balance.strata[0].kind == case.strata
    assert evenly.check(made.path, sources=True) == made.recipe
    run = evenly.run(made.path, tmp_path / "out")
    rows, balance = run.manifest["rows"], run.manifest["balance"]
    assert rows["selected"] == made.recipe.balance.size
    assert rows["quarantined"] == rows["unassigned"] == 0
    assert all(rows["splits"].values())
    assert sum(rows["splits"].values()) == rows["selected"]
    if case.even:
        assert balance["after"]["largest_share"] < 0.9 * balance["before"]["largest_share"]
        assert balance["after"]["effective_strata"] > 1.05 * balance["before"]["effective_strata"]


def test_what_a_person_would_mind(shared_data: Path, tmp_path: Path) -> None:
    wine = evenly.init(shared_data / "retail" / "wine.parquet", tmp_path / "wine.yaml").recipe
    assert wine.sources[0].filter == "currency = 'USD'"
    assert wine.template.prompt is not None
    assert wine.template.prompt.endswith("$")
    parts = evenly.init(shared_data / "retail" / "pc-parts.parquet", tmp_path / "parts.yaml").recipe
    assert [step.body.drop_keys for step in parts.curate if step.kind == "json"] == [["price_per_gb"]]
    retail = evenly.init(shared_data / "retail", tmp_path / "retail.yaml").recipe
    assert [source.name for source in retail.sources] == [
        "amazon-2018",
        "best-buy",
        "costco",
        "pc-parts",
        "wine",
        "walmart-amazon",
    ]
