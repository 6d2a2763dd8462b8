"""A/A trials: the same recipe under other seeds. Whatever an ablation says of it but "cannot tell" is false.

A trial has two variants that are one recipe, each with ten selections of its own, and a test drawn anew from what is
held out. Selections come from the keys that `evenly run` draws by; the ridge proxy is fitted to each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from evenly.ablation.features import as_directions, count_ngrams
from evenly.ablation.metrics import NUMERIC, Truth
from evenly.ablation.proxies import PROXIES, Examples, predict_numbers
from evenly.ablation.sets import read_records
from evenly.ablation.told import FEW_SHOT, MANY_SHOT
from evenly.ablation.verdict import effect_of, judge
from evenly.columns import ID, LABEL, PART, ROW, STRATUM
from evenly.core.hashing import hashed, uniform
from evenly.core.reserve import TEXT
from evenly.core.strata import with_strata
from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.flow.plan import make_plan
from evenly.flow.reserve import reserve
from evenly.recipe.model import Recipe
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenly.io.pool import Pool

ROOT = Path(__file__).parents[2]
ROWS = 1_000

SEEDS = 10


@dataclass(frozen=True)
class Field:
    """What trials are made of: the pool's ids, strata and quotas, the features and labels of pool and holdout."""

    ids: pl.Series
    strata: NDArray[np.int64]
    quotas: NDArray[np.int64]
    features: Any
    labels: NDArray[np.float64]
    test_features: Any
    test_labels: NDArray[np.float64]
    test_strata: NDArray[np.int64]

    def selection(self, seed: int) -> NDArray[np.int64]:
        """Return the records of the smallest keys of each stratum, as many as its quota."""
        keys = self.ids.to_frame("id").select(-(-uniform(hashed("id", "select", seed))).log1p()).to_series().to_numpy()
        order = np.lexsort((keys, self.strata))
        starts = np.searchsorted(self.strata[order], np.arange(self.quotas.size))
        rank = np.arange(order.size) - starts[self.strata[order]]
        return order[rank < self.quotas[self.strata[order]]]

    def predictions(self, seeds: list[int]) -> NDArray[np.float64]:
        """Return what the ridge proxy says of the holdout, for each seed."""
        said = []
        for seed in seeds:
            rows = self.selection(seed)
            train = Examples(self.features[rows], self.labels[rows])
            said.append(predict_numbers(PROXIES["ridge"], "units", train, self.test_features, seed))
        return np.stack(said)


