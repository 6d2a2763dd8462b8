"""What a machine hears of a run: a line of JSON at the end of each phase, and an exit code."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import pytest

import evenly

from .test_bad_input import good

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Command, OpenShop, Outcome

pytestmark = pytest.mark.faults


def events(done: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.err.splitlines()]


def test_each_phase_ends_with_one_line_of_what_it_counted(shop: OpenShop, evenly: Command) -> None:
    lines = good(295) + good(5) + '{"sku": "cheap", "title": "t", "price": 0.1}\n{bad\n'
    shop({"a.jsonl": lines}, {"sources__0__duplicate_ids": "drop", "split": {"train": 0.8, "test": 0.2}})
    done = evenly("run", "recipe.yaml", "--out", "out", "--json", "--log-json")
    told = events(done)
    begun = [one["phase"] for one in told if one["event"] == "begin"]
    ended = {one["phase"]: one for one in told if one["event"] == "end"}
    assert begun == list(ended) == [one["phase"] for one in told if one["event"] == "end"]
    rows = done.manifest["rows"]
    assert ended["curate"]["read"] == rows["read"] == 302
    assert ended["curate"]["quarantined"] == rows["quarantined"] == 1
    assert ended["curate"]["dropped"] == {"number": 1}
    assert ended["duplicates"]["dropped"] == {"duplicate_ids": 5}
    assert ended["curate"]["kept"] - 5 == rows["kept"] == ended["census"]["records"]
    assert ended["census"]["strata"] == done.manifest["strata"]["count"]
    assert ended["census"]["outside_strata"] == rows["outside_strata"]
    assert ended["census"]["held_out"] == rows["held_out"]
    assert ended["select"]["selected"] == rows["selected"]
    assert ended["select"]["splits"] == rows["splits"]
    assert ended["gather"]["rows"] == sum(rows["splits"].values())
    assert ended["write"]["files"] == len(done.manifest["files"])
    assert ended["write"]["bytes"] == sum(file["bytes"] for file in done.manifest["files"])
    assert all(one["seconds"] >= 0 and one["done"] == one["total"] for one in ended.values())
    assert told[-1] == {"event": "exit", "code": 0}


@pytest.mark.parametrize("words", [("run", "recipe.yaml", "--frce"), ("run", "none.yaml"), ("run", "recipe.yaml")])
def test_an_error_is_a_line_of_json_too(shop: OpenShop, evenly: Command, words: tuple[str, ...]) -> None:
    shop({"a.jsonl": good()}, {"balance__capp": 3} if words == ("run", "recipe.yaml") else None)
    told = events(evenly(*words, "--log-json"))
    assert [one["event"] for one in told] == ["error", "exit"]
    assert told[0]["code"] == told[1]["code"] == 2
    assert told[0]["text"]


# ---------------------------------------------------------------- exit codes: DESIGN section 6; 130 and 143: test_kill


@pytest.fixture
def ready(shop: OpenShop, evenly: Command) -> None:
    shop({"a.jsonl": good(), "recipe-wrong.yaml": "name: x\n", "bad.jsonl": "{bad\n"})
    assert evenly("run", "recipe.yaml", "--out", "out").code == 0


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("run", "--help"),
        ("check", "recipe.yaml"),
        ("check", "recipe.yaml", "--sources"),
        ("plan", "recipe.yaml"),
        ("run", "recipe.yaml", "--out", "other"),
        ("run", "recipe.yaml", "--out", "out", "--force"),
        ("verify", "out"),
        ("verify", "out", "--from-source"),
        ("why", "out", "s1"),
        ("compare", "out", "out", "--out", "page.html"),
        ("schema",),
        ("cache",),
        ("cache", "--clear"),
    ],
    ids=" ".join,
)
def test_what_is_done_exits_with_0(evenly: Command, words: tuple[str, ...]) -> None:
    assert evenly(*words).code == 0


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    "words",
    [
        ("rum",),
        ("run",),
        ("run", "recipe.yaml", "--frce"),
        ("run", "recipe.yaml", "more"),
        ("run", "recipe.yaml", "--engine", "rya", "--out", "x"),
        ("run", "recipe.yaml", "--set", "balance.cap=many", "--out", "x"),
        ("run", "recipe.yaml", "--out", "out"),
        ("run", "recipe.yaml", "--out", "."),
        ("run", "none.yaml"),
        ("run", "recipe.yaml", "--set", "sources.0.files=none-*.jsonl", "--out", "x"),
        ("run", "recipe.yaml", "--set", "sources.0.files=bad.jsonl", "--out", "x"),
        ("check", "recipe-wrong.yaml"),
        ("check", "recipe.yaml", "--sources", "--set", "sources.0.id=skuu"),
        ("plan", "recipe-wrong.yaml"),
        ("verify", "none"),
        ("why", "out", "nobody"),
        ("why", "none", "s1"),
        ("report", "none"),
        ("compare", "out"),
        ("push", "none", "a/b", "--yes"),
        ("ablate",),
    ],
    ids=" ".join,
)
def test_what_the_user_got_wrong_exits_with_2(evenly: Command, words: tuple[str, ...]) -> None:
    done = evenly(*words)
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    assert not words or "evenly: " in done.err


@pytest.mark.parametrize("word", ["\x1b[31mred", "a\nevenly: all is well", "hf_" + "a" * 34])
def test_what_is_wrong_on_the_command_line_steers_nothing_and_tells_no_secret(evenly: Command, word: str) -> None:
    done = evenly("run", "recipe.yaml", f"--{word}")
    assert done.code == 2
    assert "\x1b" not in done.err
    assert len(done.err.splitlines()) == 1
    assert "a" * 34 not in done.err


@pytest.mark.usefixtures("ready")
def test_a_verification_that_does_not_hold_exits_with_3(evenly: Command, tmp_path: Path) -> None:
    place = next((tmp_path / "shop" / "out" / "data").glob("*.parquet"))
    place.write_bytes(place.read_bytes()[:-1] + b"\0")
    done = evenly("verify", "out")
    assert done.code == 3
    assert "do not hold" in done.err


@pytest.mark.usefixtures("ready")
def test_a_run_that_fails_exits_with_1(evenly: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error", "disk")

    monkeypatch.setattr("evenly.flow.run.write_manifest", refused)
    done = evenly("run", "recipe.yaml", "--out", "out", "--force", "--quiet")
    assert done.code == 1
    assert done.err.startswith("evenly: disk: Input/output error.\n")


def test_the_codes_stand_in_the_errors() -> None:
    assert (evenly.EvenlyError.exit_code, evenly.UserError.exit_code, evenly.VerificationError.exit_code) == (1, 2, 3)
