"""Records, recipes and ways to run them that must all select the same; as a program, runs of one environment.

`python matrix.py FOLDER` reads runs from standard input, a line of JSON each, and prints what each came to, a line of
JSON each: all of it that may not depend on the order of rows, on how they are cut, or on where it was done. Nothing but
Evenly and what it needs is imported, so that any environment that holds it can do it.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import locale
import os
import shutil
import sys
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Generator

RECORDS: Final = 600

ARRANGEMENTS: Final[dict[str, tuple[Any, ...]]] = {
    "order": ("backwards", "shuffled"),
    "files": (1, 5, 12),
    "format": ("jsonl", "jsonl.gz", "csv", "parquet"),
    "pieces": ("large", "small"),
    "workers": (1, 2, 4),
}
"""What a run can vary within one process."""

SMALL: Final = {
    "BLOCK_BYTES": 30_000,
    "BLOCK_ROWS": 80,
    "GROUP_ROWS": 60,
    "SPILL_BYTES": 20_000,
    "LEDGER_ROWS": 300,
    "DIGEST_ROWS": 100,
    "PARTITION_ROWS": 400,
    "CHUNK_ROWS": 200,
    "TOGETHER": 7,
}
"""Limits that are far larger than these few records, in small: so that they are many blocks, groups and partitions."""

KEEP: Final = ["price", "score", "stars", "category", "when", "at", "house", "shelf"]


def number(purpose: str, of: int) -> int:
    """Return a number from 0 to 999,999 that looks random and is the same everywhere."""
    return int.from_bytes(hashlib.sha256(f"{purpose} {of}".encode()).digest()[:8]) % 1_000_000


def records() -> list[dict[str, Any]]:
    """Return the listings: ids that repeat, texts that are alike, floats whose sum depends on its order."""
    rows = [_listing(of) for of in range(RECORDS)]
    again = [dict(rows[of], price=rows[of]["price"] * 3, title=f"Again {of}") for of in range(0, RECORDS, 9)]
    twice = [dict(rows[of]) for of in range(4, RECORDS, 50)]
    return [*rows, *again, *twice]


def _listing(of: int) -> dict[str, Any]:
    words = ("Lampe", "größer", "丸い", "belt", "cable", "drill", "Ωmega", "fuse", "gauge", "hinge", "Éclair", "grün")
    source = of - 1 if of % 8 == 7 else of  # every eighth text is nearly the one before
    text = [words[number(f"word {place}", source) % 12] + str(number(f"no {place}", source) % 9) for place in range(24)]
    if source != of:
        text[-1] = f"nearly{of}"
    day = datetime(2021, 1, 1) + timedelta(hours=31 * of, minutes=17 * of)  # noqa: DTZ001 - the zone is written beside
    large = ("Möbel", "Küche", "玩具", "tools", "a | b")
    rare = f"rare-{number('rare', of) % 12}"
    return {
        "sku": f"{('ä', 'sku', '日本', 'Ω')[of % 4]}-{of:05d}",
        "title": f"{('LAMPE', 'Lampe', 'lampe')[of % 3]}  {of // 3 if of % 30 < 3 else of}",
        "text": " ".join(text),
        "note": f'{of}, "quoted", {("ünï", "🎸", "x")[of % 3]};\ttabs',
        "price": (50 + number("price", of) ** 3 // 10**14) / 100,
        "score": (number("score", of) - 500_000) / 7 * 10.0 ** (of % 19 - 6),
        "category": rare if of % 7 == 0 else large[number("category", of) ** 2 // 200_000_000_001],
        "when": day.isoformat() + ("", "Z", "+05:45", "-09:30")[of % 4],
        "at": 1_600_000_000 + 77_777 * of,
        "stars": number("stars", of) % 5 + 1,
        "house": f"house {number('house', of) % 60}",
    }


def arranged(way: dict[str, Any], folder: Path) -> list[str]:
    """Return the records' files, in an order, a cut and a format; written where they are not there yet."""
    shelf, name = (os.fsdecode(text.encode()) for text in ("größe", "é"))  # UTF-8, whatever the locale says
    place = folder / f"{way['order']} {way['files']} {way['format']}" / shelf
    files = [place / f"{part:02d}-{name}.{way['format']}" for part in range(way["files"])]
    if not place.exists():
        place.mkdir(parents=True)
        rows = records()
        if way["order"] == "shuffled":
            rows.sort(key=lambda row: hashlib.sha256(repr(row).encode()).digest())
            files = files[1::2] + files[::2]
        elif way["order"] == "backwards":
            rows.reverse()
        for part, file in enumerate(files):
            _write(rows[part :: len(files)], file)
    return [f"{place.parent}/*/*"]


