"""The command line: parse, call, print. Each command is a thin twin of one call of `evenly`.

Nothing heavy is imported before a command needs it: `evenly --help` loads Typer and little else.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import NoReturn

import typer

from evenly.cli import house, look, measure, share, start
from evenly.cli.commands import app
from evenly.cli.complete import ASKED, answer
from evenly.cli.options import LOG_JSON
from evenly.cli.show import one_line
from evenly.errors import EvenlyError, UserError
from evenly.io.signals import EXIT_CODES, ending_soon

__all__ = ["app", "house", "look", "main", "measure", "share", "start"]


def main() -> NoReturn:
    """Run the command line and exit by the contract's codes; a user's fault is told in a line, never as a traceback."""
    if ASKED in os.environ:
        answer(typer.main.get_command(app))
        sys.exit(0)
    with ending_soon(lambda code: _tell(code, "interrupted. What was finished is kept; the same command goes on.")):
        code = _answered()
    if LOG_JSON in sys.argv:
        print(json.dumps({"event": "exit", "code": code}), file=sys.stderr)
    sys.exit(code)


def _answered() -> int:
    """Return the exit code of what the command line asks for, once it was done or told why not."""
    try:
        code = app(prog_name="evenly", standalone_mode=False)
    except EvenlyError as fault:
        return _tell(fault.exit_code, str(fault), fault)
    except typer.TyperException as fault:
        return _tell(UserError.exit_code, str(UserError(f"{fault.format_message()} See: evenly --help")))
    except (KeyboardInterrupt, typer.Abort, SystemExit) as fault:
        code = fault.code if isinstance(fault, SystemExit) else EXIT_CODES[signal.SIGINT]
        return _tell(int(code or 0), "interrupted.", fault)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EvenlyError.exit_code
    except OSError as fault:
        return _tell(
            EvenlyError.exit_code, one_line(f"{fault.filename or 'system'}: {fault.strerror or fault}."), fault
        )
    return code if isinstance(code, int) else 0


def _tell(code: int, text: str, fault: BaseException | None = None) -> int:
    """Say what ended a command, and what is kept, on standard error; return the exit code."""
    lines = "\n".join([text, *getattr(fault, "__notes__", [])])
    shown = json.dumps({"event": "error", "code": code, "text": lines}) if LOG_JSON in sys.argv else f"evenly: {lines}"
    print(shown, file=sys.stderr)
    return code
