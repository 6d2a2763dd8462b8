"""Every test of the flow runs on both engines; on Ray, those that say little of an engine do so in the soak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evenly.flow import run

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from evenly.engines.base import Engine
    from evenly.recipe.model import Recipe


IN_CI = {"test_run", "test_holdout"}
"""Modules that run on Ray each time."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "flow" and item.path.stem not in IN_CI and "[ray" in item.name:
            item.add_marker(pytest.mark.soak)


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
