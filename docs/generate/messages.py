"""The messages of all errors, read out of the code: who raises each, and its text with words for what it fills in.

A message is what an error is made with: a text, a name that was given a text before, a function that returns texts.
What another error said and is only passed on is no message of its own.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from generate.wording import either, tidy, word

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "evenly"

ERRORS: Final = (
    *("AllocationError", "Cancelled", "DataError", "EvenlyError", "ExpressionError", "ImpossibleError", "OutputError"),
    *("PushError", "RecipeError", "SplitError", "TokenizerError", "UserError", "VerificationError"),
)
"""Errors whose message a user reads."""

CALLS: Final = {"_fault": 1, "_tell": 1}
"""Functions that are given a message -> which argument is its text."""

METHODS: Final = {
    ("recipe/plain.py", "fault"): (1, "RecipeError", "‹file›:‹line›: ", ""),
    ("io/hub.py", "error"): (0, "DataError", "‹where›: ", ""),
    ("io/tokenizers.py", "_Refused"): (0, "TokenizerError", "", "‹why›. Mend the file."),
}
"""Methods and classes that make an error of a text -> which argument it is, the error, what stands around the text."""

MAKERS: Final = {("recipe/faults.py", "_shape_text"), ("recipe/needs.py", "_field_fault")}
"""Functions that return messages without raising them."""

PASSED_ON: Final = {("io/tokenizers.py", "__exit__")}
"""Functions that end a text which is told where it begins."""

SPEAKERS: Final = {("recipe/statistic.py", "statistic"), ("recipe/steps.py", "_exactly_one")}
"""Functions whose ValueError is told to the user, with a point behind it."""

SHOWING: Final = {
    "shown",
    "redacted",
    "_line",
    "found_in",
    "kind_of",
    "_shown",
    "show_path",
    "str",
    "_beside",
    "holder",
}
"""Functions that show a value: what they return is the value."""

DEEPEST: Final = 8
"""How far a text is followed through names and functions."""

MANY: Final = 24
"""Texts that one message may be, before only the first are told."""


@dataclass(frozen=True)
class Message:
    """One message: the error that bears it, the module, function and line that make it, its text, where it is about."""

    error: str
    module: str
    function: str
    line: int
    text: str
    where: str = ""


@dataclass
class Module:
    """A module of the source: its functions and constants by name, and what it imports from others."""

    name: str
    functions: dict[str, ast.FunctionDef]
    constants: dict[str, ast.expr]
    imports: dict[str, str]


Path_ = tuple[tuple[int, str], ...]
"""Which branches of which statements a line is in."""


@dataclass
class Scope:
    """A function that is read: the values that its names were given, and where."""

    module: Module
    assigned: dict[str, list[tuple[int, Path_, ast.expr]]] = field(default_factory=dict[str, Any])
    places: dict[int, Path_] = field(default_factory=dict[int, Any])


@cache
def modules() -> dict[str, Module]:
    """Return the modules of the source by file."""
    return {path.relative_to(SOURCE).as_posix(): _module(path) for path in sorted(SOURCE.rglob("*.py"))}


def _module(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    given = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None]
    names = [(node.targets[0] if isinstance(node, ast.Assign) else node.target, node.value) for node in given]
    imported = [
        node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evenly.")
    ]
    return Module(
        path.relative_to(SOURCE).as_posix(),
        {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)},
        {target.id: value for target, value in names if isinstance(target, ast.Name) and value is not None},
        {one.name: f"{str(node.module)[7:].replace('.', '/')}.py" for node in imported for one in node.names},
    )


@cache
def all_messages() -> tuple[Message, ...]:
    """Return all messages, in the order of modules and lines, each text of a function once."""
    found: dict[tuple[str, str, str], Message] = {}
    for module in modules().values():
        for function in module.functions.values():
            for one in _of_function(function, module):
                found.setdefault((one.module, one.where, one.text), one)
    return tuple(sorted(found.values(), key=lambda one: (one.module, one.line)))


def _of_function(function: ast.FunctionDef, module: Module) -> Iterator[Message]:
    scope = scope_of(function, module)
    key = (module.name, function.name)
    for node in own_nodes(function) if key not in PASSED_ON else ():
        found: tuple[str, ast.expr, str] | None = None
        if isinstance(node, ast.Call):
            found = _made(node, key, scope)
        elif isinstance(node, ast.Tuple) and len(node.elts) == 3 and _is_call(node.elts[1], "show_path"):  # noqa: PLR2004 - a fault
            found = "RecipeError", node.elts[2], where_of(node.elts[0], scope, function.name)
        elif isinstance(node, ast.Return) and node.value is not None and key in MAKERS:
            found = "RecipeError", node.value, "‹place›"
        if found is not None:
            for text in dict.fromkeys(map(tidy, texts(found[1], scope, node.lineno))):
                if re.search(r"[a-z]{2}", re.sub(r"‹[^›]*›", "", text)):
                    yield Message(found[0], *key, node.lineno, text, found[2])


def _made(node: ast.Call, key: tuple[str, str], scope: Scope) -> tuple[str, ast.expr, str] | None:
    """Return the error that a call makes, its text, and where it is about."""
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    method = METHODS.get((key[0], name))
    if method is not None and len(node.args) > method[0]:
        place, error, before, behind = method
        text = ast.BinOp(ast.Constant(before), ast.Add(), node.args[place])
        return error, ast.BinOp(text, ast.Add(), ast.Constant(behind)), ""
    if not isinstance(node.func, ast.Name):
        return None
    if name == "ValueError" and key in SPEAKERS and node.args:
        return "RecipeError", ast.BinOp(node.args[0], ast.Add(), ast.Constant(".")), "‹place›"
    place = CALLS.get(name, 0 if name in ERRORS else None)
    if place is None or len(node.args) <= place:
        return None
    if name == "_fault":
        return "RecipeError", node.args[1], where_of(node.args[0], scope, key[1])
    return ("EvenlyError" if name == "_tell" else name), node.args[place], ""


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


ABOUT: Final = {
    "_given": "sources[].columns.‹name›",
    "_exclude": "curate[].exclude",
    "_stratum": "balance.strata[]",
    "_distribution": "balance.target",
}
"""Function that is given a place -> the place."""


def where_of(loc: ast.expr, scope: Scope, function: str) -> str:
    """Return the path that a fault is about, as far as the code says it."""
    if isinstance(loc, ast.Name):
        known = [value for _, _, value in scope.assigned.get(loc.id, [])]
        return where_of(known[-1], scope, function) if known else ABOUT.get(function, "‹place›")
    path = ""
    for step in loc.elts if isinstance(loc, ast.Tuple) else []:
        if isinstance(step, ast.Starred):
            path += ABOUT.get(function, "‹place›")
        elif isinstance(step, ast.Constant):
            path += f".{step.value}" if path else str(step.value)
        else:
            numbered = word(step) in {"index", "place", "number"}
            path += "[]" if numbered else f".‹{word(step)}›"
    return path


def own_nodes(node: ast.AST) -> Iterator[Any]:
    """Yield what a function holds, but for functions within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def scope_of(function: ast.FunctionDef, module: Module) -> Scope:
    """Return what a function's names stand for, and in which branch each line is."""
    scope = Scope(module)
    _read(function.body, (), scope)
    return scope


