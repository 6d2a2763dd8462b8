"""The command line: parse, call, print. Each command is a thin twin of one call of `evenly`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperGroup

import evenly
from evenly.errors import EvenlyError, UserError, VerificationError, redacted
from evenly.io.signals import EXIT_CODES, ending_soon, left_by

if TYPE_CHECKING:
    from typer._click import Context

    from evenly.reporting.progress import Reporter


class _Commands(TyperGroup):
    """The commands; Typer itself would forget of an interruption what was noted of it."""

    def invoke(self, ctx: Context) -> Any:  # noqa: ANN401 - what a command returns
        """Call a command; Ctrl-C leaves as TERM does."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as fault:
            raise left_by(signal.SIGINT, fault) from None


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)

LOG_JSON = "--log-json"

THOUSANDS = {"k": 1_000, "K": 1_000, "M": 1_000_000}

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


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Turn millions of skewed records into a balanced training set."""
    if version:
        print(f"evenly {evenly.__version__}")
        raise typer.Exit


@app.command()
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
    done = evenly.demo(out, rows=rows, seed=seed, force=force, reporter=_reporter(quiet=quiet, log_json=log_json))
    _show_run(done.result, as_json=as_json, quiet=quiet)
    if not as_json and not quiet:
        again = f"evenly run {_line(done.recipe)} --out {_line(done.result.folder)} --force"
        print(f"\nnext: change the cap or the weight in {_line(done.recipe)}, then\n  {again}")


@app.command()
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
        reporter=_reporter(quiet=quiet, log_json=log_json),
    )
    if as_json:
        _print_json(made.to_dict())
    elif not quiet:
        from evenly.propose.view import proposal_view  # noqa: PLC0415 - rich's tables load slowly

        console.print()
        console.print(proposal_view(made.to_dict(), taken=not asked and not yes))
        name = shlex.quote(str(made.path))
        console.print(f"\nnext: evenly plan {_line(name)}\n      evenly run {_line(name)}")


@app.command()
def check(
    recipe: RecipePath,
    overrides: Set = None,
    sources: Annotated[bool, typer.Option("--sources", help="Also open the inputs and the tokenizer.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Check a recipe: every fault at once, nothing run."""
    reporter = _reporter(quiet=quiet, log_json=False) if sources else None
    checked = evenly.check(recipe, set=overrides or (), sources=sources, reporter=reporter)
    if as_json:
        _print_json({"recipe": checked.to_dict(), "fingerprint": checked.fingerprint()})
    elif not quiet:
        print(f"{_line(recipe)}: a sound recipe" + (", and its inputs can be read." if sources else "."))


@app.command()
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
    reporter = _reporter(quiet=quiet, log_json=log_json)
    result = evenly.plan(recipe, set=overrides or (), engine=engine, recheck=recheck, reporter=reporter)
    if as_json:
        _print_json(result.to_dict())
    elif not quiet:
        from evenly.reporting.terminal import plan_view, terminal  # noqa: PLC0415 - rich's tables load slowly

        console = terminal()
        console.print(plan_view(result.to_dict(), console.width))


