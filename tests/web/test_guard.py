"""What the studio's server refuses: each way in which another page, name or program could ask it for something."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from evenly.errors import UserError
from evenly.web.guard import BODY_BYTES, Guard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

HERE = "http://127.0.0.1:8123"
HOSTS = {"127.0.0.1:8123", "localhost:8123"}
TOKEN = "t0ken-of-the-tests"  # noqa: S105 - of no server
OURS = {"X-Evenly-Token": TOKEN}
OPENING = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
FRAMING = OPENING | {"Sec-Fetch-Dest": "iframe"}
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


async def page(_: Request) -> Response:
    return HTMLResponse("the page", headers={"Cache-Control": "max-age=60"})


async def framed(_: Request) -> Response:
    return HTMLResponse("a report", headers={"Content-Security-Policy": "frame-ancestors 'self'"})


async def size(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


async def broken(_: Request) -> Response:
    message = "what is inside"
    raise ValueError(message)


async def news(_: Request) -> Response:
    async def told() -> AsyncIterator[str]:
        yield "data: 1\n\n"
        await anyio.sleep(NEWS_LAST)
        yield "data: 2\n\n"

    return StreamingResponse(told(), media_type="text/event-stream")


NEWS_LAST = 1.5

APP = Starlette(
    routes=[
        Route("/", page, methods=["GET", "POST"]),
        Route("/report", framed),
        Route("/api/size", size, methods=["GET", "POST", "HEAD"]),
        Route("/api/broken", broken),
        Route("/api/news", news),
        Route("/apish", page),
    ]
)


@pytest.fixture
def open_at() -> Iterator[Callable[..., TestClient]]:
    """What opens a guarded application for asking, as reached at some address."""
    opened: list[TestClient] = []

    def at(address: str = HERE, **options: Any) -> TestClient:
        opened.append(TestClient(Guard(APP, HOSTS, TOKEN, **options), base_url=address, raise_server_exceptions=False))
        return opened[-1]

    yield at
    for one in opened:
        one.close()


@pytest.fixture
def client(open_at: Callable[..., TestClient]) -> TestClient:
    return open_at()


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {}),
        ("/", OPENING),  # a link in a mail, or the notebook's
        ("/", {"Sec-Fetch-Site": "none"}),
        ("/", {"Host": "LOCALHOST:8123"}),
        ("/apish", {"Sec-Fetch-Site": "same-origin"}),
        ("/api/size", OURS | {"Origin": "http://localhost:8123", "Sec-Fetch-Site": "same-origin"}),
        (f"/api/size?token={TOKEN}", {}),
    ],
)
def test_the_studios_own_page_is_answered(client: TestClient, path: str, headers: dict[str, str]) -> None:
    assert client.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:8123", "evil.example", "127.0.0.1", "127.0.0.1:80", "127.0.0.1:8123.evil.example", "[::1]:8123", ""],
)
@pytest.mark.parametrize("path", ["/", "/api/size"])
def test_a_strangers_name_that_points_here_is_refused(client: TestClient, path: str, host: str) -> None:
    answer = client.get(path, headers=OURS | {"Host": host})
    assert answer.status_code == 421
    assert "own address" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1:8123"},
        {"Origin": "http://127.0.0.1:8124"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine
        {"Sec-Fetch-Site": "something-new"},
        OPENING,
    ],
)
def test_what_another_page_asks_is_refused_even_with_the_token(
    client: TestClient, method: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, "/api/size", headers=OURS | headers)
    assert answer.status_code == 403
    assert answer.text == "Another page sent this request; only the studio's own page may."


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", OPENING),
        ("GET", "/report", OPENING),
        ("GET", "/", OPENING | {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
        ("GET", "/", OPENING | {"Sec-Fetch-Dest": "object"}),
        ("GET", "/", FRAMING),
    ],
)
def test_another_page_may_open_the_page_and_do_nothing_else(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    assert client.request(method, path, headers=headers).status_code == 403


def test_a_notebook_that_is_named_may_frame_the_page(open_at: Callable[..., TestClient]) -> None:
    client = open_at(ancestors=("http://localhost:8888", "https://*.example.org"))
    answer = client.get("/", headers=FRAMING)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].endswith(
        "; frame-ancestors http://localhost:8888 https://*.example.org"
    )
    assert client.get("/report", headers=FRAMING).status_code == 403


@pytest.mark.parametrize("origin", ["*", "localhost", "http://a.example/; script-src *", "http://a b", "'self'", ""])
def test_what_is_no_origin_can_frame_nothing(origin: str) -> None:
    with pytest.raises(UserError, match="is no origin"):
        Guard(APP, HOSTS, TOKEN, (origin,))


@pytest.mark.parametrize(
    ("method", "query", "headers"),
    [
        ("GET", "", {}),
        ("GET", "", {"X-Evenly-Token": "wrong"}),
        ("GET", "", {"X-Evenly-Token": TOKEN[:-1]}),
        ("GET", "", {"X-Evenly-Token": ""}),
        ("GET", "?token=wrong", {}),
        ("GET", "?token=", {}),
        ("GET", f"?token={TOKEN}&token={TOKEN}", {}),
        ("GET", f"?token={TOKEN}", {"X-Evenly-Token": "wrong"}),
        ("GET", "?token=%ff%fe", {}),
        ("POST", f"?token={TOKEN}", {}),  # what a form of another page could send
        ("HEAD", f"?token={TOKEN}", {}),
    ],
)
@pytest.mark.parametrize("path", ["/api/size", "/api", "/api/none", "/%61pi/size"])
def test_without_the_token_nothing_is_answered(
    client: TestClient, path: str, method: str, query: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, path + query, headers=headers)
    assert answer.status_code == 403
    assert "token is missing or wrong" in answer.text or method == "HEAD"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 200),
        ("/none", {}, 404),
        ("/", {"Host": "evil.example"}, 421),
        ("/api/size", {}, 403),
        ("/api/broken", OURS, 500),
    ],
)
def test_every_answer_has_the_headers_that_hold_a_browser(
    client: TestClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert {name: answer.headers.get_list(name) for name in HEADERS} == {n: [value] for n, value in HEADERS.items()}
    assert "what is inside" not in answer.text


def test_an_answer_keeps_a_policy_of_its_own(client: TestClient) -> None:
    answer = client.get("/report")
    assert answer.headers.get_list("content-security-policy") == ["frame-ancestors 'self'"]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("whole", [True, False], ids=["with a length", "without one"])
@pytest.mark.parametrize(("length", "status"), [(0, 200), (BODY_BYTES, 200), (BODY_BYTES + 1, 413)])
def test_a_request_carries_so_much_at_most(client: TestClient, length: int, status: int, *, whole: bool) -> None:
    body = b"x" * length
    parts = (body[start : start + 100_000] for start in range(0, length, 100_000))
    answer = client.post("/api/size", headers=OURS, content=body if whole else parts)
    assert answer.status_code == status
    assert answer.text == (str(length) if status == 200 else "The request is larger than 1,048,576 bytes.")


@pytest.mark.parametrize(("length", "status"), [("-1", 400), ("1e3", 400), ("²", 400), ("9" * 5_000, 413)])
def test_a_length_that_is_none_is_refused(client: TestClient, length: str, status: int) -> None:
    answer = client.post("/api/size", headers={b"X-Evenly-Token": TOKEN.encode(), b"Content-Length": length.encode()})
    assert answer.status_code == status


def test_web_sockets_are_closed(client: TestClient) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/api/size", headers=OURS):
        pytest.fail("must not come here")


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a real server with the guarded application."""
    hosts: set[str] = set()
    guard = Guard(APP, hosts, TOKEN)
    server = uvicorn.Server(uvicorn.Config(guard, host="127.0.0.1", port=0, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    number = server.servers[0].sockets[0].getsockname()[1]
    guard.hosts = frozenset({f"127.0.0.1:{number}"})
    yield number
    server.should_exit = True
    thread.join(30)


def test_a_real_server_streams_through_the_guard(port: int) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    begun = time.monotonic()
    asked.request("GET", f"/api/news?token={TOKEN}")
    answer = asked.getresponse()
    assert answer.readline() == b"data: 1\n"
    assert time.monotonic() - begun < NEWS_LAST  # before the end of it
    assert answer.read() == b"\ndata: 2\n\n"
    assert answer.headers["Content-Security-Policy"] == HEADERS["content-security-policy"]
    asked.close()


@pytest.mark.parametrize("chunked", [True, False])
def test_a_real_server_refuses_what_is_too_large(port: int, *, chunked: bool) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest("POST", "/api/size")
    asked.putheader("X-Evenly-Token", TOKEN)
    asked.putheader(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(BODY_BYTES + 1))))
    asked.endheaders()
    if chunked:
        asked.send(b"%x\r\n" % (BODY_BYTES + 1) + b"x" * (BODY_BYTES + 1) + b"\r\n")  # and it does not end
    assert asked.getresponse().status == 413
    asked.close()


def test_a_client_that_goes_away_is_not_answered(port: int) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    asked.putrequest("POST", "/api/size")
    asked.putheader("X-Evenly-Token", TOKEN)
    asked.putheader("Content-Length", "10")
    asked.endheaders()
    asked.send(b"abc")
    asked.close()
    again = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    again.request("POST", "/api/size", body=b"abc", headers=OURS)
    assert again.getresponse().read() == b"3"
    again.close()
