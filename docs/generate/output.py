"""docs/reference/output.md: the folder that a run leaves behind, the columns of its files, the keys of its manifest."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from ruamel.yaml import YAML

from generate.recipe import cell

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = Path(__file__).with_name("output.yaml")

INTRODUCTION: Final = """\
`evenly run RECIPE --out DIR` leaves a folder that is complete, or none. It is written beside its place and renamed into
it as a whole; `--force` exchanges the old one for it.
"""

SUMS: Final = """\
Always:

- read = kept + the sum of dropped + quarantined
- kept = outside_strata + held_out + selected + not_selected
- selected = the sum of splits + unassigned

Counts and digests are of distinct records; `repeated` counts extra rows. `SIDE` is `before` or `after`, `TEST` and
`PHASE` are names. A key whose condition is not met is not there.
"""


@cache
def told() -> dict[str, Any]:
    """Return what `output.yaml` holds."""
    reader: Any = YAML(typ="safe")
    return reader.load(FILE.read_text(encoding="utf-8"))


def page() -> str:
    """Return the page."""
    lists = told()
    return "\n".join(
        [
            "# Output and manifest\n",
            INTRODUCTION,
            "## The folder\n",
            "| name | what it is |\n|---|---|",
            *(f"| `{name}` | {cell(text)} |" for name, text in lists["folder"].items()),
            "",
            "## Columns of the data\n",
            "Rows come in a shuffled order that is the same each time.\n",
            *columns(lists["data"]),
            "## The ledger\n",
            "`kept-*.parquet` has a row for each record of the pool:\n",
            *columns(lists["kept"]),
            "`dropped-*.parquet` has a row for each record that a step dropped:\n",
            *columns(lists["dropped"]),
            "## manifest.json\n",
            "| key | what it is |\n|---|---|",
            *(f"| `{key}` | {cell(text)} |" for key, text in lists["manifest"].items()),
            "",
            SUMS,
        ]
    )


def columns(named: dict[str, list[str]]) -> list[str]:
    """Return a table of columns."""
    rows = [f"| `{name}` | {f'`{kind}`' if kind else ''} | {cell(text)} |" for name, (kind, text) in named.items()]
    return ["| column | type | what it is |\n|---|---|---|", *rows, ""]


SIDES: Final = ("before", "after")


def unknown(manifest: dict[str, Any]) -> list[str]:
    """Return the keys of a manifest that the page does not tell."""
    return [shown for shown, here in _walk(manifest) if here is None]


def untold(manifest: dict[str, Any]) -> set[str]:
    """Return the keys of the page that a manifest does not have."""
    return told()["manifest"].keys() - {here for _, here in _walk(manifest)}


def _walk(manifest: dict[str, Any], path: str = "") -> Iterator[tuple[str, str | None]]:
    """Yield each key of a manifest with the page's for it; what stands under names of a user's is not looked into."""
    known = told()["manifest"]
    for key, value in manifest.items():
        here = next((one for one in _spelled(path, key) if one in known or _is_parent(one, known)), None)
        yield f"{path}{key}", here
        if here is not None and isinstance(value, dict) and _is_parent(here, known):
            yield from _walk(cast("dict[str, Any]", value), f"{here}.")
        elif here is not None and isinstance(value, list) and _is_parent(f"{here}[]", known):
            for one in cast("list[dict[str, Any]]", value):
                yield from _walk(one, f"{here}[].")


def _spelled(path: str, key: str) -> list[str]:
    names = ["SIDE"] if key in SIDES else ["TEST", "PHASE"]
    return [f"{path}{key}", *(f"{path}{name}" for name in names)]


def _is_parent(path: str, known: dict[str, str]) -> bool:
    return any(one.startswith((f"{path}.", f"{path}[]")) for one in known)
