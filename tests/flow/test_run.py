"""Runs from raw lines to the finished folder, on small made-up listings: what must hold of every output."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.engines.local import LocalEngine
from evenly.reporting.progress import Silent

WORDS = ("amp", "belt", "cable", "drill", "easel", "fuse", "gauge", "hinge")


def listings(count: int, seed: int = 1) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        {
            "sku": f"S{number:05d}",
            "title": f"{chance.choice(WORDS)} {chance.randint(1, count)}",
            "price": round(chance.lognormvariate(2.5, 1.0), 2),
            "category": chance.choice(["parts", "parts", "parts", "toys", "tools"]),
            "stars": chance.randint(1, 5),
        }
        for number in range(count)
    ]


def recipe(files: Path | list[Path] | str, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": "small",
        "seed": 7,
        "sources": [
            {
                "name": "shop",
                "files": [str(file) for file in files] if isinstance(files, list) else str(files),
                "id": "sku",
            }
        ],
        "curate": [{"number": {"column": "price", "min": 0.5, "max": 500}}],
        "template": {"prompt": "What is the price of {title}? $", "completion": "{price:.0f}.00"},
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "round": 1, "min": 1}],
            "cap": 12,
            "take_all": "price >= 40",
            "weight": {"column": "category", "values": {"parts": 1}, "default": 5},
        },
        "split": {"train": 0.8, "validation": 0.1, "test": 0.1},
        "export": {"keep": ["price", "category", "stars"], "shard_rows": 100},
    }
    for path, value in changes.items():
        here: Any = data
        *parents, last = path.split("__")
        for key in parents:
            here = here[int(key)] if key.isdecimal() else here[key]
        if value is None:
            here.pop(last, None)
        else:
            here[last] = value
    return data


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def data_of(folder: Path, split: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((folder / "data").glob(f"{split}-*.parquet"))])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "in" / "listings.jsonl", listings(2_000))


def test_the_manifest_adds_up_and_describes_the_files(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = evenly.run(recipe(source), out).manifest
    assert manifest == json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    rows = manifest["rows"]
    assert rows["read"] == 2_000 == rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"]
    assert rows["kept"] == rows["outside_strata"] + rows["held_out"] + rows["selected"] + rows["not_selected"]
    assert rows["selected"] == sum(rows["splits"].values()) + rows["unassigned"]
    assert rows["not_selected"] > 0, "the cap does not bite"
    for entry in manifest["files"]:
        content = (out / entry["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"]), entry
        assert pl.read_parquet(out / entry["path"]).height == entry["rows"]
    listed = {entry["path"] for entry in manifest["files"]}
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert there == listed | {"README.md", "manifest.json", "quarantine.jsonl", "charts/numbers.json"}


def test_the_data_are_what_was_selected(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = evenly.run(recipe(source), out).manifest
    raw = pl.read_ndjson(source)
    everything: list[pl.DataFrame] = []
    for split, count in manifest["rows"]["splits"].items():
        rows = data_of(out, split)
        assert rows.height == count
        ids = sorted(name.encode() for name in rows["id"])
        assert manifest["selection_digest"][split] == hashlib.sha256(b"\n".join(ids)).hexdigest()
        assert rows.columns == [
            "id",
            "text",
            "price",
            "category",
            "stars",
            "stratum",
            "inclusion_probability",
            "design_weight",
        ]
        joined = rows.join(raw, left_on="id", right_on="sku", suffix="_raw")
        assert joined.height == count
        assert (joined["price"] == joined["price_raw"]).all()
        assert joined["stars"].dtype == pl.Int64, "a column of whole numbers came out as something else"
        assert (joined["stars"] == joined["stars_raw"]).all()
        answers = joined.select(
            pl.format("What is the price of {}? $", "title"),
            pl.col("price").round(0, mode="half_to_even").cast(pl.Int64).cast(pl.String) + ".00",
        )
        expected = answers.to_series(0) if split == "test" else answers.to_series(0) + answers.to_series(1)
        assert (joined["text"] == expected).all()
        everything.append(rows)
    selected = pl.concat(everything)
    assert selected["id"].n_unique() == selected.height
    strata = selected.group_by("stratum").len()
    low = strata.filter(pl.col("stratum").cast(pl.Int64) < 40)
    assert low["len"].max() == 12


def test_rows_come_in_a_shuffled_order_that_the_seed_decides(source: Path, tmp_path: Path) -> None:
    first = data_of(evenly.run(recipe(source), tmp_path / "a").folder, "train")
    again = data_of(evenly.run(recipe(source), tmp_path / "b").folder, "train")
    other = data_of(evenly.run(recipe(source, seed=8), tmp_path / "c").folder, "train")
    assert first.equals(again)
    assert first["id"].to_list() != first["id"].sort().to_list()
    assert set(first["id"]) != set(other["id"])


@pytest.mark.parametrize("pieces", [1, 3, 17])
def test_neither_row_order_nor_files_change_the_selection(pieces: int, tmp_path: Path) -> None:
    rows = listings(2_000)
    curate = [{"number": {"column": "price", "min": 0.5, "max": 500}}, {"unique": {"columns": ["title"]}}]
    plain = evenly.run(recipe(write(tmp_path / "one.jsonl", rows), curate=curate), tmp_path / "plain").manifest
    assert plain["rows"]["dropped"]["unique"] > 20
    assert plain["rows"]["not_selected"] > 100
    random.Random(pieces).shuffle(rows)
    for number in range(pieces):
        write(tmp_path / "many" / f"{number:02d}.jsonl", rows[number::pieces])
    cut = evenly.run(recipe(f"{tmp_path}/many/*.jsonl", curate=curate), tmp_path / "cut").manifest
    assert cut["selection_digest"] == plain["selection_digest"]
    assert cut["rows"] == plain["rows"]
    data = [[entry["sha256"] for entry in one["files"] if entry["path"].startswith("data/")] for one in (plain, cut)]
    assert data[0] == data[1], "the same rows were written as other bytes"


def test_real_listings_in_any_cut_give_one_selection(shared_data: Path, tmp_path: Path) -> None:
    """The course's recipe with `unique`, on real listings shuffled and cut into 1, 3 and 17 files."""
    import gzip

    rows: list[dict[str, Any]] = []
    for path in sorted((shared_data / "amazon-2023").glob("meta_*.jsonl.gz")):
        category = path.name.removeprefix("meta_").removesuffix(".jsonl.gz")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows += [json.loads(line) | {"category": category} for line in lines]
    course = evenly.Recipe.from_file(
        Path(__file__).resolve().parents[2] / "recipes" / "price-is-right-2024.yaml"
    ).to_dict()
    course["tokenizer"] = str(shared_data / "tokenizers" / "llama-3.1.json")
    course["sources"][0]["columns"] = {}
    course["curate"].append({"unique": {"columns": ["title"]}})
    course["balance"]["cap"] = 40
    course["split"] = {"train": 3_000, "test": 300}
    found: list[dict[str, str]] = []
    for pieces in (1, 3, 17):
        random.Random(pieces).shuffle(rows)
        folder = tmp_path / str(pieces)
        for number in range(pieces):
            write(folder / f"{number}.jsonl", rows[number::pieces])
        course["sources"][0]["files"] = [f"{folder}/*.jsonl"]
        manifest = evenly.run(copy.deepcopy(course), tmp_path / f"out-{pieces}").manifest
        assert manifest["rows"]["dropped"]["unique"] > 0
        assert manifest["rows"]["not_selected"] > 3_000
        found.append(manifest["selection_digest"])
    assert found[0] == found[1] == found[2]


