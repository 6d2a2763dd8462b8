"""The public calls: each command of the command line is a thin twin of one of these."""

from __future__ import annotations

import hashlib
import importlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenly.ablation.kept import (
    ABLATION,
    STUDY,
    AblationResult,
    TuneResult,
    given_variants,
    read_ablation,
    write_ablation,
)
from evenly.ablation.options import Options, search_options
from evenly.audit.compare import Comparison, compare_outputs
from evenly.audit.load import load_splits
from evenly.audit.verify import Verification, verify_folder
from evenly.audit.why import Reasons, explain
from evenly.core.pictures import SIDES
from evenly.errors import UserError, VerificationError
from evenly.flow.report import read_numbers, summary_of, write_report
from evenly.flow.run import RunResult, check_sources, opened, plan_recipe, run_recipe, with_data
from evenly.io.hub import fetch_output
from evenly.io.manifest import read_manifest
from evenly.io.output import new_output, prepare_working, refuse_existing
from evenly.io.pool import cache_folder, clear_copies, clear_pools, list_pools
from evenly.io.publish import Pushed, push_output, repo_name
from evenly.io.stores import fetched_output, is_address, put_output, refuse_existing_at
from evenly.recipe.load import json_schema
from evenly.recipe.model import Recipe
from evenly.recipe.variants import variants_of
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from types import ModuleType
    from typing import Unpack

    from evenly.ablation.options import AblationOptions, SearchOptions
    from evenly.catalogue import Catalogue
    from evenly.flow.run import PlanResult
    from evenly.reporting.progress import Reporter

RecipeLike = Recipe | str | Path | dict[str, Any]
"""A recipe, the path of its file, or plain data of its shape."""


