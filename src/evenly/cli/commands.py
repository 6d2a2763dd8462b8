"""The commands' common ground: the app they register with, their order in the help, and how examples are shown."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

import evenly
from evenly.io.signals import left_by

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

GROUPS: Final = {
    "Start": ("demo", "init", "check", "plan", "run", "studio"),
    "Look": ("report", "compare", "why", "verify"),
    "Measure": ("ablate", "tune"),
    "Share": ("push",),
    "House": ("schema", "cache", "doctor"),
}
"""Heading in the help -> its commands, in the order in which a newcomer meets them."""

WHOLE: Final = 1_000
"""Characters of a command's first sentence that the help shows: all of it, on as many lines as it takes."""


class _Commands(TyperGroup):
    """The commands by group; Typer itself would forget of an interruption what was noted of it."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of the commands, in the order of their groups."""
        known = [name for names in GROUPS.values() for name in names]
        there = super().list_commands(ctx)
        return sorted(there, key=lambda name: known.index(name) if name in known else len(known))

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write each group of commands under its heading."""
        shown = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        wide = max(map(len, shown))
        for group, names in GROUPS.items():
            told = [(name, command) for name, command in shown.items() if name in names and command is not None]
            with formatter.section(group):
                formatter.write_dl([(f"{name:{wide}}", one.get_short_help_str(WHOLE)) for name, one in told])

    def invoke(self, ctx: Context) -> Any:  # noqa: ANN401 - what a command returns
        """Call a command; Ctrl-C leaves as TERM does."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as fault:
            raise left_by(signal.SIGINT, fault) from None


app = typer.Typer(
    cls=_Commands,
    add_completion=False,  # it would write into the user's files; see `evenly.cli.complete`
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Begin with `evenly demo`. Each command has examples: `evenly run --help`.",
)


def examples(*lines: str) -> str:
    r"""Return what stands below a command's help; `\b` keeps the lines as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    completion: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="SHELL",
            help="Print what lets bash, zsh or fish complete commands, options and their values.",
        ),
    ] = None,
) -> None:
    """Turn millions of skewed records into a balanced training set."""
    if version:
        print(f"evenly {evenly.__version__}")
        raise typer.Exit
    if completion is not None:
        from evenly.cli.complete import script  # noqa: PLC0415 - no other call needs it

        print(script(completion))
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
