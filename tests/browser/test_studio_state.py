"""The studio's state: in its address, in undo and redo, and when what is wished for can't be read or met."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import evenly
from evenly.web.state import state_of

from .studios import ODD, agree, control, odd_recipe, page_of, put, selected, settled, shot, state_at, turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from evenly.web.serve import Studio

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_kept")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture
def _kept(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """One cache for all tests here: their pool is curated once."""
    monkeypatch.setenv("EVENLY_CACHE", str(home / "cache"))


@pytest.fixture(scope="module")
def studio(home: Path) -> Iterator[Studio]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(home / "cache"))
        made = evenly.studio(odd_recipe(home))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def page(studio: Studio, browser: Browser) -> Iterator[Page]:
    """One page, which every test begins with at the recipe's own state."""
    with page_of(browser, studio.address) as opened:
        yield opened


@pytest.fixture
def fresh(page: Page, studio: Studio) -> Page:
    page.goto("about:blank")
    page.goto(studio.address)
    settled(page)
    return page


def at(studio: Studio, fragment: str) -> str:
    return f"{studio.address}#{fragment}"


def choose(page: Page, key: str, value: str) -> None:
    control(page, key).locator("select").first.select_option(value)
    settled(page)


def values(page: Page) -> list[str]:
    """Return what each control shows."""
    return page.locator("#controls input, #controls select, #categories input[type=text]").evaluate_all(
        "all => all.map((one) => one.type === 'checkbox' || one.type === 'radio' ? String(one.checked) : one.value)"
    )


CHANGES: dict[str, Any] = {
    "balance.cap": lambda page: put(page, "balance.cap", "12"),
    "balance.max": lambda page: put(page, "balance.max", "11"),
    "balance.shortfall": lambda page: choose(page, "balance.shortfall", "accept"),
    "balance.min": lambda page: put(page, "balance.min", "2"),
    "balance.take_all": lambda page: page.get_by_label("Take some strata whole").check(),
    "balance.strata.0.round": lambda page: put(page, "balance.strata.0.round", "10"),
    "balance.strata.0.min": lambda page: put(page, "balance.strata.0.min", "5"),
    "balance.weight.values.ä": lambda page: put(page, "balance.weight.values.ä", "9"),
    "balance.weight.values.c=d&e": lambda page: put(page, "balance.weight.values.c=d&e", "0.5"),
    "seed": lambda page: put(page, "seed", "7"),
    "balance.filter": lambda page: page.get_by_label("price up to").fill("150"),
    "balance.strata": lambda page: page.get_by_role("button", name="Add an axis").click(),
    "balance.policy": lambda page: choose(page, "balance.policy", "equal"),
}


def test_each_change_is_in_the_address_which_gives_the_same_elsewhere_and_can_be_undone(
    studio: Studio, browser: Browser, fresh: Page
) -> None:
    page, addresses = fresh, [fresh.url]
    for key, change in CHANGES.items():
        change(page)
        page.locator("#name").click()  # what was typed is left
        settled(page)
        expect(page.locator("#trouble")).to_be_empty()
        agree(studio, page)
        assert page.url != addresses[-1], key
        addresses.append(page.url)
    last, shown, rows = page.url, values(page), selected(page)
    balance = state_at(studio, last)["balance"]
    assert balance["strata"][0] == {"column": "price", "round": 10, "max": 200, "min": 5}
    assert balance["weight"]["values"] == {"constructor": 2, "ä": 9, "c=d&e": 0.5}
    with page_of(browser, last) as other:
        assert (selected(other), values(other)) == (rows, shown)
        assert other.url == last
    page.reload()
    settled(page)
    assert (selected(page), values(page), page.url) == (rows, shown, last)


