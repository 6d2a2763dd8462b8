"""docs/reference/cli.md: every command with its arguments and options, from the command line itself."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any, Final

import typer.main

from evenly.cli import app
from evenly.cli.commands import GROUPS
from generate.recipe import cell, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

INTRODUCTION: Final = """\
`evenly COMMAND --help` says the same in the terminal. Each command is the twin of one [call from Python](python.md),
and takes its options by the same names. What is asked for goes to standard output, progress and errors to standard
error.
"""

CODES: Final = """\
| code | when |
|---|---|
| 0 | done |
| 1 | the run failed: the disk is full, a process died, something that is nobody's fault in the recipe |
| 2 | the recipe, the data or the command line is wrong, or an output is there already; nothing was written |
| 3 | a verification did not hold |
| 130 | interrupted (Ctrl-C); what was finished is kept, the same command goes on |
| 143 | terminated (TERM); the same |

[Errors](errors.md) lists the messages.
"""

COMPLETION: Final = """\
Commands, options and their values are completed, keys of `--set` too. Nothing is installed by itself: put the line of
your shell where it says.

| shell | line | where |
|---|---|---|
| bash | `source <(evenly --show-completion bash)` | `~/.bashrc` |
| zsh | `source <(evenly --show-completion zsh)` | `~/.zshrc`, after `compinit` |
| fish | `evenly --show-completion fish > ~/.config/fish/completions/evenly.fish` | run it once |
"""

ENVIRONMENT: Final = {
    "EVENLY_CACHE": "the folder of curated pools and copies of remote files, instead of the system's cache folder",
    "HF_TOKEN": "what the Hub knows you by: for gated tokenizers, private datasets, `push`",
    "HF_ENDPOINT": "another Hub than the public one",
    "HF_HOME": "where files of the Hub are kept",
    "HF_HUB_OFFLINE": "1: nothing is fetched from the Hub; what is kept is used",
    "NO_COLOR": "anything: no colours on the terminal; a pipe gets none anyway",
}
"""Variables of the environment that the commands listen to."""


def commands() -> dict[str, Any]:
    """Return the commands by name, in the order of `evenly --help`."""
    group: Any = typer.main.get_command(app)
    return {name: group.commands[name] for names in GROUPS.values() for name in names}


def page() -> str:
    """Return the page."""
    told = commands()
    names = [f"| [`evenly {name}`](#evenly-{name}) | {cell(summary(one))} |" for name, one in told.items()]
    return "\n".join(
        [
            "# Command line\n",
            INTRODUCTION,
            "| command | what it does |\n|---|---|",
            *names,
            "",
            "## Exit codes\n",
            CODES,
            "## Completion\n",
            COMPLETION,
            "## Environment\n",
            "| variable | what it is |\n|---|---|",
            *(f"| `{name}` | {text} |" for name, text in ENVIRONMENT.items()),
            "",
            *(line for name, one in told.items() for line in section(name, one)),
        ]
    )


def summary(command: Any) -> str:  # noqa: ANN401 - Typer's own class
    """Return the first sentence of what a command does."""
    return " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())


def section(name: str, command: Any) -> Iterator[str]:  # noqa: ANN401 - Typer's own class
    """Yield the lines of a command."""
    arguments, options = given(command, "argument"), given(command, "option")
    yield f"## `evenly {name}`\n"
    yield f"{inspect.cleandoc(command.help or '')}\n"
    yield f"```sh\n{example(name, command)}\n```\n"
    for what, found in (("argument", arguments), ("option", options)):
        if found:
            yield f"| {what} | what it does | by default |\n|---|---|---|"
            yield from (f"| `{written(one)}` | {cell(text(one))} | {default(one)} |" for one in found)
            yield ""


def given(command: Any, kind: str) -> list[Any]:  # noqa: ANN401 - Typer's own class
    """Return the arguments, or the options, of a command; `--help` is everybody's."""
    return [one for one in command.params if one.param_type_name == kind and not one.hidden and one.name != "help"]


def example(name: str, command: Any) -> str:  # noqa: ANN401 - Typer's own class
    """Return what one may write: the command's own examples where it has some, else ours."""
    epilog = inspect.cleandoc(command.epilog or "").replace("\b", "")
    told = re.sub(r"^\s*Examples?:\s*", "", epilog).strip("\n")
    lines = [re.sub(r"^\s*(?:\$ )?", "", line) for line in told.splitlines() if line.strip()]
    return (
        "\n".join(lines) if any(line.startswith("evenly ") for line in lines) else examples()["commands"].get(name, "")
    )


def written(parameter: Any) -> str:  # noqa: ANN401 - Typer's own class
    """Return how an argument or an option is written."""
    if parameter.param_type_name == "argument":
        return cell(parameter.metavar or parameter.name.upper())
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    return names if parameter.is_flag else cell(f"{names} {parameter.metavar or kind(parameter)}")


def kind(parameter: Any) -> str:  # noqa: ANN401 - Typer's own class
    """Return a word for what an option takes."""
    annotation = parameter.type_descriptor.annotation
    return {"int": "NUMBER", "float": "NUMBER", "Path": "PATH"}.get(getattr(annotation, "__name__", ""), "TEXT")


def text(parameter: Any) -> str:  # noqa: ANN401 - Typer's own class
    """Return what an argument or an option does, with its bounds."""
    low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
    bounds = "" if low is None else f" At least {low:,}." if high is None else f" {low:,} to {high:,}."
    return f"{parameter.help or ''}{bounds if parameter.help else ''}"


def default(parameter: Any) -> str:  # noqa: ANN401 - Typer's own class
    """Return what an argument or an option is where it is not given."""
    if parameter.required:
        return "required"
    value = parameter.default
    return "" if value in (None, False, ()) else f"`{value}`"