@dataclass(frozen=True)
class DemoResult:
    """What `demo` made: the raw catalogue, the recipe beside it, and the run over them."""

    folder: Path
    recipe: Path
    catalogue: Catalogue
    result: RunResult

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it: as the run."""
        return self.result._repr_mimebundle_(include, exclude)  # pyright: ignore[reportPrivateUsage]


@dataclass(frozen=True)
class CacheEntry:
    """A cached pool: the recipe that built it, its fingerprint, rows kept, bytes on disk."""

    recipe: str
    fingerprint: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class CacheReport:
    """The cache as it is now, and what a clearing freed (bytes)."""

    folder: Path
    pools: list[CacheEntry]
    freed: int = 0


def check(
    recipe: RecipeLike,
    *,
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    sources: bool = False,
    data: object = None,
    reporter: Reporter | None = None,
) -> Recipe:
    """Read a recipe and return it; with `sources` also open its inputs (or `data`, see `run`) and its tokenizer.

    The reporter is then told what a sample of the inputs warns of: near-duplicates in several splits, tokens that
    reach from the prompt into the completion.

    Raises:
        RecipeError: with every fault of the recipe.
        UserError: when inputs or tokenizer are not what the recipe needs.
    """
    loaded = _load(recipe, set)
    if sources:
        ready, given = with_data(loaded, data)
        check_sources(ready, reporter, given)
    return loaded


def plan(
    recipe: RecipeLike,
    *,
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    engine: str = "local",
    recheck: bool = False,
    reporter: Reporter | None = None,
    data: object = None,
) -> PlanResult:
    """Return the census and the quotas of a recipe; no output is written (the curated pool is cached).

    `data` gives tables from Python; see `run`.
    """
    loaded, given = with_data(_load(recipe, set), data)
    return plan_recipe(loaded, engine=engine, recheck=recheck, reporter=reporter, given=given)


def run(
    recipe: RecipeLike,
    out: str | Path | None = None,
    *,
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    force: bool = False,
    engine: str = "local",
    recheck: bool = False,
    profile: bool = False,
    push: str | None = None,
    reporter: Reporter | None = None,
    data: object = None,
) -> RunResult:
    """Run a recipe into the folder `out` (by default the recipe's name): a balanced, split, documented dataset.

    `data` gives the tables of sources that have no files: name of the source -> a Polars, pandas or Arrow table, a
    `datasets.Dataset` (streaming ones too), or any iterable of dicts; or one table, for a recipe of one source. They
    are kept in the cache under their content, so that the same table finds its curated pool again.

    `out` may be an address that fsspec reaches, such as `s3://bucket/name`: the output is made here, and copied there
    with its manifest last. With `push`, a dataset of the Hub, the finished output is published there, see `push`.

    With `profile` the manifest has a `profile`: each phase's seconds, rows, bytes read and written, and peak memory.

    Raises:
        UserError: for a fault of the recipe, the data or `out`; nothing is written then.
    """
    loaded = _load(recipe, set)
    address = str(out) if is_address(out) else None
    place = _copy_of(address) if address is not None else Path(out if out is not None else loaded.name)
    if push is not None:
        repo_name(push)
    if address is not None:
        refuse_existing_at(address, force=force)
    else:
        refuse_existing(place, force=force)
    ready, given = with_data(loaded, data)
    result = run_recipe(
        ready,
        place,
        force=force or address is not None,
        engine=engine,
        recheck=recheck,
        profile=profile,
        reporter=reporter,
        given=given,
    )
    if address is not None:
        put_output(place, address, force=force, phase=(reporter or Silent()).phase)
        result = replace(result, address=address)
    if push is not None:
        _push(place, push, reporter=reporter)
    return result


def report(folder: str | Path, *, price: float | None = None) -> RunResult:
    """Make the charts and `report.html` of an output anew, and return what its run did.

    `price` is what a million tokens of training cost; the page then says what an epoch does.

    Raises:
        UserError: when the folder is no output, or was made without a report.
    """
    place = Path(folder)
    manifest, numbers = read_manifest(place), read_numbers(place)
    write_report(place, manifest, numbers, price)
    return RunResult(place, manifest, *(summary_of(numbers, side) for side in SIDES), pool_reused=True)


def compare(*given: str | Path, engine: str = "local", reporter: Reporter | None = None) -> Comparison:
    """Compare two to eight outputs (folders) or recipes (files, which are run for it).

    The result's `write_page(path)` makes one page of it, `to_dict()` plain data.

    Raises:
        UserError: for another number of them, and for what is neither.
    """
    return compare_outputs(given, engine, reporter)


def ablate(
    *recipes: RecipeLike,
    out: str | Path = "ablation",
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    force: bool = False,
    engine: str = "local",
    reporter: Reporter | None = None,
    **options: Unpack[AblationOptions],
) -> AblationResult:
    """Train small proxy models on what each recipe selects, and say where that helps, hurts, or can't be told.

    All are held against the proportional sample of the same budget, on a natural and a balanced test that none of them
    saw. A recipe with `variants` stands for all of these; the folder of an ablation, alone, for what was done there.
    The folder `out` gets the page, `ablation.json` and all predictions.

    Raises:
        UserError: for recipes that can't be compared, a budget that one of them can't fill, tests that are too small.
    """
    place = Path(out)
    refuse_existing(place, force=force, mark=ABLATION)
    work = _ablation("evenly.ablation.run")
    named, given = _contestants(recipes, set)
    chosen = Options.from_dict(given | options)
    with opened(engine, next(iter(named.values()))) as worker:
        made = work.ablate_recipes(named, chosen, worker, reporter or Silent())
    with new_output(place, force=force, mark=ABLATION) as folder:
        write_ablation(folder, made.numbers, made.predictions)
    return AblationResult(place, made.numbers)


def tune(
    recipe: RecipeLike,
    *,
    out: str | Path = "tuned",
    set: Sequence[str] = (),  # noqa: A002 - `--set`'s twin
    force: bool = False,
    engine: str = "local",
    reporter: Reporter | None = None,
    **how: Unpack[SearchOptions],
) -> TuneResult:
    """Search a recipe's knobs by the errors of a small proxy on a natural and a balanced test.

    The folder `out` keeps the trials, so that the same call goes on with a search that was interrupted; it gets the
    page, `tune.json` and `tuned.yaml`, the recipe at the knee of the front, which is measured once on a test that the
    search never saw.

    Raises:
        UserError: for a recipe that has no knobs or no label, or a folder that holds something else.
    """
    place = Path(out)
    work = _ablation("evenly.ablation.tuned")
    loaded = _load(recipe, set)
    source = Path(recipe) if isinstance(recipe, (str, Path)) and not set else None
    options = search_options(how)
    prepare_working(place, STUDY, force=force)
    with opened(engine, loaded) as worker:
        numbers = work.tune_recipe(loaded, source, *options, place, worker, reporter or Silent())
    return TuneResult(place, numbers)


def verify(
    place: str | Path, *, from_source: bool = False, engine: str = "local", reporter: Reporter | None = None
) -> Verification:
    """Check an output (a folder, or a dataset of the Hub) against its manifest: files, rows, sums, digests.

    With `from_source` its recipe is run again, and what it selects and writes is compared. `Verification.holds` says
    whether all checks hold.

    Raises:
        UserError: when there is no such output, or it has no manifest.
    """
    told = reporter or Silent()
    with _output(place, told) as folder:
        return verify_folder(folder, from_source=from_source, engine=engine, reporter=told, place=str(place))


def why(folder: str | Path, asked: str) -> Reasons:
    """Say what became of a record, by its id or by FILE:LINE: dropped, held out, in which stratum, selected or not.

    Raises:
        UserError: for an output without a ledger, and for what nobody knows.
    """
    with _output(folder, Silent()) as place:
        return explain(place, asked)


def push(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    reporter: Reporter | None = None,
) -> Pushed:
    """Publish an output to a dataset repository of the Hub: what is there already is not sent again.

    The folder is checked against its manifest first, the repository against the folder afterwards. `HF_TOKEN` and
    `HF_ENDPOINT` hold as everywhere.

    Raises:
        UserError: for a folder that is no output, or what the Hub refuses.
        VerificationError: when a file of the folder is not what its manifest says.
    """
    return _push(folder, repo, private=private, revision=revision, reporter=reporter)


def load(
    place: str | Path,
    *,
    kind: Literal["polars", "datasets"] = "polars",
    check: bool = True,
    reporter: Reporter | None = None,
) -> Any:  # noqa: ANN401 - a mapping of frames, or a DatasetDict of a library that may not be there
    """Open the splits of an output (a folder, or a dataset of the Hub): split -> Polars frame, or a `DatasetDict`.

    With `check` they are checked against the manifest first.

    Raises:
        UserError: when there is no such output.
        VerificationError: when it is not what its manifest says.
    """
    with _output(place, reporter or Silent()) as folder:
        return load_splits(folder, str(place), kind, check=check)


def demo(
    out: str | Path = "evenly-demo",
    *,
    rows: int = 60_000,
    seed: int = 42,
    force: bool = False,
    reporter: Reporter | None = None,
) -> DemoResult:
    """Make a catalogue of `rows` listings and balance it: `out` holds it, a recipe and, in `balanced/`, the dataset."""
    from evenly.catalogue.recipe import demo_recipe_text  # noqa: PLC0415 - no other call needs the demo's parts

    folder = Path(out)
    with new_output(folder, force=force, mark="recipe.yaml") as building:
        catalogue = _write(building / "catalogue", rows, seed, reporter)
        (building / "recipe.yaml").write_text(
            demo_recipe_text(catalogue.rows - catalogue.unpriced, seed), encoding="utf-8"
        )
    recipe = folder / "recipe.yaml"
    return DemoResult(folder, recipe, catalogue, run(recipe, folder / "balanced", reporter=reporter))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of recipes, for editors."""
    return json_schema()


def cache(*, clear: bool = False) -> CacheReport:
    """Return what curated pools are kept on this machine; with `clear`, delete them first."""
    freed = clear_pools()[1] + clear_copies() if clear else 0
    pools = [
        CacheEntry(pool.index.recipe, pool.index.fingerprint, pool.index.kept, size) for pool, size in list_pools()
    ]
    return CacheReport(cache_folder(), pools, freed)


def _load(recipe: RecipeLike, overrides: Sequence[str]) -> Recipe:
    if isinstance(overrides, str):
        overrides = [overrides]
    if isinstance(recipe, Recipe):  # checked again: one made by `model_copy` was never
        return Recipe.from_dict(recipe.to_dict(), overrides)
    if isinstance(recipe, dict):
        return Recipe.from_dict(recipe, overrides)
    return Recipe.from_file(recipe, overrides)


def _push(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    reporter: Reporter | None = None,
) -> Pushed:
    place, told = Path(folder), reporter or Silent()
    repo_name(repo)
    manifest = read_manifest(place)
    found = verify_folder(place, reporter=told)
    if not found.holds:
        wrong = next(check for check in found.checks if not check.holds)
        message = f"{place}: {wrong.name}: {wrong.found}. Nothing was sent. Run the recipe again."
        raise VerificationError(message)
    told_of = f"{manifest['recipe']['name']}: {manifest['rows']['selected']:,} records (Evenly {manifest['evenly']})"
    return push_output(place, repo, private=private, revision=revision, message=told_of, phase=told.phase)


@contextmanager
def _output(place: str | Path, reporter: Reporter) -> Generator[Path]:
    """Yield the folder of an output: as it is given, or a copy of what a store or the Hub has."""
    if isinstance(place, str) and is_address(place):
        with fetched_output(place, reporter.phase) as folder:
            yield folder
    elif isinstance(place, Path) or Path(place).exists() or place.startswith((".", "/")):
        yield Path(place)
    else:
        yield fetch_output(place, reporter.phase)


def _copy_of(address: str) -> Path:
    """Return where the output is made that goes to an address; it stays there, for charts and reports."""
    return cache_folder() / "outputs" / hashlib.sha256(address.encode()).hexdigest()[:32]


def _ablation(name: str) -> ModuleType:
    """Return what makes ablations or searches, which takes libraries of an extra.

    Raises:
        UserError: when they are not there.
    """
    try:
        return importlib.import_module(name)
    except ImportError as fault:
        message = f"ablations need libraries that are not installed ({fault.name}). Run: pip install 'evenly[ablate]'"
        raise UserError(message) from None


def _contestants(given: Sequence[RecipeLike], overrides: Sequence[str]) -> tuple[dict[str, Recipe], dict[str, Any]]:
    """Return the recipes of an ablation by name, variants among them, and the options of one that is made again."""
    if len(given) == 1 and isinstance(given[0], (str, Path)) and (Path(given[0]) / ABLATION).is_file():
        numbers = read_ablation(Path(given[0]))
        return {one["name"]: _load(one["recipe"], overrides) for one in given_variants(numbers)}, numbers["options"]
    if not given:
        message = "ablate: no recipe is given. Give recipes, or one that has variants."
        raise UserError(message)
    found: dict[str, Recipe] = {}
    for one in given:
        for name, recipe in variants_of(_load(one, overrides)).items():
            if name in found:
                message = f"ablate: two variants are called '{name}'. Give each recipe a name of its own."
                raise UserError(message)
            found[name] = recipe
    return found, {}


def _write(folder: Path, rows: int, seed: int, reporter: Reporter | None) -> Catalogue:
    from evenly.catalogue import write_catalogue  # noqa: PLC0415 - no other call needs the demo's parts

    if reporter is None:
        return write_catalogue(folder, rows, seed)
    with reporter.phase("generate", rows, "listings") as advance:
        return write_catalogue(folder, rows, seed, advance)
