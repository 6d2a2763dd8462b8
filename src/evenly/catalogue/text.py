"""The demo's listings as pieces of JSON text: everything that can be written before the first row is drawn.

A line of the catalogue is a handful of these pieces joined; escaping, filling in and rounding happen here, once per
piece, which is what makes a line cheap.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from evenly.catalogue import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from evenly.catalogue.shelves import Shelf

BRANDS: Final = 5  # of each standing
WEIGHTS: Final = 64  # steps from an ounce to about 70 pounds
SHAPES_PER_WEIGHT: Final = 32
POOL: Final = 1024  # ready-made ratings, dates and images to pick from
RANKS: Final = 128  # ready-made ranks per kind of product
PREFIXES: Final = 700
SERIALS: Final = 10_000
MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                 "November", "December")  # fmt: skip
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SMALL_WORDS: Final = frozenset({"a", "an", "and", "for", "in", "of", "on", "or", "the", "to", "with", "without"})
IMAGE_HOST: Final = "https://m.media-amazon.com/images/I/"


@dataclass(frozen=True)
class Table:
    """Pieces of text in groups of `width`, flat, and one more at the end: the blank, for rows that lack the piece."""

    texts: NDArray[np.object_]
    width: int

    def column(
        self, group: NDArray[np.int64] | int, pick: NDArray[np.int64] | int, lacking: NDArray[np.bool_] | None = None
    ) -> list[str]:
        """Return one text per row: entry `pick` of the group, or the blank where `lacking`."""
        index = np.asarray(group) * self.width + pick
        return self.texts[index if lacking is None else np.where(lacking, -1, index)].tolist()


def table(groups: Iterable[Sequence[str]], blank: str = "") -> Table:
    """Make a table of groups of equal length."""
    rows = list(groups)
    return Table(np.array([text for row in rows for text in row] + [blank], dtype=object), len(rows[0]))


def escaped(text: str) -> str:
    """Return a text as it stands between the quotes of JSON, in ASCII with escapes, like the real files."""
    return json.dumps(text)[1:-1]


def members(values: Mapping[str, object]) -> str:
    """Return the members of a JSON object, each followed by a comma and a space."""
    return json.dumps(values)[1:-1] + ", " if values else ""


def capitals(text: str) -> str:
    """Return a text in title case; unlike `str.title` it leaves `LED` and `and` alone."""
    return " ".join(word if word in SMALL_WORDS else word[:1].upper() + word[1:] for word in text.split(" "))


@dataclass(frozen=True)
class Fragments:
    """All tables of one category. Groups are states (kind and tier), tiers, brands or kinds, as named."""

    head: Table  # by tier: ten brands, with all that stands before the title
    title: Table  # by state
    made_of: Table  # by state
    has: Table  # by state
    fits: Table
    box: Table  # by state
    opening: Table  # by state
    middle: Table  # by state
    use: Table  # by state
    closing: Table  # by tier
    store: Table  # by tier, the same ten brands
    aisle: Table  # by kind
    maker: Table  # by tier, the same ten brands
    rank: Table  # by kind
    material: Table  # by state


def fragments(shelf: Shelf) -> Fragments:
    """Write every piece of text of a category."""
    fills = _fillings(shelf)
    brands = [_brands(shelf, tier) for tier in range(words.TIERS)]
    feature, sentence = ', "{}"', " {}"

    def by_state(sentences: Sequence[Sequence[str]], wrap: str, blank: str = "", times: int = 1) -> Table:
        """One group per state: the sentences of its tier, each with `times` adjectives."""
        of_tier = [sentences[fill.tier % len(sentences)] for fill in fills]
        return table(
            (
                [_fill(wrap, text, fill, turn) for turn in range(times) for text in choice]
                for fill, choice in zip(fills, of_tier, strict=True)
            ),
            blank,
        )

    top = members({"main_category": shelf.main}) + '"title": "'
    return Fragments(
        head=table([f"{{{top}{escaped(b)} " for b in row] for row in brands),
        title=by_state([words.TITLES], "{}", times=5),
        made_of=by_state(words.MADE_OF, '{}"'),
        has=by_state([words.HAS], feature, times=2),
        fits=table([[feature.format(escaped(text)) for text in shelf.fits]]),
        box=by_state(words.BOX, feature),
        opening=by_state(words.OPENINGS, '], "description": ["{}', '], "description": ['),
        middle=by_state([words.MIDDLES], sentence, times=2),
        use=by_state([words.USES], sentence),
        closing=table([sentence.format(escaped(text)) for text in row] for row in words.CLOSINGS),
        store=table(([f'"store": {json.dumps(b)}, ' for b in row] for row in brands), '"store": null, '),
        aisle=table([_aisle(shelf, kind.aisle)] for kind in shelf.kinds),
        maker=table([members({"Manufacturer": b, "Brand": b}) for b in row] for row in brands),
        rank=table(([_rank(shelf, kind.aisle, i) for i in range(RANKS)] for kind in shelf.kinds), ""),
        material=table([members({"Material": f.words["Material"], "Configuration": f.words["spec"]})] for f in fills),
    )


@dataclass(frozen=True)
class _Filling:
    """What stands in the braces of a sentence, for one state."""

    tier: int
    words: dict[str, str]


def _fillings(shelf: Shelf) -> list[_Filling]:
    """Return the words of every state of a shelf: kind by kind, tier by tier."""
    out: list[_Filling] = []
    for kind in shelf.kinds:
        for tier, spec in enumerate(kind.specs):
            lower = {"noun": kind.noun, "use": kind.use, "part": kind.part, "material": kind.materials[tier]}
            upper = {name.capitalize(): capitals(text) for name, text in lower.items()}
            out.append(_Filling(tier, lower | upper | {"spec": spec}))
    return out


def _fill(wrap: str, text: str, fill: _Filling, turn: int) -> str:
    """Return a sentence filled in, escaped and wrapped; an empty one stays empty."""
    choice = words.ADJECTIVES[fill.tier]
    adjective = choice[(turn + len(text)) % len(choice)]  # so that a group doesn't say the same one throughout
    full = text.format(**fill.words, adjective=adjective.lower(), Adjective=adjective)
    return wrap.format(escaped(full[:1].upper() + full[1:])) if full else ""


def _brands(shelf: Shelf, tier: int) -> list[str]:
    """Return ten brands for a tier: bargain ones at the bottom, premium ones at the top, mixed in between."""
    bargain, middling, premium = shelf.brands
    return list((bargain * 2, bargain + middling, middling * 2, middling + premium, premium * 2)[tier])


def _aisle(shelf: Shelf, aisle: str) -> str:
    """Return the `categories` and the opening of `details`."""
    return f'"categories": {json.dumps([shelf.main, aisle])}, "details": {{'


def _rank(shelf: Shelf, aisle: str, i: int) -> str:
    """Return the end of the model number and a rank, lower in its aisle than in the whole category."""
    overall = 211 + i * i * 97
    return '", ' + members({"Best Sellers Rank": {shelf.main: overall, aisle: overall // 90 + 1}})


@dataclass(frozen=True)
class Common:
    """The tables that all categories share."""

    color_tail: Table  # four ways to end a title, for each color
    title_prefix: Table  # of part numbers, after a space
    prefix: Table
    serial: Table
    rating: Table
    flourish: Table
    size: Table  # a feature, by weight
    package: Table  # details, by weight
    model: Table
    color: Table  # a detail
    oddment: Table
    date: Table
    image: Table


@cache
def common() -> Common:
    """Write the pieces that don't depend on the category."""
    sizes = [[_size(weight, i) for i in range(SHAPES_PER_WEIGHT)] for weight in _weights()]
    colors = [escaped(color) for color in words.COLORS]
    return Common(
        color_tail=table(["", f" - {c}", f", {c}", f" ({c})"] for c in colors),
        title_prefix=table([[f" {_prefix(i)}" for i in range(PREFIXES)]]),
        prefix=table([[_prefix(i) for i in range(PREFIXES)]]),
        serial=table([[f"{i:04d}{LETTERS[i * 7 % len(LETTERS)]}" for i in range(SERIALS)]]),
        rating=table([[_rating(i) for i in range(POOL)]]),
        flourish=table([[f'"{escaped(text)}' for text in (*words.FLOURISHES, "")]]),
        size=table([f', "Measures {edges} inches and weighs {mass.lower()}"' for edges, mass in row] for row in sizes),
        package=table([_package(*each) for each in row] for row in sizes),
        model=table([['"Item model number": "']]),
        color=table([[members({"Color": color}) for color in words.COLORS]]),
        oddment=table([[members(each) for each in words.ODDMENTS]]),
        date=table([[_date(i) for i in range(POOL)]]),
        image=table([[_images(i) for i in range(POOL)]]),
    )


