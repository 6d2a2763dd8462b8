"""Writes product listings in the raw shape of Amazon Reviews 2023, drawn from a seed, as skewed as the real ones.

Text follows price: a price is drawn from the published histogram first, then a product and a tier that would cost
about as much, then words for them, so that a model can learn the price from the text, with noise left over.

Lines come in pieces of a fixed size, each with random bits of its own from (seed, category, piece): line i of a
category is the same however many are written. The bits are the raw ones of PCG64, whose stream NumPy keeps fixed for
good (the methods of its `Generator` may change), and every choice from them is made in integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise, repeat
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.catalogue import prices, text, words
from evenly.catalogue.shelves import SHELVES
from evenly.errors import OutputError, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from evenly.catalogue.shelves import Shelf

    Integers = NDArray[np.int64]
    Mask = NDArray[np.bool_]

PIECE_LINES: Final = 8192
BROKEN_EVERY: Final = 2000  # lines of a category, beginning with line 130: a demo of 1,000 lines has three
BROKEN_FIRST: Final = 130
BANDS: Final = 48  # of price, evenly wide in its logarithm, for the choice of product and tier
TIER_PRICES: Final = (0.45, 0.7, 1.0, 1.5, 2.4)  # of a kind's middling price
SPREAD: Final = 0.42  # how far, in ln dollars, a price strays from what its product and tier let expect

# Of a thousand lines, how many have which price in place of their own. "from 12.99" keeps its own within the text.
NO_PRICE: Final = (("null", 178), ('"None"', 30), ('"\\u2014"', 26), ("from", 16))
ABSURD_PRICE: Final = (("0.01", 2), ("12999.0", 1), ("1499.99", 1))

# Of a hundred lines, up to which draw they have which shape; the rest are whole.
BARE, BRIEF, NO_DESCRIPTION, NO_FEATURES, NO_DETAILS = 1, 2, 6, 8, 9


@dataclass(frozen=True)
class Catalogue:
    """What was written: the folder, its files in the order of the categories, and counts of lines.

    `rows` are all lines; among them `unpriced` have null or a text for a price, and `broken` can't be read.
    """

    folder: Path
    files: tuple[Path, ...]
    rows: int
    unpriced: int
    broken: int


def write_catalogue(
    folder: Path, rows: int = 60_000, seed: int = 42, progress: Callable[[int], None] | None = None
) -> Catalogue:
    """Write listings of eight categories, a file `meta_<Category>.jsonl` each, and return what was written.

    `rows` is the number of lines in all, shared among the categories as the course counted them. About a quarter has
    no price, a few an absurd one, about one line in 2,000 is broken. The same (rows, seed) gives the same bytes on
    any machine; more rows begin with the same lines. `progress` is called after each piece with the lines so far.
    Memory is one piece of lines, whatever `rows`. Files of these names are replaced.

    Raises: `UserError` for fewer rows than categories or a negative seed, `OutputError` where it can't be written.
    """
    if rows < len(SHELVES):
        message = f"demo rows: found {rows:,}, expected at least {len(SHELVES)}: one line for each category."
        raise UserError(message)
    if seed < 0:
        message = f"demo seed: found {seed}, expected 0 or more."
        raise UserError(message)
    files: list[Path] = []
    done = unpriced = broken = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for shelf, lines in zip(SHELVES, _lines_by_category(rows), strict=True):
            files.append(folder / f"meta_{shelf.category}.jsonl")
            with files[-1].open("wb") as file:
                for piece in _pieces(shelf, lines, seed):
                    file.write(piece.data)
                    done, unpriced, broken = done + piece.lines, unpriced + piece.unpriced, broken + piece.broken
                    if progress is not None:
                        progress(done)
    except OSError as error:
        message = f"{folder}: the demo's listings can't be written there ({error.strerror}). Choose another folder."
        raise OutputError(message) from error
    return Catalogue(folder, tuple(files), rows, unpriced, broken)


def _lines_by_category(rows: int) -> list[int]:
    """Return the lines of each category: one, and its share of the others by the published counts."""
    ends = np.cumsum([0, *(shelf.items for shelf in SHELVES)])
    spread = [int(end) * (rows - len(SHELVES)) // int(ends[-1]) for end in ends]
    return [1 + high - low for low, high in pairwise(spread)]


@dataclass(frozen=True)
class _Piece:
    """Lines as bytes, each ended, and what they are."""

    data: bytes
    lines: int
    unpriced: int
    broken: int


class _Bits:
    """Random integers for the lines of one piece; each call answers for all of its lines."""

    def __init__(self, entropy: tuple[int, int, int], lines: int) -> None:
        """Start the stream of (seed, category, piece), to be read for its first `lines` lines."""
        self._bits = np.random.PCG64(np.random.SeedSequence(entropy))
        self._lines = lines

    def below(self, n: int) -> Integers:
        """Return integers from 0 to n - 1, for n up to 2^31; a whole piece is drawn, whatever `lines`."""
        raw = np.asarray(self._bits.random_raw(PIECE_LINES), dtype=np.uint64)[: self._lines]
        return (((raw >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)).astype(np.int64)

    def spread(self) -> Integers:
        """Return integers from 0 to 2^31 - 1, one from each 8,192th of that range for the lines of a whole piece.

        Independent draws would leave the rarest prices to chance: the dearest fifty dollars hold four lines of a piece.
        """
        order = np.argsort(np.asarray(self._bits.random_raw(PIECE_LINES), dtype=np.uint64), kind="stable")
        stretch = (1 << 31) // PIECE_LINES
        within = np.asarray(self._bits.random_raw(PIECE_LINES), dtype=np.uint64) % np.uint64(stretch)
        return (order.astype(np.int64) * stretch + within.astype(np.int64))[: self._lines]


@dataclass(frozen=True)
class _Stock:
    """What the lines of one category are made from."""

    number: int
    fragments: text.Fragments
    dollars: Integers  # cumulative weights of whole dollars
    states: Integers  # cumulative weights of (kind, tier), one row per price band


@cache
def _stock(shelf: Shelf) -> _Stock:
    """Prepare a category: its tables of text, and the odds of prices and products. About 1 MB and 40 ms, so kept."""
    dollars = np.cumsum(prices.dollar_weights(shelf))
    return _Stock(SHELVES.index(shelf), text.fragments(shelf), dollars, _state_weights(shelf))


def _bands() -> Integers:
    """Return where each price band begins, in cents: from 50 up, each about a sixth above the one before."""
    edges = [50]
    while len(edges) < BANDS:
        edges.append(edges[-1] * 117 // 100)
    return np.array(edges, dtype=np.int64)


def _state_weights(shelf: Shelf) -> Integers:
    """Return, for each price band, the cumulative odds of (kind, tier): the nearer in ln price, the likelier."""
    expected = np.log(np.outer([kind.dollars * 100 for kind in shelf.kinds], TIER_PRICES).ravel())
    distance = (np.log(_bands() * 1.08)[:, None] - expected) / SPREAD
    odds = np.exp(-(distance**2 - (distance**2).min(axis=1, keepdims=True)) / 2)
    # Whole numbers, so that the last digit of a machine's `exp` can't move a draw.
    return np.cumsum(np.rint(odds * 1e6).astype(np.int64), axis=1)


@dataclass(frozen=True)
class _Picks:
    """One piece's choices, a number per line: what to say, before it is said."""

    cents: Integers
    kind: Integers
    tier: Integers
    state: Integers  # kind and tier in one
    brand: Integers
    color: Integers
    weight: Integers
    size: Integers
    prefix: Integers
    serial: Integers
    shape: Integers


