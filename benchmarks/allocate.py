"""Allocation alone: a million strata under every policy of one axis, and raking of a 1,000 x 50 table.

Peers: the arithmetic that a notebook would do without exact sizes (numpy's clip and floor, once), and iterative
proportional fitting without capacities or whole numbers (ten plain sweeps).
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from evenly.core.allocate import POLICIES, Marginal, Wish
from machine import keep

if TYPE_CHECKING:
    from collections.abc import Callable

STRATA = 1_000_000
TABLE = (1_000, 50)
REPEATS = 3


def seconds(work: Callable[[], Any]) -> float:
    """Return the median seconds of some repeats."""
    found: list[float] = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return sorted(found)[REPEATS // 2]


def main() -> None:
    """Measure, print, keep."""
    chance = np.random.default_rng(1)
    counts = np.maximum(1, chance.pareto(1.1, STRATA) * 10).astype(np.int64)
    hashes = chance.integers(0, 2**63, STRATA).astype(np.uint64)
    size, none = int(counts.sum() // 3), np.zeros(STRATA, np.bool_)
    peer = seconds(lambda: np.minimum(counts, np.floor(counts * (size / counts.sum())).astype(np.int64)))
    own: dict[str, dict[str, Any]] = {
        "cap": {},
        "proportional": {},
        "equal": {},
        "power": {"alpha": 0.5},
        "unimax": {"epochs": 4},
        "target": {"shares": np.full(STRATA, 1 / STRATA), "shortfall": "redistribute"},
    }
    found = {
        name: seconds(partial(POLICIES[name], counts, hashes, Wish(none, size=size, **more)))
        for name, more in own.items()
    }
    for name, time_taken in found.items():
        ratio = f"{time_taken / peer:,.0f} times a floor without exact sizes"
        print(f"{name:12} {STRATA:,} strata in {time_taken:.2f} s ({ratio})")
    rows, columns = np.repeat(np.arange(TABLE[0]), TABLE[1]), np.tile(np.arange(TABLE[1]), TABLE[0])
    cells = (chance.lognormal(3, 1.5, rows.size)).astype(np.int64) + 1
    wanted = [np.bincount(rows, cells) ** 0.7, np.bincount(columns, cells) ** 0.5]
    marginals = tuple(
        Marginal(name, group, (*map(str, range(one.size)), "rest"), np.append(one / one.sum(), 0.0))
        for name, group, one in zip(("row", "column"), (rows, columns), wanted, strict=True)
    )
    wish = Wish(np.zeros(rows.size, np.bool_), size=int(cells.sum() // 3), marginals=marginals)
    raking = seconds(lambda: POLICIES["rake"](cells, hashes[: rows.size], wish))

    def sweeps() -> None:
        plan = cells.astype(np.float64)
        for _ in range(10):
            for group, one in ((rows, marginals[0]), (columns, marginals[1])):
                plan *= (one.shares[:-1] * (cells.sum() // 3) / np.bincount(group, plan))[group]

    plain = seconds(sweeps)
    print(f"rake         {TABLE[0]:,} x {TABLE[1]} in {raking:.2f} s ({raking / plain:,.0f} times ten plain sweeps)")
    keep("allocate", {"strata": STRATA, "seconds": found, "floor": peer, "rake": raking, "plain_sweeps": plain})


if __name__ == "__main__":
    main()
