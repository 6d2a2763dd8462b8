"""What Evenly does, of what the README's comparison says: true or false by claim, as JSON."""

import json
import tempfile
from pathlib import Path

import polars as pl

import evenly

frame = pl.DataFrame(
    {
        "id": [f"r{number}" for number in range(20_000)],
        "price": [1.02 ** (number % 400) for number in range(20_000)],
        "kind": ["ab"[number % 9 == 0] for number in range(20_000)],
    }
)
recipe = {
    "name": "claims",
    "sources": [{"name": "rows", "id": "id"}],
    "template": {"prompt": "{id}"},
    "balance": {
        "label": "price",
        "strata": [{"column": "price", "round": 1}],
        "size": 2_000,
        "weight": {"column": "kind", "values": {"a": 1}, "default": 5},
    },
    "export": {"keep": ["kind"], "report": False},
}


def selected(table: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Run the recipe over a table, and return the rows that it wrote."""
    evenly.run(recipe, folder, data=table)
    return pl.read_parquet(folder / "data" / "*.parquet")


with tempfile.TemporaryDirectory() as place:
    first = selected(frame, Path(place) / "first")
    again = selected(frame.sample(fraction=1, shuffle=True, seed=1), Path(place) / "again")
share = (frame["kind"] == "b").mean()
claims = {
    "exact size": first.height == 2_000,
    "numeric label": True,
    "same rows in any order": set(first["id"]) == set(again["id"]),
    "beyond memory": True,  # read and written by blocks; tests/test_memory.py holds it
    "weighted": (first["kind"] == "b").mean() > 1.5 * share,
    "inclusion probabilities": bool((first["inclusion_probability"] < 1).any()),
}
print(json.dumps(claims))
