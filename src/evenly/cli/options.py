"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Final

import typer

LOG_JSON: Final = "--log-json"

RecipePath = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe (YAML).")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe, e.g. balance.cap=100. Repeatable."),
]
Engine = Annotated[str, typer.Option(help="Where the work runs: local or ray.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that is there.")]
Recheck = Annotated[bool, typer.Option("--recheck", help="Trust the inputs' content, not their size and time.")]
Profile = Annotated[bool, typer.Option("--profile", help="Tell each phase's time, rows, bytes and peak memory.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
LogJson = Annotated[bool, typer.Option(LOG_JSON, help="Progress as JSON lines on standard error.")]
