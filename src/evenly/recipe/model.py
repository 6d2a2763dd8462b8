"""The recipe: what a user asks for, as typed, frozen data. Pure: no file is opened here.

`evenly.recipe.load` turns YAML into a `Recipe` and faults into texts; `evenly.recipe.needs` says what columns it reads.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from evenly.recipe.steps import Column, ColumnNames, Step, Strict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Policy = Literal["cap", "proportional", "equal", "power", "unimax", "target", "rake", "weighted"]

STRATUM_KINDS: Final = ("round", "width", "quantile", "log", "edges", "part", "other_below")
"""Keys that say what an axis makes of its values; it has one of them at most."""

INTERVALS: Final = frozenset({"round", "width", "quantile", "log", "edges"})
"""Those of them that look at numbers."""

Rows = Annotated[int, Field(ge=1, le=2**52)]


class GivenColumn(Strict):
    """A column that the data do not have: from the file's path, or one value for all records of the source.

    `from_path` is a regular expression on the file's absolute path; its first group is the value.
    """

    from_path: Annotated[str, Field(min_length=1)] | None = None
    value: str | None = None


class Source(Strict):
    """One source of records: files, how to name a record, and what its fields are to the recipe.

    A source without files is given its table from Python: `evenly.run(recipe, data={name: table})`.
    `rename` maps names in the data to the recipe's; all else, here and in the recipe, uses the recipe's names.
    `delimiter` and `encoding` of CSV files are found in their bytes where they are not named, and told when unusual.
    `id` names a column, or several that are hashed; without it the whole record is, with the columns given here.
    `drift` says what happens where files differ in a column, or it is not of the type that the recipe needs: `error`
    refuses the file, or a JSON or CSV row alone; `coerce` converts what it can, such as numbers as text; `null` makes
    null of the rest, and of a column that a file lacks. What is only passed through becomes text where it differs.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    files: ColumnNames = Field(default_factory=list[str])
    format: Literal["jsonl", "json", "csv", "parquet", "arrow"] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Annotated[str, Field(min_length=1)] | None = None
    id: ColumnNames = Field(default_factory=list[str])
    duplicate_ids: Literal["error", "drop"] = "error"
    drift: Literal["error", "coerce", "null"] = "error"
    rename: dict[Column, Column] = Field(default_factory=dict[str, str])
    columns: dict[Column, GivenColumn] = Field(default_factory=dict[str, GivenColumn])
    filter: Annotated[str, Field(min_length=1)] | None = None
    as_text: ColumnNames = Field(default_factory=list[str])


class Template(Strict):
    """The training example: prompt and completion (`{column:format}` stands for a value), or ready-made `messages`.

    `messages` names a column of conversations, lists of `{role, content}`; or several, whose turns follow each other.
    A recipe without a template takes the columns that its export format has: text; prompt and completion; messages.
    """

    prompt: Annotated[str, Field(min_length=1)] | None = None
    completion: str = ""
    messages: ColumnNames = Field(default_factory=list[str])


class Stratum(Strict):
    """One axis of the strata: a column's values, or what one of these keys makes of them.

    `round`: numbers rounded half to even to multiples of it. `width`: intervals of that width, from 0. `quantile`: so
    many intervals of equal numbers of records. `log`: intervals that grow by that factor. `edges`: the intervals
    between them (-.inf and .inf for open ends). `part`: of a date in ISO 8601, or of a number of seconds or
    milliseconds since 1970 (`unit`). `other_below`: values with fewer records than that, or a smaller share, are
    "other". Intervals hold their lower edge, not the upper one. The column `tokens` is the record's token count.
    Records outside min..max (of a rounded value, else of the value) or with a null are in no stratum; they are counted.
    """

    column: Column
    round: Annotated[float, Field(gt=0)] | None = None
    width: Annotated[float, Field(gt=0)] | None = None
    quantile: Annotated[int, Field(ge=2, le=10_000)] | None = None
    log: Annotated[float, Field(ge=1.01)] | None = None
    edges: Annotated[list[Annotated[float, Field(allow_inf_nan=True)]], Field(min_length=2)] | None = None
    part: Literal["year", "quarter", "month", "week", "day", "weekday", "hour"] | None = None
    unit: Literal["s", "ms"] | None = None
    other_below: Rows | Annotated[float, Field(gt=0, lt=1)] | None = None
    min: float | None = None
    max: float | None = None

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
    values: Annotated[dict[str, Annotated[float, Field(ge=0)]], Field(min_length=1)]
    default: Annotated[float, Field(ge=0)] = 1.0


