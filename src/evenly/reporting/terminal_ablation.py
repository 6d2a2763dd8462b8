"""What the terminal shows of an ablation: the words, and what they rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from evenly.reporting.charts.ablation import MEASURE_NAMES
from evenly.reporting.terminal import plain
from evenly.reporting.verdicts import lead, measure_tables, verdict_tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import RenderableType

STYLES: Final = {"helps": "bold green", "hurts": "bold red", "cannot tell": "dim", "no rows": "dim"}


def ablation_view(numbers: Mapping[str, Any]) -> RenderableType:
    """Return the view of an ablation: for each proxy the verdicts, then the judged measure of each variant."""
    numbers = plain(numbers)
    parts: list[RenderableType] = [Text(), Text(lead(numbers))]
    for table in verdict_tables(numbers):
        parts += [
            Text(),
            Text(
                f"proxy {table['model']}: {MEASURE_NAMES[numbers['measure']]} against {numbers['base']}", style="bold"
            ),
        ]
        if table["variants"]:
            parts.append(_verdicts(table))
        parts += [Text(f"{name} could not be fitted: {why}", style="red") for name, why in table["failed"]]
    parts += [Text(), _board(numbers)]
    if numbers["sizes"]:
        parts += [Text(), *_sizes(numbers)]
    parts += [
        Text(),
        Text("A proxy is a small model: what it shows is a hint at a large one, not a measurement.", style="dim"),
    ]
    return Group(*parts)


def _verdicts(table: Mapping[str, Any]) -> Table:
    shown = Table(box=None, pad_edge=False)
    shown.add_column("region")
    shown.add_column("test rows", justify="right")
    for name in table["variants"]:
        shown.add_column(Text(name))
    for row in table["rows"]:
        cells = [Text.assemble((f"{cell['word']:<12}", STYLES[cell["word"]]), cell["short"]) for cell in row["cells"]]
        shown.add_row(row["region"], f"{row['rows']:,}", *cells)
    return shown


def _board(numbers: Mapping[str, Any]) -> Table:
    """Return the judged measure of each variant, a line for each model and test."""
    place = [one["name"] for one in numbers["measures"]].index(numbers["measure"]) + 1
    boards = measure_tables(numbers)
    names = list(dict.fromkeys(row[0] for board in boards for row in board["rows"]))
    shown = Table(box=None, pad_edge=False)
    shown.add_column(MEASURE_NAMES[numbers["measure"]])
    for name in names:
        shown.add_column(Text(name), justify="right")
    for board in boards:
        values = {row[0]: row[place]["value"] for row in board["rows"]}
        shown.add_row(f"{board['model']}, {board['test']} test", *(values.get(name, "–") for name in names))
    return shown


def _sizes(numbers: Mapping[str, Any]) -> list[RenderableType]:
    """Return how the judged measure falls with the training rows, for the first model."""
    first = numbers["sizes"][0]
    own = [one for one in numbers["sizes"] if (one["proxy"], one["scale"]) == (first["proxy"], first["scale"])]
    shown = Table(box=None, pad_edge=False)
    shown.add_column("training rows", style="bold")
    for point in first["points"]:
        shown.add_column(f"{point['size']:,}", justify="right")
    shown.add_column("flat from", justify="right")
    for one in own:
        cells = [f"{point['value']:,.4g}" if point["value"] is not None else "–" for point in one["points"]]
        flat = "–" if one["flat_from"] is None else f"{one['flat_from']:,}"
        shown.add_row(Text(f"{one['variant']}, {one['test']} test"), *cells, flat)
    return [shown]
