"""What imbalanced-learn does, of what the README's comparison says: true or false by claim, as JSON."""

import inspect
import json

import numpy as np
from imblearn.under_sampling import RandomUnderSampler

chance = np.random.default_rng(7)
labels = np.where(chance.random(20_000) < 0.9, "common", "rare")
ids = np.arange(labels.size)[:, None]


def selected(order: np.ndarray) -> np.ndarray:
    """Draw 500 of each class from rows in some order."""
    sampler = RandomUnderSampler(sampling_strategy={"common": 500, "rare": 500}, random_state=42)
    return sampler.fit_resample(ids[order], labels[order])[0][:, 0]


try:
    RandomUnderSampler(random_state=42).fit_resample(ids, chance.lognormal(3, 1, labels.size))
    numeric = True
except ValueError:
    numeric = False
order = chance.permutation(labels.size)
first, again = selected(np.arange(labels.size)), selected(order)
claims = {
    "exact size": first.size == 1000,
    "numeric label": numeric,
    "same rows in any order": set(first.tolist()) == set(again.tolist()),
    "beyond memory": False,  # it takes arrays
    "weighted": "sample_weight" in inspect.signature(RandomUnderSampler.fit_resample).parameters,
    "inclusion probabilities": False,  # it keeps sample_indices_, no probabilities
}
print(json.dumps(claims))
