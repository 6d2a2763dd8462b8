"""Tables with columns of odd types, for Parquet and Arrow; what is read of each is known from how it was made."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from .odd_json import NEEDS, TEXTS, Told, Values

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

ANY: Final = object()
"""Stands for a value of which only is known that it is not null."""

Reads = Mapping[str, "Callable[[Any], Any]"]
"""Kind -> what is read of a value."""

arrow: Any = pa  # its stubs know no type that is found at run time


@dataclass(frozen=True)
class Made:
    """A type of columns: how a value is made, and what is read of one as each kind; a kind that lacks is refused."""

    type: Any
    value: Callable[[random.Random, int], Any]
    read: Mapping[str, Callable[[Any], Any]]


def _texts(dice: random.Random, number: int) -> str:
    return dice.choice(TEXTS) if dice.random() < 0.1 else f"s{number}"


def _shown(value: Any) -> Any:
    del value
    return ANY


def _whole(bits: int, *, signed: bool = True) -> Callable[[random.Random, int], int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda dice, number: dice.choice([low, high, 0, 1]) if dice.random() < 0.1 else number % 100


def _real(dice: random.Random, number: int) -> float:
    return dice.choice([math.nan, math.inf, -math.inf, -0.0, 5e-324]) if dice.random() < 0.05 else number % 9 + 0.5


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _single(value: Any) -> list[Any]:
    return [value]


TEXT: Final[Reads] = {"text": str, "any": str, "list": _single, "json": str}
WHOLE: Final[Reads] = {
    "text": str,
    "any": int,
    "number": float,
    "list": lambda value: [str(value)],
    "json": str,
}
REAL: Final[Reads] = {"number": _finite, "any": float, "text": _shown, "list": _shown, "json": _shown}
OTHER: Final[Reads] = dict.fromkeys(("text", "any", "list", "json"), _shown)
NESTED: Final[Reads] = {"json": json.dumps}
NESTED_SHOWN: Final[Reads] = {"json": _shown}
STRUCT: Final = arrow.struct([("k", arrow.int64()), ("t", arrow.list_(arrow.string()))])
ONE: Final = datetime(2024, 2, 29, 12, tzinfo=UTC)

TYPES: Final[dict[str, Made]] = {
    "string": Made(arrow.string(), _texts, TEXT),
    "large_string": Made(arrow.large_string(), _texts, TEXT),
    "string_view": Made(arrow.string_view(), _texts, TEXT),
    "dictionary": Made(arrow.dictionary(arrow.int32(), arrow.string()), lambda _, number: f"d{number % 7}", TEXT),
    **{f"int{bits}": Made(getattr(arrow, f"int{bits}")(), _whole(bits), WHOLE) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": Made(getattr(arrow, f"uint{bits}")(), _whole(bits, signed=False), WHOLE) for bits in (8, 64)},
    "float64": Made(arrow.float64(), _real, REAL),
    "float32": Made(arrow.float32(), lambda _, number: number % 9 + 0.5, REAL),
    "float16": Made(arrow.float16(), lambda _, number: number % 9 + 0.5, REAL),
    "bool": Made(arrow.bool_(), lambda _, number: number % 2 == 0, OTHER),
    "null": Made(arrow.null(), lambda _, __: None, dict.fromkeys(("text", "any", "number", "list", "json"), _shown)),
    "decimal128": Made(arrow.decimal128(20, 2), lambda _, number: Decimal(number) / 4, {**OTHER, "number": float}),
    "decimal256": Made(arrow.decimal256(50, 2), lambda _, number: Decimal(number) / 4, {**OTHER, "number": float}),
    "duration": Made(arrow.duration("us"), lambda _, number: timedelta(seconds=number), OTHER),
    "date": Made(arrow.date32(), lambda _, number: date(1970, 1, 1) + timedelta(days=number - 900), OTHER),
    "time": Made(arrow.time64("us"), lambda _, number: time(number % 24), OTHER),
    "timestamp": Made(
        arrow.timestamp("us"), lambda _, number: (ONE + timedelta(hours=number)).replace(tzinfo=None), OTHER
    ),
    "zoned": Made(arrow.timestamp("ms", "Europe/Vienna"), lambda _, number: ONE + timedelta(hours=number), OTHER),
    "offset": Made(arrow.timestamp("ns", "+05:30"), lambda _, number: ONE + timedelta(hours=number), OTHER),
    "binary": Made(arrow.binary(), lambda _, number: b"\xff"[number % 2 :] + b"a", {"json": bytes.decode}),
    "fixed_binary": Made(arrow.binary(2), lambda _, number: bytes([number % 256, 97]), {"json": bytes.decode}),
    "texts": Made(
        arrow.list_(arrow.string()),
        lambda dice, number: dice.choice([["a", f"b{number}"], [], [None, "x"]]),
        {**NESTED, "list": list},
    ),
    "large_texts": Made(
        arrow.large_list(arrow.large_string()), lambda _, number: ["a", f"b{number}"], {**NESTED, "list": list}
    ),
    "wholes": Made(
        arrow.list_(arrow.int32()), lambda _, number: [number, None], {**NESTED, "list": lambda v: [str(v[0]), None]}
    ),
    "pairs": Made(arrow.list_(arrow.float64(), 2), lambda _, number: [number + 0.5, 1.0], NESTED),
    "lists": Made(arrow.list_(arrow.list_(arrow.string())), lambda _, number: [["a"], [f"b{number}"], []], NESTED),
    "struct": Made(STRUCT, lambda _, number: {"k": number, "t": ["x", None]}, NESTED),
    "structs": Made(arrow.list_(STRUCT), lambda _, number: [{"k": number, "t": None}], NESTED),
    "map": Made(arrow.map_(arrow.string(), arrow.int64()), lambda _, number: [("k", number)], NESTED_SHOWN),
    "moments": Made(
        arrow.list_(arrow.timestamp("us", "UTC")),
        lambda _, number: [ONE] * (number % 3),
        {**NESTED_SHOWN, "list": _shown},
    ),
    "decimals": Made(arrow.struct([("d", arrow.decimal128(9, 2))]), lambda _, n: {"d": Decimal(n)}, NESTED_SHOWN),
}
"""Name -> type of a column."""

STRANGE: Final[dict[str, Any]] = {
    "interval": arrow.array([(1, 2, 3)] * 3, arrow.month_day_nano_interval()),
    "run_end": arrow.RunEndEncodedArray.from_arrays([3], ["a"]),
    "list_view": arrow.array([["a"]] * 3, arrow.list_view(arrow.string())),
    "union": arrow.UnionArray.from_sparse(
        arrow.array([0, 1, 0], arrow.int8()), [arrow.array(["a"] * 3), arrow.array([1] * 3)]
    ),
    "numbers of a dictionary": arrow.array([1, 2, 1]).dictionary_encode(),
    "uuid": arrow.array([bytes(16)] * 3, arrow.uuid()),
    "bool8": arrow.ExtensionArray.from_storage(arrow.bool8(), arrow.array([1, 0, 1], arrow.int8())),
    "json": arrow.array(['{"a": 1}'] * 3, arrow.json_()),
    "far timestamp": arrow.array([2**62] * 3, arrow.timestamp("s")),
    "odd offset": arrow.array([0] * 3, arrow.timestamp("us", "+25:00")),
    "long duration of ms": arrow.array([2**62] * 3, arrow.duration("ms")),
    "no time of day": arrow.array([-1] * 3, arrow.time64("us")),
    "far date of ms": arrow.array([86_400_000 * 2**36] * 3, arrow.date64()),
    "far dates in lists": arrow.array([[2**31 - 1]] * 3, arrow.list_(arrow.date32())),
    "wide decimals in lists": arrow.array([[Decimal(1)]] * 3, arrow.list_(arrow.decimal256(50, 1))),
    "maps in lists": arrow.array([[[("k", 1)]]] * 3, arrow.list_(arrow.map_(arrow.string(), arrow.int64()))),
    "maps in maps": arrow.array(
        [[("k", [("l", 1)])]] * 3, arrow.map_(arrow.string(), arrow.map_(arrow.string(), arrow.int8()))
    ),
    "dates of a dictionary": arrow.array([2**31 - 1] * 3, arrow.date32()).dictionary_encode(),
    "decimals of a dictionary": arrow.array([1] * 3, arrow.decimal256(50, 1)).dictionary_encode(),
    "durations of a dictionary": arrow.array([1] * 3, arrow.duration("s")).dictionary_encode(),
    "early timestamp": arrow.array([-(2**62)] * 3, arrow.timestamp("us", "UTC")),
    "unknown zone": arrow.array([0] * 3, arrow.timestamp("us", "Mars/Olympus")),
    "far date": arrow.array([2**31 - 1] * 3, arrow.date32()),
    "long duration": arrow.array([2**63 - 1] * 3, arrow.duration("s")),
    "decimal32": arrow.array([Decimal("1.25")] * 3, arrow.decimal32(5, 2)),
    "wide decimal": arrow.array([Decimal(10) ** 70] * 3, arrow.decimal256(76, 2)),
    "binary_view": arrow.array([b"\xff"] * 3, arrow.binary_view()),
    "struct of nothing": arrow.array([{}] * 3, arrow.struct([])),
    "list of nothing": arrow.array([[None]] * 3, arrow.list_(arrow.null())),
    "dictionary of nothing": arrow.array([None] * 3).dictionary_encode(),
    "dates in lists": arrow.array([[date(2024, 1, 1)]] * 3),
    "binary in structs": arrow.array([{"b": b"\xff"}] * 3),
    "durations in lists": arrow.array([[timedelta(1)]] * 3),
}
"""Columns of three rows that a reader may refuse in one line; whatever it does, it does not break."""


NOTHING: Final[Mapping[str, str]] = {}

KINDS: Final = {need.column: need.kind for need in NEEDS}


def table(dice: random.Random, rows: int, given: Mapping[str, str] = NOTHING) -> tuple[Any, Told | None]:
    """Return a table and what is read of it; None where a column has a type that its use can't take.

    `given` names the types of some columns; the others have odd ones.
    """
    read: list[Values] = [{} for _ in range(rows)]
    bad: set[int] = set()
    columns: dict[str, Any] = {"other": arrow.array([None] * rows, arrow.int8())}
    refused = False
    for column, kind in KINDS.items():
        fitting = [made for made in TYPES.values() if kind in made.read]
        some = fitting if given or dice.random() < 0.95 else list(TYPES.values())
        made = TYPES[given[column]] if column in given else dice.choice(some)
        lack = 0 if column in given else dice.choice([0, 0, 0.1, 1])
        values = [None if dice.random() < lack else made.value(dice, number) for number in range(rows)]
        columns[column] = arrow.array(values, made.type)
        if made.type != arrow.null() and kind not in made.read:
            refused = True
            continue
        for number, value in enumerate(values):
            try:
                read[number][column] = None if value is None else made.read[kind](value)
            except ValueError:
                bad.add(number)
    told = Told([(number, row) for number, row in enumerate(read) if number not in bad], sorted(bad))
    return arrow.table(columns), None if refused else told


def as_parquet(made: Any, dice: random.Random) -> bytes:
    """Write a table as Parquet, of the versions and packings there are."""
    out = io.BytesIO()
    pq.write_table(
        made,
        out,
        row_group_size=dice.choice([made.num_rows // 5 + 1, 1_000]),
        compression=dice.choice(["none", "snappy", "zstd", "gzip"]),
        use_dictionary=dice.random() < 0.5,
        data_page_version=dice.choice(["1.0", "2.0"]),
        store_schema=dice.random() < 0.9,
    )
    return out.getvalue()


def as_arrow(made: Any, dice: random.Random) -> bytes:
    """Write a table as an Arrow file or stream."""
    out = io.BytesIO()
    open_writer: Any = dice.choice([ipc.new_file, ipc.new_stream])
    with open_writer(out, made.schema) as writer:
        writer.write_table(made, max_chunksize=dice.choice([made.num_rows // 5 + 1, 1_000]))
    return out.getvalue()
