"""A studio's server in a thread of its own: the socket, who may ask, and how a notebook shows it."""

from __future__ import annotations

import hashlib
import html
import re
import secrets
import socket
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

import uvicorn

from evenly.errors import EvenlyError, OutputError, UserError
from evenly.io.cache import cache_folder, kept_at
from evenly.web.server import application
from evenly.web.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.web.session import Start

LOOPBACK: Final = "127.0.0.1"

PORTS: Final = range(20_000, 30_000)
"""From which a recipe has one that it tries first, so that a bookmark of yesterday still leads somewhere."""

WAITING: Final = 100
"""Connections that wait to be taken."""

STARTING: Final = 20.0
"""Seconds that a server may take to start."""

ENDING: Final = 1.0
"""Seconds that a job may take to end, and that the server waits for those who listen."""

EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104 - told apart
"""Addresses of a socket that listens wherever this machine is reached."""

TOKEN: Final = re.compile(r"[\w-]{32}", re.ASCII)
"""What lets a page in: 24 bytes of chance."""

HEIGHT: Final = 900
"""Pixels of the page within a notebook."""


class Studio:
    """A studio that is there: its `address` in a browser, until `stop` is called or the process ends."""

    def __init__(self, start: Start, *, host: str, port: int, ancestors: Sequence[str] = ()) -> None:
        """Begin to serve.

        Raises:
            UserError: for a host or port that can't be had, and an ancestor that is no origin.
        """
        with ExitStack() as stack:
            taken = stack.enter_context(_socket(host, port, start))
            self.host, self.port = host, int(taken.getsockname()[1])
            everywhere = str(taken.getsockname()[0]) in EVERYWHERE
            names = {LOOPBACK, "localhost", *(_own_names() if everywhere else [host])}
            token = _token()
            self.address = f"http://{_named(LOOPBACK if everywhere else host)}:{self.port}/?token={token}"
            self.session = Session(start)
            stack.callback(self.session.close, ENDING)
            config = uvicorn.Config(
                application(self.session, [f"{_named(name)}:{self.port}" for name in names], token, ancestors),
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                lifespan="off",
            )
            self._server = uvicorn.Server(config)
            work = threading.Thread(target=self._server.run, args=([taken],), name="evenly-studio", daemon=True)
            self._thread = work
            self._thread.start()
            self._await()
            stack.pop_all()

    def _await(self) -> None:
        for _ in range(int(STARTING / 0.02)):
            if self._server.started:
                return
            self._thread.join(0.02)
            if not self._thread.is_alive():
                break
        message = f"{self.host}:{self.port}: the studio's server did not start. Choose another --port."
        raise EvenlyError(message)

    def wait(self) -> None:
        """Return when the server has ended."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def stop(self) -> None:
        """End the server, and a job that is under way."""
        self.session.close(ENDING)  # first: pages that listen are let go
        self._server.should_exit = True
        self._thread.join(1.5 * ENDING)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Return how a notebook shows it: as the page itself."""
        del include, exclude
        shown = html.escape(self.address)
        frame = f'<iframe src="{shown}" title="Evenly studio" width="100%" height="{HEIGHT}" frameborder="0"></iframe>'
        return {"text/html": frame, "text/plain": f"the studio at {self.address}"}


def _named(host: str) -> str:
    """Return a host as addresses have it."""
    return f"[{host}]" if ":" in host else host


def _socket(host: str, port: int, start: Start) -> socket.socket:
    """Return a socket that listens: at the port, or at the one that the recipe tries first, or any.

    Raises:
        UserError: saying why there is none.
    """
    name = f"{start.folder}/{start.place or start.recipe.name}"
    first = PORTS[int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(PORTS)]
    fault: Exception | None = None
    for one in (port,) if port else (first, 0):
        with ExitStack() as stack:
            try:
                family = socket.getaddrinfo(host, one, type=socket.SOCK_STREAM)[0][0]
                found = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                found.bind((host, one))
                found.listen(WAITING)  # before that, another may have bound the same
            except (OSError, OverflowError) as reason:  # OverflowError: a port beyond all ports
                fault = reason
            else:
                stack.pop_all()
                return found
    remedy = "Give another --host." if isinstance(fault, socket.gaierror) else "Choose another --port."
    message = f"{host}:{port}: can't be listened at: {getattr(fault, 'strerror', None) or fault}. {remedy}"
    raise UserError(message)


def _own_names() -> list[str]:
    """Return what others call this machine."""
    found = {socket.gethostname()}
    with suppress(OSError):
        found |= {str(one[4][0]) for one in socket.getaddrinfo(socket.gethostname(), None)}
    return sorted(found)


def _token() -> str:
    """Return what lets a page in: a user's own on this machine, kept so that bookmarks stay good."""
    kept = cache_folder() / "studio" / "token"
    with suppress(OSError, UnicodeDecodeError):
        if TOKEN.fullmatch(found := kept.read_text(encoding="utf-8")) and kept.stat().st_mode & 0o077 == 0:
            return found
    made = secrets.token_urlsafe(24)
    with suppress(OSError, OutputError), kept_at(kept) as new:  # not to keep it costs old bookmarks, no more
        new.touch(mode=0o600)
        new.write_text(made, encoding="utf-8")
    return made
