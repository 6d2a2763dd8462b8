"""What the terminal shows at the end: where the rows went, and the label and the categories before and after.

What comes from the data is other people's text: `plain` takes from it whatever would steer a terminal or begin a line,
and `terminal` reads no markup in it.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from evenly.core.conversations import chat_notes
from evenly.core.pictures import TAIL, quantiles, round_step
from evenly.reporting.design import spelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import RenderableType

    from evenly.core.measure import Summary

BANDS: Final = 10
"""Rows of the label's view, about."""

NO_CHATS: Final[Mapping[str, Any]] = {"rows": 0, "broken": {}}

SHOWN_CATEGORIES: Final = 12

SHOWN_STRATA: Final = 12

SHORTEST_BAR, LONGEST_BAR = 5, 30
"""Characters of a full bar; where there is no room for the shortest, numbers stand alone."""

SPACES: Final = 8
"""Characters between the columns of a two-sided view."""

BAR: Final = "█"
PARTIAL: Final = " ▏▎▍▌▋▊▉"


def terminal(*, stderr: bool = False) -> Console:
    """Return the terminal: it takes every text as it is, `[red]` and `:smile:` too.

    Where `NO_COLOR` is set it gets plain text, not even bold; a pipe and a dumb terminal do anyway, unless
    `FORCE_COLOR` is set. Its width is that of the terminal, or what `COLUMNS` says, else 80.
    """
    colors = None if os.environ.get("NO_COLOR") else "auto"
    return Console(stderr=stderr, color_system=colors, markup=False, emoji=False, highlight=False)


def plain(data: Any) -> Any:  # noqa: ANN401 - plain data
    """Return plain data whose texts, keys among them, are on one line each and hide nothing."""
    if isinstance(data, str):
        return data if data.isprintable() else spelled(data)
    if isinstance(data, dict):
        found: dict[Any, Any] = {}
        for key, value in cast("dict[Any, Any]", data).items():
            name = plain(key)
            while name in found:  # two that differ only in what is hidden
                name += "'"
            found[name] = plain(value)
        return found
    return [plain(one) for one in cast("list[Any]", data)] if isinstance(data, list) else data


def _plain_summary(summary: Summary) -> Summary:
    return replace(summary, categories=Counter(plain(dict(summary.categories))))


def run_view(manifest: Mapping[str, Any], before: Summary, after: Summary, width: int) -> RenderableType:
    """Return the view of a finished run for a terminal of `width` characters."""
    manifest, before, after = plain(manifest), _plain_summary(before), _plain_summary(after)
    label = manifest["recipe"]["balance"].get("label", "label")
    policy = manifest["recipe"]["balance"]["policy"]
    parts: list[RenderableType] = [_flow(manifest["rows"], manifest["strata"], policy, ": see quarantine.jsonl")]
    parts += [Text(line, style="dim") for line in _found(manifest["inputs"])]
    parts += [Text(f"warning: {line}", style="yellow") for line in chat_notes(manifest.get("chat", NO_CHATS))]
    if before.label and after.label:
        parts += [Text(), _label_view(label, before, after, width)]
    if len(before.categories) > 1:
        parts += [Text(), _category_view(manifest["balance"]["category"], before.categories, after.categories, width)]
    if "profile" in manifest:
        parts += [Text(), _profile_view(manifest["profile"])]
    return Group(*parts)


def _profile_view(profile: Mapping[str, Mapping[str, float]]) -> Table:
    """Return what each phase took: a pool that was there already has no rows and bytes of curating."""
    table = Table(box=None, pad_edge=False)
    for column in ("phase", "seconds", "rows", "rows/s", "read", "written", "peak memory"):
        table.add_column(column, justify="left" if column == "phase" else "right", no_wrap=True)
    for name, one in profile.items():
        pace = f"{one['rows'] / one['seconds']:,.0f}" if one["rows"] and one["seconds"] else ""
        sizes = [f"{one[key] / 1e6:,.1f} MB" for key in ("bytes_read", "bytes_written")]
        memory = f"{one['peak_memory'] / 1e6:,.0f} MB" if one["peak_memory"] else ""
        table.add_row(name, f"{one['seconds']:.1f}", f"{one['rows']:,.0f}", pace, *sizes, memory)
    return table


