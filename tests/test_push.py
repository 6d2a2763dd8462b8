"""Publishing to a Hub: what is sent, what is not, what breaks and goes on, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import evenly
from evenly import cli

from .conftest import write_lines
from .hub_server import TOKEN, Fault, Hub, Repo, is_large, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own

NAME = "maker/prices"
Files = dict[str, bytes]


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let huggingface_hub speak plain HTTP: it read its settings when it was imported, perhaps by another test."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    plain(monkeypatch)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with serve() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


def make(tmp_path: Path, name: str = "out", **changes: Any) -> Path:
    """Make a small output, with a few charts beside it."""
    rows = [{"id": f"r{n}", "text": f"item {n}", "price": float(n % 40)} for n in range(400)]
    recipe: dict[str, Any] = {
        "name": "prices",
        "sources": [{"name": "s", "files": str(write_lines(tmp_path / "in.jsonl", rows)), "id": "id"}],
        "template": {"prompt": "{text} costs ", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 5}], "cap": 20},
        "split": {"train": 0.8, "test": 0.2},
        "holdout": {"fraction": 0.2},
        "export": {"shard_rows": 60},
    }
    folder = evenly.run(recipe | changes, tmp_path / name).folder
    (folder / "charts" / "label.png").write_bytes(b"a picture")
    (folder / "report.html").write_text("<p>a page</p>")
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return make(tmp_path)


def local(folder: Path) -> Files:
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del files["quarantine.jsonl"]
    return files


def test_a_push_sends_all_but_what_could_not_be_read_and_a_second_one_nothing(hub: Hub, output: Path) -> None:
    done = evenly.push(output, NAME)
    assert hub.datasets[NAME].files == local(output)
    assert (done.sent, done.same, done.removed) == (len(local(output)), 0, 0)
    assert done.url == f"{hub.url}/datasets/{NAME}"
    selected = json.loads((output / "manifest.json").read_text())["rows"]["selected"]
    assert hub.datasets[NAME].commits == [f"prices: {selected:,} records (Evenly {evenly.__version__})"]
    hub.requests.clear()
    again = evenly.push(output, NAME)
    assert (again.commit, again.sent, again.same) == (None, 0, done.sent)
    assert not [one for one in hub.requests if one[0] == "PUT" or "commit" in one[1] or "preupload" in one[1]]


def test_another_output_takes_the_place_of_the_one_that_was_there(hub: Hub, output: Path, tmp_path: Path) -> None:
    evenly.push(output, NAME)
    hub.datasets[NAME].files["notes.md"] = b"somebody's own"
    fewer = make(tmp_path, "fewer", export={"shard_rows": 100_000})
    hub.requests.clear()
    done = evenly.push(fewer, NAME)
    assert hub.datasets[NAME].files == local(fewer) | {"notes.md": b"somebody's own"}
    assert done.removed > 0
    assert done.same > 0
    sent = [path for method, path in hub.requests if method == "PUT"]
    assert len(sent) < sum(is_large(path) for path in local(fewer))


def refusal(output: Path) -> str | None:
    """Return what a push is refused with, or None where it is not."""
    try:
        evenly.push(output, NAME)
    except evenly.EvenlyError as fault:
        return str(fault)
    return None


def test_a_repository_of_somebody_elses_is_left_alone(hub: Hub, output: Path) -> None:
    theirs = {"data/train.csv": b"a,b", "manifest.json": b'{"dbt": 1}', "README.md": b"mine"}
    hub.datasets[NAME] = Repo(dict(theirs))
    with pytest.raises(evenly.UserError, match="holds files that are no output of Evenly's"):
        evenly.push(output, NAME)
    assert hub.datasets[NAME].files == theirs


def test_only_what_a_run_leaves_is_sent(hub: Hub, output: Path) -> None:
    (output / ".env").write_text("SECRET=1")
    (output / "checkpoint.pt").write_bytes(b"x")
    evenly.push(output, NAME)
    assert not {".env", "checkpoint.pt"} & hub.datasets[NAME].files.keys()


def test_a_push_that_breaks_at_any_request_goes_on_to_the_same_tree(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("time.sleep", lambda _: None)
    wanted, large = local(output), sum(is_large(path) for path in local(output))
    with serve() as whole:
        monkeypatch.setenv("HF_ENDPOINT", whole.url)
        evenly.push(output, NAME)
        requests = len(whole.requests)
    assert requests > 10
    broke = 0
    for number in range(requests):
        with serve() as hub:
            monkeypatch.setenv("HF_ENDPOINT", hub.url)
            hub.faults[number] = Fault(403)
            told = refusal(output)
            if told is not None:
                broke += 1
                assert len(told.splitlines()) == 1
                there = hub.datasets.get(NAME, Repo({})).files
                assert there in ({}, wanted)  # all of it in one commit, or nothing
            hub.faults.clear()
            evenly.push(output, NAME)
            assert hub.datasets[NAME].files == wanted
            # Nothing that had arrived was sent again.
            assert sum(method == "PUT" for method, _ in hub.requests) <= large + 1
    assert broke >= requests - 1  # whether the repository is there is asked another way where it can't be made


@pytest.mark.parametrize(
    "fault",
    [Fault(429, {"Retry-After": "0"}), Fault(500), Fault(503), Fault(drop=True)],
    ids=["429", "500", "503", "dropped"],
)
def test_what_passes_is_tried_again(hub: Hub, output: Path, fault: Fault) -> None:
    hub.faults = dict.fromkeys(range(1, 200, 7), fault)
    evenly.push(output, NAME)
    assert hub.datasets[NAME].files == local(output)


def test_a_commit_that_somebody_else_was_faster_with_is_told(hub: Hub, output: Path) -> None:
    evenly.push(output, NAME)
    commit = next(number for number, (_, path) in enumerate(hub.requests) if "/commit/" in path)
    hub.datasets.clear()
    hub.requests.clear()
    hub.objects.clear()
    hub.faults[commit] = Fault(412)
    with pytest.raises(evenly.EvenlyError, match=r"somebody else wrote to it meanwhile \(412\)\. Push again"):
        evenly.push(output, NAME)
    assert hub.datasets[NAME].files == {}


def test_a_hub_that_does_not_get_well_is_told(hub: Hub, output: Path) -> None:
    hub.failing = 503
    with pytest.raises(
        evenly.EvenlyError, match=r"answered with 503\. What was sent is kept there: push again to go on"
    ):
        evenly.push(output, NAME)


def test_what_the_hub_refuses_is_told_in_a_line(hub: Hub, output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.rejected = '"license" must be one of a list'
    with pytest.raises(evenly.UserError, match=r'the Hub rejects the card: .*"license" must be one of a list'):
        evenly.push(output, NAME)
    assert hub.datasets[NAME].files == {}
    hub.rejected, hub.writable = "", False
    with pytest.raises(evenly.UserError, match=r"has no right to write to .*/datasets/maker/prices \(403\)"):
        evenly.push(output, NAME)
    assert sum("preupload" in path for _, path in hub.requests) <= 1  # 403 is not tried again
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    with pytest.raises(evenly.UserError, match=r"does not know who asks \(401\)\. Set HF_TOKEN"):
        evenly.push(output, "maker/other")
    with pytest.raises(evenly.UserError, match="'prices' is no repository of the Hub"):
        evenly.push(output, "prices")
    with pytest.raises(evenly.UserError, match="is no name that the Hub knows"):
        evenly.push(output, "maker/--prices..")


def test_a_folder_that_is_not_what_its_manifest_says_is_not_sent(hub: Hub, output: Path, tmp_path: Path) -> None:
    with pytest.raises(evenly.UserError, match="holds no manifest"):
        evenly.push(tmp_path, NAME)
    shard = next((output / "data").glob("train-00000-*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(evenly.VerificationError, match="bytes instead of"):
        evenly.push(output, NAME)
    assert NAME not in hub.datasets


def test_a_branch_of_its_own(hub: Hub, output: Path) -> None:
    evenly.push(output, NAME, revision="second")
    assert hub.datasets[NAME].files == {}
    assert hub.datasets[NAME].branches["second"] == local(output)
    assert evenly.verify(f"{NAME}@second").holds
    assert evenly.push(output, NAME, revision="second").commit is None


def test_a_repository_is_verified_and_opened_as_the_folder_is(hub: Hub, output: Path) -> None:
    evenly.push(output, NAME)
    assert evenly.verify(NAME).holds
    assert evenly.verify(f"hf://datasets/{NAME}").holds
    theirs, ours = evenly.load(NAME), evenly.load(output)
    assert all(theirs[split].equals(ours[split]) for split in ("train", "test"))
    path = next(path for path in hub.datasets[NAME].files if path.startswith("data/train-00001"))
    content = hub.datasets[NAME].files[path]
    hub.datasets[NAME].files[path] = content[:40] + bytes([content[40] ^ 1]) + content[41:]
    found = evenly.verify(NAME)
    assert next(check.name for check in found.checks if not check.holds) == "files are as they were written"
    with pytest.raises(evenly.VerificationError, match="has another sha256"):
        evenly.load(NAME)


@pytest.mark.usefixtures("hub")
def test_datasets_loads_the_repository_as_it_loads_the_folder(output: Path, tmp_path: Path) -> None:
    evenly.push(output, NAME)
    script = """
