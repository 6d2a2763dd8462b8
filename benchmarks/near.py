"""How fast near-duplicates are found: signatures and groups of titles, beside a plain script on the same library."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import polars as pl
import rensa  # pyright: ignore[reportMissingTypeStubs]

from evenly.columns import ID, LINE, PIECE
from evenly.core.duplicates import signed
from evenly.flow.near import near_losers
from evenly.recipe.steps import NearUnique
from machine import keep

ROWS = 50_000
AGAIN = 10
STEP = NearUnique(column="text", threshold=0.8, ngram=3)


def texts() -> list[str]:
    """Return listings of some 40 words, one in ten nearly another."""
    dice = random.Random(1)
    words = [f"word{number}" for number in range(5_000)]
    made: list[str] = []
    for number in range(ROWS):
        spoken = made[dice.randrange(number)].split() if number % AGAIN == AGAIN - 1 else dice.choices(words, k=40)
        made.append(" ".join([*spoken[:-1], dice.choice(words)]))
    return made


def ours(made: list[str]) -> tuple[float, int]:
    """Return seconds, and the records lost."""
    begun = time.perf_counter()
    frame = pl.DataFrame(
        {ID: [str(n) for n in range(ROWS)], PIECE: [0] * ROWS, LINE: range(ROWS), "text": made},
        schema={ID: pl.String, PIECE: pl.UInt32, LINE: pl.UInt64, "text": pl.String},
    )
    frames = [frame[start : start + 10_000] for start in range(0, ROWS, 10_000)]
    with tempfile.TemporaryDirectory() as folder:
        keys = (one.with_columns(signed(one, STEP).alias("s")) for one in frames)
        lost = near_losers(keys, ROWS, "s", STEP.threshold, Path(folder)).height
    return time.perf_counter() - begun, lost


def plain(made: list[str]) -> tuple[float, int]:
    """Return seconds, and the records lost: the library's index, asked for each text; the first of a group stays."""
    begun = time.perf_counter()
    index = rensa.RMinHashLSH(threshold=STEP.threshold, num_perm=128, num_bands=16)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
    lost = 0
    for number, text in enumerate(made):
        words = text.lower().split()
        one = rensa.RMinHash(num_perm=128, seed=42)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
        one.update([" ".join(words[at : at + 3]) for at in range(len(words) - 2)])
        if index.query(one):
            lost += 1
        else:
            index.insert(number, one)
    return time.perf_counter() - begun, lost


def main() -> None:
    """Measure both and print the ratio."""
    made = texts()
    (mine, lost), (theirs, lost_there) = ours(made), plain(made)
    print(
        f"near_unique {ROWS / mine:,.0f} rows/s ({lost:,} lost), a plain script {ROWS / theirs:,.0f} ({lost_there:,})"
    )
    print(f"{theirs / mine:.2f} times as fast, and the same in any order")
    result = {"rows_per_second": round(ROWS / mine), "ratio_to_a_plain_script": round(theirs / mine, 2)}
    keep("near", result, "rensa", "polars")


if __name__ == "__main__":
    main()
