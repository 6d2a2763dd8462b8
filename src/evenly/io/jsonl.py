"""JSON Lines by msgspec: only the columns that the recipe reads, each line on its own.

Measured on 124 MB of real listings, two cores: msgspec into typed rows 0.55 s on one core, Polars' `read_ndjson` 0.38 s
on both. msgspec was taken because it names the line that is broken, leaves an object's text exact, and joins lists
without building Polars lists (which cost 1.6 s).

The fast decoder takes the types that data mostly has; a line it refuses is read again by `_slow_row`, which says what
is wrong with it, or finds that it is fine after all.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa

from evenly.columns import LINE
from evenly.io.arrays import element_blocks
from evenly.io.blocks import TOO_LONG, Block, Rejected, as_number, as_record
from evenly.io.streams import BOM, Overlong, line_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from evenly.io.blocks import Piece
    from evenly.recipe.needs import Need

Text = str | int | float | bool | None

FAST_TYPES: Final[dict[str, Any]] = {
    "any": Text,
    "text": Text,
    "boolean": Text,
    "number": int | float | None,
    "list": list[Text] | Text,
    "json": msgspec.Raw,
    "record": None,
}
"""Kind -> what msgspec decodes it as."""

JSON_TYPES: Final = {int: "integer", float: "number", bool: "boolean", str: "text"}

LARGEST: Final = 2**63 - 1
"""Largest integer that a column of integers holds; one with a larger value stays text."""


def read(piece: Piece, needs: Sequence[Need]) -> Iterator[Block]:
    """Yield the blocks of a piece of a JSON Lines file, or of a JSON array; see `evenly.io.blocks`."""
    decode = decoder(needs)
    if piece.format == "json":
        for elements, end in element_blocks(piece.file):
            yield rows_block(elements, needs, decode, end)
        return
    line = 0
    for block in line_blocks(piece.file, piece.start, piece.stop):
        if line == 0 and piece.start == 0:
            block = block.removeprefix(BOM)  # noqa: PLW2901 - the same block without its mark
        if isinstance(block, Overlong):
            rejected = Rejected(line, TOO_LONG, block.decode("utf-8", "backslashreplace"))
            yield replace(rows_block([], needs, decode, 1), rejected=[rejected])
            line += 1
            continue
        numbered = enumerate(block.removesuffix(b"\n").split(b"\n"), line)
        yield rows_block(numbered, needs, decode, block.count(b"\n"), suspect=not _is_utf8(block))
        line += block.count(b"\n")


def decoder(needs: Sequence[Need]) -> Callable[[bytes], Any]:
    """Return a decoder of one line into a tuple-like row of the needed columns; an absent one is null."""
    fields: list[tuple[str, Any, Any]] = []
    for place, need in enumerate(needs):
        absent: Any = msgspec.Raw(b"null") if need.kind == "json" else None
        fields.append((f"c{place}", FAST_TYPES[need.kind], absent))
    names = {f"c{place}": need.column for place, need in enumerate(needs)}
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=names, gc=False)).decode


def rows_block(
    numbered: Iterable[tuple[int, bytes]],
    needs: Sequence[Need],
    decode: Callable[[bytes], Any],
    lines: int,
    *,
    suspect: bool = True,
) -> Block:
    """Return some records, each with its line, as a block of so many `lines`; `suspect` ones may not be UTF-8."""
    rows: list[Any] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    raw_places = [f"c{place}" for place, need in enumerate(needs) if need.kind == "json"]
    whole_places = [f"c{place}" for place, need in enumerate(needs) if need.kind == "record"]
    for number, line in numbered:
        try:
            if suspect:
                line.decode()
            row = decode(line)
            for name in raw_places:
                setattr(row, name, _json_text(getattr(row, name)))
            for name in whole_places:
                setattr(row, name, as_record(msgspec.json.decode(line)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if not line.strip():
                continue
            row = _slow_row(line, needs)
            if isinstance(row, str):
                rejected.append(Rejected(number, row, line.decode("utf-8", "backslashreplace").rstrip("\r")))
                continue
        rows.append(row)
        numbers.append(number)
    columns: dict[str, pl.Series] = {}
    types: dict[str, frozenset[str]] = {}
    for place, need in enumerate(needs):
        values = [getattr(row, f"c{place}") for row in rows]
        columns[need.column], types[need.column] = _series(need, values)
    frame = pl.DataFrame({**columns, LINE: pl.Series(numbers, dtype=pl.UInt64)})
    return Block(frame, rejected, types, lines)


def _series(need: Need, values: list[Any]) -> tuple[pl.Series, frozenset[str]]:
    """Return decoded values as a Series of the kind's dtype, and the JSON types met in a column read as `any`."""
    if need.kind == "number":
        return pl.Series(need.column, [_number(v) for v in values], dtype=pl.Float64), frozenset()
    if need.kind == "list":
        return _list_series(need.column, [_list_of_text(v) for v in values]), frozenset()
    if need.kind in {"json", "record"}:
        return pl.Series(need.column, values, dtype=pl.String), frozenset()
    met = set(map(type, values)) - {type(None)}
    if met <= {str}:
        return pl.Series(need.column, values, dtype=pl.String), frozenset({"text"} if met else ())
    texts = [_text(v) for v in values]
    too_big = int in met and any(isinstance(v, int) and abs(v) > LARGEST for v in values)
    types = {"text"} if too_big else {JSON_TYPES[kind] for kind in met}
    return pl.Series(need.column, texts, dtype=pl.String), frozenset(types)


