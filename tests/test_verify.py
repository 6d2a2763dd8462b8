"""Outputs against their manifests, and records against what became of them, on real listings with one broken line."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import evenly
from evenly import cli

from .conftest import write_lines

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def output(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a shop of the shared data, with a broken line appended, a holdout and unequal weights."""
    folder = tmp_path_factory.mktemp("why")
    with gzip.open(shared_data / "retail" / "walmart-amazon.jsonl.gz", "rt", encoding="utf-8") as rows:
        lines = [line.rstrip("\n") for line in rows]
    path = write_lines(folder / "shop.jsonl", [*lines, '{"id": "broken", "title": '])
    recipe: dict[str, Any] = {
        "name": "shop",
        "sources": [{"name": "shop", "files": str(path), "id": "id"}],
        "curate": [{"number": {"column": "price", "min": 0.5, "max": 999.49}}, {"unique": {"columns": "title"}}],
        "template": {"prompt": "{title} costs ", "completion": "{price:.0f}"},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "width": 20, "max": 500}],
            "cap": 300,
            "weight": "1 + price / 1000",
        },
        "split": {"train": 0.9, "test": 0.1},
        "holdout": {"fraction": 0.1, "group": "exact"},
        "export": {"report": False},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(folder / "cache"))
        return evenly.run(recipe, folder / "out").folder


def ledger(output: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted(output.glob("ledger/kept-*.parquet"))])


def told(output: Path, asked: str) -> tuple[dict[str, Any], str]:
    (found,) = evenly.why(output, asked).found
    return found.facts, found.text


def test_a_record_that_was_taken(output: Path) -> None:
    kept = ledger(output).filter(pl.col("selected") & (pl.col("split") == "test"))
    cut = ledger(output).filter(~pl.col("selected") & pl.col("stratum").is_not_null())["stratum"].unique()
    row = kept.filter(pl.col("stratum").is_in(cut.implode())).sort("key", descending=True).row(0, named=True)
    facts, text = told(output, row["id"])
    data = pl.concat([pl.read_parquet(path) for path in output.glob("data/test-*.parquet")])
    written = data.filter(pl.col("id") == row["id"]).row(0, named=True)
    assert facts["fate"] == "selected"
    assert facts["inclusion_probability"] == pytest.approx(written["inclusion_probability"], rel=1e-12)
    assert "It was selected, and is in the split test." in text
    assert f"line {row['line']:,}" in text
    assert "given that cut-off" in text
    by_place = evenly.why(output, f"shop.jsonl:{row['line']}").to_dict()
    assert by_place[0]["id"] == row["id"]


