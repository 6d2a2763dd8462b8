"""Words of the demo's listings: adjectives, sentences, odds and ends of details. Data only.

A tier runs from 0 (bargain) to 4 (for professionals); a 5-tuple below has one entry per tier, so that a reader of the
text can tell the price. In a sentence `{noun}`, `{use}`, `{part}`, `{spec}`, `{material}` and `{adjective}` are filled
in from the shelf and the tier; with a capital (`{Noun}`) they are in title case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Tables of words: formatted a value a line they would be twice as long.
# fmt: off

TIERS: Final = 5

ADJECTIVES: Final = (
    ("Budget", "Basic", "Economy", "Value", "Simple"),
    ("Standard", "Everyday", "Classic", "Handy", "Essential"),
    ("Improved", "Upgraded", "Deluxe", "Plus", "Select"),
    ("Premium", "Heavy Duty", "Advanced", "High Performance", "Signature"),
    ("Professional", "Commercial Grade", "Industrial", "Flagship", "Master"),
)

TITLES: Final = (
    "{Adjective} {Noun} {spec}, {Material}",
    "{Noun} - {spec} {Adjective} {Material}",
    "{Adjective} {spec} {Noun} with {Part}",
    "{Noun} {spec} for {Use}",
    "{Material} {Noun}, {spec}, {Adjective}, {Part} Included",
    "{Adjective} {Noun} ({spec})",
    "{spec} {Noun} | {Adjective} | for {Use}",
    "{Noun} with {Part} {spec} {Adjective} Edition in {Material}",
)

OPENINGS: Final = (
    ("An inexpensive {noun} for {use}, made to do one job without fuss and to be easy on your wallet.",
     "When all you need is a basic {noun} for {use}, this low cost one does it and nothing more.",
     "This budget {noun} for {use} keeps things simple: {material}, the usual {part} and a low price.",
     "A small, light {noun} for {use}. Great as a stocking stuffer, a spare or a replacement."),
    ("An everyday {noun} for {use} that is handy at home, at work or on the road.",
     "This standard {noun} replaces a worn one in minutes and is a sensible choice for {use}.",
     "Our classic {noun} has been a reliable choice for {use} for years, at a fair price.",
     "A practical {noun} with the {part} that goes with it, sized and finished for {use}."),
    ("The upgraded {noun} improves on the original with {material} where it counts and a better {part} for {use}.",
     "Step up from the basic model: this deluxe {noun} does more for {use}, and does it with less noise and effort.",
     "Customers asked for a stronger {part}, so we redesigned this {noun} for {use} from the ground up.",
     "A carefully made {noun} with a sturdier {part}, a cleaner finish and everything needed for {use}."),
    ("A premium {noun} in {material}, designed for {use} and for people who expect things to last.",
     "This heavy duty {noun} is up to {use} day after day, thanks to {material} and a reinforced {part}.",
     "Engineered for high performance, the {noun} pairs {spec} with {material} for the finest results in {use}.",
     "Advanced design, tight tolerances and a precision {part} set this {noun} for {use} apart from ordinary ones."),
    ("Built for professionals, this {noun} for {use} gives commercial results and makes no compromise.",
     "Our flagship {noun}: {spec}, {material} throughout, tested and certified before it leaves the factory.",
     "The industrial grade {noun} that studios, workshops and fleets trust for {use}, rated for continuous duty.",
     "Made of {material} and assembled by hand, our master {noun} is the last one you will need for {use}."),
)

MIDDLES: Final = (
    "It comes as {spec} with the {part} in place, and the {material} holds up well.",
    "The {adjective} line offers {spec} together with {material}, so you get what you need for {use}.",
    "This is the {spec} version, finished in {material}, and it arrives with a matching {part} in the package.",
    "With {spec} to choose and {material} to touch, the {noun} feels right from the first day.",
    "Choose it for the {spec} version; the {part} and the {material} are the same across the {adjective} series.",
    "Made of {material}, the {spec} version stores easily, needs little care and suits most homes and shops.",
)

USES: Final = (
    "Whether this is your first {noun} or your tenth, set-up takes a few minutes and needs no special tools.",
    "The {part} can be removed for cleaning, and replacement parts are available separately if one ever wears out.",
    "Please check the size and the model number of your old {noun} before ordering, since versions differ in detail.",
    "It makes a thoughtful gift for birthdays, holidays and Father's Day, or for anyone who has asked for one.",
    "Our small team answers every question about it within 24 hours, so you can buy this {noun} with confidence.",
    "Clear instructions with pictures are in the box, and a video on our page shows how to fit the {part}.",
    "Thousands of customers rely on this {noun} for {use}, from small apartments to busy workshops.",
)

CLOSINGS: Final = (
    ("Returns accepted within 30 days.", "Sold without a warranty.", "Color may vary from the picture."),
    ("Covered by a 90-day warranty.", "Six month manufacturer warranty.", "Satisfaction or a replacement."),
    ("Backed by a one year warranty.", "Includes a 1 year replacement plan.", "Friendly support for twelve months."),
    ("Backed by a 3 year warranty and U.S. based support.", "Two year warranty on parts and labor.",
     "Covered by our extended 36 month guarantee."),
    ("Limited lifetime warranty with on-site service.", "Five year commercial warranty, registration required.",
     "10 year warranty and a dedicated account manager for business customers."),
)

MADE_OF: Final = (
    ("{Material}: light, simple and good enough for {use} now and then", "{Material} to keep the cost down",
     "Simple {material}, easy to carry and easy to replace"),
    ("Durable {material} for {use}", "{Material} with smooth edges and a neat finish",
     "Everyday quality: {material} that asks for little care"),
    ("Upgraded {material} lasts longer than that of the previous version", "Improved {part} and {material} reduce wear",
     "Better {material} than in comparable products, for years without worry"),
    ("Premium {material} resists scratches, heat and wear in tough conditions",
     "Heavy duty {material} with a reinforced {part} for years of service",
     "Precision made {part} and {material}, tested to twice the usual load"),
    ("Commercial grade {material}, certified and inspected piece by piece",
     "Industrial {material} and a professional {part} for continuous duty, 24 hours a day",
     "Hand finished {material}, chosen by professionals for {use}"),
)

HAS: Final = (
    "{spec}: all that is needed for {use}",
    "Specification: {spec}, {material}, with {part}",
    "Get {spec} from this {adjective} {noun} without reading a manual first",
    "Easy to use: attach the {part} and start; {spec} as standard",
    "Designed around {use}, with {spec} and a shape that feels natural",
    "The {adjective} {noun} offers {spec} and needs no extra space",
)

BOX: Final = (
    ("Package includes: 1 x {noun}", "What you get: one {noun} in a poly bag", "Includes {noun} only, no accessories"),
    ("Package includes: 1 x {noun}, 1 x {part}", "What you get: {noun}, {part} and a short manual",
     "Comes with {part}"),
    ("Package includes: {noun}, {part}, user guide and a storage bag", "Bonus {part} and spare screws in the box",
     "What you get: upgraded {noun}, one {part}, one spare, and our 12 month promise"),
    ("Package includes: {noun}, premium {part}, care kit and sturdy box",
     "Complete kit: {noun}, {part}, hardware where needed and a printed guide",
     "What you get: {noun} and {part} in a padded gift box"),
    ("Full professional kit: {noun}, spare {part}, test certificate, rugged transport case",
     "Complete delivery: {noun}, {part}, service plan and training video",
     "What you get: {noun}, {part}, a fitted case and a priority service card"),
)

BATTERIES: Final = {"Batteries Included?": "No", "Batteries Required?": "No"}

# Odds and ends of the details object: text mostly, sometimes a number or a list, as in the real rows.
ODDMENTS: Final[tuple[Mapping[str, object], ...]] = (
    {}, {}, {}, {}, {}, {}, BATTERIES, BATTERIES, {"Country of Origin": "China"}, {"Country of Origin": "USA"},
    {"Is Discontinued By Manufacturer": "No"}, {"Number of Items": 1}, {"Style": "Modern"}, {"Unit Count": 1.0},
    {"Batteries Included?": "Yes", "Batteries Required?": "Yes", "Batteries": "2 AA batteries required. (included)"},
    {"Is Discontinued By Manufacturer": "No", "Number of Pieces": "1", "Mounting Type": "Surface Mount"},
    {"Special Features": ["Lightweight", "Portable"]}, {"Voltage": 12.0}, {"Area Coverage": "12 m²"}, {"Theme": "Café"},
    {"Product Care Instructions": "Wipe with Damp Cloth"}, {"Finish Type": "Powder Coated"}, {"Shape": "Rectangular"},
    {"Domestic Shipping": "Item can be shipped within U.S.", "Number of Boxes": "1"},
)

# What stands before a feature in one listing of a dozen or so.
FLOURISHES: Final = ("【2023 New Version】", "✅ ", "🎁 ", "★ ", "【Satisfaction Guaranteed】", "NEW:\u00a0", "• ",
                     "Décor™ ")

COLORS: Final = ("Black", "White", "Silver", "Blue", "Red", "Gray", "Green", "Navy", "Charcoal", "Multicolor",
                 "Beige", "Tan")
