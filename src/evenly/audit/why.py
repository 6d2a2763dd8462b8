"""Why is a record in a set, or not? From what the output holds: its ledger, its tests, what could not be read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from evenly.errors import UserError, did_you_mean
from evenly.io.outputs import data_files, open_output, quarantined, scan_data, scan_ledger
from evenly.recipe.model import Recipe
from evenly.recipe.steps import reasons
from evenly.reporting.card import to_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

PLACE: Final = re.compile(r"(?s)(?P<file>.+):(?P<line>\d{1,15})")
"""A record by where it stands: FILE:LINE, lines from 1."""

SHOWN_RAW: Final = 200

Kept = dict[str, Any]


@dataclass(frozen=True)
class Reason:
    """What became of a record.

    Attributes:
        facts: plain data.
        text: the same as a paragraph.
    """

    facts: dict[str, Any]
    text: str


@dataclass(frozen=True)
class Reasons:
    """What became of the records that a question is about: an id, or a place, may stand for several.

    Attributes:
        found: each of them.
    """

    found: list[Reason]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return them as plain data, for `--json`."""
        return [one.facts | {"text": one.text} for one in self.found]


def explain(folder: Path, asked: str) -> Reasons:
    """Return what became of the record of an id, or of the one at FILE:LINE.

    Raises:
        UserError: for an output without a ledger, and for what nobody knows.
    """
    manifest = open_output(folder)
    kept, dropped = scan_ledger(folder, "kept"), scan_ledger(folder, "dropped")
    if kept is None:
        message = f"{folder}: holds no ledger, so nothing is known of single records. Run with export.ledger: true."
        raise UserError(message)
    wanted = [pl.col("id") == asked]
    if (place := PLACE.fullmatch(asked)) is not None:
        named = (pl.col("file") == place["file"]) | pl.col("file").str.ends_with(f"/{place['file']}")
        wanted.append(named & (pl.col("line") == int(place["line"])))
    try:
        found = list(_in_ledger(kept, dropped, wanted, folder, manifest))
    except (pl.exceptions.PolarsError, KeyError) as fault:
        message = f"{folder}: its ledger is damaged: {next(iter(str(fault).splitlines()), '')}. Run the recipe again."
        raise UserError(message) from None
    if place is not None:
        found += [_quarantined(one) for one in quarantined(folder) if _stands(one, place["file"], int(place["line"]))]
    if not found:
        raise UserError(_unknown(asked, kept, folder))
    return Reasons(found)


def _in_ledger(
    kept: pl.LazyFrame, dropped: pl.LazyFrame | None, wanted: Sequence[pl.Expr], folder: Path, manifest: Kept
) -> Iterator[Reason]:
    """Yield what the ledger knows of the records that some conditions are about."""
    for condition in wanted:
        yield from (_kept(one, kept, folder, manifest) for one in kept.filter(condition).collect().to_dicts())
        if dropped is not None:
            yield from (_dropped(one, manifest) for one in dropped.filter(condition).collect().to_dicts())


def _stands(row: Mapping[str, Any], file: str, line: int) -> bool:
    return row["line"] == line and (row["file"] == file or str(row["file"]).endswith(f"/{file}"))


def _unknown(asked: str, kept: pl.LazyFrame, folder: Path) -> str:
    near = kept.filter(pl.col("id").str.starts_with(asked[:3])).select("id").head(2_000).collect()["id"].to_list()
    hint = did_you_mean(asked, near) if near else ""
    return (
        f"{folder}: no record is called '{asked}', neither kept nor dropped.{hint} Rows that could not be read have no "
        "id: ask for them by FILE:LINE."
    )


def _kept(one: Kept, kept: pl.LazyFrame, folder: Path, manifest: Mapping[str, Any]) -> Reason:
    where = f"'{one['id']}' was read from {one['file']}, line {one['line']:,}, and kept by every step."
    if one["held_out"]:
        return _held_out(one, where, folder, manifest)
    if one["stratum"] is None:
        axes = [axis["column"] for axis in manifest["recipe"]["balance"].get("strata", [])]
        reasons = ["a value is null", "outside min and max"]
        if (condition := manifest["recipe"]["balance"].get("filter")) is not None:
            reasons.append(f"not what the filter asks for ({condition})")
        text = f"{where} It is in no stratum of {', '.join(axes) or 'the recipe'}: {', or '.join(reasons)}."
        return Reason({**one, "fate": "outside the strata"}, text)
    stratum = kept.filter(pl.col("stratum") == one["stratum"]).select("id", "key", "weight", "selected").collect()
    return _drawn(one, where, stratum)


