"""Half of the floor: the needed columns parsed once, by the fastest reader that was found (DuckDB, two threads).

python floor_parse.py TOKENIZER ROWS FILE...
"""

from __future__ import annotations

import sys

import duckdb
from duckdb_sql import COLUMNS
from meter import Meter


def main(_tokenizer: str, rows: str, *files: str) -> None:
    """Parse and tell."""
    source = f"read_json({list(files)!r}, format = 'newline_delimited', columns = {COLUMNS}, ignore_errors = true)"
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        meter = Meter()
        connection.execute(f"CREATE TEMP TABLE parsed AS SELECT * FROM {source}")
        meter.add(int(rows))
        meter.marks.insert(0, (0.0, 0))
        meter.report([])


if __name__ == "__main__":
    main(*sys.argv[1:])
