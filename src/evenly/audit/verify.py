"""Does an output hold what its manifest says? Every file, every sum, every digest; and, on request, the draw itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.errors import Cancelled, EvenlyError
from evenly.flow.run import run_recipe
from evenly.io.cache import scratch_folder
from evenly.io.manifest import selection_digest
from evenly.io.outputs import data_files, open_output, scan_data, scan_ledger
from evenly.io.sources import sha256_of
from evenly.recipe.model import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from evenly.reporting.progress import Reporter

ROOMS: Final = ("data", "lite", "holdout", "ledger")
"""Folders whose files a manifest lists, all of them."""

SHOWN: Final = 3
"""Files that a check names."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        holds: whether it does.
        found: what was found, in words.
    """

    name: str
    holds: bool
    found: str


@dataclass(frozen=True)
class Verification:
    """All checks of an output.

    Attributes:
        place: the output, as it was named.
        checks: what was looked at, in order.
    """

    place: str
    checks: list[Check]

    @property
    def holds(self) -> bool:
        """Whether all of them hold."""
        return all(check.holds for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data, for `--json`."""
        return {"place": self.place, "holds": self.holds, "checks": [vars(check) for check in self.checks]}


def verify_folder(
    folder: Path, *, from_source: bool = False, engine: str = "local", reporter: Reporter, place: str | None = None
) -> Verification:
    """Check an output against its manifest; with `from_source`, run its recipe again and compare what it selects.

    Raises:
        UserError: when the folder has no manifest, or the recipe's inputs are not there to run it again.
    """
    manifest = open_output(folder)
    checks = list(_checks(folder, manifest, reporter))
    if from_source:
        checks += _again(manifest, engine, reporter)
    return Verification(place or str(folder), checks)


def _checks(folder: Path, manifest: Mapping[str, Any], reporter: Reporter) -> Iterator[Check]:
    files = _files(folder, manifest, reporter)
    yield files
    yield _strangers(folder, manifest)
    yield from _sums(manifest["rows"])
    if not files.holds:  # what is in a damaged file tells nothing, and some can't be read at all
        return
    try:
        yield from _data(folder, manifest)
        yield from _ledger(folder, manifest)
    except (OSError, pl.exceptions.PolarsError) as fault:
        yield Check("the data can be read", holds=False, found=str(fault).splitlines()[0])


def _files(folder: Path, manifest: Mapping[str, Any], reporter: Reporter) -> Check:
    """Check that every file is there with the bytes that it had."""
    wrong: list[str] = []
    entries = manifest["files"]
    with reporter.phase("verify", sum(int(one["bytes"]) for one in entries), "bytes") as advance:
        for one in entries:
            path = folder / one["path"]
            if not path.is_file():
                wrong.append(f"{one['path']} is not there")
            elif path.stat().st_size != one["bytes"]:
                wrong.append(f"{one['path']} has {path.stat().st_size:,} bytes instead of {one['bytes']:,}")
            elif sha256_of(path) != one["sha256"]:
                wrong.append(f"{one['path']} has another sha256")
            advance(int(one["bytes"]))
    return _told("files are as they were written", wrong, f"sha256 of {len(entries):,} files")


def _strangers(folder: Path, manifest: Mapping[str, Any]) -> Check:
    """Check that there is no file of data that the manifest does not know: a trainer would read it."""
    known = {one["path"] for one in manifest["files"]}
    there = [path.relative_to(folder).as_posix() for room in ROOMS for path in sorted((folder / room).glob("*"))]
    wrong = [f"{path} is not in the manifest" for path in there if path not in known]
    return _told("no file is there that the manifest does not list", wrong, f"{len(there):,} files")


def _sums(rows: Mapping[str, Any]) -> Iterator[Check]:
    parts = {
        "read = kept + dropped + quarantined": (
            rows["read"],
            rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"],
        ),
        "kept = outside the strata + held out + selected + not selected": (
            rows["kept"],
            rows["outside_strata"] + rows["held_out"] + rows["selected"] + rows["not_selected"],
        ),
        "selected = splits + in no split": (rows["selected"], sum(rows["splits"].values()) + rows["unassigned"]),
    }
    for name, (left, right) in parts.items():
        yield Check(name, left == right, f"{left:,} and {right:,}")


