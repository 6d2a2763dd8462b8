"""From a recipe to an output: check, plan, run, and what is kept for the next run."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenly.api.given import read_given
from evenly.api.outputs import publish
from evenly.flow.run import RunResult, check_sources, plan_recipe, run_recipe, with_data
from evenly.io.cache import cache_folder
from evenly.io.output import new_output, refuse_existing
from evenly.io.pool import clear_copies, clear_pools, list_pools, unfinished_pools
from evenly.io.publish import repo_name
from evenly.io.stores import alone_at, is_address, put_output, refuse_existing_at
from evenly.recipe.load import json_schema
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.api.given import RecipeLike
    from evenly.catalogue import Catalogue
    from evenly.flow.run import PlanResult
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter


@dataclass(frozen=True)
class DemoResult:
    """What `demo` made.

    Attributes:
        folder: where all of it is.
        recipe: the recipe's file.
        catalogue: the raw listings: how many, and where.
        result: the run over them.
    """

    folder: Path
    recipe: Path
    catalogue: Catalogue
    result: RunResult

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it: as the run."""
        return self.result._repr_mimebundle_(include, exclude)  # pyright: ignore[reportPrivateUsage]


@dataclass(frozen=True)
class CacheEntry:
    """A cached pool.

    Attributes:
        recipe: the name of the recipe that built it.
        fingerprint: what the pool depends on, hashed; it is the name of its folder.
        rows: records that were kept.
        bytes: on disk.
    """

    recipe: str
    fingerprint: str
    rows: int
    bytes: int


@dataclass(frozen=True)
class Unfinished:
    """A pool that a run builds, or that an interrupted one began.

    Attributes:
        fingerprint: as of a pool.
        pieces: pieces of the inputs that are finished.
        bytes: on disk.
    """

    fingerprint: str
    pieces: int
    bytes: int


@dataclass(frozen=True)
class CacheReport:
    """The cache as it is now, and what a clearing did.

    Attributes:
        folder: where it is.
        pools: the pools that are kept.
        unfinished: those that are not whole.
        freed: bytes that went.
        in_use: pools that stayed, since a run reads or builds them.
    """

    folder: Path
    pools: list[CacheEntry]
    unfinished: list[Unfinished]
    freed: int = 0
    in_use: int = 0


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
    loaded = read_given(recipe, set)
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
    loaded, given = with_data(read_given(recipe, set), data)
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
    loaded = read_given(recipe, set)
    address = str(out) if is_address(out) else None
    place = _copy_of(address) if address is not None else Path(out if out is not None else loaded.name)
    if push is not None:
        repo_name(push)
    with ExitStack() as stack:
        if address is not None:
            stack.enter_context(alone_at(place, address))
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
        publish(place, push, reporter=reporter)
    return result


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
    """Return what curated pools are kept on this machine; with `clear`, delete those first that no run uses."""
    freed, in_use = clear_pools() if clear else (0, 0)
    freed += clear_copies() if clear else 0
    pools = [
        CacheEntry(pool.index.recipe, pool.index.fingerprint, pool.index.kept, size) for pool, size in list_pools()
    ]
    unfinished = [Unfinished(*one) for one in unfinished_pools()]
    return CacheReport(cache_folder(), pools, unfinished, freed, in_use)


def _copy_of(address: str) -> Path:
    """Return where the output is made that goes to an address; it stays there, for charts and reports."""
    return cache_folder() / "outputs" / hashlib.sha256(address.encode()).hexdigest()[:32]


def _write(folder: Path, rows: int, seed: int, reporter: Reporter | None) -> Catalogue:
    from evenly.catalogue import write_catalogue  # noqa: PLC0415 - no other call needs the demo's parts

    if reporter is None:
        return write_catalogue(folder, rows, seed)
    with reporter.phase("generate", rows, "listings") as advance:
        return write_catalogue(folder, rows, seed, advance)
