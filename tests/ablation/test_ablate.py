"""Ablations from recipes to verdicts: what is trained and tested on, what is told, and what bad input gets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

import evenly
from evenly import cli

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name
from .shop import listings, recipe

if TYPE_CHECKING:
    from pathlib import Path

QUICK: Any = {"seeds": 3, "proxies": ["ridge"], "scales": ["units"], "smallest_effect": 0.03}
EQUAL = {"policy": "equal", "size": 400, "shortfall": "redistribute"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_lines(tmp_path / "shop.jsonl", listings(4_000))
    return tmp_path / "shop.jsonl"


def words(numbers: dict[str, Any], variant: str, model: int = 0) -> dict[str, str]:
    own = next(one for one in numbers["results"][model]["variants"] if one["name"] == variant)
    return {one["region"]: one["word"] for one in own["verdicts"]}


@pytest.mark.drawn
def test_balance_helps_the_tail_and_hurts_what_is_common(files: Path, tmp_path: Path) -> None:
    data = recipe(files, variants={"equal": {"balance": EQUAL}})
    result = evenly.ablate(data, out=tmp_path / "out", bands=[100.0], **QUICK)
    told = words(result.numbers, "equal")
    assert (told["natural"], told["many-shot"], told["few-shot"]) == ("hurts", "hurts", "helps")
    assert result.numbers["base"] == "even"
    names = [one["name"] for one in result.numbers["results"][0]["variants"]]
    assert names == ["constant", "even", "equal"]
    regions = {one["name"]: one["rows"] for one in result.numbers["regions"]}
    assert regions["natural"] == regions["below 100"] + regions["100 and over"]
    shots = [regions[f"{name}-shot"] for name in ("many", "medium", "few")]
    assert sum(shots) <= regions["natural"]
    assert (result.folder / "ablation.html").is_file()
    assert {path.suffix for path in (result.folder / "charts").iterdir()} == {".svg", ".png"}


def test_every_figure_follows_from_the_predictions_that_are_kept(files: Path, tmp_path: Path) -> None:
    data = recipe(files, variants={"equal": {"balance": EQUAL}})
    result = evenly.ablate(data, out=tmp_path / "out", **QUICK)
    kept = result.predictions()
    tests = {row["name"]: row for row in result.numbers["regions"]}
    for variant in ("even", "equal"):
        own = kept.filter(pl.col("variant") == variant)
        assert own.height == 3 * tests["natural"]["rows"]
        measures = next(one for one in result.numbers["results"][0]["variants"] if one["name"] == variant)["measures"]
        value = own.select((pl.col("prediction") - pl.col("label")).abs().mean()).item()
        assert measures["natural"]["mae"]["value"] == pytest.approx(value)


def test_it_can_be_repeated_from_its_folder(files: Path, tmp_path: Path) -> None:
    data = recipe(files, variants={"equal": {"balance": EQUAL}})
    options = QUICK | {"proxies": ["ridge", "trees"], "scales": ["units", "log"]}
    first = evenly.ablate(data, out=tmp_path / "out", **options).numbers
    again = evenly.ablate(tmp_path / "out", out=tmp_path / "again").numbers
    for key in set(first) - {"timings", "files"}:
        assert first[key] == again[key], key


def test_training_sets_are_the_first_rows_of_what_a_run_writes(files: Path, tmp_path: Path) -> None:
    import hashlib

    data = recipe(files, split={"train": 0.9, "test": 0.1})
    result = evenly.ablate(data, out=tmp_path / "out", rows=200, **QUICK)
    facts = result.numbers["variants"][0]
    for seed, digest in zip(result.numbers["seeds"], facts["digests"], strict=True):
        run = evenly.run(data | {"seed": seed}, tmp_path / f"run-{seed}")
        train = pl.concat([pl.read_parquet(path) for path in sorted(run.folder.glob("data/train-*.parquet"))])
        ids = sorted(train["id"].head(200).to_list(), key=str.encode)
        assert hashlib.sha256("\n".join(ids).encode()).hexdigest() == digest
        tested = pl.read_parquet(run.folder / "holdout" / "natural-00000-of-00001.parquet")["id"]
        assert not set(tested) & set(train["id"])
        of_test = hashlib.sha256("\n".join(sorted(tested.to_list(), key=str.encode)).encode()).hexdigest()
        assert of_test == result.numbers["tests"]["natural"]["digest"]


def test_where_none_is_a_proportional_sample_one_is_made(files: Path, tmp_path: Path) -> None:
    data = recipe(files)
    data["balance"] = {"label": "price", "strata": data["balance"]["strata"], **EQUAL}
    result = evenly.ablate(data, out=tmp_path / "out", **QUICK)
    assert result.numbers["base"] == "proportional sample"
    assert [one["given"] for one in result.numbers["variants"]] == [False, True]
    again = evenly.ablate(tmp_path / "out", out=tmp_path / "again")
    assert again.numbers["results"] == result.numbers["results"]


def test_weights_give_back_what_balance_took_from_the_natural_test(files: Path, tmp_path: Path) -> None:
    changes = {"plain": {"balance": EQUAL}, "weighted": {"balance": EQUAL, "train_weight": "design"}}
    result = evenly.ablate(recipe(files, variants=changes), out=tmp_path / "out", **QUICK)
    variants = {one["name"]: one for one in result.numbers["results"][0]["variants"]}
    natural = {name: one["measures"]["natural"]["mae"]["value"] for name, one in variants.items()}
    assert natural["weighted"] < natural["plain"] - 0.5 * (natural["plain"] - natural["even"])
    digests = {one["name"]: one["digests"] for one in result.numbers["variants"]}
    assert digests["plain"] == digests["weighted"]


@pytest.mark.drawn
def test_a_size_curve_falls_and_says_from_where_on_it_is_flat(files: Path, tmp_path: Path) -> None:
    result = evenly.ablate(recipe(files), out=tmp_path / "out", sizes=[50, 100, 400], **QUICK)
    own = next(one for one in result.numbers["sizes"] if one["test"] == "natural")
    assert [point["size"] for point in own["points"]] == [50, 100, 400]
    assert own["points"][0]["value"] > own["points"][-1]["value"]
    assert own["flat_from"] in {None, 100}


def test_variants_of_other_curation_are_tested_on_the_same_records(files: Path, tmp_path: Path) -> None:
    short = {"curate": [{"chars": {"column": "text", "truncate": 12}}]}
    near = {"fraction": 0.3, "group": "near", "balanced": 700}
    result = evenly.ablate(recipe(files, holdout=near, variants={"short": short}), out=tmp_path / "out", **QUICK)
    kept = result.predictions()
    ids = [set(kept.filter(pl.col("variant") == name)["id"]) for name in ("even", "short")]
    assert ids[0] == ids[1]
    pools = {one["pool"] for one in result.numbers["variants"]}
    assert len(pools) == 2


@pytest.mark.drawn
def test_classes_have_measures_of_their_own(files: Path, tmp_path: Path) -> None:
    data = recipe(files, variants={"equal": {"balance": EQUAL | {"size": 300}}})
    data["template"] = {"prompt": "{text}", "completion": "{shelf}"}
    data["balance"] |= {"label": "shelf", "strata": [{"column": "shelf"}]}
    data["holdout"] = {"fraction": 0.3, "balanced": 500}
    result = evenly.ablate(data, out=tmp_path / "out", rows=300, **QUICK | {"proxies": ["ridge", "trees"]})
    assert result.numbers["classes"] == ["cheap", "dear", "middle"]
    assert result.numbers["measure"] == "macro_f1"
    assert [one["name"] for one in result.numbers["measures"]] == [
        "macro_f1",
        "balanced_accuracy",
        "accuracy",
        "worst_group",
    ]
    even = next(one for one in result.numbers["results"][0]["variants"] if one["name"] == "even")["measures"]
    assert even["natural"]["accuracy"]["value"] > 0.7
    assert set(result.predictions()["prediction"]) <= {"cheap", "dear", "middle"}
    page = (result.folder / "ablation.html").read_text()
    assert "most frequent class" in page


def test_a_budget_in_tokens_is_kept_to(files: Path, tmp_path: Path) -> None:
    data = recipe(files, tokenizer="o200k_base", variants={"equal": {"balance": EQUAL}})
    result = evenly.ablate(data, out=tmp_path / "out", tokens=6_000, **QUICK)
    run = evenly.run(data, tmp_path / "run")
    train = pl.read_parquet(run.folder / "data" / "train-00000-of-00001.parquet")
    rows = result.numbers["variants"][0]["rows"][0]
    spent = train["tokens"].head(rows).sum()
    assert spent <= 6_000 < train["tokens"].head(rows + 1).sum()
    assert result.numbers["budget"] == "6,000 tokens"


@pytest.mark.drawn
def test_a_proxy_that_fails_is_told_in_its_cell(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        message = "libgomp.so.1: no such file\nand more"
        raise OSError(message)

    monkeypatch.setattr("evenly.ablation.proxies._trees", broken)
    data = recipe(files, variants={"equal": {"balance": EQUAL}})
    result = evenly.ablate(data, out=tmp_path / "out", **QUICK | {"proxies": ["ridge", "trees"]})
    ridge, trees = result.numbers["results"]
    assert all("failed" not in one for one in ridge["variants"])
    assert [one.get("failed", "") for one in trees["variants"]][1:] == [
        "seed 5: OSError: libgomp.so.1: no such file"
    ] * 2
    assert "could not be fitted: seed 5: OSError" in (result.folder / "ablation.html").read_text()


@pytest.mark.parametrize(
    ("changes", "options", "told"),
    [
        ({}, {"rows": 500}, "even: its recipe selects 400 training rows, the budget asks for 500"),
        ({}, {"tokens": 50}, "--tokens: the recipes name no tokenizer"),
        ({}, {"rows": 5, "sizes": [10]}, "--rows, --tokens, --sizes: each of them is the budget"),
        ({}, {"seeds": 1}, "--seeds: found 1, expected at least 2"),
        ({}, {"measure": "maee"}, "--measure: 'maee' is none of this label's. Did you mean 'mae'?"),
        ({}, {"proxies": ["rige"]}, "--proxies: 'rige' is none. Did you mean 'ridge'?"),
        ({}, {"smallest_effect": 0.0001}, "the natural test has"),
        ({"holdout": {"fraction": 0.3, "balanced": 50}}, {}, "the balanced test has 50 rows"),
        ({"variants": {"other": {"balance": {"label": "shelf"}}}}, {}, "other: predicts 'shelf', even 'price'"),
    ],
)
def test_what_can_not_be_compared_is_told_in_a_line(
    files: Path, tmp_path: Path, changes: dict[str, Any], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(evenly.UserError) as fault:
        evenly.ablate(recipe(files, **changes), out=tmp_path / "out", **QUICK | options)
    assert told in str(fault.value)
    assert len(str(fault.value).splitlines()) <= 2
    assert not (tmp_path / "out").exists()


def test_a_label_of_one_value_has_nothing_to_predict(tmp_path: Path) -> None:
    write_lines(tmp_path / "one.jsonl", [one | {"price": 5.0} for one in listings(3_000)])
    with pytest.raises(evenly.UserError, match="even: 'price' has one value in its training rows"):
        evenly.ablate(recipe(tmp_path / "one.jsonl"), out=tmp_path / "out", **QUICK)


def test_the_command_tells_the_same(files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(recipe(files, variants={"equal": {"balance": EQUAL}})))
    words = ["ablate", str(path), "--out", str(tmp_path / "out"), "--seeds", "2", "--proxies", "ridge"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "sys.argv", ["evenly", *words, "--sizes", "0.1k,0.2k", "--bands", "100", "--smallest-effect", "0.03"]
        )
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "proxy ridge, log: MAE against even" in shown
    assert "100 and over" in shown
    assert "flat from" in shown
    numbers = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert numbers["budget"] == "200 rows"
    assert np.isfinite(numbers["results"][0]["variants"][1]["measures"]["natural"]["mae"]["value"])


def test_without_the_extra_a_line_says_what_to_install(files: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    script = """
import json, sys
sys.modules["sklearn"] = None  # as if it were not installed
import evenly
try:
    evenly.ablate(json.loads(sys.argv[1]), out=sys.argv[2])
except evenly.UserError as fault:
    print(fault)
"""
    words = [sys.executable, "-c", script, json.dumps(recipe(files)), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "Run: pip install 'evenly[ablate]'" in done.stdout


@pytest.mark.usefixtures("_ray")
def test_ray_gives_the_same(files: Path, tmp_path: Path) -> None:
    data = recipe(files, variants={"equal": {"balance": EQUAL}})
    local = evenly.ablate(data, out=tmp_path / "local", **QUICK).numbers
    ray = evenly.ablate(data, out=tmp_path / "ray", engine="ray", **QUICK).numbers
    assert local["results"] == ray["results"]
