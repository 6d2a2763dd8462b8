"""Bad input, end to end: bad rows go to quarantine and the run goes on; anything worse is one clear line and exit 2."""

from __future__ import annotations

import gzip
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Command, OpenShop, Outcome, Shop

pytestmark = pytest.mark.faults

MANY_LINES = 9
"""More lines than an error may have: the fault, what to choose from, five examples."""


def good(count: int = 300, first: int = 0) -> str:
    rows = (
        {"sku": f"s{number}", "title": f"thing {number}", "price": 1 + number % 9, "shelf": "abc"[number % 3]}
        for number in range(first, first + count)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def csv(count: int = 300) -> str:
    rows = (json.loads(line) for line in good(count).splitlines())
    return "sku,title,price,shelf\n" + "".join(",".join(map(str, row.values())) + "\n" for row in rows)


def frame(**changes: Any) -> pl.DataFrame:
    rows = pl.DataFrame([json.loads(line) for line in good().splitlines()])
    return rows.with_columns(**changes)


def pools() -> list[str]:
    folder = Path(os.environ["EVENLY_CACHE"]) / "pools"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_refused(done: Outcome, place: Shop, *said: str) -> None:
    """One clear line (and what there is to choose from), exit 2, no output, nothing left behind."""
    assert done.code == 2, done.err
    assert done.out == ""
    assert done.err.startswith("evenly: ")
    assert "Traceback" not in done.err
    for words in said:
        assert words in done.err
    assert len(done.err.splitlines()) < MANY_LINES
    assert max(map(len, done.err.splitlines())) < 500
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", done.err)
    assert place.left() == set()
    assert not [name for name in pools() if name.startswith(".")]


def assert_sums(manifest: dict[str, Any]) -> None:
    rows = manifest["rows"]
    assert rows["read"] == rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"]
    assert rows["kept"] == rows["outside_strata"] + rows["held_out"] + rows["selected"] + rows["not_selected"]
    assert rows["selected"] == sum(rows["splits"].values()) + rows["unassigned"]


def ledger(folder: Path, name: str) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((folder / "ledger").glob(f"{name}-*.parquet"))])


def quarantine(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "quarantine.jsonl").read_text(encoding="utf-8").splitlines()]


# ---------------------------------------------------------------- the run goes on

BAD_LINES: dict[str, tuple[bytes, str]] = {
    "broken": (b'{"sku": "x", "price": 3', "not JSON"),
    "not an object": (b'["sku", "x"]', "not a JSON object but a list"),
    "not UTF-8": (b'{"sku": "x", "title": "\xff", "price": 3}', "not UTF-8 at byte 23"),
    "not UTF-8 where nobody looks": (b'{"sku": "x", "title": "t", "price": 3, "other": "\xff"}', "not UTF-8"),
    "wrong type": (b'{"sku": "x", "title": ["t"], "price": 3}', "wrong type: 'title' is a list, expected text"),
    "no id": (b'{"title": "t", "price": 3}', "no id: 'sku' is null or empty"),
    "an empty id": (b'{"sku": "", "title": "t", "price": 3}', "no id: 'sku' is null or empty"),
    "nested deep": (b'{"sku": "x", "other": ' + b"[" * 50_000, "nested too deep"),
    "a lone surrogate": (rb'{"sku": "x", "title": "\ud800", "price": 3}', "not JSON"),
    "a NUL": (b"\0", "not JSON"),
}


def test_bad_lines_go_to_quarantine_with_file_and_line(shop: OpenShop, evenly: Command) -> None:
    bad = [line for line, _ in BAD_LINES.values()]
    content = good(500).encode() + b"\n\n" + b"\n".join(bad) + b"\n" + good(700, 500).encode()
    place = shop({"a.jsonl": good(10, 5_000), "b.jsonl": content})
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    assert done.code == 0, done.err
    assert done.manifest["rows"]["quarantined"] == len(BAD_LINES)
    assert done.manifest["rows"]["read"] == 1_210 + len(BAD_LINES)
    assert_sums(done.manifest)
    told = quarantine(place.folder / "out")
    assert [(row["file"], row["line"]) for row in told] == [("b.jsonl", 503 + number) for number in range(len(bad))]
    for row, (line, reason) in zip(told, BAD_LINES.values(), strict=True):
        assert reason in row["reason"]
        assert row["raw"] == line.decode("utf-8", "backslashreplace") or reason.startswith("no id")
    lines = ledger(place.folder / "out", "kept").filter(pl.col("file") == "b.jsonl").sort("line")["line"].to_list()
    assert lines == [*range(1, 501), *range(503 + len(bad), 1_203 + len(bad))]