def trial(field: Field, number: int, *smallest: float) -> list[list[str]]:
    """Return the words of an A/A trial, of each region, for each smallest effect that matters."""
    rng = np.random.default_rng(number)
    first = 2 * SEEDS * number
    base, variant = (field.predictions(list(range(start, start + SEEDS))) for start in (first, first + SEEDS))
    half = rng.permutation(field.test_labels.size)[: field.test_labels.size // 2]
    shots = field.quotas[field.test_strata]
    sizes = np.bincount(field.test_strata[half], minlength=field.quotas.size)
    cap = max(1, int(np.median(sizes[sizes > 0])))
    rank = np.empty(half.size, np.int64)
    for stratum in np.unique(field.test_strata[half]):
        here = field.test_strata[half] == stratum
        rank[here] = np.arange(here.sum())
    regions = {
        "natural": half,
        "balanced": half[rank < cap],
        "many-shot": half[shots[half] > MANY_SHOT],
        "medium-shot": half[(shots[half] >= FEW_SHOT) & (shots[half] <= MANY_SHOT)],
        "few-shot": half[shots[half] < FEW_SHOT],
    }
    effects = []
    for name, rows in regions.items():
        if rows.size:
            truth = Truth(field.test_labels[rows], field.test_strata[rows])
            ours, theirs = (NUMERIC[0].of(one[:, rows], truth) for one in (variant, base))
            effects.append((name, effect_of(ours, theirs)))
    return [[one.word for one in judge(effects, effect, "lower")] for effect in smallest]


def is_false(words: list[str]) -> bool:
    return set(words) != {"cannot tell"}


def upper_bound(wrong: int, trials: int) -> float:
    """Return the upper end of Clopper and Pearson's 95 % interval (one-sided) for a rate."""
    return float(stats.beta.ppf(0.95, wrong + 1, trials - wrong)) if wrong < trials else 1.0


def shared_field(recipe: Recipe) -> Field:
    """Return the pool of a recipe over the shared data, the proportional sample of `ROWS` rows its selection."""
    engine, reporter = LocalEngine(), Silent()
    pool, _ = open_pool(recipe, engine, reporter)
    pool = reserve(recipe, pool, engine, reporter)
    recipe = Recipe.from_dict(recipe.to_dict(), [f"balance.size={ROWS}"])
    plan = make_plan(recipe, pool, None, engine, reporter)
    numbers = {name: number for number, name in enumerate(plan.strata[STRATUM].to_list())}
    parts = range(len(pool.index.parts))
    places = pl.concat([pool.thin([part], [ID]).hstack(pool.places([part])) for part in parts])
    kept = pl.concat([_present(pool, part) for part in parts])
    records = read_records(pool, recipe, [places], engine, reporter)
    frame = places.join(records.rows, on=[PART, ROW], how="left", maintain_order="left")
    strata = with_strata(frame.select(pl.col(LABEL).alias(plan.axes[0].column)), plan.axes)[STRATUM].cast(pl.String)
    frame = frame.with_columns(strata.replace_strict(numbers, default=None, return_dtype=pl.Int64).alias(STRATUM))
    features = as_directions(count_ngrams(frame[TEXT].to_list()))
    known = frame[STRATUM].is_not_null()
    train, test = (kept & known).to_numpy(), (~kept & known).to_numpy()
    labels = frame[LABEL].cast(pl.Float64).to_numpy()
    number = frame[STRATUM].fill_null(-1).to_numpy()
    quotas = plan.strata["quota"].to_numpy()
    ids = frame[ID].filter(pl.Series(train))
    return Field(ids, number[train], quotas, features[train], labels[train], features[test], labels[test], number[test])


def _present(pool: Pool, part: int) -> pl.Series:
    found = pool.present([part])
    assert found is not None
    return found


def made_field() -> Field:
    """Return a small field of made-up listings: words that say something of a skewed price, and noise."""
    rng = np.random.default_rng(7)
    rows = 4_000
    labels = np.exp(rng.normal(3.5, 1.1, rows)).clip(1, 999)
    texts = []
    for label in labels:
        words = [f"p{int(np.log(label) * 3 + rng.normal(0, 1.5))}" for _ in range(3)]
        texts.append(" ".join([*words, *(f"n{one}" for one in rng.integers(0, 300, 12))]))
    features = as_directions(count_ngrams(texts))
    strata = (labels // 25).astype(np.int64)
    train = np.arange(rows) < 2_800
    counts = np.bincount(strata[train], minlength=40)
    quotas = np.floor(counts * 300 / counts.sum()).astype(np.int64)
    ids = pl.Series([f"r{one}" for one in range(2_800)])
    held = ~train
    return Field(ids, strata[train], quotas, features[train], labels[train], features[held], labels[held], strata[held])


def test_a_recipe_against_itself_is_seldom_called_better_or_worse() -> None:
    # At a rate of 0.05, 11 or more of 25 are false less than once in ten million such runs.
    field = made_field()
    wrong = sum(is_false(trial(field, number, 1e-9)[0]) for number in range(25))
    assert wrong < 11


@pytest.mark.soak
def test_a_thousand_such_trials_on_the_shared_data(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del shared_data
    field = shared_field(Recipe.from_file(ROOT / "recipes" / "proportional.yaml"))
    effects = 0.02, 1e-9
    found = [trial(field, number, *effects) for number in range(1_000)]
    bounds: list[float] = []
    for place, effect in enumerate(effects):
        wrong = sum(is_false(words[place]) for words in found)
        bounds.append(upper_bound(wrong, 1_000))
        with capsys.disabled():
            told = f"A/A, smallest effect {effect:g}: a false word in {wrong} of 1,000 trials"
            print(f"\n{told}, 95 % upper bound {bounds[-1]:.2%}")  # noqa: T201 - the figures of docs/ablations.md
    assert max(bounds) <= 0.08