def test_undo_and_redo_go_back_and_forth_by_button_and_by_key(studio: Studio, fresh: Page) -> None:
    page, addresses = fresh, [fresh.url]
    expect(page.locator("#undo")).to_be_disabled()
    for cap in ("5", "6", "7"):
        put(page, "balance.cap", cap)
        addresses.append(page.url)
    page.locator("#undo").click()
    expect(page).to_have_url(addresses[2])
    agree(studio, page)
    page.locator("#redo").click()
    expect(page).to_have_url(addresses[3])
    page.locator("#name").click()
    for place in (2, 1, 0):
        page.keyboard.press("Control+z")
        expect(page).to_have_url(addresses[place])
    settled(page)
    expect(page.locator("#undo")).to_be_disabled()
    assert agree(studio, page)["strata"]["cap"] == 20
    for place in (1, 2, 3):
        page.keyboard.press("Control+Shift+Z")
        expect(page).to_have_url(addresses[place])
    expect(page.locator("#redo")).to_be_disabled()
    page.keyboard.press("Control+z")
    put(page, "balance.cap", "9")  # another way from here: what was ahead is gone
    expect(page.locator("#redo")).to_be_disabled()
    agree(studio, page)


@pytest.mark.parametrize(
    ("fragment", "read"),
    [
        ("balance.cap=7&balance.min=[&=&seed=9&%E0%A4%A=1&balance", {"cap": 7}),
        ("balnce.cap=3&balance.cap=7&constructor.x=1&toString=1", {"cap": 7}),
        ("__proto__.cap=3&balance.__proto__.cap=3&balance.cap=7", {"cap": 7}),
        ("balance=5&balance.strata=5&balance.strata=%5Bnull%5D&balance.strata.0=null&balance.cap=7", {"cap": 7}),
        ("balance.policy=null&balance.target=5&balance.marginals=[]&balance.filter=5&balance.take_all={}", {}),
        ("balance.weight.values=5&balance.cap=7", {"cap": 7}),
    ],
)
def test_of_a_mistyped_address_what_can_be_read_counts(
    studio: Studio, page: Page, fragment: str, read: dict[str, Any]
) -> None:
    page.goto("about:blank")
    page.goto(at(studio, fragment))
    settled(page)
    wanted = studio.session.about()["state"]
    state = {"seed": 9 if "seed=9" in fragment else wanted["seed"], "balance": wanted["balance"] | read}
    assert selected(page) == studio.session.view(state, None)["facts"]["rows"]
    expect(page.locator("#trouble")).to_be_empty()


def test_another_fragment_by_hand_is_a_step_like_any_other(studio: Studio, fresh: Page) -> None:
    page, before = fresh, selected(fresh)
    page.evaluate("location.hash = '#balance.cap=3'")
    expect(control(page, "balance.cap").locator("input[type=text]")).to_have_value("3")
    agree(studio, page)
    assert selected(page) < before
    page.locator("#undo").click()
    agree(studio, page)
    assert selected(page) == before


def test_a_size_that_can_not_be_had_is_said_where_it_was_wished_and_the_picture_stays(
    fresh: Page, tmp_path: Path
) -> None:
    page = fresh
    before = selected(page)
    page.get_by_role("radio", name="rows in all").check()
    settled(page)
    assert selected(page) == before
    put(page, "balance.max", "10")
    rows, drawn = selected(page), turn(page)
    picture = page.locator("#chart-label").screenshot()
    put(page, "balance.size", "1000")
    faults = page.locator(".control.wrong")
    expect(faults).to_have_count(2)
    assert {one.get_attribute("data-key") for one in faults.all()} == {"balance.size", "balance.max"}
    for one in faults.all():  # one tells it, the other when it is looked at
        one.locator("input").last.focus()
        expect(one.locator(".fault")).to_be_visible()
        expect(one.locator(".fault")).to_contain_text("1,000")
        assert one.locator("input").last.get_attribute("aria-invalid") == "true"
    expect(page.locator("#trouble")).to_contain_text("can't be met")
    for name in ("build", "save", "download", "ablate"):
        expect(page.locator(f"#{name}")).to_be_disabled()
    assert (selected(page), turn(page)) == (rows, drawn)
    shot(page, "impossible", tmp_path)
    page.mouse.move(0, 0)
    assert page.locator("#chart-label").screenshot() == picture
    put(page, "balance.size", "100")
    expect(faults).to_have_count(0)
    expect(page.locator("#trouble")).to_be_empty()
    expect(page.locator("#build")).to_be_enabled()
    assert selected(page) == 100


