"""The studio for everyone: rules of accessibility in each of its states, and the whole way by keyboard alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import evenly

from .access import violations
from .studios import ODD, agree, control, odd_recipe, page_of, put, selected, settled, shot

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from evenly.web.serve import Studio

pytestmark = pytest.mark.slow

FOCUS = """() => {
    const one = document.activeElement;
    const box = one.getBoundingClientRect();
    const outlined = (node) => node && getComputedStyle(node).outlineStyle !== "none";
    return {
        name: one.id || one.ariaLabel || one.labels?.[0]?.textContent || one.textContent.trim(),
        key: one.closest("[data-key]")?.dataset.key ?? "",
        tag: one.tagName,
        seen: outlined(one) || outlined(one.querySelector(".chart-grip")),
        within: box.top >= -1 && box.left >= -1 && box.right <= innerWidth + 1 && box.bottom <= innerHeight + 1
            && box.height <= innerHeight,
        over: (() => {
            const [x, y] = [box.left + Math.min(8, box.width / 2), box.top + Math.min(8, box.height / 2)];
            const top = document.elementFromPoint(x, y);
            return Boolean(top) && (one.contains(top) || top.contains(one) || Boolean(top.closest(".chart-holder")));
        })(),
    };
}"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[Studio]:
    recipe = home / "recipe.json"  # JSON is YAML
    text = json.dumps(odd_recipe(home) | {"tokenizer": "o200k_base"}, ensure_ascii=False)
    recipe.write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(home / "cache"))
        made = evenly.studio(recipe)
    yield made
    made.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 380])
def test_no_state_of_the_page_keeps_anyone_out(
    studio: Studio, browser: Browser, axe: str, tmp_path: Path, width: int, scheme: Any
) -> None:
    with page_of(browser, studio.address, width=width, scheme=scheme) as page:
        found = {"first": violations(page, axe)}
        for name in ("one", "two"):
            page.locator("#save").click()
            found["save"] = violations(page, axe)
            page.locator("#ask-name").fill(name)
            page.keyboard.press("Enter")
            expect(page.locator("#saved")).to_contain_text(name)
        page.locator("#strata-numbers").locator("xpath=..").locator("summary").click()
        found["variants"] = violations(page, axe)
        page.locator("#build").click()
        found["build"] = violations(page, axe)
        shot(page, f"build-{width}-{scheme}", tmp_path)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="constructor", exact=True).click()
        expect(page.locator("#records-list > li").first).to_be_visible()
        found["records"] = violations(page, axe)
        page.keyboard.press("Escape")
        put(page, "balance.min", "19")
        put(page, "seed", "x")
        expect(page.locator(".fault:visible")).to_have_count(2)
        found["faults"] = violations(page, axe)
        shot(page, f"faults-{width}-{scheme}", tmp_path)
        assert not {name: one for name, one in found.items() if one}


def focus(page: Page) -> dict[str, Any]:
    return page.evaluate(FOCUS)


def go(page: Page, to: str, *, back: bool = False) -> None:
    """Go on with Tab until what has the focus has a name or key; each on the way must be seen."""
    for _ in range(160):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        now = focus(page)
        if now["tag"] == "BODY":
            continue
        assert now["seen"], now
        assert now["within"], now
        assert now["over"], now
        if to in {now["name"], now["key"]}:
            return
    pytest.fail(f"{to} is not come to by Tab")