@app.command()
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
    reporter = _reporter(quiet=quiet, log_json=log_json)
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
    _show_run(result, as_json=as_json, quiet=quiet)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The output of a run.")],
    price: Annotated[float | None, typer.Option(min=0, help="What a million tokens of training cost.")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell again what a run made, and make its charts and report.html anew."""
    _show_run(evenly.report(folder, price=price), as_json=as_json, quiet=quiet, page=True)


@app.command()
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
    found = evenly.compare(*given, engine=engine, reporter=_reporter(quiet=quiet, log_json=log_json))
    if as_json:
        _print_json(found.to_dict())
        return
    found.write_page(out)
    if not quiet:
        from evenly.reporting.terminal import compare_view, terminal  # noqa: PLC0415 - rich's tables load slowly

        console = terminal()
        console.print(compare_view(found.to_dict()))
        console.print(f"\n{_line(out)}", style="bold")


@app.command()
def ablate(
    recipes: Annotated[
        list[str], typer.Argument(metavar="RECIPE …", help="Recipes, one with variants, or an ablation's folder.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the page, the numbers and the predictions.")] = Path("ablation"),
    rows: Annotated[int | None, typer.Option(help="Training rows of each variant (default: 12,000, or all).")] = None,
    tokens: Annotated[int | None, typer.Option(help="Training tokens of each variant, instead of rows.")] = None,
    sizes: Annotated[str | None, typer.Option(help="Training rows of a size curve: 5k,10k,20k.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Selections of each variant (default: 10).")] = None,
    smallest_effect: Annotated[float | None, typer.Option(help="The relative change that matters (0.02).")] = None,
    measure: Annotated[str | None, typer.Option(help="What verdicts are about (mae; for classes macro_f1).")] = None,
    bands: Annotated[str | None, typer.Option(help="Labels that part it into regions: 50,240.")] = None,
    proxies: Annotated[str | None, typer.Option(help="Which of ridge,trees.")] = None,
    scales: Annotated[str | None, typer.Option(help="A number as which of units,log.")] = None,
    overrides: Set = None,
    force: Force = False,
    engine: Engine = "local",
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Train small proxies on variants: say where each helps, hurts, or can't be told."""
    given = {
        "rows": rows,
        "tokens": tokens,
        "seeds": seeds,
        "smallest_effect": smallest_effect,
        "measure": measure,
        "sizes": None if sizes is None else [int(one) for one in _numbers("--sizes", sizes)],
        "bands": None if bands is None else _numbers("--bands", bands),
        "proxies": None if proxies is None else _words(proxies),
        "scales": None if scales is None else _words(scales),
    }
    options = {key: value for key, value in given.items() if value is not None}
    reporter = _reporter(quiet=quiet, log_json=log_json)
    result = evenly.ablate(
        *recipes, out=out, set=overrides or (), force=force, engine=engine, reporter=reporter, **cast("Any", options)
    )
    if as_json:
        _print_json(result.to_dict())
    elif not quiet:
        from evenly.reporting.terminal import terminal  # noqa: PLC0415 - rich's tables load slowly
        from evenly.reporting.terminal_ablation import ablation_view  # noqa: PLC0415

        console = terminal()
        console.print(ablation_view(result.to_dict()))
        console.print(f"\n{_line(result.page)}", style="bold", end="")
        console.print(f"  {sum(result.numbers['timings'].values()):.0f} s")


@app.command()
def tune(
    recipe: RecipePath,
    out: Annotated[Path, typer.Option(help="Folder for the trials, the page and the tuned recipe.")] = Path("tuned"),
    trials: Annotated[int | None, typer.Option(help="Recipes to try (default: 50).")] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes after which no other is tried.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Selections of each recipe (default: 3).")] = None,
    rows: Annotated[int | None, typer.Option(help="Training rows of each (default: 12,000, or all).")] = None,
    knobs: Annotated[
        list[str] | None,
        typer.Option(
            "--search", metavar="KEY=LOW:HIGH", help="A key to search: =LOW:HIGH[:log] or =a,b,c. Repeatable."
        ),
    ] = None,
    measure: Annotated[str | None, typer.Option(help="What is searched for (mae; for classes macro_f1).")] = None,
    scale: Annotated[str | None, typer.Option(help="A number as: units or log.")] = None,
    bands: Annotated[str | None, typer.Option(help="Labels that part the last test into regions: 50,240.")] = None,
    overrides: Set = None,
    force: Force = False,
    engine: Engine = "local",
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Search a recipe's knobs for the best of both, natural and balanced, by a small proxy."""
    given = {
        "trials": trials,
        "minutes": minutes,
        "seeds": seeds,
        "rows": rows,
        "search": knobs,
        "measure": measure,
        "scale": scale,
        "bands": None if bands is None else _numbers("--bands", bands),
    }
    options = {key: value for key, value in given.items() if value is not None}
    reporter = _reporter(quiet=quiet, log_json=log_json)
    result = evenly.tune(
        recipe, out=out, set=overrides or (), force=force, engine=engine, reporter=reporter, **cast("Any", options)
    )
    if as_json:
        _print_json(result.to_dict())
    elif not quiet:
        from evenly.reporting.searches import search_view  # noqa: PLC0415 - rich's tables load slowly
        from evenly.reporting.terminal import terminal  # noqa: PLC0415

        console = terminal()
        console.print(search_view(result.to_dict()))
        console.print(f"\n{_line(result.recipe)}  {_line(result.page)}", style="bold")


@app.command()
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
        print(f"{made.address}\n\nThe studio of {_line(recipe)} is on this page. Ctrl-C ends it.", flush=True)
        made.wait()
    finally:
        made.stop()


@app.command()
def verify(
    place: Annotated[str, typer.Argument(metavar="DIR|REPO", help="The output of a run, or a dataset of the Hub.")],
    from_source: Annotated[bool, typer.Option("--from-source", help="Run the recipe again and compare.")] = False,
    engine: Engine = "local",
    as_json: Json = False,
    quiet: Quiet = False,
    log_json: LogJson = False,
) -> None:
    """Check an output against its manifest: files, rows, sums, digests. Exit 3 when something does not hold."""
    reporter = _reporter(quiet=quiet, log_json=log_json)
    found = evenly.verify(place, from_source=from_source, engine=engine, reporter=reporter)
    if as_json:
        _print_json(found.to_dict())
    elif not quiet:
        from evenly.reporting.terminal import terminal, verify_view  # noqa: PLC0415 - rich's tables load slowly

        terminal().print(verify_view(found.to_dict()))
    if not found.holds:
        wrong = sum(not check.holds for check in found.checks)
        message = (
            f"{place}: {wrong:,} of {len(found.checks):,} checks do not hold. Run its recipe again, or fetch it again."
        )
        raise VerificationError(message)


@app.command()
def why(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The output of a run.")],
    asked: Annotated[str, typer.Argument(metavar="ID|FILE:LINE", help="A record, by its id or where it stands.")],
    as_json: Json = False,
) -> None:
    """Say what became of a record: dropped, held out, drawn or not, and what decided it."""
    found = evenly.why(folder, asked)
    if as_json:
        _print_json(found.to_dict())
        return
    from evenly.reporting.design import spelled  # noqa: PLC0415 - no other command needs it
    from evenly.reporting.terminal import terminal  # noqa: PLC0415 - rich's tables load slowly

    for one in found.found:
        terminal().print(spelled(one.text))


@app.command()
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
        folder, repo, private=private, revision=revision, reporter=_reporter(quiet=quiet, log_json=log_json)
    )
    if as_json:
        _print_json(vars(done))
    elif not quiet:
        what = f"{done.sent:,} files sent ({done.bytes / 1e6:,.1f} MB)" if done.commit else "nothing to send"
        print(f"{done.url}: {what}, {done.same:,} were there; checked against the manifest")


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes, for editors."""
    _print_json(evenly.schema())


@app.command()
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Delete the cached pools.")] = False,
    as_json: Json = False,
) -> None:
    """Show the curated pools that are kept, or clear them."""
    report = evenly.cache(clear=clear)
    if as_json:
        _print_json(asdict(report) | {"folder": str(report.folder)})
        return
    if clear:
        stayed = f"; {report.in_use:,} pools stay: a run uses them" if report.in_use else ""
        print(f"freed {report.freed / 1e6:,.1f} MB{stayed}")
    for entry in report.pools:
        print(f"{_line(entry.recipe)}  {entry.fingerprint[:12]}  {entry.rows:,} rows  {entry.bytes / 1e6:,.1f} MB")
    for begun in report.unfinished:
        print(f"unfinished  {begun.fingerprint[:12]}  {begun.pieces:,} pieces  {begun.bytes / 1e6:,.1f} MB")
    print(f"{len(report.pools)} pools in {_line(report.folder)}")


def main() -> NoReturn:
    """Run the command line and exit by the contract's codes; a user's fault is told in a line, never as a traceback."""
    with ending_soon(lambda code: _tell(code, "interrupted. What was finished is kept; the same command goes on.")):
        code = _answered()
    if LOG_JSON in sys.argv:
        print(json.dumps({"event": "exit", "code": code}), file=sys.stderr)
    sys.exit(code)


def _answered() -> int:
    """Return the exit code of what the command line asks for, once it was done or told why not."""
    try:
        code = app(standalone_mode=False)
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
        return _tell(EvenlyError.exit_code, _line(f"{fault.filename or 'system'}: {fault.strerror or fault}."), fault)
    return code if isinstance(code, int) else 0


def _tell(code: int, text: str, fault: BaseException | None = None) -> int:
    """Say what ended a command, and what is kept, on standard error; return the exit code."""
    lines = "\n".join([text, *getattr(fault, "__notes__", [])])
    shown = json.dumps({"event": "error", "code": code, "text": lines}) if LOG_JSON in sys.argv else f"evenly: {lines}"
    print(shown, file=sys.stderr)
    return code


def _words(text: str) -> list[str]:
    """Return the words of a list with commas."""
    return [one.strip() for one in text.split(",") if one.strip()]


def _numbers(option: str, text: str) -> list[float]:
    """Return the numbers of a list with commas; `k` and `M` stand for a thousand and a million."""
    found: list[float] = []
    for word in _words(text):
        factor = THOUSANDS.get(word[-1], 1)
        try:
            found.append(float(word.removesuffix(word[-1]) if factor > 1 else word) * factor)
        except ValueError:
            message = f"{option}: '{word}' is no number. Write a list such as 5k,10k,20k."
            raise UserError(message) from None
    return found


def _reporter(*, quiet: bool, log_json: bool) -> Reporter:
    from evenly.reporting.progress import Bars, JsonLines, Silent  # noqa: PLC0415 - rich's bars load slowly
    from evenly.reporting.terminal import terminal  # noqa: PLC0415

    if log_json:
        return JsonLines(sys.stderr)
    return Silent() if quiet else Bars(terminal(stderr=True))


def _show_run(result: evenly.RunResult, *, as_json: bool, quiet: bool, page: bool = False) -> None:
    if as_json:
        _print_json(result.manifest)
    elif not quiet:
        from evenly.reporting.terminal import run_view, terminal  # noqa: PLC0415 - rich's tables load slowly

        console = terminal()
        console.print()
        console.print(run_view(result.manifest, result.before, result.after, console.width))
        if page:
            console.print(f"\n{_line(result.folder / 'report.html')}", style="bold")
            return
        reused = " (the curated pool was there already)" if result.pool_reused else ""
        console.print(f"\n{_line(result.address or result.folder)}{os.sep}", style="bold", end="")
        console.print(f"  {sum(result.manifest['timings'].values()):.1f} s{reused}")


def _line(place: object) -> str:
    """Return a path, an address or a name as it can be shown, on one line and without credentials."""
    text = redacted(str(place))
    return text if text.isprintable() else repr(text)[1:-1]


def _print_json(data: Any) -> None:  # noqa: ANN401 - plain data
    text = json.dumps(data, indent=2, ensure_ascii=False)
    print(re.sub(r"[^\n -~]", lambda one: one[0] if one[0].isprintable() else json.dumps(one[0])[1:-1], text))


if __name__ == "__main__":
    main()
