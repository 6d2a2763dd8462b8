"""What the notebook's way does, of what the README's comparison says: true or false by claim, as JSON."""

import json
import random
from collections import defaultdict

import numpy as np

ROWS = [(f"r{number}", 1.02 ** (number % 400), "ab"[number % 9 == 0]) for number in range(20_000)]
CAP = 10


def selected(rows: list[tuple[str, float, str]]) -> list[tuple[str, float, str]]:
    """Draw as the notebook does: a list for each dollar, at most so many of each, seeded."""
    chance = np.random.RandomState(42)
    slots = defaultdict(list)
    for row in rows:
        slots[round(row[1])].append(row)
    found = []
    for slot in slots.values():
        if len(slot) <= CAP:
            found += slot
            continue
        weights = np.array([1 if row[2] == "a" else 5 for row in slot], float)
        picked = chance.choice(len(slot), CAP, replace=False, p=weights / weights.sum())
        found += [slot[place] for place in picked]
    return found


shuffled = ROWS[:]
random.Random(1).shuffle(shuffled)
first, again = selected(ROWS), selected(shuffled)
heavy = [sum(row[2] == "b" for row in one) / len(one) for one in (ROWS, first)]
claims = {
    "exact size": False,  # the size is what the constants give: nothing in it takes a size
    "numeric label": len(first) > 0,
    "same rows in any order": {row[0] for row in first} == {row[0] for row in again},
    "beyond memory": False,  # the lists hold every record
    "weighted": heavy[1] > 2 * heavy[0],
    "inclusion probabilities": False,  # numpy's draw returns places, no probabilities
}
print(json.dumps(claims))
