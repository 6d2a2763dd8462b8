"""Commands that one begins with: demo, init, check, plan, run, studio."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

import evenly
from evenly.cli.commands import app, examples
from evenly.cli.options import Engine, Force, Json, LogJson, Profile, Quiet, Recheck, RecipePath, Set
from evenly.cli.show import one_line, print_json, reporter_of, show_run


@app.command(
    epilog=examples(
        "evenly demo",
        "evenly demo --rows 5000 --out shop",
    )
)
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the catalogue, the recipe and the dataset.")] = Path(
        "evenly-demo"
    ),
    rows: Annotated[int, typer.Option(min=1, help="Listings to make.")] = 60_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the catalogue and the recipe.")] = 42,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Make a catalogue of listings and balance it: the whole of Evenly in a minute."""
    done = evenly.demo(out, rows=rows, seed=seed, force=force, reporter=reporter_of(quiet=quiet, log_json=log_json))
    show_run(done.result, as_json=as_json, quiet=quiet)
    if not as_json and not quiet:
        again = f"evenly run {one_line(done.recipe)} --out {one_line(done.result.folder)} --force"
        print(f"\nnext: change the cap or the weight in {one_line(done.recipe)}, then\n  {again}")


@app.command(
    epilog=examples(
        "evenly init evenly-demo/catalogue --yes",
        "evenly init evenly-demo/catalogue --label price --out priced.yaml --yes",
    )
)
def init(
    data: Annotated[list[str], typer.Argument(metavar="DATA …", help="Files, globs, a folder, hf:// or s3://.")],
    out: Annotated[Path, typer.Option(help="The recipe to write.")] = Path("recipe.yaml"),
    label: Annotated[str | None, typer.Option(metavar="COLUMN", help="What is to be predicted, or none.")] = None,
    text: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column of the text to learn from. Repeatable.")
    ] = None,
    identity: Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="What names a row, or none.")] = None,
    category: Annotated[str | None, typer.Option(metavar="COLUMN", help="What groups the rows, or none.")] = None,
    size: Annotated[str | None, typer.Option(metavar="ROWS|TOKENS", help="400k rows, or 50Mtokens.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: take the guesses.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a recipe that is there.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Look at data and write a commented recipe for them that runs as it is."""
    from evenly.propose.ask import questions  # noqa: PLC0415 - no other command asks
    from evenly.reporting.terminal import terminal  # noqa: PLC0415 - rich's tables load slowly

    console = terminal()
    silent = yes or as_json or quiet
    asked = not silent and sys.stdin.isatty() and sys.stdout.isatty()
    made = evenly.init(
        data,
        out,
        label=label,
        text=text,
        id=identity,
        category=category,
        size=size,
        force=force,
        ask=questions(console) if asked else None,
        reporter=reporter_of(quiet=quiet, log_json=log_json),
    )
    if as_json:
        print_json(made.to_dict())
    elif not quiet:
        from evenly.propose.view import proposal_view  # noqa: PLC0415 - rich's tables load slowly

        console.print()
        console.print(proposal_view(made.to_dict(), taken=not asked and not yes))
        name = shlex.quote(str(made.path))
        console.print(f"\nnext: evenly plan {one_line(name)}\n      evenly run {one_line(name)}")


@app.command(
    epilog=examples(
        "evenly check evenly-demo/recipe.yaml",
        "evenly check evenly-demo/recipe.yaml --sources",
    )
)
def check(
    recipe: RecipePath,
    overrides: Set = None,
    sources: Annotated[bool, typer.Option("--sources", help="Also open the inputs and the tokenizer.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a recipe: every fault at once, nothing run."""
    reporter = reporter_of(quiet=quiet, log_json=False) if sources else None
    checked = evenly.check(recipe, set=overrides or (), sources=sources, reporter=reporter)
    if as_json:
        print_json({"recipe": checked.to_dict(), "fingerprint": checked.fingerprint()})
    elif not quiet:
        print(f"{one_line(recipe)}: a sound recipe" + (", and its inputs can be read." if sources else "."))


@app.command(
    epilog=examples(
        "evenly plan evenly-demo/recipe.yaml",
        "evenly plan evenly-demo/recipe.yaml --set balance.cap=100",
    )
)
def plan(
    recipe: RecipePath,
    overrides: Set = None,
    engine: Engine = "local",
    recheck: Recheck = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Count the strata and allocate; write no output."""
    reporter = reporter_of(quiet=quiet, log_json=log_json)
    result = evenly.plan(recipe, set=overrides or (), engine=engine, recheck=recheck, reporter=reporter)
    if as_json:
        print_json(result.to_dict())
    elif not quiet:
        from evenly.reporting.terminal import plan_view, terminal  # noqa: PLC0415 - rich's tables load slowly

        console = terminal()
        console.print(plan_view(result.to_dict(), console.width))


@app.command(
    epilog=examples(
        "evenly run evenly-demo/recipe.yaml --out first",
        "evenly run evenly-demo/recipe.yaml --set balance.cap=1 --out second --json",
    )
)
def run(
    recipe: RecipePath,
    out: Annotated[str | None, typer.Option(help="Output folder (default: the recipe's name), or s3://….")] = None,
    overrides: Set = None,
    force: Force = False,
    engine: Engine = "local",
    recheck: Recheck = False,
    profile: Profile = False,
    to: Annotated[str | None, typer.Option("--push", metavar="REPO", help="Publish it to the Hub afterwards.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Run a recipe: raw records in, a balanced, split, documented dataset out."""
    reporter = reporter_of(quiet=quiet, log_json=log_json)
    result = evenly.run(
        recipe,
        out,
        set=overrides or (),
        force=force,
        engine=engine,
        recheck=recheck,
        profile=profile,
        push=to,
        reporter=reporter,
    )
    show_run(result, as_json=as_json, quiet=quiet)


@app.command(
    epilog=examples(
        "evenly studio evenly-demo/recipe.yaml",
        "evenly studio evenly-demo/balanced --no-browser --port 8765",
    )
)
def studio(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE|DIR", help="A recipe (YAML), or the output of a run.")],
    overrides: Set = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen at (default: one that is free).")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen at: others than this machine's own let others in.")] = (
        "127.0.0.1"
    ),
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open nothing.")] = False,
) -> None:
    """Open a page on which a slider moves the real selection: exact counts, at once."""
    if host not in {"127.0.0.1", "localhost", "::1"}:
        warning = f"warning: --host {host}: whoever reaches this machine and has the address sees your records."
        print(warning, file=sys.stderr)
    made = evenly.studio(recipe, set=overrides or (), host=host, port=port, browser=not no_browser, framed=False)
    try:
        print(f"{made.address}\n\nThe studio of {one_line(recipe)} is on this page. Ctrl-C ends it.", flush=True)
        made.wait()
    finally:
        made.stop()