def _write(rows: list[dict[str, Any]], file: Path) -> None:
    lines = "".join(json.dumps(row, ensure_ascii=len(rows) % 2 == 0) + "\n" for row in rows)
    if file.suffix == ".parquet":
        with file.open("wb") as out:
            pl.DataFrame(rows).write_parquet(out, row_group_size=97)
    elif file.suffix == ".csv":
        with file.open("w", encoding="utf-8", newline="") as out:
            table = csv.DictWriter(out, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    else:
        file.write_bytes(gzip.compress(lines.encode()) if file.suffix == ".gz" else lines.encode())


GROUPS: Final = (
    ("crossed", "budget"),
    ("dates", "repeats", "raked", "rare", "drawn", "target", "held"),
    ("held apart", "hashed"),
)
"""The recipes' names, in groups that read the data alike."""


def recipes() -> dict[str, dict[str, Any]]:
    """Return name -> recipe without its files; together they use all that an order or an environment could reach."""
    by_category = {"column": "category", "other_below": 25}
    by_price = {"column": "price", "edges": [0, 1, 5, 20, 1e6]}
    median = {"middle": "mean(score)", "spread": "std(score)"}
    balances: dict[str, dict[str, Any]] = {
        "crossed": {
            "strata": [{"column": "price", "quantile": 4}, by_category, {"column": "when", "part": "quarter"}],
            "policy": "power",
            "alpha": 0.7,
            "size": 190,
            "stats": median,
            "weight": "1 + least(abs(score - middle) / spread, 20)",
        },
        "dates": {
            "strata": [{"column": "at", "part": "hour", "unit": "s"}, {"column": "when", "part": "weekday"}],
            "cap": 2,
            "take_all": "at < 3 AND \"when\" <> 'Sun'",
            "weight": {"column": "category", "values": {"Möbel": 1, "玩具": 7.5}, "default": 3},
        },
        "repeats": {"strata": [by_category], "policy": "unimax", "epochs": 3, "size": 700},
        "raked": {
            "strata": [by_category, by_price],
            "policy": "rake",
            "marginals": {"category": "uniform", "price": {"lognormal": {"median": 4, "sigma": 1}}},
            "size": 200,
            "shortfall": "redistribute",
        },
        "budget": {"strata": [{"column": "tokens", "width": 25}], "policy": "equal", "size": {"tokens": 20_000}},
        "rare": {
            "strata": [{"column": "price", "log": 2}],
            "cap": 25,
            "take_all": "price >= 16",
            "weight": {"inverse_density": {"column": "score", "width": 0.3, "alpha": 0.5}},
        },
        "drawn": {"policy": "weighted", "size": 150, "weight": "power(price, 1.5) + exp(-stars)"},
        "target": {
            "strata": [{"column": "stars"}],
            "policy": "target",
            "target": {"values": {"1": 0.4, "5": 0.35}},
            "size": 220,
            "shortfall": "accept",
        },
        "held": {"strata": [{"column": "when", "part": "month"}], "policy": "proportional", "size": 120},
    }
    made = {name: _recipe(name, balance) for name, balance in balances.items()}
    for name in ("crossed", "budget"):
        made[name]["tokenizer"] = "o200k_base"
    held = {"fraction": 0.2, "group": "column", "column": "house", "strata": [by_price], "natural": 40}
    made["held"] |= {"holdout": held}
    made["crossed"] |= {"split": {"train": 0.7, "validation": 0.2, "test": 0.1, "lite": {"train": 60, "test": 9}}}
    made["held apart"] = copied(made["held"], name="apart", holdout={"fraction": 0.25, "group": "near"})
    made["held apart"]["curate"] = made["held"]["curate"][:4]
    plain = {"strata": [{"column": "category"}], "cap": 20, "min": 1}
    made["hashed"] = _recipe("hashed", plain) | {"seed": 2**40}
    made["hashed"]["curate"] = [{"number": {"column": column}} for column in ("price", "stars", "at")]
    made["hashed"]["sources"][0]["id"] = ["house", "sku", "score"]
    kept = [column for column in KEEP if column != "score"]  # which is read as text here
    made["hashed"]["export"] |= {"format": "prompt-completion", "files": "jsonl", "keep": kept}
    return made


def _recipe(name: str, balance: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name.replace(" ", "-"),
        "seed": 11,
        "sources": [
            {
                "name": "shop",
                "id": "sku",
                "duplicate_ids": "drop",
                "columns": {"shelf": {"from_path": r"(?:^|/)(gr[^/]*)/[^/]*$"}},
            }
        ],
        "curate": [
            {"number": {"column": "price", "min": 0.5}},
            *[{"number": {"column": column}} for column in ("score", "stars", "at")],
            {"unique": {"columns": ["title"], "fold": ["case", "space"]}},
            {"near_unique": {"column": "text", "threshold": 0.7}},
        ],
        "template": {"prompt": "{text}\n{note}\n{title} costs $", "completion": "{price:.2f}"},
        "balance": {"label": "price"} | balance,
        "split": {"train": 0.8, "test": 0.2},
        "export": {"keep": KEEP, "report": False, "shard_rows": 64},
    }


def copied(recipe: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a recipe of its own, with changes at its top."""
    return json.loads(json.dumps(recipe)) | changes


def facts(folder: Path) -> dict[str, Any]:
    """Return what an output says that may depend on nothing but records and recipe."""
    manifest: Any = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    told = {key: manifest[key] for key in ("rows", "strata", "balance", "selection_digest", "seed")}
    told["holdout"] = manifest.get("holdout")
    told["files"] = {one["path"]: [one["rows"], one["sha256"]] for one in _data(manifest)}
    told["values"] = {one["path"]: _digest(_rows(folder / one["path"])) for one in _data(manifest)}
    for name in ("kept", "dropped"):
        ledger = pl.concat([pl.read_parquet(path) for path in sorted((folder / "ledger").glob(f"{name}-*"))])
        told[name] = _digest(sorted(json.dumps(row) for row in ledger.drop("file", "line").rows()))
    return told


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Return where two facts differ, and how."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return [] if one == other else [f"{place}: {str(one)[:80]} and {str(other)[:80]}"]
    keys = sorted({*one, *other})
    return [line for key in keys for line in differences(one.get(key), other.get(key), f"{place}/{key}")]


def _data(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in manifest["files"] if not one["path"].startswith("ledger/")]


def _rows(path: Path) -> list[str]:
    frame = pl.read_ndjson(path) if path.suffix == ".jsonl" else pl.read_parquet(path)
    return [json.dumps(frame.columns), *[json.dumps(row) for row in frame.rows()]]


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def run(way: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run recipes in a way, over a pool of their own, and return the facts of each; see `ARRANGEMENTS` and `main`."""
    import evenly  # after what an environment does to it

    os.environ["EVENLY_CACHE"] = str(folder / "cache")
    shutil.rmtree(folder / "cache", ignore_errors=True)
    known: dict[str, Any] = recipes()
    found: dict[str, Any] = {}
    files = arranged(way, folder / "in")
    with limits(SMALL if way["pieces"] == "small" else {}), engine_of(way["engine"]) as engine:
        for name in way["recipes"]:
            recipe = known[name] | {"engine": {"workers": way["workers"]}}
            recipe["sources"][0]["files"] = files
            evenly.run(recipe, folder / "out", engine=engine, force=True)
            found[name] = facts(folder / "out")
    return found


@contextmanager
def engine_of(name: str) -> Generator[str]:
    """Yield the public name of an engine; the local one is `threads`, or `processes` for however few pieces."""
    from evenly.flow import run as flow  # after what an environment does to it

    if name == "ray":
        yield "ray"
        return
    engine, many = flow.LocalEngine, 1 if name == "processes" else 10**6
    flow.LocalEngine = partial(engine, many=many)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    try:
        yield "local"
    finally:
        flow.LocalEngine = engine  # type: ignore[misc]


def limits(small: dict[str, int]) -> ExitStack:
    """Return what sets limits of Evenly's modules, in this process, until it is closed."""
    stack = ExitStack()
    modules = [module for name, module in sys.modules.items() if name.startswith("evenly.") and small]
    for module in modules:
        for name in small.keys() & vars(module).keys():
            stack.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, small[name])
    return stack


def main(folder: Path) -> None:
    """Do what standard input names: a line is a way, an arrangement with the `engine` and the names of `recipes`."""
    with suppress(locale.Error):  # a name that the machine does not know
        locale.setlocale(locale.LC_ALL, "")  # as programs do that mean their user's
        locale.setlocale(locale.LC_MESSAGES, "C")  # Ray reads the system's messages as UTF-8
    ways = [json.loads(line) for line in sys.stdin]
    with ExitStack() as stack:
        if any(way["engine"] == "ray" for way in ways):
            from evenly.engines.ray import opened  # loads slowly

            stack.enter_context(opened(None, 2))
        for way in ways:
            sys.stdout.write(json.dumps(run(way, folder)) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
