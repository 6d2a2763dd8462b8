"""The studio over HTTP: every route, whoever asks, and whatever is asked in whatever shape."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from evenly.web import server
from evenly.web.server import application
from evenly.web.state import state_of

from .studios import SOON, ended, session, write_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenly.web.session import Session

HERE = "http://127.0.0.1:8123"
TOKEN = "t0ken-of-the-tests"  # noqa: S105 - of no server
OURS = {"X-Evenly-Token": TOKEN, "Content-Type": "application/json"}
QUESTIONS = ("view", "bar", "equal-shares", "recipe", "build", "ablate", "curate", "cancel")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session whose pool is there, for all of these tests."""
    folder = tmp_path_factory.mktemp("studio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENLY_CACHE", str(folder / "cache"))
        one = session(write_shop(folder / "shop"))
    yield one
    one.close()


@pytest.fixture
def client(studio: Session) -> Iterator[TestClient]:
    app = application(studio, ["127.0.0.1:8123"], TOKEN)
    with TestClient(app, base_url=HERE, raise_server_exceptions=True) as one:
        yield one


def state(studio: Session) -> dict[str, Any]:
    return state_of(studio.start.recipe.to_dict())


def post(client: TestClient, question: str, **asked: Any) -> Any:
    answer = client.post(f"/api/{question}", headers=OURS, content=json.dumps(asked))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_page_and_its_files_are_there_without_a_token(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for name, kind in (("main.js", "text/javascript"), ("studio.css", "text/css"), ("icon.svg", "image/svg+xml")):
        answer = client.get(f"/static/{name}")
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
    assert "vega" in client.get("/static/vega.js").text


def test_the_page_has_no_script_and_no_style_of_its_own_within(client: TestClient) -> None:
    import re

    page = client.get("/").text
    assert not re.findall(r"<script(?![^>]*\bsrc=)", page)
    assert not re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert not re.findall(r"(?:src|href)=\"https?:", page)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static/%2e%2e%2fserver.py",
        "/static/..%5cserver.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/main.js%00.css",
        "/static/",
        "/static/.",
        "/static/none.js",
        "/server.py",
        "/static",
        "/nothing",
    ],
)
def test_no_other_file_is_given(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "name", ["../server.py", "..", ".", "", "/etc/passwd", "x/../main.js", "./main.js", "main.js/"]
)
def test_a_name_that_is_no_file_of_the_page_leads_nowhere(name: str) -> None:
    assert server._file(name).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/outputs/..%2f/manifest.json",
        "/api/outputs/../manifest.json",
        "/api/outputs/%2e%2e/shop.yaml",
        "/api/outputs/shop/manifest.json",
        "/api/outputs/a/..%2f..%2fshop.yaml",
        "/api/outputs/.",
        "/api/outputs",
        "/api",
        "/api/none/x",
    ],
)
def test_no_file_of_the_recipes_folder_is_given(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=OURS)
    assert answer.status_code in {404, 405}
    assert client.get(path).status_code in {403, 404}


def test_every_question_is_for_who_has_the_token(client: TestClient) -> None:
    for question in (*QUESTIONS, "nothing"):
        assert client.post(f"/api/{question}", content="{}").status_code == 403
        assert client.post(f"/api/{question}?token={TOKEN}", content="{}").status_code == 403
        assert client.get(f"/api/{question}", headers=OURS).status_code in {404, 405}
    assert client.get("/api/about").status_code == 403
    assert client.get("/api/events").status_code == 403
    assert client.get(f"/api/about?token={TOKEN}").status_code == 200
    assert client.post("/api/nothing", headers=OURS, content="{}").status_code == 404


