"""A part of `evenly.recipe.model`: the balance, with strata, policy, size, weights, wanted distributions.

The sentence below a key is its documentation: editors get it with the schema, readers with the reference.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from evenly.recipe.steps import Column, ColumnNames, FileFormat, Strict

Policy = Literal["cap", "proportional", "equal", "power", "unimax", "target", "rake", "weighted"]

STRATUM_KINDS: Final = ("round", "width", "quantile", "log", "edges", "part", "other_below")
"""Keys that say what an axis makes of its values; it has one of them at most."""

INTERVALS: Final = frozenset({"round", "width", "quantile", "log", "edges"})
"""Those of them that look at numbers."""

Rows = Annotated[int, Field(ge=1, le=2**52)]


class Stratum(Strict):
    """One axis of the strata: a column's values, or what one of `round` to `other_below` makes of them.

    Intervals hold their lower edge, not the upper one. A record whose value is null, or outside min..max, is in no
    stratum, and counted as such.
    """

    column: Column
    """The column whose values part the records; `tokens` is a record's token count, `source` its source's name."""
    round: Annotated[float, Field(gt=0)] | None = None
    """Numbers are rounded to multiples of this, halves to the even one."""
    width: Annotated[float, Field(gt=0)] | None = None
    """Numbers fall into intervals of this width, counted from 0."""
    quantile: Annotated[int, Field(ge=2, le=10_000)] | None = None
    """Numbers fall into so many intervals that hold equal numbers of records."""
    log: Annotated[float, Field(ge=1.01)] | None = None
    """Numbers fall into intervals that grow by this factor."""
    edges: Annotated[list[Annotated[float, Field(allow_inf_nan=True)]], Field(min_length=2)] | None = None
    """Numbers fall into the intervals between these; `-.inf` and `.inf` are open ends."""
    part: Literal["year", "quarter", "month", "week", "day", "weekday", "hour"] | None = None
    """The part of a date that counts; a date is text in ISO 8601, or a number with `unit`."""
    unit: Literal["s", "ms"] | None = None
    """What a date that is a number counts since 1970: seconds or milliseconds."""
    other_below: Rows | Annotated[float, Field(gt=0, lt=1)] | None = None
    """Values with fewer records than this, or a smaller share of them, are one stratum: `other`."""
    min: float | None = None
    """Records with a smaller value are in no stratum; with `round` it is the rounded value that counts."""
    max: float | None = None
    """Records with a larger value are in no stratum; with `round` it is the rounded value that counts."""

    @property
    def kind(self) -> str:
        """Return the key that says what is made of the values, or `value`."""
        return next((kind for kind in STRATUM_KINDS if getattr(self, kind) is not None), "value")

    @property
    def numeric(self) -> bool:
        """Say whether the axis looks at numbers."""
        return self.kind in INTERVALS or self.unit is not None or (self.min is not None or self.max is not None)


class WeightTable(Strict):
    """Relative weights by a column's value."""

    column: Column
    """The column whose value a record's weight goes by."""
    values: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    """Value -> weight; a weight of 0 is never drawn."""
    default: Annotated[float, Field(ge=0)] = 1.0
    """The weight of values that the table does not name."""


class Density(Strict):
    """How rare a number is: one over the records in its interval, to a power."""

    column: Column
    """The column of numbers; `tokens` is a record's token count."""
    width: Annotated[float, Field(gt=0)]
    """The width of the intervals in which records are counted."""
    alpha: Annotated[float, Field(gt=0)] = 1.0
    """The power: 1 evens the numbers out as far as there are records, 0.5 goes half the way."""


class InverseDensity(Strict):
    """Weights that are larger where a numeric column has fewer records."""

    inverse_density: Density
    """Weigh a record by how few others have a number near its own."""


def _weight_kind(weight: object) -> str:
    """Return which kind of weight is meant, so that its faults alone are told."""
    if isinstance(weight, InverseDensity) or (isinstance(weight, dict) and "inverse_density" in weight):
        return "inverse_density"
    return "table" if isinstance(weight, dict | WeightTable) else "expression"


Weight = Annotated[
    Annotated[WeightTable, Tag("table")]
    | Annotated[InverseDensity, Tag("inverse_density")]
    | Annotated[str, Field(min_length=1), Tag("expression")],
    Discriminator(_weight_kind),
]


class Lognormal(Strict):
    """A lognormal distribution over the intervals of one numeric axis."""

    median: Annotated[float, Field(gt=0)]
    """Half of the selection is below this number."""
    sigma: Annotated[float, Field(gt=0)]
    """The standard deviation of the number's logarithm."""


class Distribution(Strict):
    """A wanted distribution, by one of `values`, `lognormal` and `files`."""

    values: Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)] | None = None
    """Value -> share of the selection; together 1 at most, and values that are not named share the rest as they are.

    For `target` over several axes a value is a stratum's name, as `evenly plan` shows it.
    """
    lognormal: Lognormal | None = None
    """The shape of a lognormal distribution, over one axis of numbers."""
    files: ColumnNames | None = None
    """As in other data, which have the same columns: paths or globs, taken from the recipe's folder."""
    format: FileFormat | None = None
    """What the `files` are, where their names do not say it."""


Wanted = Literal["uniform"] | Distribution


class TokenSize(Strict):
    """A size in tokens."""

    tokens: Rows
    """The most rows of the policy that cost at most so many tokens."""


class Balance(Strict):
    """How many records of each stratum are selected, and which are likelier within one."""

    label: Column | None = None
    """The column that is learned; charts, measures and the report are about it."""
    strata: list[Stratum] = Field(default_factory=list[Stratum])
    """The axes that part the pool into strata; several are crossed."""
    filter: Annotated[str, Field(min_length=1)] | None = None
    """A condition on records; one that it is not true for is in no stratum, as if it were not there."""
    policy: Policy = "cap"
    """How the quotas follow from the strata's sizes."""
    cap: Rows | None = None
    """Under policy `cap`: the most records of one stratum."""
    size: Rows | TokenSize | None = None
    """How many rows are selected in all, exactly; or `{tokens: …}`."""
    alpha: Annotated[float, Field(ge=0, le=1)] | None = None
    """Under policy `power`: quotas go with N to this power, from 1 (as the pool is) to 0 (equal)."""
    epochs: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Under policy `unimax`: how often a record may be in the output at most."""
    target: Wanted | None = None
    """Under policy `target`: the wanted distribution over the strata; `uniform` is one."""
    marginals: Annotated[dict[Column, Wanted], Field(min_length=1)] | None = None
    """Under policy `rake`: axis -> the wanted distribution of its values, all met at once."""
    min: Rows | None = None
    """Rows that every stratum has at least."""
    max: Rows | None = None
    """Rows that every stratum has at most."""
    take_all: Annotated[str, Field(min_length=1)] | None = None
    """A condition on a stratum's values; strata that meet it are taken whole."""
    weight: Weight | None = None
    """Which records are likelier within their stratum: an expression, a table by value, or `inverse_density`."""
    stats: dict[Column, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict[str, str])
    """Name -> a number over the pool that `weight` and `take_all` may use, such as `max(price)`."""
    shortfall: Literal["error", "redistribute", "accept"] = "error"
    """What happens where strata hold less than is wanted: `error`, others fill up, or there are fewer rows."""
