"""What the YAML of a recipe may hold, looked at before anything is made of it: plain values, not too many or too deep.

The parser's events come one by one, so that nothing that nests, repeats or names a type is ever built.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, MappingStartEvent, NodeEvent

from evenly.errors import RecipeError

LONGEST: Final = 1_000_000
"""Characters of a recipe."""

MOST_VALUES: Final = 50_000
"""Values of a recipe, keys among them; what an alias stands for counts each time."""

DEEPEST: Final = 40
"""Lists and mappings inside one another."""

PLAIN_TAGS: Final = {None, *(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null"))}
PLAIN_TAGS_OF_MANY: Final = {None, *(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq"))}


@dataclass
class _Open:
    """A list or mapping that has begun: its anchor, whether it has keys, the values in it so far."""

    anchor: str | None
    keyed: bool
    items: int = 0
    values: int = 1


@dataclass
class _Seen:
    """What was read so far: values by anchor, and the lists and mappings that are open."""

    shown: str
    anchors: dict[str, int] = field(default_factory=dict[str, int])
    stack: list[_Open] = field(default_factory=list[_Open])

    def fault(self, event: Any, text: str) -> RecipeError:  # noqa: ANN401 - ruamel's events
        return RecipeError([f"{self.shown}:{event.start_mark.line + 1}: {text}"])

    def begin(self, event: Any) -> None:  # noqa: ANN401
        """Take a value of whatever kind into the list or mapping that is open; many values open one of their own."""
        many = isinstance(event, CollectionStartEvent)
        tag: str | None = getattr(event, "tag", None)
        anchor: str | None = event.anchor
        if tag not in (PLAIN_TAGS_OF_MANY if many else PLAIN_TAGS):
            raise self.fault(
                event, f"a tag ({tag}), expected plain values: text, numbers, lists, mappings. Take it out."
            )
        if self.stack:
            outer = self.stack[-1]
            outer.items += 1
            if many and outer.keyed and outer.items % 2:
                raise self.fault(
                    event, "a list or mapping as a key, expected a name. Put it in quotes, or after a colon."
                )
        if many and len(self.stack) >= DEEPEST:
            raise self.fault(event, f"more than {DEEPEST} lists and mappings inside one another. Write fewer.")
        if many:
            self.stack.append(_Open(anchor, isinstance(event, MappingStartEvent)))
        else:
            self.count(event, self.anchors.get(anchor or "", 1) if isinstance(event, AliasEvent) else 1)

    def end(self, event: Any) -> None:  # noqa: ANN401
        """Close a list or mapping: from here on its anchor stands for all that is in it."""
        done = self.stack.pop()
        if done.anchor is not None:
            self.anchors[done.anchor] = done.values
        if self.stack:
            self.count(event, done.values)

    def count(self, event: Any, values: int) -> None:  # noqa: ANN401
        """Add values to what is open."""
        if not self.stack:
            return
        self.stack[-1].values += values
        if sum(one.values for one in self.stack) > MOST_VALUES:
            raise self.fault(event, f"more than {MOST_VALUES:,} values, aliases counted. Write fewer.")


def refuse_unless_plain(text: str, shown: str) -> None:
    """Refuse YAML that names types, has keys that are no names, or holds too much; `shown` is its name for errors.

    Raises:
        RecipeError: saying which line.
        YAMLError: for what is no YAML.
    """
    if len(text) > LONGEST:
        raise RecipeError(
            [f"{shown}: more than {LONGEST:,} characters, so it is no recipe. Give the path of a recipe."]
        )
    seen = _Seen(shown)
    reader: Any = YAML(typ="rt")
    for event in reader.parse(text):
        if isinstance(event, NodeEvent):
            seen.begin(event)
        elif isinstance(event, CollectionEndEvent):
            seen.end(event)
