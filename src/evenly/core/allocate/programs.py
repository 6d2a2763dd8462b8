"""Linear programs over wishes: can they be met together, which conflict, and what plan is nearest (SciPy's HiGHS).

Only asked when a fit fails. The variables are the strata's rows and their sum; each wish is a set of rows of the
program with slacks, so that the sum of the slacks is how many rows away the nearest plan is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from evenly.core.allocate.bounds import WISHES, limits
from evenly.core.allocate.conflicts import irreducible
from evenly.errors import EvenlyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from evenly.core.allocate.bounds import Bounds
    from evenly.core.allocate.wish import Wish

TOLERANCE: Final = 1e-2
"""Rows of slack in all below which wishes count as met: shares are real numbers, and rows are made whole anyway."""

FINEST: Final = 1e-10
"""Of the size: what a solver in doubles can tell from nothing."""

FEW_WISHES: Final = 64
"""Wishes of which each is left out in turn; of more, only those that the nearest plan's prices name."""

PRICED: Final = 1e-6
"""Dual value from which a wish stands in the way."""

DEAR: Final = 1e3
"""Cost of a row of the wish that gives way last: whoever asks for a size means it."""

FORBIDDEN: Final = 1e6
"""Cost of a row of slack where there may be none."""

SHOWN_WISHES: Final = 8
"""Conflicting wishes that an error names."""

SHOWN: Final = 5
"""Deviations of the nearest plan that an error names."""


@dataclass
class _Rows:
    """Rows of a program: entries (row, column, value), the right-hand side, each row's wish, its sign (<=, =, >=)."""

    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = field(
        default_factory=list[tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.float64]"]]
    )
    wanted: list[float] = field(default_factory=list[float])
    wish: list[str] = field(default_factory=list[str])
    sign: list[int] = field(default_factory=list[int])

    def add(self, wish: str, columns: NDArray[np.int64], values: NDArray[np.float64], wanted: float, sign: int) -> None:
        """Add a row: the sum of values x columns is at least (1), exactly (0) or at most (-1) what is wanted."""
        here = np.full(columns.size, len(self.wanted), np.int64)
        self.entries.append((here, columns.astype(np.int64), values.astype(np.float64)))
        self.wanted.append(wanted)
        self.wish.append(wish)
        self.sign.append(sign)


@dataclass(frozen=True)
class _Answer:
    """The nearest plan: its rows by stratum, how far each wish's rows are off, and the rows' dual values."""

    plan: NDArray[np.float64]
    slack: NDArray[np.float64]
    duals: NDArray[np.float64]
    rows: _Rows


def wishes_of(wish: Wish) -> list[str]:
    """Return the names of a wish's parts, in the recipe's order."""
    names = ["size"] if wish.size is not None else []
    names += ["min"] if wish.floor else []
    names += ["max"] if wish.ceiling is not None else []
    names += ["take_all"] if wish.take_all.any() else []
    for marginal in wish.marginals:
        names += [f"marginals.{marginal.name}.{value}" for value in marginal.values[:-1]]
    return names


def explain(counts: NDArray[np.int64], wish: Wish) -> str | None:
    """Return which wishes conflict and the nearest plan, as an error says it, or None when all of them can be met."""
    nearest = _solve(counts, wish, frozenset(wishes_of(wish)), dear="size")
    return None if _is_met(nearest, wish) else _told(counts, wish, conflict(counts, wish), nearest)


def conflict(counts: NDArray[np.int64], wish: Wish) -> list[str]:
    """Return an irreducible set of wishes, by name, of a wish that can't be met: by deletion in the recipe's order."""

    def feasible(wishes: frozenset[str]) -> bool:
        return _is_met(_solve(counts, wish, wishes), wish)

    names = wishes_of(wish)
    if len(names) > FEW_WISHES:
        nearest = _solve(counts, wish, frozenset(names))
        priced = {name for name, dual in zip(nearest.rows.wish, nearest.duals, strict=True) if abs(dual) > PRICED}
        suspects = [name for name in names if name in priced]
        names = names if feasible(frozenset(suspects)) else suspects
    return irreducible(names, feasible)


def relaxed(wish: Wish, found: Bounds) -> tuple[list[NDArray[np.float64]], int]:
    """Return the rows of each marginal that are nearest to what is wanted within the bounds, and their sum.

    With `shortfall: redistribute` the sum is the size; with `accept` no value has more than it wants, unless floors
    and whole strata have.
    """
    plan = _nearest(wish, found, exact=wish.shortfall == "redistribute")
    sums = [np.bincount(one.groups, plan, one.shares.size) for one in wish.marginals]
    rows: list[NDArray[np.float64]] = [np.asarray(np.round(one, 6), np.float64) for one in sums]
    return rows, round(float(plan.sum()))


