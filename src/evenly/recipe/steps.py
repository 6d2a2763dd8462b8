"""The curate steps as a recipe writes them: data only, one model per kind.

A list item of `curate` is a mapping with one key, the step's kind: `- number: {column: price, min: 0.5}`.
What a step does to a frame is in `evenly.core.steps`.
The sentence below a key is its documentation: editors get it with the schema, readers with the reference.
"""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

GLOBAL_KINDS: Final = ("unique", "near_unique")
"""Kinds that look at the whole pool; they come after the row-wise ones."""


OWN_REASONS: Final = ("template", "duplicate_ids")
"""Reasons of drops that no step makes: a template that would show a null, a record that lost to another of its id."""


class Strict(BaseModel):
    """A frozen part of a recipe that refuses unknown keys and silent conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Column = Annotated[str, Field(min_length=1)]
Columns = Annotated[
    list[Column], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)
]
ColumnNames = Annotated[list[Column], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
Count = Annotated[int, Field(ge=0)]
Fold = Literal["case", "space"]
FileFormat = Literal["jsonl", "json", "csv", "parquet", "arrow"]


class NamedStep(Strict):
    """What every step has."""

    name: Annotated[str, Field(min_length=1)] | None = None
    """The reason that the step's drops are counted under; by default its kind, `kind-2` for a second of it."""


class Number(NamedStep):
    """Read a column as numbers; drop a record whose value is none, not finite, or outside min..max."""

    column: Column
    """The column that becomes a number."""
    min: float | None = None
    """Records with a smaller number are dropped."""
    max: float | None = None
    """Records with a larger number are dropped."""


class Join(NamedStep):
    """Join columns (texts, lists of text) into one text."""

    columns: Columns
    """The columns to join, in this order; the elements of a list are joined too, nulls are skipped."""
    into: Column
    """The column that gets the text; it may be one of those that were joined."""
    separator: str = "\n"
    """What stands between two parts, and between two elements of a list."""
    end: str = ""
    """What follows the last part, when there is one."""
    keep_empty: bool = False
    """Keep empty parts, with their separators, instead of skipping them."""


class Delete(NamedStep):
    """Delete strings from a text."""

    column: Columns
    """The column, or several, that this is done to."""
    strings: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
    """What is deleted wherever it stands, one after the other."""


class Replace(NamedStep):
    """Replace texts by texts."""

    column: Columns
    """The column, or several, that this is done to."""
    values: Annotated[dict[Annotated[str, Field(min_length=1)], str], Field(min_length=1)]
    """What is replaced -> by what, one pair after the other, in the order written."""


class Collapse(NamedStep):
    """Turn every run of white space, or of given characters, into one; strip the ends of white space."""

    column: Columns
    """The column, or several, that this is done to."""
    characters: str = ""
    """Characters whose runs are collapsed, besides white space."""
    into: str = " "
    """What a run becomes."""


class DropWords(NamedStep):
    """Drop words (what stands between single spaces) that look like numbers or codes from a text."""

    column: Columns
    """The column, or several, that this is done to."""
    min_chars: Annotated[int, Field(ge=1, le=100)] = 1
    """Shorter words stay."""
    having: Literal["digit", "code"] = "digit"
    """`digit`: words with a digit in them; `code`: words of the letters A to Z and digits alone, some of both."""


class Extraction(Strict):
    """A number to take from an object."""

    key: Annotated[str, Field(min_length=1)]
    """The object's key whose value is read as a number; a weight with its unit becomes pounds."""
    default: float | None = None
    """The number where the object has no such key, or no number there; without it, null."""


