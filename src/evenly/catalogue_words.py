"""Words of the demo's listings: adjectives, sentences, odds and ends of details. Data only.

A tier runs from 0 (bargain) to 4 (for professionals); a 5-tuple below has one entry per tier, so that a reader of the
text can tell the price. In a sentence `{noun}`, `{use}`, `{part}`, `{spec}`, `{material}` and `{adjective}` are filled
in from the shelf and the tier; with a capital (`{Noun}`) they are in title case.
"""

from __future__ import annotations

TIERS = 5

ADJECTIVES = (
    ("Budget", "Basic", "Economy", "Value", "Simple"),
    ("Standard", "Everyday", "Classic", "Handy", "Essential"),
    ("Improved", "Upgraded", "Deluxe", "Plus Series", "Select"),
    ("Premium", "Heavy Duty", "Advanced", "High Performance", "Signature"),
    ("Professional", "Commercial Grade", "Industrial", "Flagship", "Master Series"),
)

TITLES = (
    "{Adjective} {Noun} {spec}, {Material}",
    "{Noun} - {spec} {Adjective} {Material}",
    "{Adjective} {spec} {Noun} with {Part}",
    "{Noun} {spec} for {Use}",
    "{Material} {Noun}, {spec}, {Adjective}, {Part} Included",
    "{Adjective} {Noun} ({spec})",
    "{spec} {Noun} | {Adjective} | for {Use}",
    "{Noun} with {Part} {spec} {Adjective} Edition in {Material}",
)

OPENINGS = (
    ("An inexpensive {noun} for {use}, made to do one job without fuss and to be easy on your wallet.",
     "When all you need is a basic {noun}, this low cost one covers {use} and nothing more.",
     "This budget {noun} keeps things simple: thin {material}, a {part} and a price that allows for a spare.",
     "A small, light {noun} for occasional {use}. Great as a stocking stuffer, a spare or a replacement."),
    ("An everyday {noun} that is handy for {use} at home, at work or on the road.",
     "This standard {noun} replaces a worn one in minutes and is a sensible choice for {use}.",
     "Our classic {noun} has been the reliable answer to {use} for years, at a fair price.",
     "A practical {noun} with {part}, sized and finished for ordinary {use}."),
    ("The upgraded {noun} improves on the original with {material} where it counts and a better {part} for {use}.",
     "Step up from the basic model: this deluxe {noun} makes {use} quicker, quieter and more comfortable.",
     "Customers asked for a stronger {part}, so we redesigned this {noun} from the ground up for {use}.",
     "A carefully made {noun} with a sturdier {part}, a cleaner finish and everything needed for {use}."),
    ("A premium {noun} in {material}, designed for people who take {use} seriously and expect it to last.",
     "This heavy duty {noun} handles demanding {use} day after day thanks to {material} and a reinforced {part}.",
     "Engineered for high performance, the {noun} pairs {spec} with {material} for the finest results in {use}.",
     "Advanced design, tight tolerances and a precision {part} set this {noun} apart from ordinary ones for {use}."),
    ("Built for professionals who earn their living with {use}, this {noun} gives commercial results, no less.",
     "Our flagship {noun}: {spec}, {material} throughout, tested and certified before it leaves the factory.",
     "The industrial grade {noun} trusted by studios, workshops and fleets for {use}, rated for continuous duty.",
     "Hand assembled from {material}, the master series {noun} is the last one you will need to buy for {use}."),
)

MIDDLES = (
    "It comes with {spec} and a {part}, and the {material} construction holds up well to {use}.",
    "The {adjective} line offers {spec} together with {material}, so you get what you need for {use}.",
    "Rated at {spec}, it is finished in {material} and arrives with a matching {part} in the package.",
    "With {spec} on hand and {material} on the outside, the {noun} feels right from the first day.",
    "Choose it for the {spec} version; the {part} and the {material} are the same across the {adjective} series.",
    "Made of {material} with {spec}, it stores easily and cleans up with a damp cloth after {use}.",
)

USES = (
    "Whether you are new to {use} or have done it for decades, set-up takes a few minutes and needs no special tools.",
    "The {part} can be removed for cleaning, and replacement parts are available separately if one ever wears out.",
    "Please check the size and the model number of your old {noun} before ordering, since versions differ in detail.",
    "It makes a thoughtful gift for birthdays, holidays, Father's Day, or for anyone who enjoys {use}.",
    "Our small team answers every question about {use} within 24 hours, so you can buy the {noun} with confidence.",
    "Clear instructions with pictures are in the box, and a video on our page shows how the {part} goes on.",
    "Thousands of customers rely on this {noun} for {use}, in small apartments as well as in busy workshops.",
    "",
)