def _found(inputs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what was found in the inputs that is not as usual (an encoding, a delimiter, an array), a line each."""
    told: dict[str, list[str]] = {}
    for one in inputs:
        if one.get("found"):
            told.setdefault(", ".join(f"{name} {value!r}" for name, value in one["found"].items()), []).append(
                one["path"]
            )
    return [
        f"found        {what} in {paths[0]}" + (f" and {len(paths) - 1:,} more" if len(paths) > 1 else "")
        for what, paths in told.items()
    ]


def compare_view(numbers: Mapping[str, Any]) -> RenderableType:
    """Return the view of a comparison: its measures, and how the recipes differ."""
    numbers = plain(numbers)
    table = Table(box=None, pad_edge=False)
    table.add_column("measure", style="bold")
    for name in numbers["names"]:
        table.add_column(Text(name), justify="right", no_wrap=True)
    for row in numbers["measures"]:
        table.add_row(Text(row["name"]), *map(Text, row["told"]))
    for name, own in zip(numbers["names"], numbers["overlap"]["jaccard"], strict=True):
        table.add_row(Text(f"shared with {name}"), *(Text(f"{one:.3f}") for one in own))
    parts: list[RenderableType] = [Text(numbers["lead"]), Text(), table]
    for one in numbers["recipes"]:
        parts += [Text(), Text(f"{one['name']}, against {one['against']}:", style="bold")]
        parts += [Text("  " + line) for line in one["lines"]] or [Text("  the same recipe")]
    return Group(*parts)


def verify_view(found: Mapping[str, Any]) -> RenderableType:
    """Return the view of a verification: each check, whether it holds, and what was found."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for check in plain(found["checks"]):
        mark = Text("holds", style="green") if check["holds"] else Text("DOES NOT HOLD", style="bold red")
        table.add_row(mark, Text(check["name"]), Text(check["found"], style="dim"))
    return table


def plan_view(plan: Mapping[str, Any], width: int) -> RenderableType:
    """Return the view of a plan: where the rows would go, what to expect of them, and the strata that matter most."""
    plan = plain(plan)
    rows = plan["rows"] | {"splits": {}, "unassigned": 0, "not_selected": 0, "written": plan["expected"]["repeated"]}
    parts: list[RenderableType] = [_flow(rows, plan["strata"], plan["policy"])]
    parts += [Text(line) for line in _expected(plan)]
    categories = plan["categories"]
    if len(categories) > 1:
        after = Counter({name: round(rows) for name, rows in plan["expected"]["categories"].items()})
        parts += [Text(), _category_view(plan["category"] or "category", Counter(categories), after, width)]
    if plan["marginals"]:
        parts += [Text(), _marginal_view(plan["marginals"])]
    strata: list[Mapping[str, Any]] = plan["allocation"]
    if len(strata) > 1:
        largest = sorted(strata, key=lambda one: (-one["rows"], one["stratum"]))
        title = " | ".join(plan["axes"])
        parts += [Text(), _bounds_view(strata), Text()]
        parts += [_strata_view(title, largest, "smaller strata (all of them: --json)")]
    short = [one for one in strata if one["wanted"] > one["quota"] + one["repeated"]]
    if short:
        short.sort(key=lambda one: (one["quota"] + one["repeated"] - one["wanted"], one["stratum"]))
        parts += [Text(), _strata_view("falls short", short, "more strata that fall short", wanted=True)]
    return Group(*parts)


def _expected(plan: Mapping[str, Any]) -> list[str]:
    """Return what a plan's selection is expected to be like, a line each."""
    expected = plan["expected"]
    lines: list[str] = []
    if expected["label_mean"] is not None:
        error = f" ± {_rough(expected['label_error'])} from seed to seed" if expected["label_error"] else ""
        mean = f"{expected['label_mean']:,.2f}{error}, {plan['label_mean']:,.2f} in the pool"
        lines.append(f"expected  a mean {plan['label']} of {mean}")
    if expected["tokens"] is not None:
        lines.append(f"{'' if lines else 'expected':8}  {expected['tokens']:,.0f} tokens in all")
    return lines


def _rough(error: float) -> str:
    """Return an error with two digits that count."""
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{error:,.{min(digits, 6)}f}"


def _marginal_view(marginals: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return the marginals that are missed most, and how far off the worst is."""
    worst = sorted(marginals, key=lambda one: (-abs(one["rows"] - one["wanted"]), one["axis"], one["value"]))
    table = Table(box=None, pad_edge=False)
    for column in ("marginal", "wanted", "n"):
        table.add_column(column, justify="left" if column == "marginal" else "right")
    for one in worst[:SHOWN_STRATA]:
        table.add_row(f"{one['axis']}: {one['value']}", f"{one['wanted']:,.1f}", f"{one['rows']:,}")
    off = abs(worst[0]["rows"] - worst[0]["wanted"])
    told = "every marginal within one row" if off < 1 else f"a marginal is missed by {off:,.0f} rows at most"
    return Group(table, Text(f"{told}; {len(marginals):,} in all", style="dim"))


def _bounds_view(strata: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return what set the quotas, and how many strata, records and rows that concerns."""
    table = Table(box=None, pad_edge=False)
    for column in ("bound by", "strata", "records (N)", "drawn (n)"):
        table.add_column(column, justify="left" if column == "bound by" else "right", no_wrap=True)
    for bound, words in BOUNDS.items():
        here = [one for one in strata if one["bound"] == bound]
        if here:
            drawn = sum(one["quota"] + one["repeated"] for one in here)
            table.add_row(words, f"{len(here):,}", f"{sum(one['rows'] for one in here):,}", f"{drawn:,}")
    return table


def _strata_view(title: str, strata: Sequence[Mapping[str, Any]], rest: str, *, wanted: bool = False) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    for column in (title, "N", *(["wanted"] if wanted else []), "n", "before", "after", "bound by"):
        table.add_column(column, justify="left" if column in {title, "bound by"} else "right", no_wrap=column != title)
    for one in strata[:SHOWN_STRATA]:
        drawn = one["quota"] + one["repeated"]
        asked = [f"{one['wanted']:,}"] if wanted else []
        shares = f"{one['share_before']:.2%}", f"{one['share_after']:.2%}"
        table.add_row(one["stratum"], f"{one['rows']:,}", *asked, f"{drawn:,}", *shares, BOUNDS[one["bound"]])
    more = len(strata) - SHOWN_STRATA
    return Group(table, Text(f"and {more:,} {rest}", style="dim")) if more > 0 else table


BOUNDS: Final = {
    "take_all": "taken whole",
    "capacity": "all there is",
    "floor": "min",
    "ceiling": "max",
    "cap": "the cap",
    "share": "its share",
    "target": "the target",
    "marginals": "the marginals",
    "size": "the size",
}
"""What set a quota, in a user's words."""


def _flow(rows: Mapping[str, Any], strata: Mapping[str, int], policy: str, where: str = "") -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    dropped: dict[str, int] = rows["dropped"]
    reasons = " · ".join(f"{name} {count:,}" for name, count in sorted(dropped.items(), key=lambda item: -item[1]))
    table.add_row("read", f"{rows['read']:,}", "")
    if rows["quarantined"]:
        table.add_row("quarantined", f"{rows['quarantined']:,}", f"could not be read{where}")
    table.add_row("dropped", f"{sum(dropped.values()):,}", reasons)
    table.add_row("kept", f"{rows['kept']:,}", "")
    if rows["held_out"]:
        table.add_row("held out", f"{rows['held_out']:,}", "for tests, before anything was counted")
    if rows["outside_strata"]:
        table.add_row("outside", f"{rows['outside_strata']:,}", "in no stratum")
    table.add_row("selected", f"{rows['selected']:,}", _drawn(strata, policy))
    if rows["repeated"]:
        written = rows.get("written", rows["repeated"])
        of = "" if round(written) == rows["repeated"] else f": about {written:,.0f} of them, the split being what it is"
        table.add_row("repeated", f"{rows['repeated']:,}", f"rows that are a record once more, in train only{of}")
    if strata["missing"]:
        table.add_row("missing", f"{strata['missing']:,}", "rows that strata fall short of what is wanted of them")
    for name, count in rows["splits"].items():
        table.add_row(f"  {name}", f"{count:,}", "")
    if rows["unassigned"]:
        table.add_row("  in no split", f"{rows['unassigned']:,}", "")
    if strata["no_variance"]:
        table.add_row(
            "flagged",
            f"{strata['no_variance']:,}",
            "strata with one selected of several weights: no variance can be estimated",
        )
    return table


def _drawn(strata: Mapping[str, int], policy: str) -> str:
    """Return in how many ways strata are drawn from."""
    if policy == "weighted":
        return "one weighted draw"
    whole, more, fewer = strata["take_all"], strata["capped"], strata["short"]
    if policy == "cap":
        return f"{strata['count']:,} strata: {whole:,} whole, {more:,} capped, {fewer:,} smaller than the cap"
    told = f"{strata['count']:,} strata by {policy}: {more:,} have more than is drawn, {fewer:,} give all they have"
    if strata["repeated"]:
        told += f", {strata['repeated']:,} of them more than once"
    return told + (f", {whole:,} are taken whole" if whole else "")


def _label_view(label: str, before: Summary, after: Summary, width: int) -> Table:
    edges = bands(before.label, after.label)
    names = [f"{low:,.10g} – {high:,.10g}" if high < math.inf else f"{low:,.10g} –" for low, high in edges]
    table = _two_sided(label, names, _in_bands(before.label, edges), _in_bands(after.label, edges), width)
    means = [f"{side.label_mean:,.2f}" for side in (before, after)]
    bars = len(table.columns) > len(("name", "before", "after"))
    table.add_row("mean", *(["", means[0], "", means[1]] if bars else means), style="dim")
    return table


def _category_view(title: str, before: Counter[str], after: Counter[str], width: int) -> Table:
    names = [name for name, _ in sorted(before.items(), key=lambda item: (-item[1], item[0]))]
    shown, rest = names[:SHOWN_CATEGORIES], names[SHOWN_CATEGORIES:]
    old, new = ([*(side[name] for name in shown), sum(side[name] for name in rest)] for side in (before, after))
    if not rest:
        return _two_sided(title, shown, old[:-1], new[:-1], width)
    return _two_sided(title, [*shown, f"{len(rest):,} others"], old, new, width)


def _two_sided(title: str, names: Sequence[str], before: Sequence[int], after: Sequence[int], width: int) -> Table:
    """Return a table of names with two bars each: share of the records before and after. Numbers are never cut."""
    totals = [max(1, sum(side)) for side in (before, after)]
    numbers = [[f"{n:,} {n / total:6.1%}" for n in side] for side, total in zip((before, after), totals, strict=True)]
    name_width = min(max(map(len, [title, *names])), max(8, width * 7 // 20))
    room = (width - name_width - sum(max(map(len, side)) for side in numbers) - SPACES) // 2
    room = min(LONGEST_BAR, room) if room >= SHORTEST_BAR else 0
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column(title, style="bold", width=name_width, no_wrap=True, overflow="ellipsis")
    for side, style in (("before", "blue"), ("after", "green")):
        if room:
            table.add_column(side, style=style, width=max(room, len(side)), no_wrap=True)
        table.add_column("" if room else side, justify="right", no_wrap=True)
    largest = max(*(n / totals[0] for n in before), *(n / totals[1] for n in after), 1e-9)
    for place, name in enumerate(names):
        cells: list[str] = []
        for side, total, told in zip((before, after), totals, numbers, strict=True):
            bar = [_bar(side[place] / total / largest * room)] if room else []
            cells += [*bar, told[place]]
        table.add_row(name, *cells)
    return table


def _bar(length: float) -> str:
    """Return a bar of `length` characters, to an eighth; whatever is not nothing shows."""
    eighths = max(round(length * 8), 1 if length > 0 else 0)
    return BAR * (eighths // 8) + PARTIAL[eighths % 8].strip()


def bands(*labels: Counter[float]) -> list[tuple[float, float]]:
    """Return about ten bands of one round width that hold all of either side but its tail, the last one open."""
    low = min(min(label) for label in labels)
    high = max(quantiles(label, [1 - TAIL])[0] for label in labels)
    step = round_step((high - low) / BANDS) if high > low else 1.0
    start = math.floor(low / step) * step
    count = max(1, math.ceil((high - start) / step))
    edges = [start + number * step for number in range(count)]
    return list(zip(edges, [*edges[1:], math.inf], strict=True))


def _in_bands(label: Counter[float], edges: Sequence[tuple[float, float]]) -> list[int]:
    counts = [0] * len(edges)
    step = edges[1][0] - edges[0][0] if len(edges) > 1 else math.inf
    for value, count in label.items():
        place = 0 if step == math.inf else int((value - edges[0][0]) // step)
        counts[min(place, len(edges) - 1)] += count
    return counts
