"""Every recipe line of the policies page runs, and does what the page says of it."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

import evenly

if TYPE_CHECKING:
    import polars as pl

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = (DOCS / "policies.md").read_text(encoding="utf-8")
LINES: list[str] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def balance(text: str) -> dict[str, Any]:
    reader: Any = YAML(typ="safe")
    return reader.load(text)


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        return importlib.import_module("figures").pool()


@pytest.mark.parametrize("text", LINES, ids=lambda text: " ".join(str(text).split())[:60])
def test_a_line_of_the_page_runs(
    frame: pl.DataFrame, tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wanted.csv").write_text("language\n" + "en\nde\nfr\nen\n" * 5, encoding="utf-8")
    wanted = balance(text)
    recipe = {
        "name": "page",
        "tokenizer": "o200k_base",
        "sources": [{"name": "texts", "id": "id"}],
        "template": {"prompt": "{text}"},
        "balance": wanted,
        "export": {"keep": ["domain", "language", "date", "price"]},
    }
    rows = evenly.run(recipe, tmp_path / "out", data=frame).manifest["rows"]
    if "size" in wanted:
        assert rows["selected"] + rows["repeated"] == wanted["size"]
    assert rows["selected"] > 0


def test_the_page_has_every_policy_with_a_picture_and_a_line() -> None:
    names = [*evenly.schema()["$defs"]["Balance"]["properties"]["policy"]["enum"]]
    for name in names:
        section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
        assert f"![{name}](img/{name}.svg)" in section
        assert (DOCS / "img" / f"{name}.svg").is_file()
        assert f"policy: {name}" in section
