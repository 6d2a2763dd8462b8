"""The studio's server: the page, its files, and the questions that the page asks. It answers this machine alone."""

from __future__ import annotations

import asyncio
import json
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from evenly.errors import UserError
from evenly.io.library import vega_library
from evenly.web.answers import ImpossibleError
from evenly.web.guard import Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from evenly.web.session import Session

KINDS: Final = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}

BEAT: Final = 5.0
"""Seconds after which a page hears from the server, whatever happens."""

LOOK: Final = 0.2
"""Seconds between looks at what a job does, for pages that listen."""

OF_AN_OUTPUT: Final = {"Content-Security-Policy": "sandbox allow-scripts; default-src 'self' 'unsafe-inline' data:"}
"""For the pages of outputs, which hold a policy of their own besides: they are no part of the studio's page."""


class _Of(msgspec.Struct):
    """A question about a state of the page."""

    state: Any = None


class _View(_Of):
    known: str | None = None


class Bar(_Of):
    """A question for some records of a bar, see `evenly.flow.live.Live.bar`."""

    chart: str = ""
    place: Annotated[int, msgspec.Meta(ge=0)] = 0
    category: Annotated[int, msgspec.Meta(ge=0)] | None = None
    selected: bool = True
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0


class _Build(_Of):
    name: str = ""
    force: bool = False


class _Variant(msgspec.Struct):
    name: str
    state: Any


class _Ablate(msgspec.Struct):
    variants: list[_Variant]
    name: str = ""
    rows: Annotated[int, msgspec.Meta(ge=1)] | None = None
    force: bool = False


def _questions(session: Session) -> dict[str, tuple[type[msgspec.Struct], Callable[[Any], Any]]]:
    """Return name of a question -> what it is asked with, and what answers it."""
    return {
        "view": (_View, lambda of: session.view(of.state, of.known)),
        "bar": (Bar, lambda of: session.bar(of.state, of)),
        "equal-shares": (_Of, lambda of: session.equal_shares(of.state)),
        "recipe": (_Of, lambda of: {"text": session.written(of.state)}),
        "build": (_Build, lambda of: session.build(of.state, of.name, force=of.force)),
        "ablate": (
            _Ablate,
            lambda of: session.ablate([(one.name, one.state) for one in of.variants], of.name, of.rows, force=of.force),
        ),
        "curate": (_Of, lambda of: session.curate(of.state)),
        "cancel": (_Of, lambda _: session.jobs.cancel()),
    }


def application(session: Session, hosts: Sequence[str], token: str, ancestors: Sequence[str] = ()) -> ASGIApp:
    """Return the studio as an ASGI application; see `evenly.web.guard.Guard` for who is let in."""
    questions = _questions(session)

    async def answer(request: Request) -> Response:
        if request.path_params["question"] not in questions:
            return _json({"text": "no such question."}, 404)
        kind, work = questions[request.path_params["question"]]
        try:
            asked = msgspec.json.decode(await request.body(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            return _json({"text": f"a question of another shape than expected: {fault}. Reload the page."}, 400)
        return await run_in_threadpool(_answered, lambda: work(asked))

    async def about(_: Request) -> Response:
        return await run_in_threadpool(_answered, session.about)

    async def events(_: Request) -> Response:
        return StreamingResponse(_events(session), media_type="text/event-stream")

    async def output(request: Request) -> Response:
        try:
            path = session.page(request.path_params["name"], request.path_params["file"])
        except UserError as fault:
            return _json({"text": str(fault)}, 404)
        return FileResponse(path, media_type="text/html", headers=OF_AN_OUTPUT)

    routes = [
        Route("/", _page),
        Route("/static/vega.js", _vega),
        Route("/static/{name}", _static),
        Route("/api/about", about),
        Route("/api/events", events),
        Route("/api/outputs/{name}/{file}", output),
        Route("/api/{question}", answer, methods=["POST"]),
    ]
    return Guard(Starlette(routes=routes), set(hosts), token, tuple(ancestors))


def _answered(work: Callable[[], Any]) -> Response:
    """Return what a question is answered, or what is wrong with it, by key where that is known.

    That a plan can't be met is an answer like any other: a browser would log another status as an error of the page.
    """
    try:
        return _json(work() or {})
    except ImpossibleError as fault:
        return _json({"faults": fault.faults})
    except UserError as fault:
        nowhere: list[str] = []
        return _json({"faults": [{"keys": nowhere, "text": str(fault)}]})


def _json(data: Any, status: int = 200) -> Response:  # noqa: ANN401 - what JSON holds
    return Response(msgspec.json.encode(data), status, media_type="application/json")


async def _events(session: Session) -> AsyncIterator[str]:
    """Yield what a job does, whenever that is news, and a beat now and then."""
    told, quiet = "", BEAT
    while not session.closed:
        news = json.dumps({"pool": session.pools, "ready": session.ready, "job": session.jobs.told()})
        if news != told or quiet >= BEAT:
            yield f"data: {news}\n\n"
            told, quiet = news, 0.0
        await asyncio.sleep(LOOK)
        quiet += LOOK


async def _page(_: Request) -> Response:
    return await run_in_threadpool(_file, "index.html")


async def _static(request: Request) -> Response:
    return await run_in_threadpool(_file, request.path_params["name"])


async def _vega(_: Request) -> Response:
    return Response(await run_in_threadpool(vega_library), media_type=KINDS["js"])


def _file(name: str) -> Response:
    folder = resources.files("evenly.web").joinpath("static")
    known = {path.name for path in folder.iterdir()}
    kind = KINDS.get(name.rpartition(".")[2])
    if name not in known or kind is None:
        return _json({"text": "no such file."}, 404)
    return Response(folder.joinpath(name).read_bytes(), media_type=kind)