def _held_out(one: Kept, where: str, folder: Path, manifest: Mapping[str, Any]) -> Reason:
    ending = manifest["recipe"]["export"]["files"]
    tests = [test for test in manifest.get("holdout", {}) if _has(folder, test, ending, one["id"])]
    holdout = manifest["recipe"].get("holdout", {})
    by = holdout.get("column", holdout.get("group"))
    text = (
        f"{where} It was held out for tests before anything was counted, with its group (by {by}); "
        f"{'it is in the tests ' + ' and '.join(tests) if tests else 'no test has drawn it'}. No seed and no balance "
        "puts it into another split."
    )
    return Reason({**one, "fate": "held out", "tests": tests}, text)


def _has(folder: Path, test: str, ending: str, name: str) -> bool:
    paths = data_files(folder, "holdout", test, ending)
    return any(scan_data(path).filter(pl.col("id").cast(pl.String) == name).head(1).collect().height for path in paths)


def _drawn(one: Kept, where: str, stratum: pl.DataFrame) -> Reason:
    eligible = stratum.filter(pl.col("weight") > 0)
    taken = int(stratum["selected"].sum())
    left = eligible.filter(~pl.col("selected"))["key"]
    tau = left.min()
    rank = 1 + int((stratum["key"] < one["key"]).sum())
    probability = _probability(one["weight"], eligible, taken, tau)
    equal = eligible["weight"].n_unique() <= 1
    facts = {
        **one,
        "fate": "selected" if one["selected"] else "not selected",
        "stratum_records": stratum.height,
        "stratum_selected": taken,
        "rank": rank,
        "cut_off": tau,
        "inclusion_probability": probability,
    }
    whole = taken == eligible.height
    text = (
        f"{where} It is in the stratum '{one['stratum']}' of {stratum.height:,} records, "
        f"{'which is taken whole' if whole else f'of which {taken:,} are taken'}. "
    )
    if not one["weight"]:
        return Reason(facts, text + "Its weight is 0, so that it is never drawn.")
    text += f"Its weight is {one['weight']:g} and its key {one['key']:.6g}, the {_ordinal(rank)} smallest"
    if tau is not None:
        text += f"; the cut-off, the smallest key that was not taken, is {tau:.6g}"
    text += f". A record of its weight is drawn with a probability of {probability:.4g}"
    text += "" if equal or whole else ", given that cut-off"
    if not one["selected"]:
        return Reason(facts, f"{text}. It was not selected.")
    split = one["split"]
    text += f". It was selected, and is in {f'the split {split}' if split else 'no split: they were full'}."
    return Reason(facts, text)


def _probability(weight: float, eligible: pl.DataFrame, taken: int, tau: Any) -> float:  # noqa: ANN401 - a key or None
    """Return the inclusion probability as the output has it, see `evenly.core.select.take`."""
    if not weight or not taken:
        return 0.0
    if taken == eligible.height or tau is None:
        return 1.0
    if eligible["weight"].n_unique() == 1:
        return taken / eligible.height
    return -math.expm1(-weight * float(tau))


def _dropped(one: Mapping[str, Any], manifest: Mapping[str, Any]) -> Reason:
    recipe = Recipe.from_dict(dict(manifest["recipe"]))
    names = reasons(recipe.curate)
    told = ""
    if one["reason"] in names:
        place = names.index(one["reason"])
        step = to_yaml({"step": manifest["recipe"]["curate"][place]}).removeprefix("step:\n").strip()
        told = f", step {place + 1} of curate: {' '.join(step.split())}"
    elif one["reason"] == "duplicate_ids":
        told = ": another record of the same id has the smaller content hash, or comes first"
    elif one["reason"] == "template":
        told = ": a field of the template is null"
    text = f"'{one['id']}' was read from {one['file']}, line {one['line']:,}, and dropped by '{one['reason']}'{told}."
    return Reason({**one, "fate": "dropped"}, text)


def _quarantined(row: Mapping[str, Any]) -> Reason:
    raw = str(row["raw"])
    shown = raw if len(raw) <= SHOWN_RAW else f"{raw[:SHOWN_RAW]}…"
    text = f"{row['file']}, line {row['line']:,}, could not be read: {row['reason']}. It begins: {shown}"
    return Reason({**row, "fate": "quarantined"}, text)


def _ordinal(number: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else endings.get(number % 10, 'th')}"


def paragraphs(found: Reasons) -> Sequence[str]:
    """Return what the terminal prints: a paragraph for each record."""
    return [one.text for one in found.found]
