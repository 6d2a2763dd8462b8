"""Steps that build and clean text. Each returns the frame with its columns changed; none of them drops a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from evenly.core.characters import DIGITS, SPACES

if TYPE_CHECKING:
    from evenly.recipe.steps import Collapse, Delete, DropWords, Join, Replace

FEW: Final = 3
"""Part of the texts (a third) up to which it pays to copy only those that change."""


def join(frame: pl.DataFrame, step: Join) -> pl.DataFrame:
    """Join columns into one text; a list's elements too. A null is an empty part; `end` follows what is not empty."""
    parts = [_part(name, frame.schema[name], step) for name in step.columns]
    if step.keep_empty:
        whole = pl.concat_str(parts, separator=step.separator)
    else:
        whole = pl.concat_str(
            [pl.when(part != "").then(part) for part in parts], separator=step.separator, ignore_nulls=True
        )
    if step.end:
        whole = pl.when(whole != "").then(whole + step.end).otherwise(whole)
    return frame.with_columns(whole.alias(step.into))


def delete(frame: pl.DataFrame, step: Delete) -> pl.DataFrame:
    """Delete each string, in order, from each column."""
    return _chained(frame, step.column, [(string, "") for string in step.strings])


def replace(frame: pl.DataFrame, step: Replace) -> pl.DataFrame:
    """Replace each text by its other, in order, in each column."""
    return _chained(frame, step.column, list(step.values.items()))


def collapse(frame: pl.DataFrame, step: Collapse) -> pl.DataFrame:
    """Turn runs of the characters or white space into one `into`, then strip white space at the ends.

    Where `into` is a space, a single space is no match: of a text's runs nearly all are, and to find and copy each took
    three times as long.
    """
    inside = "".join(f"\\x{{{ord(character):x}}}" for character in step.characters)
    any_of = f"[{SPACES}{inside}]"
    run = f" {any_of}+|[{any_of}--[ ]]{any_of}*" if step.into == " " else f"{any_of}+"
    ends = "".join(character for character in step.into if character.isspace())
    into = step.into.replace("$", "$$")  # `$1` in a replacement would mean a group
    return frame.with_columns(_stripped(pl.col(name).str.replace_all(run, into), ends) for name in step.column)


def _stripped(text: pl.Expr, characters: str) -> pl.Expr:
    return text.str.strip_chars(characters) if characters else text


def drop_words(frame: pl.DataFrame, step: DropWords) -> pl.DataFrame:
    """Drop words of at least `min_chars` characters with a digit, or codes, a word being what stands between spaces.

    Words with a digit go by one regular expression over " " + text, each match a space and the word after it: a third
    of the time that splitting into lists and joining them takes.
    """
    if step.having == "code":
        return frame.with_columns(_without_codes(pl.col(name), step.min_chars).alias(name) for name in step.column)
    long_word = long_word_with_digit(step.min_chars)
    return frame.with_columns(
        (" " + pl.col(name)).str.replace_all(long_word, "").str.slice(1).alias(name) for name in step.column
    )


def _without_codes(text: pl.Expr, min_chars: int) -> pl.Expr:
    """Drop words of capital letters and digits alone that have some of both."""
    word = pl.element()
    code = word.str.contains(f"^[A-Z0-9]{{{min_chars},}}$") & word.str.contains("[A-Z]") & word.str.contains("[0-9]")
    return text.str.split(" ").list.eval(word.filter(~code)).list.join(" ")


def long_word_with_digit(min_chars: int) -> str:
    """Return a regular expression for a space and a word of at least `min_chars` characters that holds a digit.

    Without look-ahead the length must be spelt out by where the first digit may stand: after k other characters, and
    then at least min_chars - 1 - k more.
    """
    last = min_chars - 1
    branches = [f"[^ ]{{{last},}}[{DIGITS}][^ ]*"]
    branches += [f"[^ ]{{{k}}}[{DIGITS}][^ ]{{{last - k},}}" for k in range(last)]
    return f" (?:{'|'.join(branches)})"


def _part(name: str, dtype: pl.DataType, step: Join) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.List):
        return column.list.join(step.separator, ignore_nulls=True).fill_null("")
    return column.cast(pl.String).fill_null("")


def _chained(frame: pl.DataFrame, columns: list[str], pairs: list[tuple[str, str]]) -> pl.DataFrame:
    """Replace pairs one after the other; `replace_many` would do them at once, and what one makes another may match."""
    changed: list[pl.Series] = []
    for name in columns:
        texts = frame[name].cast(pl.String)
        for old, new in pairs:
            texts = _replaced(texts, old, new)
        changed.append(texts)
    return frame.with_columns(changed)


def _replaced(texts: pl.Series, old: str, new: str) -> pl.Series:
    """Replace a string; where few texts hold it, only those are copied: to look for it takes a tenth of that."""
    places = texts.str.contains(old, literal=True).arg_true()
    if places.len() * FEW > texts.len():
        return texts.str.replace_all(old, new, literal=True)
    if not places.len():
        return texts
    # `scatter` writes into the Series that it is called on.
    return texts.clone().scatter(places, texts.gather(places).str.replace_all(old, new, literal=True))
