"""What axe-core finds fault with in a page: what keeps a reader with a screen reader, or weak eyes, from using it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Each frame is asked by itself: axe would ask those within by messages, which a sandboxed frame does not answer.
ASK = """async () => {
    const told = await axe.run(document, {iframes: false, resultTypes: ["violations"]});
    return told.violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .map((one) => `${one.impact}: ${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
}"""


def violations(page: Page, axe: str) -> list[str]:
    """Return what is serious or critical, `impact: rule: selectors` each, in the page as it is now and its frames.

    `axe` is the script's text. It is evaluated through the browser's own door, so that no policy of the page stops it
    (a script's element would be), and none has to be lifted.
    """
    found: list[str] = []
    for frame in page.frames:
        frame.evaluate(axe)
        where = "" if frame == page.main_frame else f"{frame.name or frame.url}: "
        found += [where + one for one in frame.evaluate(ASK)]
    return found
