"""What README and docs say is what happens: every command and line of Python in them is run.

So the first hour of somebody new is played here: the page `start.md`, with nothing but its commands, over real files.
"""

from __future__ import annotations

import csv
import random
import shutil
from pathlib import Path

import pytest

import evenly

from .pages import blocks, follow

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
pytestmark = pytest.mark.slow

PAGES = sorted(DOCS.glob("how-to/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_what_a_page_says_can_be_done(page: Path, tmp_path: Path) -> None:
    run = follow(page, tmp_path)
    left_out = [block for block in blocks(page) if block.note.startswith("not run")]
    assert run or left_out


def test_what_the_readme_says_can_be_done(tmp_path: Path) -> None:
    chance = random.Random(6)
    with (tmp_path / "listings.csv").open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["sku", "text", "price", "category"])
        for number in range(4_000):
            words = " ".join(chance.choices(["lamp", "steel", "oak", "brake", "pad", "toy", "for", "kids"], k=30))
            price = round(min(900.0, chance.lognormvariate(3, 1)), 2)
            out.writerow([f"s{number}", f"{words} {number}", price, chance.choices("abc", [80, 15, 5])[0]])
    assert follow(ROOT / "README.md", tmp_path) >= 3
    assert evenly.verify(tmp_path / "balanced").holds


@pytest.mark.parametrize("name", ["retail/wine.parquet", "retail/amazon-2018.csv.gz", "retail/best-buy.parquet"])
def test_the_first_hour_over_real_files_ends_in_a_verified_dataset(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    own = Path(name).name
    shutil.copy(shared_data / name, tmp_path / own)
    (tmp_path / own).chmod(0o644)
    follow(DOCS / "start.md", tmp_path, stands_for={"listings.csv": own})
    for output in ("balanced", "smaller"):
        assert evenly.verify(tmp_path / output).holds
