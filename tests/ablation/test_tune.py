"""Searches: a planted optimum is found, an interrupted search goes on, and what is chosen is written out whole."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import optuna
import polars as pl
import pytest

import evenly
from evenly import cli
from evenly.ablation.fits import classes_of
from evenly.ablation.ground import prepare_ground
from evenly.ablation.knobs import Knob, knobs_of, parse_knob, set_key, starting_values, turned
from evenly.ablation.sets import held_ids
from evenly.ablation.tune import knee
from evenly.engines.local import LocalEngine
from evenly.recipe.model import Recipe

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name
from .shop import listings, recipe

if TYPE_CHECKING:
    from pathlib import Path

FEW: Any = {"seeds": 2, "last_seeds": 2, "smallest_effect": 0.03, "rows": 200}


@pytest.fixture(autouse=True)
def _undrawn_search(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:  # pyright: ignore[reportUnusedFunction]
    if request.node.get_closest_marker("drawn") is None:
        monkeypatch.setattr("evenly.reporting.files.write_charts", lambda *_: None)
        monkeypatch.setattr("evenly.reporting.pages.render_page", lambda *_: "")


def planted() -> list[dict[str, Any]]:
    """Return listings of eight shelves. Each is half as large as the one before, and its words say 1.45 times as much.

    The more a shelf's words say, the more is lost where few of its rows are trained on: that pulls towards equal
    shares. The larger a shelf, the more of the test it is: that pulls towards proportional ones. With these numbers
    the two meet near alpha 0.5, where the error of the ridge proxy is 3 % below that at 0 and at 1.
    """
    rng = random.Random(1)
    rows: list[dict[str, Any]] = []
    for shelf in range(8):
        says = {f"k{shelf}w{word}": rng.gauss(0, 10 * 1.45**shelf) for word in range(40)}
        for number in range(int(3_000 * 0.5**shelf)):
            words = rng.sample(sorted(says), 8)
            price = round(100 + sum(says[word] for word in words), 2)
            rows.append({"id": f"{shelf}-{number}", "text": " ".join(words), "shelf": f"s{shelf}", "price": price})
    return rows


@pytest.mark.slow
@pytest.mark.statistical
def test_a_planted_optimum_is_found(tmp_path: Path) -> None:
    # The paired standard error of the differences between 0.5 and the ends is about 0.4 %.
    write_lines(tmp_path / "planted.jsonl", planted())
    data = {
        "name": "planted",
        "seed": 2,
        "sources": [{"name": "s", "files": str(tmp_path / "planted.jsonl"), "id": "id"}],
        "template": {"prompt": "{text}", "completion": "{price:.0f}"},
        "holdout": {"fraction": 0.15, "strata": [{"column": "price", "edges": [-1e6, 1e6]}]},
        "balance": {
            "label": "price",
            "strata": [{"column": "shelf"}],
            "policy": "power",
            "alpha": 1.0,
            "size": 900,
            "shortfall": "redistribute",
        },
    }
    result = evenly.tune(data, out=tmp_path / "out", trials=16, seeds=6, last_seeds=2, smallest_effect=0.05)
    chosen = result.numbers["chosen"]["balance.alpha"]
    assert 0.3 <= chosen <= 0.75
    trials = {one["number"]: one for one in result.numbers["search"]["trials"]}
    assert trials[0]["values"] == {"balance.alpha": 1.0}
    assert trials[result.numbers["search"]["knee"]]["natural"] < 0.985 * trials[0]["natural"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_lines(tmp_path / "shop.jsonl", listings(3_000))
    return tmp_path / "shop.jsonl"


def test_a_search_that_was_interrupted_finds_what_it_would_have_found(files: Path, tmp_path: Path) -> None:
    data = recipe(files)
    whole = evenly.tune(data, out=tmp_path / "whole", trials=12, **FEW)
    evenly.tune(data, out=tmp_path / "parts", trials=5, **FEW)
    # A process that was killed at work leaves a trial that was asked for and never told.
    study = optuna.load_study(study_name="tune", storage=f"sqlite:///{tmp_path / 'parts' / 'study.sqlite3'}")
    study.sampler = optuna.samplers.TPESampler(seed=3 * 1_000_003 + 5, n_startup_trials=10)
    study.ask({"balance.alpha": optuna.distributions.FloatDistribution(0, 1)})
    parts = evenly.tune(data, out=tmp_path / "parts", trials=12, **FEW)
    assert parts.numbers["search"] == whole.numbers["search"]
    assert parts.numbers["chosen"] == whole.numbers["chosen"]
    with pytest.raises(evenly.UserError, match="holds another search"):
        evenly.tune(data, out=tmp_path / "parts", trials=12, **FEW | {"rows": 150})
    anew = evenly.tune(data, out=tmp_path / "parts", trials=1, force=True, **FEW | {"rows": 150})
    assert len(anew.numbers["search"]["trials"]) == 1


def test_the_last_test_is_seen_by_no_trial(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / "cache"))
    own = Recipe.from_dict(recipe(files))
    ground = prepare_ground(own, "units", 2, None, 500, tmp_path, LocalEngine())
    run = evenly.run(own, tmp_path / "run")
    import polars as pl

    ledger = pl.concat([pl.read_parquet(path) for path in run.folder.glob("ledger/kept-*.parquet")])
    last = set(ledger.filter("held_out")["id"])
    searched = set(ground.tests.rows["__id__"])
    apart = set(held_ids(ground.first.pool))
    assert last
    assert searched
    assert not last & searched
    assert last | searched == apart


def test_the_recipe_that_is_written_keeps_its_comments_and_runs_where_it_stands(tmp_path: Path) -> None:
    write_lines(tmp_path / "data" / "shop.jsonl", listings(3_000))
    (tmp_path / "recipes").mkdir()
    source = tmp_path / "recipes" / "own.yaml"
    source.write_text(
        """# What we train on.
