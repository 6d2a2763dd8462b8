"""Folders of others: what a manifest, a listing, a saved dataset or a link names outside of them stays untouched."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import evenly
from evenly.errors import EvenlyError
from evenly.io.within import stays_inside

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name
from ..hub_server import TOKEN, Hub, Repo, serve  # noqa: TID252

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.faults

ROWS = [{"id": f"r{n}", "text": f"item {n}", "price": float(n % 9), "kind": "ab"[n % 2]} for n in range(80)]


def recipe(files: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "shop",
        "sources": [{"name": "s", "files": files, "id": "id"}],
        "template": {"prompt": "{text}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 1}], "cap": 5},
        **changes,
    }


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return evenly.run(recipe(str(write_lines(tmp_path / "in.jsonl", ROWS))), tmp_path / "out").folder


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A folder beside the output, with a file that nobody named."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "key.svg").write_text("canary")
    return folder


CALLS: dict[str, Callable[[Path], object]] = {
    "verify": evenly.verify,
    "why": lambda folder: evenly.why(folder, "r1"),
    "load": evenly.load,
    "report": evenly.report,
    "compare": lambda folder: evenly.compare(folder, folder),
    "push": lambda folder: evenly.push(folder, "maker/prices"),
}


def all_refuse(folder: Path, said: str) -> None:
    for name, call in CALLS.items():
        with pytest.raises(EvenlyError, match=said) as fault:
            call(folder)
        assert len(str(fault.value).splitlines()) == 1, name


@pytest.mark.parametrize(
    "path", ["../private/key.svg", "/etc/passwd", "data/../../private/key.svg", "", "data/x\0", "./x"]
)
def test_a_manifest_that_names_a_file_elsewhere_is_refused(output: Path, secret: Path, path: str) -> None:
    manifest = json.loads((output / "manifest.json").read_text())
    content = (secret / "key.svg").read_bytes()
    entry = {"path": path, "rows": 1, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["files"].append(entry)
    (output / "manifest.json").write_text(json.dumps(manifest))
    all_refuse(output, "leads out of the folder")


def broken(manifest: dict[str, Any], *keys: str, value: Any) -> dict[str, Any]:
    here: Any = manifest
    for key in keys[:-1]:
        here = here[key]
    here[keys[-1]] = value
    return manifest


SHAPES: dict[str, tuple[tuple[str, ...], Any]] = {
    "a split that is a pattern": (("rows", "splits"), {"../*": 3}),
    "a test that is a path": (("holdout",), {"../../x": {"rows": 1, "digest": "0" * 64}}),
    "an ending that is a path": (("recipe", "export", "files"), "../x"),
    "files that are none": (("files",), {"path": "x"}),
    "rows that are text": (("rows", "kept"), "many"),
    "a recipe that is none": (("recipe",), []),
    "a digest that is none": (("selection_digest",), {"train": 3}),
    "inputs that are none": (("inputs",), [3]),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_manifest_of_another_shape_is_one_line(output: Path, name: str) -> None:
    keys, value = SHAPES[name]
    manifest = broken(json.loads((output / "manifest.json").read_text()), *keys, value=value)
    (output / "manifest.json").write_text(json.dumps(manifest))
    all_refuse(output, "manifest.json: ")


@pytest.mark.parametrize("name", ["manifest.json", "charts/numbers.json"])
@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "null", "\udcff", '{"version": 1}'])
def test_json_of_another_kind_is_one_line(output: Path, name: str, content: str) -> None:
    (output / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    for call in (CALLS["report"], CALLS["compare"]):
        with pytest.raises(EvenlyError):
            call(output)


@pytest.mark.parametrize(
    "name", ["data", "charts", "ledger", "README.md", "report.html", ".report.html.new", "quarantine.jsonl"]
)
def test_a_link_out_of_an_output_is_refused_and_nothing_there_changes(output: Path, secret: Path, name: str) -> None:
    place = output / name
    if place.is_dir():
        shutil.copytree(place, secret, dirs_exist_ok=True)
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.symlink_to(secret if name in {"data", "charts", "ledger"} else secret / "key.svg")
    before = {path.name: path.read_bytes() for path in secret.rglob("*") if path.is_file()}
    all_refuse(output, f"{name} is a link to what lies outside")
    assert {path.name: path.read_bytes() for path in secret.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("files", ["parquet", "jsonl"])
def test_a_folder_with_the_signs_of_a_pattern_is_that_folder(tmp_path: Path, files: str) -> None:
    source = str(write_lines(tmp_path / "in.jsonl", ROWS))
    evenly.run(recipe(source, export={"files": files}, seed=1), tmp_path / "oa")
    made = evenly.run(recipe(source, export={"files": files}, seed=2), tmp_path / "o[ab]").folder
    assert evenly.verify(made).holds
    assert set(evenly.load(made)["train"]["id"]) != set(evenly.load(tmp_path / "oa")["train"]["id"])
    assert evenly.compare(made, tmp_path / "oa").to_dict()["overlap"]["common"][0][1] < len(ROWS) // 2


def test_a_link_deep_in_a_room_is_refused(output: Path, secret: Path) -> None:
    file = next((output / "data").iterdir())
    shutil.copy(file, secret / "rows.parquet")
    file.unlink()
    file.symlink_to(secret / "rows.parquet")
    all_refuse(output, "is a link to what lies outside")


def test_links_within_an_output_and_those_of_the_hubs_cache_hold(output: Path, tmp_path: Path) -> None:
    file = next((output / "data").iterdir())
    file.rename(output / "kept")
    file.symlink_to("../kept")
    assert evenly.verify(output).holds
    snapshot = tmp_path / "repo" / "snapshots" / "c0ffee"
    (tmp_path / "repo" / "blobs").mkdir(parents=True)
    shutil.copytree(output, snapshot)
    file = snapshot / file.relative_to(output)
    file.rename(tmp_path / "repo" / "blobs" / "1234")
    file.symlink_to("../../../blobs/1234")
    assert evenly.verify(snapshot).holds


def test_force_replaces_an_output_and_not_what_it_links_to(output: Path, secret: Path, tmp_path: Path) -> None:
    shutil.rmtree(output / "charts")
    (output / "charts").symlink_to(secret)
    evenly.run(recipe(str(tmp_path / "in.jsonl")), output, force=True)
    assert (secret / "key.svg").read_text() == "canary"
    assert not (output / "charts").is_symlink()


SAVED: dict[str, tuple[str, str]] = {
    "files above": ("state.json", '{"_data_files": [{"filename": "../private/x.arrow"}]}'),
    "a file of the system": ("state.json", '{"_data_files": [{"filename": "/etc/passwd"}]}'),
    "splits above": ("dataset_dict.json", '{"splits": ["../private"]}'),
    "itself": ("dataset_dict.json", '{"splits": [".", "."]}'),
    "data above": ("manifest.json", '{"files": [{"path": "data/../../private/x.parquet"}]}'),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_dataset_names_its_own_files(name: str, tmp_path: Path, secret: Path) -> None:
    assert secret
    mark, content = SAVED[name]
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / mark).write_text(content)
    with pytest.raises(EvenlyError, match="which is not in the folder"):
        evenly.run(recipe(str(tmp_path / "saved")), tmp_path / "made")
    assert not (tmp_path / "made").exists()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with serve() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def test_a_listing_of_the_hub_stays_in_its_folder(hub: Hub, tmp_path: Path) -> None:
    hub.datasets["maker/evil"] = Repo({"../../../evil.jsonl": b"{}\n", "a.jsonl": b"{}\n"})
    with pytest.raises(EvenlyError, match="leads out of the repository"):
        evenly.verify("maker/evil")
    with pytest.raises(EvenlyError, match="leads out of the repository"):
        evenly.run(recipe("hf://datasets/maker/evil/*.jsonl"), tmp_path / "made")
    assert not list(tmp_path.rglob("evil.jsonl"))


def test_objects_of_a_store_stay_in_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evenly.io import stores

    store = MemoryFileSystem()
    store.store.clear()
    monkeypatch.setattr(stores, "_store", lambda _: (store, "/bucket/out"))
    monkeypatch.setattr(stores, "_objects", lambda *_: {"manifest.json", "../../evil"})
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(EvenlyError, match="leads out of a folder"):
        evenly.verify("memory://bucket/out")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "../x"}, "recipe.name"),
        ({"name": "/x"}, "recipe.name"),
        ({"name": "x\0"}, "recipe.name"),
        ({"name": ".."}, "recipe.name"),
        ({"split": {"../x": 1.0}}, "recipe.split"),
        ({"split": {"a/b": 1.0}}, "recipe.split"),
        ({"split": {"train": 1.0, "lite": {"../x": 1}}}, "recipe.split.lite"),
        ({"variants": {"../x": {}}}, "recipe.variants"),
        ({"sources": [{"name": "../s", "files": "x", "id": "id"}]}, "recipe.sources"),
    ],
)
def test_a_name_that_becomes_a_path_is_a_plain_one(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(evenly.RecipeError, match=where.replace(".", r"\.")):
        evenly.Recipe.from_dict(recipe("x.jsonl", **changes))


@pytest.mark.parametrize("place", ["x" * 5_000, "a/" * 3_000])
def test_a_place_that_can_not_be_is_one_line(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "in.jsonl", ROWS)
    with pytest.raises(EvenlyError) as fault:
        evenly.run(recipe("in.jsonl"), place)
    assert len(str(fault.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["in.jsonl"]


@pytest.mark.parametrize("repo", ["../x/y", "a/b/c", "/etc/passwd", "a/b\n", "https://a/b", "a/..", "../b"])
def test_a_repository_is_an_owner_and_a_name(output: Path, repo: str) -> None:
    with pytest.raises(EvenlyError):
        evenly.push(output, repo)


def test_names_stay_inside_or_do_not() -> None:
    assert all(map(stays_inside, ["a", "a/b.c", "a..b", "..a"]))
    assert not any(map(stays_inside, ["", "/", "/a", "..", "../a", "a/..", "a/../b", "a//b", "./a", "a\0", "a/"]))
