"""Does what is built install and work? `make dist` asks: in a fresh environment of each Python that is found here.

Each gets the locked requirements, hashed, and the wheel; the oldest Python the sdist too. There the version is asked,
`python -m evenly demo` and `evenly doctor` are run and every public name is loaded. Last, the size of site-packages is
held against a limit, so that all else is told whatever that is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
UV: Final = ROOT / ".uv" / "bin" / "uv"

VERSIONS: Final = ("3.11", "3.12", "3.13")

DATA: Final = ("src/evenly/web/static", "src/evenly/reporting/page")
"""Folders of files that are no code, all of which a wheel has."""

LARGEST: Final = 8
"""Folders of site-packages that are told of."""

NAMES: Final = "import evenly; print(len([getattr(evenly, name) for name in evenly.__all__]), 'public names')"
WHERE: Final = "import sys; print(sys.executable)"


def main() -> int:
    """Look at the wheel and the sdist in the folder `dist`; return an exit code."""
    limit, wanted = float(sys.argv[1]), sys.argv[2:] or list(VERSIONS)
    wheel, sdist = next((ROOT / "dist").glob("*.whl")), next((ROOT / "dist").glob("*.tar.gz"))
    if lacking := lacking_in(wheel):
        print(f"{wheel.name} lacks {', '.join(lacking)}", file=sys.stderr)
        return 1
    pythons = {version: found for version in wanted if (found := python_of(version)) is not None}
    if absent := [version for version in wanted if version not in pythons]:
        print(f"no Python {', '.join(absent)} here: not tested with")
    sizes: list[float] = []
    for place, (version, python) in enumerate(pythons.items()):
        for package in [wheel, sdist] if not place else [wheel]:
            print(f"== Python {version}, {package.name}", flush=True)
            with tempfile.TemporaryDirectory() as folder:
                sizes.append(tried(python, package, Path(folder)))
    if not sizes or max(sizes) > limit:
        told = f"site-packages takes {max(sizes):,.0f} MB, expected {limit:,.0f} at most" if sizes else "nothing tested"
        print(told, file=sys.stderr)
        return 1
    return 0


def lacking_in(wheel: Path) -> list[str]:
    """Return the files without code that a wheel should have and has not."""
    with zipfile.ZipFile(wheel) as opened:
        there = set(opened.namelist())
    files = [path for folder in DATA for path in sorted((ROOT / folder).rglob("*")) if path.is_file()]
    names = [path.relative_to(ROOT / "src").as_posix() for path in files if "__pycache__" not in path.parts]
    return [name for name in [*names, "evenly/py.typed"] if name not in there]


def python_of(version: str) -> str | None:
    """Return an interpreter of a version: of those on PATH one that runs, or one that pyenv keeps; None: there is none.

    What pyenv puts on PATH stands for interpreters that need not be chosen; uv stops at the first that does not run.
    """
    places = os.environ["PATH"].split(os.pathsep)
    if (pyenv := shutil.which("pyenv")) is not None:
        root = Path(subprocess.run([pyenv, "root"], capture_output=True, text=True, check=True).stdout.strip())
        places += [str(one) for one in sorted(root.glob(f"versions/{version}.*/bin"), reverse=True)]
    for place in places:
        found = shutil.which(f"python{version}", path=place)
        if found is not None:
            asked = subprocess.run([found, "-c", WHERE], capture_output=True, text=True, check=False)
            if not asked.returncode:
                return asked.stdout.strip()
    return None


def tried(python: str, package: Path, folder: Path) -> float:
    """Install a package into a fresh environment and use it; return the size of its site-packages, in MB."""
    bin_folder = folder / "env" / "bin"
    install = [UV, "pip", "install", "--quiet", "--python", bin_folder / "python"]
    run(UV, "venv", "--quiet", "--python", python, folder / "env")
    run(*install, "--require-hashes", "--requirements", ROOT / "requirements" / "run.txt")
    run(*install, "--no-deps", "--build-constraints", ROOT / "requirements" / "build.txt", package)
    packages = next((folder / "env" / "lib").glob("python*/site-packages"))
    sizes = {path.name: bytes_of(path) / 1e6 for path in packages.iterdir()}
    used = os.environ | {"EVENLY_CACHE": str(folder / "cache")}
    used.pop("PYTHONPATH", None)
    for words in (
        [bin_folder / "evenly", "--version"],
        [bin_folder / "python", "-m", "evenly", "demo", "--rows", "2000", "--quiet"],
        [bin_folder / "evenly", "doctor"],
        [bin_folder / "python", "-W", "error", "-c", NAMES],
    ):
        run(*words, cwd=folder, env=used)
    largest = sorted(sizes, key=lambda name: -sizes[name])[:LARGEST]
    print(f"site-packages: {sum(sizes.values()):,.0f} MB:", ", ".join(f"{one} {sizes[one]:,.0f}" for one in largest))
    return sum(sizes.values())


def bytes_of(path: Path) -> int:
    """Return the size of a file, or of all files in a folder."""
    return sum(one.stat().st_size for one in ([path] if path.is_file() else path.rglob("*")) if one.is_file())


def run(*words: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a command that must succeed."""
    subprocess.run(words, cwd=cwd, env=env, check=True)


if __name__ == "__main__":
    sys.exit(main())
