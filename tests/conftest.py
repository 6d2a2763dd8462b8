"""What every test shares: a cache of its own, the real data where it lies beside the project, and small recipes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# How long an example takes says how busy the machine is; a folder that examples share is one that they write anew.
settings.register_profile(
    "evenly", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("evenly")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where processes share the tests, one has all that use what a module makes once, or Ray; slow ones go singly."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        made = getattr(item, "_fixtureinfo", None)
        kept = [one for name in names if made for one in made.name2fixturedefs.get(name, ()) if one.scope == "module"]
        own = str(item.path) if kept or "slow" not in item.keywords else item.nodeid
        item.add_marker(pytest.mark.xdist_group("ray" if "_ray" in names or "[ray" in item.name else own))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody answers there: no test asks the real Hub


@pytest.fixture(autouse=True)
def _undrawn(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    """Draw no report but where a test asks for it: that takes seconds. The numbers behind it are always made."""
    if request.node.get_closest_marker("drawn") is None:
        monkeypatch.setattr("evenly.flow.run.write_report", lambda *_: None)
        monkeypatch.setattr("evenly.ablation.kept.write_page", lambda *_: None)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real listings; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real listings (../shared/data beside the project) are not here")
    return SHARED


@pytest.fixture(scope="session")
def _ray() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    """A Ray of two workers on this machine; runs with the engine `ray` find and use it."""
    if find_spec("ray") is None:
        pytest.skip("Ray is not installed; it has no wheel for the newest Python")
    from evenly.engines.ray import opened

    with opened(None, 2):
        yield


def write_lines(path: Path, rows: Iterable[Mapping[str, Any] | str | bytes]) -> Path:
    """Write JSON Lines: mappings as JSON, texts and bytes as they are."""
    lines = [
        row if isinstance(row, bytes) else (row if isinstance(row, str) else json.dumps(row)).encode() for row in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path
