"""A studio's answers: the numbers of a page are those of a run, and its recipes, builds and faults are Evenly's own."""

from __future__ import annotations

import copy
import json
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import pytest

import evenly
from evenly.errors import UserError
from evenly.io.cache import cache_folder
from evenly.io.locks import lock_of, tried
from evenly.web.answers import ImpossibleError
from evenly.web.begin import _start
from evenly.web.session import Session, Start
from evenly.web.state import state_of

from .studios import CATEGORY, PRICE, ROWS, TEXT, curated, ended, session, write_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Open = "Callable[..., Session]"

TABLE = {"column": "category", "values": {"a": 0.25, "b": 7, "(none)": 3}, "default": 1.5}

BALANCES: dict[str, dict[str, Any]] = {
    "cap": {"strata": [{"column": "price", "round": 1, "min": 1, "max": 99}], "cap": 30, "take_all": "price >= 60"},
    "solved cap": {"strata": [PRICE], "size": 500, "weight": TABLE},
    "crossed": {"strata": [PRICE, CATEGORY], "size": 600, "policy": "power", "alpha": 0.4, "weight": TABLE},
    "filter": {"strata": [{"column": "price", "quantile": 7}], "size": 500, "filter": "price < 70 and tokens > 4"},
    "edges": {"strata": [{"column": "price", "edges": ["-.inf", 10, 40, ".inf"]}], "policy": "equal", "size": 90},
    "small ones": {"strata": [{"column": "category", "other_below": 0.2}], "policy": "equal", "size": 500},
    "expression": {"strata": [PRICE], "cap": 70, "weight": "power(price, 2)"},
    "one draw": {"policy": "weighted", "size": 400, "stats": {"hi": "max(price)"}, "weight": "price / hi"},
    "target": {"policy": "target", "target": {"values": {"a": 0.5, "b": 0.2}}, "strata": [CATEGORY], "size": 400},
    "rake": {
        "policy": "rake",
        "strata": [CATEGORY, {"column": "price", "quantile": 4}],
        "marginals": {"category": {"values": {"a": 0.5}}, "price": "uniform"},
        "size": 400,
    },
    "repeated": {"policy": "unimax", "epochs": 3, "strata": [PRICE], "size": 3_000, "weight": TABLE},
    "short": {"policy": "equal", "strata": [PRICE], "size": 2_000, "shortfall": "accept"},
    "tokens": {"policy": "equal", "strata": [PRICE], "size": {"tokens": 9_000}, "weight": TABLE},
    "along tokens": {"strata": [{"column": "tokens", "width": 8}], "policy": "proportional", "size": 300},
}


@dataclass
class Asked:
    """A question for records of a bar."""

    chart: str = "strata"
    place: int = 0
    category: int | None = None
    selected: bool = True
    skip: int = 0


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """What opens the session of the shop's recipe, with a text of its own; it is closed in the end."""
    made: list[Session] = []

    def opens(text: str = TEXT, bad: int = 0) -> Session:
        made.append(session(write_shop(tmp_path / "shop", text, bad)))
        return made[-1]

    yield opens
    for one in made:
        one.close()


def state(studio: Session, seed: int | None = None, **balance: Any) -> dict[str, Any]:
    """Return the recipe's state with another seed, or another balance but for the label."""
    found = state_of(studio.start.recipe.to_dict())
    if balance:
        found["balance"] = {"label": "price", **copy.deepcopy(balance)}
    return found if seed is None else found | {"seed": seed}


