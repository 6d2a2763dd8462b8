"""Credentials: in nothing that is written or said, whether they come from the environment, an address or an answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import evenly as library
from evenly.errors import EvenlyError, RecipeError, redacted

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name
from ..hub_server import Fault, Repo, serve  # noqa: TID252
from .conftest import changed

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Command, OpenShop, Outcome

pytestmark = pytest.mark.faults

CANARY = "canary/Zq8+41xv7"


@pytest.mark.parametrize(
    "text",
    [
        f"https://me:{CANARY}@host/path: refused",
        f"s3://AKIAEXAMPLE:{CANARY}@bucket/x.jsonl",
        f"sftp://{CANARY.replace('/', '')}@host/x",
        f"'https://host/x?X-Amz-Signature={CANARY}&page=2'",
        f"https://host/x?page=2&token={CANARY}",
        f"https://host/x?sig={CANARY}#a",
        f"https://host/x?X-Goog-Credential={CANARY}",
        f"https://host/x?AWSAccessKeyId={CANARY}",
        f"https://host/x?api_key={CANARY}",
        f"https://host/x?key={CANARY}",
        f"https://host/x?X-Amz-Security-Token={CANARY}",
        f"https://host/x?accessToken={CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"{{'authorization': 'Bearer {CANARY}'}}",
        f"authorization=Basic {CANARY}",
        f"bearer {CANARY}abcdef was refused",
        f"the store refuses: {CANARY}",
    ],
)
def test_a_credential_is_taken_out(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if text.endswith(f"refuses: {CANARY}"):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    for part in (redacted(text), str(EvenlyError(text)), str(RecipeError([text])), RecipeError([text]).faults[0]):
        assert CANARY not in part
        assert CANARY.replace("/", "") not in part
        assert "***" in part


@pytest.mark.parametrize(
    "text",
    [
        "hf://datasets/owner/name@main/data/*.jsonl",
        "http://127.0.0.1:5000/datasets/a/b@main",
        "a.jsonl:3: not JSON, see https://docs.example.org/page?page=2",
        "s3://bucket/key with spaces/user:x@y.jsonl",
        "https://host/x?author=me&design=2&keyword=a&tokens=9&monkey=1",
        "recipe.balance.key: unknown key 'token'. Did you mean 'tokens'?",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redacted(text) == text


ADDRESSES: dict[str, dict[str, Any]] = {
    "sources[0].files[0]": {"sources__0__files": f"s3://key:{CANARY}@bucket/x.jsonl"},
    "curate[0].exclude.files[0]": {"curate": [{"exclude": {"files": f"https://u:{CANARY}@h/x.jsonl", "on": "id"}}]},
    "card.source": {"card": {"source": f"https://h/x?Signature={CANARY}"}},
    "engine.address": {"engine": {"address": f"ray://u:{CANARY}@h:1"}},
}


@pytest.mark.parametrize("where", ADDRESSES)
def test_an_address_of_a_recipe_holds_no_credential(where: str) -> None:
    with pytest.raises(RecipeError) as fault:
        library.Recipe.from_dict(changed(ADDRESSES[where]))
    assert f"recipe.{where}: " in str(fault.value)
    assert CANARY not in str(fault.value)


def assert_unsaid(done: Outcome, folder: Path, secrets: list[str]) -> None:
    for secret in secrets:
        assert secret not in done.out
        assert secret not in done.err
        for path in folder.rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("status", [None, 401, 403, 404, 429, 500])
def test_the_hubs_token_and_endpoint_are_told_nowhere(
    status: int | None, shop: OpenShop, evenly: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, word = "hf_" + "Zq8xv7Ak" * 5, "passCanary41"
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "shop" / "hub"))
    monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / "shop" / "cache"))
    rows = b"".join(
        json.dumps({"sku": f"s{n}", "title": "t", "price": n % 5, "shelf": "a"}).encode() + b"\n" for n in range(40)
    )
    place = shop({}, {"sources__0__files": "hf://datasets/maker/raw/a.jsonl"})
    with serve() as hub:
        hub.datasets["maker/raw"] = Repo({"a.jsonl": rows})
        hub.failing = status
        monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("://", f"://me:{word}@"))
        done = evenly("run", "recipe.yaml", "--out", "out", "--log-json")
        assert_unsaid(done, place.folder, [token, word, CANARY])
        assert done.code == (2 if status is not None else done.code)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        done = evenly("run", "recipe.yaml", "--out", "out", "--log-json", "--force")
        assert done.code == (0 if status is None else 2), done.err
        assert_unsaid(done, place.folder, [token, word, CANARY])
        if status is None:
            hub.faults[len(hub.requests)] = Fault(403)
            assert_unsaid(evenly("push", "out", "maker/made"), place.folder, [token, word, CANARY])


def test_a_stores_answer_that_quotes_a_credential_is_told_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evenly.io import remote, stores

    class Telling:
        def __getattr__(self, name: str) -> Any:
            def fail(*_: Any, **__: Any) -> None:
                address = f"https://bucket.s3/x?X-Amz-Credential=k&X-Amz-Signature={CANARY}"
                message = f"403 for {address}: Authorization: AWS {CANARY}"
                raise RuntimeError(message)

            return fail

    monkeypatch.setattr(remote, "_store", lambda _: Telling())
    monkeypatch.setattr(stores, "_store", lambda _: (Telling(), "bucket/out"))
    write_lines(tmp_path / "a.jsonl", [{"sku": "a", "title": "t", "price": 1, "shelf": "a"}])
    asked: list[tuple[str, Path | str]] = [
        ("s3://bucket/x.jsonl", tmp_path / "out"),
        (str(tmp_path / "a.jsonl"), "s3://bucket/out"),
    ]
    for files, out in asked:
        with pytest.raises(EvenlyError) as fault:
            library.run(changed({"sources__0__files": files}), out)
        assert CANARY not in str(fault.value)
        assert "***" in str(fault.value)
