"""Tokenizers from a `tokenizer.json`, or from a vocabulary that an installed package carries.

Byte-level BPE, which is what nearly all current models use, goes through fastokens (some fifty times as fast); whatever
else a file may hold goes through Hugging Face `tokenizers`, which is also what the tests hold fastokens to.
"""

from __future__ import annotations

import hashlib
import os
import threading
from binascii import b2a_base64
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import fastokens  # pyright: ignore[reportMissingTypeStubs]: its types are in the package
import numpy as np
import polars as pl
import tokenizers
from pydantic import BaseModel, Field, ValidationError

from evenly.errors import TokenizerError, choices_line, did_you_mean, siblings
from evenly.io import hub
from evenly.io.cache import scratch_folder
from evenly.io.vocabularies import PACKAGED, packaged_content, read_vocabulary

if TYPE_CHECKING:
    from collections.abc import Generator

    import numpy.typing as npt

    from evenly.core.tokens import Tokenizer

_ALPHABET = frozenset(tokenizers.pre_tokenizers.ByteLevel.alphabet())
_Id = Annotated[int, Field(ge=0, lt=1 << 24)]
_LOADING = threading.Lock()  # two threads that want the same file load it once


class _Refused:
    """Tells what `tokenizers` raises, which has no class of its own, or panics with, which is no `Exception`."""

    def __init__(self, told: str) -> None:
        """Begin the message with `told`."""
        self._told = told

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise a `TokenizerError` instead of the library's; interrupts and exits go on.

        Raises:
            TokenizerError: for what the library raised.
        """
        if kind is not None and (issubclass(kind, Exception) or kind.__name__ == "PanicException"):
            found = str(error).partition("\n")[0][:200]
            message = f"{self._told}{found}. Mend the file."
            raise TokenizerError(message) from error


@dataclass(frozen=True, eq=False)
class FastTokenizer:
    """A byte-level BPE tokenizer on fastokens; a `core.tokens.Tokenizer`.

    `encode` releases the GIL and uses every core, so that other threads can parse meanwhile. It is safe from several
    threads, which take turns: four at once took 1.5 times as long as one after the other.
    """

    name: str
    fingerprint: str
    byte_lengths: npt.NDArray[np.uint32] | None
    native: fastokens.Tokenizer = field(repr=False)
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def encode(
        self, texts: list[str], *, control: bool = False
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return all ids (uint32) and the offsets of the texts in them (int64, `len(texts) + 1`)."""
        split = not control
        with self.turn:
            ids, offsets = self.native.encode_batch_flat(texts, add_special_tokens=False, split_special_tokens=split)
        return np.frombuffer(ids, np.uint32), np.frombuffer(offsets, np.int64)

    def decode(self, ids: npt.NDArray[np.uint32]) -> str:
        """Return the text of these ids, special tokens kept, invalid UTF-8 replaced."""
        return self.native.decode(ids.tolist(), skip_special_tokens=False)


