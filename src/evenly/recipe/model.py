"""The recipe: what a user asks for, as typed, frozen data. Pure: no file is opened here.

`evenly.recipe.load` turns YAML into a `Recipe` and faults into texts; `evenly.recipe.needs` says what columns it reads.
The sentence below a key is its documentation: editors get it with the schema, readers with the reference.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evenly.recipe.balance import Balance, Rows, Stratum
from evenly.recipe.steps import Column, ColumnNames, FileFormat, Step, Strict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class GivenColumn(Strict):
    """A column that the data do not have: from the file's path, or one value for all records of the source."""

    from_path: Annotated[str, Field(min_length=1)] | None = None
    """A regular expression on the file's absolute path; its first group is the value."""
    value: str | None = None
    """The value that all records of the source have."""


class Source(Strict):
    """One source of records: files, how to name a record, and what its fields are to the recipe."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    """What the source is called: in messages, in the column `source`, and in ids where a recipe has several sources."""
    files: ColumnNames = Field(default_factory=list[str])
    """Paths, globs, folders of `datasets`, or addresses (`hf://`, `s3://`, `gs://`), taken from the recipe's folder.

    A source without files is given its table from Python: `evenly.run(recipe, data={name: table})`.
    """
    format: FileFormat | None = None
    """What the files are, where their names do not say it."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What stands between the fields of CSV files; without it, it is found in their bytes, and told when unusual."""
    encoding: Annotated[str, Field(min_length=1)] | None = None
    """The encoding of CSV files; without it, it is found in their bytes, and told when unusual."""
    id: ColumnNames = Field(default_factory=list[str])
    """The column that names a record, or several that are hashed; without it the whole record is."""
    duplicate_ids: Literal["error", "drop"] = "error"
    """What happens where records have one id: `error`, or all are dropped but the one with the smallest hash."""
    drift: Literal["error", "coerce", "null"] = "error"
    """What happens where files differ in a column, or it is not of the type that the recipe needs.

    `error` refuses the file, or a row of JSON or CSV alone; `coerce` converts what it can, such as numbers as text;
    `null` makes null of the rest, and of a column that a file lacks. What is only passed through becomes text where
    it differs.
    """
    rename: dict[Column, Column] = Field(default_factory=dict[str, str])
    """Name in the data -> name in the recipe; everything else uses the recipe's names."""
    columns: dict[Column, GivenColumn] = Field(default_factory=dict[str, GivenColumn])
    """Columns that the data do not have -> where their value comes from."""
    filter: Annotated[str, Field(min_length=1)] | None = None
    """A condition on records as they are read; others are dropped, under `NAME.filter`."""
    as_text: ColumnNames = Field(default_factory=list[str])
    """Columns whose values, objects and lists among them, are taken as their JSON text."""


class Template(Strict):
    """The training example: prompt and completion, or ready-made messages.

    A recipe without a template takes the columns that its export format has: text; prompt and completion; messages.
    """

    prompt: Annotated[str, Field(min_length=1)] | None = None
    """What the model is shown; `{column}` or `{column:format}` stands for a value."""
    completion: str = ""
    """What the model is to answer; `{column}` or `{column:format}` stands for a value."""
    messages: ColumnNames = Field(default_factory=list[str])
    """A column of conversations, lists of `{role, content}`; or several, whose turns follow each other."""


class Holdout(Strict):
    """Records that are set aside before anything is counted, the same under every seed, for tests."""

    fraction: Annotated[float, Field(gt=0, le=0.4)]
    """The share of the groups that is set aside; a group is held out whole or not at all."""
    group: Literal["id", "column", "exact", "near"] = "id"
    """What a group is: one record (`id`), those that share a value (`column`), have `exact` or `near` texts.

    The text is what the prompt shows, but for the label.
    """
    column: Column | None = None
    """For `group: column`: the column whose value a group shares."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """For `group: near`: texts are alike from this share of equal word runs on."""
    ngram: Annotated[int, Field(ge=1, le=100)] = 3
    """For `group: near`: words of the runs that are compared."""
    strata: list[Stratum] = Field(default_factory=list[Stratum])
    """The strata of the tests; by default the balance's."""
    natural: Rows | None = None
    """Rows of the test that is as the pool is, in proportion to the strata; by default all that is held out."""
    balanced: Rows | None = None
    """Rows of the test with the same number of each stratum; by default of each what the median stratum has."""
    export: bool = True
    """Write the tests with the dataset, to `holdout/`."""


