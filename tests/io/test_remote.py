"""Objects of S3 and of Google's store: fetched once by their etag, and every refusal a clear line."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from moto.server import ThreadedMotoServer

import evenly
from evenly.errors import Cancelled, DataError
from evenly.io.sources import find_files
from evenly.recipe.model import Source
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from evenly.reporting.progress import Advance

ROWS = [{"sku": f"s{n}", "title": f"thing {n}", "price": 1 + n % 9} for n in range(60)]
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A bucket called `shop` with two files of listings; what puts more into it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-the-tests")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    client: Any = boto3.client("s3", endpoint_url=address)
    client.create_bucket(Bucket="shop")
    client.put_object(Bucket="shop", Key="raw/a.jsonl", Body=LINES[: len(LINES) // 2].rpartition(b"\n")[0] + b"\n")
    client.put_object(Bucket="shop", Key="raw/b.jsonl", Body=LINES[len(LINES) // 2 :].partition(b"\n")[2])
    yield client
    for one in client.list_objects_v2(Bucket="shop")["Contents"]:
        client.delete_object(Bucket="shop", Key=one["Key"])
    client.delete_bucket(Bucket="shop")
    client.close()


def find(*patterns: str) -> list[Any]:
    return find_files(Source(name="shop", files=list(patterns), id=["sku"]))


def copies(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "cache" / "remote").rglob("*") if path.is_file())


def test_objects_are_fetched_once_and_again_when_they_change(bucket: Any, tmp_path: Path) -> None:
    first = find("s3://shop/raw/*.jsonl")
    assert [file.name for file in first] == ["s3://shop/raw/a.jsonl", "s3://shop/raw/b.jsonl"]
    assert find("s3://shop/raw/{b,a}.jsonl") == first
    assert sorted(file.path for file in first) == copies(tmp_path)
    bucket.put_object(Bucket="shop", Key="raw/a.jsonl", Body=b"{}\n")
    again = find("s3://shop/raw/*.jsonl")
    assert again[0].path.read_bytes() == b"{}\n"
    assert again[0].version != first[0].version
    assert again[1] == first[1]
    assert sorted(file.path for file in again) == copies(tmp_path)


def test_a_run_over_objects_is_a_run_over_files(bucket: Any, tmp_path: Path) -> None:
    recipe = {
        "name": "objects",
        "sources": [{"name": "shop", "files": "s3://shop/raw/*.jsonl", "id": "sku"}],
        "template": {"prompt": "{title}", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 3},
    }
    remote = evenly.run(recipe, tmp_path / "remote")
    for key in ("a", "b"):
        (tmp_path / f"{key}.jsonl").write_bytes(bucket.get_object(Bucket="shop", Key=f"raw/{key}.jsonl")["Body"].read())
    local = evenly.run(recipe, tmp_path / "local", set=[f"sources.0.files={tmp_path}/*.jsonl"])
    assert remote.manifest["selection_digest"] == local.manifest["selection_digest"]
    assert [one["path"] for one in remote.manifest["inputs"]] == ["s3://shop/raw/a.jsonl", "s3://shop/raw/b.jsonl"]
    assert evenly.run(recipe, tmp_path / "again").pool_reused
    assert "a-secret-of-the-tests" not in (tmp_path / "remote" / "manifest.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("s3://shop/raw/*.csv", r"nothing matches 's3://shop/raw/\*\.csv'"),
        ("s3://shop/raw/{a,z}.jsonl", r"nothing matches 's3://shop/raw/z\.jsonl'"),
        ("s3://no-such-bucket/x.jsonl", "nothing matches|no such bucket"),
    ],
)
def test_what_is_not_there_is_named(bucket: Any, pattern: str, said: str) -> None:
    assert bucket
    with pytest.raises(DataError, match=said) as refused:
        find(pattern)
    assert str(refused.value).startswith("recipe.sources[0].files[0]: 's3://")


def test_a_store_that_is_not_there_is_one_line(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bucket
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(DataError, match=r"can't be read: .*Check the connection") as refused:
        find("s3://shop/raw/a.jsonl")
    assert "\n" not in str(refused.value)
    assert "a-secret-of-the-tests" not in str(refused.value)


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_package_that_is_missing_is_named_with_its_extra(
    scheme: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(vars(sys.modules["fsspec.registry"])["_registry"], scheme, raising=False)
    with pytest.raises(DataError, match=rf"{scheme}:// needs {package}\. Install it: pip install 'evenly\[{scheme}\]'"):
        find(f"{scheme}://shop/raw/a.jsonl")


class Store(MemoryFileSystem):
    """Stands for Google's store, behind the same interface of fsspec."""

    protocol = ("gs",)
    store: dict[str, Any] = {}  # noqa: RUF012 - the base class keeps it like this

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("gs://"))


def test_google_s_store_is_read_through_the_same_interface(tmp_path: Path) -> None:
    fsspec.register_implementation("gs", Store, clobber=True)
    Store().pipe_file("/shop/a.jsonl", LINES)
    (found,) = find("gs://shop/*.jsonl")
    assert found.path.read_bytes() == LINES
    assert found.name.startswith("gs://")
    assert copies(tmp_path) == [found.path]


