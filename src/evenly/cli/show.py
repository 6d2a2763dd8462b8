"""What commands print: results, paths, progress."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from evenly.errors import redacted

if TYPE_CHECKING:
    import evenly
    from evenly.reporting.progress import Reporter


def reporter_of(*, quiet: bool, log_json: bool) -> Reporter:
    """Return who tells of progress on standard error: bars, JSON lines, or nobody."""
    from evenly.reporting.progress import Bars, JsonLines, Silent  # noqa: PLC0415 - rich's bars load slowly
    from evenly.reporting.terminal import terminal  # noqa: PLC0415

    if log_json:
        return JsonLines(sys.stderr)
    return Silent() if quiet else Bars(terminal(stderr=True))


def show_run(result: evenly.RunResult, *, as_json: bool, quiet: bool, page: bool = False) -> None:
    """Print a finished run: its manifest, or the view of it and where it is; with `page` where its report is."""
    if as_json:
        print_json(result.manifest)
    elif not quiet:
        from evenly.reporting.terminal import run_view, terminal  # noqa: PLC0415 - rich's tables load slowly

        console = terminal()
        console.print()
        console.print(run_view(result.manifest, result.before, result.after, console.width))
        if page:
            console.print(f"\n{one_line(result.folder / 'report.html')}", style="bold", soft_wrap=True)
            return
        reused = " (the curated pool was there already)" if result.pool_reused else ""
        console.print(f"\n{one_line(result.address or result.folder)}{os.sep}", style="bold", end="", soft_wrap=True)
        console.print(f"  {sum(result.manifest['timings'].values()):.1f} s{reused}")


def one_line(place: object) -> str:
    """Return a path, an address or a name as it can be shown, on one line and without credentials."""
    text = redacted(str(place))
    return text if text.isprintable() else repr(text)[1:-1]


def print_json(data: Any) -> None:  # noqa: ANN401 - plain data
    """Print plain data as JSON, characters that steer a terminal as escapes."""
    text = json.dumps(data, indent=2, ensure_ascii=False)
    print(re.sub(r"[^\n -~]", lambda one: one[0] if one[0].isprintable() else json.dumps(one[0])[1:-1], text))
