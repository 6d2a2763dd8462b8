"""Commands that look at what a run made: report, compare, why, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import evenly
from evenly.cli.commands import app, examples
from evenly.cli.options import Engine, Force, Json, LogJson, Quiet
from evenly.cli.show import one_line, print_json, reporter_of, show_run
from evenly.errors import UserError, VerificationError


@app.command(
    epilog=examples(
        "evenly report evenly-demo/balanced",
        "evenly report evenly-demo/balanced --price 0.5",
    )
)
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The output of a run.")],
    price: Annotated[float | None, typer.Option(min=0, help="What a million tokens of training cost.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell again what a run made, and make its charts and report.html anew."""
    show_run(evenly.report(folder, price=price), as_json=as_json, quiet=quiet, page=True)


@app.command(
    epilog=examples(
        "evenly compare evenly-demo/balanced first",
        "evenly compare evenly-demo/balanced evenly-demo/recipe.yaml --out both.html",
    )
)
def compare(
    given: Annotated[list[str], typer.Argument(metavar="DIR|RECIPE …", help="Two to eight outputs or recipes.")],
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("compare.html"),
    force: Force = False,
    engine: Engine = "local",
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Compare outputs, or recipes that are run for it: what was drawn, what they share, how the recipes differ."""
    if out.exists() and not force and not as_json:
        message = f"{out}: is there already. Use --force to replace it, or --out for another page."
        raise UserError(message)
    found = evenly.compare(*given, engine=engine, reporter=reporter_of(quiet=quiet, log_json=log_json))
    if as_json:
        print_json(found.to_dict())
        return
    found.write_page(out)
    if not quiet:
        from evenly.reporting.terminal import compare_view, terminal  # noqa: PLC0415 - rich's tables load slowly

        console = terminal()
        console.print(compare_view(found.to_dict()))
        console.print(f"\n{one_line(out)}", style="bold", soft_wrap=True)


@app.command(
    epilog=examples(
        "evenly why evenly-demo/balanced B0000P07I6",
        "evenly why evenly-demo/balanced evenly-demo/catalogue/meta_Automotive.jsonl:1",
    )
)
def why(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The output of a run.")],
    asked: Annotated[str, typer.Argument(metavar="ID|FILE:LINE", help="A record, by its id or where it stands.")],
    as_json: Json = False,
) -> None:
    """Say what became of a record: dropped, held out, drawn or not, and what decided it."""
    found = evenly.why(folder, asked)
    if as_json:
        print_json(found.to_dict())
        return
    from evenly.reporting.design import spelled  # noqa: PLC0415 - no other command needs it
    from evenly.reporting.terminal import terminal  # noqa: PLC0415 - rich's tables load slowly

    for one in found.found:
        terminal().print(spelled(one.text))


@app.command(
    epilog=examples(
        "evenly verify evenly-demo/balanced",
        "evenly verify evenly-demo/balanced --from-source",
    )
)
def verify(
    place: Annotated[str, typer.Argument(metavar="DIR|REPO", help="The output of a run, or a dataset of the Hub.")],
    from_source: Annotated[bool, typer.Option("--from-source", help="Run the recipe again and compare.")] = False,
    engine: Engine = "local",
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Check an output against its manifest: files, rows, sums, digests. Exit 3 when something does not hold."""
    reporter = reporter_of(quiet=quiet, log_json=log_json)
    found = evenly.verify(place, from_source=from_source, engine=engine, reporter=reporter)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        from evenly.reporting.terminal import terminal, verify_view  # noqa: PLC0415 - rich's tables load slowly

        terminal().print(verify_view(found.to_dict()))
    if not found.holds:
        wrong = sum(not check.holds for check in found.checks)
        message = (
            f"{place}: {wrong:,} of {len(found.checks):,} checks do not hold. Run its recipe again, or fetch it again."
        )
        raise VerificationError(message)
