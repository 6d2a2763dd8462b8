"""A search of a recipe's knobs by two errors, natural and balanced, on a holdout that the last test never sees.

The groups of a recipe's holdout are the last test. Groups beyond them, as many again, are what the search looks at; it
trains on the rest. What is found is measured once, as an ablation, on the last test.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import optuna
from optuna.trial import TrialState

from evenly.ablation.ground import PROXY, prepare_ground, refuse_small_last
from evenly.ablation.kept import STUDY, VERSION, clear_tuned
from evenly.ablation.knobs import knobs_of, parse_knob, set_key, starting_values, turned
from evenly.ablation.metrics import measures_for
from evenly.ablation.options import DEFAULT_ROWS
from evenly.ablation.told import judged_measure
from evenly.errors import EvenlyError, UserError, choices_line, did_you_mean
from evenly.io.cache import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evenly.ablation.ground import Ground
    from evenly.ablation.knobs import Knob, Value
    from evenly.ablation.metrics import Measure
    from evenly.ablation.options import Search
    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe
    from evenly.reporting.progress import Reporter

TESTS: Final = ("natural", "balanced")

STARTUP: Final = 10
"""Trials that are drawn at random before the sampler learns from them."""


@dataclass(frozen=True)
class Found:
    """What a search found: all of it as plain data, and the values of the knobs that it chose."""

    numbers: dict[str, Any]
    knobs: list[Knob]
    chosen: dict[str, Value]


def search(
    recipe: Recipe, how: Search, folder: Path, engine: Engine, reporter: Reporter, needed: int, *, force: bool
) -> Found:
    """Try recipes until the trials or the minutes are used up; `folder` keeps them, so that it can be gone on with.

    Keys of the numbers: `version`, `knobs`, `search`, `measure`, `better`, `tests`, `trials` [{number, values,
    natural, balanced, why}], `front` (numbers of those that no other beats in both), `knee`, `start`.

    Raises:
        UserError: for a recipe without knobs, or a folder that holds another search.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = how.rows or DEFAULT_ROWS
    knobs = [parse_knob(text) for text in how.knobs] or knobs_of(recipe, rows)
    if not knobs:
        message = (
            f"recipe.balance: policy {recipe.balance.policy} has no knob to search by itself. Name some: "
            "--search balance.size=10000:50000."
        )
        raise UserError(message)
    with scratch_folder() as scratch:
        ground = prepare_ground(recipe, how.scale, how.seeds, how.rows, DEFAULT_ROWS, scratch, engine)
        refuse_small_last(ground, needed, scratch, engine)
        for knob in knobs:  # a key that leads nowhere is told before anything is tried
            set_key(recipe.to_dict(), knob.key, 1)
        measures = measures_for(ground.truth())
        measure = judged_measure(measures, how.measure)
        if measure is None:
            names = [one.name for one in measures]
            near = did_you_mean(str(how.measure), names)
            message = f"--measure: '{how.measure}' is none of this label's.{near}{choices_line('measures', names)}"
            raise UserError(message)
        if force:
            clear_tuned(folder)
        study = _study(folder, _identity(recipe, how, knobs, ground), measure, recipe.seed)
        start = starting_values(recipe, knobs)
        if start is not None and not study.trials:
            study.enqueue_trial(start)
        _run(study, ground, recipe, knobs, how, measure, reporter)
    return _found(study, ground, knobs, measure, how, start)


def _identity(recipe: Recipe, how: Search, knobs: Sequence[Knob], ground: Ground) -> str:
    """Return what must be the same for a search to be gone on with."""
    told = {
        "recipe": recipe.to_dict(),
        "pool": ground.first.pool.index.fingerprint,
        "knobs": [knob.to_dict() for knob in knobs],
        "how": [how.seeds, ground.rows, how.measure, how.scale],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _study(folder: Path, identity: str, measure: Measure, seed: int) -> optuna.Study:
    """Open the folder's study, or begin it.

    Raises:
        UserError: when it is another search's.
    """
    direction = "minimize" if measure.better == "lower" else "maximize"
    study = optuna.create_study(
        storage=f"sqlite:///{(folder / STUDY).absolute().as_posix()}",
        study_name="tune",
        directions=[direction, direction],
        load_if_exists=True,
    )
    known = study.user_attrs.get("identity")
    if known is None:
        study.set_user_attr("identity", identity)
        study.set_user_attr("seed", seed)
    elif known != identity:
        message = (
            f"{folder}: holds another search (of another recipe, data or options). Choose another place with --out."
        )
        raise UserError(message)
    return study


def _run(
    study: optuna.Study,
    ground: Ground,
    recipe: Recipe,
    knobs: Sequence[Knob],
    how: Search,
    measure: Measure,
    reporter: Reporter,
) -> None:
    ends = None if how.minutes is None else time.monotonic() + 60 * how.minutes
    space = {knob.key: _distribution(knob) for knob in knobs}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):  # a search that was killed at work
        if set(trial.params) == set(space):
            _try(study, trial.number, trial.params, ground, recipe, knobs, measure)
        else:
            study.set_user_attr(f"why-{trial.number}", "the search was killed while it chose the values")
            study.tell(trial.number, state=TrialState.FAIL)
    done = sum(trial.state != TrialState.WAITING for trial in study.trials)
    left = max(0, how.trials - done)
    best: int | None = None
    with reporter.phase("search", left, "trials") as advance:
        for number in range(done, done + left):
            if ends is not None and time.monotonic() > ends:
                break
            # A sampler of its own for each trial: a search that goes on finds what it would have found at once.
            study.sampler = optuna.samplers.TPESampler(
                seed=(recipe.seed * 1_000_003 + number) % 2**32, n_startup_trials=STARTUP
            )
            trial = study.ask(space)
            _try(study, trial.number, trial.params, ground, recipe, knobs, measure)
            advance(1)
            if _front(study) and _knee_of(study, measure) != best:
                best = _knee_of(study, measure)
                reporter.say(_best_line(study, best))


