"""Completion in a shell: the script that asks for it, and the words that a line may go on with.

Typer's own would write into the user's start-up files, and does not know what our options take.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from evenly.errors import UserError, choices_line, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ASKED: Final = "_EVENLY_COMPLETE"
"""The variable by which a shell's script asks: its value is the shell, the arguments are the words so far."""

POLICIES: Final = ("cap", "proportional", "equal", "power", "unimax", "target", "rake", "weighted")

VALUES: Final = {
    "--engine": ("local", "ray"),
    "--proxies": ("ridge", "trees"),
    "--scale": ("units", "log"),
    "--scales": ("units", "log"),
    "--measure": ("mae", "macro_f1"),
    "--show-completion": ("bash", "zsh", "fish"),
}
"""Option -> what it takes."""

KEYS: Final = {
    "balance.cap": (),
    "balance.policy": POLICIES,
    "balance.shortfall": ("error", "redistribute", "accept"),
    "balance.size": (),
    "export.files": ("parquet", "jsonl"),
    "export.format": ("text", "prompt-completion", "messages"),
    "seed": (),
    "sources.0.files": (),
    "tokenizer": (),
}
"""Keys of a recipe that `--set` changes most often -> what they take."""

SCRIPTS: Final = {
    "bash": """\
# evenly --show-completion bash, once in ~/.bashrc:  source <(evenly --show-completion bash)
_evenly_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $(_EVENLY_COMPLETE=bash "$1" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _evenly_completion evenly""",
    "zsh": """\
#compdef evenly
# evenly --show-completion zsh, once in ~/.zshrc after compinit:  source <(evenly --show-completion zsh)
_evenly() {
  local -a found after
  found=("${(@f)$(_EVENLY_COMPLETE=zsh "${words[1]}" "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "${found[1]%%:*}" == *= ]]; then after=(-S ''); fi
  if [[ -n "${found[1]}" ]]; then _describe evenly found "${after[@]}"; else _files; fi
}
compdef _evenly evenly""",
    "fish": """\
# evenly --show-completion fish > ~/.config/fish/completions/evenly.fish
function __evenly_words
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l last (commandline --current-token --cut-at-cursor)
    set -l found (_EVENLY_COMPLETE=fish $words[1] $words[2..] "$last" 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$last"
    end
end
complete --command evenly --no-files --arguments '(__evenly_words)'""",
}
"""Shell -> what it reads once."""

Word = tuple[str, str]
"""A word that a line may go on with, and what it means."""


def script(shell: str) -> str:
    """Return what a shell reads to complete `evenly`; nothing is installed.

    Raises:
        UserError: for a shell that is not among them.
    """
    if shell not in SCRIPTS:
        near, there = did_you_mean(shell, SCRIPTS), choices_line("shells", SCRIPTS)
        message = f"--show-completion: there is none for '{shell}'.{near}{there}"
        raise UserError(message)
    return SCRIPTS[shell]


def answer(commands: Any) -> None:  # noqa: ANN401 - Typer's own class of commands
    """Print the words that the command line may go on with, for the shell that asks."""
    shell = os.environ[ASKED]
    words = _whole(sys.argv[1:] or [""])
    # bash breaks a line at `=`, and puts in what stands behind it.
    known = len(words[-1].rpartition("=")[0]) + 1 if shell == "bash" and "=" in words[-1] else 0
    for word, meaning in suggestions(commands, words[:-1], words[-1]):
        described = f":{meaning}" if meaning else ""
        shown = {"zsh": word.replace(":", r"\:") + described, "fish": f"{word}\t{meaning}"}
        print(shown.get(shell, word[known:]))


def _whole(words: Sequence[str]) -> list[str]:
    """Return words with those together that bash has broken at `=`."""
    found: list[str] = []
    for word in words:
        if found and (word == "=" or found[-1].endswith("=")):
            found[-1] += word
        else:
            found.append(word)
    return found


def suggestions(commands: Any, before: Sequence[str], last: str) -> list[Word]:  # noqa: ANN401 - Typer's own class
    """Return what the beginning `last` of a word may become after the words `before`; none: a file, perhaps."""
    named = next((word for word in before if not word.startswith("-")), None)
    command = commands if named is None else commands.commands.get(named)
    if command is None:
        return []
    options = {name: param for param in command.params for name in param.opts if name.startswith("-")}
    option, equals, value = last.partition("=")
    if equals and option in options:
        return [(f"{option}={word}", meaning) for word, meaning in _values(option, value)]
    if before and (asked := options.get(before[-1])) is not None and not asked.is_flag:
        return _values(before[-1], last)
    if last.startswith("-"):
        there = {name: param.help or "" for name, param in options.items() if param.multiple or name not in before}
        return _beginning(last, there | {"--help": "Show what it does, and examples."})
    if named is None:
        return _beginning(
            last, {name: commands.commands[name].get_short_help_str() for name in sorted(commands.commands)}
        )
    return []


def _values(option: str, last: str) -> list[Word]:
    """Return what an option takes that begins so."""
    if option != "--set":
        return _beginning(last, dict.fromkeys(VALUES.get(option, ()), ""))
    key, equals, _ = last.partition("=")
    if not equals:
        return _beginning(last, {f"{key}=": " ".join(values) for key, values in KEYS.items()})
    return _beginning(last, {f"{key}={value}": "" for value in KEYS.get(key, ())})


def _beginning(last: str, words: Mapping[str, str]) -> list[Word]:
    return [(word, meaning) for word, meaning in words.items() if word.startswith(last)]
