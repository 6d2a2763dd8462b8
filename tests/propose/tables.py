"""Small made tables of every kind, as files."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

WORDS = [
    "kettle",
    "lamp",
    "chair",
    "drill",
    "guitar",
    "puzzle",
    "bottle",
    "filter",
    "cable",
    "phone",
    "desk",
    "mirror",
    "speaker",
    "heater",
    "basket",
    "pillow",
]


def prose(number: int, length: int = 14) -> str:
    """Return a sentence that no other number has."""
    return " ".join([*(WORDS[(number * 7 + place * place) % len(WORDS)] for place in range(length)), f"no. {number}"])


def listings(rows: int) -> list[dict[str, Any]]:
    """Return goods with long-tailed prices."""
    return [
        {
            "sku": f"S{number:05d}",
            "title": prose(number, 6),
            "description": prose(number, 30),
            "price": round(1.5 * 1.012 ** (number % 500), 2),
            "shelf": ("garden", "garden", "garden", "kitchen", "office")[number % 5],
            "currency": "USD",
        }
        for number in range(rows)
    ]


def reviews(rows: int) -> list[dict[str, Any]]:
    """Return texts of three unequal classes."""
    return [
        {"id": number, "review": prose(number), "sentiment": ("good", "good", "good", "bad", "mixed")[number % 5]}
        for number in range(rows)
    ]


def chats(rows: int) -> list[dict[str, Any]]:
    """Return conversations in three unequal domains."""
    return [
        {
            "messages": [
                {"role": "user", "content": prose(number)},
                {"role": "assistant", "content": prose(number, 5)},
            ],
            "domain": ("web", "web", "web", "code")[number % 4],
        }
        for number in range(rows)
    ]


def answers(rows: int) -> list[dict[str, Any]]:
    """Return questions and answers."""
    return [{"question": prose(number), "answer": prose(number, 40)} for number in range(rows)]


def texts(rows: int) -> list[dict[str, Any]]:
    """Return plain texts of several domains."""
    return [
        {
            "text": prose(number, 60),
            "domain": ("web", "web", "web", "web", "code", "law")[number % 6],
            "url": f"https://a.b/{number}",
        }
        for number in range(rows)
    ]


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write rows as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
