"""Chat templates: what lies beside a tokenizer.json and says how turns become the text that a model is trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from evenly.core.conversations import Chat
from evenly.errors import TokenizerError
from evenly.io.tokenizers import tokenizer_path
from evenly.io.vocabularies import PACKAGED

if TYPE_CHECKING:
    from pathlib import Path


class _Named(BaseModel):
    name: str
    template: str


class _Token(BaseModel):
    content: str


class _Config(BaseModel):
    """What a tokenizer_config.json has of interest; special tokens are its keys that end in `_token`."""

    model_config = ConfigDict(extra="allow")

    chat_template: str | list[_Named] | None = None

    def template(self) -> str | None:
        """Return the chat template, of several the one called `default`."""
        if isinstance(self.chat_template, list):
            return {one.name: one.template for one in self.chat_template}.get("default")
        return self.chat_template

    def tokens(self) -> tuple[tuple[str, str], ...]:
        """Return the special tokens by name, written as text or as an object with `content`."""
        found: dict[str, str] = {}
        for key, value in (self.model_extra or {}).items():
            if key.endswith("_token") and isinstance(value, str):
                found[key] = value
            elif key.endswith("_token") and isinstance(value, dict):
                found[key] = _Token.model_validate(value).content
        return tuple(sorted(found.items()))


def load_chat(spec: str, base: Path | None = None) -> Chat | None:
    """Return the chat template of a tokenizer: `chat_template.jinja` or `tokenizer_config.json` beside its file.

    None where there is neither, or no template within; a packaged vocabulary has none.

    Raises:
        TokenizerError: for a config that can't be read.
    """
    if spec in PACKAGED:
        return None
    folder = tokenizer_path(spec, base).parent
    beside, written = folder / "tokenizer_config.json", folder / "chat_template.jinja"
    try:
        config = _Config.model_validate_json(beside.read_bytes()) if beside.exists() else _Config()
        template = written.read_text(encoding="utf-8") if written.exists() else config.template()
        tokens = config.tokens()
    except (OSError, ValidationError, UnicodeDecodeError) as fault:
        found = " ".join(str(fault).split())[:200]
        message = (
            f"recipe.tokenizer: the chat template beside '{spec}' can't be read: {found}. Mend it, or take it away."
        )
        raise TokenizerError(message) from None
    return None if template is None else Chat(template, tokens)
