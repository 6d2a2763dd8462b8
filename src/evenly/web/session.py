"""One recipe's studio: its pool held ready, and what the page asks of it. It knows no HTTP.

The pool is curated first, as a job, if it is not there. A question is answered by one thread at a time: each answer
takes milliseconds, and what they share is kept from one to the next.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import polars as pl

from evenly.ablation.kept import ABLATION, PAGE
from evenly.api.models import ablate
from evenly.columns import SOURCE
from evenly.core.allocate import POLICIES
from evenly.errors import RecipeError, UserError
from evenly.flow.curate import NOTHING, open_pool
from evenly.flow.live import Live
from evenly.flow.plan import category_column
from evenly.flow.reserve import reserve
from evenly.flow.run import opened, run_recipe
from evenly.io.cache import scratch_folder
from evenly.io.manifest import NAME as MANIFEST
from evenly.recipe.model import NAME, Recipe
from evenly.recipe.needs import COUNTED
from evenly.reporting.progress import Silent
from evenly.web.answers import bar, impossible, recipe_of, refuse_misfit, view
from evenly.web.jobs import Jobs
from evenly.web.state import GONE, changes, state_of, with_state, without_variants
from evenly.web.written import rewritten

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from evenly.flow.curate import Given
    from evenly.reporting.progress import Reporter
    from evenly.web.answers import Asked

REPORT: Final = "report.html"

MOST_VARIANTS: Final = 4
"""Variants that are compared with the recipe."""


@dataclass(frozen=True)
class Start:
    """What a studio begins with.

    Attributes:
        recipe: as it is given.
        text: its YAML, which a download keeps the comments of.
        folder: where outputs go; no path leads out of it.
        place: how the recipe is named in a command line, or None where it came from Python.
        given: tables from Python instead of files.
    """

    recipe: Recipe
    text: str
    folder: Path
    place: str | None = None
    given: Given = field(default_factory=lambda: NOTHING)


class Session:
    """A studio's pool, its jobs, and the answers to its page.

    Attributes:
        jobs: what takes a while.
        closed: whether it has ended: what listens may go.
        pools: how many pools were held so far: a page asks anew when there is another.
    """

    def __init__(self, start: Start) -> None:
        """Begin to curate."""
        self.start = start
        self.jobs = Jobs()
        self._base = start.recipe.to_dict()
        self.pools = 0
        self.closed = False
        self._live: Live | None = None
        self._curated = start.recipe
        self._turn = threading.Lock()
        self._open = ExitStack()
        self._closed = False
        self.curate(None)

    def close(self, seconds: float = 1.0) -> None:
        """End what is under way, and let go of the pool."""
        self.closed = True
        self.jobs.close(seconds)
        with self._turn:
            self._closed = True
            self._open.close()

    @property
    def ready(self) -> bool:
        """Whether the pool is there."""
        return self._live is not None

    def curate(self, state: object) -> None:
        """Curate the pool of a state, or the recipe's own; one that holds other columns is asked meanwhile.

        Raises:
            UserError: while another job runs.
        """
        recipe = self.recipe(state_of(self._base) if state is None else state)
        self.jobs.start("curate", recipe.name, lambda reporter: self._held(recipe, reporter))

    def _held(self, recipe: Recipe, reporter: Reporter) -> dict[str, Any]:
        with ExitStack() as stack:
            engine = stack.enter_context(opened("local", recipe))
            using = stack.enter_context(scratch_folder())  # the cache keeps a pool that is in use
            pool, reused = open_pool(recipe, engine, reporter, self.start.given, scratch=using)
            pool = reserve(recipe, pool, engine, reporter)
            live = Live(recipe, pool, engine, Silent())  # it answers when this job is long over
            with reporter.phase("look", 1, "pictures") as advance:
                try:
                    view(live, recipe, None)  # so that the first answer is not the slow one
                except UserError:
                    advance.counts["impossible"] = True  # the page is told so when it asks
                advance(1)
            with self._turn:
                if not self._closed:  # else the stack lets go of the pool that was made too late
                    self._live, self._curated, self.pools = live, recipe, self.pools + 1
                    self._open.close()
                    self._open = stack.pop_all()
        return {"records": pool.index.kept, "reused": reused}

    def recipe(self, state: object, name: str | None = None) -> Recipe:
        """Return a state's recipe.

        Raises:
            ImpossibleError: with every fault.
            UserError: for what is no state.
        """
        data = with_state(self._base, state)
        return recipe_of(data if name is None else data | {"name": name})

    @contextmanager
    def _asked(self, recipe: Recipe | None = None) -> Generator[Live]:
        """Yield the pool to one who asks it for a recipe; what a user could mend becomes faults of keys."""
        with self._turn:
            if self._live is None:
                message = "studio: the pool is not curated yet. Wait until it is, or press Curate."
                raise UserError(message)
            try:
                if recipe is not None:
                    refuse_misfit(self._curated, recipe, self._live.pool.index.quarantined)
                yield self._live
            except UserError as fault:
                raise impossible(fault) from None
            except pl.exceptions.PolarsError as fault:
                reason = str(fault).strip().partition("\n")[0]
                message = f"recipe.balance: can't be computed over these records: {reason}. Change what it is made of."
                raise impossible(UserError(message)) from None

    def about(self) -> dict[str, Any]:
        """Return what the page needs to know once: the recipe, its state, the columns that strata may have."""
        with self._asked() as live:
            recipe = self.start.recipe
            return {
                "name": recipe.name,
                "recipe": self.start.place,
                "state": state_of(self._base),
                "label": recipe.balance.label,
                "category": category_column(recipe),
                "counted": recipe.tokenizer is not None,
                "columns": _axes(recipe, live.pool.schema()),
                "policies": list(POLICIES),
                "records": live.frame.height,
                "curated": live.pool.index.kept,
                "read": live.pool.index.read,
                "most_variants": MOST_VARIANTS,
            }

    def view(self, state: object, known: str | None) -> dict[str, Any]:
        """Return what a state selects, see `evenly.web.answers.view`."""
        begun = time.perf_counter()
        recipe = self.recipe(state)
        with self._asked(recipe) as live:
            return view(live, recipe, known) | {"seconds": round(time.perf_counter() - begun, 4)}

    def bar(self, state: object, asked: Asked) -> dict[str, Any]:
        """Return some records of a bar, see `evenly.web.answers.bar`."""
        recipe = self.recipe(state)
        with self._asked(recipe) as live:
            return bar(live, recipe, asked)

    def equal_shares(self, state: object) -> dict[str, Any]:
        """Return weights by category under which categories have shares as equal as can be."""
        recipe = self.recipe(state)
        column = category_column(recipe)
        if column is None:
            message = (
                "recipe.balance.weight: the recipe has no category: no weight table, no stratum of names, no column "
                "from the path. Name one of them."
            )
            raise UserError(message)
        with self._asked(recipe) as live:
            values = live.equal_weights(recipe)
        by_null = values.get("(none)", 1.0)  # a table has no name for it
        return {"column": column, "values": values, "default": by_null}

    def written(self, state: object) -> str:
        """Return a state's recipe as YAML, with the comments of the one that the studio began with."""
        self.recipe(state)
        changed = list(changes(without_variants(self._base), with_state(self._base, state)))
        text = rewritten(self.start.text, changed)
        try:
            Recipe.from_text(text)
        except RecipeError:  # variants say what differs from the recipe as it was: they may not go with what it is now
            return rewritten(self.start.text, [*changed, (("variants",), GONE)])
        return text

    def build(self, state: object, name: str, *, force: bool) -> None:
        """Run a state's recipe into a folder of that name beside the recipe, as a job.

        Raises:
            UserError: for a name that is none, or is taken, and while another job runs.
        """
        recipe, folder = self.recipe(state), self._folder(name, MANIFEST, force=force)
        if self._live is not None:
            blocked = self.view(state, None)["blocked"]  # what can't be met is said in the place where it was wished
            if blocked is not None:
                raise UserError(blocked)

        def work(reporter: Reporter) -> dict[str, Any]:
            result = run_recipe(recipe, folder, force=force, reporter=reporter, given=self.start.given)
            page = REPORT if recipe.export.report else None
            rows = result.manifest["rows"]
            told = {key: rows[key] for key in ("selected", "repeated", "splits")}
            return told | {"folder": str(folder), "name": name, "page": page, "seed": recipe.seed}

        self.jobs.start("build", name, work)

    def ablate(self, states: Sequence[tuple[str, Any]], name: str, rows: int | None, *, force: bool) -> None:
        """Train proxies on states, (name, state) each, as a job; `rows` is the budget of each.

        Raises:
            UserError: for states or a name that are none, and while another job runs.
        """
        if self.start.given:
            message = (
                "studio: an ablation reads the inputs from files, and this studio has tables from Python. "
                "Start it with a recipe whose sources name files."
            )
            raise UserError(message)
        if not 1 <= len(states) <= MOST_VARIANTS + 1 or len(dict(states)) < len(states):
            message = f"studio: variants: expected 1 to {MOST_VARIANTS + 1} of them, of different names."
            raise UserError(message)
        recipes = [self.recipe(state, _named(own)) for own, state in states]
        folder = self._folder(name, ABLATION, force=force)

        def work(reporter: Reporter) -> dict[str, Any]:
            ablate(*recipes, out=folder, force=force, reporter=reporter, **({} if rows is None else {"rows": rows}))
            return {"folder": str(folder), "name": name, "page": PAGE}

        self.jobs.start("ablate", name, work)

    def _folder(self, name: str, mark: str, *, force: bool) -> Path:
        """Return the folder of an output; one that is there is replaced only if it is an output, and if that is asked.

        Raises:
            UserError: saying why not.
        """
        folder = self.start.folder / _named(name)
        if folder.is_symlink():
            message = f"{name}: is a link. Choose another name."
            raise UserError(message)
        if folder.exists() and not (folder / mark).is_file():
            message = f"{name}: is there already, and is nothing that could be replaced. Choose another name."
            raise UserError(message)
        if folder.exists() and not force:
            message = f"{name}: is there already. Replace it, or choose another name."
            raise UserError(message)
        return folder

    def page(self, name: str, file: str) -> Path:
        """Return a page of an output that a job of this studio made.

        Raises:
            UserError: for any other.
        """
        job = cast("dict[str, Any]", (self.jobs.told() or {}).get("result") or {})
        path = self.start.folder / name / file
        if name != job.get("name") or file != job.get("page") or not path.is_file():
            message = "studio: no such page. Open one that was made here."
            raise UserError(message)
        return path


def _named(name: str) -> str:
    if not re.fullmatch(NAME, name):
        message = f"'{name}' is no name. Use letters, digits, dots, - and _, the first one a letter or a digit."
        raise UserError(message)
    return name


def _axes(recipe: Recipe, schema: Mapping[str, pl.DataType]) -> list[dict[str, str]]:
    """Return the columns that strata can well be made by: numbers, and texts that the recipe has as names of kinds."""
    named = {recipe.balance.label, category_column(recipe), *(one.column for one in recipe.balance.strata)}
    named |= {name for source in recipe.sources for name in source.columns} | {SOURCE, *recipe.export.keep}
    numbers = [name for name, dtype in schema.items() if dtype.is_numeric() and not name.startswith("__")]
    texts = [name for name in schema if name in named and name not in numbers]
    counted = [COUNTED] if recipe.tokenizer is not None and COUNTED not in schema else []
    kinds = {**dict.fromkeys([*numbers, *counted], "number"), **dict.fromkeys(texts, "text")}
    return [{"name": name, "kind": kind} for name, kind in kinds.items()]
