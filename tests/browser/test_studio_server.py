"""The studio's page while its server is not there, or has no pool yet."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import evenly
from evenly.web import session

from .studios import agree, odd_recipe, page_of, put, selected, settled, shot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from evenly.reporting.progress import Reporter
    from evenly.web.serve import Studio

pytestmark = [pytest.mark.slow, pytest.mark.faults]

LOST = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET"


@pytest.fixture
def start() -> Iterator[Callable[..., Studio]]:
    """What starts a studio; each is stopped in the end."""
    made: list[Studio] = []

    def one(recipe: Any, **options: Any) -> Studio:
        made.append(evenly.studio(recipe, **options))
        return made[-1]

    yield one
    for studio in made:
        studio.stop()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What a pool waits for, in a phase of 4 pieces, before it is curated."""
    opened, real = threading.Event(), session.open_pool

    def held(recipe: Any, engine: Any, reporter: Reporter, *others: Any, **more: Any) -> Any:
        with reporter.phase("read", 4, "pieces") as advance:
            advance(1)
            while not opened.wait(0.02):
                advance(0)
        return real(recipe, engine, reporter, *others, **more)

    monkeypatch.setattr(session, "open_pool", held)
    yield opened
    opened.set()


def test_a_page_says_that_its_server_is_lost_and_comes_back_by_itself(
    start: Callable[..., Studio], tmp_path: Path, browser: Browser
) -> None:
    recipe = odd_recipe(tmp_path)
    first = start(recipe)
    with page_of(browser, first.address, expected=LOST) as page:
        put(page, "balance.cap", "7")
        before, address = selected(page), page.url
        first.stop()
        first.wait()  # on a busy machine it still answers for a moment
        expect(page.locator("#connection")).to_have_text("not connected", timeout=15_000)
        put_text = page.locator('.control[data-key="balance.cap"] input[type=text]')
        put_text.fill("3")  # which nobody answers yet
        put_text.blur()
        expect(page.locator("#connection")).to_have_text("not connected")
        assert selected(page) == before
        shot(page, "lost", tmp_path)
        again = start(recipe, port=first.port)
        assert again.address == first.address
        expect(page.locator("#connection")).to_have_text("connected", timeout=15_000)
        expect(page.locator("#headline dd.figure").first).not_to_have_text(f"{before:,}", timeout=15_000)
        agree(again, page)
        expect(page.locator("#trouble")).to_be_empty()
        assert page.url != address
        put(page, "balance.cap", "7")
        assert selected(page) == before
        agree(again, page)


def test_a_build_after_the_server_was_started_again_is_shown_too(
    start: Callable[..., Studio], tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a recipe from Python has its outputs there
    recipe = odd_recipe(tmp_path)
    studio = start(recipe)
    with page_of(browser, studio.address, expected=LOST) as page:
        for place in ("one", "two"):
            page.locator("#build").click()
            page.locator("#ask-name").fill(place)
            page.locator("#ask-form button[type=submit]").click()
            expect(page.locator("#result-title")).to_have_text(f"Built: {place}", timeout=30_000)
            assert evenly.verify(tmp_path / place).holds
            if place == "one":
                studio.stop()
                studio.wait()
                expect(page.locator("#connection")).to_have_text("not connected", timeout=15_000)
                studio = start(recipe, port=studio.port)
                expect(page.locator("#connection")).to_have_text("connected", timeout=15_000)
                agree(studio, page)


def test_a_pool_that_is_not_there_is_curated_in_sight_and_can_be_called_off(
    start: Callable[..., Studio], gate: threading.Event, tmp_path: Path, browser: Browser
) -> None:
    studio = start(odd_recipe(tmp_path))
    with page_of(browser, studio.address, width=380, drawn=False) as page:
        waiting = page.locator("#waiting")
        expect(waiting).to_contain_text("read · 1 of 4 pieces")
        expect(page.locator("#studio")).to_be_hidden()
        expect(waiting.locator("progress")).to_have_js_property("value", 0.25)
        again = page.get_by_role("button", name="Try again")
        expect(again).to_be_hidden()
        shot(page, "waiting", tmp_path)
        page.get_by_role("button", name="Cancel").click()
        expect(waiting).to_contain_text("cancelled")
        expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
        shot(page, "cancelled", tmp_path)
        again.click()
        expect(waiting).to_contain_text("read · 1 of 4 pieces")
        expect(again).to_be_hidden()
        gate.set()
        settled(page)
        expect(waiting).to_be_hidden()
        agree(studio, page)


def test_why_a_pool_can_not_be_curated_is_said_in_the_words_of_the_fault(
    start: Callable[..., Studio], tmp_path: Path, browser: Browser
) -> None:
    recipe = odd_recipe(tmp_path)
    lines = tmp_path / "odd.jsonl"
    good = lines.read_bytes()
    lines.write_bytes(b"{broken\n" * 100)
    studio = start(recipe)
    with page_of(browser, studio.address, drawn=False) as page:
        waiting = page.locator("#waiting")
        expect(waiting).to_contain_text("failed")
        told = waiting.locator(".wrong").inner_text()
        assert told.split() == (studio.session.jobs.told() or {})["text"].split()
        assert "\n" in told  # a line each, as the command says it
        assert "100 of 100 rows" in told
        shot(page, "failed", tmp_path)
        lines.write_bytes(good)
        page.get_by_role("button", name="Try again").click()
        settled(page)
        agree(studio, page)


def test_a_job_does_not_stand_in_the_way_of_what_is_asked_and_can_be_called_off(
    start: Callable[..., Studio], tmp_path: Path, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def held(recipe: Any, folder: Path, *, reporter: Reporter, **_: Any) -> Any:
        del recipe, folder
        with reporter.phase("draw", 10, "pieces") as advance:
            advance(3)
            begun.set()
            while not go.wait(0.02):
                advance(0)

    monkeypatch.setattr(session, "run_recipe", held)
    studio = start(odd_recipe(tmp_path))
    with page_of(browser, studio.address) as page:
        page.locator("#build").click()
        page.locator("#ask-form button[type=submit]").click()
        assert begun.wait(10)
        job = page.locator("#job")
        expect(job).to_contain_text("draw · 3 of 10 pieces")
        put(page, "balance.cap", "3")
        agree(studio, page)
        page.locator("#build").click()  # one at a time: the dialog says so, and stays
        page.locator("#ask-name").fill("other")
        page.locator("#ask-form button[type=submit]").click()
        expect(page.locator("#ask-fault")).to_contain_text("still at work")
        page.keyboard.press("Escape")
        job.get_by_role("button", name="Cancel").click()
        expect(job).to_contain_text("cancelled")
        expect(page.locator("#view-result")).to_be_hidden()
        job.get_by_role("button", name="Close").click()
        expect(job).to_be_hidden()