def _as_extraction(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


class Json(NamedStep):
    """Take keys out of objects read as text, and numbers from them into columns."""

    column: Column
    """The column with the objects; its source reads it `as_text`."""
    drop_keys: ColumnNames = Field(default_factory=list[str])
    """Keys that are taken out of the object."""
    extract: dict[
        Column, Annotated[Extraction, BeforeValidator(_as_extraction, json_schema_input_type=str | Extraction)]
    ] = Field(default_factory=dict[str, Extraction])
    """Column to make -> the key that its number is taken from, or a mapping of `key` and `default`."""


class Chars(NamedStep):
    """Keep texts of min..max characters; cut the kept ones."""

    column: Column
    """The column whose texts are measured."""
    min: Count | None = None
    """Records with fewer characters are dropped."""
    max: Count | None = None
    """Records with more characters are dropped."""
    truncate: Annotated[int, Field(ge=1)] | None = None
    """Kept texts are cut to so many characters."""


class Tokens(NamedStep):
    """Keep texts of min_tokens..max_tokens tokens; cut the kept ones. Needs a `tokenizer`."""

    column: Column
    """The column whose texts are counted."""
    min_tokens: Count | None = None
    """Records with fewer tokens are dropped."""
    max_tokens: Count | None = None
    """Records with more tokens are dropped."""
    truncate: Annotated[int, Field(ge=1)] | None = None
    """Kept texts are cut to so many tokens."""


class Filter(NamedStep):
    """Keep the records for which an expression is true."""

    where: Annotated[str, Field(min_length=1)]
    """The condition, an expression over one record; `filter: price > 5` is short for it."""


class Unique(NamedStep):
    """Keep one record of those that agree in all columns: the one whose id has the smallest hash. Global."""

    columns: Columns
    """The columns that have to agree, all of them."""
    fold: Annotated[list[Fold], BeforeValidator(_as_list, json_schema_input_type=Fold | list[Fold])] = Field(
        default_factory=list[Fold]
    )
    """What does not count when texts are compared: `case`, and how much white `space` stands where."""


class NearUnique(NamedStep):
    """Keep one of the records whose texts are alike: the one whose id has the smallest hash. Global.

    A group is all that hangs together by likeness.
    """

    column: Column
    """The column whose texts are compared."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Texts are alike from this share of equal word runs on; the share is estimated by MinHash."""
    ngram: Annotated[int, Field(ge=1, le=100)] = 3
    """Words of the runs that are compared."""


class Exclude(NamedStep):
    """Drop what other files hold: benchmark items, or an earlier selection."""

    files: Columns
    """The other files: paths or globs, taken from the recipe's folder."""
    on: Literal["id", "text", "near"]
    """What is compared: `id` (`source:id` with several sources), `text` whatever its case and space, `near` texts."""
    column: Column | None = None
    """The column whose text is compared, for `text` and `near`."""
    their: Column | None = None
    """The files' column that is compared; by default the same name, for ids `id`."""
    format: FileFormat | None = None
    """What the `files` are, where their names do not say it."""
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """For `near`: texts are alike from this share of equal word runs on."""
    ngram: Annotated[int, Field(ge=1, le=100)] = 3
    """For `near`: words of the runs that are compared."""

    @property
    def compared(self) -> str:
        """The column of the files that is compared."""
        return self.their or self.column or "id"


def _as_filter(value: object) -> object:
    return {"where": value} if isinstance(value, str) else value


with warnings.catch_warnings():
    # A step is called `json`, and so is a method of pydantic's first version that is kept for show.
    warnings.filterwarnings("ignore", message='Field name "json"')

    class Step(Strict):
        """One item of `curate`: exactly one of these keys, the step's kind."""

        number: Number | None = None
        """Read a column as numbers, and keep those within bounds."""
        join: Join | None = None
        """Join columns into one text."""
        delete: Delete | None = None
        """Delete strings from a text."""
        replace: Replace | None = None
        """Replace texts by texts."""
        collapse: Collapse | None = None
        """Make one space of every run of white space."""
        drop_words: DropWords | None = None
        """Take words with digits, or codes, out of a text."""
        json: Json | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - pydantic's own `json` is deprecated
        """Take keys out of an object read as text, and numbers from it."""
        chars: Chars | None = None
        """Keep texts by their characters, and cut them."""
        tokens: Tokens | None = None
        """Keep texts by their tokens, and cut them."""
        exclude: Exclude | None = None
        """Keep out what other files hold."""
        filter: Annotated[Filter | None, BeforeValidator(_as_filter, json_schema_input_type=str | Filter)] = None
        """Keep the records for which a condition is true."""
        derive: Annotated[dict[Column, str], Field(min_length=1)] | None = None
        """Column to make -> the expression that gives its value; a later one may use an earlier one."""
        unique: Unique | None = None
        """Keep one of the records that agree in some columns; it looks at all records, so it stands last."""
        near_unique: NearUnique | None = None
        """Keep one of the records whose texts are nearly the same; it looks at all records, so it stands last."""

        @model_validator(mode="after")
        def _exactly_one(self) -> Self:
            given = [kind for kind in type(self).model_fields if getattr(self, kind) is not None]
            if len(given) != 1:
                found = "none" if not given else " and ".join(given)
                message = (
                    f"a step is a mapping with one key, its kind; found {found}. Write each step as an item of its own"
                )
                raise ValueError(message)
            return self

        @property
        def kind(self) -> str:
            """The step's kind: the one key that is given."""
            return next(kind for kind in type(self).model_fields if getattr(self, kind) is not None)

        @property
        def body(self) -> Any:  # noqa: ANN401 - one of eleven models; callers dispatch on `kind`
            """What stands under the kind: a model of this module, or the mapping of `derive`."""
            return getattr(self, self.kind)


def reasons(steps: list[Step]) -> list[str]:
    """Return each step's drop reason: its `name`, else its kind, `kind-2` for a second of that kind."""
    seen: dict[str, int] = {}
    names: list[str] = []
    for step in steps:
        own: str | None = getattr(step.body, "name", None)
        if own is not None:
            names.append(own)
            continue
        seen[step.kind] = seen.get(step.kind, 0) + 1
        names.append(step.kind if seen[step.kind] == 1 else f"{step.kind}-{seen[step.kind]}")
    return names
