"""Checks of the house itself: importing it, its public names, its commands, what it declares and what it locks."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import evenly
from evenly.cli import app

from .dist import UV, lacking_in, python_of

ROOT = Path(__file__).parents[1]
PUBLIC = [name for name in evenly.__all__ if name != "__version__"]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", re.MULTILINE)

# Reports what an `import evenly` in an interpreter of its own loads and changes.
PROBE = """
import json, logging, os, random, signal, sys, threading, warnings
def state():
    handlers = [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())]
    counts = [threading.active_count(), len(logging.root.handlers), len(warnings.filters)]
    return [handlers, counts, dict(os.environ), os.listdir()]
loaded, before, dice = set(sys.modules), state(), random.getstate()
import evenly
new = {name.partition(".")[0] for name in set(sys.modules) - loaded} - set(sys.stdlib_module_names)
print(json.dumps({"loaded": sorted(new), "unchanged": state() == before and random.getstate() == dice}))
"""


def canonical(name: str) -> str:
    """Spell a distribution's name the one way that requirement files do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(requirements: list[str]) -> set[str]:
    return {canonical(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


def test_importing_evenly_loads_nothing_else_and_changes_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"loaded": ["evenly"], "unchanged": True}
    assert done.stderr == ""


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(evenly, name)
    assert value.__name__ == name
    own = vars(value).get("__doc__") if inspect.isclass(value) else inspect.getdoc(value)
    # A dataclass without a docstring is given its signature for one.
    assert own
    assert not own.startswith(f"{name}(")


def test_public_names_are_what_dir_shows() -> None:
    assert dir(evenly) == sorted(evenly.__all__)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        _ = evenly.rum  # pyright: ignore[reportAttributeAccessIssue]


def test_no_submodule_bears_a_public_name() -> None:
    submodules = {module.name for module in pkgutil.iter_modules(evenly.__path__)}
    assert submodules.isdisjoint(evenly.__all__)


def test_every_command_says_what_it_does_and_has_a_public_twin() -> None:
    commands = [command.callback for command in app.registered_commands]
    assert commands
    for callback in commands:
        assert callback is not None
        assert callback.__doc__, callback.__name__
        assert callback.__name__ in PUBLIC


def test_the_package_carries_its_types_and_one_version() -> None:
    assert files("evenly").joinpath("py.typed").is_file()
    assert evenly.__version__ == PROJECT["version"]


def test_every_import_of_another_package_is_declared() -> None:
    extras = [requirement for extra in PROJECT["optional-dependencies"].values() for requirement in extra]
    allowed = declared(PROJECT["dependencies"]) | declared(extras)
    distributions = packages_distributions()
    for path in sorted((ROOT / "src").rglob("*.py")):
        for package in imported_packages(path) - set(sys.stdlib_module_names) - {"evenly"}:
            owners = {canonical(owner) for owner in distributions.get(package, [package])}
            assert owners & allowed, f"{path.relative_to(ROOT)} imports {package}, which pyproject.toml does not name"


def imported_packages(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


LOADERS = {"pickle", "cloudpickle", "joblib", "dill", "marshal", "shelve", "subprocess", "runpy", "code"}
CALLS = {"eval", "exec", "compile", "__import__"}
METHODS = {("os", "system"), ("os", "popen"), ("yaml", "load"), ("pickle", "loads"), ("pl", "sql"), ("pl", "sql_expr")}


def test_nothing_runs_what_it_reads() -> None:
    """Engines alone hand functions of a caller's to their workers; see SECURITY.md."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        where = path.relative_to(ROOT)
        if "engines" not in where.parts:
            assert not imported_packages(path) & LOADERS, where
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = node.func.id if isinstance(node.func, ast.Name) else ""
            assert named not in CALLS, f"{where}:{node.lineno}"
            if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                called = (node.func.value.id, node.func.attr)
                assert called not in METHODS or "engines" in where.parts, f"{where}:{node.lineno}"
            assert "allow_pickle" not in {keyword.arg for keyword in node.keywords}, f"{where}:{node.lineno}"


def test_locked_files_hold_hashed_versions_and_no_place() -> None:
    paths = sorted((ROOT / "requirements").glob("*.txt"))
    assert [path.stem for path in paths] == ["audit", "build", "dev", "docs", "run", "uv"]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        entries = re.split(r"^(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE), flags=re.MULTILINE)
        for entry in filter(None, entries):
            assert PIN.match(entry), entry
            assert "--hash=sha256:" in entry, entry
        assert not re.search(r"://|--index|--extra-index|--find-links|@ ", text)


def test_what_is_declared_is_locked_and_the_tests_run_on_what_users_get() -> None:
    run, dev = (
        set(PIN.findall((ROOT / "requirements" / name).read_text(encoding="utf-8"))) for name in ("run.txt", "dev.txt")
    )
    assert declared(PROJECT["dependencies"]) <= {name for name, _ in run}
    assert run <= dev


def test_a_wheel_has_the_files_that_are_no_code(tmp_path: Path) -> None:
    if not UV.exists():
        pytest.skip("there is no .uv here to build with (`make test` makes it)")
    command = [UV, "build", "--quiet", "--wheel", "--python", sys.executable, "--require-hashes", "--out-dir", tmp_path]
    subprocess.run([*command, "--build-constraints", ROOT / "requirements" / "build.txt"], cwd=ROOT, check=True)
    assert not lacking_in(next(tmp_path.glob("*.whl")))


def test_the_python_that_runs_this_is_found() -> None:
    found = python_of(f"{sys.version_info[0]}.{sys.version_info[1]}")
    if found is None:
        pytest.skip("the Python that runs this is not on PATH under its own name")
    asked = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    assert asked.startswith(f"Python {sys.version_info[0]}.{sys.version_info[1]}.")
