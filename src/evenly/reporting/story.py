"""What a report says in words, from its numbers and the manifest: the answer, what to look at, the measures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from evenly.core.conversations import chat_notes
from evenly.core.pictures import SIDES
from evenly.reporting.design import day, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Numbers = Mapping[str, Any]

LARGE_SHARE: Final = 0.5
"""Share of one category from which it is worth a look."""

STRONG: Final = 0.3
"""Rank correlation of label and length from which it is worth a look."""


def tell(numbers: Numbers, manifest: Mapping[str, Any], price: float | None = None) -> dict[str, Any]:
    """Return `lead`, `tiles`, `notes`, `measures`, `cost` and `answers`, as the page and the terminal show them.

    `price` is what a million tokens of training cost, in any currency.
    """
    return {
        "lead": _lead(manifest),
        "tiles": _tiles(numbers, manifest, price),
        "notes": _notes(numbers, manifest),
        "measures": measures_of(numbers),
        "cost": _cost(numbers, manifest, price),
        "answers": _answers(numbers),
    }


def _answers(numbers: Numbers) -> str:
    """Return how many tokens the answers of the shown records are; empty where that is not known."""
    ends = [row["tokens"] for row in numbers["records"]["rows"]]
    counts = sorted({sum(bool(answer) for _, answer in end) for end in ends if end and not end[0][1]} - {0})
    if not counts:
        return ""
    shown = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Below each are its last tokens; those of the answer are framed: {shown} of them."


def _lead(manifest: Mapping[str, Any]) -> str:
    rows, strata, balance = manifest["rows"], manifest["strata"], manifest["balance"]
    before, after = (balance[side]["effective_strata"] for side in SIDES)
    text = f"{rows['selected']:,} of {rows['kept']:,} curated records"
    if strata["count"] > 1:
        text += (
            f", drawn from {strata['count']:,} strata of {' by '.join(_axes(manifest)) or 'the pool'}. "
            f"They lie as evenly as {after:,.0f} equal strata would; the pool is like {before:,.0f}"
        )
    return text + "."


def _axes(manifest: Mapping[str, Any]) -> list[str]:
    return [one["column"] for one in manifest["recipe"]["balance"].get("strata", [])]


def _tiles(numbers: Numbers, manifest: Mapping[str, Any], price: float | None) -> list[dict[str, str]]:
    rows, before, after = manifest["rows"], numbers["facts"]["before"], numbers["facts"]["after"]
    splits = ", ".join(f"{name} {size:,}" for name, size in rows["splits"].items())
    tiles = [
        {"name": "selected", "value": f"{rows['selected']:,}", "aside": splits},
        {"name": "of records read", "value": f"{rows['read']:,}", "aside": f"{rows['kept']:,} curated"},
    ]
    if "label" in after:
        shown = day if numbers["dates"] else number
        was = f"{shown(before['label']['mean'])} in the pool"
        tiles.append({"name": f"mean {numbers['label']}", "value": shown(after["label"]["mean"]), "aside": was})
    gini = {side: numbers["measures"][side]["gini"] for side in SIDES}
    if manifest["strata"]["count"] > 1:
        tiles.append(
            {"name": "Gini over strata", "value": f"{gini['after']:.3f}", "aside": f"{gini['before']:.3f} in the pool"}
        )
    if "tokens" in after:
        each = f"{number(after['tokens']['mean'])} a record"
        tiles.append({"name": "tokens", "value": f"{after['tokens']['total']:,}", "aside": each})
        if price is not None:
            cost = after["tokens"]["total"] / 1e6 * price
            tiles.append({"name": "an epoch costs", "value": f"{cost:,.2f}", "aside": f"at {price:g} a million tokens"})
    return tiles


def _notes(numbers: Numbers, manifest: Mapping[str, Any]) -> list[str]:
    """Return what a careful reader would look at, a sentence each."""
    rows, strata, notes = manifest["rows"], manifest["strata"], list[str]()
    if strata["missing"]:
        notes.append(
            f"{strata['missing']:,} rows that were asked for are not there: strata fall short of what is wanted."
        )
    if rows["quarantined"]:
        notes.append(f"{_many(rows['quarantined'], 'row')} could not be read; quarantine.jsonl shows them.")
    if rows["outside_strata"]:
        notes.append(
            f"In no stratum, so that it could not be drawn: {_many(rows['outside_strata'], 'curated record')}."
        )
    if strata["no_variance"]:
        notes.append(
            f"Of {strata['no_variance']:,} strata one record of several weights is drawn: no variance can be estimated."
        )
    if rows["repeated"]:
        notes.append(
            f"{rows['repeated']:,} rows repeat a record: small strata are in the training split more than once."
        )
    notes += chat_notes(manifest["chat"]) if "chat" in manifest else []
    if rows["unassigned"]:
        notes.append(f"{rows['unassigned']:,} selected records are in no split, since the splits ask for fewer.")
    told = numbers["categories"]
    total = sum(told["after"]) + told["others"]["after"]
    if len(told["names"]) > 1 and total:
        most, name = max(zip(told["after"], told["names"], strict=True))
        if most / total >= LARGE_SHARE:
            notes.append(f"{name} is {most / total:.0%} of what is selected.")
    found = numbers["pictures"].get("density", {}).get("correlation", {}).get("after")
    if found is not None and abs(found) >= STRONG:
        way = "longer" if found > 0 else "shorter"
        notes.append(
            f"A higher {numbers['label']} goes with {way} texts (rank correlation {found:+.2f}): "
            "a model can learn from length."
        )
    return notes


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def measures_of(numbers: Numbers) -> list[dict[str, str]]:
    """Return the measures: `name`, `before`, `after` and `what` each says, as text."""
    before, after = numbers["facts"]["before"], numbers["facts"]["after"]
    rows = [_row("records", before["rows"], after["rows"], "rows of the pool, and of the output")]
    own = numbers["measures"]
    for key, name, what in (
        ("strata", "strata", "that hold any record"),
        ("effective_strata", "effective strata", "as many equal strata would be as even (exponential of the entropy)"),
        ("gini", "Gini", "0: every stratum has equally many; towards 1: one has all"),
        ("largest_share", "largest stratum", "its share of the records"),
        (
            "distance",
            f"distance to {numbers['aim']}",
            "Kolmogorov–Smirnov: the widest gap between the two cumulative shares",
        ),
    ):
        both = [own[side][key] for side in SIDES]
        told = [f"{one:.2%}" if key == "largest_share" else number(one) for one in both]
        rows.append({"name": name, "before": told[0], "after": told[1], "what": what})
    for key, name in (("label", str(numbers["label"])), ("tokens", "tokens")):
        if key not in after or key not in before:
            continue
        sides = before[key], after[key]
        shown = day if key == "label" and numbers["dates"] else number
        digits = "to a day" if shown is day else "to three digits"
        rows.append(_told(f"{name}, mean", [shown(side["mean"]) for side in sides], "of all records"))
        rows.append(_told(f"{name}, median", [shown(side["quantiles"]["0.5"]) for side in sides], digits))
        spans = [f"{shown(side['quantiles']['0.05'])} – {shown(side['quantiles']['0.95'])}" for side in sides]
        rows.append(_told(f"{name}, 5 % to 95 %", spans, "nine in ten records lie between"))
        rows.append(
            _told(f"{name}, {'last' if shown is day else 'highest'}", [shown(side["highest"]) for side in sides], "")
        )
    if "tokens" in after:
        rows.append(_row("tokens in total", before["tokens"]["total"], after["tokens"]["total"], "prompt and answer"))
    told = numbers["categories"]
    if len(told["names"]) > 1:
        totals = [sum(told[side]) + told["others"][side] for side in SIDES]
        shares = [f"{max(told[side]) / max(1, total):.1%}" for side, total in zip(SIDES, totals, strict=True)]
        rows.append(
            {"name": "largest category", "before": shares[0], "after": shares[1], "what": "its share of the records"}
        )
    return rows


def _told(name: str, both: Sequence[str], what: str) -> dict[str, str]:
    return {"name": name, "before": both[0], "after": both[1], "what": what}


def _row(name: str, before: float | None, after: float | None, what: str) -> dict[str, str]:
    return {"name": name, "before": number(before), "after": number(after), "what": what}


def _cost(numbers: Numbers, manifest: Mapping[str, Any], price: float | None) -> str:
    seconds = sum(taken for phase, taken in manifest["timings"].items() if phase != "report")
    text = f"The run took {seconds:,.1f} s, without this report"
    text += "; the curated pool was there already." if numbers["reused"] else "."
    tokens = numbers["facts"]["after"].get("tokens")
    if tokens is not None:
        text += f" Training on all of it once is {tokens['total']:,} tokens"
        if price is not None:
            text += f", {tokens['total'] / 1e6 * price:,.2f} at {price:g} a million"
        text += "."
    return text
