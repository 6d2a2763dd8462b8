"""CSV in odd shapes: records made by dice, and what a regular expression makes of them, record by record."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from typing import TYPE_CHECKING, Final

from .odd_json import BOM, NEEDS, NUMBERS, TEXTS, WHOLE, Told, Values

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from evenly.recipe.needs import Need

COLUMNS: Final = [*(need.column for need in NEEDS), "other"]
ODD: Final = [
    '"',
    '""',
    'a"b',
    '"a"b',
    '"a" ',
    ' "a"',
    '"a\nb"',
    '"a\r\n\n""b"',
    '"',
    "a\rb",
    "\x00",
    "\ufeff",
    "'a'",
    "\\",
]
NUMERIC: Final = ["nan", "inf", "-inf", " 5 ", "1_000", "٣", "1e400", "$5", "5%", "1.234,5", "--5", "0x1f", "\x00", "½"]


def _field(dice: random.Random, column: str, number: int, delimiter: str) -> str:
    roll = dice.random()
    if roll < 0.01:
        return dice.choice(ODD)
    if roll < 0.04:
        return _quoted(dice.choice(TEXTS) + dice.choice(["", '"', "\n", "\r\n", delimiter]))
    if column == "price":
        return dice.choice(NUMERIC + NUMBERS) if roll < 0.06 else dice.choice(["", "1.25", f"{number % 9}", '"7.5"'])
    made = {"sku": f"s{number}", "title": f"thing {number}"}.get(column) or dice.choice(["", "a b", '"a, b"', "[1]"])
    return _quoted(made) if roll < 0.1 and not made.startswith('"') else made


def _quoted(made: str) -> str:
    return '"' + made.replace('"', '""') + '"'


def table(dice: random.Random, rows: int) -> bytes:
    """Write a file with a header line: any delimiter, line ends of three kinds, fields that lack or are too many."""
    delimiter = dice.choice([",", ",", ";", "\t", "|"])
    ends = dice.choice([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]])
    records = [dice.choice([delimiter.join(COLUMNS), delimiter.join(map(_quoted, COLUMNS))])]
    for number in range(rows):
        fields = [_field(dice, column, number, delimiter) for column in COLUMNS]
        roll = dice.random()
        if roll < 0.01:
            fields = fields[:-1]
        elif roll < 0.02:
            fields.append("")
        records.append("" if roll > 0.99 else delimiter.join(fields))
    made = "".join(record + dice.choice(ends) for record in records).encode()
    for _ in range(dice.choice([0, 0, 1, 4])):
        at = dice.randrange(len(made) + 1)
        made = made[:at] + dice.choice([b"\xff", b"\xe9", b'"', b"\n", b"\r", b"\x00", b",", b";"]) + made[at:]
    return dice.choice([b"", b"", BOM]) + (made[:-1] if dice.random() < 0.2 else made)


def told_of_table(content: str, delimiter: str, needs: Sequence[Need]) -> Told | None:
    """Return the rows of a decoded file by the line that they begin at; None for a header that can't be used.

    A record is what a regular expression matches; where it does not match, the line is bad, and the next one is tried.
    """
    mark = re.escape(delimiter)
    field = rf'(?:"(?:[^"]|"")*+"|(?!")[^{mark}\r\n]*+)'
    record = re.compile(rf"{field}(?:{mark}{field})*+(?:\r\n|\r|\n|\Z)")
    told = Told()
    header: list[str] | None = None
    place = number = 0
    while place < len(content):
        match = record.match(content, place)
        whole = match or LINE.match(content, place)
        assert whole is not None
        raw = whole[0]
        fields = _fields(raw, delimiter) if match else None
        if header is None:
            if fields is None or not _can_be_header(fields, needs):
                return None
            header = fields
        elif fields is None:
            told.bad.append(number)
        elif fields:
            told.add(number, lambda names=header, fields=fields: _row(dict(zip(names, fields, strict=True)), needs))
        place = whole.end()
        number += len(ENDS.findall(raw))
    return told if header is not None else None


LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
ENDS: Final = re.compile(r"\r\n|\r|\n")


def _can_be_header(names: list[str], needs: Sequence[Need]) -> bool:
    has_all = {need.column for need in needs} <= {*names, WHOLE.column}
    is_text = not re.search("[\ud800-\udfff]", "".join(names))
    return len(set(names)) == len(names) and has_all and (is_text or WHOLE not in needs)


def _fields(raw: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter), [])


def _row(held: dict[str, str], needs: Sequence[Need]) -> Values:
    "".join(held.values()).encode()  # fails for bytes that are no text
    made: Values = {}
    for need in needs:
        text = held.get(need.column) or None
        match need.kind:
            case "number":
                made[need.column] = None if text is None else _number(text)
            case "list":
                made[need.column] = None if text is None else [text]
            case "record":
                fields = {key: value for key, value in held.items() if value}
                made[need.column] = json.dumps(fields, sort_keys=True, ensure_ascii=False)
            case _:
                made[need.column] = text
    return made


def _number(text: str) -> float | None:
    if "_" in text:
        raise ValueError(text)
    return None if math.isnan(float(text)) else float(text)
