"""Evenly turns millions of skewed records into a balanced training set, shows what it did, and can do it again.

>>> import evenly
>>> recipe = evenly.Recipe.from_file("recipe.yaml")      # doctest: +SKIP
>>> evenly.run(recipe, out="balanced").manifest["rows"]  # doctest: +SKIP

Importing this is quick and does nothing: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from evenly.api.frames import balance
    from evenly.api.machine import doctor
    from evenly.api.models import ablate, tune
    from evenly.api.outputs import compare, load, push, report, verify, why
    from evenly.api.proposals import init
    from evenly.api.runs import cache, check, demo, plan, run, schema
    from evenly.errors import EvenlyError, RecipeError, UserError, VerificationError
    from evenly.flow.run import PlanResult, RunResult
    from evenly.recipe.model import Recipe
    from evenly.web.begin import studio

_HOME = {
    "ablate": "evenly.api.models",
    "balance": "evenly.api.frames",
    "cache": "evenly.api.runs",
    "check": "evenly.api.runs",
    "compare": "evenly.api.outputs",
    "demo": "evenly.api.runs",
    "doctor": "evenly.api.machine",
    "init": "evenly.api.proposals",
    "plan": "evenly.api.runs",
    "report": "evenly.api.outputs",
    "run": "evenly.api.runs",
    "load": "evenly.api.outputs",
    "push": "evenly.api.outputs",
    "verify": "evenly.api.outputs",
    "why": "evenly.api.outputs",
    "schema": "evenly.api.runs",
    "studio": "evenly.web.begin",
    "tune": "evenly.api.models",
    "EvenlyError": "evenly.errors",
    "RecipeError": "evenly.errors",
    "UserError": "evenly.errors",
    "VerificationError": "evenly.errors",
    "PlanResult": "evenly.flow.run",
    "RunResult": "evenly.flow.run",
    "Recipe": "evenly.recipe.model",
}

__all__ = [
    "EvenlyError",
    "PlanResult",
    "Recipe",
    "RecipeError",
    "RunResult",
    "UserError",
    "VerificationError",
    "__version__",
    "ablate",
    "balance",
    "cache",
    "check",
    "compare",
    "demo",
    "doctor",
    "init",
    "load",
    "plan",
    "push",
    "report",
    "run",
    "schema",
    "studio",
    "tune",
    "verify",
    "why",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name is
    """Load a public name from where it lives, the first time that it is used."""
    if name not in _HOME:
        message = f"module 'evenly' has no attribute '{name}'"
        raise AttributeError(message)
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