@dataclass(frozen=True, eq=False)
class ReferenceTokenizer:
    """Any tokenizer on Hugging Face `tokenizers`; a `core.tokens.Tokenizer`, and the oracle of the fast one."""

    name: str
    fingerprint: str
    byte_lengths: npt.NDArray[np.uint32] | None
    native: tokenizers.Tokenizer = field(repr=False)
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def encode(
        self, texts: list[str], *, control: bool = False
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """Return all ids (uint32) and the offsets of the texts in them (int64, `len(texts) + 1`)."""
        with self.turn:  # what special tokens are is a state of the whole tokenizer
            self.native.encode_special_tokens = not control
            with _Refused(f"recipe.tokenizer: '{self.name}' can't encode a text: "):
                encodings = self.native.encode_batch_fast(texts, add_special_tokens=False)
        rows = [np.asarray(encoding.ids, np.uint32) for encoding in encodings]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([row.size for row in rows], out=offsets[1:])
        return np.concatenate([np.empty(0, np.uint32), *rows]), offsets

    def decode(self, ids: npt.NDArray[np.uint32]) -> str:
        """Return the text of these ids, special tokens kept, spaces not cleaned up."""
        return self.native.decode(ids.tolist(), skip_special_tokens=False)


def load_tokenizer(spec: str, base: Path | None = None) -> Tokenizer:
    """Return the tokenizer that a recipe's `tokenizer` names: a `….json` file, a packaged vocabulary, or a Hub id.

    A relative path starts at `base` (by default the working directory). The same file, by path, size and mtime, is
    loaded once per process. That takes one to two seconds for a vocabulary of 100,000 to 200,000 tokens, nearly all of
    it inside fastokens and without the GIL.

    >>> ids, offsets = load_tokenizer("cl100k_base").encode(["a kettle", "two kettles"])
    >>> offsets.tolist()
    [0, 2, 6]

    Raises:
        TokenizerError: when there is no such file, vocabulary or model, or the file is not a tokenizer's.
    """
    with _LOADING:
        return _load_packaged(spec) if spec in PACKAGED else _load_path(spec, tokenizer_path(spec, base))


def tokenizer_fingerprint(spec: str, base: Path | None = None) -> str:
    """Return the fingerprint that the loaded tokenizer would have, without the seconds that loading takes.

    Raises:
        TokenizerError: when there is no such file, vocabulary or model.
    """
    if spec in PACKAGED:
        return _packaged_fingerprint(spec, packaged_content(spec))
    with _readable(spec, tokenizer_path(spec, base)) as path:
        return hashlib.sha256(path.read_bytes()).hexdigest()


def tokenizer_path(spec: str, base: Path | None = None) -> Path:
    """Return the place of the tokenizer.json that is meant, fetched from the Hub (once per process) for an id there.

    Raises:
        TokenizerError: for a text that is neither, and for an id whose file can't be had.
    """
    if spec.lower().endswith(".json"):
        return (base or Path()) / spec
    if hub.TOKENIZER.fullmatch(spec):
        return _fetched(spec, os.environ.get("HF_ENDPOINT"), os.environ.get("HF_HUB_CACHE"))
    near = did_you_mean(spec, PACKAGED)
    message = (
        f"recipe.tokenizer: '{spec}' is neither a path to a tokenizer.json (it would end in .json), nor an id on the "
        f"Hugging Face Hub (OWNER/NAME), nor a packaged vocabulary.{near}{choices_line('packaged', PACKAGED)}"
    )
    raise TokenizerError(message)


@lru_cache(maxsize=8)
def _fetched(spec: str, endpoint: str | None, cache: str | None) -> Path:
    """Fetch a tokenizer; where from and where to are only what tells one fetch from another."""
    del endpoint, cache
    return hub.tokenizer_file(spec)


# --- a tokenizer.json -------------------------------------------------------------------------------------------------


def _load_path(spec: str, path: Path) -> Tokenizer:
    with _readable(spec, path):
        stat = path.stat()
        return _load_file(path.resolve(), stat.st_size, stat.st_mtime_ns)


@contextmanager
def _readable(spec: str, path: Path) -> Generator[Path]:
    """Tell a file that is missing or can't be read as a fault of the recipe."""
    try:
        yield path
    except FileNotFoundError:
        near = did_you_mean(path.name, siblings(path))
        message = f"recipe.tokenizer: there is no file '{spec}' (looked at {path.resolve()}). Check the path.{near}"
        raise TokenizerError(message) from None
    except OSError as error:
        message = f"recipe.tokenizer: '{spec}' can't be read: {error.strerror or error}. Check the file and its rights."
        raise TokenizerError(message) from None


@lru_cache(maxsize=4)
def _load_file(path: Path, size: int, mtime_ns: int) -> Tokenizer:
    """Load a tokenizer file; `size` and `mtime_ns` only tell the cache one version of the file from another."""
    del size, mtime_ns
    content = path.read_bytes()
    fingerprint = hashlib.sha256(content).hexdigest()
    shape = _byte_level_shape(content)
    lengths = shape.byte_lengths() if shape else None
    fast = _fast(content) if shape else None
    if fast:
        return FastTokenizer(path.name, fingerprint, lengths, fast)
    return ReferenceTokenizer(path.name, fingerprint, lengths, _reference(path, content))


def _fast(content: bytes) -> fastokens.Tokenizer | None:
    """Return the tokenizer on fastokens, or None for a file that uses what fastokens does not have."""
    try:
        native = fastokens.Tokenizer.from_json_str(content.decode("utf-8"))
    except ValueError:
        return None
    native.no_truncation()
    native.no_padding()
    return native


def _refuse_merges_without_prefix(path: Path, content: bytes) -> None:
    """Refuse a merge whose second token lacks the prefix of tokens within a word.

    `tokenizers` cuts so many bytes off it unseen: it panics, or cuts into a character and ends the whole process.
    """
    try:
        model = _PrefixedFile.model_validate_json(content).model
    except ValidationError:
        return
    for merge in model.merges:
        second = merge.rpartition(" ")[2] if isinstance(merge, str) else merge[1]
        if not second.startswith(model.continuing_subword_prefix):
            found, prefix = (repr(one[:40]) for one in (second, model.continuing_subword_prefix))
            message = (
                f"recipe.tokenizer: '{path}' has a merge with {found}, which does not begin with the model's "
                f"continuing_subword_prefix {prefix}. Mend the file."
            )
            raise TokenizerError(message)


def _reference(path: Path, content: bytes) -> tokenizers.Tokenizer:
    """Return the tokenizer on `tokenizers`: no truncation, special tokens' spellings are text, spaces stay."""
    _refuse_merges_without_prefix(path, content)
    with _Refused(f"recipe.tokenizer: '{path}' is not a tokenizer.json as Hugging Face tokenizers write it: "):
        native = tokenizers.Tokenizer.from_buffer(content)
    native.no_truncation()
    native.no_padding()
    native.encode_special_tokens = True
    if isinstance(native.model, tokenizers.models.BPE):
        native.model.dropout = None  # it draws the ids at random, in every call anew
    if isinstance(native.decoder, tokenizers.decoders.WordPiece):
        native.decoder.cleanup = False
    return native


# --- which files are byte-level BPE, and which of them keep every byte ------------------------------------------------


class _Added(BaseModel):
    """A token beside the model's own; those that are not special are found in texts before BPE."""

    id: _Id
    content: str
    lstrip: bool = False
    rstrip: bool = False
    special: bool = False

    def keeps_bytes(self) -> bool:
        """Return whether it stands for exactly its content's bytes, both in a text and decoded.

        The decoder reads content made of the byte alphabet's letters as those letters' bytes: for 'é' that is 0xE9.
        """
        readable = self.content.isascii() or not _ALPHABET.issuperset(self.content)
        return self.special or (readable and not self.lstrip and not self.rstrip)


class _Part(BaseModel):
    """A pre-tokenizer or a decoder."""

    type: str
    add_prefix_space: bool = True
    behavior: str = "Isolated"
    pretokenizers: list[_Part] = []

    def flat(self) -> list[_Part]:
        """Return the parts of a sequence, or the part itself."""
        return [inner for part in self.pretokenizers for inner in part.flat()] if self.type == "Sequence" else [self]

    def keeps_bytes(self) -> bool:
        """Return whether this pre-tokenizer hands on every byte of the text, and no other."""
        if self.type == "ByteLevel":
            return not self.add_prefix_space
        return self.type == "Digits" or (self.type == "Split" and self.behavior != "Removed")


class _PrefixedModel(BaseModel):
    """A model of BPE whose tokens within a word have a prefix."""

    continuing_subword_prefix: Annotated[str, Field(min_length=1)]
    merges: list[str | tuple[str, str]]


class _PrefixedFile(BaseModel):
    """A tokenizer.json with such a model."""

    model: _PrefixedModel


class _ByteLevelModel(BaseModel):
    """The model of byte-level BPE; a file with any other does not validate."""

    type: Literal["BPE"]
    dropout: Annotated[float, Field(le=0)] | None = None
    byte_fallback: Literal[False] = False
    continuing_subword_prefix: Literal[""] | None = None
    end_of_word_suffix: Literal[""] | None = None
    vocab: dict[str, _Id]


class _ByteLevelFile(BaseModel):
    """A tokenizer.json of byte-level BPE with a token for each of the 256 bytes.

    Only files of this shape go to fastokens: for some others that it loads (BPE with byte fallback, an alphabet with
    gaps) it was seen to give other ids than `tokenizers`, or to refuse a text.
    """

    model: _ByteLevelModel
    pre_tokenizer: _Part
    decoder: _Part | None = None
    normalizer: _Part | None = None
    added_tokens: list[_Added] = []

    def is_byte_level(self) -> bool:
        """Return whether every byte of a text has a token and goes through the byte alphabet once."""
        kinds = [part.type for part in self.pre_tokenizer.flat()]
        return kinds.count("ByteLevel") == 1 and all(letter in self.model.vocab for letter in _ALPHABET)

    def byte_lengths(self) -> npt.NDArray[np.uint32] | None:
        """Return the bytes that each id stands for, or None where tokens do not add up to the text's bytes."""
        parts_keep = all(part.keeps_bytes() for part in self.pre_tokenizer.flat())
        decodes = self.decoder is not None and self.decoder.type == "ByteLevel"
        added_keep = all(token.keeps_bytes() for token in self.added_tokens)
        if self.normalizer is not None or not (parts_keep and decodes and added_keep):
            return None
        # The special ones never stand for a text: where one comes out of BPE it is the model's own token.
        added = {token.id: len(token.content.encode("utf-8")) for token in self.added_tokens if not token.special}
        ids = list(self.model.vocab.values())
        lengths = np.zeros(max([*ids, *added]) + 1, np.uint32)
        # One letter of the alphabet stands for one byte.
        lengths[ids] = pl.Series(list(self.model.vocab)).str.len_chars().to_numpy()
        lengths[list(added)] = list(added.values())
        return lengths


def _byte_level_shape(content: bytes) -> _ByteLevelFile | None:
    """Return the file read as byte-level BPE, or None if it is something else."""
    try:
        file = _ByteLevelFile.model_validate_json(content)
    except ValidationError:
        return None
    return file if file.is_byte_level() else None


# --- a vocabulary that a package carries ------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _load_packaged(name: str) -> Tokenizer:
    """Load a packaged vocabulary; its splitting pattern and special tokens are fastokens' preset of that name."""
    content = packaged_content(name)
    entries = read_vocabulary(name, content)
    lengths = np.zeros(max(rank for _, rank in entries) + 1, np.uint32)
    lengths[[rank for _, rank in entries]] = [len(token) for token, _ in entries]
    with scratch_folder() as folder:
        # fastokens reads this format from a file only. Keeping the file would save a tenth of the load.
        path = folder / "ranks.tiktoken"
        path.write_bytes(b"".join(b"%b %d\n" % (b2a_base64(token, newline=False), rank) for token, rank in entries))
        native = fastokens.Tokenizer.from_tiktoken(str(path), encoding=name)
    return FastTokenizer(name, _packaged_fingerprint(name, content), lengths, native)


def _packaged_fingerprint(name: str, content: bytes) -> str:
    return hashlib.sha256(name.encode() + b"\n" + content).hexdigest()