@pytest.mark.parametrize("text", ["price >", "price > 3 or (select 1) > 0", "random() > 0.5"])
def test_a_filter_that_is_none_is_said_at_the_filter_alone(studio: Studio, fresh: Page, text: str) -> None:
    page, before = fresh, selected(fresh)
    field = page.get_by_label("Condition on a record")
    field.fill(text)
    field.blur()
    settled(page)
    expect(page.locator(".control.wrong")).to_have_count(1)
    expect(page.locator(".control.wrong .fault")).to_be_visible()
    expect(page.locator(".control.wrong")).to_contain_text("Condition on a record")
    assert selected(page) == before
    field.fill("price > 3")
    field.blur()
    expect(page.locator(".control.wrong")).to_have_count(0)
    agree(studio, page)


@pytest.mark.parametrize(
    ("key", "text", "mended"),
    [("balance.cap", "1x", "8"), ("balance.cap", "2.5", "8"), ("balance.min", "x", "1"), ("seed", "-1", "1")],
)
def test_a_text_that_is_no_number_is_said_at_once_and_nothing_is_asked(
    studio: Studio, fresh: Page, key: str, text: str, mended: str
) -> None:
    page, before, drawn = fresh, fresh.url, turn(fresh)
    put(page, key, text)
    place = control(page, key)
    expect(place.locator(".fault")).to_contain_text("expected a")
    assert place.locator("[aria-invalid=true]").count() == 1
    assert (page.url, turn(page)) == (before, drawn)
    put(page, key, mended)
    expect(place.locator(".fault")).to_be_hidden()
    assert place.locator("[aria-invalid]").count() == 0
    agree(studio, page)


def test_a_column_that_is_not_there_is_said_and_another_can_be_chosen(studio: Studio, page: Page) -> None:
    page.goto("about:blank")
    page.goto(at(studio, 'balance.strata.0.column="nope"'))
    expect(page.locator("body")).to_contain_text("'nope'")
    expect(page.locator("#trouble")).to_contain_text("can't be met")
    expect(page.locator("#build")).to_be_disabled()
    choose(page, "balance.strata.0.column", ODD)
    expect(page.locator(".control.wrong")).to_have_count(0)
    agree(studio, page)


def test_a_split_that_can_not_be_filled_is_why_a_build_would_be_refused(home: Path, browser: Browser) -> None:
    made = evenly.studio(odd_recipe(home) | {"split": {"train": 10_000_000}})
    try:
        with page_of(browser, made.address) as page:
            expect(page.locator("#trouble")).to_contain_text("A build would be refused.")
            expect(page.locator("#trouble")).to_contain_text("10,000,000")
            expect(page.locator("#build")).to_be_disabled()
            expect(page.locator("#download")).to_be_enabled()
            assert selected(page) > 0
    finally:
        made.stop()


# The modules that know no page.


def asked(page: Page, module: str, call: str, *arguments: Any) -> Any:
    return page.evaluate(
        "async ([module, call, given]) => (await import(`/static/${module}.js`))[call](...given)",
        [module, call, list(arguments)],
    )


@pytest.mark.parametrize(
    ("filter_", "column", "range_"),
    [
        (None, "price", {}),
        ("price >= 3", "price", {"low": 3}),
        ("price >= 3 and price <= 9.5", "price", {"low": 3, "high": 9.5}),
        ("\"price\" >= -3 AND kind = 'a and price <= 2'", "price", {"low": -3}),
        ("kind = 'x' and (price >= 3 and price <= 4)", "price", {}),
        ("price >= 3 or price <= 1", "price", {}),
        ("price between 3 and 9", "price", {}),
        ('"a.b" >= 1e3', "a.b", {"low": 1000}),
        ("prices >= 3", "price", {}),
    ],
)
def test_a_range_is_read_of_a_filter(page: Page, filter_: str | None, column: str, range_: dict[str, float]) -> None:
    assert asked(page, "balance", "rangeOf", filter_, column) == range_