def _rating(i: int) -> str:
    """Return what stands between the title and the first feature."""
    return f'", {members({"average_rating": (50 - i * i % 17) / 10, "rating_number": 1 + i * i // 61})}"features": ['


def _prefix(i: int) -> str:
    """Return the letters of a part number, such as `HXK-`."""
    n = len(LETTERS)
    return f"{LETTERS[i % n]}{LETTERS[i * 5 // n % n]}{LETTERS[i * 11 % n] if i % 3 else ''}-"


def _weights() -> list[int]:
    """Return the ladder of weights, in hundredths of a pound: each about a ninth above the one before."""
    ladder = [6]
    while len(ladder) < WEIGHTS:
        ladder.append(ladder[-1] + max(1, ladder[-1] // 8))
    return ladder


def _size(weight: int, i: int) -> tuple[str, str]:
    """Return the three edges in inches and the weight as text, for a weight in hundredths of a pound."""
    edge = 15 + next(e for e in range(400) if (e + 1) ** 3 >= weight * 200)  # tenths of an inch, by the cube root
    edges = [edge * (60 + i * 7 % 90) // 60, edge * (40 + i * 11 % 50) // 60, max(2, edge * (5 + i * 13 % 40) // 60)]
    if weight < 100:  # noqa: PLR2004 - under a pound in ounces, as in the real rows
        text = f"{weight * 16 / 100:.2f} Ounces" if i % 8 else f"{weight * 4536 // 1000} Grams"
    else:
        text = f"{weight / 100:.2f} Pounds" if i % 16 else f"{weight * 4536 / 1_000_000:.2f} Kilograms"
    return " x ".join(f"{e / 10:.1f}".removesuffix(".0") for e in edges), text


def _package(size: str, weight: str) -> str:
    """Return the two details that say how large and how heavy a package is."""
    return members({"Package Dimensions": f"{size} inches; {weight}", "Item Weight": weight.lower()})


def _date(i: int) -> str:
    """Return the last detail, a day from 2008 to 2023."""
    day = f"{MONTHS[i * 7 % 12]} {1 + i * 11 % 28}, {2008 + i % 16}"
    return json.dumps({"Date First Available": day})[1:-1]


def _images(i: int) -> str:
    """Return `images`, one or two, and an empty list of `videos`."""
    pictures: list[dict[str, str | None]] = []
    for variant in ("MAIN", "PT01")[: 1 + i % 2]:
        name = f"{41 + i % 2 * 10}{(i * 2_654_435_761 + len(pictures) * 40_503) % 16**9:09x}"
        large = f"{IMAGE_HOST}{name}.jpg"
        thumb = f"{IMAGE_HOST}{name}._SS40_.jpg"
        hi_res = f"{IMAGE_HOST}{name}._SL1500_.jpg" if i % 5 else None
        pictures.append({"thumb": thumb, "large": large, "variant": variant, "hi_res": hi_res})
    return f', "images": {json.dumps(pictures)}, "videos": [], '