import sys, datasets
repo, folder = sys.argv[1:]
for config in ("default", "holdout"):
    one, other = datasets.load_dataset(repo, config), datasets.load_dataset(folder, config)
    assert set(one) == set(other), (one, other)
    for split in one:
        assert one[split].to_list() == other[split].to_list(), split
print({split: len(rows) for split, rows in datasets.load_dataset(repo).items()})
"""
    environment = {**os.environ, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, NAME, str(output)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    splits = json.loads((output / "manifest.json").read_text())["rows"]["splits"]
    assert str(splits) in done.stdout
    assert evenly.load(output, kind="datasets")["train"].num_rows == splits["train"]


def test_a_run_can_publish_at_once_and_the_command_says_where(
    hub: Hub, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = json.loads((output / "manifest.json").read_text())
    result = evenly.run(manifest["recipe"], tmp_path / "again", push=NAME)
    assert set(hub.datasets[NAME].files) == set(local(result.folder))
    monkeypatch.setattr("sys.argv", ["evenly", "push", str(output), "maker/private", "--private", "--quiet"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 0
    assert hub.datasets["maker/private"].private
    with pytest.raises(evenly.UserError, match="is there already, and public"):
        evenly.push(output, NAME, private=True)
    monkeypatch.setattr("sys.argv", ["evenly", "push", str(output), NAME, "--yes"])
    with pytest.raises(SystemExit):
        cli.main()
    assert f"{hub.url}/datasets/{NAME}: 4 files sent" in capsys.readouterr().out


def test_the_server_answers_what_else_the_library_asks(hub: Hub, output: Path) -> None:
    from huggingface_hub import HfApi

    evenly.push(output, NAME)
    evenly.push(output, NAME, revision="second")
    api = HfApi(endpoint=hub.url)
    assert api.whoami()["name"] == "maker"
    assert [one.name for one in api.list_repo_refs(NAME, repo_type="dataset").branches] == ["main", "second"]
    (card,) = api.get_paths_info(NAME, ["README.md", "nothing"], repo_type="dataset")
    assert card.path == "README.md"
    assert api.file_exists(NAME, "manifest.json", repo_type="dataset")


def test_no_token_is_in_what_is_published(hub: Hub, output: Path) -> None:
    evenly.push(output, NAME)
    assert not any(TOKEN.encode() in content for content in hub.datasets[NAME].files.values())
