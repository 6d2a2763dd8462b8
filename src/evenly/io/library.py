"""The library that draws a page's charts, kept in the cache: to put it together takes about as long as to draw them."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version

from evenly.errors import OutputError
from evenly.io.cache import cache_folder, kept_at


@lru_cache(maxsize=1)
def vega_library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one classic script, which gives a page `vegaEmbed`."""
    kept = cache_folder() / "vega" / f"{version('vl-convert-python')}.js"
    with suppress(OSError, UnicodeDecodeError):
        return kept.read_text(encoding="utf-8")
    import vl_convert  # noqa: PLC0415 - loads slowly

    made = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    with suppress(OSError, OutputError), kept_at(kept) as new:  # not to keep it costs a second each time, no more
        new.write_text(made, encoding="utf-8")
    return made
