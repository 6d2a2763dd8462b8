"""A studio that is there: its address, who it listens to, what a notebook shows, and how it ends."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

import evenly
from evenly import cli
from evenly.errors import UserError
from evenly.io.cache import cache_folder
from evenly.web import serve

from .studios import SOON, curated, ended, write_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from evenly.web.serve import Studio


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_shop(tmp_path / "shop")


@pytest.fixture
def start() -> Iterator[Callable[..., Studio]]:
    """`evenly.studio`, whose studios end with the test."""
    made: list[Studio] = []

    def begin(recipe: Any, **options: Any) -> Studio:
        made.append(evenly.studio(recipe, **options))
        return made[-1]

    yield begin
    for one in made:
        one.stop()


def get(studio: Studio, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    asked = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=SOON)
    asked.request("GET", path, headers=headers)
    answer = asked.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    asked.close()
    return found


def listening() -> set[str]:
    """Return the addresses at which this process listens, as the system has them: hexadecimal, the port last."""
    own: set[str] = set()
    for file in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists them
            own.add(str(file.readlink()))
    rows = [line.split() for table in ("tcp", "tcp6") for line in (Path("/proc/net") / table).read_text().splitlines()]
    return {row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own}


def test_the_address_answers_and_its_token_lets_in(start: Any, recipe: Path) -> None:
    studio = start(recipe)
    parts = urlsplit(studio.address)
    assert (parts.scheme, parts.hostname, parts.port, parts.path) == ("http", "127.0.0.1", studio.port, "/")
    token = parts.query.removeprefix("token=")
    status, headers, page = get(studio, f"/?{parts.query}")
    assert (status, page.startswith("<!doctype html>")) == (200, True)
    assert "server" not in headers
    curated(studio.session)
    assert get(studio, "/api/about", **{"X-Evenly-Token": token})[0] == 200
    assert get(studio, f"/api/about?{parts.query}")[0] == 200
    assert get(studio, "/api/about")[0] == 403
    assert get(studio, "/", Host=f"evil.example:{studio.port}")[0] == 421
    assert get(studio, "/", Host=f"localhost:{studio.port}")[0] == 200


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads how Linux tells of sockets")
def test_only_this_machine_is_listened_to(start: Any, recipe: Path) -> None:
    before = listening()
    studio = start(recipe)
    assert listening() - before == {f"0100007F:{studio.port:04X}"}
    studio.stop()
    assert listening() <= before


def test_a_notebook_shows_the_page_itself(start: Any, recipe: Path) -> None:
    studio = start(recipe)
    bundle = studio._repr_mimebundle_()
    assert bundle["text/html"].startswith(f'<iframe src="{studio.address}"')
    assert studio.address in bundle["text/plain"]
    policy = get(studio, "/")[1]["content-security-policy"]
    assert policy.endswith("frame-ancestors http://localhost:* http://127.0.0.1:* vscode-webview:")
    framing = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert get(studio, "/", **framing)[0] == 200
    alone = start(recipe, framed=False)
    assert get(alone, "/")[1]["content-security-policy"].endswith("frame-ancestors 'none'")
    assert get(alone, "/", **framing)[0] == 403


def test_stopping_frees_the_port_and_ends_what_was_begun(recipe: Path) -> None:
    before = set(threading.enumerate())
    studio = evenly.studio(recipe)
    asked = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=SOON)
    asked.request("GET", "/api/events?" + urlsplit(studio.address).query)
    assert asked.getresponse().readline().startswith(b"data: ")  # one who listens on is no reason to stay
    begun = time.monotonic()
    studio.stop()
    assert time.monotonic() - begun < 10
    studio.wait()
    asked.close()
    left = [one for one in threading.enumerate() if one not in before and one.name.startswith("evenly")]
    assert left == []
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", studio.port))
    studio.stop()


def test_the_token_is_a_users_own_and_the_same_the_next_time(start: Any, recipe: Path) -> None:
    kept = cache_folder() / "studio" / "token"
    first = start(recipe).address.partition("token=")[2]
    assert kept.read_text(encoding="utf-8") == first
    assert kept.stat().st_mode & 0o777 == 0o600
    assert len(first) == 32
    assert serve._token() == first
    for wrong in (lambda: kept.write_text("short"), lambda: kept.write_bytes(b"\xff" * 32), lambda: kept.chmod(0o644)):
        wrong()
        made = serve._token()
        assert made != first
        assert (kept.read_text(encoding="utf-8"), kept.stat().st_mode & 0o777) == (made, 0o600)
        first = made


def test_a_token_that_can_not_be_kept_is_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENLY_CACHE", "/proc/none")
    assert len({serve._token(), serve._token()}) == 2


def test_a_recipe_has_a_port_that_it_tries_first(start: Any, recipe: Path) -> None:
    first = start(recipe)
    assert first.port in serve.PORTS
    second = start(recipe)  # which is taken
    assert second.port != first.port
    assert get(second, "/")[0] == 200
    first.stop()
    assert start(recipe).port == first.port


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"port": 70_000}, r"^127\.0\.0\.1:70000: can't be listened at: .* Choose another --port\.$"),
        (
            {"host": "no.such.host.invalid"},
            r"^no\.such\.host\.invalid:0: can't be listened at: .* Give another --host\.$",
        ),
        ({"host": "192.0.2.1"}, r"^192\.0\.2\.1:0: can't be listened at: "),
    ],
)
def test_what_can_not_be_listened_at_is_told_in_a_line(recipe: Path, options: dict[str, Any], text: str) -> None:
    before = threading.active_count()
    with pytest.raises(UserError, match=text):
        evenly.studio(recipe, **options)
    assert threading.active_count() == before


def test_a_port_that_is_taken_is_told_in_a_line(start: Any, recipe: Path) -> None:
    taken = start(recipe).port
    with pytest.raises(UserError) as raised:
        evenly.studio(recipe, port=taken)
    assert (
        str(raised.value) == f"127.0.0.1:{taken}: can't be listened at: Address already in use. Choose another --port."
    )


def test_what_fails_later_leaves_nothing_behind(recipe: Path) -> None:
    from evenly.web.begin import _start

    before = set(threading.enumerate())
    with pytest.raises(UserError, match="is no origin"):
        serve.Studio(_start(recipe, (), None), host="127.0.0.1", port=0, ancestors=("*",))
    for one in set(threading.enumerate()) - before:
        one.join(SOON)
    assert not [one for one in threading.enumerate() if one not in before and one.name.startswith("evenly")]


def test_the_address_of_another_host_can_be_opened(start: Any, recipe: Path) -> None:
    everywhere = start(recipe, host="0.0.0.0")  # noqa: S104 - the test's own
    assert everywhere.address.startswith(f"http://127.0.0.1:{everywhere.port}/?token=")
    assert get(everywhere, "/", Host=f"{socket.gethostname()}:{everywhere.port}")[0] == 200
    assert get(everywhere, "/", Host=f"evil.example:{everywhere.port}")[0] == 421
    try:
        six = start(recipe, host="::1")
    except UserError:
        pytest.skip("this machine has no IPv6")
    assert six.address.startswith(f"http://[::1]:{six.port}/?token=")
    asked = http.client.HTTPConnection("::1", six.port, timeout=SOON)
    asked.request("GET", "/")
    assert asked.getresponse().status == 200
    asked.close()


def test_without_the_extra_it_is_said_what_to_install(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "evenly.web.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(UserError, match=r"not installed \(uvicorn\)\. Run: pip install 'evenly\[studio\]'$"):
        evenly.studio(recipe)


def test_overrides_and_tables_are_taken_as_a_run_takes_them(start: Any, recipe: Path) -> None:
    studio = start(recipe, set="balance.cap=20")
    assert studio.session.start.recipe.balance.cap == 20
    assert "  cap: 20             # of each" in studio.session.start.text
    assert studio.session.start.folder == recipe.parent
    assert ended(studio.session)["state"] == "done"
    with pytest.raises(UserError, match="no such recipe"):
        evenly.studio(recipe.with_name("none.yaml"))
    with pytest.raises(UserError, match=r"expected KEY=VALUE"):
        evenly.studio(recipe, set=["cap"])


SLOW = """
import time
import evenly.web.session as session
real = session.open_pool
def slow(recipe, engine, reporter, *given, **more):
    with reporter.phase("curate", 1, "bytes") as advance:
        print("curating", flush=True)
        while True:
            advance(0)
            time.sleep(0.01)
