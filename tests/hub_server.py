"""A small Hub on 127.0.0.1 for tests: repositories in memory, served the way huggingface_hub asks for them.

It knows revisions and branches, gated and private repositories, ranges; takes uploads as huggingface_hub 2.4 makes
them (without xet): create, validate-yaml, preupload, LFS batch and PUT, commit; and has the faults that it is told to
have, at one request or at all. What it was asked stands in `requests`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Generator

TOKEN = "hf_a_secret_of_the_tests"  # noqa: S105 - of this server alone

API = re.compile(r"/api/(?P<kind>models|datasets)/(?P<repo>[^/]+/[^/]+)(?:/revision/(?P<revision>[^/]+))?")
RESOLVE = re.compile(r"/(?P<kind>datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")


TREE = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?")
PREUPLOAD = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/preupload/(?P<revision>[^/]+)")
COMMIT = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/commit/(?P<revision>[^/]+)")
BRANCH = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/branch/(?P<branch>[^/]+)")
BATCH = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch")
REFS = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/refs")
PATHS = re.compile(r"/api/datasets/(?P<repo>[^/]+/[^/]+)/paths-info/(?P<revision>[^/]+)")
LARGE = re.compile(r"/large/(?P<oid>[0-9a-f]{64})")


def is_large(path: str) -> bool:
    """Say whether the Hub keeps a file apart from git."""
    return path.endswith((".parquet", ".png"))


def _entry(path: str, content: bytes) -> dict[str, Any]:
    """Return a file as a tree lists it."""
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob}
    if is_large(path):
        digest = hashlib.sha256(content).hexdigest()
        entry["lfs"] = {"oid": digest, "size": len(content), "pointerSize": 130}
    return entry


@dataclass
class Repo:
    """A repository: files by path, at one commit that any change of them changes; and branches besides main."""

    files: dict[str, bytes]
    gated: bool = False
    private: bool = False
    branches: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    commits: list[str] = field(default_factory=list[str])
    """Messages of the commits that were made here."""

    @property
    def commit(self) -> str:
        """The commit of main: 40 hexadecimal digits of a hash of all files."""
        return commit_of(self.files)

    def at(self, revision: str | None) -> dict[str, bytes] | None:
        """Return the files at a branch or a commit."""
        if revision in {None, "main", self.commit}:
            return self.files
        by_commit = {commit_of(files): files for files in self.branches.values()}
        return self.branches.get(str(revision), by_commit.get(str(revision)))


def commit_of(files: dict[str, bytes]) -> str:
    """Return the commit that some files are."""
    listed = [(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(files.items())]
    return hashlib.sha1(json.dumps(listed).encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Fault:
    """What a request is answered with: a status, or nothing at all (`drop`: the connection is closed)."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict[str, str])
    drop: bool = False


@dataclass
class Hub:
    """What is served, what fails, and what was asked."""

    datasets: dict[str, Repo] = field(default_factory=dict[str, Repo])
    models: dict[str, Repo] = field(default_factory=dict[str, Repo])
    failing: int | None = None
    """The status that every request is answered with, while it is set."""
    faults: dict[int, Fault] = field(default_factory=dict[int, Fault])
    """Faults by the number of the request, from 0, counted since `requests` was emptied."""
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """Large files that were uploaded, by sha256, whether or not a commit has them."""
    writable: bool = True
    """Whether the token may write."""
    rejected: str = ""
    """What is wrong with every card."""
    requests: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    url: str = ""

    def find(self, kind: str, name: str) -> Repo | None:
        """Return a repository."""
        return (self.models if kind == "models" else self.datasets).get(name)


