"""Internal column names and their dtypes, in one place.

Internal names stand between double underscores so that they never meet a user's column (`id` and `line` are common
in real data). Output names, below, are what a finished dataset shows; a recipe that keeps a column of such a name is
refused.
"""

from __future__ import annotations

from typing import Final

ID: Final = "__id__"
"""String: the record's id. Unique in a pool."""

PIECE: Final = "__piece__"
"""UInt32: which piece of the inputs the record was read from."""

LINE: Final = "__line__"
"""UInt64: the record's line (text), row (tables) or element (a JSON array) within its piece, from 0: it is its own."""

SOURCE: Final = "source"
"""String: the name of the record's source; a column like the data's own, for strata, filters and templates."""

RESERVE: Final = "__reserve__"
"""UInt64: hash of the group of records that are held out together or not at all."""

REASON: Final = "__reason__"
"""String: why a record was dropped: the step's name."""

KEEP: Final = "__keep__"
"""Boolean: whether a filter lets the record through."""

RECORD: Final = "__record__"
"""String: all that a row of the data holds, as JSON: keys sorted, nulls left out. Read where a source names no id."""

CONTENT: Final = "__content__"
"""UInt64: hash of the columns read, which picks the survivor of equal ids."""

TOKENS: Final = "__tokens__"
"""UInt32: tokens of prompt plus completion."""

STRATUM: Final = "__stratum__"
"""The stratum's name, null for a record that is in none: Categorical in records' frames, String in censuses."""

WEIGHT: Final = "__weight__"
"""Float64: the record's relative weight within its stratum, at least 0."""

KEY: Final = "__key__"
"""Float64: `-log1p(-u) / weight`; the smallest keys of a stratum are selected."""

LABEL: Final = "__label__"
"""Float64 or String: the label, for measures and views."""

CATEGORY: Final = "__category__"
"""String: the category, for measures and views."""

PART: Final = "__part__"
"""UInt32: which part (Parquet file) of the pool holds the record."""

ROW: Final = "__row__"
"""UInt32: the record's row in its part, from 0."""

PLACE: Final = "__place__"
"""UInt32: the record's place in its group of parts, from 0."""

SPLIT: Final = "__split__"
"""String: the record's split; null for a selected record that no split wants."""

SHARD: Final = "__shard__"
"""UInt32: the record's shard within its split."""

GROUP: Final = "__group__"
"""String: which of several orders a row is in."""

HASH: Final = "__hash__"
"""UInt64: what rows are ordered by, before their names."""

NAME: Final = "__name__"
"""String: a row's name, unique in its order."""

PI: Final = "__pi__"
"""Float64: the record's inclusion probability, in (0, 1]."""

DESIGN_WEIGHT: Final = "__design_weight__"
"""Float64: 1 / inclusion probability x selected / split rows of the stratum."""

TIMES: Final = "__times__"
"""UInt32: how often the record is in the output if it is in the split `train`, from 1."""

EPOCH: Final = "__epoch__"
"""UInt32: which of its times in the output a row is, from 1."""

PROMPT: Final = "__prompt__"
"""String: the rendered prompt."""

COMPLETION: Final = "__completion__"
"""String: the rendered completion."""

OUTPUT_NAMES: Final = {
    ID: "id",
    TOKENS: "tokens",
    STRATUM: "stratum",
    PI: "inclusion_probability",
    DESIGN_WEIGHT: "design_weight",
    EPOCH: "epoch",
}
"""Internal name -> name in the output; `tokens` is there with a tokenizer, `epoch` where rows may repeat."""

FORMAT_COLUMNS: Final = {
    "text": ("text",),
    "prompt-completion": ("prompt", "completion"),
    "messages": ("messages",),
}
"""Output format -> its own columns."""
