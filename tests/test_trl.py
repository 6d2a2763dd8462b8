"""TRL trains on what a run writes: of prompt and completion, and of messages, it learns the answer alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import evenly

from .environments import python_of

ROOT = Path(__file__).parents[1]
LOCKED = ROOT / "requirements" / "peers" / "trl.txt"


@pytest.mark.soak
def test_trl_trains_on_each_format_and_learns_the_answer(shared_data: Path, tmp_path: Path) -> None:
    folders: list[str] = []
    for kind in ("text", "prompt-completion", "messages"):
        changes = [f"export.format={kind}", "export.report=false", "balance.size=200"]
        folders.append(str(evenly.run(ROOT / "recipes" / "proportional.yaml", tmp_path / kind, set=changes).folder))
    tokenizer = shared_data / "tokenizers" / "llama-3.1.json"
    script = ROOT / "benchmarks" / "peers" / "trl_train.py"
    python = python_of("trl", LOCKED)
    done = subprocess.run(
        [python, script, tokenizer, *folders],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    assert "malformed" not in done.stderr  # what `datasets` says of a card that it can't read
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert {kind: one["steps"] for kind, one in told.items()} == dict.fromkeys(told, 2)
    row = evenly.load(folders[1])["train"].row(0, named=True)
    assert told["prompt-completion"]["learned"].removesuffix("<|eot_id|>") == row["completion"]
    assert told["messages"]["learned"].removesuffix("<|eot_id|>") == row["completion"]
    assert row["prompt"][:100] in told["text"]["learned"]
