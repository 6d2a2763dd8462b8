"""The look of every picture: one palette, one type scale, one way to write numbers.

Colours are told apart with any colour vision: categories have Paul Tol's muted qualitative scheme, the pool is grey and
what was drawn is blue. A category has one colour everywhere, by its rank in the pool.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

BEFORE: Final = "#8f99a3"
AFTER: Final = "#1f77b4"
ACCENT: Final = "#c4402f"
"""What needs a look: shortfalls, limits."""

INK: Final = "#1c2126"
QUIET_INK: Final = "#5b6570"
LINES: Final = "#d9dee3"

CATEGORY_COLORS: Final = (
    "#332288",
    "#88ccee",
    "#44aa99",
    "#117733",
    "#999933",
    "#ddcc77",
    "#cc6677",
    "#882255",
    "#aa4499",
)
COMPARED_COLORS: Final = (
    "#332288",
    "#cc6677",
    "#44aa99",
    "#ddcc77",
    "#88ccee",
    "#882255",
    "#117733",
    "#aa4499",
)
"""Of outputs side by side: the same colours, in an order in which the first few differ most."""

OTHER_COLOR: Final = "#bbbbbb"

FONT: Final = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"

DARK: Final = {
    INK: "#e6eaee",
    QUIET_INK: "#9ba6b1",
    LINES: "#343c44",
    BEFORE: "#8a95a0",
    AFTER: "#4ba3e0",
    ACCENT: "#f0806f",
    "#332288": "#7f74d6",
    "#117733": "#2f9e58",
    "#882255": "#c2568b",
    "white": "#14181c",
}
"""Colour on light paper -> the one on dark; others do on both."""

SIDE_COLORS: Final = {"before": BEFORE, "after": AFTER}
SIDE_NAMES: Final = {"before": "pool", "after": "selected"}


HIDDEN: Final = {"Cc", "Cf", "Cs", "Co"}
"""Unicode categories of characters that show nothing, or steer what shows others."""

NO_CHARACTERS: Final = {*range(0xFDD0, 0xFDF0), *(plane << 16 | low for plane in range(17) for low in (0xFFFE, 0xFFFF))}
"""Code points that are no characters and never will be."""

LARGEST_WHOLE: Final = 1e15
"""From which on a number is written with an exponent."""

PLAIN: Final = "\n\t"

JOINERS: Final = "\u200c\u200d"
"""Without these some scripts and emoji fall apart; they steer nothing."""


def colors(names: Sequence[str]) -> list[str]:
    """Return the colour of each category, in their order, the largest first: those beyond the palette share one."""
    return [*CATEGORY_COLORS, *[OTHER_COLOR] * len(names)][: len(names)]


def number(value: float | None, digits: int = 4) -> str:
    """Return a number as people read it: thousands apart, as many digits as tell something."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= LARGEST_WHOLE:
        return f"{value:.{digits}g}"
    if value == int(value):
        return f"{int(value):,}"
    whole = math.floor(math.log10(abs(value))) + 1
    text = f"{value:,.{min(9, max(0, digits - whole))}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def day(value: float | None, digits: int = 0) -> str:
    """Return a day since 1970 as a date."""
    del digits
    return "–" if value is None else (date(1970, 1, 1) + timedelta(days=math.floor(value))).isoformat()


def visible(text: object) -> str:
    """Return a text whose hidden characters show: a NUL as `␀`, what would turn the reading direction as `[U+202E]`."""
    return "".join(one if one in PLAIN or one in JOINERS else _visible(one) for one in str(text))


def spelled(text: object) -> str:
    """Return a text on one line, with nothing hidden: line ends and tabs as signs."""
    return visible(text).replace("\n", "↵").replace("\t", "⇥")


def _visible(character: str) -> str:
    code = ord(character)
    if unicodedata.category(character) not in HIDDEN and code not in NO_CHARACTERS:
        return character
    return chr(0x2400 + code) if code < 0x20 else f"[U+{code:04X}]"  # noqa: PLR2004 - Unicode has pictures of these


def theme() -> dict[str, Any]:
    """Return the Vega-Lite configuration of all charts."""
    text = {"labelColor": QUIET_INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 12}
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "title": {"anchor": "start", "color": INK, "fontSize": 13, "fontWeight": 600, "subtitleColor": QUIET_INK},
        "axis": {
            **text,
            "titleFontWeight": "normal",
            "domainColor": LINES,
            "tickColor": LINES,
            "gridColor": LINES,
            "gridOpacity": 0.6,
            "labelOverlap": True,
        },
        "axisX": {"grid": False},
        "legend": {**text, "titleFontWeight": "normal", "orient": "bottom", "columns": 3, "symbolType": "square"},
        "bar": {"color": AFTER},
        "arc": {"stroke": "white", "strokeWidth": 1},
    }
