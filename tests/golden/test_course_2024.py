"""The course's recipe gives what its rules say: on all real listings, and on nasty ones, character for character."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from tokenizers import Tokenizer

import evenly
from evenly.core.template import render
from evenly.engines.local import LocalEngine
from evenly.flow.curate import open_pool
from evenly.reporting.progress import Silent

sys.path.insert(0, str(Path(__file__).parent))
from course_2024 import prompt_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evenly.io.pool import Pool

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "price-is-right-2024.yaml"
DIGEST = "2b7357726564dcd601b0471f32cf1f531a2aaac698d9bb2582fc90ef21263ef3"


@pytest.fixture(scope="module")
def oracle(shared_data: Path) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(shared_data / "tokenizers" / "llama-3.1.json"))
    tokenizer.encode_special_tokens = True  # what looks like a control token in a listing is text
    return tokenizer


def course_recipe(shared_data: Path, files: str, *overrides: str) -> evenly.Recipe:
    tokenizer = shared_data / "tokenizers" / "llama-3.1.json"
    return evenly.Recipe.from_file(RECIPE, [f"sources.0.files={files}", f"tokenizer={tokenizer}", *overrides])


def prompts(pool: Pool, recipe: evenly.Recipe) -> dict[str, str]:
    found: dict[str, str] = {}
    for number in range(len(pool.index.parts)):
        rows = render(pool.part(number), recipe.template).select(
            "__id__", pl.col("__prompt__") + pl.col("__completion__")
        )
        found.update(rows.iter_rows())
    return found


def drop_reasons(pool: Pool) -> dict[str, str]:
    return {
        row["__id__"]: row["__reason__"]
        for path in pool.dropped_files()
        for row in pl.read_parquet(path).iter_rows(named=True)
    }


def read_listings(paths: Iterable[Path]) -> Iterable[dict[str, Any]]:
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def test_every_real_listing_gets_the_prompt_of_the_rules(shared_data: Path, oracle: Tokenizer) -> None:
    recipe = course_recipe(shared_data, f"{shared_data}/amazon-2023/meta_*.jsonl.gz")
    pool, _ = open_pool(recipe, LocalEngine(), Silent())
    assert (pool.index.read, pool.index.kept, pool.index.dropped) == (11_346, 11_343, {"tokens": 2, "chars": 1})
    found = prompts(pool, recipe)
    lines = "".join(f"{name}\t{json.dumps(found[name])}\n" for name in sorted(found))
    assert hashlib.sha256(lines.encode()).hexdigest() == DIGEST
    reasons = drop_reasons(pool)
    for record in read_listings(sorted((shared_data / "amazon-2023").glob("meta_*.jsonl.gz"))):
        prompt, reason = prompt_of(record, oracle)
        name = record["parent_asin"]
        assert (found.get(name), reasons.get(name)) == (prompt, reason), name


def test_prompt_tokens_are_those_of_question_text_and_price(shared_data: Path) -> None:
    recipe = course_recipe(shared_data, f"{shared_data}/amazon-2023/meta_*.jsonl.gz")
    pool, _ = open_pool(recipe, LocalEngine(), Silent())
    tokens = pl.concat([pool.part(number, ["__tokens__"]) for number in range(len(pool.index.parts))])["__tokens__"]
    assert tokens.max() == 177
    assert tokens.sum() / tokens.len() == pytest.approx(176.852, abs=5e-4)


def test_the_raw_and_the_loaded_shape_read_alike(shared_data: Path, oracle: Tokenizer) -> None:
    folder = shared_data / "amazon-2023"
    for name in ("raw-shape-rows.jsonl", "hf-loaded-rows.jsonl"):
        recipe = course_recipe(shared_data, str(folder / name), "sources.0.columns={}", "balance.weight=null")
        records = [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
        expected = {record["parent_asin"]: prompt_of(record, oracle) for record in records}
        if not any(prompt for prompt, _ in expected.values()):
            with pytest.raises(evenly.UserError, match="none of"):
                open_pool(recipe, LocalEngine(), Silent())
            continue
        pool, _ = open_pool(recipe, LocalEngine(), Silent())
        assert prompts(pool, recipe) == {key: prompt for key, (prompt, _) in expected.items() if prompt is not None}
        assert drop_reasons(pool) == {key: reason for key, (_, reason) in expected.items() if reason is not None}


PIECES = (
    "²³⁴ superscripts½ part①②③④⑤⑥⑦ x²x²x²x²",
    "no\u00a0break\u00a0spaces\u2009thin\u3000ideographic\u202fnarrow\x1cfile\x1funit\x85next",
    '【Brackets】 [and] {braces} "quotes" : colons ::',
    "emoji 🎸👩‍👩‍👧‍👦🏳️‍🌈 日本語のテキスト ไทย ಕನ್ನಡ",
    "commas , ,, ,,, , , a ,b ,,c",
    "ABC1234567 1234567 123456 A1B2C3D ab-1234-cd ٣٤٥٦٧٨٩ e\u0301e\u0301e\u0301123",
    "<|eot_id|> <|begin_of_text|> $1 ${0} \\n \\ud83d",
    "Number of Items: 3 Best Sellers Rank Product Package Date First By Manufacturer Item Number",
    "\u200bzero\u200dwidth\ufeffmark \u2028line\u2029paragraph",
    "plain words that only make the text longer and longer, as listings do",
)
NUMBERS = (9.99, 0.5, 0.49, 999.49, 999.5, 10, 1e2, 2.5, 3.5, True, None)
TEXTS = ("12.50", " 7 ", "1e2", "+3.", ".75", "nan", "inf", "—", "from 12.99", "1_0")
PRICES = (*NUMBERS, *TEXTS)


def nasty_listing(number: int, chance: random.Random) -> dict[str, Any]:
    def text() -> str:
        return " ".join(chance.choices(PIECES, k=chance.randint(0, 6)))

    values: list[Any] = [
        1.0,
        1e5,
        0.1,
        1e-7,
        12345678901234567890,
        True,
        None,
        "ümläut 🎸",
        {"Rank in ½": 3},
        [1, "b", None],
    ]
    details = {chance.choice(PIECES): chance.choice(values) for _ in range(chance.randint(0, 5))}
    return {
        "parent_asin": f"N{number:05d}",
        "title": text(),
        "description": [chance.choice([text(), None, ""]) for _ in range(chance.randint(0, 3))],
        "features": [chance.choice([text(), None]) for _ in range(chance.randint(0, 4))],
        "details": chance.choice([details, details, details, {}, None, json.dumps(details)]),
        "price": chance.choice(PRICES) if chance.random() < 0.5 else round(chance.lognormvariate(3, 1), 2),
        "category": chance.choice(["Automotive", "Electronics"]),
    }


def test_nasty_listings_get_the_prompt_of_the_rules(shared_data: Path, oracle: Tokenizer, tmp_path: Path) -> None:
    chance = random.Random(20_240_607)
    listings = [nasty_listing(number, chance) for number in range(3_000)]
    path = tmp_path / "nasty.jsonl"
    shapes: list[dict[str, Any]] = [{}, {"separators": (",", ":")}, {"ensure_ascii": False}]
    lines = [json.dumps(listing, **chance.choice(shapes)) for listing in listings]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = course_recipe(shared_data, str(path), "sources.0.columns={}")
    pool, _ = open_pool(recipe, LocalEngine(), Silent())
    found, reasons = prompts(pool, recipe), drop_reasons(pool)
    assert pool.index.quarantined == 0
    assert set(reasons.values()) == {"number", "chars", "tokens"}
    for listing in listings:
        prompt, reason = prompt_of(listing, oracle)
        name = listing["parent_asin"]
        assert (found.get(name), reasons.get(name)) == (prompt, reason), listing
    assert any("\ufffd" in prompt for prompt in found.values()), "no prompt was cut inside a character"


def test_the_published_selection_size(shared_data: Path, tmp_path: Path) -> None:
    overrides = ("split.train=8000", "split.test=500", "balance.cap=100")
    recipe = course_recipe(shared_data, f"{shared_data}/amazon-2023/meta_*.jsonl.gz", *overrides)
    rows = evenly.run(recipe, tmp_path / "out").manifest["rows"]
    assert (rows["selected"], rows["splits"], rows["unassigned"]) == (8_637, {"train": 8_000, "test": 500}, 137)
