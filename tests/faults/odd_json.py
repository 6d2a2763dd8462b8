"""JSON in odd shapes: lines made by dice, and what Python's json says of each of them."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from evenly.recipe.needs import Need

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Sequence

NEEDS: Final = [
    Need("sku", "text", "sources[0].id"),
    Need("price", "number", "balance.strata[0].column"),
    Need("title", "any", "template.prompt"),
    Need("tags", "list", "curate[0].join.columns"),
    Need("more", "json", "sources[0].as_text"),
]
WHOLE: Final = Need("__record__", "record", "sources[0].id")
BOM: Final = b"\xef\xbb\xbf"

Values = dict[str, Any]


@dataclass
class Told:
    """What a file holds: its good rows, each with its line or row (from 0), and where the bad ones stand."""

    good: list[tuple[int, Values]] = field(default_factory=list[tuple[int, Values]])
    bad: list[int] = field(default_factory=list[int])

    @property
    def rows(self) -> int:
        """How many rows there are, good and bad."""
        return len(self.good) + len(self.bad)

    def add(self, number: int, make: Callable[[], Values]) -> None:
        """Add a row; it is a bad one where it can't be made."""
        try:
            self.good.append((number, make()))
        except (ValueError, RecursionError):
            self.bad.append(number)


# ---------------------------------------------------------------- what is written

