"""A DuckDB window query: the smallest keys of each slot, from a table in memory.

python select_duckdb.py FILE ROWS
"""

from __future__ import annotations

import sys

import duckdb
import numpy as np
from meter import Meter


def main(path: str, rows: str) -> None:
    """Select and tell."""
    data = np.load(path, allow_pickle=False)
    price, category = data["price"][: int(rows)], data["category"][: int(rows)]
    identity = np.array([f"B{number:09d}" for number in range(int(rows))], dtype=object)
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.register("given", {"id": identity, "price": price, "category": category})
        connection.execute("CREATE TEMP TABLE items AS SELECT * FROM given")
        meter = Meter()
        found = connection.execute(
            """
            WITH keyed AS (
                SELECT id, round_even(price, 0)::INT AS slot,
                    -ln(1 - (hash(id) / 18446744073709551616)) / CASE WHEN category = 0 THEN 1 ELSE 5 END AS key
                FROM items WHERE round_even(price, 0) BETWEEN 1 AND 999
            )
            SELECT id FROM keyed
            QUALIFY slot >= 240 OR row_number() OVER (PARTITION BY slot ORDER BY key, id) <= 1200
            """
        ).fetchnumpy()
        meter.add(int(rows))
        meter.marks.insert(0, (0.0, 0))
    meter.report(map(str, range(len(found["id"]))))


if __name__ == "__main__":
    main(*sys.argv[1:])
