"""A small Hub on 127.0.0.1 for tests: repositories in memory, served the way huggingface_hub asks for them.

It knows revisions, gated and private repositories, ranges, and faults that it is told to have. What it was asked stands
in `requests`.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator

TOKEN = "hf_a_secret_of_the_tests"  # noqa: S105 - of this server alone

API = re.compile(r"/api/(?P<kind>models|datasets)/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
RESOLVE = re.compile(r"/(?P<kind>datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


@dataclass
class Repo:
    """A repository: files by path, at one commit that any change of them changes."""

    files: dict[str, bytes]
    gated: bool = False
    private: bool = False

    @property
    def commit(self) -> str:
        """The commit: 40 hexadecimal digits of a hash of all files."""
        listed = [(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(self.files.items())]
        return hashlib.sha1(json.dumps(listed).encode(), usedforsecurity=False).hexdigest()


@dataclass
class Hub:
    """What is served, what fails, and what was asked."""

    datasets: dict[str, Repo] = field(default_factory=dict[str, Repo])
    models: dict[str, Repo] = field(default_factory=dict[str, Repo])
    failing: int | None = None
    """The status that every request is answered with, while it is set."""
    requests: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    url: str = ""

    def find(self, kind: str, name: str) -> Repo | None:
        """Return a repository."""
        return (self.models if kind == "models" else self.datasets).get(name)


class _Handler(BaseHTTPRequestHandler):
    """Answers for the hub that the server carries."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        if self.hub.failing is not None:
            return self._refuse(self.hub.failing, "Failing", "told to fail")
        if match := API.fullmatch(path):
            return self._on_repo(match["kind"], match["repo"], match["revision"], None)
        if match := RESOLVE.fullmatch(path):
            kind = "datasets" if match["kind"] else "models"
            return self._on_repo(kind, match["repo"], match["revision"], match["path"])
        return self._refuse(404, "NotFound", "no such page")

    def _on_repo(self, kind: str, name: str, revision: str | None, path: str | None) -> None:
        repo = self.hub.find(kind, name)
        allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repo is None or (repo.private and not allowed):
            return self._refuse(401 if not allowed else 404, "RepoNotFound", "Repository not found")
        if revision not in {None, "main", repo.commit}:
            return self._refuse(404, "RevisionNotFound", "no such revision")
        if path is None:
            return self._send_info(name, repo)
        if repo.gated and not allowed:
            return self._refuse(401, "GatedRepo", "Access to this repository is restricted")
        if path not in repo.files:
            return self._refuse(404, "EntryNotFound", "no such file", repo.commit)
        return self._send_file(repo, repo.files[path])

    def _send_info(self, name: str, repo: Repo) -> None:
        siblings = [
            {"rfilename": path, "size": len(content), "blobId": hashlib.sha256(content).hexdigest()[:40]}
            for path, content in repo.files.items()
        ]
        info = {"id": name, "sha": repo.commit, "siblings": siblings, "private": repo.private, "gated": repo.gated}
        self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _send_file(self, repo: Repo, content: bytes) -> None:
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": repo.commit}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None:
            return self._send(200, content, headers)
        start = int(asked[1])
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(206, content[start:], headers)

    def _refuse(self, status: int, code: str, text: str, commit: str | None = None) -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": text}
        self._send(status, b"{}", headers | ({"X-Repo-Commit": commit} if commit else {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@contextmanager
def serve() -> Generator[Hub]:
    """Serve a hub on a free port of 127.0.0.1, until the context ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    hub = Hub(url=f"http://127.0.0.1:{server.server_address[1]}")
    server.hub = hub  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
