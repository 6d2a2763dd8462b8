"""Who may ask the studio: its own page in a browser of this machine, and nobody who got that browser to ask for them.

A server on 127.0.0.1 is reached by every page that a browser opens. So a request says by which name it was sent (a
stranger's name that was made to point here is refused), which page sent it, and for whatever answers with data or does
something, a token that only the studio's own page was given. What is answered can neither be framed, nor read from
another page, nor kept, nor load anything but its own.
"""

from __future__ import annotations

import re
from secrets import compare_digest
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from evenly.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_BYTES: Final = 2**20
"""What a request may carry: a recipe is a few kilobytes."""

LENGTH_DIGITS: Final = len(str(BODY_BYTES))
"""Digits that a length of so many bytes has: a longer number need not be read."""

TOKEN_HEADER: Final = "X-Evenly-Token"  # noqa: S105 - its name
TOKEN_PARAMETER: Final = "token"  # noqa: S105

ORIGIN: Final = re.compile(r"https?://(\*\.)?[\w.\[\]-]+(:(\d+|\*))?|vscode-webview:", re.ASCII)
"""A page that may frame the studio, as `frame-ancestors` takes it: by its origin, or an editor's notebook."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Refusal = tuple[int, str]
"""A status, and a sentence that says why."""

ANOTHER_PAGE: Final[Refusal] = (403, "Another page sent this request; only the studio's own page may.")
TOO_LARGE: Final[Refusal] = (413, f"The request is larger than {BODY_BYTES:,} bytes.")


class Guard:
    """Stands before an application, refuses what is not the page's own, and sets what a browser holds answers to.

    It belongs outside of all else, so that errors' answers have its headers too. A token in a query is for what a page
    asks without headers of its own, such as an event stream: a server behind it must log no queries.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], token: str, ancestors: Sequence[str] = ()) -> None:
        """Guard `app`, which is reached as one of `hosts` (`127.0.0.1:8123`); pages of `ancestors` may frame it.

        Raises:
            UserError: for an ancestor that is no origin, such as `http://localhost:8888`.
        """
        for one in ancestors:
            if not ORIGIN.fullmatch(one):
                message = f"{one!r}: is no origin of pages that may frame the studio. Write http://localhost:8888."
                raise UserError(message)
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        self.framed = bool(ancestors)
        self._token = token.encode()
        self._policy = _POLICY + (" ".join(ancestors) or "'none'")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application do it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # the studio has no other, and a web socket knows no same origin
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", self._policy)
                headers.update(_HEADERS)
            await send(message)

        refused = self._refused(scope)
        if refused is None:
            body = await _body(receive)
            if body is None:
                return
            if len(body) <= BODY_BYTES:
                await self.app(scope, _given(body, receive), told)
                return
            refused = TOO_LARGE
        status, why = refused
        await PlainTextResponse(why, status)(scope, receive, told)

    def _refused(self, scope: Scope) -> Refusal | None:
        """Return why a request is refused, as far as its head says, or None."""
        headers = Headers(scope=scope)
        named = headers.getlist("host")
        if len(named) != 1 or named[0].lower() not in self.hosts:
            return 421, "This server answers to its own address alone: open the one that the studio printed."
        if any(origin.lower() not in self.origins for origin in headers.getlist("origin")):
            return ANOTHER_PAGE
        ours = headers.get("sec-fetch-site", "none") in {"same-origin", "none"}  # none: who sits there typed it
        if not ours and not self._opens(scope, headers):
            return ANOTHER_PAGE
        path = str(scope["path"])
        if (path == "/api" or path.startswith("/api/")) and not self._knows(scope, headers):
            return 403, "The token is missing or wrong: open the address that the studio printed."
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            return 400, "The request's length is no number."
        return TOO_LARGE if len(length) > LENGTH_DIGITS or int(length) > BODY_BYTES else None

    def _opens(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request of another page opens the studio's, in a tab or where it may be framed."""
        places = {"document", "iframe"} if self.framed else {"document"}
        return (
            scope["method"] == "GET"
            and scope["path"] == "/"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest", "document") in places
        )

    def _knows(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request has the token, in its header or, where it only reads, in its query."""
        given = headers.getlist(TOKEN_HEADER)
        if not given and scope["method"] == "GET":
            given = parse_qs(scope["query_string"].decode("latin-1")).get(TOKEN_PARAMETER, [])
        return len(given) == 1 and compare_digest(given[0].encode(), self._token)


async def _body(receive: Receive) -> bytes | None:
    """Return a request's body, or its beginning where that is more than it may have; None when who asked has gone.

    It is read before anything is done with it: what is too large is then refused whole, whatever length it said.
    """
    body, more = bytearray(), True
    while more and len(body) <= BODY_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _given(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read, and then what comes after it: that who asked has gone."""
    left = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": left.pop(), "more_body": False} if left else await receive()

    return again
