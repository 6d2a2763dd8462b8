"""What the how-to pages say is what happens: every command and every line of Python in them is run."""

from __future__ import annotations

from pathlib import Path

import pytest
from .pages import blocks, follow

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(DOCS.glob("how-to/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_what_a_page_says_can_be_done(page: Path, tmp_path: Path) -> None:
    run = follow(page, tmp_path)
    left_out = [block for block in blocks(page) if block.note.startswith("not run")]
    assert run or left_out
