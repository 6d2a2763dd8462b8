"""Tokenizer files and command lines that nobody would write: taken, or refused in a line; never broken by."""

from __future__ import annotations

import copy
import json
import os
import random
import re
import shutil
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pytest
import tokenizers
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import models

from evenly import cli
from evenly.core.tokens import count_and_cut
from evenly.errors import TokenizerError
from evenly.io.chats import load_chat
from evenly.io.tokenizers import load_tokenizer

from ..io.test_tokenizers import BY_DECODING, BY_OFFSET, NASTY  # noqa: TID252 - the tests are no package to name
from .conftest import RECIPE
from .test_fuzz_recipes import bent, inner
from .test_mutations import mutated

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Command

pytestmark = pytest.mark.faults

SEED: Final = os.environ.get("EVENLY_FUZZ_SEED", "1")

# ---------------------------------------------------------------- tokenizers

MAKERS: Final = [*BY_OFFSET.values(), *BY_DECODING.values()]
FILES: Final[list[dict[str, Any]]] = [json.loads(make().to_str()) for make in MAKERS]
PARTS: Final = [
    *("Sequence", "ByteLevel", "BPE", "WordPiece", "Unigram", "WordLevel", "Metaspace", "Split", "Digits", "Lowercase"),
    *("NFC", "Replace", "Strip", "Precompiled", "Whitespace", "Punctuation", "CharDelimiterSplit", "ByteFallback"),
    *(
        "TemplateProcessing",
        "Fuse",
        "CTC",
        "BPEDecoder",
        "Prepend",
        "BertNormalizer",
        "Nmt",
        "StripAccents",
        "FixedLength",
    ),
]
TEXTS: Final = pl.Series([*NASTY, None, "the kettle", "naïve" * 30])


def tokenizer_file(dice: random.Random) -> bytes:
    """Return the file of a small tokenizer, changed in places, mostly around its vocabulary."""
    data = copy.deepcopy(dice.choice(FILES))
    model = data["model"]
    apart = {key: model.pop(key) for key in ("vocab", "merges") if key in model and dice.random() < 0.9}
    data = bent(data, dice, dice.randrange(3))
    if isinstance(data.get("model"), dict):
        data["model"] |= apart
    parts = [one for one in inner(data) if isinstance(one, dict) and "type" in one]
    if parts and dice.random() < 0.2:
        dice.choice(parts)["type"] = dice.choice(PARTS)
    content = json.dumps(data, default=str).encode()
    return mutated(content, dice) if dice.random() < 0.2 else content


def is_taken(path: Path) -> bool:
    """Load a tokenizer and cut texts by it; say whether it was taken, or refused in one line."""
    try:
        tokenizer = load_tokenizer(str(path))
        cut, counts = count_and_cut(tokenizer, TEXTS, 5)
    except TokenizerError as fault:
        assert_one_line(str(fault))
        return False
    assert cut.len() == counts.len() == TEXTS.len()
    assert cut.null_count() == counts.null_count() == 1
    return True


def assert_one_line(text: str) -> None:
    assert text.isprintable()
    assert len(text) < 700


def take_files(folder: Path, count: int) -> None:
    taken: list[bool] = []
    for number in range(count):
        path = folder / f"{number}.json"
        path.write_bytes(tokenizer_file(random.Random(f"{SEED} tokenizers {number}")))
        taken.append(is_taken(path))
        path.unlink()
    assert count / 5 < sum(taken) < count


def test_any_tokenizer_file_is_taken_or_told(tmp_path: Path) -> None:
    take_files(tmp_path, 200)


@pytest.mark.soak
def test_thousands_of_tokenizer_files_are_taken_or_told(tmp_path: Path) -> None:
    take_files(tmp_path, 5_000)


def test_a_tokenizer_whose_unknown_token_is_unknown_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    tokenizers.Tokenizer(models.WordPiece({"a": 0}, unk_token="gone")).save(str(path))  # noqa: S106 - no password
    with pytest.raises(TokenizerError, match=r"'tokenizer.json' can't encode a text: .*Missing"):
        load_tokenizer(str(path)).encode(["b"])


@pytest.mark.parametrize(
    ("merge", "prefix"), [("a b", "##"), (["a", "b"], "##########"), ("a b", "é"), (["a", "\u0120b"], "\x00")]
)
def test_a_merge_without_its_models_prefix_is_told_before_it_ends_the_process(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], merge: str | list[str], prefix: str
) -> None:
    path = tmp_path / "tokenizer.json"
    vocabulary = {"a": 0, "b": 1, "\u0120b": 2, "ab": 3}
    model = {"type": "BPE", "vocab": vocabulary, "merges": [merge], "continuing_subword_prefix": prefix}
    path.write_text(json.dumps({"model": model}), encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"tokenizer.json' has a merge with .* continuing_subword_prefix"):
        load_tokenizer(str(path))
    assert capfd.readouterr().err == ""


def test_a_file_that_the_library_panics_at_is_told(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps({**FILES[0], "normalizer": {"type": "Precompiled"}}), encoding="utf-8")
    with pytest.raises(TokenizerError, match=r"is not a tokenizer.json as Hugging Face .*precompiled_charsmap"):
        load_tokenizer(str(path))


