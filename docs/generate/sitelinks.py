"""Hold every link and anchor of the built site, and that it loads nothing from elsewhere.

`python -m generate.sitelinks site`.
Links to other places are listed with `--list`, never fetched.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit

LOADED: Final = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src", "video": "src"}
"""Element -> the attribute that a browser fetches on its own."""

NOT_FETCHED: Final = {"canonical", "alternate", "next", "prev"}
"""Relations of a `link` that a browser only notes."""

STYLE_ADDRESS: Final = re.compile(r"url\(\s*['\"]?(?:https?:)?//|@import\s+['\"]?(?:url\()?['\"]?(?:https?:)?//")


class Page(HTMLParser):
    """One page: what it links to, what it loads, what can be named in it."""

    def __init__(self, html: str) -> None:
        """Read the page."""
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.names: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element's name, its link, and what it loads."""
        given = {key: value or "" for key, value in attrs}
        self.names |= {given[key] for key in ("id", "name") if key in given}
        if tag in {"a", "area"} and "href" in given:
            self.links.append(given["href"])
        attribute = LOADED.get(tag, "")
        if attribute in given and not (tag == "link" and given.get("rel") in NOT_FETCHED):
            self.loads.append(given[attribute])


def faults(site: Path) -> tuple[list[str], list[str]]:
    """Return what is wrong with a built site, and which other places it links to."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    wrong: list[str] = []
    elsewhere: set[str] = set()
    for path, page in pages.items():
        shown = path.relative_to(site).as_posix()
        if shown == "404.html":
            continue  # it may be shown at any depth: its links begin at the server's root
        foreign = [link for link in page.loads if urlsplit(link).scheme in {"http", "https"} or link[:2] == "//"]
        wrong += [f"{shown}: loads {link} from elsewhere" for link in foreign]
        for link in (*page.links, *page.loads):
            if urlsplit(link).scheme or link.startswith("//"):
                elsewhere.add(link)
            elif fault := _broken(link, path, site, pages):
                wrong.append(f"{shown}: {link}: {fault}")
    wrong += [
        f"{path.relative_to(site)}: a style loads from elsewhere"
        for path in sorted(site.rglob("*.css"))
        if STYLE_ADDRESS.search(path.read_text(encoding="utf-8"))
    ]
    return wrong, sorted(elsewhere)


def _broken(link: str, path: Path, site: Path, pages: dict[Path, Page]) -> str | None:
    """Return what is wrong with a link within the site, or nothing."""
    base = f"/{path.relative_to(site).as_posix()}"
    parts = urlsplit(urljoin(base, link))
    named = site / unquote(parts.path).lstrip("/")
    if named.is_dir():
        named /= "index.html"
    if not named.is_file():
        return "no such page"
    anchor = unquote(parts.fragment)
    if anchor and not anchor.startswith("__") and named in pages and anchor not in pages[named].names:
        return "no such heading"
    return None


def main(site: Path, *, told: bool) -> int:
    """Tell what is wrong; return the exit code."""
    wrong, elsewhere = faults(site)
    if told:
        sys.stdout.write("".join(f"{link}\n" for link in elsewhere if urlsplit(link).scheme != "data"))
    if wrong:
        sys.stderr.write("".join(f"{one}\n" for one in wrong))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), told="--list" in sys.argv))
