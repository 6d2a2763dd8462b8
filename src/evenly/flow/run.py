"""All of the flow, for every command and call: check, plan, run."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import polars as pl

from evenly.columns import STRATUM
from evenly.core.split import refuse_large_lite, split_sizes
from evenly.engines.local import LocalEngine
from evenly.errors import DataError, EvenlyError, UserError, choices_line, did_you_mean, noted
from evenly.flow.curate import NOTHING, all_files, check_inputs, cut, open_pool
from evenly.flow.deliver import deliver, strata_counts
from evenly.flow.delivery import Delivery
from evenly.flow.draw import draw
from evenly.flow.exclude import excluded_files, load_excluded
from evenly.flow.pictures import take_pictures
from evenly.flow.plan import category_column, make_plan
from evenly.flow.report import read_numbers, report_numbers, strata_numbers, write_numbers, write_report
from evenly.flow.reserve import reserve
from evenly.flow.room import output_bytes, short_of_disk
from evenly.flow.sampled import warnings_of
from evenly.io.cache import folder_bytes, scratch_folder
from evenly.io.given import keep_table
from evenly.io.manifest import write_manifest
from evenly.io.output import built, claimed
from evenly.io.processes import watched
from evenly.io.tokenizers import load_tokenizer
from evenly.recipe.balance import TokenSize
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from evenly.core.measure import Summary
    from evenly.engines.base import Engine
    from evenly.flow.curate import Given
    from evenly.flow.plan import Plan
    from evenly.io.pool import Pool
    from evenly.io.processes import Memory
    from evenly.recipe.model import Recipe
    from evenly.reporting.notebook import Charts
    from evenly.reporting.progress import Reporter

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class RunResult:
    """A finished run.

    Attributes:
        folder: the output.
        manifest: what `manifest.json` says.
        before: a summary of the curated pool.
        after: a summary of the selected records.
        pool_reused: whether curate was skipped because its result was there.
        address: where in a store the output is, of which `folder` is a copy; None where it is the output itself.
    """

    folder: Path
    manifest: dict[str, Any]
    before: Summary
    after: Summary
    pool_reused: bool
    address: str | None = None

    @property
    def charts(self) -> Charts:
        """The charts of the report: `charts.label()` is an Altair chart, to change and to use again."""
        from evenly.reporting.notebook import Charts  # noqa: PLC0415 - Altair loads slowly

        return Charts(read_numbers(self.folder))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it."""
        del include, exclude
        if not self.manifest["recipe"]["export"]["report"]:
            return {
                "text/plain": f"{self.manifest['rows']['selected']:,} records in {self.folder}, made without a report"
            }
        from evenly.reporting.notebook import bundle  # noqa: PLC0415 - Altair loads slowly
        from evenly.reporting.story import tell  # noqa: PLC0415

        told = tell(read_numbers(self.folder), self.manifest)
        facts = [(tile["name"], f"{tile['value']} ({tile['aside']})") for tile in told["tiles"]]
        return bundle(self.charts.first(), told["lead"], [*facts, ("folder", str(self.folder))])


@dataclass(frozen=True)
class PlanResult:
    """What a recipe would draw.

    Attributes:
        plan: census and quotas per stratum, and a summary of the pool.
        pool: the pool that was counted.
        pool_reused: whether it was there already.
        recipe: what was planned.
    """

    plan: Plan
    pool: Pool
    pool_reused: bool
    recipe: Recipe

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain data, for `--json`."""
        strata, expected = self.plan.strata, self.plan.expected
        shares = [
            (pl.col("rows") / max(1, strata["rows"].sum())).alias("share_before"),
            ((pl.col("quota") + pl.col("repeated")) / max(1, self.plan.selected + self.plan.repeated)).alias(
                "share_after"
            ),
        ]
        shown = strata.select(
            pl.col(STRATUM).alias("stratum"),
            *("rows", "eligible", "take_all", "quota", "repeated", "wanted"),
            *shares,
            "bound",
        )
        return {
            "policy": self.recipe.balance.policy,
            "label": self.recipe.balance.label,
            "axes": [stratum.column for stratum in self.recipe.balance.strata],
            "category": category_column(self.recipe),
            "rows": {
                "read": self.pool.index.read,
                "dropped": self.pool.index.dropped,
                "quarantined": self.pool.index.quarantined,
                "kept": self.pool.index.kept,
                "outside_strata": self.plan.outside,
                "held_out": self.plan.held_out,
                "selected": self.plan.selected,
                "repeated": self.plan.repeated,
            },
            "strata": strata_counts(self.plan),
            "label_mean": self.plan.pool.label_mean,
            "categories": dict(sorted(self.plan.pool.categories.items(), key=lambda item: (-item[1], item[0]))),
            "expected": None if expected is None else vars(expected),
            "marginals": [] if self.plan.marginals is None else self.plan.marginals.to_dicts(),
            "allocation": shown.to_dicts(),
        }

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Return how a notebook shows it."""
        del include, exclude
        from evenly.reporting.charts import draw_plan  # noqa: PLC0415 - Altair loads slowly
        from evenly.reporting.notebook import bundle  # noqa: PLC0415

        chart = draw_plan({"strata": strata_numbers(self.recipe, self.plan), "counts": strata_counts(self.plan)})
        lead = f"{self.recipe.name} would select {self.plan.selected:,} of {self.pool.index.kept:,} curated records."
        return bundle(chart, lead)