def _picks(stock: _Stock, bits: _Bits) -> _Picks:
    """Draw the price of each line, then a product and a tier that would cost about as much."""
    drawn: Integers = bits.spread() * stock.dollars[-1] >> 31
    dollars = np.searchsorted(stock.dollars, drawn, side="right").astype(np.int64)
    cents = prices.cents_of(dollars, bits.below(1000))
    band = np.searchsorted(_bands(), cents, side="right").astype(np.int64) - 1
    # One search for all bands: each band's odds are moved to a stretch of the number line of its own.
    stretch = int(stock.states.max()) + 1
    draw: Integers = (bits.below(1 << 31) * stock.states[band, -1] >> 31) + band * stretch
    moved: Integers = (stock.states + np.arange(BANDS, dtype=np.int64)[:, None] * stretch).ravel()
    state = np.searchsorted(moved, draw, side="right").astype(np.int64) - band * stock.states.shape[1]
    return _Picks(
        cents=cents,
        kind=state // words.TIERS,
        tier=state % words.TIERS,
        state=state,
        brand=bits.below(2 * text.BRANDS),
        color=bits.below(len(words.COLORS)),
        weight=np.minimum(band + bits.below(text.WEIGHTS - BANDS + 1), text.WEIGHTS - 1),
        size=bits.below(text.SHAPES_PER_WEIGHT),
        prefix=bits.below(text.PREFIXES),
        serial=bits.below(text.SERIALS),
        shape=bits.below(100),
    )