class Density(Strict):
    """How rare a number is: one over the records in the interval of `width` that it lies in, to the power `alpha`."""

    column: Column
    width: Annotated[float, Field(gt=0)]
    alpha: Annotated[float, Field(gt=0)] = 1.0


class InverseDensity(Strict):
    """Weights that are larger where a numeric column has fewer records."""

    inverse_density: Density


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
    """A lognormal distribution: its median, and the standard deviation of the logarithm."""

    median: Annotated[float, Field(gt=0)]
    sigma: Annotated[float, Field(gt=0)]


class Distribution(Strict):
    """A wanted distribution, by one of these keys.

    `values`: shares of the selection by value, of which they sum to 1 at most; values that are not named share the
    rest as they are. For `target` over several axes a value is a stratum's name, as `evenly plan` shows it.
    `lognormal`: over the intervals of one numeric axis. `files`: as in another dataset, which has the same columns.
    """

    values: Annotated[dict[str, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1)] | None = None
    lognormal: Lognormal | None = None
    files: ColumnNames | None = None
    format: Literal["jsonl", "json", "csv", "parquet", "arrow"] | None = None


Wanted = Literal["uniform"] | Distribution


class Tokens(Strict):
    """A size in tokens: the most rows of the policy that cost at most that many."""

    tokens: Rows


class Balance(Strict):
    """How many records of each stratum are selected, and which are likelier within one.

    `policy` says what the quotas are, `size` how many rows in all, exactly (or `{tokens: …}`); `min` and `max` are
    rows that a stratum has at least and at most, `take_all` a condition on strata that are taken whole. `filter` is a
    condition on records: what it is not true for is in no stratum, as if it were not there. `weight` makes
    records likelier within a stratum. `shortfall` says what happens where strata hold less than is wanted: `error`,
    `redistribute` (others fill up) or `accept` (fewer rows). `stats` are named numbers over what `filter` leaves.
    """

    label: Column | None = None
    strata: list[Stratum] = Field(default_factory=list[Stratum])
    filter: Annotated[str, Field(min_length=1)] | None = None
    policy: Policy = "cap"
    cap: Rows | None = None
    size: Rows | Tokens | None = None
    alpha: Annotated[float, Field(ge=0, le=1)] | None = None
    epochs: Annotated[int, Field(ge=1, le=1000)] | None = None
    target: Wanted | None = None
    marginals: Annotated[dict[Column, Wanted], Field(min_length=1)] | None = None
    min: Rows | None = None
    max: Rows | None = None
    take_all: Annotated[str, Field(min_length=1)] | None = None
    weight: Weight | None = None
    stats: dict[Column, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict[str, str])
    shortfall: Literal["error", "redistribute", "accept"] = "error"


class Holdout(Strict):
    """Records that are set aside before anything is counted, the same under every seed, for tests.

    `fraction` is the share of the groups; a group is held out whole or not at all. `group` says what one is: `id`, each
    record by itself; `column`, the records that share a value of `column`; `exact`, those of equal texts; `near`, those
    whose texts are alike, as `near_unique` has it with `threshold` and `ngram`. The text is what the prompt shows, but
    for the label. Two tests are drawn of what is held out: `natural` rows in proportion to the strata (by default all),
    and `balanced` rows, the same number of each stratum as far as it has them (by default what the median stratum has).
    `strata` are those of the tests, by default the balance's. With `export` the tests are written with the dataset.
    """

    fraction: Annotated[float, Field(gt=0, le=0.4)]
    group: Literal["id", "column", "exact", "near"] = "id"
    column: Column | None = None
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    ngram: Annotated[int, Field(ge=1, le=100)] = 3
    strata: list[Stratum] = Field(default_factory=list[Stratum])
    natural: Rows | None = None
    balanced: Rows | None = None
    export: bool = True


class Workers(Strict):
    """Who does the work, whatever comes out: the selection and the files are the same.

    `workers` are processes or threads, one a core by default; `address` is a Ray cluster's for `--engine ray`
    (`host:6379`, or `auto` on one of its machines), without which Ray is started on this machine.
    """

    address: Annotated[str, Field(min_length=1)] | None = None
    workers: Annotated[int, Field(ge=1, le=100_000)] | None = None