def test_an_output_can_stand_in_a_store(bucket: Any, tmp_path: Path) -> None:
    recipe: dict[str, Any] = {
        "name": "stored",
        "sources": [{"name": "shop", "files": "s3://shop/raw/*.jsonl", "id": "sku"}],
        "template": {"prompt": "{title} costs ", "completion": "{price}"},
        "balance": {"strata": [{"column": "price"}], "cap": 4},
        "split": {"train": 0.8, "test": 0.2},
    }
    place = "s3://shop/out/stored"
    result = evenly.run(recipe, place)
    assert result.address == place
    local = evenly.run(recipe, tmp_path / "out").folder
    keys = [one["Key"] for one in bucket.list_objects_v2(Bucket="shop", Prefix="out/")["Contents"]]
    assert sorted(keys) == sorted(
        f"out/stored/{path.relative_to(local)}" for path in local.rglob("*") if path.is_file()
    )
    assert evenly.verify(place).holds
    assert evenly.load(place)["train"].equals(evenly.load(local)["train"])
    assert "It was" in evenly.why(place, "s1").found[0].text
    with pytest.raises(evenly.UserError, match="holds something already"):
        evenly.run(recipe, place)
    evenly.run(recipe | {"split": {"train": 1.0}}, place, force=True)
    keys = [one["Key"] for one in bucket.list_objects_v2(Bucket="shop", Prefix="out/")["Contents"]]
    assert not any("/test-" in key for key in keys)
    assert evenly.verify(place).holds
    secrets = (b"a-secret-of-the-tests", b"testing")
    for key in keys:
        content = bucket.get_object(Bucket="shop", Key=key)["Body"].read()
        assert not any(secret in content for secret in secrets), key
    with pytest.raises(evenly.UserError, match=r"holds no manifest\.json"):
        evenly.verify("s3://shop/raw")
    with pytest.raises(evenly.UserError, match="is not an output of Evenly's"):
        evenly.run(recipe, "s3://shop/raw", force=True)
    with pytest.raises(evenly.UserError, match=r"no such bucket|store refuses"):
        evenly.run(recipe, "s3://nobodys-bucket/out")
    with pytest.raises(evenly.UserError, match="nonsense"):
        evenly.run(recipe, "nonsense://x/y")


class CalledOff(Silent):
    """A reporter of work that is called off as a phase begins."""

    def __init__(self, phase: str) -> None:
        self.name = phase

    @contextmanager
    def phase(self, name: str, total: int, unit: str) -> Generator[Advance]:
        if name == self.name:
            message = "cancelled."
            raise Cancelled(message)
        with super().phase(name, total, unit) as advance:
            yield advance


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("phase", ["fetch", "upload"])
def test_work_that_is_called_off_says_so_and_blames_no_store(phase: str) -> None:
    recipe: dict[str, Any] = {
        "name": "shop",
        "sources": [{"name": "shop", "files": "s3://shop/raw/*.jsonl", "id": "sku"}],
        "template": {"prompt": "{title}"},
        "balance": {"strata": [{"column": "price", "round": 1}], "cap": 2},
    }
    with pytest.raises(Cancelled, match=r"^cancelled\.$"):
        evenly.run(recipe, "s3://shop/out", reporter=CalledOff(phase))
    assert not fsspec.filesystem("s3", skip_instance_cache=True).exists("shop/out/manifest.json")


def test_the_second_of_two_runs_to_one_address_is_told(tmp_path: Path) -> None:
    from evenly.io.stores import alone_at

    copy = tmp_path / "cache" / "outputs" / "abc"
    with alone_at(copy, "s3://shop/out"):
        with (
            pytest.raises(evenly.UserError, match=r"s3://shop/out: another run \(process"),
            alone_at(copy, "s3://shop/out"),
        ):
            pytest.fail("must not come here")
        with alone_at(copy.with_name("other"), "s3://shop/other"):
            pass
    with alone_at(copy, "s3://shop/out"):
        pass
    assert list(copy.parent.iterdir()) == []


def test_a_manifest_comes_last_and_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evenly.io import stores

    def files(name: str, number: int) -> Path:
        folder = tmp_path / name
        (folder / "data").mkdir(parents=True)
        data = [f"data/{n}.parquet" for n in range(number)]
        for path in ("README.md", *data):
            (folder / path).write_text(f"{name} {path}")
        told = {"evenly": "1", "recipe": {}, "rows": {}, "selection_digest": {}, "files": [{"path": p} for p in data]}
        (folder / "manifest.json").write_text(json.dumps(told))
        return folder

    class Failing(MemoryFileSystem):
        """A store that takes so many files and no more."""

        left = 100

        def put_file(self, *given: Any, **options: Any) -> None:
            if not Failing.left:
                message = "the network is gone"
                raise OSError(message)
            Failing.left -= 1
            super().put_file(*given, **options)

    store = Failing()
    store.store.clear()
    monkeypatch.setattr(stores, "_store", lambda _: (store, "/bucket/out"))

    def put(folder: Path, *, force: bool = False) -> None:
        stores.put_output(folder, "memory://bucket/out", force=force, phase=Silent().phase)

    first, second = files("first", 4), files("second", 2)
    for taken in range(6):
        store.store.clear()
        Failing.left = taken
        with pytest.raises(evenly.UserError, match="the network is gone"):
            put(first)
        assert "/bucket/out/manifest.json" not in store.store
    Failing.left = 100
    store.store.clear()
    put(first)
    Failing.left = 2
    with pytest.raises(evenly.UserError, match="the network is gone"):
        put(second, force=True)
    assert "/bucket/out/manifest.json" not in store.store  # neither the old output nor the new one is complete
    Failing.left = 100
    put(second, force=True)  # what broke can be finished
    assert {path.rpartition("/out/")[2] for path in store.store} == {
        path.relative_to(second).as_posix() for path in second.rglob("*") if path.is_file()
    }
    store.pipe_file("/bucket/out/precious.csv", b"1")
    put(first, force=True)
    assert store.cat_file("/bucket/out/precious.csv") == b"1"
    store.store.clear()
    store.pipe_file("/bucket/out/manifest.json", b'{"dbt": 1}')
    with pytest.raises(evenly.UserError, match="is not an output of Evenly's"):
        put(first, force=True)