def test_hugging_face_datasets_opens_the_folder(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    out = tmp_path / "out"
    manifest = evenly.run(recipe(source), out).manifest
    dataset: Any = load_dataset(str(out), cache_dir=str(tmp_path / "hf"))
    assert {split: rows.num_rows for split, rows in dataset.items()} == manifest["rows"]["splits"]
    assert dataset["train"][0]["text"].startswith("What is the price of ")


@pytest.mark.parametrize("files", ["parquet", "jsonl"])
def test_a_lite_set_is_a_second_config_of_the_first_rows(
    source: Path, tmp_path: Path, files: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    out = tmp_path / "out"
    split = {"train": 0.9, "test": 0.1, "lite": {"train": 250, "test": 20}}
    manifest = evenly.run(recipe(source, split=split, export={"files": files, "shard_rows": 100}), out).manifest
    assert manifest["rows"]["splits"].keys() == {"train", "test"}
    assert {entry["path"] for entry in manifest["files"]} >= {
        f"lite/train-00002-of-00003.{files}",
        f"lite/test-00000-of-00001.{files}",
    }
    whole: Any = load_dataset(str(out), cache_dir=str(tmp_path / "hf"))
    lite: Any = load_dataset(str(out), "lite", cache_dir=str(tmp_path / "hf"))
    assert {name: rows.num_rows for name, rows in whole.items()} == manifest["rows"]["splits"]
    assert {name: rows.num_rows for name, rows in lite.items()} == {"train": 250, "test": 20}
    assert lite["train"]["id"] == whole["train"]["id"][:250]
    weights = pl.DataFrame({"s": lite["train"]["stratum"], "w": lite["train"]["design_weight"]})
    kept = pl.read_parquet(out / "ledger" / "kept-*.parquet").filter(
        pl.col("stratum").is_in(weights["s"].unique().implode())
    )
    whole_strata = kept.filter(pl.col("stratum").cast(pl.Int64) >= 40)["stratum"].value_counts()
    drawn_whole = weights.group_by("s").agg(pl.col("w").sum()).join(whole_strata, left_on="s", right_on="stratum")
    assert drawn_whole.height > 5
    assert all(abs(difference) < 1e-9 for difference in drawn_whole["w"] - drawn_whole["count"])


def test_a_lite_set_larger_than_its_split_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(evenly.UserError, match=r"split\.lite\.test: 5,000 rows are wanted, the split has"):
        evenly.run(recipe(source, split={"train": 0.9, "test": 0.1, "lite": {"test": 5_000}}), tmp_path / "out")


def test_a_second_run_finds_the_pool(source: Path, tmp_path: Path) -> None:
    first = evenly.run(recipe(source), tmp_path / "a")
    other_balance = evenly.run(recipe(source, balance__cap=5, split={"train": 1.0}), tmp_path / "b")
    other_curate = evenly.run(recipe(source, curate=[{"number": {"column": "price", "min": 2}}]), tmp_path / "c")
    assert [first.pool_reused, other_balance.pool_reused, other_curate.pool_reused] == [False, True, False]
    write(source, listings(500))
    changed = evenly.run(recipe(source), tmp_path / "d")
    assert (changed.pool_reused, changed.manifest["rows"]["read"]) == (False, 500)


def test_what_a_path_gives_is_of_the_file_and_not_of_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "toys" / "in.jsonl", listings(50))
    changed = recipe("in.jsonl")
    changed["sources"][0]["columns"] = {"category": {"from_path": r"(\w+)/in\.jsonl"}}
    found: list[Any] = []
    for folder, files in ((tmp_path / "toys", "in.jsonl"), (tmp_path, "toys/in.jsonl")):
        monkeypatch.chdir(folder)
        changed["sources"][0]["files"] = files
        manifest = evenly.run(changed, tmp_path / f"out{len(found)}").manifest
        found.append(manifest["balance"]["before"]["categories"])
        assert manifest["inputs"][0]["path"] == files
    assert found[0] == found[1]
    assert list(found[0]) == ["toys"]


def test_a_pool_that_was_read_otherwise_is_not_reused(tmp_path: Path) -> None:
    """The same columns under another use are other data: as text, `1e2` and `100` are two strata, as numbers one."""
    path = tmp_path / "in.csv"
    path.write_text(
        "sku,title,x\n" + "".join(f"a{n},t,{v}\n" for n, v in enumerate(["1e2", "100", "nope"] * 100)), encoding="utf-8"
    )
    plain: dict[str, Any] = {"curate": [], "export": {}, "max_bad_fraction": 0.5}
    plain |= {"template": {"prompt": "{title}"}, "balance": {"strata": [{"column": "x"}], "cap": 5}}
    rounded = {**plain, "balance": {"strata": [{"column": "x", "round": 1}], "cap": 5}}
    found = [evenly.plan(recipe(path, **changes)) for changes in (plain, rounded, plain)]
    assert [one.plan.strata.height for one in found] == [3, 1, 3]
    assert [one.pool.index.quarantined for one in found] == [0, 100, 0]
    assert [one.pool_reused for one in found] == [False, False, True]


def test_files_of_one_name_in_two_folders_do_not_share_a_pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    for folder, seed in (("one", 1), ("two", 2)):
        source = write(tmp_path / folder / "in.jsonl", [dict(row, price=5 + seed) for row in listings(50)])
        os.utime(source, ns=(10**18, 10**18))
        monkeypatch.chdir(tmp_path / folder)
        found.append(
            evenly.run(recipe("in.jsonl"), tmp_path / f"out-{folder}").manifest["balance"]["before"]["label_mean"]
        )
    assert found == [6, 7]


def test_an_input_that_is_written_to_while_it_is_read_is_refused(source: Path, tmp_path: Path) -> None:
    class Meddler(Silent):
        @contextmanager
        def phase(self, name: str, total: int, unit: str) -> Any:
            if name == "hash":
                with source.open("a", encoding="utf-8") as lines:
                    lines.write("\n")
            with super().phase(name, total, unit) as advance:
                yield advance

    with pytest.raises(evenly.UserError, match="changed while it was read"):
        evenly.run(recipe(source), tmp_path / "out", reporter=Meddler())
    assert not (tmp_path / "out").exists()


def test_a_column_that_only_late_rows_have_is_found(tmp_path: Path) -> None:
    rows = listings(10_500)
    rows[10_400]["note"] = "late"
    curate = [{"number": {"column": "price"}}]
    changed = recipe(write(tmp_path / "in.jsonl", rows), curate=curate, export__keep=["note"])
    kept = evenly.run(changed, tmp_path / "out").manifest["rows"]["kept"]
    assert kept == 10_500
    changed["export"]["keep"] = ["gnote"]
    with pytest.raises(evenly.UserError, match="no column 'gnote' in "):
        evenly.run(changed, tmp_path / "out2")


def test_recheck_notices_content_that_size_and_time_hide(source: Path, tmp_path: Path) -> None:
    evenly.run(recipe(source), tmp_path / "a")
    stat = source.stat()
    source.write_text(source.read_text(encoding="utf-8").replace('"toys"', '"yots"'), encoding="utf-8")
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert evenly.run(recipe(source), tmp_path / "b").pool_reused
    fresh = evenly.run(recipe(source), tmp_path / "c", recheck=True)
    assert not fresh.pool_reused
    assert "yots" in fresh.manifest["balance"]["before"]["categories"]


@pytest.mark.parametrize("kind", ["text", "prompt-completion", "messages"])
@pytest.mark.parametrize("files", ["parquet", "jsonl"])
def test_formats(source: Path, tmp_path: Path, kind: str, files: str) -> None:
    out = evenly.run(recipe(source, export={"format": kind, "files": files}), tmp_path / "out").folder
    paths = sorted((out / "data").glob(f"train-*.{files}"))
    row = (pl.read_parquet(paths[0]) if files == "parquet" else pl.read_ndjson(paths[0])).row(0, named=True)
    if kind == "messages":
        assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
        assert row["messages"][1]["content"].endswith(".00")
    elif kind == "prompt-completion":
        assert row["prompt"].endswith("? $")
        assert row["completion"].endswith(".00")
    else:
        assert row["text"].endswith(".00")


def test_size_is_met_exactly(source: Path, tmp_path: Path) -> None:
    for size in (700, 701, 937):
        manifest = evenly.run(recipe(source, balance__cap=None, balance__size=size), tmp_path / str(size)).manifest
        assert manifest["rows"]["selected"] == size


def test_split_sizes_that_cannot_be_met_say_what_there_is(source: Path, tmp_path: Path) -> None:
    with pytest.raises(evenly.UserError, match=r"recipe\.split: 5,000 rows are wanted .* the selection has \d+"):
        evenly.run(recipe(source, split={"train": 5_000}), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_equal_ids_are_an_error_or_dropped_in_any_order(tmp_path: Path) -> None:
    rows = listings(300)
    rows += [dict(row, price=row["price"] + 1) for row in rows[:40]]
    path = write(tmp_path / "a.jsonl", rows)
    with pytest.raises(
        evenly.UserError, match=r"'S\d+' names 2 records \(.*a\.jsonl:\d+, .*a\.jsonl:\d+\), and 40 ids repeat"
    ):
        evenly.run(recipe(path), tmp_path / "error")
    results: list[Any] = []
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        changed = recipe(write(tmp_path / f"{seed}.jsonl", rows))
        changed["sources"][0]["duplicate_ids"] = "drop"
        done = evenly.run(changed, tmp_path / f"out{seed}")
        assert done.manifest["rows"]["dropped"]["duplicate_ids"] == 40
        results.append((done.manifest["selection_digest"], data_of(done.folder, "train").to_dicts()))
    assert results[0] == results[1] == results[2]


def test_ledger_tells_every_record_with_its_line(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rows = evenly.run(recipe(source), out).manifest["rows"]
    kept, dropped = (pl.read_parquet(out / "ledger" / f"{name}-00000.parquet") for name in ("kept", "dropped"))
    assert (kept.height, dropped.height) == (rows["kept"], sum(rows["dropped"].values()))
    assert kept["selected"].sum() == rows["selected"]
    raw = [json.loads(line)["sku"] for line in source.read_text(encoding="utf-8").splitlines()]
    for frame in (kept, dropped):
        assert all(raw[line - 1] == name for name, line in frame.select("id", "line").iter_rows())


@settings(max_examples=15)
@given(st.randoms(use_true_random=False), st.integers(1, 4), st.integers(1, 40), st.booleans())
def test_any_small_run_adds_up_whatever_its_order(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, pieces: int, cap: int, unique: bool
) -> None:
    folder = tmp_path_factory.mktemp("any")
    rows = listings(chance.randint(1, 120), chance.randint(0, 9))
    steps: list[dict[str, Any]] = [{"number": {"column": "price"}}]
    steps += [{"unique": {"columns": ["category", "title"]}}] if unique else []
    changes = {
        "curate": steps,
        "balance__cap": cap,
        "balance__strata": [{"column": "category"}],
        "balance__take_all": None,
    }
    one = evenly.run(recipe(write(folder / "one.jsonl", rows), **changes), folder / "out").manifest
    chance.shuffle(rows)
    for number in range(pieces):
        write(folder / "cut" / f"{number}.jsonl", rows[number::pieces])
    cut = evenly.run(recipe(f"{folder}/cut/*.jsonl", **changes), folder / "out2").manifest
    assert (one["selection_digest"], one["rows"]) == (cut["selection_digest"], cut["rows"])


def test_a_profile_tells_what_each_phase_took(source: Path, tmp_path: Path) -> None:
    plain = evenly.run(recipe(source), tmp_path / "plain").manifest
    assert "profile" not in plain
    manifest = evenly.run(recipe(source, seed=9), tmp_path / "out", profile=True).manifest
    profile = manifest["profile"]
    assert list(profile) == ["curate", "census", "select", "deliver", "report"]
    rows = manifest["rows"]
    # the pool was there already: curating went through nothing
    assert [one["rows"] for one in profile.values()] == [0, *2 * [rows["kept"]], rows["selected"], rows["kept"]]
    assert {name: one["seconds"] for name, one in profile.items()} == manifest["timings"]
    assert profile["deliver"]["bytes_written"] >= sum(one["bytes"] for one in manifest["files"])
    if Path("/proc/self/statm").exists():
        assert all(one["peak_memory"] > 10_000_000 for one in profile.values())
    fresh = evenly.run(recipe(source, curate=[{"number": {"column": "price", "min": 2}}]), tmp_path / "n", profile=True)
    told = fresh.manifest["profile"]["curate"]
    assert (told["rows"], told["bytes_read"]) == (fresh.manifest["rows"]["read"], source.stat().st_size)


def test_processes_and_threads_give_the_same_files(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests: list[dict[str, Any]] = []
    for name, many in (("threads", 10**6), ("processes", 1)):
        monkeypatch.setattr("evenly.flow.run.LocalEngine", lambda _, many=many: LocalEngine(2, many))
        monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / f"cache-{name}"))
        steps = [{"tokens": {"column": "title", "truncate": 5}}, {"unique": {"columns": "title", "fold": ["case"]}}]
        manifests.append(evenly.run(recipe(source, curate=steps, tokenizer="o200k_base"), tmp_path / name).manifest)
    first, second = manifests
    assert first["selection_digest"] == second["selection_digest"]
    assert first["files"] == second["files"]
