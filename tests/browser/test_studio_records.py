"""Records of a bar in the studio, which are other people's texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import evenly

from .studios import ODD, figure, fit, odd_recipe, page_of, settled, shot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from evenly.web.serve import Studio

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(folder / "cache"))
        recipe = odd_recipe(folder)
        recipe["balance"] |= {"strata": [*recipe["balance"]["strata"], {"column": ODD}], "cap": 4}
        made = evenly.studio(recipe)
    yield made
    made.stop()


def click(chart: Locator, x: float, y: float) -> None:
    """Click into a drawing, at shares of its width and height."""
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] * x, "y": box["height"] * y})


def facts(page: Page, name: str) -> list[str]:
    """Return what the shown records have of a column."""
    return page.locator("#records-list > li").evaluate_all(
        """(all, name) => all.map((one) => [...one.querySelectorAll("dl div")]
            .find((pair) => pair.firstChild.textContent === name).lastChild.textContent)""",
        name,
    )


def count(page: Page) -> int:
    found = re.search(r": ([\d,]+) (selected|in the pool)$", page.locator("#records-title").inner_text())
    assert found is not None
    return int(figure(found[1]))


def listed(page: Page) -> list[str]:
    expect(page.locator("#records-list > li").first).to_be_visible()
    return facts(page, "id")


@pytest.mark.parametrize("width", [1400, 380])
def test_a_bar_shows_its_own_records_of_either_side_a_few_at_a_time(
    studio: Studio, browser: Browser, tmp_path: Path, width: int
) -> None:
    with page_of(browser, studio.address, width=width) as page:
        click(page.locator("#chart-label .chart-holder"), 0.22, 0.5)
        title = page.locator("#records-title")
        expect(title).to_have_text(re.compile(r"^price .* – .*: [\d,]+ selected$"))
        low, high = map(figure, re.findall(r"[\d,.]+", title.inner_text())[:2])
        first, chosen = listed(page), count(page)
        assert len(first) == min(5, chosen)
        assert all(low <= figure(price) < high for price in facts(page, "price"))
        shot(page, f"records-{width}", tmp_path)

        page.get_by_role("button", name="Of the pool").click()
        expect(title).to_contain_text("in the pool")
        assert count(page) > chosen
        assert all(low <= figure(price) < high for price in facts(page, "price"))

        seen, before = set(listed(page)), listed(page)
        others = page.get_by_role("button", name="Other records")
        others.click()
        expect(page.locator("#records-list")).to_have_attribute("start", "6")
        assert not seen & set(listed(page))
        assert listed(page) != before

        page.get_by_role("button", name="Selected", exact=True).click()
        expect(title).to_contain_text("selected")
        assert (listed(page), count(page)) == (first, chosen)
        page.keyboard.press("Escape")
        expect(page.locator("#records")).to_be_hidden()
        expect(page.locator("#records-list > li")).to_have_count(0)


def test_other_records_come_to_all_of_a_bar_and_begin_again(studio: Studio, browser: Browser) -> None:
    with page_of(browser, studio.address) as page:
        page.get_by_role("button", name="ä", exact=True).click()
        expect(page.locator("#records-title")).to_contain_text("kind: ä")
        seen, whole = list[str](), count(page)
        for place in range(0, whole, 5):
            expect(page.locator("#records-list")).to_have_js_property("start", place + 1)
            seen += listed(page)
            assert set(facts(page, "kind")) == {"ä"}
            page.get_by_role("button", name="Other records").click()
        assert len(seen) == len(set(seen)) == whole
        expect(page.locator("#records-list")).to_have_js_property("start", 1)
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#records")).to_be_hidden()
        assert page.evaluate("document.activeElement.textContent") == "ä"


def test_records_of_strata_of_the_mix_and_of_categories_are_their_own(studio: Studio, browser: Browser) -> None:
    with page_of(browser, studio.address) as page:
        click(page.locator("#chart-strata .chart-holder"), 0.6, 0.1)
        title = page.locator("#records-title")
        expect(title).to_contain_text("Stratum")
        listed(page)
        assert count(page) > 0
        page.keyboard.press("Escape")
        click(page.locator("#chart-mix .chart-holder").first, 0.2, 0.8)
        expect(title).to_contain_text(", constructor")
        listed(page)
        assert set(facts(page, "kind")) == {"constructor"}
        page.keyboard.press("Escape")
        page.get_by_role("button", name="constructor", exact=True).click()
        expect(title).to_contain_text("kind: constructor")
        listed(page)
        assert set(facts(page, "kind")) == {"constructor"}


@pytest.mark.parametrize("width", [1400, 380])
def test_hostile_texts_are_texts_and_break_nothing(
    studio: Studio, browser: Browser, tmp_path: Path, width: int
) -> None:
    scheme: Any = "dark"
    with page_of(browser, studio.address, width=width, scheme=scheme) as page:
        page.get_by_role("button", name="<img src=x onerror='window.ran = 1'>").click()
        page.get_by_role("button", name="Of the pool").click()
        texts = ""
        for place in range(0, 25, 5):
            expect(page.locator("#records-list")).to_have_js_property("start", place + 1)
            listed(page)
            texts += page.locator("#records-list").inner_text()
            page.get_by_role("button", name="Other records").click()
        for text in (
            "<script>window.ran = 1</script>",
            "<img src=http://127.0.0.1:9/x",
            "[U+202E]",
            "characters)",
            "שלום",
        ):
            assert text in texts
        assert "\u202e" not in texts
        shot(page, f"hostile-{width}", tmp_path)
        box = page.locator("#records").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.evaluate(
            "(() => { const one = document.getElementById('records'); return one.scrollWidth <= one.clientWidth })()"
        )
        fit(page)
        assert page.evaluate("typeof window.ran") == "undefined"
        assert page.locator("img, #records script, #records iframe").count() == 0
        page.keyboard.press("Escape")
        settled(page)
