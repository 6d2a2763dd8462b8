"""The command line: thin twins of the calls, the contract's exit codes, nothing but JSON where JSON is asked for."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import evenly
from evenly import cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Run = "Callable[..., tuple[int, str, str]]"

RECIPE = """\
name: small
sources:
  - {name: shop, files: 'in/*.jsonl', id: sku}
curate:
  - number: {column: price, min: 0.5}
template: {prompt: "{title} $", completion: "{price:.0f}"}
balance: {label: price, strata: [{column: price, round: 1}], cap: 2}
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["evenly", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    rows = [{"sku": f"s{number}", "title": f"thing {number}", "price": 1 + number % 5} for number in range(40)]
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_run_leaves_a_dataset_and_prints_where_the_rows_went(run: Any, recipe: Path, tmp_path: Path) -> None:
    code, out, err = run("run", str(recipe), "--out", str(tmp_path / "out"))
    assert code == 0
    assert "selected" in out
    assert "before" in out
    assert "curate" in err
    assert (tmp_path / "out" / "manifest.json").exists()


def test_json_is_the_manifest_and_nothing_else(run: Any, recipe: Path, tmp_path: Path) -> None:
    code, out, err = run("run", str(recipe), "--out", str(tmp_path / "out"), "--json", "--log-json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    events = [json.loads(line) for line in err.splitlines()]
    assert events.pop() == {"event": "exit", "code": 0}
    assert {event["phase"] for event in events} >= {"curate", "census", "select", "write"}
    assert all(event["done"] == event["total"] for event in events if event["event"] == "end")


def test_quiet_prints_nothing(run: Any, recipe: Path, tmp_path: Path) -> None:
    assert run("run", str(recipe), "--out", str(tmp_path / "out"), "--quiet") == (0, "", "")


def test_the_default_folder_is_the_recipes_name(
    run: Any, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("run", recipe.name, "--quiet")[0] == 0
    assert (tmp_path / "small" / "manifest.json").exists()


def test_an_output_that_exists_is_kept_unless_forced(run: Any, recipe: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert run("run", str(recipe), "--out", out, "--quiet")[0] == 0
    code, _, err = run("run", str(recipe), "--out", out)
    assert (code, "exists already" in err, "--force" in err) == (2, True, True)
    assert run("run", str(recipe), "--out", out, "--quiet", "--force", "--set", "balance.cap=1")[0] == 0
    assert json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["rows"]["selected"] == 5
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_plan_shows_every_stratum_and_writes_nothing(run: Any, recipe: Path, tmp_path: Path) -> None:
    code, out, _ = run("plan", str(recipe), "--json")
    plan = json.loads(out)
    assert code == 0
    assert [(row["stratum"], row["rows"], row["quota"], row["bound"]) for row in plan["allocation"]] == [
        (str(price), 8, 2, "cap") for price in range(1, 6)
    ]
    assert plan["rows"]["selected"] == 10
    code, out, _ = run("plan", str(recipe))
    assert "the cap" in out
    assert not (tmp_path / "small").exists()


def test_check_and_its_faults(run: Any, recipe: Path) -> None:
    assert run("check", str(recipe))[0] == 0
    assert run("check", str(recipe), "--sources")[0] == 0
    code, out, err = run("check", str(recipe), "--set", "balance.kap=2")
    assert (code, out) == (2, "")
    assert "Did you mean 'cap'?" in err
    assert run("check", str(recipe), "--sources", "--set", "sources.0.id=skew")[0] == 2


def test_cache_shows_and_clears_what_is_kept(run: Any, recipe: Path) -> None:
    run("plan", str(recipe), "--quiet")
    code, out, _ = run("cache", "--json")
    assert (code, [pool["rows"] for pool in json.loads(out)["pools"]]) == (0, [40])
    assert "small" in run("cache")[1]
    assert "freed" in run("cache", "--clear")[1]
    assert json.loads(run("cache", "--json")[1])["pools"] == []


def test_schema_is_json(run: Any) -> None:
    code, out, _ = run("schema")
    assert (code, json.loads(out)["title"]) == (0, "Evenly recipe")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rn"], "Did you mean 'run'"),
        (["run"], "Missing argument"),
        (["run", "nowhere.yaml"], "no such recipe"),
        (["run", "RECIPE", "--engine", "lokal"], "Did you mean 'local'"),
        (["run", "RECIPE", "--sed", "3"], "No such option"),
        (["run", "RECIPE", "--set", "x"], "expected KEY=VALUE"),
        (["demo", "--rows", "0"], "rows"),
    ],
)
def test_a_wrong_command_line_exits_2_with_one_line(run: Any, recipe: Path, arguments: list[str], told: str) -> None:
    code, out, err = run(*[str(recipe) if word == "RECIPE" else word for word in arguments])
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1


def test_interrupts_have_their_codes(run: Any, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evenly.api.runs.run", interrupted)
    monkeypatch.setattr("evenly.run", interrupted, raising=False)
    assert run("run", str(recipe))[0] == 130


def test_demo_in_small(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("demo", "--rows", "3000", "--out", str(tmp_path / "demo"))
    assert code == 0
    assert "price" in out
    assert "category" in out
    assert f"evenly run {tmp_path}/demo/recipe.yaml --out {tmp_path}/demo/balanced --force" in out
    manifest = json.loads((tmp_path / "demo" / "balanced" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"]["read"] == 3_000
    assert manifest["rows"]["quarantined"] > 0
    assert set(manifest["rows"]["dropped"]) == {"number", "chars", "tokens"}
    again = run("run", str(tmp_path / "demo" / "recipe.yaml"), "--out", str(tmp_path / "again"), "--json")
    assert json.loads(again[1])["selection_digest"] == manifest["selection_digest"]
    assert run("demo", "--rows", "3000", "--out", str(tmp_path / "demo"))[0] == 2
    assert run("demo", "--rows", "3000", "--out", str(tmp_path / "demo"), "--force", "--quiet") == (0, "", "")


def test_each_command_is_the_twin_of_a_call() -> None:
    commands = {
        command.callback.__name__: command.callback for command in cli.app.registered_commands if command.callback
    }
    assert set(commands) == {
        "demo",
        "init",
        "check",
        "plan",
        "run",
        "report",
        "compare",
        "ablate",
        "studio",
        "tune",
        "verify",
        "why",
        "push",
        "schema",
        "cache",
        "doctor",
    }
    for name in commands:
        assert inspect.getdoc(getattr(evenly, name))


def test_the_package_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "evenly", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"evenly {evenly.__version__}\n"
