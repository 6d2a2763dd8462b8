"""The same through Hugging Face `datasets`: lines of text, one `map` in two processes, the notebook's function in it.

python datasets_map.py TOKENIZER ROWS FILE...
"""

from __future__ import annotations

import sys
import tempfile
import time

import notebook
from datasets import Dataset
from meter import Meter


def curate(batch: dict[str, list[bytes]], tokenizer: str) -> dict[str, list[str]]:
    """Curate a batch of lines."""
    if not notebook.state:
        notebook.start(tokenizer)
    return {"prompt": notebook.work(batch["line"])[1]}


def main(tokenizer: str, rows: str, *files: str) -> None:
    """Curate and tell; the lines are in an Arrow file before the clock starts, so that `map` alone is timed."""
    with tempfile.TemporaryDirectory() as folder:
        found = Dataset.from_generator(
            lambda: ({"line": line} for lines in notebook.chunks(list(files), int(rows)) for line in lines),
            cache_dir=folder,
        )
        meter = Meter()
        made = found.map(
            curate,
            batched=True,
            num_proc=2,
            remove_columns=["line"],
            fn_kwargs={"tokenizer": tokenizer},
            load_from_cache_file=False,
        )
        seconds = time.perf_counter() - meter.begun
        meter.marks = [(0.0, 0), (seconds, found.num_rows)]
        meter.report(made["prompt"])


if __name__ == "__main__":
    main(*sys.argv[1:])