def _data(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Check]:
    """Check each split's and test's rows and digest against its files."""
    ending = manifest["recipe"]["export"]["files"]
    rows, written = manifest["rows"], 0
    for split, wanted in rows["splits"].items():
        ids = _ids(folder, "data", split, ending)
        written += ids.len()
        distinct = ids.unique()
        yield Check(f"{split} has its records", distinct.len() == wanted, f"{distinct.len():,}, expected {wanted:,}")
        digest = selection_digest([distinct.sort()])
        yield _digest(split, digest, manifest["selection_digest"].get(split))
    extra = written - sum(rows["splits"].values())
    # Records repeat in train alone, and what is in no split does not repeat there.
    yield Check("rows that repeat a record", 0 <= extra <= rows["repeated"], f"{extra:,} of {rows['repeated']:,}")
    for test, one in manifest.get("holdout", {}).items():
        ids = _ids(folder, "holdout", test, ending)
        yield Check(
            f"test {test} has its records", ids.len() == one["rows"], f"{ids.len():,}, expected {one['rows']:,}"
        )
        yield _digest(f"test {test}", selection_digest([ids.sort()]), one["digest"])


def _ids(folder: Path, room: str, name: str, ending: str) -> pl.Series:
    paths = data_files(folder, room, name, ending)
    frames = [scan_data(path).select(pl.col("id").cast(pl.String)).collect() for path in paths]
    return pl.concat(frames)["id"] if frames else pl.Series("id", [], dtype=pl.String)


def _digest(what: str, found: str, wanted: str | None) -> Check:
    told = found[:16] if found == wanted else f"{found[:16]}…, expected {str(wanted)[:16]}…"
    return Check(f"{what} has the digest of its ids", found == wanted, told)


def _ledger(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Check]:
    """Check the ledger's records against the manifest, and the selection against its own keys."""
    kept, dropped = scan_ledger(folder, "kept"), scan_ledger(folder, "dropped")
    rows = manifest["rows"]
    if kept is None:
        return
    told = kept.select(
        pl.len().alias("kept"),
        pl.col("held_out").sum(),
        pl.col("selected").sum(),
        (pl.col("stratum").is_null() & ~pl.col("held_out")).sum().alias("outside_strata"),
    ).collect()
    for name in ("kept", "held_out", "selected", "outside_strata"):
        found = int(told[name].item())
        yield Check(f"ledger: {name.replace('_', ' ')}", found == rows[name], f"{found:,}, expected {rows[name]:,}")
    reasons = {} if dropped is None else dict(dropped.group_by("reason").len().collect().iter_rows())
    yield Check("ledger: dropped by reason", reasons == rows["dropped"], f"{sum(reasons.values()):,} records")
    for split, wanted in manifest["selection_digest"].items():
        ids = kept.filter(pl.col("split") == split).select("id").collect()["id"].sort()
        yield _digest(f"ledger: {split}", selection_digest([ids]), wanted)
    yield _smallest(kept)


def _smallest(kept: pl.LazyFrame) -> Check:
    """Check that in each stratum no record is left out whose key is smaller than that of one that was taken."""
    by_stratum = (
        kept.filter(pl.col("stratum").is_not_null())
        .group_by("stratum")
        .agg(
            pl.col("key").filter("selected").max().alias("last"),
            pl.col("key").filter(~pl.col("selected")).min().alias("first"),
        )
        .filter(pl.col("last") > pl.col("first"))
        .collect()
    )
    wrong = [f"stratum {name!r}" for name in by_stratum["stratum"].sort().to_list()]
    return _told("ledger: the smallest keys of each stratum are taken", wrong, "all strata")


def _again(manifest: Mapping[str, Any], engine: str, reporter: Reporter) -> list[Check]:
    """Run the recipe again and compare what it selects and writes."""
    recipe = Recipe.from_dict(manifest["recipe"])
    recipe = recipe.model_copy(update={"export": recipe.export.model_copy(update={"report": False})})
    with scratch_folder() as folder:
        try:
            made = run_recipe(recipe, folder / "again", engine=engine, recheck=True, reporter=reporter).manifest
        except Cancelled:
            raise
        except EvenlyError as fault:
            return [Check("the recipe can be run again", holds=False, found=str(fault).splitlines()[0])]
    inputs = [{one["path"]: one.get("sha256") for one in told["inputs"]} for told in (manifest, made)]
    changed = [f"{path} is not what it was" for path, digest in inputs[0].items() if inputs[1].get(path) != digest]
    found = [_told("again: the inputs are the same", changed, f"{len(inputs[0]):,} files")]
    for split, wanted in manifest["selection_digest"].items():
        found.append(_digest(f"again: {split}", made["selection_digest"].get(split, ""), wanted))
    wanted = {one["path"]: one["sha256"] for one in manifest["files"]}
    other = {one["path"]: one["sha256"] for one in made["files"]}
    differing = [f"{path} has other bytes" for path in wanted if wanted[path] != other.get(path)]
    found.append(_told("again: the files are the same, byte for byte", differing, f"{len(wanted):,} files"))
    return found


def _told(name: str, wrong: list[str], right: str) -> Check:
    more = f", and {len(wrong) - SHOWN:,} more" if len(wrong) > SHOWN else ""
    return Check(name, not wrong, right if not wrong else "; ".join(wrong[:SHOWN]) + more)
