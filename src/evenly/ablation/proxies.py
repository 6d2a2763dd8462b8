"""The proxies: small models that stand for the large one, fitted in a second on a processor.

What they show of two training sets is a hint at what a large model would make of them, not a measurement of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge  # pyright: ignore[reportMissingTypeStubs] - it has none

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Scale = Literal["units", "log"]
Seen = Literal["directions", "squeezed"]


@dataclass(frozen=True)
class Proxy:
    """A kind of model.

    Attributes:
        name: what `--proxies` calls it.
        seen: which features it is fitted on, see `evenly.ablation.features`.
        what: it in words.
        parameters: of the model of numbers and of that of classes.
    """

    name: str
    seen: Seen
    what: str
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])


_TREES: Final = {
    "n_estimators": 200,
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_child_samples": 20,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.5,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

PROXIES: Final = {
    proxy.name: proxy
    for proxy in (
        Proxy(
            "ridge",
            "directions",
            "hashed words and word pairs, ridge regression (classes: logistic regression)",
            {
                "number": {"alpha": 1.0, "solver": "sparse_cg", "tol": 1e-3},
                "class": {"C": 10.0, "max_iter": 100, "tol": 1e-3},
            },
        ),
        Proxy(
            "trees",
            "squeezed",
            "TF-IDF, truncated SVD, gradient-boosted trees (LightGBM)",
            {"number": _TREES, "class": _TREES | {"n_estimators": 50}},
        ),
    )
}


@dataclass(frozen=True)
class Examples:
    """What a model is fitted on: features, labels or classes' numbers, and weights or None."""

    features: Any
    label: Floats
    weight: Floats | None = None


def predict_numbers(proxy: Proxy, scale: Scale, train: Examples, test: Any, seed: int) -> Floats:  # noqa: ANN401 - a matrix, sparse or not
    """Fit a proxy to numbers, in their own units or as log(1 + label), and return what it says of `test`, Float64.

    Predictions are held within the range of the labels that it was fitted on: a large model answers within it too.
    """
    target = np.log1p(train.label) if scale == "log" else train.label
    model = _number_model(proxy, seed)
    model.fit(train.features, target, sample_weight=train.weight)
    said = np.asarray(model.predict(test), dtype=np.float64)
    low, high = float(train.label.min()), float(train.label.max())
    if scale == "log":
        said = np.expm1(np.clip(said, np.log1p(low), np.log1p(high)))
    return np.clip(said, low, high)


def predict_classes(proxy: Proxy, train: Examples, test: Any, seed: int) -> Floats:  # noqa: ANN401 - a matrix, sparse or not
    """Fit a proxy to classes and return the number of the class that it says for each of `test`, Float64."""
    parameters = proxy.parameters["class"]
    trees = proxy.seen == "squeezed"
    model: Any = _trees("LGBMClassifier", seed, parameters) if trees else LogisticRegression(**parameters)
    model.fit(train.features, train.label.astype(np.int64), sample_weight=train.weight)
    return np.asarray(model.predict(test), dtype=np.float64)


def _number_model(proxy: Proxy, seed: int) -> Any:  # noqa: ANN401 - one of several libraries'
    parameters = proxy.parameters["number"]
    if proxy.seen == "squeezed":
        return _trees("LGBMRegressor", seed, parameters)
    return Ridge(**parameters)


def _trees(kind: str, seed: int, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - LightGBM has no types of its own
    """Return a model of LightGBM's; where its library can't be loaded (for want of libgomp), this proxy alone fails."""
    import lightgbm  # noqa: PLC0415

    return getattr(lightgbm, kind)(random_state=seed, n_jobs=os.cpu_count() or 1, **parameters)