def test_every_inclusion_probability_is_what_the_data_say(output: Path) -> None:
    data = pl.concat([pl.read_parquet(path) for path in output.glob("data/*.parquet")]).sort("id")
    for row in data.gather_every(data.height // 25).iter_rows(named=True):
        facts, _ = told(output, row["id"])
        assert facts["inclusion_probability"] == pytest.approx(row["inclusion_probability"], rel=1e-12)
        assert facts["stratum"] == row["stratum"]


def test_a_record_that_was_cut(output: Path) -> None:
    row = ledger(output).filter(~pl.col("selected") & pl.col("stratum").is_not_null()).row(0, named=True)
    facts, text = told(output, row["id"])
    assert facts["fate"] == "not selected"
    assert facts["key"] >= facts["cut_off"]
    assert facts["rank"] > facts["stratum_selected"]
    assert "of which 300 are taken" in text
    assert text.endswith("It was not selected.")


def test_a_record_that_was_held_out_or_is_in_no_stratum(output: Path) -> None:
    rows = ledger(output)
    facts, text = told(output, rows.filter("held_out")["id"][0])
    assert facts["fate"] == "held out"
    assert "before anything was counted, with its group (by exact)" in text
    outside = rows.filter(pl.col("stratum").is_null() & ~pl.col("held_out"))["id"][0]
    facts, text = told(output, outside)
    assert facts["fate"] == "outside the strata"
    assert "It is in no stratum of price" in text


def test_a_record_that_was_dropped_and_a_row_that_could_not_be_read(output: Path) -> None:
    dropped = pl.concat([pl.read_parquet(path) for path in output.glob("ledger/dropped-*.parquet")])
    for reason, step in (("number", "step 1 of curate: number:"), ("unique", "step 2 of curate: unique:")):
        facts, text = told(output, dropped.filter(pl.col("reason") == reason)["id"][0])
        assert facts["fate"] == "dropped"
        assert f"dropped by '{reason}', {step}" in text
    line = json.loads((output / "quarantine.jsonl").read_text())["line"]
    facts, text = told(output, f"shop.jsonl:{line}")
    assert facts["fate"] == "quarantined"
    assert 'It begins: {"id": "broken", "title": ' in text


def test_what_nobody_knows_is_said_so(output: Path, tmp_path: Path) -> None:
    known = ledger(output)["id"][0]
    with pytest.raises(evenly.UserError, match=rf"no record is called '{known[:-1]}'.*Did you mean"):
        evenly.why(output, known[:-1])
    with pytest.raises(evenly.UserError, match=r"no record is called 'shop\.jsonl:99999999'"):
        evenly.why(output, "shop.jsonl:99999999")
    shutil.copytree(output, tmp_path / "bare")
    shutil.rmtree(tmp_path / "bare" / "ledger")
    with pytest.raises(evenly.UserError, match="holds no ledger"):
        evenly.why(tmp_path / "bare", known)


def test_an_output_holds_what_its_manifest_says_and_its_recipe_gives_it_again(output: Path) -> None:
    found = evenly.verify(output, from_source=True)
    assert found.holds, [check for check in found.checks if not check.holds]
    names = [check.name for check in found.checks]
    assert "again: the files are the same, byte for byte" in names
    assert "ledger: the smallest keys of each stratum are taken" in names


def broken(output: Path, tmp_path: Path) -> Path:
    shutil.copytree(output, tmp_path / "broken")
    return tmp_path / "broken"


def wrong(folder: Path, **options: Any) -> list[str]:
    return [check.name for check in evenly.verify(folder, **options).checks if not check.holds]


def test_one_flipped_byte_is_found(output: Path, tmp_path: Path) -> None:
    folder = broken(output, tmp_path)
    for path in sorted(folder.glob("data/*")) + sorted(folder.glob("ledger/*")):
        content = path.read_bytes()
        place = len(content) // 2
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert "files are as they were written" in wrong(folder), path
        path.write_bytes(content)
    assert not wrong(folder)


def test_what_else_can_be_wrong_is_found(output: Path, tmp_path: Path) -> None:
    folder = broken(output, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    shutil.copy(next(folder.glob("data/train-*")), folder / "data" / "train-00009-of-00009.parquet")
    assert {"no file is there that the manifest does not list"} <= set(wrong(folder))
    (folder / "data" / "train-00009-of-00009.parquet").unlink()
    for change, name in (
        (lambda told: told["rows"].update(read=1), "read = kept + dropped + quarantined"),
        (lambda told: told["rows"]["splits"].update(train=7), "selected = splits + in no split"),
        (lambda told: told["selection_digest"].update(test="0" * 64), "test has the digest of its ids"),
        (lambda told: told["rows"]["dropped"].update(number=1), "ledger: dropped by reason"),
    ):
        told = json.loads(json.dumps(manifest))
        change(told)
        (folder / "manifest.json").write_text(json.dumps(told))
        assert name in wrong(folder)
    changed = json.loads(json.dumps(manifest))
    changed["recipe"]["seed"] = 7
    (folder / "manifest.json").write_text(json.dumps(changed))
    assert "again: train has the digest of its ids" in wrong(folder, from_source=True)


def test_the_commands(output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["evenly", *words])
            with pytest.raises(SystemExit) as end:
                cli.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    assert run("verify", str(output))[0] == 0
    assert json.loads(run("verify", str(output), "--json")[1])["holds"] is True
    folder = broken(output, tmp_path)
    next(folder.glob("data/train-*")).unlink()
    code, shown, said = run("verify", str(folder))
    assert code == 3
    assert "DOES NOT HOLD" in shown
    assert "checks do not hold. Run its recipe again" in said
    name = ledger(output)["id"][0]
    assert name in run("why", str(output), name)[1].replace("\n", "")
    assert json.loads(run("why", str(output), name, "--json")[1])[0]["id"] == name
    assert run("why", str(output), "nobody")[0] == 2
    assert run("verify", "no/such/place/here")[0] == 2


def test_loading_gives_the_rows_and_checks_them(output: Path, tmp_path: Path) -> None:
    splits = evenly.load(output)
    manifest = json.loads((output / "manifest.json").read_text())
    assert {split: frame.height for split, frame in splits.items()} == manifest["rows"]["splits"]
    folder = broken(output, tmp_path)
    next(folder.glob("data/train-*")).write_bytes(b"")
    with pytest.raises(evenly.VerificationError, match="bytes instead of"):
        evenly.load(folder)