def _read(body: list[ast.stmt], path: Path_, scope: Scope) -> None:
    for line in body:
        for inner in range(line.lineno, (line.end_lineno or line.lineno) + 1):
            scope.places[inner] = path
        if isinstance(line, ast.Assign):
            _assign(scope, line.targets[0], line.value, (line.lineno, path))
        elif isinstance(line, ast.AnnAssign) and line.value is not None:
            _assign(scope, line.target, line.value, (line.lineno, path))
        elif isinstance(line, ast.AugAssign):
            value = ast.copy_location(ast.BinOp(line.target, line.op, line.value), line)
            _assign(scope, line.target, value, (line.lineno, path))
        for name in ("body", "orelse", "finalbody"):
            inner_path = path if isinstance(line, ast.With) else (*path, (line.lineno, name))
            if not isinstance(line, ast.FunctionDef):
                _read(getattr(line, name, []), inner_path, scope)
        for number, branch in enumerate([*getattr(line, "handlers", []), *getattr(line, "cases", [])]):
            _read(branch.body, (*path, (line.lineno, f"{number}")), scope)


def _assign(scope: Scope, target: ast.expr, value: ast.expr, at: tuple[int, Path_]) -> None:
    if isinstance(target, ast.Name):
        scope.assigned.setdefault(target.id, []).append((*at, value))
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=False):
            _assign(scope, one, part, at)