SPACES: Final = ["", "", "", " ", "  ", "\t", " \r"]
TEXTS: Final = [
    *("", " ", "a", "thing", "é日😀", "null", "1", "-0.0", "NaN", "true", "a,b", "#", "=1", "\x7f", "\u2028\u2029\x85"),
    *("\ufeff", "\ufffd", "\uffff", "e\u0301", "x" * 300, "{'a': 1}", '{"a":1}', "[]", "  x  "),
]
ESCAPES: Final = [
    *(r"\u0000", r"\/", r"\b\f\n\r\t", r"\\", r"\"", r"\ud83d\ude00", r"\uFFFE", r"\u00e9", r"\u00E9", r"\u007f"),
    *(r"\u0041", r"\ud800", r"\udc00x", r"\ud83d", r"\x", r"\u12", "\\", "\t", "\x00", "\x1f", '"'),
]
NUMBERS: Final = [
    *("0", "-0", "-0.0", "1", "7.50", "1e5", "1E+5", "1e-5", "0.1", "2.675", "5e-324", "1e-400", "1e400", "-1e999"),
    *("9007199254740993", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1" + "0" * 30),
    *("18446744073709551615", "18446744073709551616", "0." + "3" * 60, "1" + "0" * 400, "123456789012345678.5"),
    *("01", "+1", ".5", "1.", "1e", "-", "0x1F", "1_000", "1,5", "NaN", "Infinity", "-Infinity", "inf"),
]
WORDS: Final = ["true", "false", "null", "True", "None", "nul", "undefined", "'a'", ""]
DEEP: Final = [20, 20, 20_000]
"""Levels of what is nested: what every reader takes, and what none does."""


def text(dice: random.Random) -> str:
    """Write a text, most of them without an escape."""
    body = dice.choice(TEXTS)
    if dice.random() < 0.2:
        body = dice.choice(["", body.replace('"', ""), "x"]) + dice.choice(ESCAPES) + dice.choice(["", "y"])
        return f'"{body}"'
    return json.dumps(body, ensure_ascii=dice.random() < 0.5)


def value(dice: random.Random, depth: int = 2) -> str:
    """Write any value."""
    plain = dice.choice([text(dice), dice.choice(NUMBERS), dice.choice(WORDS)])
    return plain if not depth or dice.random() < 0.6 else _nested(dice, depth)


def _nested(dice: random.Random, depth: int) -> str:
    roll = dice.random()
    if roll < 0.5:
        items = [value(dice, depth - 1) for _ in range(dice.randrange(4))]
        return "[" + f"{dice.choice(SPACES)},".join(items) + dice.choice(["]", "]", "]", ",]", ""])
    if roll < 0.8:
        pairs = [f"{text(dice)}{dice.choice(SPACES)}: {value(dice, depth - 1)}" for _ in range(dice.randrange(4))]
        return "{" + ", ".join(pairs + pairs[: dice.randrange(2)]) + dice.choice(["}", "}", "}", ",}", ""])
    return _rarely(dice)


def _rarely(dice: random.Random) -> str:
    match dice.randrange(40):
        case 0:
            levels = dice.choice(DEEP)
            return "[" * levels + "]" * levels
        case 1:
            return "9" * 5_000  # more digits than Python makes a number of
        case 2:
            return json.dumps("long " * 20_000)
        case _:
            return "[" * 20 + "]" * 20


def ordinary(dice: random.Random, column: str, number: int) -> str:
    """Write what a column should have."""
    match column:
        case "sku":
            return dice.choice([f'"s{number}"'] * 4 + [str(number)])
        case "price":
            return dice.choice([str(number % 9), f"{number % 9}.5", "1.25", "null"])
        case "title":
            return text(dice) if dice.random() < 0.1 else f'"thing {number}"'
        case "tags":
            return dice.choice(['["a", "b"]', "[]", '"one"', "null", '["x", null, 1.0, true]'])
        case _:
            return dice.choice(['{"k": 1}', '{"k":[1,2.50]}', "null", '"text"', '{"a": {"b": "c"}, "a": 1}'])


def line(dice: random.Random, number: int, odd: float = 0.08) -> bytes:
    """Write a line without its end: mostly a row, of which a share of values is odd; now and then anything."""
    if dice.random() < 0.03:
        return dice.choice([b"", b" ", b"\t\r", b"\x0b\x0c", b"{}", b"[]", b"null", b"{", b"}", b"\x00", BOM, b"{}{}"])
    fields: list[str] = []
    for need in NEEDS:
        if dice.random() < 0.03:
            continue
        made = value(dice) if dice.random() < odd else ordinary(dice, need.column, number)
        key = f"\\u{ord(need.column[0]):04x}{need.column[1:]}" if dice.random() < 0.02 else need.column
        fields.append(f'"{key}"{dice.choice(SPACES)}:{dice.choice(SPACES)}{made}')
    if dice.random() < 0.2:
        made = value(dice)
        # Python reads no row with a number of 5,000 digits, msgspec where the column is not asked for: either is right.
        fields.append(f"{text(dice)}: {made if '9' * 5_000 not in made else 'null'}")
    if dice.random() < 0.05:
        fields.append(dice.choice(fields or ['"x": 1']))
    if dice.random() < 0.2:
        dice.shuffle(fields)
    made = dice.choice(SPACES) + "{" + f",{dice.choice(SPACES)}".join(fields) + "}" + dice.choice(SPACES)
    return _bent(dice, made.encode("utf-8", "surrogatepass"))


def _bent(dice: random.Random, made: bytes) -> bytes:
    """Damage one line in forty."""
    if dice.random() > 0.025:
        return made
    at = dice.randrange(len(made) + 1)
    some = dice.choice([b"\xff", b"\xed\xa0\x80", b"\xc3", b"\x00", b"\r", b'"', b"\\"])
    return dice.choice(
        [
            made[:at],
            made[:at] + some + made[at:],
            made + dice.choice([b",", b" {}", b"]", b"//", BOM, b" x"]),
            dice.choice([BOM, b"[", b",", b"\x0b", b"{} "]) + made,
            made[at:] + made[:at],
            made[:at] + made[at + 1 :],
        ]
    )


def lines(dice: random.Random, rows: int) -> bytes:
    """Write a file of JSON Lines: line ends of both kinds, a mark before it, a last line without an end."""
    ends = [b"\n", b"\n", b"\r\n"] if dice.random() < 0.3 else [b"\n"]
    made = b"".join(line(dice, number) + dice.choice(ends) for number in range(rows))
    return dice.choice([b"", b"", b"", BOM]) + (made[:-1] if dice.random() < 0.2 else made)


def array(dice: random.Random, rows: int) -> bytes:
    """Write a file that is one JSON array: elements over several lines, now and then none, or an end that lacks."""
    made = [line(dice, number).replace(b", ", dice.choice([b", ", b", ", b",\n"])) for number in range(rows)]
    if dice.random() < 0.9:
        made = [one for one in made if _elements(b"[" + one + b"]") is not None]
    start = dice.choice([b"[", b"[", b" \n[\n", BOM + b"["])
    stop = b"]" if dice.random() < 0.9 else dice.choice([b"", b"]]", b"}", b"] x", b",]", b'"'])
    return start + dice.choice([b",", b",\n", b"\r\n, "]).join(made) + stop + dice.choice([b"", b"\n"])


# ---------------------------------------------------------------- what it means


class _Huge:
    """A whole number of more digits than Python reads."""


def _whole(digits: str) -> int | _Huge:
    try:
        return int(digits)
    except ValueError:
        return _Huge()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _checked(json.dumps(pairs, ensure_ascii=False, default=str))
    return dict(pairs)


def told_of_lines(content: bytes, needs: Sequence[Need]) -> Told | None:
    """Return what Python's json makes of a file of JSON Lines; None for one that looks like a single long object."""
    all_lines = content.removeprefix(BOM).split(b"\n")
    if all_lines[0].strip() == b"{" and all_lines[1:] and all_lines[1].lstrip()[:1] == b'"':
        return None
    return _told(enumerate(all_lines), needs)


def told_of_array(content: bytes, needs: Sequence[Need]) -> Told | None:
    """Return what Python's json makes of each element of an array, by its place; None where brackets don't match."""
    if not content.removeprefix(BOM).strip(b" \t\r\n").startswith(b"["):
        return told_of_lines(content, needs)
    elements = _elements(content.removeprefix(BOM))
    return None if elements is None else _told(enumerate(elements), needs)


STRUCTURE: Final = re.compile(rb'[\\"\[\]{},]')


def _elements(content: bytes) -> list[bytes] | None:
    """Cut an array at its commas, one sign after the other."""
    depth, quoted, begun, skipped = 0, False, 0, -1
    found: list[bytes] = []
    for match in STRUCTURE.finditer(content):
        sign, place = match[0], match.start()
        if place == skipped:
            continue
        if quoted:
            skipped = place + 1 if sign == b"\\" else -1
            quoted = sign != b'"'
        elif sign == b'"':
            quoted = True
        elif sign in b"[{":
            if not depth and (found or content[begun:place].strip(b" \t\r\n") or sign != b"["):
                return None
            depth += 1
            begun = begun if depth > 1 else place + 1
        elif sign in b"]}":
            depth -= 1
            if depth < 0 or (not depth and sign != b"]"):
                return None
        if not quoted and ((sign == b"," and depth == 1) or (sign == b"]" and depth == 0)):
            found.append(content[begun:place].strip(b" \t\r\n"))
            begun = place + 1
    return None if depth or quoted or content[begun:].strip(b" \t\r\n") else found


def _told(numbered: Iterable[tuple[int, bytes]], needs: Sequence[Need]) -> Told:
    told = Told()
    for number, one in numbered:
        if one.strip():
            told.add(number, lambda one=one: _row(_loaded(one), needs))
    return told


def _loaded(one: bytes) -> Any:
    return json.loads(one.decode(), parse_int=_whole, object_pairs_hook=_object)


def _row(found: Any, needs: Sequence[Need]) -> Values:
    if not isinstance(found, dict):
        message = "no object"
        raise ValueError(message)  # noqa: TRY004 - a bad row, like the others
    return {
        need.column: _meant(found if need.kind == "record" else found.get(need.column), need.kind) for need in needs
    }


def _meant(given: Any, kind: str) -> Any:
    """Return what a column of a kind holds for a value.

    Raises:
        ValueError: for a value that it can't hold.
    """
    if given is None:
        return None
    if kind == "record":
        held = {key: item for key, item in given.items() if item is not None}
        return _checked(_written(held, sort_keys=True, ensure_ascii=False))
    if kind == "json":
        return given if isinstance(given, str) else _written(given)
    if kind == "list":
        return [None if item is None else _scalar(item) for item in (given if isinstance(given, list) else [given])]
    return _as_float(given) if kind == "number" else _scalar(given)


def _as_float(number: Any) -> float | None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        message = "no number"
        raise ValueError(message)  # noqa: TRY004 - a bad row, like the others
    try:
        return None if math.isnan(number) else float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _scalar(item: Any) -> str:
    if isinstance(item, list | dict | _Huge):
        message = "no scalar"
        raise ValueError(message)  # noqa: TRY004 - a bad row, like the others
    return _checked(item if isinstance(item, str) else json.dumps(item))


def _written(item: Any, **how: Any) -> str:
    try:
        return json.dumps(item, **how)
    except TypeError:
        message = "holds a number of too many digits"
        raise ValueError(message) from None


def _checked(made: str) -> str:
    made.encode()  # half a character is no text
    return made
