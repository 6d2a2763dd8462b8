"""How the command line behaves: examples that run, completion, plain pipes, narrow terminals, a quick start."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main

from evenly import cli
from evenly.cli.commands import GROUPS
from evenly.cli.complete import KEYS, POLICIES, VALUES, suggestions
from evenly.recipe.balance import Policy
from evenly.recipe.model import Recipe
from evenly.reporting.progress import Bars
from evenly.reporting.terminal import terminal

from .hub_server import TOKEN, serve

ROOT = Path(__file__).resolve().parents[1]
COMMANDS: dict[str, Any] = vars(typer.main.get_command(cli.app))["commands"]
ESCAPE = "\x1b"

HEAVY = {
    "altair",
    "datasets",
    "fastokens",
    "huggingface_hub",
    "jinja2",
    "numpy",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "rich",
    "ruamel",
    "scipy",
    "sklearn",
    "sqlglot",
    "tokenizers",
}
LIGHT = {"annotated_doc", "evenly", "shellingham", "typer", "typing_extensions"}
"""What a command line that says only what there is may load, besides the standard library."""


def examples_of(name: str) -> list[str]:
    """Return the examples in a command's help."""
    context = typer.Context(COMMANDS[name])
    text = COMMANDS[name].get_help(context)
    return re.findall(r"^ +(evenly .+)$", text.partition("Examples:")[2], re.MULTILINE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was made, small, and run once more: what the examples stand on."""
    folder = tmp_path_factory.mktemp("shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evenly.flow.run.write_report", lambda *_: None)
        patch.setenv("EVENLY_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        assert told(patch, "evenly demo --rows 5000 --quiet") == 0
        assert told(patch, "evenly run evenly-demo/recipe.yaml --out first --quiet") == 0
    return folder


def told(patch: pytest.MonkeyPatch, line: str) -> int:
    """Run a command line in this process; return its exit code."""
    patch.setattr(sys, "argv", shlex.split(line))
    patch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


@pytest.fixture
def inside(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shop)
    monkeypatch.setenv("EVENLY_CACHE", str(shop / "cache"))
    monkeypatch.setattr("evenly.api.outputs.write_report", lambda *_: None)  # charts take seconds, and have their tests
    monkeypatch.setattr("evenly.audit.compare.Comparison.write_page", lambda *_: None)
    return shop


APART = {"ablate", "demo", "push", "studio", "tune"}


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - APART))
def test_the_examples_in_the_help_run(inside: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lines = examples_of(name)
    assert len(lines) >= 2
    for line in lines:
        words, _, target = line.partition(" > ")
        words += " --force" if name == "run" else ""  # the folder is there, for other examples
        with (inside / (target or "printed")).open("w", encoding="utf-8") as out:
            monkeypatch.setattr(sys, "stdout", out)
            code = told(monkeypatch, words)
        assert code == 0, line
        printed = (inside / (target or "printed")).read_text("utf-8")
        assert ESCAPE not in printed
        assert printed


def test_the_demos_examples_are_its_own_with_fewer_rows() -> None:
    """They are run by `shop`, by tests/test_cli.py and by tests/test_readme.py."""
    assert examples_of("demo") == ["evenly demo", "evenly demo --rows 5000 --out shop"]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_examples_name_options_that_there_are(name: str) -> None:
    options = {option for param in COMMANDS[name].params for option in param.opts}
    assert {word for line in examples_of(name) for word in line.split() if word.startswith("--")} <= options


@pytest.mark.parametrize("name", ["ablate", pytest.param("tune", marks=pytest.mark.soak)])  # tune takes minutes
def test_the_examples_of_what_trains_run(inside: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    lines = examples_of(name)
    assert len(lines) >= 2
    for line in lines:
        enough = " --set 'holdout={fraction: 0.4, balanced: 650}'" if name == "tune" else ""  # of a demo that small
        assert told(monkeypatch, f"{line} --quiet{enough}") == 0, line
    assert (inside / name.replace("ablate", "ablation").replace("tune", "tuned")).is_dir()


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own
def test_the_examples_of_push_run_against_a_hub(inside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_CACHE", str(inside / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    with serve() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        for line in examples_of("push"):
            assert told(monkeypatch, f"{line} --quiet") == 0, line
        assert any("/commit/" in str(one) for one in hub.requests)


def test_the_examples_of_the_studio_start_and_stop(inside: Path) -> None:
    environment = os.environ | {"BROWSER": "true", "EVENLY_CACHE": str(inside / "cache")}
    first, last = examples_of("studio")
    assert first == "evenly studio evenly-demo/recipe.yaml"  # which opens a browser
    for line in [last]:
        words = [re.sub(r"8765", "0", word) for word in shlex.split(line)[1:]]  # any port that is free
        with subprocess.Popen(
            [sys.executable, "-m", "evenly", *words],
            cwd=inside,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("http://127.0.0.1:")
            process.terminate()
            assert process.wait(30) == 143


# --- the help ---------------------------------------------------------------------------------------------------------


def test_the_help_lists_every_command_in_its_group(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(monkeypatch, "evenly --help") == 0
    shown = capsys.readouterr().out
    assert told(monkeypatch, "evenly") == 0
    assert capsys.readouterr() == (shown, "")
    grouped = [name for names in GROUPS.values() for name in names if name in COMMANDS]
    assert sorted(grouped) == sorted(COMMANDS)
    assert re.findall(r"^  (\w+)  +\S", shown.partition("Start:")[2], re.MULTILINE) == grouped
    assert re.findall(r"^(\w+):$", shown, re.MULTILINE) == ["Options", *GROUPS]
    assert "..." not in shown.partition("Start:")[2]  # every sentence is whole


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_fits_a_narrow_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert told(monkeypatch, f"evenly {name} --help") == 0
    help_text, _, shown = capsys.readouterr().out.partition("Examples:")
    assert shown
    assert max(map(len, help_text.splitlines())) <= 50  # Typer's narrowest


STARTED = """
import json, sys
loaded = set(sys.modules)
sys.argv = ["evenly", "--help"]
from evenly.cli import main
try:
    main()
finally:
    names = {name.partition(".")[0] for name in set(sys.modules) - loaded} - set(sys.stdlib_module_names)
    print(json.dumps(sorted(names)), file=sys.stderr)
"""


def test_the_help_imports_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", STARTED], cwd=tmp_path, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stderr))
    assert not loaded & HEAVY
    assert loaded <= LIGHT


# --- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("", sorted(COMMANDS)),
        ("re", ["report"]),
        ("run recipe.yaml --eng", ["--engine"]),
        ("run --engine ", ["local", "ray"]),
        ("run --engine=l", ["--engine=local"]),
        ("run --force --f", []),
        ("run --set balance.po", ["balance.policy="]),
        ("run --set balance.policy=e", ["balance.policy=equal"]),
        ("run --set seed=1 --se", ["--set"]),
        ("run rec", []),
        ("nothing --x", []),
        ("--ver", ["--version"]),
    ],
)
def test_what_a_line_may_go_on_with(line: str, found: list[str]) -> None:
    words = line.split(" ")
    group = typer.main.get_command(cli.app)
    assert [word for word, _ in suggestions(group, words[:-1], words[-1])] == found


def test_what_completion_knows_is_what_there_is() -> None:
    assert get_args(Policy) == POLICIES
    options = {name for command in COMMANDS.values() for param in command.params for name in param.opts}
    assert set(VALUES) - {"--show-completion"} <= options
    fields = Recipe.model_fields
    assert {key.partition(".")[0] for key in KEYS} <= set(fields)


BASH = """
source <(evenly --show-completion bash)
ask() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
    _evenly_completion "$1" 2>/dev/null
    echo "${COMPREPLY[*]}"
}
complete -p evenly
ask evenly pl
ask evenly run x.yaml --engine = r
ask evenly run --set balance.policy = prop
ask evenly run some
"""


ZSH = """
compdef() { :; }
source <(evenly --show-completion zsh)
_describe() { echo "$found[*] / $*"; }
_files() { echo files; }
ask() { words=("$@"); CURRENT=$#; _evenly; }
ask evenly pl
ask evenly run x.yaml --engine ""
ask evenly run --set balance.po
ask evenly run --set balance.policy=prop
ask evenly run some
"""

FISH = """
evenly --show-completion fish | source
touch some.yaml
for line in "evenly pl" "evenly run --engine r" "evenly run --set balance.policy=prop" "evenly run som"
    complete --do-complete $line
end
"""


@pytest.mark.parametrize(
    ("shell", "script", "found"),
    [
        (
            ["bash", "--norc"],
            BASH,
            ["complete -o default -F _evenly_completion evenly", "plan", "ray", "proportional", ""],
        ),
        (
            ["zsh", "--no-rcs"],
            ZSH,
            [
                "plan:Count the strata and allocate; write no... / evenly found",
                "local ray / evenly found",
                f"balance.policy=:{' '.join(POLICIES)} / evenly found -S ",
                "balance.policy=proportional / evenly found",
                "files",
            ],
        ),
        (
            ["fish", "--no-config"],
            FISH,
            ["plan\tCount the strata and allocate; write no...", "ray", "balance.policy=proportional", "some.yaml"],
        ),
    ],
    ids=["bash", "zsh", "fish"],
)
def test_a_shell_completes(shell: list[str], script: str, found: list[str], tmp_path: Path) -> None:
    if shutil.which(shell[0]) is None:
        pytest.skip(f"there is no {shell[0]}")
    named = tmp_path / "evenly"
    named.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m evenly "$@"\n', encoding="utf-8")
    named.chmod(0o755)
    environment = os.environ | {
        "HOME": str(tmp_path),
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [*shell, "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == found


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_can_read_their_script(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told(monkeypatch, f"evenly --show-completion {shell}") == 0
    script = capsys.readouterr().out
    monkeypatch.setenv("_EVENLY_COMPLETE", shell)
    assert told(monkeypatch, "evenly run --engine l") == 0
    assert capsys.readouterr().out == {"zsh": "local\n", "fish": "local\t\n"}[shell]
    if (program := shutil.which(shell)) is not None:
        subprocess.run([program, "-n", "-c", script], check=True)


# --- pipes and terminals ----------------------------------------------------------------------------------------------

VIEWS = [
    "plan evenly-demo/recipe.yaml",
    "report first",
    "compare evenly-demo/balanced first --force",
    "verify first",
    "why first B0000P07I6",
    "cache",
]


@pytest.mark.usefixtures("inside")
@pytest.mark.parametrize("line", VIEWS)
def test_views_fit_40_columns_and_are_plain_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert told(monkeypatch, f"evenly {line}") == 0
    out, err = capsys.readouterr()
    assert ESCAPE not in out + err
    if line != "cache":
        assert max(map(len, out.splitlines())) <= 40
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert told(monkeypatch, f"evenly {line}") == 0
    assert ESCAPE not in "".join(capsys.readouterr())


@pytest.mark.usefixtures("inside")
def test_color_can_be_asked_for_in_a_pipe_and_bars_can_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert told(monkeypatch, "evenly report first") == 0
    assert ESCAPE in capsys.readouterr().out
    assert told(monkeypatch, "evenly verify first") == 0
    assert "\x1b[2K" not in capsys.readouterr().err  # a line that is drawn anew


def on_a_terminal(command: list[str], **environment: str) -> str:
    """Run a command on a terminal of its own; return all that it wrote there."""
    import pty

    reading, writing = pty.openpty()
    with subprocess.Popen(
        command, stdin=writing, stdout=writing, stderr=writing, env=os.environ | environment
    ) as process:
        os.close(writing)
        found = b""
        with suppress(OSError):  # Linux tells the end of a terminal so
            while part := os.read(reading, 65_536):
                found += part
        assert process.wait(60) == 0
    os.close(reading)
    return found.decode()


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "styled", "moved"),
    [
        ({"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_a_terminal_gets_styles_and_bars_unless_it_can_not_or_must_not(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], styled: bool, moved: bool
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", screen := Screen())
    console = terminal()
    console.print("holds", style="bold green")
    with Bars(console).phase("verify", 3, "files") as advance:
        advance(3)
    assert bool(re.search(r"\x1b\[[\d;]+m", screen.getvalue())) is styled
    assert (ESCAPE in screen.getvalue()) is moved


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_on_a_real_terminal_no_color_leaves_only_bars(inside: Path) -> None:
    command = [sys.executable, "-m", "evenly", "verify", str(inside / "first")]
    shown = on_a_terminal(command, TERM="xterm", NO_COLOR="1")
    assert "holds" in shown
    assert not re.search(r"\x1b\[[\d;]+m", shown)


def test_a_closed_pipe_is_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "evenly", "schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    assert process.wait(30) in {0, 1}
    process.stderr.close()