def _pieces(shelf: Shelf, lines: int, seed: int) -> Iterator[_Piece]:
    """Yield the lines of a category, piece by piece."""
    stock = _stock(shelf)
    for first in range(0, lines, PIECE_LINES):
        count = min(PIECE_LINES, lines - first)
        yield _piece(stock, seed, first, count)


def _piece(stock: _Stock, seed: int, first: int, count: int) -> _Piece:
    """Write the lines `first` to `first + count` of a category."""
    bits = _Bits((seed, stock.number, first // PIECE_LINES), count)
    picks = _picks(stock, bits)
    price, unpriced = _prices(picks, bits)
    columns = (
        *_title(stock.fragments, picks, bits),
        *_features(stock.fragments, picks, bits),
        *_description(stock.fragments, picks, bits),
        price,
        *_details(stock.fragments, picks, bits),
        repeat('}, "parent_asin": "B0', count),
        _ids(stock.number, seed, first, count),
        repeat('", "bought_together": null}', count),
    )
    lines = list(map("".join, zip(*columns, strict=True)))
    broken = range(-(first - BROKEN_FIRST) % BROKEN_EVERY, count, BROKEN_EVERY)
    for i in broken:
        lines[i] = _broken(lines[i], (first + i) // BROKEN_EVERY + stock.number)
        unpriced[i] = False
    # Every character is ASCII but those that `_broken` put in, which no UTF-8 has.
    data = ("\n".join(lines) + "\n").encode("latin-1")
    return _Piece(data, count, int(unpriced.sum()), len(broken))


def _prices(picks: _Picks, bits: _Bits) -> tuple[list[str], Mask]:
    """Return the JSON of each price, and which lines have none."""
    out = prices.price_texts()[picks.cents]
    draw = bits.below(1000)
    unpriced = np.zeros(len(draw), dtype=np.bool_)
    low = 0
    for instead, often in (*NO_PRICE, *ABSURD_PRICE):
        hit = (draw >= low) & (draw < low + often)
        low += often
        out[hit] = instead if instead != "from" else [f'"from {own}"' for own in out[hit]]
        if (instead, often) in NO_PRICE:
            unpriced |= hit
    return out.tolist(), unpriced


def _title(own: text.Fragments, picks: _Picks, bits: _Bits) -> list[list[str]]:
    """Return the columns from the opening brace to the opening of `features`."""
    shared = text.common()
    no_number = bits.below(100) >= 45  # noqa: PLR2004 - a part number stands in 45 titles of a hundred
    return [
        own.head.column(picks.tier, picks.brand),
        own.title.column(picks.state, bits.below(own.title.width)),
        shared.color_tail.column(picks.color, bits.below(shared.color_tail.width)),
        shared.title_prefix.column(0, picks.prefix, no_number),
        shared.serial.column(0, picks.serial, no_number),
        shared.rating.column(0, bits.below(text.POOL)),
    ]


def _features(own: text.Fragments, picks: _Picks, bits: _Bits) -> list[list[str]]:
    """Return the columns of `features`: three to five sentences, or none."""
    shared = text.common()
    none = (picks.shape < BRIEF) | ((picks.shape >= NO_DESCRIPTION) & (picks.shape < NO_FEATURES))
    plain = bits.below(100) >= 8  # noqa: PLR2004 - eight listings in a hundred begin with a flourish
    flourish = np.where(plain, len(words.FLOURISHES), bits.below(len(words.FLOURISHES)))
    return [
        shared.flourish.column(0, flourish, none),
        own.made_of.column(picks.state, bits.below(own.made_of.width), none),
        own.has.column(picks.state, bits.below(own.has.width), none),
        own.fits.column(0, bits.below(own.fits.width), none | (bits.below(5) == 0)),
        shared.size.column(picks.weight, picks.size, none),
        own.box.column(picks.state, bits.below(own.box.width), none | (bits.below(5) == 0)),
    ]


def _description(own: text.Fragments, picks: _Picks, bits: _Bits) -> list[list[str]]:
    """Return the columns of `description`, a paragraph or none, up to the price."""
    none = (picks.shape < BARE) | ((picks.shape >= BRIEF) & (picks.shape < NO_DESCRIPTION))
    short = picks.shape < BRIEF
    ends = np.array(['"], "price": ', '], "price": '], dtype=object)
    return [
        own.opening.column(picks.state, bits.below(own.opening.width), none),
        own.middle.column(picks.state, bits.below(own.middle.width), none),
        own.use.column(picks.state, bits.below(own.use.width), none | short),
        own.closing.column(picks.tier, bits.below(own.closing.width), none | short),
        ends[none.astype(np.int64)].tolist(),
    ]


def _details(own: text.Fragments, picks: _Picks, bits: _Bits) -> list[list[str]]:
    """Return the columns from `images` to the end of `details`, which is short, or empty, for a few."""
    shared = text.common()
    empty = (picks.shape >= NO_FEATURES) & (picks.shape < NO_DETAILS)
    short = empty | (picks.shape < BRIEF)
    return [
        shared.image.column(0, bits.below(text.POOL)),
        own.store.column(picks.tier, picks.brand, empty),
        own.aisle.column(picks.kind, 0),
        own.maker.column(picks.tier, picks.brand, empty),
        shared.package.column(picks.weight, picks.size, short),
        shared.model.column(0, np.zeros_like(picks.kind), short),
        shared.prefix.column(0, picks.prefix, short),
        shared.serial.column(0, picks.serial, short),
        own.rank.column(picks.kind, bits.below(own.rank.width), short),
        own.material.column(picks.state, 0, short),
        shared.color.column(0, picks.color, short),
        shared.oddment.column(0, bits.below(shared.oddment.width), short),
        shared.date.column(0, bits.below(text.POOL), empty),
    ]


def _ids(category: int, seed: int, first: int, count: int) -> list[str]:
    """Return ids such as `C7QK2M4X`, which a `B0` precedes.

    All are different, since to multiply by a number prime to 36 moves none onto another.
    """
    size = 36**8
    number = np.arange(first, first + count, dtype=np.int64) + category * 10**9
    scattered = (number * 648_391_757 + seed * 1_000_003 % size) % size
    digits = (scattered[:, None] // 36 ** np.arange(7, -1, -1, dtype=np.int64)) % 36
    letters = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", dtype=np.uint8).astype(np.uint32)[digits]
    return np.ascontiguousarray(letters).view("U8").ravel().tolist()


def _broken(line: str, kind: int) -> str:
    """Break a line in one of three ways: cut off, not an object, bytes that are not UTF-8."""
    start = line.index('"title": "') + 10
    title = line[start : line.index('", "average_rating"')]
    return (line[: len(line) * 3 // 5], f'["{title}"]', f"{line[:start]}\xff\xfe{line[start:]}")[kind % 3]