def check_sources(recipe: Recipe, reporter: Reporter | None = None, given: Given = NOTHING) -> list[str]:
    """Open the recipe's inputs and tokenizer without running it; return the names of the input files.

    The reporter is told of near-duplicates across splits, and of tokens across the edge of prompt and completion, as
    far as a sample shows them.

    Raises:
        DataError: for files that are missing, unreadable or lack a column.
        TokenizerError: when the tokenizer can't be had.
    """
    files = all_files(recipe, reporter or Silent(), given)
    if recipe.tokenizer is not None:
        load_tokenizer(recipe.tokenizer)
    pieces = cut(recipe, files)
    needs = check_inputs(recipe, files)
    load_excluded(recipe, excluded_files(recipe, reporter or Silent()))
    with _told():
        warnings = warnings_of(recipe, needs, pieces, LocalEngine(recipe.engine.workers))
    for warning in warnings:
        (reporter or Silent()).say(f"warning: {warning}")
    return [file.name for _, file in files]


def with_data(recipe: Recipe, data: object) -> tuple[Recipe, Given]:
    """Return a recipe whose sources are given from Python, and the tables as files.

    `data` is source's name -> table, or the table of a recipe's one source.

    Raises:
        DataError: for a name that no source has, and for what is no table.
    """
    if data is None:
        return recipe, NOTHING
    names = [source.name for source in recipe.sources]
    if not isinstance(data, Mapping):
        if len(names) > 1:
            message = f"data: the recipe has several sources. Say whose table it is: data={{'{names[0]}': table}}."
            raise DataError(message)
        data = {names[0]: data}
    tables = cast("Mapping[str, object]", data)
    for name in tables:
        if name not in names:
            message = f"data: no source is called '{name}'.{did_you_mean(name, names)}{choices_line('sources', names)}"
            raise DataError(message)
    given = {number: keep_table(name, tables[name]) for number, name in enumerate(names) if name in tables}
    sources = [
        source.model_copy(update={"files": [], "format": None}) if number in given else source
        for number, source in enumerate(recipe.sources)
    ]
    return recipe.model_copy(update={"sources": sources}), given


def plan_recipe(
    recipe: Recipe,
    *,
    engine: str = "local",
    recheck: bool = False,
    reporter: Reporter | None = None,
    given: Given = NOTHING,
) -> PlanResult:
    """Curate (or find) the pool, take its census and allocate; nothing is selected or written."""
    reporter = reporter or Silent()
    with ExitStack() as stack, opened(engine, recipe) as worker, _told():
        folder = stack.enter_context(scratch_folder())
        pool, reused = open_pool(recipe, worker, reporter, given, scratch=folder, recheck=recheck)
        pool = reserve(recipe, pool, worker, reporter)
        scratch = folder if isinstance(recipe.balance.size, TokenSize) else None  # met over real draws
        plan = make_plan(recipe, pool, scratch, worker, reporter, expected=True)
        refuse_large_lite(recipe.split.lite or {}, split_sizes(recipe.split.shares, plan.selected))
        return PlanResult(plan, pool, reused, recipe)


def run_recipe(
    recipe: Recipe,
    out: Path,
    *,
    force: bool = False,
    engine: str = "local",
    recheck: bool = False,
    profile: bool = False,
    reporter: Reporter | None = None,
    given: Given = NOTHING,
) -> RunResult:
    """Run a recipe from its inputs to the folder `out`: complete when this returns, untouched when it raises.

    With `profile` the manifest says of each phase, besides its seconds, what it went through and its peak of memory.
    """
    with ExitStack() as stack:
        place = stack.enter_context(claimed(out, force=force))
        memory = stack.enter_context(watched(os.getpid())) if profile else None
        worker = stack.enter_context(opened(engine, recipe))
        with _told():
            using = stack.enter_context(scratch_folder())
        work = _Run(recipe, out, place, using, force, worker, reporter or Silent(), Clock(memory))
        return work.made(given, recheck=recheck)


