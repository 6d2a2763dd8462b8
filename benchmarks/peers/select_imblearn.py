"""imbalanced-learn's RandomUnderSampler: a cap for each slot, no weights.

python select_imblearn.py FILE ROWS
"""

from __future__ import annotations

import sys

import numpy as np
from imblearn.under_sampling import RandomUnderSampler
from meter import Meter


def main(path: str, rows: str) -> None:
    """Select and tell."""
    data = np.load(path, allow_pickle=False)
    price = data["price"][: int(rows)]
    meter = Meter()
    slots = np.rint(price).astype(np.int64)
    inside = np.flatnonzero((slots >= 1) & (slots <= 999))
    numbers, counts = np.unique(slots[inside], return_counts=True)
    wanted = {int(n): int(c) if n >= 240 else min(int(c), 1200) for n, c in zip(numbers, counts, strict=True)}
    sampler = RandomUnderSampler(sampling_strategy=wanted, random_state=42)
    chosen, _ = sampler.fit_resample(inside[:, None], slots[inside])
    meter.add(int(rows))
    meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(len(chosen))))


if __name__ == "__main__":
    main(*sys.argv[1:])