class _Handler(BaseHTTPRequestHandler):
    """Answers for the hub that the server carries."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a body waits for the answer to its head: 40 ms a request

    @property
    def hub(self) -> Hub:
        return self.server.hub  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the base class gives it
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:  # noqa: PLR0911 - one for each kind of page
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = self._chunks()
        number = len(self.hub.requests)
        self.hub.requests.append((self.command, path))
        if self.hub.failing is not None:
            return self._refuse(self.hub.failing, "Failing", "told to fail")
        if number in self.hub.faults:
            return self._break(self.hub.faults[number])
        if self.command in {"POST", "PUT"}:
            return self._take(path, body)
        if path == "/api/whoami-v2":
            known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
            return (
                self._send_json({"name": "maker", "type": "user"})
                if known
                else self._refuse(401, "Unauthorized", "who?")
            )
        if match := REFS.fullmatch(path):
            return self._send_refs(match["repo"])
        if match := TREE.fullmatch(path):
            recursive = "recursive=true" in urlsplit(self.path).query.lower()
            return self._send_tree(match["repo"], match["revision"], match["path"] or "", recursive=recursive)
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
        files = repo.at(revision)
        if files is None:
            return self._refuse(404, "RevisionNotFound", "no such revision")
        if path is None:
            return self._send_info(name, repo, files)
        if repo.gated and not allowed:
            return self._refuse(401, "GatedRepo", "Access to this repository is restricted")
        if path not in files:
            return self._refuse(404, "EntryNotFound", "no such file", commit_of(files))
        return self._send_file(commit_of(files), files[path])

    def _send_info(self, name: str, repo: Repo, files: dict[str, bytes]) -> None:
        siblings = [
            {"rfilename": path, "size": len(content), "blobId": hashlib.sha256(content).hexdigest()[:40]}
            for path, content in files.items()
        ]
        info = {"id": name, "sha": commit_of(files), "siblings": siblings, "private": repo.private, "gated": repo.gated}
        self._send_json(info)

    def _send_refs(self, name: str) -> None:
        repo = self.hub.datasets.get(name)
        if repo is None:
            return self._refuse(404, "RepoNotFound", "Repository not found")
        branches = {"main": repo.files, **repo.branches}
        told = [
            {"name": one, "ref": f"refs/heads/{one}", "targetCommit": commit_of(files)}
            for one, files in branches.items()
        ]
        return self._send_json({"branches": told, "converts": [], "tags": []})

    def _paths_info(self, repo: Repo, match: re.Match[str], told: dict[str, Any], body: bytes) -> None:
        del body
        files = repo.at(match["revision"]) or {}
        return self._send_json([_entry(path, files[path]) for path in told["paths"] if path in files])

    def _send_tree(self, name: str, revision: str, path: str, *, recursive: bool) -> None:
        repo = self.hub.datasets.get(name)
        files = repo.at(revision) if repo is not None else None
        if files is None:
            return self._refuse(404, "RepoNotFound", "Repository not found")
        inside = f"{path}/" if path else ""
        listed = [_entry(one, content) for one, content in sorted(files.items()) if one.startswith(inside)]
        if not listed and path:
            return self._refuse(404, "EntryNotFound", "no such folder", commit_of(files))
        folders = sorted(
            {one["path"][len(inside) :].split("/")[0] for one in listed if "/" in one["path"][len(inside) :]}
        )
        if not recursive:
            listed = [one for one in listed if "/" not in one["path"][len(inside) :]]
        tree = [{"type": "directory", "path": f"{inside}{name}", "oid": "0" * 40, "size": 0} for name in folders]
        return self._send_json([*tree, *listed])

    def _break(self, fault: Fault) -> None:
        if fault.drop:
            self.close_connection = True
            return None
        return self._refuse(fault.status, "Told", "told to fail", headers=fault.headers)

    def _chunks(self) -> bytes:
        """Return the body of a request that comes in chunks."""
        parts: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _take(self, path: str, body: bytes) -> None:  # noqa: PLR0911 - one for each kind of request
        """Answer what writes."""
        if match := LARGE.fullmatch(path):
            if hashlib.sha256(body).hexdigest() != match["oid"]:
                return self._refuse(400, "BadRequest", "another sha256")
            self.hub.objects[match["oid"]] = body
            return self._send(200, b"", {})
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._refuse(401, "Unauthorized", "Invalid credentials in Authorization header")
        if path == "/api/validate-yaml":
            errors = [{"message": self.hub.rejected}] if self.hub.rejected else []
            return self._send_json({"warnings": [], "errors": errors}, 400 if errors else 200)
        if not self.hub.writable:
            return self._refuse(403, "Forbidden", "You don't have the rights required to perform this request")
        told = {} if COMMIT.fullmatch(path) else self._form(body)
        if path == "/api/repos/create":
            return self._create(told)
        for pattern, answer in (
            (PREUPLOAD, self._preupload),
            (BATCH, self._batch),
            (COMMIT, self._commit),
            (BRANCH, self._branch),
            (PATHS, self._paths_info),
        ):
            if match := pattern.fullmatch(path):
                repo = self.hub.datasets.get(match["repo"])
                if repo is None:
                    return self._refuse(404, "RepoNotFound", "Repository not found")
                return answer(repo, match, told, body)
        return self._refuse(404, "NotFound", "no such page")

    def _form(self, body: bytes) -> dict[str, Any]:
        """Return what a request tells, as JSON or as a form."""
        if "json" in self.headers.get("Content-Type", "json"):
            return json.loads(body)
        return dict(parse_qs(body.decode()))

    def _create(self, told: dict[str, Any]) -> None:
        name = f"{told['organization']}/{told['name']}" if told.get("organization") else told["name"]
        if name in self.hub.datasets:
            told = {"error": "You already created this dataset repo", "url": f"{self.hub.url}/datasets/{name}"}
            return self._send_json(told, 409)
        self.hub.datasets[name] = Repo({}, private=told.get("private") is True or told.get("visibility") == "private")
        return self._send_json({"url": f"{self.hub.url}/datasets/{name}", "name": name})

    def _branch(self, repo: Repo, match: re.Match[str], told: dict[str, Any], body: bytes) -> None:
        del told, body
        if match["branch"] in repo.branches:
            return self._refuse(409, "Conflict", "Reference already exists")
        repo.branches[match["branch"]] = dict(repo.files)
        return self._send_json({})

    def _preupload(self, repo: Repo, match: re.Match[str], told: dict[str, Any], body: bytes) -> None:
        del repo, match, body
        files = [
            {"path": one["path"], "uploadMode": "lfs" if is_large(one["path"]) else "regular", "shouldIgnore": False}
            for one in told["files"]
        ]
        return self._send_json({"files": files})

    def _batch(self, repo: Repo, match: re.Match[str], told: dict[str, Any], body: bytes) -> None:
        del repo, match, body
        objects: list[dict[str, Any]] = []
        for one in told["objects"]:
            entry: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in self.hub.objects:
                entry["actions"] = {"upload": {"href": f"{self.hub.url}/large/{one['oid']}", "header": {}}}
            objects.append(entry)
        return self._send_json({"transfer": "basic", "objects": objects})

    def _commit(self, repo: Repo, match: re.Match[str], told: dict[str, Any], body: bytes) -> None:
        del told
        files = repo.at(match["revision"])
        if files is None:
            return self._refuse(404, "RevisionNotFound", "no such revision")
        changed, message = dict(files), ""
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "header":
                message = value["summary"]
            elif line["key"] == "file":
                changed[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.objects:
                    return self._refuse(400, "BadRequest", "a large file is not there")
                changed[value["path"]] = self.hub.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                changed.pop(value["path"], None)
        files.clear()
        files.update(changed)
        repo.commits.append(message)
        commit = commit_of(files)
        return self._send_json(
            {"commitUrl": f"{self.hub.url}/datasets/{match['repo']}/commit/{commit}", "commitOid": commit}
        )

    def _send_json(self, data: Any, status: int = 200) -> None:
        self._send(status, json.dumps(data).encode(), {"Content-Type": "application/json"})

    def _send_file(self, commit: str, content: bytes) -> None:
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": commit}
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked is None:
            return self._send(200, content, headers)
        start = int(asked[1])
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(206, content[start:], headers)

    def _refuse(
        self, status: int, code: str, text: str, commit: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        told = {"X-Error-Code": code, "X-Error-Message": text} | (headers or {})
        self._send(status, b"{}", told | ({"X-Repo-Commit": commit} if commit else {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
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