def test_every_answer_has_a_policy(client: TestClient) -> None:
    answers = [
        client.get("/"),
        client.get("/static/main.js"),
        client.get("/nothing"),
        client.get("/api/about"),
        client.get("/api/about", headers=OURS),
        client.get("/", headers={"Host": "evil.example"}),
        client.post("/api/view", headers=OURS, content="{"),
        client.post("/api/view", headers=OURS | {"Origin": "http://evil.example"}, content="{}"),
        client.put("/api/view", headers=OURS),
    ]
    assert [one.status_code for one in answers] == [200, 200, 404, 403, 200, 421, 400, 403, 405]
    for one in answers:
        policy = one.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'none'")
        assert one.headers["x-content-type-options"] == "nosniff"


def test_every_question_is_answered(client: TestClient, studio: Session) -> None:
    own = state(studio)
    about = client.get("/api/about", headers=OURS).json()
    assert about["state"] == own
    seen = post(client, "view", state=own)
    assert seen["ground"]["id"] == seen["on"]
    assert "ground" not in post(client, "view", state=own, known=seen["on"])
    assert post(client, "bar", state=own, chart="label", place=0)["count"] >= 0
    assert post(client, "recipe", state=own) == {"text": studio.start.text}
    assert post(client, "cancel") == {}
    assert post(client, "build", state=own, name="served") == {}
    told = ended(studio)
    assert (told["state"], told["result"]["selected"]) == ("done", seen["rows"]["selected"])
    again = post(client, "build", state=own, name="served")
    assert again == {"faults": [{"keys": [], "text": "served: is there already. Replace it, or choose another name."}]}
    assert post(client, "curate") == {}
    assert ended(studio)["kind"] == "curate"


def test_what_can_not_be_met_is_an_answer_like_any_other(client: TestClient, studio: Session) -> None:
    own = state(studio)
    wish = {**own, "balance": {"label": "price", "strata": [{"column": "price", "log": 2}], "size": 10**6}}
    faults = post(client, "view", state=wish)["faults"]
    assert [one["keys"] for one in faults] == [["balance.size"]]
    assert post(client, "build", state=wish, name="x")["faults"] == faults
    assert post(client, "view", state={"balance": {}, "sources": []})["faults"][0]["text"].startswith("state: expected")
    assert post(client, "ablate", variants=[{"name": "../x", "state": own}], name="x")["faults"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b'"x"',
        b"null",
        b"\xff\xfe",
        b'{"state": "\\ud800"}',
        b'{"state": NaN}',
        b'{"state": ' + b"[" * 100_000,
        b'{"state": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"known": 3, "place": "x", "name": [], "variants": {}, "force": 1}',
        b'{"place": -1, "rows": 0, "variants": [{"name": "x"}], "name": null, "known": {}}',
        b'{"place": 99999999999999999999999999, "rows": 1e99, "variants": 1, "force": "yes", "known": []}',
    ],
)
def test_what_is_no_question_is_refused(client: TestClient, body: bytes) -> None:
    for question in ("view", "bar", "build", "ablate"):
        answer = client.post(f"/api/{question}", headers=OURS, content=body)
        assert answer.status_code == 400 or (answer.status_code == 200 and answer.json()["faults"]), answer.text
        assert len(answer.text) < 1_000
    assert client.post("/api/view", headers=OURS, content=b" " * (2**20 + 1)).status_code == 413


WORDS = st.sampled_from(
    ["price", "title", "category", "tokens", "", "x", "price > 3", "uniform", "equal", "cap", "weighted", ".inf", "NaN"]
)
NUMBERS = st.integers(-3, 50) | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
STRATUM = st.fixed_dictionaries(
    {"column": WORDS}, optional=dict.fromkeys(("round", "width", "quantile", "log", "edges", "part", "min"), ANYTHING)
)
KEYS = ("policy", "cap", "size", "alpha", "epochs", "target", "marginals", "min", "max", "take_all", "weight", "filter")
WEIGHT = st.fixed_dictionaries({"column": WORDS, "values": st.dictionaries(WORDS, NUMBERS, max_size=2)})
BALANCE = st.fixed_dictionaries(
    {"strata": st.lists(STRATUM, max_size=2)},
    optional={"cap": st.integers(1, 50), "weight": WEIGHT | WORDS, "label": WORDS} | dict.fromkeys(KEYS[2:9], ANYTHING),
)
STATE = ANYTHING | st.fixed_dictionaries({"balance": BALANCE | ANYTHING}, optional={"seed": ANYTHING})


