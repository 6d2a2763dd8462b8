"""Lay out the pages as the site wants them: `python -m generate.stage FOLDER`.

Pages link to each other, and to files of the repository beside docs/ (`../SECURITY.md`, `../recipes/retail.yaml`), so
that a code host and an editor can follow. A site has no files beside it, so every file that is linked becomes a page of
its own: Markdown as it is, anything else as code, a folder as a list. Only the links change on the way. What docs/
holds besides pages, pictures and downloads (the scripts that make them) stays out.
"""

from __future__ import annotations

import importlib
import posixpath
import shutil
import sys
from pathlib import Path
from typing import Any, Final

from generate.links import changed, is_address, prose

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = "docs"

PAGES: Final = {".ipynb", ".md"}
"""Files of docs/ that become pages; a notebook with what its cells show."""

PUBLISHED: Final = {".css", ".gif", ".jpg", ".js", ".png", ".svg", ".webp", ".yaml"}
"""Files of docs/ that are copied, besides its pages."""

LEFT_OUT: Final = {"docs/README.md", "docs/generate"}
"""The list for readers of the repository, whose place index.md takes, and these scripts."""

LANGUAGES: Final = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json", ".sh": "sh"}

PICTURE: Final = "shown:"
"""What stands before a picture of a cell, which lies in the site and not in the repository."""

LARGEST: Final = 200_000
"""Bytes of a linked file that is shown; a larger one is not for reading."""


class Stage:
    """A folder that is filled with the site's pages."""

    def __init__(self, folder: Path, root: Path = ROOT) -> None:
        """Begin in a folder that is emptied."""
        self.folder, self.root = folder, root
        self.waiting: list[str] = []
        self.seen: set[str] = set()
        shutil.rmtree(folder, ignore_errors=True)

    def fill(self, also: tuple[str, ...] = ()) -> None:
        """Lay out all of docs/, and what is linked from it, and what that links to; `also` are other pages."""
        for path in sorted((self.root / DOCS).rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_dir() or any(name == one or name.startswith(f"{one}/") for one in LEFT_OUT):
                continue
            if path.suffix in PAGES:
                self.want(name)
            elif path.suffix in PUBLISHED:
                self.write(self.place(name), path.read_bytes())
        for name in also:
            self.want(name)
        while self.waiting:
            self.lay_out(self.waiting.pop())

    def want(self, name: str) -> None:
        """Lay out a file of the repository, if it is not there yet."""
        if name not in self.seen:
            self.seen.add(name)
            self.waiting.append(name)

    def place(self, name: str) -> str:
        """Return where in the site a file of the repository goes.

        Pages of docs/ go to the top, others of the repository's to project/, all else to a page about it.
        """
        if name == f"{DOCS}/README.md":
            return "index.md"
        if name.startswith(f"{DOCS}/") and Path(name).suffix in PAGES | PUBLISHED:
            return name.removeprefix(f"{DOCS}/").replace(".ipynb", ".md")
        if name.endswith(".md"):
            return f"project/{name.lower()}"
        return f"source/{name}.md"

    def lay_out(self, name: str) -> None:
        """Write the page of one file or folder."""
        path = self.root / name
        if path.is_dir():
            text = listing(path, name)
        elif path.suffix == ".ipynb":
            text = self.told(path, name)
        elif path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
        else:
            text = shown(path, name)
        self.write(self.place(name), changed(text, lambda target: self.linked(target, name)).encode())

    def told(self, path: Path, name: str) -> str:
        """Return a notebook as a page, and write the pictures that its cells show."""
        exporter: Any = importlib.import_module("nbconvert").MarkdownExporter()  # in the site's environment alone
        text, others = exporter.from_filename(str(path))
        folder = posixpath.splitext(self.place(name))[0]
        for own, content in others["outputs"].items():
            self.write(f"{folder}/{own}", content)
            text = text.replace(f"]({own})", f"]({PICTURE}{posixpath.basename(folder)}/{own})")
        return str(text)

    def linked(self, target: str, name: str) -> str:
        """Return a link in a file of the repository as it stands in the site."""
        if target.startswith(PICTURE):
            return target.removeprefix(PICTURE)
        if is_address(target) or target.startswith("#"):
            return target
        path, mark, anchor = target.partition("#")
        named = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
        if not (self.root / named).exists() or named.startswith(".."):
            message = f"{name}: links to {target}, which is not in the repository. Mend the link."
            raise SystemExit(message)
        place = self.place(named)
        if not (self.folder / place).is_file() and named not in LEFT_OUT:
            self.want(named)
        return posixpath.relpath(place, posixpath.dirname(self.place(name)) or ".") + mark + anchor

    def write(self, place: str, content: bytes) -> None:
        """Write a file of the site."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def shown(path: Path, name: str) -> str:
    """Return a page that shows a file of the repository."""
    if path.stat().st_size > LARGEST:
        message = f"{name}: is linked from the docs and has more than {LARGEST:,} bytes. Link to its folder instead."
        raise SystemExit(message)
    code = path.read_text(encoding="utf-8").rstrip("\n")
    fence = "`" * (3 + max((len(line) - len(line.lstrip("`")) for _, line, _ in prose(code)), default=0))
    language = LANGUAGES.get(path.suffix, "text")
    head = f"{front(name)}# {path.name}\n\n`{name}`, as it is in the repository."
    return f"{head}\n\n{fence}{language}\n{code}\n{fence}\n"


def listing(path: Path, name: str) -> str:
    """Return a page that lists a folder of the repository."""
    files = [one for one in sorted(path.iterdir()) if one.is_file() and one.stat().st_size <= LARGEST]
    items = "\n".join(f"- [{one.name}]({path.name}/{one.name})" for one in files if one.suffix in {*LANGUAGES, ".md"})
    return f"{front(name)}# {name}/\n\nA folder of the repository.\n\n{items}\n"


def front(name: str) -> str:
    """Return the front matter of a page about a file: it is found by its links, not by the search."""
    return f"---\ntitle: {name}\nsearch:\n  exclude: true\nhide:\n  - toc\n---\n\n"


if __name__ == "__main__":
    Stage(Path(sys.argv[1])).fill(tuple(sys.argv[2:]))
