"""The notebook's way to curate: json.loads, Python loops, one text at a time through `tokenizers`, two processes.

    python notebook.py TOKENIZER ROWS FILE...

Prints rows a second and a digest of the prompts.
"""

from __future__ import annotations

import json
import os
import re
import sys
from itertools import chain, islice
from multiprocessing import Pool
from typing import TYPE_CHECKING, Any

from meter import Meter
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1_000
DELETED = (
    *('"Batteries Included?": "No"', '"Batteries Included?": "Yes"'),
    *('"Batteries Required?": "No"', '"Batteries Required?": "Yes"'),
    *("By Manufacturer", "Item", "Date First", "Package", ":", "Number of", "Best Sellers", "Number", "Product "),
)
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
QUESTION = "How much does this cost to the nearest dollar?"
state: dict[str, Tokenizer] = {}


def start(path: str) -> None:
    """Load the tokenizer, once in each process."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    state["tokenizer"] = Tokenizer.from_file(path)
    state["tokenizer"].encode_special_tokens = True


def scrub(text: str) -> str:
    """Clean a title or contents."""
    text = re.sub(r'[:\[\]"{}【】\s]+', " ", text).strip()
    text = text.replace(" ,", ",").replace(",,,", ",").replace(",,", ",")
    return " ".join(word for word in text.split(" ") if len(word) < 7 or not any(map(str.isdigit, word)))


def price_of(value: Any) -> float | None:
    """Return a price as a number, or None."""
    if isinstance(value, str):
        value = float(value) if NUMBER.fullmatch(value.strip()) else None
    return None if value is None or isinstance(value, bool) else float(value)


def curate(line: bytes) -> str | None:
    """Return a listing's prompt, or None for one that is dropped or can't be read."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    price = price_of(record.get("price")) if isinstance(record, dict) else None
    if price is None or not 0.5 <= price <= 999.49:
        return None
    details = record.get("details")
    details = "" if details is None else details if isinstance(details, str) else json.dumps(details)
    for deleted in DELETED:
        details = details.replace(deleted, "")
    lists = ["\n".join(item for item in record.get(key) or [] if item) for key in ("description", "features")]
    contents = "".join(f"{part}\n" for part in (*lists, details) if part)
    if len(contents) <= 300:
        return None
    tokenizer = state["tokenizer"]
    text = f"{scrub(record['title'])}\n{scrub(contents[:1120])}"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    if len(ids) <= 150:
        return None
    if len(ids) > 160:
        text = tokenizer.decode(ids[:160], skip_special_tokens=False)
    prompt = f"{QUESTION}\n\n{text}\n\nPrice is ${round(price)}.00"
    tokenizer.encode(prompt, add_special_tokens=False)  # its length is what the histogram shows
    return prompt


def work(lines: list[bytes]) -> tuple[int, list[str]]:
    """Curate some lines."""
    return len(lines), [prompt for prompt in map(curate, lines) if prompt is not None]


def chunks(files: list[str], rows: int) -> Iterator[list[bytes]]:
    """Yield the first `rows` lines of some files, some at a time."""
    opened = (open(file, "rb") for file in files)
    lines = islice(chain.from_iterable(opened), rows)
    while chunk := list(islice(lines, CHUNK)):
        yield chunk


def main(tokenizer: str, rows: str, *files: str) -> None:
    """Curate and tell."""
    meter = Meter()
    prompts: list[str] = []
    with Pool(2, start, (tokenizer,)) as pool:
        for read, made in pool.imap(work, chunks(list(files), int(rows))):
            prompts += made
            meter.add(read)
    meter.report(prompts)


if __name__ == "__main__":
    main(*sys.argv[1:])