def size_range(counts: NDArray[np.int64], wish: Wish) -> tuple[int, int]:
    """Return the fewest and the most rows in all that floors, ceilings, whole strata and marginals leave possible.

    Where shortfalls are no error, marginals leave all of them; so they do where no size is possible at all.
    """
    lower, upper = limits(counts, wish, frozenset(WISHES))
    least, most = max(1, int(lower.sum())), int(upper.sum())
    if wish.shortfall != "error" or not wish.marginals:
        return least, most
    from scipy import optimize, sparse  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs] - loads slowly

    solver: Any = optimize
    tools: Any = sparse
    parts: list[Any] = []
    for one in wish.marginals:
        held = tools.csr_array((np.ones(counts.size), (one.groups, np.arange(counts.size))))
        held.resize((one.shares.size, counts.size))
        parts.append(tools.hstack([held, tools.csr_array(-one.shares[:, None])]))
    total = tools.csr_array(np.append(np.ones(counts.size), -1.0)[None, :])
    matrix = tools.vstack([*parts, total])
    room = np.column_stack([np.append(lower, 0), np.append(upper, most)])
    ends: list[float] = []
    for sign in (1.0, -1.0):
        costs = np.append(np.zeros(counts.size), sign)
        found = solver.linprog(costs, A_eq=matrix, b_eq=np.zeros(matrix.shape[0]), bounds=room, method="highs")
        if found.x is None:
            return least, most
        ends.append(float(found.x[-1]))
    return max(least, math.ceil(ends[0] - TOLERANCE)), min(most, math.floor(ends[1] + TOLERANCE))


def _nearest(wish: Wish, found: Bounds, *, exact: bool) -> NDArray[np.float64]:
    """Return the plan within the bounds whose marginals are off by the fewest rows in all.

    With `exact` it has the size's rows; else as many as there can be with no marginal above what it wants.
    """
    strata = found.lower.size
    rows = _Rows()
    for one in wish.marginals:
        for place, share in enumerate(one.shares.tolist()):
            here = np.flatnonzero(one.groups == place)
            rows.add(one.name, here, np.ones(here.size), share * wish.rows(), 0 if exact else -1)
    number = len(rows.wanted)
    # Slacks cost a little more or less by their place: of plans that are equally near, one is the nearest.
    costs = 1 + 1e-3 * np.random.default_rng(0).random(number)
    room = np.column_stack([found.lower, found.upper]).astype(np.float64)
    rows.add("size", np.arange(strata), np.ones(strata), found.size, 0 if exact else -1)
    if exact:
        costs = np.concatenate([np.zeros(strata), costs, [FORBIDDEN], costs, [FORBIDDEN]])
    else:  # going above what is wanted is what may not be; more rows are better
        above = np.append(np.full(number, DEAR), FORBIDDEN)
        costs = np.concatenate([np.full(strata, -1.0), np.zeros(number + 1), above])
    plan, _, _ = _minimise(costs, rows, strata, room)
    return plan


