"""Every hash that Evenly takes, by purpose.

`h(purpose, salt, id)` is xxHash64 of the id's UTF-8 bytes, seeded by xxHash64 of the purpose and salt. Purposes keep
decisions independent: were the split drawn from the selection's numbers, the test set would be the likeliest records.
xxHash64 is a published, frozen function (polars-hash, C's and Python's `xxhash` agree); Polars' own `hash` changes
between its versions and would change every selection with it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import polars as pl
import polars_hash as plh
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

Purpose = Literal[
    "select", "shuffle", "split", "holdout", "duplicate", "allocate", "content", "shingle", "identity-1", "identity-2"
]

SALTED: Final = frozenset({"select", "shuffle"})
"""What the recipe's seed salts. A record keeps its split, and duplicates their survivor, under every seed."""

VERSION: Final = 1
"""Part of every seed: raised if a hash must ever change, so that a manifest says which."""


def hashed(column: str | pl.Expr, purpose: Purpose, seed: int | None = None) -> pl.Expr:
    """Return h(purpose, seed, column) of a String column: UInt64, null for null.

    Raises:
        ValueError: when a salted purpose has no seed, or another has one.
    """
    if (seed is not None) != (purpose in SALTED):
        message = (
            f"purpose '{purpose}' is {'salted: give the seed' if purpose in SALTED else 'not salted: give no seed'}"
        )
        raise ValueError(message)
    expression = pl.col(column) if isinstance(column, str) else column
    return plh.NonCryptographicHashingNameSpace(expression).xxhash64(seed=purpose_seed(purpose, seed))


def uniform(hashes: pl.Expr) -> pl.Expr:
    """Return u in (0, 1), Float64, from the upper 52 bits of UInt64 hashes plus a half: never 0 and never 1."""
    return ((hashes // 4096).cast(pl.Float64) + 0.5) / 2.0**52


def identity(columns: Sequence[str], schema: pl.Schema) -> pl.Expr:
    """Return a 128-bit hash of named columns, canonically encoded, as 32 hexadecimal digits (String).

    Each value is written as its length and its text, so that ("ab", "c") and ("a", "bc") differ; null differs from "".
    """
    encoded = pl.concat_str([_encoded(name, schema[name]) for name in columns])
    halves = [hashed(encoded, "identity-1"), hashed(encoded, "identity-2")]
    return pl.concat_str([_hexadecimal(half) for half in halves])


def content(columns: Sequence[str], schema: pl.Schema) -> pl.Expr:
    """Return one UInt64 hash over the values of `columns`, in the order of their names: which of equal ids survives."""
    parts = [hashed(_encoded(name, schema[name]), "content").cast(pl.String) for name in sorted(columns)]
    return hashed(pl.concat_str(parts, separator=" "), "content")


def _encoded(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        text = column.cast(pl.List(pl.String)).list.eval(_measured(pl.element())).list.join("")
    else:
        text = column.cast(pl.String)
    return _measured(text)


def _measured(text: pl.Expr) -> pl.Expr:
    """Write a text after its length in bytes, and a null as `-`."""
    measured = pl.concat_str([text.str.len_bytes().cast(pl.String), text], separator=":")
    return pl.when(text.is_null()).then(pl.lit("-")).otherwise(measured)


def _hexadecimal(hashes: pl.Expr) -> pl.Expr:
    """Return UInt64 as 16 hexadecimal digits; Polars has no format for it."""
    return hashes.map_batches(_digits, return_dtype=pl.String)


def _digits(hashes: pl.Series) -> pl.Series:
    """Write the digits of all numbers at once, and cut that text into pieces of 16."""
    text = hashes.to_numpy().astype(">u8").tobytes().hex()
    ends = np.arange(0, len(text) + 1, 16, dtype=np.int64)
    cut = pa.LargeStringArray.from_buffers(hashes.len(), pa.py_buffer(ends.tobytes()), pa.py_buffer(text.encode()))
    return pl.Series(hashes.name, cut)


@lru_cache(maxsize=64)
def purpose_seed(purpose: str, seed: int | None) -> int:
    """Return the 64-bit xxHash seed of a purpose under a recipe's seed."""
    text = f"evenly/{VERSION}/{purpose}/{'' if seed is None else seed}"
    return pl.select(plh.NonCryptographicHashingNameSpace(pl.lit(text)).xxhash64(seed=0)).item()
