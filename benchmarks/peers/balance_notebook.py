"""The notebook's cells from pickle to dataset: unpickle, a dict of lists, numpy.random.choice, Dataset.from_dict.

python balance_notebook.py FOLDER ROWS
"""

from __future__ import annotations

import pickle
import random
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from datasets import Dataset, DatasetDict
from meter import Meter

if TYPE_CHECKING:
    from items import Item


def main(folder: str, rows: str) -> None:
    """Balance and tell."""
    meter = Meter()
    items: list[Item] = pickle.loads(Path(folder, "items.pkl").read_bytes())
    slots: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        slots[round(item.price)].append(item)
    np.random.seed(42)
    random.seed(42)
    sample: list[Item] = []
    for number in range(1, 1000):
        slot = slots[number]
        if number >= 240 or len(slot) <= 1200:
            sample.extend(slot)
            continue
        weights = np.array([1 if item.category == "Automotive" else 5 for item in slot])
        chosen = np.random.choice(len(slot), size=1200, replace=False, p=weights / weights.sum())
        sample.extend(slot[place] for place in chosen)
    random.shuffle(sample)
    cut = len(sample) - 2_000
    splits = {"train": sample[:cut], "test": sample[cut:]}
    made = DatasetDict(
        {
            name: Dataset.from_dict({"text": [item.prompt for item in part], "price": [item.price for item in part]})
            for name, part in splits.items()
        }
    )
    with tempfile.TemporaryDirectory() as out:
        for name, part in made.items():
            part.to_parquet(Path(out, f"{name}.parquet"))
        meter.add(int(rows))
        meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(len(sample))))


if __name__ == "__main__":
    main(*sys.argv[1:])
