"""The command that publishes: push."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

import evenly
from evenly.cli.commands import app, examples
from evenly.cli.options import Json, LogJson, Quiet
from evenly.cli.show import print_json, reporter_of


@app.command(
    epilog=examples(
        "evenly push evenly-demo/balanced me/prices --private",
        "evenly push evenly-demo/balanced me/prices --revision draft --yes",
    )
)
def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The output of a run.")],
    repo: Annotated[str, typer.Argument(metavar="REPO", help="A dataset of the Hub: OWNER/NAME.")],
    private: Annotated[bool, typer.Option("--private", help="Make the repository private, if it is made.")] = False,
    revision: Annotated[str | None, typer.Option(help="A branch, instead of main; made if needed.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before it is public.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Publish an output to the Hugging Face Hub; what is there already is not sent again."""
    if not (yes or private) and sys.stdin.isatty() and not as_json:
        typer.confirm(f"Publish {folder} to {repo} for everybody to read?", abort=True)
    done = evenly.push(
        folder, repo, private=private, revision=revision, reporter=reporter_of(quiet=quiet, log_json=log_json)
    )
    if as_json:
        print_json(vars(done))
    elif not quiet:
        what = f"{done.sent:,} files sent ({done.bytes / 1e6:,.1f} MB)" if done.commit else "nothing to send"
        print(f"{done.url}: {what}, {done.same:,} were there; checked against the manifest")
