"""What columns are called, and what that says of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

ID_NAMES: Final = (
    *("id", "uuid", "guid", "parent_asin", "asin", "sku", "isbn", "ean", "upc", "gtin", "doi", "pmid", "arxiv", "key"),
    *("hash", "url", "uri", "link", "permalink", "index", "idx", "row", "unnamed_0"),
)
NUMBER_LABELS: Final = (
    *("price", "target", "label", "y", "score", "rating", "cost", "value", "salary", "revenue", "sales", "amount"),
    *("fee", "rent", "wage", "income", "points", "stars", "grade", "age", "year", "upvotes", "votes", "likes", "views"),
)
CLASS_LABELS: Final = (
    *("label", "class", "target", "sentiment", "intent", "emotion", "stance", "toxicity", "toxic", "spam", "y"),
    *("rating", "stars", "grade", "score", "verdict", "polarity", "difficulty", "priority", "severity", "outcome"),
)
WEAK_LABELS: Final = ("topic", "genre", "category", "tag", "type", "kind", "department")
"""Names of classes that are a label only where there is one text and nothing else."""

CATEGORIES: Final = (
    *("category", "main_category", "domain", "language", "lang", "topic", "genre", "department", "section", "subset"),
    *("type", "class", "kind", "group", "source", "brand", "store", "publisher", "country", "region", "license"),
)
LANGUAGES: Final = ("language", "lang", "locale")
DOMAINS: Final = ("domain", "subset", "corpus", "source", "dataset", "origin")
TEXTS: Final = (
    *("title", "name", "headline", "subject", "question", "query", "prompt", "instruction", "context", "input"),
    *("text", "body", "content", "document", "passage", "article", "abstract", "summary", "description", "desc"),
    *("features", "feature", "details", "detail", "specs", "attributes", "properties", "review", "comment", "comments"),
    *("message", "post", "answer", "output", "caption", "transcript", "synopsis", "plot", "notes", "code"),
)
OBJECTS: Final = ("details", "detail", "specs", "specifications", "attributes", "properties", "facts", "metadata")
PLAIN_TEXTS: Final = ("text", "content", "document", "body", "code")
PRICES: Final = ("price", "cost", "amount", "fee", "rent", "value")
COUNTS: Final = frozenset(
    {"count", "number", "num", "rank", "index", "length", "size", "lat", "lon", "latitude", "longitude", "zip"}
    | {"phone", "timestamp", "time", "day", "month", "hour", "fold", "split", "unnamed", "row", "line", "page"}
)
"""Last words of names whose numbers nobody predicts."""

PAIRS: Final = (
    *(("prompt", "completion"), ("prompt", "response"), ("instruction", "output"), ("instruction", "response")),
    *(("question", "answer"), ("input", "output"), ("query", "response"), ("query", "answer"), ("source", "target")),
)
CONVERSATIONS: Final = ("messages", "conversations", "conversation", "chat", "turns", "dialogue")

ELSEWHERE: Final = ("categories", "tags", "keywords", "images", "image", "videos", "thumbnail", "currency", "filename")
"""Names of what reads like text and is none to learn from."""


def words(name: str) -> list[str]:
    """Return the words of a column's name, in lower case.

    >>> words("parentASIN"), words("Unnamed: 0"), words("main_category")
    (['parent', 'asin'], ['unnamed', '0'], ['main', 'category'])
    """
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[^\W_]+", split.lower())


def named(name: str, names: Sequence[str]) -> float:
    """Return how well a name fits some: from 1 for the first of them to 0.5, half of it where it only ends so, or 0.

    >>> named("price", NUMBER_LABELS), named("list_price", NUMBER_LABELS), named("colour", NUMBER_LABELS)
    (1.0, 0.5, 0.0)
    """
    own = words(name)
    for text, weight in (("_".join(own), 1.0), (own[-1] if own else "", 0.5)):
        if text in names:
            return weight * (1 - 0.5 * names.index(text) / len(names))
    return 0.0
