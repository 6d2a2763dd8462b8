"""Addresses in a recipe: they hold no credentials, since a recipe is written into what it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evenly.errors import without_credentials
from evenly.recipe.balance import Distribution
from evenly.recipe.needs import Fault, Loc, show_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenly.recipe.model import Recipe


def credential_faults(recipe: Recipe) -> Iterator[Fault]:
    """Refuse credentials in addresses: a recipe is written into the manifest and the card of what it makes."""
    named: list[tuple[Loc, str]] = [
        (("sources", number, "files", place), file)
        for number, source in enumerate(recipe.sources)
        for place, file in enumerate(source.files)
    ]
    for number, step in enumerate(recipe.curate):
        if step.kind == "exclude":
            named += [(("curate", number, "exclude", "files", place), one) for place, one in enumerate(step.body.files)]
    wanted: dict[Loc, Any] = {("balance", "target"): recipe.balance.target}
    wanted |= {("balance", "marginals", column): one for column, one in (recipe.balance.marginals or {}).items()}
    for loc, one in wanted.items():
        if isinstance(one, Distribution) and one.files:
            named += [((*loc, "files", place), file) for place, file in enumerate(one.files)]
    named += [(("tokenizer",), recipe.tokenizer or ""), (("engine", "address"), recipe.engine.address or "")]
    named.append((("card", "source"), (recipe.card.source if recipe.card is not None else None) or ""))
    for loc, address in named:
        if without_credentials(address) != address:
            text = (
                f"'{address}' holds a password, a key or a signature, and a recipe is written into what it makes. Take "
                "it out: credentials stand in the environment, as HF_TOKEN or AWS_SECRET_ACCESS_KEY."
            )
            yield loc, show_path(loc), text