CLOSINGS = (
    ("Returns accepted within 30 days.", "Sold without a warranty.", "Color may vary from the picture."),
    ("Covered by a 90-day warranty.", "Six month manufacturer warranty.", "Satisfaction or a replacement."),
    ("Backed by a one year warranty.", "Includes a 1 year replacement plan.", "Friendly support for twelve months."),
    ("Backed by a 3 year warranty and U.S. based support.", "Two year warranty on parts and labor.",
     "Covered by our extended 36 month guarantee."),
    ("Limited lifetime warranty with on-site service.", "Five year commercial warranty, registration required.",
     "10 year warranty and a dedicated account manager for business customers."),
)

MADE_OF = (
    ("{Material}: light, simple and good enough for {use} now and then", "Made from {material} to keep the cost down",
     "Thin {material} body, easy to carry and easy to replace"),
    ("Durable {material} for regular {use}", "Solid {material} with smooth edges and a neat finish",
     "Everyday quality: {material} that wipes clean"),
    ("Upgraded {material} lasts longer than that of the previous version", "Improved {part} in {material} reduces wear",
     "Thicker {material} than comparable products, for worry-free {use}"),
    ("Premium {material} resists scratches, heat and corrosion in tough {use}",
     "Heavy duty {material} with a reinforced {part} for years of service",
     "Precision made {part} and {material}, tested to twice the rated load"),
    ("Commercial grade {material}, certified and inspected piece by piece",
     "Industrial {material} and a professional {part} for continuous duty, 24 hours a day",
     "Hand finished {material} chosen by professionals for {use}"),
)

HAS = (
    "{spec}: all that is needed for {use}",
    "Specification: {spec}, {material}, with {part}",
    "Get {spec} from a {adjective} {noun} without reading a manual first",
    "Easy to use: attach the {part}, choose the setting and start; {spec} as standard",
    "Designed around {use}, with {spec} and a comfortable shape",
    "The {noun} offers {spec} and fits in the drawer, the trunk or the tool bag",
)

BOX = (
    ("Package includes: 1 x {noun}", "What you get: one {noun} in a poly bag", "Includes {noun} only, no accessories"),
    ("Package includes: 1 x {noun}, 1 x {part}", "What you get: {noun}, {part} and a short manual",
     "Comes with {part}"),
    ("Package includes: {noun}, {part}, user guide and a storage bag", "Bonus {part} and spare screws in the box",
     "What you get: upgraded {noun}, two of the {part}, and our 12 month promise"),
    ("Package includes: {noun}, premium {part}, cleaning kit and hard case",
     "Complete kit: {noun}, {part}, adapter, mounting hardware and a printed guide",
     "What you get: {noun} and {part} in a padded gift box"),
    ("Full professional kit: {noun}, spare {part}, calibration certificate, rugged transport case",
     "Delivered on a pallet where needed: {noun}, {part}, service plan and training video",
     "What you get: {noun}, three of the {part}, flight case and priority service card"),
)

BATTERIES = {"Batteries Included?": "No", "Batteries Required?": "No"}

# Odds and ends of the details object: text mostly, sometimes a number or a list, as in the real rows.
ODDMENTS: tuple[dict[str, object], ...] = (
    {}, {}, {}, {}, {}, {}, BATTERIES, BATTERIES, {"Country of Origin": "China"}, {"Country of Origin": "USA"},
    {"Is Discontinued By Manufacturer": "No"}, {"Number of Items": 1}, {"Style": "Modern"}, {"Unit Count": 1.0},
    {"Batteries Included?": "Yes", "Batteries Required?": "Yes", "Batteries": "2 AA batteries required. (included)"},
    {"Is Discontinued By Manufacturer": "No", "Number of Pieces": "1", "Mounting Type": "Surface Mount"},
    {"Special Features": ["Lightweight", "Portable"]}, {"Voltage": 12.0}, {"Area Coverage": "12 m²"}, {"Theme": "Café"},
    {"Product Care Instructions": "Wipe with Damp Cloth"}, {"Finish Type": "Powder Coated"}, {"Shape": "Rectangular"},
    {"Domestic Shipping": "Item can be shipped within U.S.", "Number of Boxes": "1"},
)

# What stands before a feature in one listing of a dozen or so.
FLOURISHES = ("【2023 New Version】", "✅ ", "🎁 ", "★ ", "【Satisfaction Guaranteed】", "NEW:\u00a0", "• ", "Décor™ ")

COLORS = ("Black", "White", "Silver", "Blue", "Red", "Gray", "Green", "Navy", "Charcoal", "Multicolor", "Beige", "Clear")