PRICES: dict[str, bool] = {
    "NaN": False,
    "Infinity": False,
    "-Infinity": False,
    '"nan"': False,
    '"inf"': False,
    '"-inf"': False,
    '"—"': False,
    '"from 12.99"': False,
    '"None"': False,
    '""': False,
    "null": False,
    "true": False,
    '"1_0"': False,
    '"$5"': False,
    '"5,50"': False,
    '"\uff15"': False,
    '"0x10"': False,
    '"1e999"': False,
    "9" * 400: False,
    "0.4": False,
    "-3": False,
    "5": True,
    "5.5": True,
    '"5.5"': True,
    '" 5 "': True,
    '"+5"': True,
    '".6e1"': True,
    "5e0": True,
}
"""How a price may be written in JSON -> whether it is a number of at least 0.50."""


@pytest.mark.parametrize("as_text", [False, True])
def test_prices_that_are_none_are_dropped_with_their_reason(shop: OpenShop, evenly: Command, as_text: bool) -> None:
    rows = [
        f'{{"sku": "p{number}", "title": "t", "shelf": "a", "price": {price}}}' for number, price in enumerate(PRICES)
    ]
    place = shop({"a.jsonl": "\n".join(rows) + "\n"}, {"sources__0__as_text": ["price"]} if as_text else None)
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    assert done.code == 0, done.err
    assert_sums(done.manifest)
    assert done.manifest["rows"]["quarantined"] == 0
    assert done.manifest["rows"]["dropped"] == {"number": sum(not fine for fine in PRICES.values())}
    dropped = ledger(place.folder / "out", "dropped")
    assert set(dropped["id"]) == {f"p{number}" for number, fine in enumerate(PRICES.values()) if not fine}
    assert dropped["line"].to_list() == [number for number, fine in enumerate(PRICES.values(), 1) if not fine]
    assert set(dropped["reason"]) == {"number"}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_prices_that_are_none_are_dropped_from_tables_too(shop: OpenShop, evenly: Command, kind: str) -> None:
    prices = ["nan", "inf", "—", "from 12.99", None, "5", " 5.5 "]
    rows = frame().head(len(prices)).with_columns(price=pl.Series(prices))
    place = shop({}, {"sources__0__files": f"a.{kind}"})
    (rows.write_csv if kind == "csv" else rows.write_parquet)(place.folder / f"a.{kind}")
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    assert done.code == 0, done.err
    assert done.manifest["rows"]["dropped"] == {"number": 5}
    assert done.manifest["rows"]["kept"] == 2
    first = 2 if kind == "csv" else 1
    assert ledger(place.folder / "out", "dropped")["line"].to_list() == list(range(first, first + 5))


def test_float_prices_that_are_not_finite_are_dropped(shop: OpenShop, evenly: Command) -> None:
    prices = [float("nan"), float("inf"), float("-inf"), None, 5.0]
    place = shop({}, {"sources__0__files": "a.parquet"})
    frame().head(5).with_columns(price=pl.Series(prices)).write_parquet(place.folder / "a.parquet")
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    assert done.manifest["rows"]["dropped"] == {"number": 4}


# ---------------------------------------------------------------- too many bad rows


@pytest.mark.parametrize(
    ("rows", "bad", "allowed"), [(99, 1, 0.01), (71, 29, 0.29), (0, 7, 1), (200, 0, 0), (98, 2, 0.02)]
)
def test_as_many_bad_rows_as_allowed_are_fine(
    shop: OpenShop, evenly: Command, rows: int, bad: int, allowed: float
) -> None:
    shop({"a.jsonl": good(rows) + "{bad\n" * bad, "b.jsonl": good(0)}, {"max_bad_fraction": allowed})
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    if rows:
        assert done.code == 0, done.err
        assert done.manifest["rows"]["quarantined"] == bad
    else:  # all rows may be bad, but then nothing is left to draw from
        assert done.code == 2
        assert "none of 7 rows is left" in done.err