class Card(Strict):
    """What a dataset card says that the data do not: licence, languages and origin of the raw data, tasks, tags.

    `license` is an id of the Hub's (`cc-by-4.0`, `other`, …), `language` are codes (`en`), `source` is a sentence or an
    address.
    """

    license: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")] | None = None
    language: list[Annotated[str, Field(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*$")]] = Field(
        default_factory=list[str]
    )
    source: Annotated[str, Field(min_length=1)] | None = None
    tasks: list[str] = Field(default_factory=lambda: ["text-generation"])
    tags: list[str] = Field(default_factory=list[str])


class Export(Strict):
    """What the output looks like; `token_limit` is what a conversation may cost where the host has a limit."""

    format: Literal["text", "prompt-completion", "messages"] = "text"
    files: Literal["parquet", "jsonl"] = "parquet"
    keep: ColumnNames = Field(default_factory=list[str])
    shard_rows: Rows = 100_000
    ledger: bool = True
    report: bool = True
    token_limit: Rows | None = None


Share = Rows | Annotated[float, Field(gt=0, le=1)]


class Split(BaseModel):
    """The splits: name -> rows (a whole number) or share of the selection (a fraction); `lite` has subsets of them."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, Share] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride] - pydantic's way to type extra keys

    lite: dict[str, Rows] | None = None

    @property
    def shares(self) -> dict[str, int | float]:
        """The splits in the recipe's order: name -> rows or share."""
        return dict(self.__pydantic_extra__)


def _all_train() -> Split:
    return Split.model_validate({"train": 1.0})


NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
"""What names a recipe or a variant: it may become the name of a folder."""

READY_MADE: Final = {
    "text": Template(prompt="{text}"),
    "prompt-completion": Template(prompt="{prompt}", completion="{completion}"),
    "messages": Template(messages=["messages"]),
}
"""Output format -> the template of a recipe that gives none: the data hold such examples."""


class Recipe(Strict):
    """A whole recipe. Read one with `Recipe.from_file`, `from_text` or `from_dict`.

    `variants` are other recipes for an ablation, each by what differs, see `evenly.recipe.variants`; `train_weight:
    design` lets an ablation train on the design weights. Neither changes what a run selects.
    """

    name: Annotated[str, Field(pattern=NAME)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    tokenizer: Annotated[str, Field(min_length=1)] | None = None
    sources: Annotated[list[Source], Field(min_length=1)]
    curate: list[Step] = Field(default_factory=list[Step])
    template: Template = READY_MADE["text"]
    balance: Balance
    split: Split = Field(default_factory=_all_train)
    holdout: Holdout | None = None
    variants: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] | None = None
    train_weight: Literal["equal", "design"] = "equal"
    export: Export = Export()
    card: Card | None = None
    engine: Workers = Workers()
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01

    @model_validator(mode="before")
    @classmethod
    def _ready_made(cls, data: Any) -> Any:  # noqa: ANN401 - not checked yet
        """Give a recipe without a template that of its export format."""
        if not isinstance(data, dict) or "template" in data:
            return data  # pyright: ignore[reportUnknownVariableType]
        given = cast("dict[str, Any]", data)
        export = cast("dict[str, Any]", given["export"]) if isinstance(given.get("export"), dict) else {}
        template = READY_MADE.get(str(export.get("format")), READY_MADE["text"])
        return {**given, "template": template.model_dump()}

    @classmethod
    def from_file(cls, path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
        """Read a YAML file; `overrides` are `a.b.0=value` texts. Relative files are taken from the recipe's folder.

        Raises:
            RecipeError: with every fault found.
        """
        from evenly.recipe.load import read_recipe  # noqa: PLC0415 - load builds on this module

        return read_recipe(path, overrides)

    @classmethod
    def from_text(cls, text: str, overrides: Sequence[str] = ()) -> Recipe:
        """Read YAML text; relative files are taken from the working folder.

        Raises:
            RecipeError: with every fault found.
        """
        from evenly.recipe.load import parse_recipe  # noqa: PLC0415 - load builds on this module

        return parse_recipe(text, overrides)

    @classmethod
    def from_dict(cls, data: dict[str, Any], overrides: Sequence[str] = ()) -> Recipe:
        """Check plain data of a recipe's shape; it is not changed by the overrides.

        Raises:
            RecipeError: with every fault found.
        """
        from evenly.recipe.load import override_and_build  # noqa: PLC0415 - load builds on this module

        return override_and_build(data, overrides)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole recipe, defaults resolved, as plain data that `from_dict` takes."""
        return self.model_dump(mode="json", exclude_none=True)

    def fingerprint(self) -> str:
        """Return the sha256 of what the recipe asks for, wherever its files lie, whoever does the work and shows it."""
        data = self.to_dict()
        for source in data["sources"]:
            del source["files"]
        data.pop("tokenizer", None)
        for key in ("engine", "variants", "train_weight", "card"):
            data.pop(key, None)
        data["export"].pop("report")
        return hashlib.sha256(json.dumps(data, ensure_ascii=False).encode()).hexdigest()
