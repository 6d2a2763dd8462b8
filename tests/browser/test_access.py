"""axe-core, as the tests ask it: it finds what is wrong, under a page's strict policy too, and in frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .access import violations

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; frame-src 'self'"

PAGES = {
    "/": """<!doctype html><html lang="en"><title>Page</title>
        <link rel="stylesheet" href="/style.css">
        <main><h1>Page</h1><p id="text">A text</p><img src="data:,">
        <iframe title="Inner" name="inner" src="/frame"></iframe></main></html>""",
    "/frame": '<!doctype html><html lang="en"><title>Frame</title><main><h1>Frame</h1><button></button></main></html>',
    "/good": '<!doctype html><html lang="en"><title>Page</title><main><h1>Page</h1><button>Go</button></main></html>',
    "/style.css": "p { color: #ddd; background: #fff }",
}


def answer(route: Route) -> None:
    """Answer for a server that is not there."""
    path = "/" + route.request.url.split("/", 3)[3]
    kind = "text/css" if path.endswith(".css") else "text/html"
    route.fulfill(body=PAGES[path], headers={"content-type": kind, "content-security-policy": POLICY})


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (
            "/",
            ["serious: color-contrast: #text", "critical: image-alt: img", "inner: critical: button-name: button"],
        ),
        ("/good", []),
    ],
)
def test_what_is_wrong_with_a_page_is_found_under_its_policy(
    browser: Browser, axe: str, path: str, wanted: list[str]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.route("**/*", answer)
    page.goto(f"http://127.0.0.1:9{path}")
    assert violations(page, axe) == wanted
    assert not told
    context.close()
