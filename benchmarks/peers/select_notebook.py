"""The notebook's way to select: a dict of lists, a loop over slots, numpy.random.choice.

python select_notebook.py FILE ROWS
"""

from __future__ import annotations

import sys
from collections import defaultdict

import numpy as np
from meter import Meter


def main(path: str, rows: str) -> None:
    """Select and tell."""
    data = np.load(path, allow_pickle=False)
    items = list(zip(data["price"][: int(rows)].tolist(), data["category"][: int(rows)].tolist(), strict=True))
    meter = Meter()
    slots: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for item in items:
        slots[round(item[0])].append(item)
    np.random.seed(42)
    sample: list[tuple[float, int]] = []
    for number in range(1, 1000):
        slot = slots[number]
        if number >= 240 or len(slot) <= 1200:
            sample.extend(slot)
            continue
        weights = np.array([1 if item[1] == 0 else 5 for item in slot])
        chosen = np.random.choice(len(slot), size=1200, replace=False, p=weights / weights.sum())
        sample.extend(slot[place] for place in chosen)
    meter.add(len(items))
    meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(len(sample))))


if __name__ == "__main__":
    main(*sys.argv[1:])
