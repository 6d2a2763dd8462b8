"""The README's comparison, cell by cell: what each way of balancing does on small data, asked in its own environment.

    python benchmarks/claims.py

What can be tried is tried; what a way has no means for at all is said in its script, with the reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

from contest import PEERS, ROOT, environment
from machine import keep

WAYS = {
    "a notebook: lists and `numpy.random.choice`": ("claims_notebook", "notebook"),
    "imbalanced-learn's `RandomUnderSampler`": ("claims_imblearn", "imblearn"),
    "`datasets.interleave_datasets`": ("claims_datasets", "datasets"),
    "a window query of DuckDB": ("claims_duckdb", "duckdb"),
    "Evenly": ("claims_evenly", "evenly"),
}
"""What the README calls it -> its script, and the environment of that."""

SIGNS = {"yes": True, "no": False}


def found(script: str, name: str) -> dict[str, bool] | None:
    """Return what a way does, by claim; None where its environment can't be made."""
    python = environment(name)
    if python is None:
        return None
    done = subprocess.run([str(python), str(PEERS / f"{script}.py")], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def said() -> dict[str, dict[str, bool]]:
    """Return what the README says of each way, by claim; a word after yes or no is its own note."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- comparison -->\n(.*?)<!-- /comparison -->", text, re.DOTALL)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in (table[1] if table else "").splitlines()]
    claims = lines[0][1:]
    return {
        name: {claim: SIGNS[cell.split()[0].strip(",")] for claim, cell in zip(claims, cells, strict=True)}
        for name, *cells in lines[2:]
    }


def main() -> None:
    """Ask, compare with what is said, keep."""
    told, wrong = said(), 0
    asked: dict[str, dict[str, bool]] = {}
    for name, (script, place) in WAYS.items():
        one = found(script, place)
        if one is None:
            continue
        asked[name] = one
        for claim, holds in one.items():
            if told[name][claim] != holds:
                wrong += 1
                print(f"{name}: {claim}: the README says {told[name][claim]}, found {holds}")
    keep("claims", {"claims": asked, "wrong": wrong})
    print(f"{len(asked)} of {len(WAYS)} ways were asked; {wrong} cells of the README are wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
