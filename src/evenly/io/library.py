"""The library that draws a page's charts, kept in the cache: to put it together takes about as long as to draw them."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version

from evenly.io.pool import cache_folder


@lru_cache(maxsize=1)
def vega_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one classic script, which gives a page `vegaEmbed`."""
    kept = cache_folder() / "vega" / f"{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        return kept.read_text(encoding="utf-8")
    import vl_convert  # noqa: PLC0415 - loads slowly

    made = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    new = kept.with_name(f".{os.getpid()}-{secrets.token_hex(4)}")
    with suppress(OSError):  # a cache that can't be written to costs a second each time, no more
        kept.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(made, encoding="utf-8")
        new.replace(kept)
    return made
