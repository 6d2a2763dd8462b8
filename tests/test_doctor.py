"""`evenly doctor`: what is there is told, what is broken is told with what to do, and no secret is."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import xxhash

import evenly
from evenly import cli
from evenly.errors import TokenizerError
from evenly.flow import health
from evenly.flow.health import EXTRAS, HASHED, _applies, _fits

from .hub_server import TOKEN, serve

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own


def told(patch: pytest.MonkeyPatch, *words: str) -> int:
    patch.setattr(sys, "argv", ["evenly", "doctor", *words])
    patch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_this_machine_is_sound_and_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert told(monkeypatch) == 0
    shown = capsys.readouterr().out
    assert TOKEN not in shown
    assert "not asked" in shown
    assert told(monkeypatch, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sound"] is True
    states = {one["name"]: one["state"] for one in found["findings"]}
    assert list(states) == [
        *("python", "libraries", "hashing", "tokenizer", "cache", "machine"),
        *(f"[{extra}]" for extra in EXTRAS),
        *("terminal", "hub"),
    ]
    assert {states[name] for name in ("python", "hashing", "tokenizer", "hub")} == {"ok"}
    assert all(one["advice"] or one["state"] == "ok" for one in found["findings"])


def test_what_it_expects_is_what_others_count() -> None:
    seed = xxhash.xxh64_intdigest(b"evenly/1/select/42", seed=0)
    assert xxhash.xxh64_intdigest(HASHED[0].encode(), seed=seed) == HASHED[1]


def test_a_cache_that_can_not_be_written_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("EVENLY_CACHE", str(tmp_path / "file" / "cache"))
    assert told(monkeypatch) == 1
    out, err = capsys.readouterr()
    assert "Set EVENLY_CACHE" in out
    assert err == "evenly: doctor: cache is broken. Mend what the lines above name.\n"


def test_what_is_missing_or_odd_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "requires", lambda _: ["polars<2,>=1.0", "nowhere-to-be-had>=3", "x>=1; extra == 'x'"])
    assert [(one.state, one.found) for one in health._libraries()] == [("broken", "missing: nowhere-to-be-had")]
    monkeypatch.setattr(health, "requires", lambda _: ["polars<2,>=1.0"])
    assert [one.state for one in health._libraries()] == ["warn"]
    monkeypatch.setattr(health, "HASHED", ("evenly", 1))
    assert [one.state for one in health._hashing()] == ["broken"]
    monkeypatch.setattr(health, "SENTENCE", ("a kettle", 1))
    assert [one.state for one in health._vocabulary()] == ["broken"]

    def refused(_: str) -> Any:
        message = "it is not here"
        raise TokenizerError(message)

    monkeypatch.setattr(health, "load_tokenizer", refused)
    assert [(one.state, one.found) for one in health._vocabulary()] == [("warn", "it is not here")]
    monkeypatch.setattr(health, "LEAST_MEMORY", 2**60)
    assert [one.state for one in health._machine()] == ["warn"]
    monkeypatch.setattr(health, "find_spec", lambda _: None)
    assert {one.state for one in health._extras()} == {"off"}


@pytest.mark.parametrize(
    ("there", "wanted", "fits"),
    [
        ("2.1.0", "polars<3,>=2", True),
        ("3.0.0", "polars<3,>=2", False),
        ("1.9", "polars<3,>=2", False),
        ("2.0.0rc1", "x>=2", True),
        ("0.18.6", "ruamel.yaml>=0.18.6", True),
        ("0.18.5", "ruamel.yaml>=0.18.6", False),
        ("5", "x", True),
    ],
)
def test_versions_are_compared_by_number(there: str, wanted: str, fits: bool) -> None:
    assert _fits(there, wanted) is fits
    assert _applies("")
    assert _applies(" python_version < '4'")
    assert not _applies(" python_version < '3.4'")


def test_the_hub_is_asked_when_that_is_wanted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr("time.sleep", lambda _: None)

    def asked() -> health.Finding:
        return evenly.doctor(hub=True).findings[-1]

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with serve() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert (asked().state, asked().found) == ("ok", "reached; signed in as maker")
        hub.failing = 401
        assert (asked().state, "answered with 401" in asked().found) == ("broken", True)
        assert TOKEN not in asked().found
        hub.failing = None
        monkeypatch.delenv("HF_TOKEN")
        assert (asked().state, asked().found) == ("ok", "reached; no token (HF_TOKEN) is set")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody answers there
    assert asked().state == "broken"
    assert "can't be reached" in asked().found
