"""Commands that train small models: ablate, tune."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

import evenly
from evenly.cli.commands import app, examples
from evenly.cli.options import Engine, Force, Json, LogJson, Quiet, RecipePath, Set
from evenly.cli.show import one_line, print_json, reporter_of
from evenly.errors import UserError

THOUSANDS: Final = {"k": 1_000, "K": 1_000, "M": 1_000_000}


@app.command(
    epilog=examples(
        "evenly ablate evenly-demo/recipe.yaml --rows 300 --seeds 2 --proxies ridge --smallest-effect 0.05",
        "evenly ablate ablation --force --json",
    )
)
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
    reporter = reporter_of(quiet=quiet, log_json=log_json)
    result = evenly.ablate(
        *recipes, out=out, set=overrides or (), force=force, engine=engine, reporter=reporter, **cast("Any", options)
    )
    if as_json:
        print_json(result.to_dict())
    elif not quiet:
        from evenly.reporting.terminal import terminal  # noqa: PLC0415 - rich's tables load slowly
        from evenly.reporting.terminal_ablation import ablation_view  # noqa: PLC0415

        console = terminal()
        console.print(ablation_view(result.to_dict()))
        console.print(f"\n{one_line(result.page)}", style="bold", end="", soft_wrap=True)
        console.print(f"  {sum(result.numbers['timings'].values()):.0f} s")


@app.command(
    epilog=examples(
        "evenly tune evenly-demo/recipe.yaml --trials 2 --rows 200 --seeds 2 --search balance.cap=1:4",
        "evenly tune evenly-demo/recipe.yaml --trials 2 --rows 200 --seeds 2 --scale log --out tuned-log",
    )
)
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
    reporter = reporter_of(quiet=quiet, log_json=log_json)
    result = evenly.tune(
        recipe, out=out, set=overrides or (), force=force, engine=engine, reporter=reporter, **cast("Any", options)
    )
    if as_json:
        print_json(result.to_dict())
    elif not quiet:
        from evenly.reporting.searches import search_view  # noqa: PLC0415 - rich's tables load slowly
        from evenly.reporting.terminal import terminal  # noqa: PLC0415

        console = terminal()
        console.print(search_view(result.to_dict()))
        console.print(f"\n{one_line(result.recipe)}  {one_line(result.page)}", style="bold", soft_wrap=True)


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