def run(studio: Session, asked: dict[str, Any], out: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the manifest and the report's numbers of a real run of a state's recipe."""
    data = studio.recipe(asked).to_dict()
    data["export"]["report"] = True
    manifest = evenly.run(data, out, force=True).manifest
    return manifest, json.loads((out / "charts" / "numbers.json").read_text(encoding="utf-8"))


def assert_as_run(studio: Session, asked: dict[str, Any], out: Path) -> None:
    """Hold all that a view counts against a run."""
    manifest, numbers = run(studio, asked, out)
    found = msgspec.json.decode(msgspec.json.encode(studio.view(asked, None)))  # as the page has it
    ground, rows = found["ground"], manifest["rows"]
    assert found["rows"] == {
        "kept": rows["kept"],
        "outside": rows["outside_strata"],
        "held_out": rows["held_out"],
        "selected": rows["selected"],
        "repeated": rows["repeated"],
        "missing": found["rows"]["missing"],
    }
    assert (found["splits"], found["blocked"]) == (rows["splits"], None)
    assert found["on"] == ground["id"]
    assert {name: one | {"after": found["pictures"][name]} for name, one in ground["pictures"].items()} == {
        name: one for name, one in numbers["pictures"].items() if name != "density"
    }
    assert ground["category"] == numbers["category"]
    if found["categories"] is not None:
        assert found["categories"]["after"] == numbers["categories"]["after"]
        assert ground["categories"]["names"] == numbers["categories"]["names"]
        assert ground["categories"]["before"] == numbers["categories"]["before"]
        others = ground["categories"]["others"] | {"after": found["categories"]["others"]}
        assert others == numbers["categories"]["others"]
    strata = numbers["strata"]["rows"]
    for key, own in (("n", found), ("wanted", found), ("bound", found), ("N", ground), ("names", ground)):
        assert own["strata"][key] == [one["stratum" if key == "names" else key] for one in strata], key
    assert ground["strata"].get("x") == (
        [None if one["x"] == -math.inf else one["x"] for one in strata] if ground["strata"]["kind"] == "along" else None
    )
    assert found["measures"] == numbers["measures"]["after"]
    assert ground["measures"] == numbers["measures"]["before"]
    assert ground["aim"] == numbers["aim"]
    after = numbers["facts"]["after"]
    assert (found["facts"]["rows"], found["facts"]["records"]) == (after["rows"], rows["selected"])
    assert found["facts"]["label"]["mean"] == pytest.approx(after["label"]["mean"], rel=1e-13)
    assert found["facts"]["tokens"] == {key: after["tokens"][key] for key in ("total", "mean")}
    assert ground["facts"]["tokens"]["total"] == numbers["facts"]["before"]["tokens"]["total"]
    assert sum(one["rows"] for one in found["bounds"]) == sum(one["n"] for one in strata)
    assert sum(one["strata"] for one in found["bounds"]) == manifest["strata"]["count"]


def test_what_a_page_counts_is_what_a_run_writes(opened: Any, tmp_path: Path) -> None:
    studio = opened()
    assert_as_run(studio, state(studio), tmp_path / "out")
    for seed, balance in enumerate(BALANCES.values()):
        assert_as_run(studio, state(studio, seed, **balance), tmp_path / "out")


@pytest.mark.parametrize(
    "more",
    [
        "holdout: {fraction: 0.2}\n",
        "holdout: {fraction: 0.2, group: exact}\nsplit: {train: 0.5, test: 0.3}\n",
        "split: {train: 100, test: 0.1, lite: {train: 20}}\n",
    ],
)
def test_what_is_held_out_and_split_is_counted_as_a_run_does(opened: Any, tmp_path: Path, more: str) -> None:
    studio = opened(TEXT + more)
    assert_as_run(studio, state(studio), tmp_path / "out")
    for name in ("repeated", "crossed"):
        assert_as_run(studio, state(studio, 3, **BALANCES[name]), tmp_path / "out")


def test_the_cap_that_was_solved_for_is_told(opened: Any, tmp_path: Path) -> None:
    studio = opened()
    asked = state(studio, **BALANCES["solved cap"])
    found = studio.view(asked, None)["strata"]
    run(studio, asked, tmp_path / "out")
    written = pl.read_parquet(tmp_path / "out/data/train-*.parquet").group_by("stratum").len()["len"]
    assert found["cap"] - 1 <= written.max() <= found["cap"]
    assert studio.view(state(studio), None)["strata"]["cap"] == 90
    assert studio.view(state(studio, **BALANCES["rake"]), None)["strata"]["cap"] is None


def test_the_ground_is_sent_once_and_is_another_when_it_changes(opened: Any) -> None:
    studio = opened()
    asked = state(studio)
    first = studio.view(asked, None)
    known = first["on"]
    again = studio.view(asked, known)
    assert "ground" not in again
    assert {key: again[key] for key in again if key != "seconds"} == {
        key: first[key] for key in first if key not in {"ground", "seconds"}
    }
    for change in ({"cap": 20}, {"weight": {**TABLE, "default": 9}}, {"take_all": "price > 30"}):
        moved = studio.view({"seed": 1, "balance": {**asked["balance"], **change}}, known)
        assert moved["on"] == known
        assert "ground" not in moved
    for change in ({"strata": [{**PRICE, "log": 3}]}, {"filter": "price > 20"}, {"weight": "price"}):
        other = studio.view({**asked, "balance": {**asked["balance"], **change}}, known)
        assert other["on"] != known
        assert other["ground"]["id"] == other["on"]
    assert studio.view(asked, other["on"])["ground"] == first["ground"]


def faults(studio: Session, asked: dict[str, Any]) -> list[tuple[list[str], str]]:
    with pytest.raises(ImpossibleError) as raised:
        studio.view(asked, None)
    return [(fault["keys"], fault["text"]) for fault in raised.value.faults]


@pytest.mark.parametrize(
    ("balance", "keys", "text"),
    [
        ({"strata": [PRICE], "size": 10**6}, [["balance.size"]], "1,000,000"),
        (
            {"strata": [PRICE], "size": 100, "take_all": "price >= 10"},
            [["balance.size", "balance.take_all"]],
            "100",
        ),
        ({"strata": [{"column": "price", "round": -1}], "cap": 3}, [["balance.strata.0.round"]], "found -1"),
        (
            {"strata": [{"column": "price", "round": -1}], "cap": 0, "alpah": 1},
            [["balance.strata.0.round"], ["balance.cap"], ["balance.alpah"]],
            "found -1",
        ),
        ({"strata": [{"column": "pricee", "width": 3}], "cap": 3}, [["balance"]], "Did you mean 'price'"),
        ({"strata": [PRICE], "cap": 3, "filter": "price >"}, [["balance.filter"]], "price >"),
        ({"strata": [PRICE], "cap": 3, "filter": "price > 1e9"}, [["balance.strata"]], "Check filter"),
        (
            {"strata": [{"column": "title", "width": 3}], "cap": 3},
            [["balance.strata.0.column"]],
            "the curated pool has no column 'title' read as",
        ),
        (
            {"strata": [PRICE], "cap": 3, "weight": {"inverse_density": {"column": "category", "width": 3}}},
            [["balance.weight.inverse_density.column"]],
            "the curated pool has no column 'category' read as",
        ),
        ({"strata": [PRICE], "cap": 3, "weight": "0 - price"}, [["balance.weight"]], ""),
        ({"strata": [PRICE], "policy": "power", "size": 3}, [["balance.alpha"]], ""),
        ({"policy": "equal", "strata": [PRICE], "size": {"tokens": 3}}, [["balance.size"]], "3"),
        ({**BALANCES["rake"], "size": {"tokens": 900}}, [["balance.size"]], "in rows here"),
    ],
)
def test_a_fault_is_told_with_the_keys_where_it_was_made(
    opened: Any, balance: dict[str, Any], keys: list[list[str]], text: str
) -> None:
    studio = opened()
    found = faults(studio, state(studio, **balance))
    assert sorted(key for key, _ in found) == sorted(keys)
    assert any(text in told for _, told in found)
    assert not any("recipe.balance.size:" in told for _, told in found)


def test_a_column_that_the_pool_lacks_is_told_and_can_be_curated(opened: Any, tmp_path: Path) -> None:
    studio = opened()
    asked = state(studio, strata=[{"column": "maker"}], policy="equal", size=70)
    assert [key for key, text in faults(studio, asked) if "the curated pool has no column 'maker'" in text] == [
        ["balance"]
    ]
    before = studio.pools
    studio.curate(asked)
    curated(studio)
    assert studio.pools == before + 1
    assert_as_run(studio, asked, tmp_path / "out")
    assert_as_run(studio, state(studio), tmp_path / "out")


def test_columns_that_are_read_otherwise_are_curated_anew(opened: Any, tmp_path: Path) -> None:
    text = TEXT.replace("curate:\n  - number: {column: price}\n", "").replace("{price:.0f}", "{maker}")
    studio = opened(text.replace("  label: price\n", ""), bad=9)
    own = {"strata": [CATEGORY], "policy": "equal", "size": 90}
    unread: dict[str, Any] = {"seed": 1, "balance": own}
    passed: dict[str, Any] = {"seed": 1, "balance": {**own, "label": "price"}}
    for asked, keys, why in (
        (unread, ["balance"], "9 rows that could not be read may be good without it"),
        (passed, ["balance.label"], "has no column 'price' read as any"),
    ):
        studio.curate(None)
        curated(studio)
        ((found, told),) = faults(studio, asked)
        assert (found, why in told) == (keys, True)
        studio.curate(asked)
        curated(studio)
        rows = evenly.run(studio.recipe(asked), tmp_path / "out", force=True).manifest["rows"]
        assert rows["kept"] == ROWS
        assert studio.view(asked, None)["rows"]["kept"] == ROWS


def test_another_label_is_held_out_as_a_run_does(opened: Any, tmp_path: Path) -> None:
    studio = opened(
        TEXT.replace('prompt: "{title} "', 'prompt: "{title} {category}"') + "holdout: {fraction: 0.3, group: exact}\n"
    )
    asked = state(studio) | {"balance": {"label": "category", "strata": [CATEGORY], "policy": "equal", "size": 90}}
    assert [key for key, _ in faults(studio, asked)] == [["balance.label"]]
    studio.curate(asked)
    curated(studio)
    data = studio.recipe(asked).to_dict()
    rows = evenly.run(data, tmp_path / "out").manifest["rows"]
    found = studio.view(asked, None)["rows"]
    assert (found["held_out"], found["selected"]) == (rows["held_out"], rows["selected"])


def test_bars_give_records_that_are_selected_each_once(opened: Any, tmp_path: Path) -> None:
    studio = opened()
    asked = state(studio)
    run(studio, asked, tmp_path / "out")
    ledger = pl.read_parquet(tmp_path / "out/ledger/kept-*.parquet")
    prices = dict(zip(ledger["id"], ledger["stratum"], strict=True))
    selected = set(ledger.filter("selected")["id"])
    found = studio.view(asked, None)
    names, drawn = found["ground"]["strata"]["names"], found["strata"]["n"]
    for place in (0, len(names) - 1):
        told, ids = None, []
        while told is None or len(ids) < told["count"]:
            told = studio.bar(asked, Asked(place=place, skip=len(ids)))
            ids += [dict(row["facts"])["id"] for row in told["rows"]]
        assert told["count"] == len(ids) == len(set(ids)) == drawn[place]
        assert selected.issuperset(ids)
        assert {prices[one] for one in ids} == {names[place]}
    every = studio.bar(asked, Asked(place=0, selected=False))
    assert every["count"] == found["ground"]["strata"]["N"][0]
    row = every["rows"][0]
    assert [name for name, _ in row["facts"]] == ["id", "price", "category", "tokens"]
    assert [part["role"] for part in row["parts"]] == ["prompt", "completion"]
    assert studio.bar(asked, Asked(place=0, skip=10**9))["rows"] == []
    for wrong in (
        Asked(place=10**6),
        Asked(chart="pie"),
        Asked(chart="label", category=3),
        Asked(chart="category", place=9),
    ):
        with pytest.raises(ImpossibleError):
            studio.bar(asked, wrong)


@pytest.mark.parametrize("name", BALANCES)
def test_a_downloaded_recipe_is_the_state(opened: Any, name: str) -> None:
    studio = opened(TEXT + "variants: {flat: {balance: {policy: equal, size: 90, cap: null}}}\n")
    asked = state(studio, 2**60, **BALANCES[name])
    text = studio.written(asked)
    read = evenly.Recipe.from_text(text)
    assert read.fingerprint() == studio.recipe(asked).fingerprint()
    assert "# a shop\nname: shop            # of the tests\n" in text
    assert "listings.jsonl" in text
    assert str(studio.start.folder) not in text
    (studio.start.folder / "again.yaml").write_text(text, encoding="utf-8")
    evenly.Recipe.from_file(studio.start.folder / "again.yaml")


def test_the_state_of_the_recipe_is_downloaded_as_it_is(opened: Any) -> None:
    studio = opened()
    assert studio.written(state(studio)) == TEXT
    null = state(studio)
    null["balance"] |= {"size": None, "min": None}
    assert studio.written(null) == TEXT


def test_variants_that_no_longer_go_with_the_recipe_are_not_downloaded(opened: Any) -> None:
    more = "variants:  # of before\n  other: {balance: {alpha: 0.5}}\n"
    studio = opened(TEXT.replace("  cap: 90", "  policy: power\n  alpha: 1\n  size: 90") + more)
    assert "# of before" in studio.written(state(studio, 3))
    changed = state(studio, 3, strata=[PRICE], cap=3)
    found = studio.written(changed)
    assert "variants" not in found
    assert evenly.Recipe.from_text(found).fingerprint() == studio.recipe(changed).fingerprint()


def test_a_build_writes_the_rows_of_the_page(opened: Any) -> None:
    studio = opened(TEXT + "split: {train: 0.8, test: 0.2}\n")
    asked = state(studio, 5, **BALANCES["crossed"])
    seen = studio.view(asked, None)
    studio.build(asked, "made", force=False)
    told = ended(studio)
    assert (told["state"], told["kind"], told["name"]) == ("done", "build", "made")
    out = studio.start.folder / "made"
    assert told["result"]["folder"] == str(out)
    assert told["result"]["splits"] == seen["splits"]
    assert told["result"]["page"] is None
    assert evenly.verify(out).holds
    assert json.loads((out / "manifest.json").read_text())["recipe_fingerprint"] == studio.recipe(asked).fingerprint()
    ledger = pl.read_parquet(out / "ledger/kept-*.parquet")
    assert dict(ledger.filter("selected").group_by("split").len().iter_rows()) == seen["splits"]
    drawn = ledger.filter("selected").group_by("stratum").len()
    counted = dict(zip(seen["ground"]["strata"]["names"], seen["strata"]["n"], strict=True))
    assert dict(drawn.iter_rows()) == {name: rows for name, rows in counted.items() if rows}


def test_a_build_replaces_an_output_only_if_that_is_asked(opened: Any) -> None:
    studio = opened()
    folder = studio.start.folder
    studio.build(state(studio), "made", force=False)
    assert ended(studio)["state"] == "done"
    with pytest.raises(UserError, match=r"made: is there already\. Replace it, or choose another name\."):
        studio.build(state(studio), "made", force=False)
    studio.build(state(studio, 99), "made", force=True)
    assert ended(studio)["state"] == "done"
    assert json.loads((folder / "made/manifest.json").read_text())["seed"] == 99
    (folder / "mine").mkdir()
    (folder / "mine" / "notes.txt").touch()
    (folder / "link").symlink_to("made")
    (folder / "broken").symlink_to("nowhere")
    for name, why in (
        ("mine", "nothing that could be replaced"),
        ("shop.yaml", "nothing that could be replaced"),
        ("link", "is a link"),
        ("broken", "is a link"),
        *(
            (odd, "is no name")
            for odd in ("", ".", "..", ".made", "-made", "a/b", "../made", "/absolute", "a\\b", "a\n", "é")
        ),
    ):
        with pytest.raises(UserError, match=why):
            studio.build(state(studio), name, force=True)
        with pytest.raises(UserError, match=why):
            studio.ablate([("one", state(studio))], name, None, force=True)
    assert (folder / "mine" / "notes.txt").exists()


def test_a_build_that_could_not_be_is_refused_before_it_begins(opened: Any) -> None:
    studio = opened(TEXT + "split: {train: 700, test: 50}\n")
    number = ended(studio)["number"]
    with pytest.raises(ImpossibleError):
        studio.build(state(studio, strata=[PRICE], size=10**6), "made", force=False)
    small = state(studio, strata=[PRICE], policy="equal", size=70)
    assert "750" in studio.view(small, None)["blocked"]
    assert studio.view(small, None)["splits"] is None
    with pytest.raises(UserError, match="750"):
        studio.build(small, "made", force=False)
    assert ended(studio)["number"] == number


def test_a_page_of_a_build_is_shown_and_no_other_file(opened: Any) -> None:
    studio = opened(TEXT.replace("report: false", "report: true"))
    studio.build(state(studio), "made", force=False)
    assert ended(studio)["result"]["page"] == "report.html"
    with pytest.raises(UserError, match="no such page"):
        studio.page("made", "report.html")  # the tests draw none
    (studio.start.folder / "made/report.html").write_text("drawn")
    assert studio.page("made", "report.html").read_text() == "drawn"
    for name, file in (
        ("made", "manifest.json"),
        ("..", "report.html"),
        ("made", "../shop.yaml"),
        ("other", "report.html"),
    ):
        with pytest.raises(UserError, match="no such page"):
            studio.page(name, file)
    studio.build(state(studio), "next", force=False)
    ended(studio)
    with pytest.raises(UserError, match="no such page"):
        studio.page("made", "report.html")


def test_the_page_is_answered_while_a_build_runs(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = opened()
    go, began = threading.Event(), threading.Event()
    real = evenly.web.session.run_recipe

    def slow(*given: Any, **more: Any) -> Any:
        began.set()
        assert go.wait(60)
        return real(*given, **more)

    monkeypatch.setattr("evenly.web.session.run_recipe", slow)
    studio.build(state(studio), "made", force=False)
    assert began.wait(60)
    assert studio.view(state(studio, 8), None)["rows"]["selected"] > 0
    with pytest.raises(UserError, match="build made is still at work"):
        studio.build(state(studio), "other", force=False)
    with pytest.raises(UserError, match="build made is still at work"):
        studio.curate(None)
    go.set()
    assert ended(studio)["state"] == "done"


def test_variants_are_told_apart_by_proxies(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr("evenly.web.session.ablate", lambda *recipes, **options: asked.append((recipes, options)))
    studio = opened()
    states = [("shop", state(studio)), ("equal", state(studio, policy="equal", size=70, strata=[PRICE]))]
    studio.ablate(states, "trial", 300, force=False)
    assert ended(studio)["result"] == {
        "folder": str(studio.start.folder / "trial"),
        "name": "trial",
        "page": "ablation.html",
    }
    studio.ablate(states[:1], "trial", None, force=True)
    ended(studio)
    (recipes, options), (_, plain) = asked
    assert [one.name for one in recipes] == ["shop", "equal"]
    assert [one.fingerprint() for one in recipes] == [studio.recipe(own, name).fingerprint() for name, own in states]
    assert options["rows"] == 300
    assert (options["out"], options["force"]) == (studio.start.folder / "trial", False)
    assert "rows" not in plain
    for wrong, why in (
        ([], "expected 1 to 5"),
        (states * 3, "expected 1 to 5"),
        ([states[0], states[0]], "of different names"),
        ([("a/b", state(studio))], "is no name"),
    ):
        with pytest.raises(UserError, match=why):
            studio.ablate(wrong, "next", None, force=False)
    with pytest.raises(ImpossibleError):
        studio.ablate([("one", state(studio, cap=0))], "next", None, force=False)


@pytest.mark.slow
def test_proxies_are_trained_on_two_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ..ablation import shop  # noqa: TID252 - the tests are no package to name
    from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

    real = evenly.ablate
    quick: Any = {"seeds": 2, "proxies": ["ridge"], "scales": ["units"], "smallest_effect": 0.05}
    monkeypatch.setattr("evenly.web.session.ablate", lambda *recipes, **more: real(*recipes, **more, **quick))
    data = shop.recipe(write_lines(tmp_path / "shop.jsonl", shop.listings(3_000)))
    recipe = evenly.Recipe.from_dict(data)
    studio = curated(Session(Start(recipe, "", tmp_path)))
    own = state_of(recipe.to_dict())
    equal = {**own, "balance": {**own["balance"], "policy": "equal"}}
    studio.ablate([("even", own), ("equal", equal)], "trial", None, force=False)
    told = ended(studio)
    assert (told["state"], told["text"]) == ("done", "")
    numbers = json.loads((tmp_path / "trial/ablation.json").read_text())
    assert [one["name"] for one in numbers["results"][0]["variants"]] == ["constant", "even", "equal"]
    studio.close()


def test_a_pool_that_can_not_be_curated_is_told_and_tried_again(tmp_path: Path) -> None:
    place = write_shop(tmp_path)
    (tmp_path / "listings.jsonl").rename(tmp_path / "away")
    recipe = evenly.Recipe.from_file(place)
    studio = Session(Start(recipe, TEXT, tmp_path))
    told = ended(studio)
    assert (told["state"], studio.ready, studio.pools) == ("failed", False, 0)
    assert "listings.jsonl" in told["text"]
    for question in (
        studio.about,
        lambda: studio.view(state(studio), None),
        lambda: studio.bar(state(studio), Asked()),
    ):
        with pytest.raises(UserError, match="not curated yet"):
            question()
    (tmp_path / "away").rename(tmp_path / "listings.jsonl")
    studio.curate(None)
    curated(studio)
    assert (studio.ready, studio.pools) == (True, 1)
    (tmp_path / "listings.jsonl").rename(tmp_path / "away")
    studio.curate(state(studio, strata=[{"column": "maker"}], cap=9))
    assert ended(studio)["state"] == "failed"
    assert studio.view(state(studio), None)["rows"]["kept"] == ROWS  # the pool that was there answers on
    studio.close()


def test_a_recipe_whose_wishes_can_not_be_met_is_curated_all_the_same(opened: Any) -> None:
    studio = opened(TEXT.replace("cap: 90", "size: 1000000"))
    assert faults(studio, state(studio))[0][0] == ["balance.size"]
    assert studio.view(state(studio, **BALANCES["cap"]), None)["rows"]["selected"] > 0


def test_what_a_page_needs_to_know_once(opened: Any) -> None:
    about = opened().about()
    assert about["state"]["seed"] == 7
    assert (about["records"], about["curated"], about["read"]) == (ROWS, ROWS, ROWS)
    assert {"name": "price", "kind": "number"} in about["columns"]
    assert {"name": "tokens", "kind": "number"} in about["columns"]
    assert {"name": "category", "kind": "text"} in about["columns"]
    assert not any(one["name"].startswith("__") for one in about["columns"])
    assert (about["label"], about["category"], about["counted"]) == ("price", "category", True)


def test_a_studio_of_an_output_is_one_of_its_recipe(tmp_path: Path) -> None:
    place = write_shop(tmp_path)
    manifest = evenly.run(place, tmp_path / "out", set=["seed=12"]).manifest
    studio = curated(Session(_start(tmp_path / "out", [], None)))
    assert (studio.start.folder, studio.start.place, studio.start.recipe.seed) == (tmp_path, None, 12)
    assert studio.view(state(studio), None)["rows"]["selected"] == manifest["rows"]["selected"]
    assert ended(studio)["result"]["reused"] is True
    text = studio.written(state(studio, 13))
    assert evenly.Recipe.from_text(text).fingerprint() == studio.recipe(state(studio, 13)).fingerprint()
    studio.close()


def test_a_studio_of_tables_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = write_shop(tmp_path / "data")
    table = pl.read_ndjson(tmp_path / "data" / "listings.jsonl")
    data = evenly.Recipe.from_file(place).to_dict()
    del data["sources"][0]["files"]
    studio = curated(Session(_start(data, "seed=3", table)))  # pyright: ignore[reportArgumentType]
    assert studio.start.recipe.seed == 3
    seen = studio.view(state(studio, **BALANCES["crossed"]), None)
    result = evenly.run(studio.recipe(state(studio, **BALANCES["crossed"])), tmp_path / "run", data=table)
    assert seen["rows"]["selected"] == result.manifest["rows"]["selected"]
    studio.build(state(studio, **BALANCES["crossed"]), "made", force=False)
    assert ended(studio)["state"] == "done"
    made = json.loads((tmp_path / "made/manifest.json").read_text())
    assert made["selection_digest"] == result.manifest["selection_digest"]
    assert evenly.Recipe.from_text(studio.written(state(studio, 4))).seed == 4
    with pytest.raises(UserError, match="tables from Python"):
        studio.ablate([("one", state(studio))], "trial", None, force=False)
    studio.close()


def used() -> list[bool]:
    """Return for each pool that is said to be in use whether it is, by someone who lives."""
    found: list[bool] = []
    for use in cache_folder().glob("scratch/*/uses/*"):
        folder = use.parents[1]
        with tried(lock_of(folder)) as free:
            found.append(not free)
    return found


def test_closing_ends_jobs_and_lets_the_pool_go(opened: Any) -> None:
    studio = opened()
    assert used() == [True]
    studio.curate(state(studio, strata=[{"column": "maker"}], cap=9))
    curated(studio)
    assert used() == [True]
    began, go = threading.Event(), threading.Event()

    def work(reporter: Any) -> dict[str, Any]:
        with reporter.phase("long", 1, "rows") as advance:
            began.set()
            while not go.wait(0.001):
                advance(0)
            return {}

    studio.jobs.start("build", "long", work)
    assert began.wait(60)
    studio.close()
    assert ended(studio)["state"] == "cancelled"
    assert used() == []
    with pytest.raises(UserError, match="closing"):
        studio.curate(None)


def test_a_pool_that_is_curated_after_the_end_is_not_held(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = opened()
    go, began = threading.Event(), threading.Event()

    def slow(*_: Any) -> None:
        began.set()
        assert go.wait(60)

    monkeypatch.setattr("evenly.web.session.view", slow)
    studio.curate(None)
    assert began.wait(60)
    studio.close(0.01)
    go.set()
    assert ended(studio)["state"] == "cancelled"
    assert used() == []
