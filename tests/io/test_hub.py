"""Files and tokenizers of the Hub, from a small one of our own: fetched once, pinned, each refusal a clear line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import evenly
from evenly.errors import DataError, TokenizerError
from evenly.io import hub as hubs
from evenly.io.chats import load_chat
from evenly.io.sources import find_files
from evenly.io.tokenizers import load_tokenizer, tokenizer_fingerprint, tokenizer_path
from evenly.recipe.model import Source

from ..hub_server import TOKEN, Hub, Repo, serve  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from collections.abc import Iterator


def rows(first: int, count: int = 40) -> bytes:
    return b"".join(
        json.dumps({"sku": f"s{n}", "title": f"thing {n}", "price": 1 + n % 9}).encode() + b"\n"
        for n in range(first, first + count)
    )


def parquet(folder: Path) -> bytes:
    pl.DataFrame([json.loads(line) for line in rows(0).splitlines()]).write_parquet(folder / "x.parquet")
    return (folder / "x.parquet").read_bytes()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one open dataset, one gated and one private, and no token."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    with serve() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        files = {
            "raw/meta_Toys.jsonl": rows(0),
            "raw/meta_Tools.jsonl": rows(40),
            "raw/notes.txt": b"",
            "data/train.parquet": parquet(tmp_path),
        }
        server.datasets = {
            "lab/shop": Repo(files),
            "lab/gated": Repo(dict(files), gated=True),
            "lab/private": Repo(dict(files), private=True),
        }
        yield server


def find(*patterns: str) -> list[Any]:
    return find_files(Source(name="shop", files=list(patterns), id=["sku"]))


def recipe(files: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "hub",
        "sources": [{"name": "shop", "files": files, "id": "sku"}],
        "template": {"prompt": "{title}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 5},
        **changes,
    }


RAW = "hf://datasets/lab/shop/raw/meta_{Toys,Tools}.jsonl"


def test_files_are_fetched_once_and_called_by_their_commit(hub: Hub) -> None:
    found = find(RAW)
    commit = hub.datasets["lab/shop"].commit
    assert [file.name for file in found] == [
        f"hf://datasets/lab/shop@{commit}/raw/meta_{name}.jsonl" for name in ("Tools", "Toys")
    ]
    assert [file.path.read_bytes() for file in found] == [rows(40), rows(0)]
    assert {file.version for file in found} == {commit}
    hub.requests.clear()
    assert find(RAW) == found
    assert "GET" not in {verb for verb, path in hub.requests if "/resolve/" in path}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("raw/*.jsonl", ["raw/meta_Tools.jsonl", "raw/meta_Toys.jsonl"]),
        ("**/*.jsonl", ["raw/meta_Tools.jsonl", "raw/meta_Toys.jsonl"]),
        ("raw/notes.txt", ["raw/notes.txt"]),
        ("", ["data/train.parquet"]),
    ],
)
def test_a_path_may_be_a_pattern_and_none_means_the_data(hub: Hub, pattern: str, names: list[str]) -> None:
    assert hub.url
    address = f"hf://datasets/lab/shop/{pattern}" if pattern else "hf://datasets/lab/shop"
    assert [file.name.split("/", 5)[-1] for file in find(address)] == names


def test_a_run_over_the_hub_is_a_run_over_its_files(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for name, content in hub.datasets["lab/shop"].files.items():
        if name.endswith("jsonl"):
            (tmp_path / name).write_bytes(content)
    remote = evenly.run(recipe(RAW), tmp_path / "remote").manifest
    local = evenly.run(recipe(str(tmp_path / "raw" / "*.jsonl")), tmp_path / "local").manifest
    assert remote["selection_digest"] == local["selection_digest"]
    assert remote["recipe_fingerprint"] == local["recipe_fingerprint"]
    assert [one["path"] for one in remote["inputs"]] == [file.name for file in find(RAW)]
    ledger = pl.read_parquet(tmp_path / "remote" / "ledger" / "kept-*.parquet")
    assert set(ledger["file"]) == {file.name for file in find(RAW)}


def test_the_path_that_gives_a_column_is_the_address(hub: Hub, tmp_path: Path) -> None:
    assert hub.url
    given = {"category": {"from_path": r"hf://datasets/lab/shop@\w+/raw/meta_(\w+)\.jsonl"}}
    plan = recipe(RAW, export={"keep": ["category"]})
    plan["sources"][0]["columns"] = given
    evenly.run(plan, tmp_path / "out")
    assert set(pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")["category"]) == {"Toys", "Tools"}


def test_a_new_commit_is_read_anew_unless_the_recipe_names_the_old(hub: Hub, tmp_path: Path) -> None:
    first = hub.datasets["lab/shop"].commit
    before = evenly.run(recipe(RAW), tmp_path / "one")
    assert evenly.run(recipe(RAW), tmp_path / "again").pool_reused
    hub.datasets["lab/shop"].files["raw/meta_Toys.jsonl"] = rows(100)
    after = evenly.run(recipe(RAW), tmp_path / "two")
    assert not after.pool_reused
    assert after.manifest["selection_digest"] != before.manifest["selection_digest"]
    with pytest.raises(DataError, match="no such revision"):
        find(f"hf://datasets/lab/shop@{first}/raw/meta_Toys.jsonl")


def test_without_the_network_what_was_fetched_is_there(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = evenly.run(recipe(RAW), tmp_path / "one")
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    after = evenly.run(recipe(RAW), tmp_path / "two")
    assert after.pool_reused
    assert after.manifest["selection_digest"] == before.manifest["selection_digest"]
    assert hub.requests == []
    with pytest.raises(DataError, match="HF_HUB_OFFLINE is set, and the file is not in the cache"):
        find("hf://datasets/lab/shop/data/train.parquet")
    with pytest.raises(DataError, match="HF_HUB_OFFLINE is set, and what the dataset holds is not known here"):
        find("hf://datasets/lab/other/data/train.parquet")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "hf://datasets/lab/gated/raw/*.jsonl",
            r"is gated. Ask for access at http.*/datasets/lab/gated, then set HF_TOKEN",
        ),
        (
            "hf://datasets/lab/private/raw/*.jsonl",
            r"there is none at .*/datasets/lab/private, or it is private. .*HF_TOKEN",
        ),
        ("hf://datasets/lab/none/raw/*.jsonl", "there is none at .*/datasets/lab/none"),
        ("hf://datasets/lab/shop@v9/raw/*.jsonl", "has no such revision"),
        (
            "hf://datasets/lab/shop/raw/meta_Toy.jsonl",
            r"no file matches 'raw/meta_Toy.jsonl'.*Did you mean 'raw/meta_Toys.jsonl'",
        ),
        ("hf://datasets/lab/shop/raw/meta_{Toys,Cars}.jsonl", "no file matches 'raw/meta_Cars.jsonl'"),
        ("hf://models/lab/shop/x.jsonl", "is no dataset on the Hub. Write hf://datasets/OWNER/NAME"),
        ("https://example.com/x.jsonl", r"https:// can't be read; hf://, s3:// and gs:// can"),
    ],
)
def test_what_can_not_be_had_is_told_with_its_place(hub: Hub, address: str, said: str) -> None:
    assert hub.url
    with pytest.raises(DataError, match=said) as refused:
        find("hf://datasets/lab/shop/raw/notes.txt", address)
    assert str(refused.value).startswith("recipe.sources[0].files[1]: '")


def test_a_token_opens_what_is_gated_and_stands_nowhere(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    for name in ("gated", "private"):
        evenly.run(recipe(f"hf://datasets/lab/{name}/raw/*.jsonl"), tmp_path / name)
        written = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        assert not [path for path in written if TOKEN.encode() in path.read_bytes()]
    with pytest.raises(DataError) as refused:
        find("hf://datasets/lab/none/x.jsonl")
    assert TOKEN not in str(refused.value)
    assert hub.url in str(refused.value)


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_hub_that_fails_is_one_line(hub: Hub, status: int) -> None:
    hub.failing = status
    with pytest.raises(DataError, match=rf"answered with {status}.*try again"):
        find(RAW)


def test_a_hub_that_is_not_there_is_one_line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.url
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DataError, match=r"http://127.0.0.1:9 can't be reached.*Check the connection"):
        find(RAW)


def test_what_was_fetched_is_told_as_it_comes(hub: Hub) -> None:
    told: list[tuple[str, int, str]] = []
    came: list[int] = []

    class Phase:
        def __init__(self, *what: Any) -> None:
            told.append(what)

        def __enter__(self) -> Any:
            return came.append

        def __exit__(self, *_: object) -> None:
            pass

    find_files(Source(name="shop", files=[RAW], id=["sku"]), 0, Phase)
    size = sum(len(hub.datasets["lab/shop"].files[f"raw/meta_{name}.jsonl"]) for name in ("Toys", "Tools"))
    assert told == [("fetch", size, "bytes")]
    assert sum(came) == size


# ---------------------------------------------------------------- tokenizers


@pytest.fixture
def model(hub: Hub, shared_data: Path) -> Repo:
    """A model on the hub with a tokenizer and a chat template."""
    content = (shared_data / "tokenizers" / "llama-3.1.json").read_bytes()
    config = {"bos_token": "<|begin_of_text|>", "chat_template": "{{ bos_token }}"}
    repo = Repo({"tokenizer.json": content, "tokenizer_config.json": json.dumps(config).encode()})
    hub.models = {
        "lab/llama": repo,
        "lab/old": Repo({"tokenizer.model": b"x"}),
        "lab/gated": Repo(repo.files, gated=True),
    }
    return repo


def test_a_tokenizer_of_the_hub_is_the_one_of_its_file(model: Repo, shared_data: Path) -> None:
    place = str(shared_data / "tokenizers" / "llama-3.1.json")
    assert tokenizer_fingerprint("lab/llama") == tokenizer_fingerprint(place)
    assert (
        load_tokenizer("lab/llama").encode(["two kettles"])[0].tolist()
        == load_tokenizer(place).encode(["two kettles"])[0].tolist()
    )
    chat = load_chat("lab/llama")
    assert chat is not None
    assert chat.render("[]") == "<|begin_of_text|>"
    assert tokenizer_path("lab/llama").parent.name == model.commit


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "lab/gated",
            r"'lab/gated': is gated. Ask for access at .*/lab/gated, then set HF_TOKEN.*--set tokenizer=o200k_base",
        ),
        ("lab/old", "holds no tokenizer.json. Did you mean 'tokenizer.model'"),
        ("lab/none", "there is none at .*/lab/none"),
        ("lab/llama@v9", "has no such revision"),
    ],
)
def test_a_tokenizer_that_can_not_be_had_says_what_to_set_instead(model: Repo, name: str, said: str) -> None:
    assert model
    with pytest.raises(TokenizerError, match=said):
        load_tokenizer(name)


def test_the_course_recipe_finds_its_files_and_tokenizer_on_the_hub(
    hub: Hub, model: Repo, shared_data: Path, tmp_path: Path
) -> None:
    import gzip

    names = (
        "Automotive",
        "Electronics",
        "Office_Products",
        "Tools_and_Home_Improvement",
        "Cell_Phones_and_Accessories",
    )
    names += ("Toys_and_Games", "Appliances", "Musical_Instruments")
    hub.models["meta-llama/Llama-3.1-8B"] = model
    raw = {
        f"raw/meta_categories/meta_{name}.jsonl": gzip.decompress(
            (shared_data / "amazon-2023" / f"meta_{name}.jsonl.gz").read_bytes()
        )
        for name in names
    }
    hub.datasets["McAuley-Lab/Amazon-Reviews-2023"] = Repo(raw)
    shipped = Path(__file__).parents[2] / "recipes" / "price-is-right-2024.yaml"
    evenly.check(shipped, sources=True)
    few = ["balance.cap=20", "split={train: 0.9, test: 0.1}"]
    made = evenly.run(shipped, tmp_path / "out", set=few).manifest
    assert made["rows"]["selected"] > 1000
    shutil.rmtree(tmp_path / "out")


def test_an_address_names_its_parts() -> None:
    match = hubs.ADDRESS.fullmatch("hf://datasets/lab/shop@refs%2Fconvert%2Fparquet/a/b.parquet")
    assert match is not None
    assert match.groupdict() == {"repo": "lab/shop", "revision": "refs%2Fconvert%2Fparquet", "path": "a/b.parquet"}
