"""The demo's catalogue against the published figures of the course's run, before and after its 2024 recipe.

A catalogue of `LINES` lines has as many priced, usable listings as the course had items: about a quarter has no price,
one in a hundred is too short. At a tenth, with the cap a tenth, the shapes are the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import evenly
from evenly.catalogue import write_catalogue
from evenly.io.pool import list_pools

if TYPE_CHECKING:
    from numpy.typing import NDArray

RECIPE = Path(__file__).parents[1] / "recipes" / "price-is-right-2024.yaml"
LINES = 3_890_000

ITEMS, ITEMS_MEAN = 2_811_408, 59.7
SAMPLE, SAMPLE_MEAN = 408_635, 220.52
# Category: items, sample. Counts are exact.
CATEGORIES = {
    "Automotive": (911_688, 141_884),
    "Tools_and_Home_Improvement": (541_051, 97_689),
    "Electronics": (443_473, 81_667),
    "Toys_and_Games": (340_479, 30_995),
    "Office_Products": (240_394, 24_979),
    "Cell_Phones_and_Accessories": (238_869, 8_764),
    "Musical_Instruments": (66_829, 17_858),
    "Appliances": (28_625, 4_799),
}
# Items per $10 of price below $240, and the sample per $50 up to $1,000, read off the published charts.
ITEMS_STEPS = (
    485_834, 785_908, 373_306, 219_697, 142_892, 101_811, 80_377, 64_302, 53_585, 50_012, 33_937, 32_151, 30_365,
    25_006, 25_006, 19_648, 19_648, 17_862, 16_075, 19_648, 10_717, 10_717, 10_717, 8_931,
)  # fmt: skip
SAMPLE_STEPS = (
    59_991, 60_073, 60_040, 55_901, 43_543, 35_230, 21_148, 17_795, 10_599, 9_711, 6_244, 6_278, 4_140, 4_470, 2_876,
    3_369, 2_087, 2_547, 1_512, 1_085,
)  # fmt: skip


def assert_near(found: float, published: float, tolerance: float, what: str) -> None:
    assert abs(found / published - 1) <= tolerance, f"{what}: {found:,.2f}, published {published:,.2f}"


def steps(frame: pl.DataFrame, width: int, count: int) -> NDArray[np.int64]:
    return np.histogram(frame["price"].to_numpy(), bins=np.arange(count + 1) * width)[0]


def check(frame: pl.DataFrame, side: int, scale: float) -> None:
    total, mean = ((ITEMS, ITEMS_MEAN), (SAMPLE, SAMPLE_MEAN))[side]
    assert_near(frame.height, total * scale, 0.05, "rows")
    assert_near(float(frame["price"].mean()), mean, 0.05, "mean price")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    counts = dict(frame["category"].value_counts().iter_rows())
    assert counts.keys() == CATEGORIES.keys()
    for category, published in CATEGORIES.items():
        assert_near(counts[category], published[side] * scale, 0.15, category)
    width, published_steps = ((10, ITEMS_STEPS), (50, SAMPLE_STEPS))[side]
    for number, found in enumerate(steps(frame, width, len(published_steps))):
        assert_near(found, published_steps[number] * scale, 0.15, f"from ${number * width}")


def balance(folder: Path, scale: float) -> None:
    """Write the catalogue at a scale, run the recipe over it, and hold both sides against the published figures."""
    write_catalogue(folder / "raw", round(LINES * scale))
    changes = [
        f"sources.0.files={folder}/raw/meta_*.jsonl",
        "tokenizer=o200k_base",
        f"balance.cap={round(1200 * scale)}",
        "split={train: 1.0}",
        "export={format: text, keep: [category], ledger: false}",
    ]
    made: Any = evenly.run(RECIPE, folder / "out", set=changes)
    ((pool, _),) = list_pools()
    parts = [pool.part(number, ["price", "category"]) for number in range(len(pool.index.parts))]
    check(pl.concat(parts), 0, scale)
    check(pl.read_parquet(folder / "out" / "data" / "*.parquet", columns=["price", "category"]), 1, scale)
    assert made.manifest["rows"]["read"] == round(LINES * scale)


@pytest.mark.slow
def test_a_tenth_of_the_catalogue_has_the_published_shape(tmp_path: Path) -> None:
    balance(tmp_path, 0.1)


@pytest.mark.soak
def test_the_whole_catalogue_has_the_published_figures(tmp_path: Path) -> None:
    balance(tmp_path, 1.0)