@dataclass(frozen=True)
class _Run:
    """A run under way.

    Attributes:
        out: the output as it is named.
        place: where that is, claimed.
        using: a folder of the cache's scratch, which says that the pool is in use.
    """

    recipe: Recipe
    out: Path
    place: Path
    using: Path
    force: bool
    engine: Engine
    reporter: Reporter
    clock: Clock

    def made(self, given: Given, *, recheck: bool) -> RunResult:
        """Return the finished run."""
        clock, recipe = self.clock, self.recipe
        with _told():
            pool, reused = open_pool(recipe, self.engine, self.reporter, given, scratch=self.using, recheck=recheck)
        held = sum(int(part["bytes"]) for part in pool.index.parts)
        raw = 0 if reused else sum(int(one["bytes"]) for one in pool.index.inputs)
        clock.lap("curate", rows=0 if reused else pool.index.read, read=raw, written=0 if reused else held)
        with noted(lambda: "The curated pool is kept; the same command goes on from there."):
            return self._drawn(pool, reused=reused)

    def _drawn(self, pool: Pool, *, reused: bool) -> RunResult:
        """Return the finished run, from its pool on."""
        clock, recipe = self.clock, self.recipe
        held = sum(int(part["bytes"]) for part in pool.index.parts)
        if recipe.holdout is not None:
            with _told():
                pool = reserve(recipe, pool, self.engine, self.reporter)
            clock.lap("reserve", rows=pool.index.kept, read=held, written=8 * pool.index.kept)
        with built(self.place, force=self.force) as folder, _told():
            scratch = folder / ".scratch"
            scratch.mkdir()
            plan = make_plan(recipe, pool, scratch, self.engine, self.reporter)
            ledgers = folder_bytes(scratch)
            clock.lap("census", rows=pool.index.kept, read=held, written=ledgers)
            needed = output_bytes(pool.index, plan.selected + plan.repeated)
            remedy = "Free some, or choose a place on another disk with --out."
            if short := short_of_disk(folder, needed, "the output", remedy):
                self.reporter.say(f"warning: {short}")
            drawn = draw(recipe, pool, plan, scratch, self.engine, self.reporter)
            chosen = folder_bytes(scratch) - ledgers
            clock.lap("select", rows=pool.index.kept, read=ledgers, written=chosen)
            delivery = Delivery(recipe, pool, drawn, folder, scratch)
            manifest, after = deliver(delivery, plan, self.engine, self.reporter)
            data = folder_bytes(folder) - folder_bytes(scratch)
            clock.lap("deliver", rows=drawn.selected, read=held + ledgers + chosen, written=data)
            manifest |= {"timings": clock.laps, "engine": {"name": self.engine.name}}
            if recipe.export.report:
                pictures = take_pictures(delivery, plan, self.engine, self.reporter)
                write_numbers(folder, report_numbers(delivery, plan, after, pictures, manifest) | {"reused": reused})
                write_report(folder, manifest, read_numbers(folder))
            shutil.rmtree(scratch)
            if recipe.export.report:
                clock.lap("report", rows=pool.index.kept, read=held, written=folder_bytes(folder) - data)
            if clock.profile:
                manifest["profile"] = clock.profile
            write_manifest(folder, manifest)
        return RunResult(self.out, manifest, plan.pool, after, reused)


@contextmanager
def _told() -> Generator[None]:
    """Tell what Polars could not do (a full disk, most often, which it names its own way) as an error of Evenly's."""
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as fault:
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        hint = " Is the disk full?" if "os error" in reason.lower() else ""
        message = f"evenly: data could not be read or written: {reason}.{hint} Nothing was replaced. Run again."
        raise EvenlyError(message) from fault


class Clock:
    """Seconds of each phase, for the manifest; with `memory`, a profile of each phase besides."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Begin the first phase."""
        self.laps: dict[str, float] = {}
        self.profile: dict[str, dict[str, float]] = {}
        self._memory = memory
        self._since = time.monotonic()

    def lap(self, name: str, *, rows: int, read: int, written: int) -> None:
        """End the phase `name`, which went through so many rows, and read and wrote so many bytes."""
        now = time.monotonic()
        seconds, self._since = round(now - self._since, 3), now
        self.laps[name] = seconds
        if self._memory is not None:
            told = {"seconds": seconds, "rows": rows, "bytes_read": read, "bytes_written": written}
            self.profile[name] = told | {"peak_memory": self._memory.peak()}


@contextmanager
def opened(name: str, recipe: Recipe) -> Generator[Engine]:
    """Yield the engine of that name, with the recipe's workers."""
    if name not in ENGINES:
        message = f"--engine {name}: no such engine.{did_you_mean(name, ENGINES)} Expected {' or '.join(ENGINES)}."
        raise UserError(message)
    if name == "local":
        yield LocalEngine(recipe.engine.workers)
        return
    from evenly.engines.ray import opened  # noqa: PLC0415 - an extra

    with opened(recipe.engine.address, recipe.engine.workers) as engine:
        yield engine