def _minimise(
    costs: NDArray[np.float64], rows: _Rows, columns: int, room: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the columns, each row's slack (what is missing, less what is too much), and the rows' dual values.

    Every row reads: values x columns + missing - too much = wanted. `costs` are those of the columns, then of what is
    missing of each row, then of what is too much; `room` has the columns' lower and upper bounds.
    """
    # SciPy loads slowly, is seldom needed, and has no types.
    from scipy import optimize, sparse  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    number = len(rows.wanted)
    places = np.arange(number)
    parts = [*rows.entries, (places, columns + places, np.ones(number))]
    parts.append((places, columns + number + places, np.full(number, -1.0)))
    row, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    tools: Any = sparse
    matrix = tools.coo_array((value, (row, column)), shape=(number, columns + 2 * number)).tocsr()
    bounds = np.vstack([room, np.tile([0.0, np.inf], (2 * number, 1))])
    solver: Any = optimize
    result = solver.linprog(costs, A_eq=matrix, b_eq=np.array(rows.wanted), bounds=bounds, method="highs")
    if result.x is None:
        message = (
            f"internal: the linear program of {number:,} wishes has no answer ({result.message}). Please report this."
        )
        raise EvenlyError(message)
    found = np.asarray(result.x, np.float64)
    missing, above = found[columns : columns + number], found[columns + number :]
    return found[:columns], missing - above, np.asarray(result.eqlin.marginals, np.float64)


def _program(counts: NDArray[np.int64], wish: Wish, wishes: frozenset[str]) -> _Rows:
    """Return the rows of some wishes; the last column is the sum of all strata."""
    rows = _Rows()
    total = np.array([counts.size])
    one = np.ones(1)
    if "size" in wishes:
        rows.add("size", total, one, wish.rows(), 0)
    free = np.flatnonzero(~wish.take_all | ("take_all" not in wishes))
    for name, bound, sign in (("min", wish.floor, 1), ("max", wish.ceiling, -1)):
        if name in wishes and bound is not None:
            for stratum in free.tolist():
                rows.add(name, np.array([stratum]), one, bound, sign)
    if "take_all" in wishes:
        for stratum in np.flatnonzero(wish.take_all).tolist():
            rows.add("take_all", np.array([stratum]), one, int(counts[stratum]), 1)
    for marginal in wish.marginals:
        for place, value in enumerate(marginal.values[:-1]):
            name = f"marginals.{marginal.name}.{value}"
            if name in wishes:
                here = np.flatnonzero(marginal.groups == place)
                values = np.append(np.ones(here.size), -marginal.shares[place])
                rows.add(name, np.append(here, counts.size), values, 0.0, 0)
    return rows


def _solve(counts: NDArray[np.int64], wish: Wish, wishes: frozenset[str], dear: str = "") -> _Answer:
    """Return the plan that is off by the fewest rows when only some wishes hold; a `dear` one gives way last."""
    rows = _program(counts, wish, wishes)
    sign = np.append(rows.sign, 0)
    rows.add("total", np.arange(counts.size + 1), np.append(np.ones(counts.size), -1.0), 0.0, 0)
    names = np.array(rows.wish)
    cost = np.select([names == dear, names == "total"], [DEAR, FORBIDDEN], 1.0)  # what the strata sum to is no wish
    costs = np.concatenate([np.zeros(counts.size + 1), np.where(sign >= 0, cost, 0.0), np.where(sign <= 0, cost, 0.0)])
    room = np.column_stack([np.zeros(counts.size + 1), np.append(counts, np.inf)])
    plan, slack, duals = _minimise(costs, rows, counts.size + 1, room)
    # Where more is wanted than a floor, or less than a ceiling, the slack costs nothing and says nothing.
    slack = np.where(sign > 0, np.maximum(slack, 0), np.where(sign < 0, np.minimum(slack, 0), slack))
    rows.wish.pop()
    return _Answer(plan[:-1], slack[:-1], duals[:-1], rows)


def _is_met(answer: _Answer, wish: Wish) -> bool:
    return bool(np.abs(answer.slack).sum() <= max(TOLERANCE, FINEST * (wish.size or 1)))


def _told(counts: NDArray[np.int64], wish: Wish, names: Sequence[str], nearest: _Answer) -> str:
    size = wish.rows()
    parts = [_one(counts, wish, name) for name in names]
    off: dict[str, float] = {}
    for name, slack in zip(nearest.rows.wish, nearest.slack, strict=True):
        off[name] = off.get(name, 0.0) + slack
    shown = sorted(off.items(), key=lambda item: -abs(item[1]))
    far = [f"{name} {abs(slack):,.0f} {'fewer' if slack > 0 else 'more'}" for name, slack in shown if abs(slack) >= 0.5]  # noqa: PLR2004 - half a row
    more = f", and {len(far) - SHOWN} more wishes off" if len(far) > SHOWN else ""
    told = "; ".join(parts[:SHOWN_WISHES]) + (
        f"; and {len(parts) - SHOWN_WISHES} more wishes" if parts[SHOWN_WISHES:] else ""
    )
    together = "can't be met" if len(parts) == 1 else "can't be met together, but without any one of them the rest can"
    return (
        f"recipe.balance: {told}: {together}. Change one, or write `shortfall: redistribute` or `accept`."
        f"\n  nearest to {size:,} rows: {', '.join(far[:SHOWN])}{more}."
    )


def _one(counts: NDArray[np.int64], wish: Wish, name: str) -> str:
    """Return a wish as an error names it, with what there is."""
    if name == "size":
        return f"size {wish.rows():,}"
    if name == "min":
        return f"min {wish.floor:,} ({counts.size:,} strata)"
    if name == "max":
        return f"max {wish.ceiling or 0:,}"
    if name == "take_all":
        return f"take_all ({int(counts[wish.take_all].sum()):,} rows)"
    for marginal in wish.marginals:
        for place, value in enumerate(marginal.values[:-1]):
            if name == f"marginals.{marginal.name}.{value}":
                share = marginal.shares[place]
                there = int(counts[marginal.groups == place].sum())
                return f"{name} {share:.4g} ({share * wish.rows():,.0f} rows, {there:,} there)"
    return name
