"""Loading tokenizers; the fast ones held to Hugging Face `tokenizers` and to tiktoken."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import struct
import sys
import threading
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import tiktoken
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers

from evenly.core.tokens import count, count_and_cut
from evenly.errors import TokenizerError
from evenly.io import tokenizers as subject
from evenly.io.tokenizers import PACKAGED, FastTokenizer, ReferenceTokenizer, load_tokenizer, tokenizer_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[3] / "shared" / "data"
LLAMA = DATA / "tokenizers" / "llama-3.1.json"
AMAZON = sorted((DATA / "amazon-2023").glob("meta_*.jsonl.gz"))
needs_llama = pytest.mark.skipif(not LLAMA.exists(), reason="needs ../shared/data/tokenizers/llama-3.1.json")
needs_texts = pytest.mark.skipif(not AMAZON, reason="needs ../shared/data/amazon-2023")

NASTY = [
    "",
    " ",
    "  two  spaces , and , commas ,\t,",
    "\n\n\r\n \n",
    "naïve café e\u0301 Å \ufb01",
    "日本語のテスト 中文字符 한국어 ไทย",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽 x😀😀😀",
    "\U0001d518\U0001d52b\U0001d526 \u200b\u200d\ufeff\u0301\u0301",
    "<|eot_id|> a<|begin_of_text|>b <|endoftext|><|endofprompt|>",
    "[CLS] <s> [UNK] </s> <pad> <sep>",
    "don't WE'LL I'm 1234567890 x\u0661\u0662",
    "\x00\x01\x7f\x85\xa0\u2028",
]
PIECES = st.sampled_from([*NASTY, "a", "é", "日", "😀", "\u200d", "<sep>", " "])
TEXT = st.lists(PIECES | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=8).map("".join)


@lru_cache(maxsize=1)
def _prompts() -> list[str]:
    """Return every fifth real listing as a prompt of the course's kind (about 2,300)."""
    prompts: list[str] = []
    for path in AMAZON:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in list(lines)[::5]:
                item = json.loads(line)
                contents = "\n".join([*item["description"], *item["features"], json.dumps(item["details"])])
                prompts.append(f"How much does this cost?\n\n{item['title']}\n{contents}\n\nPrice is $12.00")
    return prompts


@lru_cache(maxsize=2)
def _oracle(path: Path) -> tokenizers.Tokenizer:
    oracle = tokenizers.Tokenizer.from_file(str(path))
    oracle.encode_special_tokens = True
    return oracle


def _rows(ids: np.ndarray[Any, Any], offsets: np.ndarray[Any, Any]) -> list[list[int]]:
    return [ids[start:end].tolist() for start, end in pairwise(offsets)]


def _assert_agrees(path: Path, texts: list[str], limits: range | tuple[int, ...]) -> None:
    """Hold ids, counts and cut texts of the tokenizer in this file to those of `tokenizers`."""
    tokenizer, oracle = load_tokenizer(str(path)), _oracle(path)
    expected = [encoding.ids for encoding in oracle.encode_batch(texts, add_special_tokens=False)]
    assert _rows(*tokenizer.encode(texts)) == expected
    for limit in limits:
        cut, counts = count_and_cut(tokenizer, pl.Series(texts, dtype=pl.String), limit)
        assert counts.to_list() == [len(ids) for ids in expected]
        for text, ids, result in zip(texts, expected, cut, strict=True):
            wanted = oracle.decode(ids[:limit], skip_special_tokens=False) if len(ids) > limit else text
            assert result == wanted


# --- Llama 3.1: the tokenizer of the course ---------------------------------------------------------------------------


@needs_llama
@needs_texts
def test_llama_counts_and_cuts_real_prompts_as_the_reference_does() -> None:
    assert isinstance(load_tokenizer(str(LLAMA)), FastTokenizer)
    assert load_tokenizer(str(LLAMA)).byte_lengths is not None
    _assert_agrees(LLAMA, _prompts(), (1, 40, 160))