name: own
seed: 3
sources: [{name: s, files: ../data/*.jsonl, id: id}]   # the shop
template: {prompt: "{text}", completion: "{price:.0f}"}
holdout: {fraction: 0.3, balanced: 500}
balance:
  label: price        # dollars
  strata: [{column: price, width: 40}]
  policy: proportional
  size: 300
  shortfall: redistribute
  take_all: "price >= 600"
"""
    )
    result = evenly.tune(source, out=tmp_path / "deep" / "tuned", trials=3, **FEW)
    text = result.recipe.read_text()
    assert text == result.numbers["written"]
    assert "# dollars" in text
    assert "# What we train on." in text
    assert "files: ../../recipes/../data/*.jsonl" in text or "files: ../../data/*.jsonl" in text
    tuned = evenly.check(result.recipe)
    assert (tuned.balance.policy, tuned.balance.alpha) == ("power", result.numbers["chosen"]["balance.alpha"])
    assert tuned.balance.take_all == result.numbers["chosen"]["balance.take_all"]
    assert evenly.run(result.recipe, tmp_path / "again").manifest["rows"]["selected"] == 300
    names = [one["name"] for one in result.numbers["ablation"]["variants"]]
    assert set(names) == {"own", "own-tuned", "proportional sample"}


@pytest.mark.drawn
def test_the_command_shows_the_front_and_the_page(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(recipe(files)))
    words = ["tune", str(path), "--out", str(tmp_path / "out"), "--trials", "4", "--seeds", "2", "--rows", "200"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evenly.ablation.options.DEFAULT_EFFECT", 0.05)
        patch.setattr("sys.argv", ["evenly", *words, "--search", "balance.alpha=0.2:0.9", "--bands", "100"])
        with pytest.raises(SystemExit) as end:
            cli.main()
    shown = capsys.readouterr()
    assert end.value.code == 0, shown.err
    assert "the front: MAE of the proxy" in shown.out
    assert "best so far: trial" in shown.err
    page = (tmp_path / "out" / "tune.html").read_text()
    assert "Measured once, on the last test" in page
    assert (tmp_path / "out" / "charts" / "front.png").is_file()


@pytest.mark.parametrize(
    ("changes", "options", "told"),
    [
        ({}, {"trials": 0}, "--trials: found 0, expected at least 1"),
        ({}, {"minutes": -1.0}, "--minutes: found -1, expected more than 0"),
        ({}, {"rows": 5_000}, "--rows: 5,000 are asked for, the recipe selects"),
        ({}, {"search": ["balance.alpha"]}, "--search balance.alpha: expected KEY=LOW:HIGH"),
        ({}, {"search": ["balance.alpha=1:0"]}, "is no range from a lower to a higher number"),
        (
            {},
            {"search": ["balance.alhpa=0:1"]},
            "--search: none of 1 trials could be made; of the first: trial-0: recipe.balance",
        ),
        ({}, {"measure": "maee"}, "--measure: 'maee' is none of this label's. Did you mean 'mae'?"),
        ({}, {"scale": "logs"}, "--scale: found 'logs', expected units or log. Did you mean 'log'?"),
    ],
)
def test_what_can_not_be_searched_is_told_in_a_line(
    files: Path, tmp_path: Path, changes: dict[str, Any], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(evenly.UserError) as fault:
        evenly.tune(recipe(files, **changes), out=tmp_path / "out", **FEW | {"trials": 1} | options)
    assert told in str(fault.value)


def test_texts_that_are_no_classes_are_refused() -> None:
    texts = [pl.Series([f"text {number}" for number in range(start, start + 600)]) for start in (0, 400)]
    assert len(classes_of(texts)) == 1_000
    with pytest.raises(evenly.UserError, match=r"recipe\.balance\.label: 1,001 different texts are no classes"):
        classes_of([*texts, pl.Series(["one more", None])])
    assert classes_of([pl.Series([1, 2]), pl.Series([0.5])]) == []


def test_a_folder_that_is_no_search_is_left_alone(files: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(evenly.UserError, match=r"holds no study\.sqlite3 to go on with"):
        evenly.tune(recipe(files), out=tmp_path / "mine", force=True, trials=1, **FEW)
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def test_knobs_are_those_that_a_recipe_has() -> None:
    data = recipe("x.jsonl")  # pyright: ignore[reportArgumentType]
    data["curate"] = [{"chars": {"column": "text", "truncate": 400}}]
    data["balance"] = {
        "label": "price",
        "strata": [{"column": "price", "round": 1}],
        "policy": "cap",
        "cap": 100,
        "take_all": "price >= 240",
        "weight": {"column": "shelf", "values": {"a.b": 2, "c": 0}},
    }
    found = {knob.key: knob for knob in knobs_of(Recipe.from_dict(data), 100)}
    assert found["balance.cap"] == Knob("balance.cap", 10.0, 1000.0, log=True, whole=True)
    assert found["balance.take_all"].value(123.456) == "price >= 123.5"
    assert (found["balance.weight.values.a.b"].low, found["balance.weight.values.a.b"].high) == (0.2, 20.0)
    assert found["curate.0.chars.truncate"].choices == (100, 200, 300, 400)
    values: dict[str, Any] = {
        "balance.cap": 30,
        "balance.take_all": 300.0,
        "balance.weight.values.a.b": 3.25,
        "balance.weight.values.c": 1.0,
        "curate.0.chars.truncate": 200,
    }
    made = turned(Recipe.from_dict(data), list(found.values()), values, "made").to_dict()
    assert made["balance"]["cap"] == 30
    assert made["balance"]["take_all"] == "price >= 300"
    assert made["balance"]["weight"]["values"] == {"a.b": 3.25, "c": 1.0}
    assert made["curate"] == [{"chars": {"column": "text", "truncate": 200}}]
    start = starting_values(Recipe.from_dict(data), list(found.values()))
    assert start is None  # a weight of 0 lies outside what is searched
    assert starting_values(Recipe.from_dict(recipe("x.jsonl")), [Knob("balance.alpha")]) == {"balance.alpha": 1.0}  # pyright: ignore[reportArgumentType]


def test_a_key_may_be_of_a_list_and_may_be_new() -> None:
    data: dict[str, Any] = {"a": [{"b": 1}], "c": {"x.y": 2}}
    set_key(data, "a.0.b", 5)
    set_key(data, "c.x.y", 6)
    set_key(data, "d.e", 7)
    assert data == {"a": [{"b": 5}], "c": {"x.y": 6}, "d": {"e": 7}}
    assert parse_knob("balance.size=100:200").whole
    assert parse_knob("curate.1.tokens.truncate=40, 80").choices == (40, 80)


def test_the_knee_lies_farthest_from_the_line_between_the_ends() -> None:
    points = [(10.0, 100.0), (11.0, 60.0), (20.0, 55.0), (40.0, 50.0)]
    assert knee(points, lower=True) == 1
    assert knee([(-x, -y) for x, y in points], lower=False) == 1
    assert knee([(1.0, 1.0)], lower=True) == 0


def test_force_takes_what_a_search_left_and_only_once_the_next_can_begin(files: Path, tmp_path: Path) -> None:
    data, out = recipe(files), tmp_path / "out"
    evenly.tune(data, out=out, trials=1, **FEW)
    (out / "mine.txt").write_text("x")
    with pytest.raises(evenly.UserError, match="is no range"):
        evenly.tune(data, out=out, force=True, trials=1, search=["balance.cap=9:1"], **FEW)
    assert (out / "tune.json").is_file()
    with pytest.raises(evenly.UserError, match=r"lies in .*, which the search writes to"):
        evenly.tune(out / "tuned.yaml", out=out, force=True, trials=1, **FEW)
    assert (out / "tuned.yaml").is_file()
    evenly.tune(data, out=out, force=True, trials=2, **FEW)
    assert (out / "mine.txt").is_file()
    with pytest.raises(evenly.UserError, match=r"test has .* rows, the last measurement needs"):
        evenly.tune(data, out=tmp_path / "small", trials=1, **FEW | {"smallest_effect": 0.001})
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize("key", ["curate.9.chars.truncate", "balance.policy.foo", "sources.x.id"])
def test_a_key_that_leads_nowhere_is_told(files: Path, tmp_path: Path, key: str) -> None:
    with pytest.raises(evenly.UserError, match=f"--search {key}"):
        evenly.tune(recipe(files), out=tmp_path / "out", trials=1, search=[f"{key}=1:2"], **FEW)


def test_a_capped_size_is_searched_around_the_recipes_own() -> None:
    data = recipe("x.jsonl")  # pyright: ignore[reportArgumentType]
    data["balance"] = {"label": "price", "strata": [{"column": "price", "round": 1}], "policy": "cap", "size": 3000}
    (knob,) = knobs_of(Recipe.from_dict(data), 12_000)
    assert knob.low < 3000 < knob.high
