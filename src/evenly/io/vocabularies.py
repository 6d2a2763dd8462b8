"""Vocabularies that an installed package carries as data files."""

from __future__ import annotations

import importlib.util
import struct
from pathlib import Path

from evenly.errors import TokenizerError

# The packaged vocabularies: what a recipe calls one (which is also fastokens' name for its splitting pattern), and its
# file in the package. That carries Llama's and Qwen's too; Llama's licence is Meta's own, so it is not offered.
_PACKAGE = "quicktok-v1"
_MODULE = "quicktok"
PACKAGED = {"o200k_base": "data/o200k.vocab", "cl100k_base": "data/cl100k.vocab"}


def packaged_content(name: str) -> bytes:
    """Return the bytes of a packaged vocabulary, found without importing its package (which loads native code).

    Raises:
        TokenizerError: when the package is not installed.
    """
    found = importlib.util.find_spec(_MODULE)
    for folder in (found.submodule_search_locations or []) if found else []:
        path = Path(folder, PACKAGED[name])
        if path.is_file():
            return path.read_bytes()
    message = (
        f"recipe.tokenizer: the vocabulary '{name}' comes with the package {_PACKAGE}, which is not installed here"
        f" (or has no {PACKAGED[name]}). Install it: pip install {_PACKAGE}."
    )
    raise TokenizerError(message)


def read_vocabulary(name: str, content: bytes) -> list[tuple[bytes, int]]:
    """Return (token, rank) of each entry: a count (u32), then length (u16), bytes, rank (u32), all little-endian.

    Raises:
        TokenizerError: when the file is damaged.
    """
    entries: list[tuple[bytes, int]] = []
    try:
        (expected,) = struct.unpack_from("<I", content)
        position = 4
        while position < len(content):
            (length,) = struct.unpack_from("<H", content, position)
            end = position + 2 + length
            (rank,) = struct.unpack_from("<I", content, end)
            entries.append((content[position + 2 : end], rank))
            position = end + 4
    except struct.error:
        expected = -1
    if not entries or len(entries) != expected:
        message = f"recipe.tokenizer: the file of '{name}' in {_PACKAGE} is damaged. Install the package again."
        raise TokenizerError(message)
    return entries
