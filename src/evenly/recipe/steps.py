"""The curate steps as a recipe writes them: data only, one model per kind.

A list item of `curate` is a mapping with one key, the step's kind: `- number: {column: price, min: 0.5}`.
What a step does to a frame is in `evenly.core.steps`.
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


class NamedStep(Strict):
    """What every step has: `name`, the reason that its drops bear (by default the kind)."""

    name: Annotated[str, Field(min_length=1)] | None = None


class Number(NamedStep):
    """Read a column as numbers; drop a record whose value is none, not finite, or outside min..max."""

    column: Column
    min: float | None = None
    max: float | None = None


class Join(NamedStep):
    """Join columns (texts, lists of text) into one text.

    The elements of a list are joined by `separator` too, nulls skipped. Empty parts are skipped unless `keep_empty`.
    `end` follows the last part when there is one.
    """

    columns: Columns
    into: Column
    separator: str = "\n"
    end: str = ""
    keep_empty: bool = False


class Delete(NamedStep):
    """Delete each of `strings` from a text, one after the other."""

    column: Columns
    strings: Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]


class Replace(NamedStep):
    """Replace texts by texts, one pair after the other, in the order written."""

    column: Columns
    values: Annotated[dict[Annotated[str, Field(min_length=1)], str], Field(min_length=1)]


class Collapse(NamedStep):
    """Turn every run of `characters` or white space into one `into`; strip the ends of white space."""

    column: Columns
    characters: str = ""
    into: str = " "


class DropWords(NamedStep):
    """Drop words (what stands between single spaces) of at least `min_chars` characters.

    `having: digit` drops those with a digit in them; `code` those of the letters A to Z and digits alone, some of both.
    """

    column: Columns
    min_chars: Annotated[int, Field(ge=1, le=100)] = 1
    having: Literal["digit", "code"] = "digit"


class Extraction(Strict):
    """A number to take from an object: the value of `key`, weights in pounds; `default` where there is none."""

    key: Annotated[str, Field(min_length=1)]
    default: float | None = None


def _as_extraction(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


class Json(NamedStep):
    """Take keys out of objects read as text, and numbers from them into columns (`extract: {weight: Item Weight}`)."""

    column: Column
    drop_keys: ColumnNames = Field(default_factory=list[str])
    extract: dict[
        Column, Annotated[Extraction, BeforeValidator(_as_extraction, json_schema_input_type=str | Extraction)]
    ] = Field(default_factory=dict[str, Extraction])


class Chars(NamedStep):
    """Keep texts of min..max characters; cut the kept ones to their first `truncate` characters."""

    column: Column
    min: Count | None = None
    max: Count | None = None
    truncate: Annotated[int, Field(ge=1)] | None = None


class Tokens(NamedStep):
    """Keep texts of min_tokens..max_tokens tokens; cut the kept ones to their first `truncate` tokens."""

    column: Column
    min_tokens: Count | None = None
    max_tokens: Count | None = None
    truncate: Annotated[int, Field(ge=1)] | None = None


class Filter(NamedStep):
    """Keep the records for which an expression is true."""

    where: Annotated[str, Field(min_length=1)]


class Unique(NamedStep):
    """Keep one record of those that agree in all `columns`: the smallest h('duplicate', id). Global.

    With `fold`, texts agree that differ in case only (`case`), or in how much white space stands where (`space`).
    """

    columns: Columns
    fold: Annotated[
        list[Literal["case", "space"]], BeforeValidator(_as_list, json_schema_input_type=str | list[str])
    ] = Field(default_factory=list[Literal["case", "space"]])


class NearUnique(NamedStep):
    """Keep one of the records whose texts in `column` are alike: the smallest h('duplicate', id) of a group. Global.

    Two texts are alike when an estimated share of at least `threshold` of their runs of `ngram` words is the same; a
    group is all that hangs together by likeness.
    """

    column: Column
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    ngram: Annotated[int, Field(ge=1, le=100)] = 3


class Exclude(NamedStep):
    """Drop what other files hold: benchmark items, or an earlier selection.

    `on: id` compares the record's id (`source:id` where there are several sources) with the files' column `id`;
    `on: text` the text in `column` with theirs, whatever their case and white space; `on: near` drops a text that is
    as alike as `near_unique` has it. `their` names the files' column, by default the same name.
    """

    files: Columns
    on: Literal["id", "text", "near"]
    column: Column | None = None
    their: Column | None = None
    format: Literal["jsonl", "json", "csv", "parquet", "arrow"] | None = None
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    ngram: Annotated[int, Field(ge=1, le=100)] = 3

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
        """One item of `curate`: exactly one of these keys."""

        number: Number | None = None
        join: Join | None = None
        delete: Delete | None = None
        replace: Replace | None = None
        collapse: Collapse | None = None
        drop_words: DropWords | None = None
        json: Json | None = None  # pyright: ignore[reportIncompatibleMethodOverride] - pydantic's own `json` is deprecated
        chars: Chars | None = None
        tokens: Tokens | None = None
        exclude: Exclude | None = None
        filter: Annotated[Filter | None, BeforeValidator(_as_filter, json_schema_input_type=str | Filter)] = None
        derive: Annotated[dict[Column, str], Field(min_length=1)] | None = None
        unique: Unique | None = None
        near_unique: NearUnique | None = None

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
