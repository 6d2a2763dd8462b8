"""The course's 2024 rules (COURSE.md), record by record in plain Python: slow, independent, the recipe's oracle."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tokenizers import Tokenizer

DELETED: Final = (
    '"Batteries Included?": "No"',
    '"Batteries Included?": "Yes"',
    '"Batteries Required?": "No"',
    '"Batteries Required?": "Yes"',
    "By Manufacturer",
    "Item",
    "Date First",
    "Package",
    ":",
    "Number of",
    "Best Sellers",
    "Number",
    "Product ",
)
QUESTION: Final = "How much does this cost to the nearest dollar?"
NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def price_of(value: Any) -> float | None:
    """Return a price as a number, or None for what is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(value) if isinstance(value, str) and NUMBER.fullmatch(value.strip()) else None


def scrub(text: str) -> str:
    """Clean a title or contents."""
    text = re.sub(r'[:\[\]"{}【】\s]+', " ", text).strip()
    text = text.replace(" ,", ",").replace(",,,", ",").replace(",,", ",")
    return " ".join(word for word in text.split(" ") if len(word) < 7 or not any(c.isdigit() for c in word))


def contents_of(record: dict[str, Any]) -> str:
    """Join descriptions, features and details."""
    parts = [
        "\n".join(item for item in record.get(key) or [] if item is not None) for key in ("description", "features")
    ]
    details = record.get("details")
    if details is not None:
        text = details if isinstance(details, str) else json.dumps(details)
        for deleted in DELETED:
            text = text.replace(deleted, "")
        parts.append(text)
    return "".join(f"{part}\n" for part in parts if part)


def prompt_of(record: dict[str, Any], tokenizer: Tokenizer) -> tuple[str | None, str | None]:
    """Return (prompt with price, None), or (None, the step that drops the record)."""
    price = price_of(record.get("price"))
    if price is None or not 0.5 <= price <= 999.49:
        return None, "number"
    contents = contents_of(record)
    if len(contents) <= 300:
        return None, "chars"
    text = f"{scrub(record['title'])}\n{scrub(contents[:1120])}"
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    if len(ids) <= 150:
        return None, "tokens"
    if len(ids) > 160:
        text = tokenizer.decode(ids[:160], skip_special_tokens=False)
    return f"{QUESTION}\n\n{text}\n\nPrice is ${round(price)}.00", None