session.open_pool = slow
"""


def command(folder: Path, *arguments: str, before: str = "") -> subprocess.Popen[str]:
    argv = ["evenly", "studio", *arguments]
    script = f"import sys; sys.argv = {argv!r}\n{before}\nfrom evenly.cli import main; main()"
    env = {**os.environ, "EVENLY_CACHE": str(folder / "cache")}
    return subprocess.Popen(
        [sys.executable, "-c", script], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.parametrize(
    ("sent", "code", "before", "host"),
    [(signal.SIGINT, 130, "", "127.0.0.1"), (signal.SIGTERM, 143, SLOW, "0.0.0.0")],  # noqa: S104 - the test's own
    ids=["interrupted while idle", "terminated while it curates"],
)
def test_the_command_prints_the_address_and_ends_soon(
    recipe: Path, tmp_path: Path, sent: signal.Signals, code: int, before: str, host: str
) -> None:
    with command(tmp_path, str(recipe), "--no-browser", "--host", host, before=before) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(4 if before else 3)]
        parts = urlsplit(next(line for line in lines if line.startswith("http://127.0.0.1:")))
        assert f"The studio of {recipe} is on this page. Ctrl-C ends it." in lines
        assert ("curating" in lines) is bool(before)
        asked = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=SOON)
        asked.request("GET", f"/api/events?{parts.query}")
        answer = asked.getresponse()
        while not before and b'"ready": true' not in answer.readline():
            pass
        begun = time.monotonic()
        process.send_signal(sent)
        _, err = process.communicate(timeout=SOON)
        took = time.monotonic() - begun
        asked.close()
    assert process.returncode == code, err
    assert "Traceback" not in err
    warning = f"warning: --host {host}: whoever reaches this machine and has the address sees your records."
    assert (warning in err) is (host != "127.0.0.1")
    assert took < 3 or os.getloadavg()[0] > 2 * (os.cpu_count() or 1)  # a busy machine is late


def test_the_command_refuses_in_a_line_what_is_wrong(
    start: Any, recipe: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = start(recipe).port
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    monkeypatch.setattr(sys, "argv", ["evenly", "studio", str(recipe), "--no-browser", "--port", str(port)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert f"127.0.0.1:{port}: can't be listened at: Address already in use." in lines[0]