@pytest.mark.parametrize(("rows", "bad", "allowed"), [(98, 2, 0.01), (1_000, 1, 0), (70, 30, 0.29)])
def test_more_bad_rows_stop_the_run_with_five_examples(
    shop: OpenShop, evenly: Command, rows: int, bad: int, allowed: float
) -> None:
    place = shop({"a.jsonl": good(rows) + "{bad \x1b[31m\n" * bad}, {"max_bad_fraction": allowed})
    done = evenly("run", "recipe.yaml", "--out", "out", "--quiet")
    assert_refused(
        done, place, "recipe.max_bad_fraction: ", f"{bad} of {rows + bad:,} rows", f"a.jsonl:{rows + 1}: not JSON"
    )
    assert len(done.err.splitlines()) == 1 + min(bad, 5)
    assert pools() == []


def test_the_default_is_one_in_a_hundred(shop: OpenShop, evenly: Command) -> None:
    place = shop({"a.jsonl": good(990) + "{bad\n" * 11})
    assert_refused(evenly("run", "recipe.yaml", "--out", "out", "--quiet"), place, "11 of 1,001 rows (1.1%)")


# ---------------------------------------------------------------- one clear line


@dataclass(frozen=True)
class Fault:
    """Something wrong: files, changes of the recipe (or its text), more words, and what the error must say."""

    files: dict[str, str | bytes] = field(default_factory=lambda: {"a.jsonl": good()})
    recipe: dict[str, Any] | str | bytes | None = None
    words: tuple[str, ...] = ()
    says: tuple[str, ...] = ()


