"""Wanted distributions as shares of strata (`target`) and of an axis' values (`rake`).

A distribution is uniform, lognormal, a table, or what another dataset's census shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import STRATUM
from evenly.core.allocate import AllocationError, Marginal
from evenly.core.strata import axis_name
from evenly.errors import choices_line, did_you_mean
from evenly.recipe.balance import Distribution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.core.axes import Axis
    from evenly.recipe.balance import Lognormal, Wanted

TARGET: Final = "target"
"""Name of the policy target's distribution among the datasets that a recipe compares with; marginals have theirs."""

REST: Final = "(the rest)"

ROUNDING: Final = 1e-9
"""By which shares of a table may miss 1."""


@dataclass(frozen=True)
class Shares:
    """Wanted shares: `named` name -> share; the names that have none share the rest as they are."""

    named: dict[str, float]

    @property
    def rest(self) -> float:
        """What the named ones leave."""
        rest = 1.0 - math.fsum(self.named.values())
        return rest if rest > ROUNDING else 0.0


def target_shares(
    wanted: Wanted, census: pl.DataFrame, axes: Sequence[Axis], other: pl.DataFrame | None, whole: NDArray[np.bool_]
) -> Shares:
    """Return the wanted share of each stratum, by name; `whole` are the strata that have none, being taken whole."""
    kept = census.filter(pl.Series(~whole))
    if isinstance(wanted, Distribution) and wanted.lognormal is not None:
        return _lognormal(wanted.lognormal, kept[axis_name(axes[0].column)], kept[STRATUM].to_list(), axes[0])
    taken = set(census.filter(pl.Series(whole))[STRATUM].to_list())
    counts = None if other is None else dict(zip(other[STRATUM].to_list(), other["rows"].to_list(), strict=True))
    floats = len(axes) == 1 and census[axis_name(axes[0].column)].dtype.is_float()
    found = _shares(wanted, kept[STRATUM].to_list(), counts, taken, floats=floats)
    return Shares({name: share for name, share in found.named.items() if name not in taken})


def marginal(wanted: Wanted, census: pl.DataFrame, axis: Axis, other: pl.DataFrame | None, *, strict: bool) -> Marginal:
    """Return the wanted shares of an axis' values and which of them each stratum has.

    Raises:
        AllocationError: when `strict`, for a value that no record of the pool has.
    """
    values = census[axis_name(axis.column)]
    names = axis.names(values)
    present = sorted(set(names.drop_nulls().to_list()))
    where = f"recipe.balance.marginals.{axis.column}"
    if isinstance(wanted, Distribution) and wanted.lognormal is not None:
        first = pl.DataFrame({"value": values, "name": names}).unique("name").drop_nulls().sort("name")
        shares = _lognormal(wanted.lognormal, first["value"], first["name"].to_list(), axis)
    else:
        counts = None
        if other is not None:
            table = pl.DataFrame({"name": axis.names(other[axis_name(axis.column)]), "rows": other["rows"]})
            counts = {
                str(name): int(rows) for name, rows in table.group_by("name").agg(pl.col("rows").sum()).iter_rows()
            }
        shares = _shares(wanted, present, counts, set(), floats=values.dtype.is_float())
    if strict:
        refuse_absent(shares, present, where)
        _refuse_lost(shares, present, where)
    order = {name: place for place, name in enumerate(shares.named)}
    groups = np.array([order.get(str(name), len(order)) for name in names.to_list()], np.int64)
    return Marginal(axis.column, groups, (*shares.named, REST), np.array([*shares.named.values(), shares.rest]))


def refuse_absent(shares: Shares, present: Sequence[str], where: str) -> None:
    """Refuse a share of what the pool does not have.

    Raises:
        AllocationError: naming it, with what was probably meant.
    """
    have = set(present)
    for name, share in shares.named.items():
        if share > 0 and name not in have:
            message = (
                f"{where}: {share:g} of the rows are to be '{name}', and no record of the pool is."
                f"{did_you_mean(name, present)} Or write `shortfall: redistribute`.{choices_line('values', present)}"
            )
            raise AllocationError(message)


def _refuse_lost(shares: Shares, present: Sequence[str], where: str) -> None:
    if shares.rest and set(present) <= set(shares.named):
        message = (
            f"{where}: the shares sum to {1 - shares.rest:.6g}, and every value that there is has one, so that nothing "
            f"could have the other {shares.rest:.6g}. Make them sum to 1, or leave a value out: it takes the rest."
        )
        raise AllocationError(message)


def _shares(
    wanted: Wanted, present: Sequence[str], counts: Mapping[str, int] | None, taken: set[str], *, floats: bool
) -> Shares:
    if counts is not None:
        counts = {name: rows for name, rows in counts.items() if name not in taken}
        total = sum(counts.values())
        return Shares({name: rows / total for name, rows in sorted(counts.items()) if total})
    if isinstance(wanted, Distribution) and wanted.values is not None:
        there = set(present)
        return Shares({_as_present(name, there) if floats else name: share for name, share in wanted.values.items()})
    return Shares(dict.fromkeys(present, 1.0 / max(1, len(present))))


def _as_present(name: str, present: set[str]) -> str:
    """Return the name of a column of floats as the pool shows it: a whole number has `.0` behind it."""
    if name in present:
        return name
    return next((one for one in (f"{name}.0", name.removesuffix(".0")) if one in present), name)


def _lognormal(wanted: Lognormal, values: pl.Series, names: Sequence[str], axis: Axis) -> Shares:
    """Return the distribution's share of each interval, of what lies in any of them."""
    low, high = axis.intervals(values)
    parts = [
        max(0.0, _below(one, wanted) - _below(other, wanted))
        for one, other in zip(high.tolist(), low.tolist(), strict=True)
    ]
    total = math.fsum(parts)
    if not total:
        message = (
            f"recipe.balance: a lognormal of median {wanted.median:g} and sigma {wanted.sigma:g} has nothing in the "
            f"strata of '{axis.column}'. Change the median."
        )
        raise AllocationError(message)
    return Shares({name: part / total for name, part in zip(names, parts, strict=True)})


def _below(value: float, wanted: Lognormal) -> float:
    """Return the share of a lognormal distribution below a value."""
    if value <= 0:
        return 0.0
    if math.isinf(value):
        return 1.0
    return 0.5 * (1 + math.erf((math.log(value) - math.log(wanted.median)) / (wanted.sigma * math.sqrt(2))))