def _distribution(knob: Knob) -> optuna.distributions.BaseDistribution:
    if knob.choices:
        return optuna.distributions.CategoricalDistribution(knob.choices)
    if knob.whole:
        return optuna.distributions.IntDistribution(round(knob.low), round(knob.high), log=knob.log)
    return optuna.distributions.FloatDistribution(knob.low, knob.high, log=knob.log)


def _try(
    study: optuna.Study,
    number: int,
    values: Mapping[str, Any],
    ground: Ground,
    recipe: Recipe,
    knobs: Sequence[Knob],
    measure: Measure,
) -> None:
    """Try the recipe with some values; what can't be drawn is told as a failed trial."""
    try:
        tried = turned(recipe, knobs, values, f"trial-{number}")
        found = ground.measured(tried, measure)
    except (EvenlyError, ArithmeticError, LookupError, ValueError) as fault:  # a proxy's, too: other trials go on
        study.set_user_attr(f"why-{number}", next(iter(str(fault).splitlines()), type(fault).__name__))
        study.tell(number, state=TrialState.FAIL)
        return
    study.tell(number, [found[test].value for test in TESTS])


def _front(study: optuna.Study) -> list[int]:
    return sorted(trial.number for trial in study.best_trials)


def knee(points: Sequence[tuple[float, float]], *, lower: bool) -> int:
    """Return which point of a front is its knee: the farthest from the line between its ends, on the better side.

    Each error counts in units of its range over the front; where it has two points, the one with the smaller sum.

    >>> knee([(1.0, 9.0), (2.0, 3.0), (9.0, 1.0)], lower=True)
    1
    """
    signed = [(x, y) if lower else (-x, -y) for x, y in points]
    lows = [min(axis) for axis in zip(*signed, strict=True)]
    ranges = [max(axis) - min(axis) or 1.0 for axis in zip(*signed, strict=True)]
    scaled = [((x - lows[0]) / ranges[0], (y - lows[1]) / ranges[1]) for x, y in signed]
    # The ends lie at (0, 1) and (1, 0), so that the distance from their line goes with the sum.
    return min(range(len(scaled)), key=lambda place: (round(sum(scaled[place]), 12), place))


def _best_line(study: optuna.Study, number: int) -> str:
    trial = study.trials[number]
    told = ", ".join(f"{key} {shown(value)}" for key, value in trial.params.items())
    natural, balanced = trial.values
    front = len(_front(study))
    return f"best so far: trial {number}, natural {natural:.4g}, balanced {balanced:.4g} ({told}); {front} on the front"


def shown(value: object) -> str:
    """Return a knob's value as people read it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _knee_of(study: optuna.Study, measure: Measure) -> int:
    front = _front(study)
    points = [(study.trials[number].values[0], study.trials[number].values[1]) for number in front]
    return front[knee(points, lower=measure.better == "lower")]


def _found(
    study: optuna.Study,
    ground: Ground,
    knobs: list[Knob],
    measure: Measure,
    how: Search,
    start: Mapping[str, Value] | None,
) -> Found:
    front = _front(study)
    if not front:
        why = next((_why(study, trial.number) for trial in study.trials), "there was no time for one")
        message = (
            f"--search: none of {len(study.trials):,} trials could be made; of the first: {why.rstrip('.')}. "
            "Search other keys, or narrower ranges."
        )
        raise UserError(message)
    chosen = _knee_of(study, measure)
    trials = [_told(study, trial) for trial in study.trials]
    numbers = {
        "version": VERSION,
        "knobs": [knob.to_dict() for knob in knobs],
        "search": {"trials": how.trials, "minutes": how.minutes, "seeds": list(ground.seeds), "rows": ground.rows},
        "proxy": PROXY.name,
        "scale": ground.scale,
        "measure": measure.name,
        "better": measure.better,
        "tests": {name: int(ground.tests.rows[name].sum()) for name in TESTS},
        "trials": trials,
        "front": front,
        "knee": chosen,
        "start": 0 if start is not None else None,
    }
    return Found(numbers, knobs, dict(study.trials[chosen].params))


def _told(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    values = dict(zip(TESTS, trial.values, strict=True)) if trial.values is not None else {}
    why = {} if values else {"why": _why(study, trial.number)}
    return {"number": trial.number, "values": dict(trial.params), **values, **why}


def _why(study: optuna.Study, number: int) -> str:
    return str(study.user_attrs.get(f"why-{number}", "it was not finished"))
