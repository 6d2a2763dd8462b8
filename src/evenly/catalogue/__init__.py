"""The demo's catalogue: seeded product listings to balance, for whoever has no 25 GB of real ones at hand.

`write` draws and writes lines; `prices` says how listings are spread over dollars; `text` makes pieces of JSON from the
data in `shelves` and `words`.
"""

from __future__ import annotations

from evenly.catalogue.write import Catalogue, write_catalogue

__all__ = ["Catalogue", "write_catalogue"]
