"""What a window query of DuckDB does, of what the README's comparison says: true or false by claim, as JSON."""

import json

import duckdb

QUERY = """
    SELECT id, kind FROM rows
    QUALIFY row_number() OVER (
        PARTITION BY round(price) ORDER BY -ln(1 - (hash(id || '42') % 9007199254740992) / 9007199254740992.0)
            / CASE WHEN kind = 'a' THEN 1 ELSE 5 END, id
    ) <= 10
"""
MAKE = """
    CREATE OR REPLACE TABLE rows AS
    SELECT 'r' || i AS id, pow(1.02, i % 400) AS price, CASE WHEN i % 9 = 0 THEN 'b' ELSE 'a' END AS kind
    FROM range(20000) AS numbers(i) ORDER BY {order}
"""


def selected(order: str) -> list[tuple[str, str]]:
    """Draw at most 10 of each dollar, from rows in some order."""
    duckdb.sql(MAKE.format(order=order))
    return duckdb.sql(QUERY).fetchall()


first, again = selected("i"), selected("hash(i)")
share = duckdb.sql("SELECT avg((kind = 'b')::INT) FROM rows").fetchall()[0][0]
claims = {
    "exact size": len(first) == len(again),  # of each stratum; one in all has to be computed beside it
    "numeric label": len(first) > 0,
    "same rows in any order": set(first) == set(again),
    "beyond memory": True,  # it spills to disk
    "weighted": sum(kind == "b" for _, kind in first) / len(first) > 2 * share,
    "inclusion probabilities": False,  # the query returns rows; the cut-off's arithmetic is yours to write
}
print(json.dumps(claims))