@pytest.mark.parametrize(
    ("filter_", "column", "range_", "wanted"),
    [
        (None, "price", {"low": 3}, "price >= 3"),
        ("price >= 3", "price", {"low": 4, "high": 9}, "price >= 4 and price <= 9"),
        ("price >= 3 and kind = 'x'", "price", {}, "kind = 'x'"),
        ("price >= 3", "price", {}, None),
        ("kind = 'a' or kind = 'b'", "price", {"low": 3}, "(kind = 'a' or kind = 'b') and price >= 3"),
        ("price between 3 and 9", "price", {"high": 5}, "price between 3 and 9 and price <= 5"),
        ("kind = 'a and b' and price <= 4", "price", {"low": 1}, "kind = 'a and b' and price >= 1"),
        ("tokens <= 90", 'a"b', {"low": 1}, 'tokens <= 90 and "a""b" >= 1'),
    ],
)
def test_a_range_is_put_into_a_filter_and_what_else_is_in_it_stays(
    page: Page, filter_: str | None, column: str, range_: dict[str, float], wanted: str | None
) -> None:
    made = asked(page, "balance", "withRange", filter_, column, range_)
    assert made == wanted
    if made is not None and " or " not in made and "between" not in made:
        assert asked(page, "balance", "rangeOf", made, column) == range_


@pytest.mark.parametrize(
    ("column", "take_all", "threshold"),
    [
        ("price", "price >= 240", 240),
        ("price", '"price">=2.5e1', 25),
        ("price", "price > 240", None),
        ("a b", '"a b" >= -1', -1),
        ("price", "other >= 3", None),
    ],
)
def test_a_threshold_is_read_and_written(page: Page, column: str, take_all: str, threshold: float | None) -> None:
    balance = {"strata": [{"column": column}], "take_all": take_all}
    assert asked(page, "balance", "thresholdOf", balance) == threshold
    moved = asked(page, "balance", "withThreshold", balance, 7.5)
    assert asked(page, "balance", "thresholdOf", moved) == 7.5
    none = asked(page, "balance", "withThreshold", balance, None)
    assert "take_all" not in none
    assert asked(page, "balance", "thresholdOf", none) is None


def test_from_any_policy_to_any_other_a_recipe_is_sound(studio: Studio, page: Page) -> None:
    about = studio.session.about()
    state = state_of(studio.session.start.recipe.to_dict())
    given = {"base": state["balance"], "selected": 200, "columns": about["columns"]}
    for one, other in product(about["policies"], repeat=2):
        first = asked(page, "balance", "withPolicy", state["balance"], one, given)
        second = asked(page, "balance", "withPolicy", first, other, given)
        assert second["policy"] == other
        studio.session.recipe(state | {"balance": second})  # which raises for a key that is wanting or another's
        if one == "cap":
            assert studio.session.view(state | {"balance": second | {"shortfall": "accept"}}, None)["facts"]["rows"]


def test_a_state_comes_back_from_its_address_whatever_names_are_in_it(page: Page) -> None:
    weight = {"a.b": 1, "c=d&e%20": 2, "ü \U0001f600": 3, "constructor": 4, "#": 5, "": 6, "toString": 7}
    base: dict[str, Any] = {
        "seed": 1,
        "balance": {"policy": "cap", "cap": 5, "max": 3, "strata": [{"column": "x", "edges": [1, 2]}]},
    }
    states: list[Any] = [
        base,
        {"seed": "18446744073709551615", "balance": base["balance"] | {"weight": {"column": "k", "values": weight}}},
        {
            "seed": 1,
            "balance": {"policy": "equal", "size": {"tokens": 9}, "strata": [{"column": ODD}, {"column": "y"}]},
        },
        {
            "seed": 1,
            "balance": base["balance"] | {"strata": [{"column": "x", "edges": [1, ".inf"]}], "filter": "a = '&#'"},
        },
    ]
    for state in states:
        address = asked(page, "state", "toAddress", base, state)
        assert asked(page, "state", "fromAddress", base, f"#{address}") == state
        for other in states:  # what a recipe has and a state has not is taken out
            back = asked(page, "state", "toAddress", other, state)
            assert asked(page, "state", "fromAddress", other, back) == state


def test_an_address_changes_nothing_but_the_state(page: Page) -> None:
    fragment = "#__proto__.x=1&balance.__proto__.x=1&constructor.prototype.x=1&balance.constructor.prototype.x=1"
    base = {"seed": 1, "balance": {"policy": "cap"}}
    state = asked(page, "state", "fromAddress", base, fragment)
    assert state["seed"] == 1
    assert page.evaluate("[({}).x, Object.x, typeof window.ran]") == [None, None, "undefined"]
