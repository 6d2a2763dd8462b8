"""The studio in a real browser: from the first view to a built dataset, at a desk and on a phone, in light and dark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import evenly

from .studios import (
    agree,
    answer,
    built,
    control,
    counted,
    demo_recipe,
    figure,
    fit,
    measures,
    page_of,
    put,
    selected,
    settled,
    shot,
    state_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from evenly.web.serve import Studio

pytestmark = [pytest.mark.drawn, pytest.mark.slow]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the recipe lies, and what is built from it."""
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(autouse=True)
def _own_cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """One cache for all tests here: their studio's pool is curated once."""
    monkeypatch.setenv("EVENLY_CACHE", str(home / "cache"))


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[Studio]:
    """A studio that every page here asks; a state is the page's own, so they do not meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(home / "cache"))
        made = evenly.studio(demo_recipe(home))
    yield made
    made.stop()


def middle(place: Locator) -> tuple[float, float]:
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def thumb(slider: Locator) -> tuple[float, float]:
    """Return where the knob of a slider is: it is 16 pixels wide, and its middle goes from 8 to 8 before the end."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    share = slider.evaluate("(one) => (one.value - one.min) / (one.max - one.min)")
    return box["x"] + 8 + share * (box["width"] - 16), box["y"] + box["height"] / 2


def drag(page: Page, start: tuple[float, float], by: float, *, touch: bool) -> list[int]:
    """Drag something aside in five moves, and return what the page said was selected after each, while it is held."""
    (x, y), seen = start, list[int]()
    places = [(x + by * step / 5, y) for step in range(1, 6)]
    if touch:
        client = page.context.new_cdp_session(page)

        def act(kind: str, *points: tuple[float, float]) -> None:
            client.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": [{"x": one, "y": other} for one, other in points]},
            )

        act("touchStart", (x, y))
        for place in places:
            act("touchMove", place)
            settled(page)
            seen.append(selected(page))
        act("touchEnd")
    else:
        page.mouse.move(x, y)
        page.mouse.down()
        for place in places:
            page.mouse.move(*place)
            settled(page)
            seen.append(selected(page))
        page.mouse.up()
    settled(page)
    return seen


def save(page: Page, name: str) -> None:
    page.locator("#save").click()
    page.locator("#ask-name").fill(name)
    page.locator("#ask-form button[type=submit]").click()
    expect(page.locator("#saved")).to_contain_text(name)


@pytest.fixture
def _brief(monkeypatch: pytest.MonkeyPatch, width: int, scheme: str) -> None:  # pyright: ignore[reportUnusedFunction]
    """Draw the report of one build: that takes seconds. The page of another says that it is one."""

    def brief(folder: Path, *_: object) -> None:
        (folder / "report.html").write_text("<!doctype html><title>Report</title><h1>Report</h1>", encoding="utf-8")

    if (width, scheme) != (1400, "light"):
        monkeypatch.setattr("evenly.flow.run.write_report", brief)


@pytest.mark.usefixtures("_brief")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 380])
def test_a_user_goes_from_the_first_view_to_a_dataset_that_holds_what_the_page_said(
    studio: Studio, browser: Browser, home: Path, tmp_path: Path, width: int, scheme: Any
) -> None:
    touch, mark = width < 500, f"{width}-{scheme}"
    with page_of(browser, studio.address, width=width, scheme=scheme) as page:
        first = agree(studio, page)
        shot(page, f"first-{mark}", tmp_path)

        # the handle: more strata are taken whole the further it is to the left
        seen = drag(page, middle(page.locator(".chart-grip")), -45 if touch else -150, touch=touch)
        assert seen == sorted(seen)
        assert first["facts"]["rows"] < seen[2] < seen[-1]
        assert "balance.take_all=" in page.url
        agree(studio, page)

        # the cap: more are selected the higher it is
        before = selected(page)
        seen = drag(page, thumb(control(page, "balance.cap").locator("input[type=range]")), 50, touch=touch)
        assert seen == sorted(seen)
        assert before < seen[2] < seen[-1]  # a finger moves some pixels before that counts
        assert "balance.cap=" in page.url
        agree(studio, page)
        fit(page)
        save(page, "more")

        # a weight: its category is drawn more often
        before = counted(page)["Automotive"]
        put(page, "balance.weight.values.Automotive", "50")
        assert counted(page)["Automotive"] > before
        wanted = agree(studio, page)
        save(page, "cars")
        shot(page, f"variants-{mark}", tmp_path)
        told = measures(page)
        assert list(told) == ["pool", "now", "more", "cars"]
        assert told["now"] == told["cars"] != told["more"]
        assert figure(told["more"]["records"]) == figure(told["cars"]["records"]) == wanted["facts"]["rows"]
        assert figure(told["cars"]["mean of the label"]) == pytest.approx(wanted["facts"]["label"]["mean"], rel=1e-3)
        assert figure(told["cars"]["Gini over strata"]) == pytest.approx(wanted["measures"]["gini"], abs=1e-3)
        assert figure(told["pool"]["records"]) == wanted["ground"]["facts"]["rows"]

        balance = downloaded(page, home / f"kept-{mark}.yaml", "# one stratum per whole dollar", "Automotive: 50")
        assert balance.cap == wanted["strata"]["cap"]
        assert balance.take_all
        assert balance.take_all == state_at(studio, page.url)["balance"]["take_all"]
        build(page, home / f"built-{mark}")
        shot(page, f"built-{mark}", tmp_path)
        assert answer(studio, page)["rows"]["selected"] == selected(page)


def downloaded(page: Page, path: Path, *texts: str) -> Any:
    """Keep the recipe beside the one that it was made from; it must have the texts. Return its balance."""
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(path)
    found = path.read_text(encoding="utf-8")
    assert all(text in found for text in texts), found
    return evenly.Recipe.from_file(path).balance


def build(page: Page, folder: Path) -> None:
    """Build the dataset; it must be what the page says."""
    page.locator("#build").click()
    page.locator("#ask-name").fill(folder.name)
    page.locator("#ask-form button[type=submit]").click()
    expect(page.locator("#result-title")).to_have_text(f"Built: {folder.name}", timeout=60_000)
    expect(page.frame_locator("#result iframe").locator("h1")).to_be_visible()
    rows = json.loads((folder / "manifest.json").read_text())["rows"]
    assert rows["selected"] == selected(page)
    assert counted(page) == built(folder)
    assert evenly.verify(folder).holds
