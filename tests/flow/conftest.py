"""Every test of the flow runs on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evenly.flow import run

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe


@pytest.fixture(params=["local", "ray"], autouse=True)
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Let runs that name no engine use this one."""
    if request.param == "local":
        return
    request.getfixturevalue("_ray")
    opened = run.opened

    def on_ray(name: str, recipe: Recipe) -> AbstractContextManager[Engine]:
        assert name == "local"
        return opened("ray", recipe)

    monkeypatch.setattr(run, "opened", on_ray)
