"""The references are those of the code as it is, and nothing public is without a sentence and an example."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from generate import commands, keys, pages, python, recipe

import evenly

ALL_KEYS = [*(key for part in keys.parts() for key in part.keys), *keys.shared_keys()]


@pytest.mark.parametrize("name", list(pages.MADE))
def test_what_is_committed_is_what_would_be_made(name: str) -> None:
    path = pages.FOLDER / name
    assert path.read_text(encoding="utf-8") == pages.text_of(name), f"run `make docs` and commit {path}"


def test_the_pages_of_the_reference_are_those_that_are_made() -> None:
    assert {path.name for path in pages.FOLDER.iterdir()} == set(pages.MADE)


@pytest.mark.parametrize("key", ALL_KEYS, ids=lambda key: key.path)
def test_each_key_of_a_recipe_has_a_sentence_and_an_example_that_is_sound(key: keys.Key) -> None:
    assert key.text.endswith((".", "…")), key.text
    assert recipe.holds(recipe.loaded(recipe.examples()["keys"][key.path]), key.path)
    made = recipe.with_example(key.path)
    assert evenly.check(made) == made


def test_there_are_no_examples_of_keys_that_are_gone() -> None:
    assert set(recipe.examples()["keys"]) == {key.path for key in ALL_KEYS}


def test_the_schema_has_the_sentences_of_the_keys() -> None:
    schema = evenly.schema()
    models = {part.model.__name__: part for part in keys.parts()}
    for name, part in models.items():
        told = schema if name == "Recipe" else schema["$defs"][name]
        for key, what in told["properties"].items():
            assert what["description"] == keys.sentences(part.model)[key]


def test_each_function_and_operator_of_expressions_is_told_and_its_example_runs() -> None:
    assert set(recipe.examples()["functions"]) == set(recipe.FUNCTIONS)
    assert set(recipe.examples()["operators"]) == set(recipe.OPERATORS)
    for written, text in [*recipe.examples()["functions"].values(), *recipe.examples()["operators"].values()]:
        assert text
        assert recipe.value_of(written) or '"' in written


@pytest.mark.parametrize(("name", "command"), list(commands.commands().items()))
def test_each_command_and_option_has_a_text_and_an_example(name: str, command: Any) -> None:
    assert commands.summary(command).endswith(".")
    for parameter in [*commands.given(command, "argument"), *commands.given(command, "option")]:
        assert commands.text(parameter), f"evenly {name} {parameter.name}"
    example = commands.example(name, command)
    assert example.startswith(f"evenly {name}"), example
    assert example in (pages.FOLDER / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", python.public())
def test_each_public_name_has_a_text_and_an_example_that_names_it(name: str) -> None:
    example = python.example(name)
    names = {node.attr for node in ast.walk(ast.parse(example)) if isinstance(node, ast.Attribute)}
    assert name in names or python.is_error(getattr(evenly, name)) or inspect.isclass(getattr(evenly, name))
    assert example in (pages.FOLDER / "python.md").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in evenly.__all__:
            call = getattr(evenly, node.func.attr)
            inspect.signature(call).bind(*node.args, **{one.arg or "": one.value for one in node.keywords})


@pytest.mark.parametrize("result", python.results(), ids=lambda one: one.__name__)
def test_each_attribute_of_a_result_has_a_text(result: type) -> None:
    told = python.field_texts(result)
    unsaid = [name for name in python.own_fields(result) if not told.get(name)]
    assert not unsaid
    assert all(inspect.getdoc(member) for _, member in python.own_members(result))


def test_the_command_lines_environment_is_what_the_code_looks_at() -> None:
    source = Path(evenly.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py"))
    own = set(re.findall(r"\"(EVENLY_[A-Z_]+)\"", text))
    assert own <= set(commands.ENVIRONMENT)