@settings(max_examples=60)
@given(
    question=st.sampled_from(["view", "bar", "recipe", "build", "ablate"]),
    asked=st.fixed_dictionaries(
        {"state": STATE},
        optional={
            "known": ANYTHING,
            "chart": st.sampled_from(["label", "mix", "strata", "category", "pie"]) | ANYTHING,
            "place": ANYTHING,
            "category": ANYTHING,
            "skip": ANYTHING,
            "name": st.sampled_from(["", "..", "a/b", "shop.yaml"]),
            "rows": ANYTHING,
            "variants": st.lists(st.fixed_dictionaries({"name": WORDS, "state": STATE}), max_size=2) | ANYTHING,
        },
    ),
)
def test_whatever_is_asked_is_answered_or_refused(
    client: TestClient, studio: Session, question: str, asked: dict[str, Any]
) -> None:
    body = msgspec.json.encode({"name": ".", **asked})
    answer = client.post(f"/api/{question}", headers=OURS, content=body)
    assert answer.status_code in {200, 400}
    told = answer.json()
    assert isinstance(told, dict)
    assert answer.status_code == 200 or told["text"]
    assert all(isinstance(one["text"], str) and one["text"] for one in told.get("faults", []))
    if question in {"build", "ablate"}:
        assert answer.status_code == 400 or told["faults"]
    assert not list(studio.start.folder.parent.glob("*.jsonl"))


def test_the_page_of_the_newest_job_is_shown_in_a_sandbox(client: TestClient, studio: Session) -> None:
    def build(name: str) -> None:
        folder = studio.start.folder / name
        folder.mkdir()
        (folder / "report.html").write_text(f"<p>{name}", encoding="utf-8")
        studio.jobs.start("build", name, lambda _: {"name": name, "page": "report.html"})
        assert ended(studio)["state"] == "done"

    build("first")
    answer = client.get("/api/outputs/first/report.html", headers=OURS)
    assert (answer.status_code, answer.text) == (200, "<p>first")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert client.get("/api/outputs/first/report.html").status_code == 403
    build("second")
    assert client.get("/api/outputs/first/report.html", headers=OURS).status_code == 404
    assert client.get(f"/api/outputs/second/report.html?token={TOKEN}").text == "<p>second"
    (studio.start.folder / "second/report.html").unlink()
    assert client.get("/api/outputs/second/report.html", headers=OURS).status_code == 404
    studio.jobs.start("build", "third", lambda _: {"name": "third", "page": None})
    ended(studio)
    assert client.get("/api/outputs/third/None", headers=OURS).status_code == 404


def test_events_say_what_a_job_does_and_beat(studio: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BEAT", 0.05)
    monkeypatch.setattr(server, "LOOK", 0.01)

    async def heard() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        news = server._events(studio)
        async with asyncio.timeout(SOON):
            async for text in news:
                assert text.startswith("data: ")
                assert text.endswith("\n\n")
                found.append(json.loads(text.removeprefix("data: ")))
                if len(found) == 2:  # the second one is a beat
                    studio.jobs.start("build", "heard", lambda reporter: reporter.say("a line") or {"made": True})
                if found[-1]["job"]["kind"] == "build" and found[-1]["job"]["state"] == "done":
                    break
        return found

    studio.curate(None)
    ended(studio)
    with ThreadPoolExecutor(1) as apart:  # a browser's driver may have a loop of its own in this thread
        found = apart.submit(asyncio.run, heard()).result()
    assert all(one["ready"] for one in found)
    assert {one["pool"] for one in found} == {studio.pools}
    assert found[0]["job"] == found[1]["job"]
    assert found[0]["job"]["kind"] == "curate"
    assert found[-1]["job"]["result"] == {"made": True}
    assert found[-1]["job"]["notes"] == ["a line"]