CONFIG: Final[dict[str, Any]] = {
    "chat_template": "{% for message in messages %}{{ message.content }}{% endfor %}",
    "bos_token": {"content": "<s>"},
    "eos_token": "</s>",
    "add_prefix_space": None,
}


@settings(max_examples=100)
@given(dice=st.randoms(use_true_random=False))
def test_any_chat_template_beside_a_tokenizer_is_taken_or_told(tmp_path: Path, dice: random.Random) -> None:
    content = json.dumps(bent(CONFIG, dice, dice.randrange(4)), default=str).encode()
    (tmp_path / "tokenizer_config.json").write_bytes(mutated(content, dice) if dice.random() < 0.5 else content)
    try:
        load_chat("tokenizer.json", tmp_path)
    except TokenizerError as fault:
        assert_one_line(str(fault))


# ---------------------------------------------------------------- command lines

COMMANDS: Final[dict[str, list[str]]] = {
    name: [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
    for name, command in vars(typer.main.get_command(cli.app))["commands"].items()
}
VALUES: Final = [
    *(
        "recipe.yaml",
        "out",
        "rows.jsonl",
        "none.yaml",
        "odd.yaml",
        ".",
        "",
        " ",
        "-",
        "--",
        "-x",
        "é",
        "a\nb",
        "\x1b[31m",
    ),
    *(
        "0",
        "1",
        "-1",
        "7",
        "1.5",
        "1e9",
        "nan",
        "inf",
        "1k",
        "5k,10k",
        "a,b",
        ",",
        "50,240",
        "ridge",
        "mae",
        "units",
        "log",
    ),
    *(
        "local",
        "loca",
        "owner/name",
        "a/b/c",
        "s3://",
        "hf://x",
        "https://x.org/y",
        "file:///etc/x",
        "s1",
        "rows.jsonl:3",
    ),
    *(
        "balance.cap=3",
        "balance.cap=",
        "balance.cap=1:9",
        "=",
        "a=b",
        "sources.0.files=none*",
        "sources.9=1",
        "x" * 300,
    ),
    *(
        "balance.cap=1,2",
        "seed=-1",
        "name=../x",
        "sources.0.files={{",
        "tokenizer=none.json",
        "max_bad_fraction=1",
        "\x00",
    ),
]
"""Nothing that would rightly take minutes: no demo of a billion rows, no cluster."""


def command_line(dice: random.Random) -> list[str]:
    """Return words: a command, mostly with what it needs, and options with values that may not be theirs."""
    name = dice.choice([*COMMANDS, *COMMANDS, "runn", "", "--help"])
    words = [name]
    if dice.random() < 0.8:
        words.append(dice.choice(["recipe.yaml", "recipe.yaml", "out", "odd.yaml"]))
    for _ in range(dice.randrange(5)):
        own = COMMANDS.get(name) or ["--out"]
        option = dice.choice(own if dice.random() < 0.8 else [*COMMANDS["run"], "--forse", "--version", "--", "-h"])
        words.append(option if dice.random() < 0.8 else f"{option}={dice.choice(VALUES)}")
        if dice.random() < 0.6:
            words.append(dice.choice(VALUES))
    if name == "demo":
        words += ["--rows", "300"]
    if name == "studio":
        words.append("--port=-1")  # a sound line would serve until it is interrupted
    return words


def open_shop(folder: Path) -> None:
    """Make a folder with a recipe, its data, its output, and a recipe that is none."""
    rows = ({"sku": f"s{n}", "title": f"thing {n}", "price": 1 + n % 9, "shelf": "abc"[n % 3]} for n in range(90))
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "recipe.yaml").write_text(json.dumps(RECIPE), encoding="utf-8")
    (folder / "odd.yaml").write_text("name: [", encoding="utf-8")


@pytest.fixture
def shop_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evenly: Command) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    open_shop(folder)
    assert evenly("run", "recipe.yaml", "--out", "out", "--quiet").code == 0
    shutil.copytree(folder, tmp_path / "kept")
    return folder


def give(evenly: Command, folder: Path, dice: random.Random) -> int:
    """Give a command line; return its exit code, which is one of the contract's, and never 1 for bad input."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    shutil.copytree(folder.parent / "kept", folder, dirs_exist_ok=True)
    words = command_line(dice)
    done = evenly(*words)
    assert done.code in {0, 2, 3}, (words, done.err)
    assert "Traceback" not in done.err, words
    if done.code:
        told = '"event": "error"' if "--log-json" in words else "evenly: "
        assert told in done.err, (words, done.err)
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", done.err.partition("evenly: ")[2]), (words, done.err)
    return done.code


def give_many(evenly: Command, folder: Path, count: int) -> None:
    codes = [give(evenly, folder, random.Random(f"{SEED} commands {number}")) for number in range(count)]
    assert codes.count(0) > count / 50  # few lines are sound
    assert codes.count(2) > count / 20


def test_any_command_line_ends_by_the_contract(evenly: Command, shop_folder: Path) -> None:
    give_many(evenly, shop_folder, 50)


@pytest.mark.soak
def test_thousands_of_command_lines_end_by_the_contract(evenly: Command, shop_folder: Path) -> None:
    give_many(evenly, shop_folder, 1_000)