@needs_llama
def test_llama_cuts_nasty_texts_at_every_token() -> None:
    _assert_agrees(LLAMA, [*NASTY, "".join(NASTY)], range(60))


@needs_llama
@settings(max_examples=60)
@given(texts=st.lists(TEXT, min_size=1, max_size=5), limit=st.integers(0, 12))
def test_llama_agrees_with_the_reference_on_any_text(texts: list[str], limit: int) -> None:
    _assert_agrees(LLAMA, texts, (limit,))


@needs_llama
def test_a_special_tokens_spelling_is_text() -> None:
    tokenizer = load_tokenizer(str(LLAMA))
    ids, _ = tokenizer.encode(["stop<|eot_id|>"])
    assert ids.size > 2
    assert ids.max() < 128_000  # Llama's special tokens begin there
    assert tokenizer.decode(ids) == "stop<|eot_id|>"


@needs_llama
def test_no_token_is_added_and_null_stays_null() -> None:
    assert count(load_tokenizer(str(LLAMA)), pl.Series(["", None, " $999"])).to_list() == [0, None, 2]


@needs_llama
@needs_texts
def test_threads_share_a_tokenizer() -> None:
    tokenizer, texts = load_tokenizer(str(LLAMA)), _prompts()
    results: list[list[list[int]]] = []
    threads = [threading.Thread(target=lambda: results.append(_rows(*tokenizer.encode(texts)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == len(threads)
    assert results[0] == results[1] == results[2] == _rows(*tokenizer.encode(texts))


# --- packaged vocabularies, held to tiktoken --------------------------------------------------------------------------

O200K_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
PATTERNS = {"o200k_base": O200K_PATTERN, "cl100k_base": CL100K_PATTERN}
VOCABULARY_SIZES = {"o200k_base": 199_998, "cl100k_base": 100_256}
packaged = pytest.mark.parametrize("name", ["o200k_base", "cl100k_base"])


@lru_cache(maxsize=2)
def _tiktoken(name: str) -> tiktoken.Encoding:
    """Return tiktoken's own encoder over the ranks of the packaged file, read here by other means."""
    found = importlib.util.find_spec("quicktok")
    assert found
    assert found.origin
    data = (Path(found.origin).parent / "data" / f"{name.removesuffix('_base')}.vocab").read_bytes()
    ranks: dict[bytes, int] = {}
    rest = memoryview(data)[4:]
    while rest:
        length = rest[0] | rest[1] << 8
        ranks[bytes(rest[2 : 2 + length])] = int.from_bytes(rest[2 + length : 6 + length], "little")
        rest = rest[6 + length :]
    return tiktoken.Encoding(name, pat_str=PATTERNS[name], mergeable_ranks=ranks, special_tokens={})


def _assert_agrees_with_tiktoken(name: str, texts: list[str], limits: range | tuple[int, ...]) -> None:
    tokenizer, oracle = load_tokenizer(name), _tiktoken(name)
    expected = oracle.encode_ordinary_batch(texts, num_threads=2)
    assert _rows(*tokenizer.encode(texts)) == expected
    for limit in limits:
        cut, counts = count_and_cut(tokenizer, pl.Series(texts, dtype=pl.String), limit)
        assert counts.to_list() == [len(ids) for ids in expected]
        assert cut.to_list() == [oracle.decode(ids[:limit], errors="replace") for ids in expected]


@packaged
def test_a_packaged_vocabulary_cuts_nasty_texts_at_every_token(name: str) -> None:
    assert _tiktoken(name).max_token_value == VOCABULARY_SIZES[name] - 1
    _assert_agrees_with_tiktoken(name, [*NASTY, "".join(NASTY)], range(60))


@packaged
@needs_texts
def test_a_packaged_vocabulary_agrees_with_tiktoken_on_real_prompts(name: str) -> None:
    _assert_agrees_with_tiktoken(name, _prompts(), (160,))


@packaged
@settings(max_examples=60)
@given(texts=st.lists(TEXT, min_size=1, max_size=5), limit=st.integers(0, 12))
def test_a_packaged_vocabulary_agrees_with_tiktoken_on_any_text(name: str, texts: list[str], limit: int) -> None:
    _assert_agrees_with_tiktoken(name, texts, (limit,))


def test_packaged_names_exclude_llama() -> None:
    assert tuple(PACKAGED) == ("o200k_base", "cl100k_base")


def test_a_packaged_vocabulary_is_read_without_importing_its_package() -> None:
    load_tokenizer("cl100k_base")
    assert "quicktok" not in sys.modules


def _package_at(folder: Path | None) -> Callable[[str], SimpleNamespace | None]:
    """Return a `find_spec` that finds any package in this folder, or none."""
    found = SimpleNamespace(submodule_search_locations=[str(folder)]) if folder else None
    return lambda _: found


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PACKAGED, "other_base", "other.vocab")  # a name that is not among the loaded ones
    monkeypatch.setattr(importlib.util, "find_spec", _package_at(None))
    with pytest.raises(TokenizerError, match="pip install quicktok-v1"):
        load_tokenizer("other_base")


@pytest.mark.parametrize(
    "content", [b"", b"\x01\x00", struct.pack("<IH", 1, 9) + b"a", struct.pack("<IHcI", 2, 1, b"a", 0)]
)
def test_a_damaged_vocabulary_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.vocab").write_bytes(content)
    monkeypatch.setitem(PACKAGED, "other_base", "other.vocab")
    monkeypatch.setattr(importlib.util, "find_spec", _package_at(tmp_path))
    with pytest.raises(TokenizerError, match="'other_base' in quicktok-v1 is damaged"):
        load_tokenizer("other_base")


# --- other kinds of tokenizer files -----------------------------------------------------------------------------------

UNKNOWN = "<unk>"
CORPUS = [*NASTY, "the kettle , a blue kettle and the other kettles don't boil <sep> naïve"] * 5


def _byte_level(
    *,
    normalizer: normalizers.Normalizer | None = None,
    pre_tokenizer: pre_tokenizers.PreTokenizer | None = None,
    alphabet: list[str] | None = None,
    added: tuple[AddedToken, ...] = (),
) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if normalizer:
        tokenizer.normalizer = normalizer
    letters = pre_tokenizers.ByteLevel.alphabet() if alphabet is None else alphabet
    corpus = [text for text in CORPUS if alphabet is None or text.isascii()]
    special = ["<|eot_id|>", "<pad>"]
    trainer = trainers.BpeTrainer(
        vocab_size=len(letters) + 80, initial_alphabet=letters, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(corpus, trainer)
    tokenizer.add_tokens(list(added))  # pyright: ignore[reportUnknownMemberType]
    return tokenizer


def _word_piece() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=[UNKNOWN, "[CLS]"], show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _unigram() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, unk_token=UNKNOWN, special_tokens=[UNKNOWN, "<s>"], show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _byte_fallback() -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token=UNKNOWN, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    special = [UNKNOWN, "<s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _split(behavior: str) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(r"\s+|\S+"), behavior)
    return pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


BY_OFFSET: dict[str, Callable[[], tokenizers.Tokenizer]] = {
    "byte-level": _byte_level,
    "byte-level, split by a pattern": lambda: _byte_level(pre_tokenizer=_split("isolated")),
    "byte-level, an added token": lambda: _byte_level(added=(AddedToken("<sep>", normalized=False),)),
    "byte-level, an added token with a space": lambda: _byte_level(added=(AddedToken("the kettle", normalized=False),)),
    "byte-level, a special token that strips": lambda: _byte_level(
        added=(AddedToken("<sep>", lstrip=True, rstrip=True, special=True),)
    ),
}
BY_DECODING: dict[str, Callable[[], tokenizers.Tokenizer]] = {
    "NFC": lambda: _byte_level(normalizer=normalizers.NFC()),
    "lower case": lambda: _byte_level(normalizer=normalizers.Lowercase()),
    "a prefixed space": lambda: _byte_level(pre_tokenizer=pre_tokenizers.ByteLevel(add_prefix_space=True)),
    "text removed by the pattern": lambda: _byte_level(
        pre_tokenizer=pre_tokenizers.Sequence(
            [pre_tokenizers.Split(" ", "removed"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    ),
    "an added token that strips": lambda: _byte_level(added=(AddedToken("<sep>", lstrip=True, normalized=False),)),
    "an added token decoded to other bytes": lambda: _byte_level(added=(AddedToken("naïve", normalized=False),)),
    "an alphabet with gaps": lambda: _byte_level(alphabet=[]),
    "WordPiece": _word_piece,
    "Unigram": _unigram,
    "byte fallback": _byte_fallback,
}


@pytest.mark.parametrize("kind", BY_OFFSET)
def test_files_that_keep_every_byte_are_fast_and_cut_by_offset(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    BY_OFFSET[kind]().save(str(path))
    tokenizer = load_tokenizer(str(path))
    assert isinstance(tokenizer, FastTokenizer)
    assert tokenizer.byte_lengths is not None
    _assert_agrees(path, CORPUS, range(25))


@pytest.mark.parametrize("kind", BY_DECODING)
def test_files_that_change_the_text_cut_by_decoding(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    BY_DECODING[kind]().save(str(path))
    assert load_tokenizer(str(path)).byte_lengths is None
    _assert_agrees(path, CORPUS, range(0, 25, 3))


@pytest.mark.parametrize(
    ("kind", "fast"), [("NFC", True), ("an alphabet with gaps", False), ("byte fallback", False), ("WordPiece", False)]
)
def test_only_byte_level_files_take_the_fast_path(kind: str, fast: bool, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    BY_DECODING[kind]().save(str(path))
    assert isinstance(load_tokenizer(str(path)), FastTokenizer if fast else ReferenceTokenizer)


def test_a_byte_level_file_that_fastokens_refuses_is_still_cut_by_offset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        message = "unsupported"
        raise ValueError(message)

    monkeypatch.setattr(subject.fastokens, "Tokenizer", SimpleNamespace(from_json_str=refuse))
    path = tmp_path / "tokenizer.json"
    _byte_level().save(str(path))
    tokenizer = load_tokenizer(str(path))
    assert isinstance(tokenizer, ReferenceTokenizer)
    assert tokenizer.byte_lengths is not None
    _assert_agrees(path, CORPUS, range(25))


@pytest.mark.parametrize("make", [_byte_level, _word_piece])
def test_truncation_and_padding_in_the_file_do_not_count(
    make: Callable[[], tokenizers.Tokenizer], tmp_path: Path
) -> None:
    tokenizer = make()
    tokenizer.save(str(tmp_path / "plain.json"))
    tokenizer.enable_truncation(2)  # pyright: ignore[reportUnknownMemberType]
    tokenizer.enable_padding(length=50)  # pyright: ignore[reportUnknownMemberType]
    tokenizer.save(str(tmp_path / "padded.json"))
    texts = pl.Series(CORPUS)
    plain, padded = load_tokenizer("plain.json", tmp_path), load_tokenizer("padded.json", tmp_path)
    assert count(padded, texts).to_list() == count(plain, texts).to_list()


def test_the_decoders_clean_up_of_spaces_is_off(tmp_path: Path) -> None:
    tokenizer = _word_piece()
    tokenizer.decoder = decoders.WordPiece(cleanup=True)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    cut, _ = count_and_cut(load_tokenizer("tokenizer.json", tmp_path), pl.Series(["the kettle , a kettle"]), 3)
    assert cut.to_list() == ["the kettle ,"]


def test_dropout_is_off(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    _byte_level().save(str(path))
    content = json.loads(path.read_text(encoding="utf-8"))
    expected = _rows(*load_tokenizer(str(path)).encode(CORPUS))
    content["model"]["dropout"] = 0.5
    (tmp_path / "random.json").write_text(json.dumps(content), encoding="utf-8")
    assert _rows(*load_tokenizer("random.json", tmp_path).encode(CORPUS)) == expected


def test_no_texts_have_no_tokens(tmp_path: Path) -> None:
    for make in (_byte_level, _word_piece):
        make().save(str(tmp_path / f"{make.__name__}.json"))
        ids, offsets = load_tokenizer(f"{make.__name__}.json", tmp_path).encode([])
        assert (ids.tolist(), offsets.tolist(), ids.dtype, offsets.dtype) == ([], [0], np.uint32, np.int64)


# --- the cache and the fingerprint ------------------------------------------------------------------------------------


def test_a_file_is_loaded_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    _byte_level().save(str(path))
    first = load_tokenizer("tokenizer.json", tmp_path)
    assert load_tokenizer(str(path)) is first
    os.utime(path, ns=(1, 1))  # something else of the same size may be in it now
    second = load_tokenizer(str(path))
    assert second is not first
    path.write_bytes(path.read_bytes() + b"\n")
    os.utime(path, ns=(1, 1))
    assert load_tokenizer(str(path)) is not second


def test_the_fingerprint_is_of_the_content_and_the_name_is_the_files(tmp_path: Path) -> None:
    tokenizer = _byte_level()
    tokenizer.save(str(tmp_path / "a.json"))
    tokenizer.save(str(tmp_path / "b.json"))
    _word_piece().save(str(tmp_path / "c.json"))
    a, b, c = (load_tokenizer(f"{name}.json", tmp_path) for name in "abc")
    assert a.fingerprint == b.fingerprint != c.fingerprint
    assert (a.name, len(a.fingerprint)) == ("a.json", 64)


# --- what a user may get wrong ----------------------------------------------------------------------------------------


def _refusal(spec: str, base: Path | None = None) -> str:
    with pytest.raises(TokenizerError) as caught:
        load_tokenizer(spec, base)
    return str(caught.value)


def test_a_missing_file_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").touch()
    message = _refusal("tokeniser.json", tmp_path)
    assert message.startswith("recipe.tokenizer: there is no file 'tokeniser.json'")
    assert "Did you mean 'tokenizer.json'?" in message
    assert "Did you mean" not in _refusal("nowhere/tokenizer.json", tmp_path)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    assert "'folder.json' can't be read" in _refusal("folder.json", tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"nope", b"[1]", b"{}", b'{"model": {}}', b"\xff\xfe", b'{"model": {"type": "BPE"}}']
)
def test_a_file_that_is_no_tokenizer_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(content)
    message = _refusal("other.json", tmp_path)
    assert "other.json' is not a tokenizer.json" in message
    assert "\n" not in message


def test_a_hub_id_is_told_what_to_use_instead() -> None:
    message = _refusal("meta-llama/Llama-3.1-8B")
    assert "http://127.0.0.1:9 can't be reached" in message  # tests/io/test_hub.py has one that can
    assert "--set tokenizer=o200k_base" in message


def test_a_misspelt_vocabulary_gets_a_suggestion() -> None:
    assert "Did you mean 'o200k_base'?" in _refusal("o200k")
    assert "packaged: o200k_base, cl100k_base" in _refusal("tekken")


def test_the_fingerprint_is_known_without_loading(shared_data: Path) -> None:
    for spec in ("cl100k_base", str(shared_data / "tokenizers" / "llama-3.1.json")):
        assert tokenizer_fingerprint(spec) == load_tokenizer(spec).fingerprint
    for wrong in ("nowhere.json", "o300k_base", "meta-llama/Llama-3.1-8B"):
        with pytest.raises(TokenizerError) as loading:
            load_tokenizer(wrong)
        with pytest.raises(TokenizerError) as asking:
            tokenizer_fingerprint(wrong)
        assert str(asking.value) == str(loading.value)
