"""Run the tutorial, and keep what its cells show: texts, and pictures as PNG.

.venv/bin/python docs/notebook.py
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

PAGE = Path(__file__).parent / "tutorial.ipynb"

SHOWN = ("image/png", "text/html", "text/plain")
"""What is kept of an output, the first of them that there is, and its plain text."""


def main() -> None:
    """Run and write."""
    notebook = nbformat.read(PAGE, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["EVENLY_CACHE"] = f"{folder}/cache"
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            if "data" in output:
                kept = next(kind for kind in SHOWN if kind in output.data)
                output.data = {kind: output.data[kind] for kind in {kept, "text/plain"} & output.data.keys()}
                output.metadata = {}
    nbformat.write(notebook, PAGE)


if __name__ == "__main__":
    main()