def _number(value: float | None) -> float | None:
    """Return a JSON number as a float: Python's NaN as null, a number beyond all floats as infinite."""
    try:
        number = None if value is None else float(value)
    except OverflowError:
        return math.inf if value is not None and value > 0 else -math.inf
    return None if number is None or math.isnan(number) else number


def _is_utf8(block: bytes) -> bool:
    """Say whether bytes are UTF-8 throughout; msgspec looks only at the values that it decodes."""
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _text(value: Text) -> str | None:
    """Return a scalar as text: a string as it is, anything else as Python's json.dumps writes it."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _list_of_text(value: Any) -> list[str | None] | None:  # noqa: ANN401 - a list or a scalar
    if value is None:
        return None
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [_text(item) for item in items]
    return [_text(value)]


def _list_series(name: str, lists: list[list[str | None] | None]) -> pl.Series:
    """Return lists of text as a Series of List(String), built flat: Polars' own way over Python lists takes 1.6 s."""
    flat = pl.Series([item for items in lists if items for item in items], dtype=pl.String)
    offsets = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(items) if items else 0 for items in lists], out=offsets[1:])
    valid = np.packbits(np.array([items is not None for items in lists], dtype=np.bool_), bitorder="little")
    buffers = [pa.py_buffer(valid.tobytes()), pa.py_buffer(offsets.tobytes())]
    items: Any = flat.to_arrow().cast(pa.large_string())
    arrow: Any = pa.Array.from_buffers(pa.large_list(pa.large_string()), len(lists), buffers, children=[items])  # pyright: ignore[reportArgumentType] - its stubs want a wider list
    return pl.Series(name, arrow, dtype=pl.List(pl.String))


def _json_text(raw: msgspec.Raw) -> str | None:
    """Return any JSON value as text: a string as it is, null as null, the rest as json.dumps of the parsed value."""
    value = msgspec.json.decode(raw)
    return value if value is None or isinstance(value, str) else json.dumps(value)


class _Row:
    """A row read the slow way, with the attributes of the fast one."""


def _slow_row(line: bytes, needs: Sequence[Need]) -> _Row | str:
    """Return a line's row, or why it has none."""
    try:
        line.decode()
        parsed = msgspec.json.decode(line)
    except UnicodeDecodeError as fault:
        return f"not UTF-8 at byte {fault.start}"
    except RecursionError:
        return "not JSON: nested too deep"
    except msgspec.DecodeError as fault:
        parsed = _with_nan(line)
        if parsed is None:
            return f"not JSON: {' '.join(str(fault).split())}"
    if not isinstance(parsed, dict):
        return f"not a JSON object but {_json_type(parsed)}"
    fields = cast("dict[str, Any]", parsed)
    row = _Row()
    for place, need in enumerate(needs):
        value = as_record(fields) if need.kind == "record" else fields.get(need.column)
        if not _fits(need.kind, value) and need.drift != "error":
            number = as_number(value) if need.kind == "number" and isinstance(value, str) else None
            value = number if number is not None or need.drift == "null" else value
        if not _fits(need.kind, value):
            return f"wrong type: '{need.column}' is {_json_type(value)}, expected {_expected(need.kind)}"
        as_text = need.kind == "json" and value is not None and not isinstance(value, str)
        setattr(row, f"c{place}", json.dumps(value) if as_text else value)
    return row


def _with_nan(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return a line as Python's json reads it, which takes the NaN and Infinity that Python's json writes, or None."""
    try:
        parsed = json.loads(line.decode())
        json.dumps(parsed, ensure_ascii=False).encode()  # a lone surrogate is no text
    except (ValueError, RecursionError):
        return None
    return parsed


def _fits(kind: str, value: Any) -> bool:  # noqa: ANN401 - any JSON value
    if kind == "json" or value is None:
        return True
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "list" and isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return not any(isinstance(item, list | dict) for item in items)
    return not isinstance(value, list | dict)


def _expected(kind: str) -> str:
    if kind == "number":
        return "a number"
    return (
        "a list of texts or a text" if kind == "list" else "text (name it under as_text to take any value as JSON text)"
    )


def _json_type(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names[type(value)]  # pyright: ignore[reportUnknownArgumentType]
