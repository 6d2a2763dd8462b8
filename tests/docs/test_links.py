"""Links hold: on a code host in the files as they are, and in the site as it is laid out."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from generate import links, sitelinks, stage

ROOT = Path(__file__).resolve().parents[2]
TOP = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "ARCHITECTURE.md"]
PAGES = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_each_link_of_the_repository_names_a_file_and_a_heading(page: Path) -> None:
    assert links.broken(page, ROOT) == []


def test_examples_of_the_scripts_hold() -> None:
    assert doctest.testmod(links).failed == 0


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# A `b`: c\n\n## Twice\n\n## Twice\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text(
        "[x](b.md#a-b-c) [y](b.md#twice-1) [z](#here) `[no](nowhere)`\n\n```\n[no](nowhere)\n```\n\n# Here\n"
        '[a](c.md) [b](b.md#d)\n\n[c]: d.md\n<img src="e.png"> [f](https://example.org/g)\n',
        encoding="utf-8",
    )
    assert links.broken(page, tmp_path) == [
        "a.md:8: c.md: no such file",
        "a.md:8: b.md#d: no such heading",
        "a.md:10: d.md: no such file",
        "a.md:11: e.png: no such file",
    ]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    files = {
        "SECURITY.md": "# Security\n\nSee [scale](docs/scale.md#one).\n",
        "recipes/a.yaml": "name: a\n",
        "docs/README.md": "# List\n",
        "docs/scale.md": "# Scale\n\n## One\n\n"
        "[s](../SECURITY.md) [r](../recipes/a.yaml) [all](../recipes) [p](img/p.svg)\n",
        "docs/how-to/b.md": "# B\n\n[up](../scale.md#one) [code](../../recipes/a.yaml) [list](../README.md)\n",
        "docs/img/p.svg": "<svg/>",
        "docs/figures.py": "print()\n",
    }
    for name, text in files.items():
        (tmp_path / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / name).write_text(text, encoding="utf-8")
    return tmp_path / "repo"


def test_a_site_is_laid_out_with_what_its_pages_link_to(repository: Path, tmp_path: Path) -> None:
    site = tmp_path / "pages"
    stage.Stage(site, repository).fill()
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert there == {
        "scale.md",
        "how-to/b.md",
        "img/p.svg",
        "project/security.md",
        "source/recipes/a.yaml.md",
        "source/recipes.md",
    }
    scale = (site / "scale.md").read_text(encoding="utf-8")
    assert "[s](project/security.md) [r](source/recipes/a.yaml.md) [all](source/recipes.md) [p](img/p.svg)" in scale
    inner = (site / "how-to" / "b.md").read_text(encoding="utf-8")
    assert "[up](../scale.md#one) [code](../source/recipes/a.yaml.md) [list](../index.md)" in inner
    assert "[scale](../scale.md#one)" in (site / "project" / "security.md").read_text(encoding="utf-8")
    assert "```yaml\nname: a\n```" in (site / "source" / "recipes" / "a.yaml.md").read_text(encoding="utf-8")
    assert "[a.yaml](recipes/a.yaml.md)" in (site / "source" / "recipes.md").read_text(encoding="utf-8")


def test_a_link_out_of_the_repository_ends_the_build(repository: Path, tmp_path: Path) -> None:
    (repository / "docs" / "bad.md").write_text("[x](../nowhere.md)\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"docs/bad.md: links to ../nowhere.md"):
        stage.Stage(tmp_path / "pages", repository).fill()


def test_what_is_wrong_with_a_built_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@import url(https://fonts.example.org/x);", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "index.html").write_text('<h1 id="top">x</h1><a href="../index.html#here">y</a>', "utf-8")
    (tmp_path / "index.html").write_text(
        '<h1 id="here">a</h1><a href="sub/#top">b</a><a href="sub/#bottom">c</a><a href="gone.html">d</a>'
        '<a href="https://example.org">e</a><script src="https://example.org/x.js"></script><img src="data:,">',
        encoding="utf-8",
    )
    wrong, elsewhere = sitelinks.faults(tmp_path)
    assert wrong == [
        "index.html: loads https://example.org/x.js from elsewhere",
        "index.html: sub/#bottom: no such heading",
        "index.html: gone.html: no such page",
        "a.css: a style loads from elsewhere",
    ]
    assert elsewhere == ["data:,", "https://example.org", "https://example.org/x.js"]
