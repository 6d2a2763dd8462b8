"""While a slider of the studio moves, nothing else does; and however long it moves, the page does not grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import evenly

from .studios import control, odd_recipe, page_of, selected, settled, turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, CDPSession

    from evenly.web.serve import Studio

pytestmark = pytest.mark.slow

PLACES = """() => Object.fromEntries([...document.querySelectorAll(
    "header, header dl > div, .control, #views > section, .chart, .chart-holder, .chart-legend li, tr")]
    .map((one, place) => [`${place} ${one.id || one.className || one.dataset.key}`, one.getBoundingClientRect()])
    .map(([name, box]) => [name, [box.left, box.top + scrollY, box.width, box.height]]))"""

MOVE = """async (times) => {
    const slider = document.querySelector('.control[data-key="balance.cap"] input[type=range]');
    const root = document.documentElement;
    const drawn = () => new Promise((done) => {
        const look = () => (root.dataset.asking === undefined ? done() : requestAnimationFrame(look));
        look();
    });
    for (let time = 0; time < times; time += 1) {
        slider.value = 100 + (time * 37) % 800;
        slider.dispatchEvent(new Event("input", {bubbles: true}));
        if (time % 50 === 49) slider.dispatchEvent(new Event("change", {bubbles: true}));
        await drawn();
    }
}"""

# An event source that a test sends by: a beat each five seconds for an hour takes no time then.
HEARD = """window.heard = null;
window.EventSource = class {
    constructor() {
        window.heard = this;
        setTimeout(() => {
            this.onopen();
            this.onmessage({data: JSON.stringify({pool: 1, ready: true, job: null})});
        });
    }
    close() {}
};"""

BEATS = """(times) => {
    for (let time = 0; time < times; time += 1) {
        const job = {number: 2, kind: "build", name: "x", state: "running", stopping: false, phase: "draw", done: time,
            total: times, unit: "pieces", phases: [], notes: [`note ${time}`], seconds: time, text: "", result: null};
        window.heard.onmessage({data: JSON.stringify({pool: 1, ready: true, job: time % 2 ? job : null})});
    }
}"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(folder / "cache"))
        made = evenly.studio(odd_recipe(folder))
    yield made
    made.stop()


@pytest.mark.parametrize("width", [1400, 900, 380])
def test_nothing_but_the_bars_moves_while_a_slider_does(studio: Studio, browser: Browser, width: int) -> None:
    with page_of(browser, studio.address, width=width) as page:
        slider = control(page, "balance.cap").locator("input[type=range]")
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        y = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 9, y)
        page.mouse.down()
        settled(page)
        first, seen = page.evaluate(PLACES), set[int]()
        for step in range(1, 31):
            page.mouse.move(box["x"] + 9 + step * (box["width"] - 18) / 30, y)
            settled(page)
            seen.add(selected(page))
            moved = {
                name: (first.get(name), place)
                for name, place in page.evaluate(PLACES).items()
                if name not in first or any(abs(a - b) > 1 for a, b in zip(first[name], place, strict=True))
            }
            assert not moved, f"step {step}"
        page.mouse.up()
        settled(page)
        assert len(seen) > 15
        assert slider.bounding_box() == box


def held(client: CDPSession) -> tuple[int, int]:
    """Return the bytes of the heap and the nodes that are left when what nobody holds is gone."""
    for _ in range(3):
        client.send("HeapProfiler.collectGarbage")
    counts: dict[str, Any] = client.send("Memory.getDOMCounters")
    used: dict[str, Any] = client.send("Runtime.getHeapUsage")
    return int(used["usedSize"]), int(counts["nodes"]) + int(counts["jsEventListeners"])


def test_a_page_holds_no_more_after_three_hundred_answers(studio: Studio, browser: Browser) -> None:
    with page_of(browser, studio.address) as page:
        client = page.context.new_cdp_session(page)
        page.set_default_timeout(120_000)
        page.evaluate(MOVE, 40)  # until the compiler has seen all of it
        before, begun = held(client), turn(page)
        page.evaluate(MOVE, 300)
        after = held(client)
        assert turn(page) - begun >= 300
        assert after[0] - before[0] < 3_000_000
        assert after[1] - before[1] < 50


def test_a_page_that_listens_for_an_hour_holds_no_more_than_before(studio: Studio, browser: Browser) -> None:
    with page_of(browser, studio.address) as page:
        page.add_init_script(HEARD)
        page.reload()
        settled(page)
        client = page.context.new_cdp_session(page)
        page.evaluate(BEATS, 100)
        before = held(client)
        page.evaluate(BEATS, 3_600)
        after = held(client)
        assert after[0] - before[0] < 1_000_000
        assert after[1] - before[1] < 50