def texts(node: ast.expr, scope: Scope, line: int, depth: int = 0) -> list[str]:
    """Return the texts that an expression may be; a part that is not known is a word between ‹ and ›."""
    found = _known(node, scope, line, depth) if depth <= DEEPEST else None
    return [f"‹{word(node)}›"] if found is None else found


def _known(node: ast.expr, scope: Scope, line: int, depth: int) -> list[str] | None:  # noqa: PLR0911 - one for each kind
    deeper = depth + 1
    match node:
        case ast.Constant(value=str() as text):
            return [text]
        case ast.JoinedStr():
            return _product([_part(one, scope, line, depth) for one in node.values])
        case ast.BinOp(op=ast.Add()):
            return _product([texts(one, scope, line, deeper) for one in (node.left, node.right)])
        case ast.IfExp():
            return [text for one in (node.body, node.orelse) for text in texts(one, scope, line, deeper)]
        case ast.List() | ast.Tuple():
            return [text for one in node.elts for text in texts(one, scope, line, deeper)]
        case ast.Name():
            return _named(node, scope, line, depth)
        case ast.Call(func=ast.Name(id=name)):
            return _called(name, node, scope, line, depth)
        case _:
            return None


def _part(node: ast.expr, scope: Scope, line: int, depth: int) -> list[str]:
    """Return the texts of a part of an f-string; short alternatives are one text with both."""
    if not isinstance(node, ast.FormattedValue):
        return texts(node, scope, line, depth + 1)
    if not isinstance(node.value, ast.Name | ast.Call | ast.IfExp) or node.format_spec is not None:
        return ["‹N›" if node.format_spec is not None else f"‹{word(node.value)}›"]
    return either(texts(node.value, scope, line, depth + 1))


def _named(node: ast.Name, scope: Scope, line: int, depth: int) -> list[str]:
    """Return the texts that a name may have at a line, or its word where it is no text."""
    here = scope.places.get(line, ())
    found: list[str] = []
    for at, path, value in reversed(scope.assigned.get(node.id, [])):
        branches = dict(here)
        if at >= line or any(branches.get(statement, branch) != branch for statement, branch in path):
            continue
        found += texts(value, scope, at, depth + 1) if _is_text(value) else [f"‹{word(node)}›"]
        if here[: len(path)] == path:
            break
    constant = scope.module.constants.get(node.id)
    if not found and constant is not None and _is_text(constant):
        found = texts(constant, scope, line, depth + 1)
    known = [one for one in found if re.search(r"[a-z]", re.sub(r"‹[^›]*›", "", one)) or not one]
    return list(dict.fromkeys(known)) if any(known) else [f"‹{word(node)}›"]


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant | ast.JoinedStr | ast.BinOp | ast.IfExp | ast.Call | ast.Name)


def _called(name: str, node: ast.Call, scope: Scope, line: int, depth: int) -> list[str]:
    """Return the texts that a function returns, where it is one of Evenly's that makes texts."""
    if name == "did_you_mean":
        return [" Did you mean '‹name›'?"]
    if name == "choices_line":
        return [f" {''.join(texts(node.args[0], scope, line, depth + 1))}: …."]
    function, module = scope.module.functions.get(name), scope.module
    if function is None and name in scope.module.imports:
        module = modules().get(scope.module.imports[name], module)
        function = module.functions.get(name)
    if function is None or name in SHOWING:
        return [f"‹{word(node)}›"]
    inner = scope_of(function, module)
    returns = [(one.value, one.lineno) for one in own_nodes(function) if isinstance(one, ast.Return)]
    found = [text for value, at in returns if value is not None for text in texts(value, inner, at, depth + 1)]
    known = [one for one in found if re.search(r"[a-z]", re.sub(r"‹[^›]*›", "", one)) or not one]
    return list(dict.fromkeys(known)) if any(known) else [f"‹{word(node)}›"]


def _product(parts: list[list[str]]) -> list[str]:
    found = [""]
    for part in parts:
        found = [one + text for one in found for text in dict.fromkeys(part)][:MANY]
    return found