ZST = zstandard.compress(good(5_000).encode())
FAULTS: dict[str, Fault] = {
    # the recipe
    "no recipe key": Fault(recipe="name: x\n", says=("recipe.yaml", "sources", "is missing")),
    "unknown key": Fault(recipe={"blance": 3}, says=("recipe.blance", "Did you mean 'balance'?")),
    "unknown key deep": Fault(recipe={"balance__capp": 3}, says=("recipe.balance.capp", "Did you mean 'cap'?")),
    "unknown step": Fault(
        recipe={"curate": [{"numbr": {}}]}, says=("recipe.curate[0].numbr", "Did you mean 'number'?")
    ),
    "a step after unique": Fault(
        recipe={"curate": [{"unique": {"columns": "title"}}, {"chars": {"column": "title"}}]},
        says=("recipe.curate[1]",),
    ),
    "not YAML": Fault(recipe="name: [x\n", says=("recipe.yaml:", "not YAML")),
    "empty recipe": Fault(recipe="", says=("recipe.yaml", "found nothing")),
    "recipe not UTF-8": Fault(recipe=b"name: \xff", says=("recipe.yaml", "not UTF-8")),
    "recipe with a control character": Fault(recipe="name: \x01", says=("recipe.yaml", "not YAML")),
    "repeated key": Fault(recipe="name: a\nname: b\n", says=("recipe.yaml:", "duplicate key")),
    "a map within itself": Fault(recipe="&a {name: x, b: *a}", says=("recipe.yaml",)),
    "deep recipe": Fault(recipe="[" * 400, says=("recipe.yaml:1:", "inside one another", "Write fewer")),
    "infinite width": Fault(
        recipe={"balance__strata__0__round": float("inf")}, says=("recipe.balance.strata[0].round",)
    ),
    "cap beyond all integers": Fault(recipe={"balance__cap": 2**63}, says=("recipe.balance.cap",)),
    "shards beyond all integers": Fault(recipe={"export__shard_rows": 2**70}, says=("recipe.export.shard_rows",)),
    "name with a slash": Fault(recipe={"name": "../x"}, says=("recipe.name",)),
    "internal name read": Fault(recipe={"export__keep": ["__line__"]}, says=("recipe.export.keep[0]", "__line__")),
    "internal name made": Fault(
        recipe={"curate": [{"derive": {"__id__": "title"}}]}, says=("recipe.curate[0]", "__id__")
    ),
    "id made by a step": Fault(
        recipe={"sources__0__id": "k", "curate": [{"derive": {"k": "title"}}]}, says=("recipe.", "'k'")
    ),
    "weight that is text": Fault(
        recipe={"balance__weight": "shelf"}, says=("a.jsonl:1: wrong type: 'shelf' is text, expected a number",)
    ),
    "weight below zero": Fault(
        recipe={"balance__weight": "price - 100"}, says=("recipe.balance.weight", "finite number of at least 0")
    ),
    "splits that ask too much": Fault(recipe={"split": {"train": 500}}, says=("recipe.split", "500")),
    "a size that is not there": Fault(
        recipe={"balance__cap": None, "balance__size": 9_999}, says=("recipe.balance.size", "9,999")
    ),
    # columns
    "missing column": Fault(
        recipe={"template__prompt": "{titel}"}, says=("recipe.template.prompt", "Did you mean 'title'?", "columns: ")
    ),
    "missing id": Fault(recipe={"sources__0__id": "asin"}, says=("recipe.sources[0].id", "no column 'asin'")),
    "missing column of a csv": Fault(
        {"a.csv": csv().replace("title", "name", 1)},
        {"sources__0__files": "a.csv"},
        (),
        ("no column 'title' in a.csv", "columns: sku, name"),
    ),
    "no regular expression": Fault(
        recipe={"sources__0__columns": {"k": {"from_path": "("}}}, says=("from_path", "no regular expression")
    ),
    "path that does not match": Fault(
        recipe={"sources__0__columns": {"k": {"from_path": "meta_(.*)"}}}, says=("from_path", "a.jsonl")
    ),
    # files
    "empty glob": Fault(
        recipe={"sources__0__files": "none*.jsonl"}, says=("recipe.sources[0].files[0]", "no file matches")
    ),
    "missing file": Fault(
        recipe={"sources__0__files": ["a.jsonl", "b.jsonl"]}, says=("recipe.sources[0].files[1]", "b.jsonl")
    ),
    "missing alternative": Fault(recipe={"sources__0__files": "{a,b}.jsonl"}, says=("b.jsonl",)),
    "too many alternatives": Fault(
        recipe={"sources__0__files": "{1..100000000}.jsonl"}, says=("recipe.sources[0].files[0]",)
    ),
    "folder": Fault({"data/a.jsonl": good()}, {"sources__0__files": "data"}, (), ("is a folder", "data/*.jsonl")),
    "address": Fault(recipe={"sources__0__files": "https://x.org/b.jsonl"}, says=("https:// can't be read",)),
    "ending that says nothing": Fault(
        {"a.txt": good()}, {"sources__0__files": "a.txt"}, (), ("a.txt", "format: jsonl")
    ),
    "two formats": Fault(
        {"a.jsonl": good(), "b.csv": csv()},
        {"sources__0__files": "*.*l*"},
        ("--set", "sources.0.files=[a.jsonl, b.csv]"),
        ("one format",),
    ),
    "no rows": Fault({"a.jsonl": "\n\n"}, says=("hold no rows",)),
    "empty file": Fault({"a.jsonl": ""}, says=("hold no rows",)),
    "header alone": Fault({"a.csv": "sku,title,price,shelf\n"}, {"sources__0__files": "a.csv"}, (), ("hold no rows",)),
    "csv without a header": Fault({"a.csv": ""}, {"sources__0__files": "a.csv"}, (), ("a.csv", "header")),
    "csv with an open header": Fault(
        {"a.csv": '"sku,' + csv(5_000)}, {"sources__0__files": "a.csv"}, (), ("a.csv:1", "header")
    ),
    "lines of UTF-16": Fault({"a.jsonl": good().encode("utf-16")}, says=("recipe.max_bad_fraction", "a.jsonl:1")),
    "a JSON array": Fault(
        {"a.jsonl": json.dumps([json.loads(line) for line in good().splitlines()])},
        says=("a.jsonl:1", "not a JSON object but a list"),
    ),
    "all lines broken, with lists": Fault(
        {"a.jsonl": "{bad\n" * 20},
        {"curate": [{"join": {"columns": ["features"], "into": "x"}}]},
        (),
        ("20 of 20 rows",),
    ),
    "gz cut short": Fault(
        {"a.jsonl.gz": gzip.compress(good(5_000).encode())[:-900]},
        {"sources__0__files": "*.gz"},
        (),
        ("a.jsonl.gz", "can't be read"),
    ),
    "zst cut short": Fault(
        {"a.jsonl.zst": ZST[:-900]}, {"sources__0__files": "*.zst"}, (), ("a.jsonl.zst", "can't be read")
    ),
    "not gz": Fault({"a.jsonl.gz": b"hello"}, {"sources__0__files": "*.gz"}, (), ("a.jsonl.gz", "can't be read")),
    "not zst": Fault({"a.jsonl.zst": b"hello"}, {"sources__0__files": "*.zst"}, (), ("a.jsonl.zst", "can't be read")),
    "not parquet": Fault({"a.parquet": good()}, {"sources__0__files": "a.parquet"}, (), ("a.parquet", "can't be read")),
    # ids and the pool
    "duplicate ids": Fault(
        {"a.jsonl": good(), "b.jsonl": good(5, 7)},
        says=("recipe.sources[0].id", "a.jsonl:", "b.jsonl:", "5 ids repeat", "duplicate_ids: drop"),
    ),
    "empty pool": Fault(
        recipe={"curate": [{"number": {"column": "price", "min": 900}}]},
        says=("none of 300 rows is left", "number 300"),
    ),
    "nothing in a stratum": Fault(
        recipe={"balance__strata__0__min": 900}, says=("recipe.balance.strata", "none of 300 records")
    ),
    # tokenizers that can't be had offline
    "tokenizer of the Hub": Fault(
        recipe={"tokenizer": "meta-llama/Llama-3.1-8B"}, says=("recipe.tokenizer", "meta-llama/Llama-3.1-8B")
    ),
    "tokenizer file that is not there": Fault(
        recipe={"tokenizer": "none.json"}, says=("recipe.tokenizer", "none.json")
    ),
    "tokenizer that is none": Fault(
        {"a.jsonl": good(), "t.json": "{}"}, {"tokenizer": "t.json"}, (), ("recipe.tokenizer", "t.json")
    ),
    "tokenizer name": Fault(recipe={"tokenizer": "o200k"}, says=("recipe.tokenizer", "o200k_base")),
    # the command line
    "engine": Fault(words=("--engine", "loca"), says=("--engine loca", "Did you mean 'local'?")),
    "option": Fault(words=("--forse",), says=("--forse", "--force")),
    "set without a value": Fault(words=("--set", "balance.cap"), says=("--set balance.cap", "KEY=VALUE")),
    "set of what is not there": Fault(words=("--set", "sources.7.files=x"), says=("--set sources.7.files=x",)),
    "set to nonsense": Fault(words=("--set", "balance.cap=many"), says=("recipe.balance.cap", "'many'")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_clear_line(shop: OpenShop, evenly: Command, name: str) -> None:
    fault = FAULTS[name]
    place = shop(fault.files, fault.recipe)
    assert_refused(evenly("run", "recipe.yaml", "--out", "out", "--quiet", *fault.words), place, *fault.says)


@pytest.mark.parametrize(
    "name", ["unknown key", "missing column", "empty glob", "duplicate ids", "tokenizer of the Hub"]
)
def test_plan_tells_the_same(shop: OpenShop, evenly: Command, name: str) -> None:
    fault = FAULTS[name]
    place = shop(fault.files, fault.recipe)
    assert_refused(evenly("plan", "recipe.yaml", "--quiet", *fault.words), place, *fault.says)


@pytest.mark.parametrize("name", ["missing column", "empty glob", "not gz", "not parquet", "tokenizer of the Hub"])
def test_check_with_sources_tells_the_same_and_check_alone_does_not(shop: OpenShop, evenly: Command, name: str) -> None:
    fault = FAULTS[name]
    place = shop(fault.files, fault.recipe)
    assert evenly("check", "recipe.yaml", "--quiet").code == 0
    assert_refused(evenly("check", "recipe.yaml", "--sources", "--quiet"), place, *fault.says)


def test_all_faults_of_a_recipe_at_once(shop: OpenShop, evenly: Command) -> None:
    place = shop({"a.jsonl": good()}, {"blance": 3, "seed": "x", "balance__cap": 0, "max_bad_fraction": 7})
    done = evenly("run", "recipe.yaml", "--out", "out", "--quiet")
    assert_refused(done, place, "recipe.blance", "recipe.seed", "recipe.balance.cap", "recipe.max_bad_fraction")


@pytest.mark.parametrize("words", [(), ("--json",), ("--log-json",)])
def test_a_fault_leaves_standard_output_empty(shop: OpenShop, evenly: Command, words: tuple[str, ...]) -> None:
    shop({"a.jsonl": good()}, {"sources__0__id": "asin"})
    done = evenly("run", "recipe.yaml", "--out", "out", *words)
    assert (done.code, done.out) == (2, "")
    assert "no column 'asin'" in done.err.splitlines()[-2]


def test_no_such_recipe(shop: OpenShop, evenly: Command) -> None:
    place = shop({})
    assert_refused(evenly("run", "none.yaml"), place, "none.yaml: no such recipe")
    assert_refused(evenly("run", "."), place, "can't be read")


# ---------------------------------------------------------------- what can't be read at all


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet", "jsonl.gz", "jsonl.zst"])
def test_an_unreadable_file_is_told(shop: OpenShop, evenly: Command, ending: str) -> None:
    """Reading a process's own memory from its start is an input/output error, for an administrator too."""
    if not Path("/proc/self/mem").exists():
        pytest.skip("needs Linux's /proc")
    place = shop({}, {"sources__0__files": f"*.{ending}"})
    (place.folder / f"x.{ending}").symlink_to("/proc/self/mem")
    place.before.add(f"x.{ending}")
    assert_refused(evenly("run", "recipe.yaml", "--out", "out"), place, f"x.{ending}: can't be read")


def test_a_file_that_nobody_may_read_is_told(shop: OpenShop, evenly: Command) -> None:
    if os.geteuid() == 0:
        pytest.skip("an administrator may read all files")
    place = shop({"a.jsonl": good()})
    (place.folder / "a.jsonl").chmod(0)
    assert_refused(evenly("run", "recipe.yaml", "--out", "out"), place, "a.jsonl: can't be read: Permission denied")


def test_a_link_to_nowhere_is_told(shop: OpenShop, evenly: Command) -> None:
    place = shop({})
    (place.folder / "x.jsonl").symlink_to("nowhere")
    place.before.add("x.jsonl")
    assert_refused(evenly("run", "recipe.yaml", "--out", "out"), place, "x.jsonl")


def test_a_name_that_is_not_utf8_is_told(shop: OpenShop, evenly: Command) -> None:
    place = shop({})
    name = os.fsdecode(b"\xff.jsonl")
    try:
        (place.folder / name).write_text(good(), encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    place.before.add(name)
    assert_refused(evenly("run", "recipe.yaml", "--out", "out"), place, "not UTF-8")


# ---------------------------------------------------------------- places


@pytest.mark.parametrize("words", [(), ("--force",)])
def test_what_is_there_stays(shop: OpenShop, evenly: Command, words: tuple[str, ...]) -> None:
    place = shop({"a.jsonl": good(), "out/thesis.tex": "x"})
    done = evenly("run", "recipe.yaml", "--out", "out", *words)
    assert_refused(done, place, "out: ")
    assert (place.folder / "out" / "thesis.tex").exists()
    assert pools() == []  # told before any work


def test_a_failure_under_force_leaves_the_previous_output(shop: OpenShop, evenly: Command) -> None:
    place = shop({"a.jsonl": good()})
    assert evenly("run", "recipe.yaml", "--out", "out", "--quiet").code == 0
    before = (place.folder / "out" / "manifest.json").read_bytes()
    done = evenly("run", "recipe.yaml", "--out", "out", "--quiet", "--force", "--set", "split.train=9999")
    assert done.code == 2
    assert place.left() == {"out"}
    assert (place.folder / "out" / "manifest.json").read_bytes() == before


@pytest.mark.parametrize("name", ["out[1]", "a b", "é", "x*y"])
def test_odd_places_and_recipe_folders(shop: OpenShop, evenly: Command, name: str) -> None:
    place = shop({f"{name}/a.jsonl": good()})
    (place.folder / "recipe.yaml").rename(place.folder / name / "recipe.yaml")
    done = evenly("run", f"{name}/recipe.yaml", "--out", f"{name}/{name}", "--json")
    assert done.code == 0, done.err
    assert (place.folder / name / name / "manifest.json").exists()


def test_a_file_where_a_folder_should_be(shop: OpenShop, evenly: Command) -> None:
    place = shop({"a.jsonl": good()})
    assert_refused(evenly("run", "recipe.yaml", "--out", "a.jsonl/out"), place, "--out")


# ---------------------------------------------------------------- recipes that should work

SOUND: dict[str, dict[str, Any]] = {
    "a joined column in the template": {
        "curate": [{"number": {"column": "price"}}, {"join": {"columns": ["title", "shelf"], "into": "x"}}]
    },
    "a joined id": {"curate": [{"number": {"column": "price"}}, {"join": {"columns": ["sku", "title"], "into": "x"}}]},
    "a derived column over one passed through": {
        "curate": [{"number": {"column": "price"}}, {"derive": {"rank": "concat('A', rank)"}}],
        "export__keep": ["rank"],
    },
    "a range without an end": {"curate": [{"number": {"column": "price"}}]},
}


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_sound_recipes_run_on_every_format(shop: OpenShop, evenly: Command, name: str, kind: str) -> None:
    place = shop({}, {**SOUND[name], "sources__0__files": f"a.{kind}"})
    rows = frame(rank=pl.int_range(300))
    writers = {"jsonl": rows.write_ndjson, "csv": rows.write_csv, "parquet": rows.write_parquet}
    writers[kind](place.folder / f"a.{kind}")
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    assert done.code == 0, done.err
    assert done.manifest["rows"]["selected"] == 45
    assert_sums(done.manifest)


def test_one_schema_from_two_writers(shop: OpenShop, evenly: Command) -> None:
    place = shop({}, {"sources__0__files": "*.parquet"})
    frame().write_parquet(place.folder / "a.parquet")
    other = frame(sku=pl.col("sku") + "b", shelf=pl.col("shelf").cast(pl.Categorical)).to_arrow()
    import pyarrow.parquet as pq
    from pyarrow import string

    pq.write_table(other.set_column(0, "sku", other["sku"].cast(string())), place.folder / "b.parquet")
    done = evenly("run", "recipe.yaml", "--out", "out", "--json")
    assert done.code == 0, done.err
    assert done.manifest["rows"]["kept"] == 600


# ---------------------------------------------------------------- anything at all

MUTATION = st.tuples(st.integers(0, 3_000), st.binary(max_size=3), st.integers(0, 3))


@settings(max_examples=40)
@given(mutations=st.lists(MUTATION, max_size=6), kind=st.sampled_from(["jsonl", "csv"]))
def test_damaged_bytes_never_break_the_sums(
    shop: OpenShop, evenly: Command, mutations: list[tuple[int, bytes, int]], kind: str
) -> None:
    content = (good(60) if kind == "jsonl" else csv(60)).encode()
    header, rest = (b"", content) if kind == "jsonl" else content.split(b"\n", 1)
    for where, some, taken in mutations:
        rest = rest[:where] + some + rest[where + taken :]
    content = rest if kind == "jsonl" else header + b"\n" + rest
    place = shop(
        {f"a.{kind}": content},
        {"sources__0__files": f"a.{kind}", "max_bad_fraction": 1, "sources__0__duplicate_ids": "drop"},
    )
    done = evenly("run", "recipe.yaml", "--out", "out", "--force", "--json")
    assert done.code == 0, done.err
    assert_sums(done.manifest)
    rows = done.manifest["rows"]
    assert len(quarantine(place.folder / "out")) == rows["quarantined"]
    assert ledger(place.folder / "out", "kept").height == rows["kept"]
    if rows["dropped"]:
        assert ledger(place.folder / "out", "dropped").height == sum(rows["dropped"].values())
    if kind == "jsonl":
        assert rows["read"] == sum(1 for line in content.split(b"\n") if line.strip())