@pytest.mark.parametrize("width", [1400, 380])
def test_a_dataset_is_built_by_keyboard_alone(studio: Studio, browser: Browser, home: Path, width: int) -> None:
    with page_of(browser, studio.address, width=width) as page:
        page.keyboard.press("Tab")
        assert focus(page)["name"] == "Skip to the pictures"
        assert focus(page)["seen"]
        go(page, "balance.cap")
        before = selected(page)
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        settled(page)
        assert selected(page) < before
        assert agree(studio, page)["strata"]["cap"] == 15

        # the handle of what is taken whole
        go(page, "taken whole from this price on")
        for key in ("End", "ArrowLeft", "PageDown"):
            page.keyboard.press(key)
        settled(page)
        assert "balance.take_all=" in page.evaluate("location.hash")
        assert focus(page)["name"] == "taken whole from this price on"
        agree(studio, page)

        # a bar's records, and back
        go(page, "Bars of price", back=True)
        for key in ("Home", "ArrowRight", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        expect(page.locator("#records-list > li").first).to_be_visible()
        assert page.evaluate("document.activeElement.closest('dialog')?.id") == "records"
        page.keyboard.press("Escape")
        assert focus(page)["name"] == "Bars of price"

        # the dataset
        go(page, "build", back=True)
        page.keyboard.press("Enter")
        assert focus(page)["name"] == "ask-name"
        page.keyboard.press("Escape")
        assert focus(page)["name"] == "build"
        page.keyboard.press("Enter")
        page.keyboard.type(f"keys-{width}")
        page.keyboard.press("Enter")
        expect(page.locator("#result-title")).to_have_text(f"Built: keys-{width}", timeout=30_000)
        assert focus(page)["name"] == "build"
        folder = home / f"keys-{width}"
        assert evenly.verify(folder).holds
        assert json.loads((folder / "manifest.json").read_text())["rows"]["selected"] == selected(page)


def test_the_focus_stays_where_it_is_when_controls_are_drawn_anew(studio: Studio, browser: Browser) -> None:
    with page_of(browser, studio.address) as page:
        select = control(page, "balance.policy").locator("select")
        select.focus()
        for policy in evenly_policies(page):
            select.select_option(policy)
            settled(page)
            assert focus(page)["key"] == "balance.policy", policy
        select.select_option("cap")
        settled(page)
        for name in ("of each stratum", "rows in all", "tokens in all", "of each stratum"):
            page.get_by_role("radio", name=name).focus()
            page.keyboard.press("Space")
            settled(page)
            assert page.evaluate("document.activeElement.type") == "radio", name
            assert page.evaluate("document.activeElement.labels[0].textContent") == name
        whole = page.get_by_label("Take some strata whole")
        for _ in range(2):
            whole.focus()
            page.keyboard.press("Space")
            settled(page)
            assert page.evaluate("document.activeElement.type") == "checkbox"
        page.get_by_role("button", name="Add an axis").focus()
        page.keyboard.press("Enter")
        settled(page)
        expect(page.get_by_role("group", name="Axis 2")).to_be_visible()
        assert page.evaluate("document.activeElement.closest('#controls') !== null")
        column = control(page, "balance.strata.1.column").locator("select")
        column.focus()
        column.select_option(ODD)
        settled(page)
        assert focus(page)["key"] == "balance.strata.1.column"
        page.get_by_role("button", name="Take this axis out").last.focus()
        page.keyboard.press("Enter")
        settled(page)
        expect(page.get_by_role("group", name="Axis 2")).to_be_hidden()
        assert page.evaluate("document.activeElement.closest('#controls') !== null")
        agree(studio, page)


def evenly_policies(page: Page) -> list[str]:
    return control(page, "balance.policy").locator("option").evaluate_all("all => all.map((one) => one.value)")


def test_the_focus_goes_back_to_where_a_dialog_was_opened(studio: Studio, browser: Browser) -> None:
    with page_of(browser, studio.address) as page:
        for name in ("save", "build", "ablate"):
            page.locator(f"#{name}").focus()
            page.keyboard.press("Enter")
            assert focus(page)["name"] == "ask-name"
            page.keyboard.press("Escape")
            assert focus(page)["name"] == name
        page.locator("#save").focus()
        for name in ("one", "two"):
            page.keyboard.press("Enter")
            page.keyboard.type(name)
            page.keyboard.press("Enter")
            expect(page.locator("#saved")).to_contain_text(name)
            assert focus(page)["name"] == "save"
        page.get_by_role("button", name="Take out one").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#saved")).not_to_contain_text("one")
        assert page.evaluate("document.activeElement !== document.body")
        page.get_by_role("button", name="Take out two").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#variants")).to_be_hidden()
        assert focus(page)["name"] == "save"
        put(page, "balance.cap", "9")
        page.locator("#undo").focus()
        page.keyboard.press("Enter")
        settled(page)
        assert focus(page)["name"] == "redo"
        page.keyboard.press("Enter")
        settled(page)
        assert focus(page)["name"] == "undo"
