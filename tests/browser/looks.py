"""What every page must be like in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

HOSTILE = [
    "<script>window.ran = 1</script>",
    "</style></title><img src=http://127.0.0.1:9/x onerror='window.ran = 1'>",
    "javascript:window.ran=1",
    "left \u202eright\u202c",
    "w" * 10_000,
    "\U0001f469\u200d\U0001f4bb emoji",
    "nul \x00 bell \x07 escape \x1b[31m",
    "</script><script>window.ran = 1</script>",
    "שלום עולם",
]


def look_at(path: Path, browser: Browser, width: int, scheme: Any, panels: int) -> str:
    """Open a page: it draws so many panels at least, runs and fetches nothing else, fits, and goes by keyboard."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda fault: told.append(str(fault)))
    page.on("request", lambda request: told.append(request.url) if not request.url.startswith("file:") else None)
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.goto(path.as_uri())
    page.wait_for_selector(f"html[data-drawn={scheme}]")
    assert page.evaluate("typeof window.ran") == "undefined"
    drawn = page.locator(".panel").count()
    assert drawn == page.locator(".panel svg.marks").count() >= panels
    # nothing sticks out to the right, and every drawing is as wide as its place
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for panel in page.locator(".panel").all():
        place, drawing = panel.bounding_box(), panel.locator("svg.marks").bounding_box()
        assert place is not None
        assert drawing is not None
        assert drawing["width"] <= place["width"] + 1
        assert drawing["height"] > 60
    assert page.locator("tbody tr").count() > 20
    other: Any = "light" if scheme == "dark" else "dark"
    page.emulate_media(color_scheme=other)
    page.wait_for_selector(f"html[data-drawn={other}]")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("details summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").first.is_visible()
    assert not told, told
    text = page.locator("main").inner_text()
    context.close()
    return text
