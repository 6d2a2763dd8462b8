"""The same with DuckDB for reading and cleaning, and `tokenizers` in batches.

    python duckdb_sql.py TOKENIZER ROWS FILE...

DuckDB leaves out the spaces of an object's text, so that strings deleted from it that hold `: ` are not found there:
the
digest of its prompts differs.
"""

from __future__ import annotations

import sys

import duckdb
from meter import Meter
from tokenizers import Tokenizer

BATCH = 20_000
DELETED = (
    *('"Batteries Included?": "No"', '"Batteries Included?": "Yes"'),
    *('"Batteries Required?": "No"', '"Batteries Required?": "Yes"'),
    *("By Manufacturer", "Item", "Date First", "Package", ":", "Number of", "Best Sellers", "Number", "Product "),
)
COLUMNS = (
    "{title: 'VARCHAR', price: 'JSON', description: 'VARCHAR[]', features: 'VARCHAR[]', details: 'JSON', "
    "parent_asin: 'VARCHAR'}"
)


def scrubbed(column: str) -> str:
    """Return the SQL that cleans a column."""
    collapsed = f"""trim(regexp_replace({column}, '[:\\[\\]"{{}}【】\\s]+', ' ', 'g'))"""
    commas = f"replace(replace(replace({collapsed}, ' ,', ','), ',,,', ','), ',,', ',')"
    words = f"list_filter(string_split({commas}, ' '), lambda w: NOT (length(w) >= 7 AND regexp_matches(w, '[0-9]')))"
    return f"array_to_string({words}, ' ')"


def query(files: list[str], rows: int) -> str:
    """Return the SQL that reads and cleans."""
    details = "coalesce(details::VARCHAR, '')"
    for deleted in DELETED:
        details = f"replace({details}, '{deleted}', '')"
    source = f"read_json({files!r}, format = 'newline_delimited', columns = {COLUMNS}, ignore_errors = true)"
    return f"""
        WITH raw AS (SELECT * FROM {source} LIMIT {rows}),
        priced AS (
            SELECT *, TRY_CAST(trim(price::VARCHAR, '"') AS DOUBLE) AS value FROM raw
        ),
        joined AS (
            SELECT title, value,
                CASE WHEN len(description) > 0 THEN array_to_string(description, '\n') || '\n' ELSE '' END
                || CASE WHEN len(features) > 0 THEN array_to_string(features, '\n') || '\n' ELSE '' END
                || {details} || '\n' AS contents
            FROM priced WHERE value BETWEEN 0.5 AND 999.49
        ),
        cut AS (SELECT title, value, contents[:1120] AS contents FROM joined WHERE length(contents) > 300)
        SELECT {scrubbed("title")} || '\n' || {scrubbed("contents")}, value FROM cut
    """


def main(path: str, rows: str, *files: str) -> None:
    """Curate and tell."""
    tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True
    meter = Meter()
    prompts: list[str] = []
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        answer = connection.execute(query(list(files), int(rows)))
        while batch := answer.fetchmany(BATCH):
            texts = [text for text, _ in batch]
            encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
            made: list[str] = []
            for (text, price), one in zip(batch, encoded, strict=True):
                if len(one.ids) <= 150:
                    continue
                cut = text if len(one.ids) <= 160 else tokenizer.decode(one.ids[:160], skip_special_tokens=False)
                question = "How much does this cost to the nearest dollar?"
                made.append(f"{question}\n\n{cut}\n\nPrice is ${round(price)}.00")
            tokenizer.encode_batch_fast(made, add_special_tokens=False)
            prompts += made
            meter.add(len(batch))
    # what comes out of the query are rows that are priced and long enough: the raw ones are what is counted
    kept = meter.marks[-1][1]
    meter.marks = [(seconds, round(done / kept * int(rows))) for seconds, done in meter.marks]
    meter.report(prompts)


if __name__ == "__main__":
    main(*sys.argv[1:])
