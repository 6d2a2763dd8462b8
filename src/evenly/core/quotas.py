"""From a census to the plan: which strata are taken whole, each one's quota, and what set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from evenly.columns import STRATUM
from evenly.core.allocate import POLICIES, AllocationError, Wish, size_range
from evenly.core.hashing import hashed
from evenly.core.strata import axis_name
from evenly.core.survey import Facts, plain_axes
from evenly.core.targets import REST, TARGET, marginal, refuse_absent, target_shares
from evenly.recipe.balance import TokenSize
from evenly.recipe.expression import parse_expression, to_polars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from evenly.core.allocate import Marginal
    from evenly.core.targets import Shares
    from evenly.recipe.model import Recipe

OWN_BOUND: Final = {"cap": "cap", "target": "target", "rake": "marginals", "weighted": "size"}
"""Policy -> what sets a quota that nothing else bounds; `share` for those that share out in proportion."""

TRUTHS: Final = ("true", "false", "t", "f", "yes", "no", "y", "n", "on", "off", "1", "0")
"""What a column may hold that stands for a condition by itself."""

Others = dict[str, pl.DataFrame]
"""Name of a wanted distribution (`target`, or a marginal's column) -> census of the dataset that it is taken from."""

NO_OTHERS: Final[Mapping[str, pl.DataFrame]] = {}


def with_quotas(
    census: pl.DataFrame,
    recipe: Recipe,
    facts: Facts | None = None,
    others: Mapping[str, pl.DataFrame] = NO_OTHERS,
    size: int | None = None,
) -> pl.DataFrame:
    """Return the census with what is drawn of each stratum; a stratum that is wanted but not there has a row too.

    `size` stands for the recipe's own, where that is in tokens. Columns added:
        `take_all` Boolean; `quota` Int64, records; `repeated` Int64, rows besides them that repeat one (unimax);
        `wanted` Int64, rows that were asked for: more than there are where the stratum falls short;
        `bound` String: `take_all`, `capacity` (all that is there), `floor`, `ceiling`, or what the policy's own rule is
        (`cap`, `share`, `target`, `marginals`, `size`); `no_variance` Boolean.

    Raises:
        AllocationError: when the wishes can't be met together.
    """
    balance = recipe.balance
    facts = facts or Facts(plain_axes(balance.strata))
    whole = _take_all(census, recipe, facts)
    shares = _target(census, recipe, facts, others, whole.to_numpy())
    if shares is not None:
        census, whole = _with_absent(census, whole, shares)
    wish = _wish(census, recipe, whole.to_numpy(), size, shares, _marginals(census, recipe, facts, others))
    hashes = census.select(hashed(STRATUM, "allocate"))[STRATUM].to_numpy()
    counts = census["eligible"].cast(pl.Int64).to_numpy()
    found = POLICIES[balance.policy](counts, hashes, wish)
    records = np.minimum(found.quotas, counts)
    planned = census.with_columns(
        whole,
        pl.Series("quota", records, dtype=pl.Int64),
        pl.Series("repeated", found.quotas - records, dtype=pl.Int64),
        pl.Series("wanted", found.wanted, dtype=pl.Int64),
    )
    return planned.with_columns(_bound(recipe, wish.epochs).alias("bound"), _no_variance().alias("no_variance"))


def possible_sizes(
    census: pl.DataFrame, recipe: Recipe, facts: Facts, others: Mapping[str, pl.DataFrame] = NO_OTHERS
) -> tuple[int, int]:
    """Return the fewest and the most rows that a recipe's balance could give, whatever its size."""
    whole = _take_all(census, recipe, facts).to_numpy()
    wish = _wish(census, recipe, whole, None, None, _marginals(census, recipe, facts, others))
    return size_range(census["eligible"].cast(pl.Int64).to_numpy(), wish)


def marginals_met(
    planned: pl.DataFrame, recipe: Recipe, facts: Facts, others: Mapping[str, pl.DataFrame] = NO_OTHERS
) -> pl.DataFrame:
    """Return how a plan meets each wanted marginal: `axis`, `value` String, `wanted` Float64 and `rows` Int64."""
    drawn = planned["quota"].to_numpy()
    size = recipe.balance.size
    rows = size if isinstance(size, int) else int(drawn.sum())
    tables = [
        pl.DataFrame(
            {
                "axis": [one.name] * len(one.values),
                "value": list(one.values),
                "wanted": one.shares * rows,
                "rows": np.bincount(one.groups, drawn, len(one.values)).astype(np.int64),
            }
        )
        for one in _marginals(planned, recipe, facts, others)
    ]
    schema = {"axis": pl.String(), "value": pl.String(), "wanted": pl.Float64(), "rows": pl.Int64()}
    found = pl.concat(tables) if tables else pl.DataFrame(schema=schema)
    return found.filter((pl.col("value") != REST) | (pl.col("wanted") > 0))


def _wish(
    census: pl.DataFrame,
    recipe: Recipe,
    whole: NDArray[np.bool_],
    size: int | None,
    shares: Shares | None,
    marginals: tuple[Marginal, ...],
) -> Wish:
    balance = recipe.balance
    if size is None and not isinstance(balance.size, TokenSize):
        size = balance.size
    by_stratum = None
    if shares is not None:
        rest = 0.0 if shares.rest == 0 else np.nan
        by_stratum = np.array([shares.named.get(name, rest) for name in census[STRATUM].to_list()], np.float64)
    return Wish(
        whole,
        size=size,
        cap=balance.cap,
        floor=balance.min or 0,
        ceiling=balance.max,
        alpha=1.0 if balance.alpha is None else balance.alpha,
        epochs=balance.epochs or 1 if balance.policy == "unimax" else 1,
        shares=by_stratum,
        marginals=marginals,
        shortfall=balance.shortfall,
    )


def _target(
    census: pl.DataFrame, recipe: Recipe, facts: Facts, others: Mapping[str, pl.DataFrame], whole: NDArray[np.bool_]
) -> Shares | None:
    wanted = recipe.balance.target
    if wanted is None:
        return None
    shares = target_shares(wanted, census, facts.axes, others.get(TARGET), whole)
    if recipe.balance.shortfall == "error":
        refuse_absent(shares, census[STRATUM].to_list(), "recipe.balance.target")
    return shares


def _with_absent(census: pl.DataFrame, whole: pl.Series, shares: Shares) -> tuple[pl.DataFrame, pl.Series]:
    """Add a row without records for each stratum that has a share and is not in the pool."""
    have = set(census[STRATUM].to_list())
    absent = [name for name, share in shares.named.items() if share > 0 and name not in have]
    if not absent:
        return census, whole
    rows = pl.DataFrame({STRATUM: absent, "rows": [0] * len(absent), "eligible": [0] * len(absent)})
    rows = rows.cast({"rows": pl.UInt64, "eligible": pl.UInt64})
    joined = pl.concat([census, rows], how="diagonal")
    return joined, whole.extend_constant(value=False, n=len(absent))


def _marginals(
    census: pl.DataFrame, recipe: Recipe, facts: Facts, others: Mapping[str, pl.DataFrame]
) -> tuple[Marginal, ...]:
    axes = {axis.column: axis for axis in facts.axes}
    strict = recipe.balance.shortfall == "error"
    return tuple(
        marginal(wanted, census, axes[column], others.get(column), strict=strict)
        for column, wanted in (recipe.balance.marginals or {}).items()
    )


def _bound(recipe: Recipe, epochs: int) -> pl.Expr:
    balance = recipe.balance
    rows = pl.col("quota") + pl.col("repeated")
    own = OWN_BOUND.get(balance.policy, "share")
    return (
        pl.when(pl.col("take_all"))
        .then(pl.lit("take_all"))
        .when(rows >= pl.col("eligible").cast(pl.Int64) * epochs)
        .then(pl.lit("capacity"))
        .when(rows == (balance.min or -1))
        .then(pl.lit("floor"))
        .when(rows == (balance.max or -1))
        .then(pl.lit("ceiling"))
        .otherwise(pl.lit(own))
    )


def _take_all(census: pl.DataFrame, recipe: Recipe, facts: Facts) -> pl.Series:
    """Return which strata are taken whole; a null answer (SQL's unknown) takes nothing whole."""
    text = recipe.balance.take_all
    if text is None:
        return pl.Series("take_all", [False], dtype=pl.Boolean).new_from_index(0, census.height)
    values = census.select(
        *[pl.col(axis_name(axis.column)).alias(axis.column) for axis in recipe.balance.strata],
        *[pl.lit(value).alias(name) for name, value in facts.stats.items()],
    )
    parsed = parse_expression(text, "boolean")
    for name in parsed.boolean_columns:
        found = values[name].drop_nulls().cast(pl.String).str.to_lowercase().str.strip_suffix(".0")
        if not found.is_in(list(TRUTHS)).all():  # a CSV's `true` is text, and a truth all the same
            message = (
                f"recipe.balance.take_all: '{name}' is {'text' if values.schema[name] == pl.String else 'a number'}, "
                f"expected a condition such as `{name} = …`."
            )
            raise AllocationError(message)
    answer = to_polars(parsed).fill_null(value=False)
    return values.with_columns(answer.alias("take_all"))["take_all"]  # with_columns: an answer without a column is one


def _no_variance() -> pl.Expr:
    """Return which strata select one of several records of unequal weight: they have no finite variance."""
    return (pl.col("quota") == 1) & (pl.col("weight_min") != pl.col("weight_max")) & (pl.col("eligible") > 1)
