"""The folder that an ablation is kept in: its page and charts, what it says, and all predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl
from pydantic import BaseModel, ValidationError

from evenly.errors import UserError
from evenly.io.library import vega_library
from evenly.io.sources import sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ABLATION: Final = "ablation.json"
"""What an ablation says, in its folder, with everything that it takes to repeat it."""

PREDICTIONS: Final = "predictions.parquet"
"""What every model predicted for every row of the tests."""

PAGE: Final = "ablation.html"
"""The page of an ablation."""

STUDY: Final = "study.sqlite3"
"""The trials of a search, in its folder: a search that was interrupted goes on from them."""

TUNED: Final = "tune.json"
"""What a search found, and the ablation that measured it once."""

TUNED_RECIPE: Final = "tuned.yaml"
"""The recipe with the chosen values."""

TUNED_PAGE: Final = "tune.html"
"""The page of a search."""

VERSION: Final = 1

Numbers = dict[str, Any]
"""What an ablation says, see `evenly.ablation.run.ablate_recipes`."""


@dataclass(frozen=True)
class TuneResult:
    """A finished search.

    Attributes:
        folder: where its page, numbers and the tuned recipe are.
        numbers: what `tune.json` says: `search` as `evenly.ablation.tune.search` gives it, `chosen` values of the
            knobs, `ablation`, the one measurement on the last test.
    """

    folder: Path
    numbers: Numbers

    @property
    def page(self) -> Path:
        """Where the page is."""
        return self.folder / TUNED_PAGE

    @property
    def recipe(self) -> Path:
        """Where the recipe that was chosen is."""
        return self.folder / TUNED_RECIPE

    def to_dict(self) -> Numbers:
        """Return it as plain data, for `--json`."""
        return self.numbers

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it."""
        del include, exclude
        from evenly.reporting.charts.search import draw_search  # noqa: PLC0415 - Altair loads slowly
        from evenly.reporting.notebook import bundle  # noqa: PLC0415
        from evenly.reporting.searches import search_lead  # noqa: PLC0415

        return bundle(draw_search(self.numbers)[0], search_lead(self.numbers), [("recipe", str(self.recipe))])


@dataclass(frozen=True)
class AblationResult:
    """A finished ablation.

    Attributes:
        folder: where its page, numbers and predictions are.
        numbers: what `ablation.json` says, see `ablate_recipes`.
    """

    folder: Path
    numbers: Numbers

    @property
    def page(self) -> Path:
        """Where the page is."""
        return self.folder / PAGE

    def to_dict(self) -> Numbers:
        """Return it as plain data, for `--json`."""
        return self.numbers

    def predictions(self) -> pl.DataFrame:
        """Return all predictions: variant, proxy, scale, seed, id, label, prediction."""
        return pl.read_parquet(self.folder / PREDICTIONS, glob=False)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it."""
        del include, exclude
        from evenly.reporting.charts.ablation import draw_ablation  # noqa: PLC0415 - Altair loads slowly
        from evenly.reporting.notebook import bundle  # noqa: PLC0415
        from evenly.reporting.verdicts import lead  # noqa: PLC0415

        return bundle(draw_ablation(self.numbers)[0], lead(self.numbers), [("folder", str(self.folder))])


def write_ablation(folder: Path, numbers: Numbers, predictions: pl.DataFrame) -> None:
    """Write an ablation into a folder: its predictions, charts and page, and its numbers last."""
    predictions.write_parquet(folder / PREDICTIONS, compression="zstd")
    numbers["files"] = [{"path": PREDICTIONS, "sha256": sha256_of(folder / PREDICTIONS)}]
    write_page(folder, numbers)
    text = json.dumps(numbers, indent=1, ensure_ascii=False)
    (folder / ABLATION).write_text(text + "\n", encoding="utf-8")


def write_page(folder: Path, numbers: Numbers) -> None:
    """Write the page and the charts of an ablation."""
    from evenly.reporting.charts.ablation import draw_ablation  # noqa: PLC0415 - Altair loads slowly
    from evenly.reporting.files import write_charts  # noqa: PLC0415
    from evenly.reporting.pages import render_page  # noqa: PLC0415
    from evenly.reporting.verdicts import content_of  # noqa: PLC0415

    charts = draw_ablation(numbers)
    write_charts(folder / "charts", charts)
    page = render_page("ablation.html", content_of(numbers), charts, vega_library())
    (folder / PAGE).write_text(page, encoding="utf-8")


def clear_tuned(folder: Path) -> None:
    """Delete what a search left in its folder, and nothing else."""
    for name in (STUDY, TUNED, TUNED_RECIPE, TUNED_PAGE, PREDICTIONS):
        (folder / name).unlink(missing_ok=True)
    for path in (folder / "charts").glob("*.[sp][vn]g"):
        path.unlink()


def write_tuned(folder: Path, numbers: Numbers, predictions: pl.DataFrame) -> None:
    """Write what a search found into its folder: predictions of the last test, charts, page, and its numbers last."""
    from evenly.reporting.charts.ablation import draw_ablation  # noqa: PLC0415 - Altair loads slowly
    from evenly.reporting.charts.search import draw_search  # noqa: PLC0415
    from evenly.reporting.files import write_charts  # noqa: PLC0415
    from evenly.reporting.pages import render_page  # noqa: PLC0415
    from evenly.reporting.searches import content_of_search  # noqa: PLC0415

    predictions.write_parquet(folder / PREDICTIONS, compression="zstd")
    numbers["files"] = [{"path": PREDICTIONS, "sha256": sha256_of(folder / PREDICTIONS)}]
    last = [chart for chart in draw_ablation(numbers["ablation"]) if chart.name.startswith("effects")]
    charts = [*draw_search(numbers), *last]
    write_charts(folder / "charts", charts)
    page = render_page("tune.html", content_of_search(numbers), charts, vega_library())
    (folder / TUNED_PAGE).write_text(page, encoding="utf-8")
    text = json.dumps(numbers, indent=1, ensure_ascii=False)
    (folder / TUNED).write_text(text + "\n", encoding="utf-8")


class _Variant(BaseModel):
    name: str
    given: bool
    recipe: dict[str, Any]


class _Ablation(BaseModel):
    """What an ablation is made again from."""

    variants: list[_Variant]
    options: dict[str, Any]


def read_ablation(folder: Path) -> Numbers:
    """Read what an ablation says.

    Raises:
        UserError: when the folder holds none, or another version's.
    """
    numbers: Any
    try:
        numbers = json.loads((folder / ABLATION).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        numbers = {}
    if not isinstance(numbers, dict) or numbers.get("version") != VERSION:
        message = f"{folder}: holds no {ABLATION} of this version. Give the folder of `evenly ablate`."
        raise UserError(message)
    try:
        _Ablation.model_validate(numbers)
    except ValidationError as wrong:
        first = wrong.errors(include_url=False)[0]
        message = f"{folder / ABLATION}: {'.'.join(map(str, first['loc']))}: {first['msg']}. Make the ablation again."
        raise UserError(message) from None
    return cast("Numbers", numbers)


def given_variants(numbers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the variants that an ablation was given: not the proportional sample that it made itself."""
    return [one for one in numbers["variants"] if one["given"]]
