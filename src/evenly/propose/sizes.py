"""A size as people write it: rows, or tokens."""

from __future__ import annotations

import re
from typing import Final

from evenly.errors import UserError

SIZE: Final = re.compile(r"([\d,_ ]*\d(?:\.\d+)?)\s*([kKmMbBgG]?)\s*(rows?|tokens?|tok|t)?")
FACTORS: Final = {"": 1, "k": 1_000, "m": 1_000_000, "b": 1_000_000_000, "g": 1_000_000_000}


def size_of(text: str) -> int | dict[str, int]:
    """Return a size in rows, or in tokens as a recipe writes it.

    >>> size_of("400k"), size_of("50Mtokens"), size_of("1,200 rows")
    (400000, {'tokens': 50000000}, 1200)

    Raises:
        UserError: for what is no size.
    """
    match = SIZE.fullmatch(text.strip())
    number = 0.0
    if match is not None:
        number = float(re.sub(r"[,_ ]", "", match[1])) * FACTORS[match[2].lower()]
    if match is None or not 1 <= number <= 2**52:
        message = f"--size {text}: is no size. Write rows such as 400k, or tokens such as 50Mtokens."
        raise UserError(message)
    return {"tokens": int(number)} if (match[3] or "").startswith("t") else int(number)
