"""Commands about this machine and for editors: schema, cache, doctor."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

import evenly
from evenly.cli.commands import app, examples
from evenly.cli.options import Json
from evenly.cli.show import one_line, print_json
from evenly.errors import EvenlyError


@app.command(
    epilog=examples(
        "evenly schema",
        "evenly schema > recipe.schema.json",
    )
)
def schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    print_json(evenly.schema())


@app.command(
    epilog=examples(
        "evenly cache",
        "evenly cache --clear",
    )
)
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete the cached pools.")] = False,
    as_json: Json = False,
) -> None:
    """Show the curated pools that are kept, or clear them."""
    report = evenly.cache(clear=clear)
    if as_json:
        print_json(asdict(report) | {"folder": str(report.folder)})
        return
    if clear:
        stayed = f"; {report.in_use:,} pools stay: a run uses them" if report.in_use else ""
        print(f"freed {report.freed / 1e6:,.1f} MB{stayed}")
    for entry in report.pools:
        print(f"{one_line(entry.recipe)}  {entry.fingerprint[:12]}  {entry.rows:,} rows  {entry.bytes / 1e6:,.1f} MB")
    for begun in report.unfinished:
        print(f"unfinished  {begun.fingerprint[:12]}  {begun.pieces:,} pieces  {begun.bytes / 1e6:,.1f} MB")
    print(f"{len(report.pools)} pools in {one_line(report.folder)}")


@app.command(
    epilog=examples(
        "evenly doctor",
        "evenly doctor --json",
    )
)
def doctor(
    hub: Annotated[bool, typer.Option("--hub", help="Also ask the Hugging Face Hub, which takes the network.")] = False,
    as_json: Json = False,
) -> None:
    """Look at this machine: versions, tokenizer, cache, disk, memory, extras. Exit 1 when something is broken."""
    health = evenly.doctor(hub=hub)
    if as_json:
        print_json(health.to_dict())
    else:
        from evenly.reporting.health import health_view  # noqa: PLC0415 - rich's tables load slowly
        from evenly.reporting.terminal import terminal  # noqa: PLC0415

        terminal().print(health_view(health.to_dict()))
    if not health.sound:
        broken = [one.name for one in health.findings if one.state == "broken"]
        message = f"doctor: {', '.join(broken)} is broken. Mend what the lines above name."
        raise EvenlyError(message)