class Workers(Strict):
    """Who does the work; what comes out is the same."""

    address: Annotated[str, Field(min_length=1)] | None = None
    """For `--engine ray`: a cluster (`host:6379`, or `auto` on one of its machines); without it Ray starts here."""
    workers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many processes or threads work at once; by default one a core, as far as memory allows."""


class Card(Strict):
    """What a dataset card says that the data do not."""

    license: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.+-]*$")] | None = None
    """The licence, as an id of the Hub's: `cc-by-4.0`, `other`, …"""
    language: list[Annotated[str, Field(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{1,8})*$")]] = Field(
        default_factory=list[str]
    )
    """The languages of the texts, as codes."""
    source: Annotated[str, Field(min_length=1)] | None = None
    """Where the raw data come from: a sentence or an address."""
    tasks: list[str] = Field(default_factory=lambda: ["text-generation"])
    """The Hub's categories of tasks that the set is for."""
    tags: list[str] = Field(default_factory=list[str])
    """Other words under which the Hub finds the set."""


class Export(Strict):
    """What the output looks like."""

    format: Literal["text", "prompt-completion", "messages"] = "text"
    """The columns that hold an example: `text`, `prompt` and `completion`, or `messages`."""
    files: Literal["parquet", "jsonl"] = "parquet"
    """What the data files are."""
    keep: ColumnNames = Field(default_factory=list[str])
    """Columns of the pool that go into the output as they are, besides the label."""
    shard_rows: Rows = 100_000
    """Rows of one data file at most."""
    ledger: bool = True
    """Write `ledger/`, which `why` and `verify` read."""
    report: bool = True
    """Write `report.html` and `charts/`."""
    token_limit: Rows | None = None
    """Tokens that a conversation may cost where it is to be trained on; the manifest counts those that cost more."""


Share = Rows | Annotated[float, Field(gt=0, le=1)]


class Split(BaseModel):
    """The splits: name -> rows (a whole number) or share of the selection (a fraction), in the order of the recipe."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, allow_inf_nan=False)
    __pydantic_extra__: dict[str, Share] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride] - pydantic's way to type extra keys

    lite: dict[str, Rows] | None = None
    """Split -> rows of a smaller version of it, the first of its rows, written to `lite/` as a second configuration."""

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
    """A whole recipe. Read one with `Recipe.from_file`, `from_text` or `from_dict`."""

    name: Annotated[str, Field(pattern=NAME)]
    """What the recipe is called; the output's folder has this name unless `--out` says another."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42
    """What the draw and the order of rows follow from; another seed is another selection of the same design."""
    tokenizer: Annotated[str, Field(min_length=1)] | None = None
    """What counts tokens: a vocabulary that comes with a package, the path of a tokenizer.json, or an id on the Hub."""
    sources: Annotated[list[Source], Field(min_length=1)]
    """Where the records come from; several sources make one pool."""
    curate: list[Step] = Field(default_factory=list[Step])
    """The steps that clean and drop records, in this order."""
    template: Template = READY_MADE["text"]
    """What an example is made of; without it, the data hold examples in the columns of `export.format`."""
    balance: Balance
    """How many records of each stratum are selected, and which."""
    split: Split = Field(default_factory=_all_train)
    """Split -> rows, or share of the selection; by default all of it is `train`."""
    holdout: Holdout | None = None
    """Records that are set aside for tests before anything is counted."""
    variants: dict[Annotated[str, Field(pattern=NAME)], dict[str, Any]] | None = None
    """Name -> what differs in a variant that an ablation compares; a run does not look at it."""
    train_weight: Literal["equal", "design"] = "equal"
    """What an ablation weighs the training rows by; a run does not look at it."""
    export: Export = Export()
    """What the output looks like."""
    card: Card | None = None
    """What the dataset card says that the data do not."""
    engine: Workers = Workers()
    """Who does the work; what comes out is the same."""
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """The share of rows that may be unreadable; with more, the run ends."""

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
