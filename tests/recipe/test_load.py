"""From YAML to a recipe: all faults at once, each with its place and what was probably meant."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenly
from evenly.errors import RecipeError
from evenly.recipe.load import json_schema
from evenly.recipe.steps import Step

RECIPES = sorted((Path(__file__).resolve().parents[2] / "recipes").glob("*.yaml"))

SOUND = """\
name: small
tokenizer: o200k_base
sources:
  - {name: shop, files: 'in/*.jsonl', id: sku}
curate:
  - number: {column: price, min: 0.5}
  - tokens: {column: title, min_tokens: 1}
template: {prompt: "{title} $", completion: "{price:.0f}"}
balance:
  label: price
  strata: [{column: price, round: 1}]
  cap: 10
  take_all: price >= 100
split: {train: 0.9, test: 0.1}
"""


def faults(text: str, *overrides: str) -> tuple[str, ...]:
    with pytest.raises(evenly.RecipeError) as caught:
        evenly.Recipe.from_text(text, overrides)
    return caught.value.faults


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_shipped_recipes_are_sound(path: Path) -> None:
    assert evenly.check(path).name == path.stem


def test_five_faults_are_told_at_once() -> None:
    broken = (
        SOUND.replace("name: small", "name: small\nsede: 7")
        .replace("column: price, min: 0.5", "column: price, mim: 0.5")
        .replace("round: 1", "rond: 1")
        .replace("cap: 10", "cap: ten")
        .replace("test: 0.1", "test: 0.4")
    )
    found = faults(broken)
    expected = (
        "recipe.sede (line 2): unknown key 'sede'. Did you mean 'seed'?\n  keys: name, seed,",
        ("recipe.curate[0].number.mim (line 7): unknown key 'mim'. Did you mean 'min'?"),
        ("recipe.balance.strata[0].rond (line 12): unknown key 'rond'. Did you mean 'round'?"),
        ("recipe.balance.cap (line 13): found 'ten', expected a whole number."),
        ("recipe.split (line 15): the fractions sum to 1.3, expected at most 1."),
    )
    told = [next((fault for fault in found if fault.startswith(start)), None) for start in expected]
    assert None not in told, found
    assert len(found) == 5


def test_a_wrong_step_does_not_hide_what_else_is_wrong() -> None:
    broken = (
        SOUND.replace("min_tokens: 1", "min_tokens: one")
        .replace("  - number:", "  - filter: price >> 3\n  - number:")
        .replace("{title} $", "{title")
        .replace("cap: 10", "cap: 10\n  size: 3")
    )
    found = "\n".join(faults(broken))
    for told in ("min_tokens (line 8): found 'one'", "recipe.curate[0].filter", "recipe.template.prompt", "contradict"):
        assert told in found, found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("cap: 10", "cap: 10\n  size: 5", "cap and size contradict each other"),
        ("  cap: 10\n", "", "policy cap needs `cap` .* or `size`"),
        ("cap: 10", "policy: equal", r"policy equal needs `size` \(records in all\)"),
        ("cap: 10", "policy: equal\n  cap: 10", r"cap \(line 13\): belongs to policy cap\. Under policy equal"),
        ("cap: 10", "policy: power\n  size: 5", r"alpha.*: is missing: policy power needs it"),
        ("cap: 10", "policy: equal\n  size: 5\n  epochs: 2", "epochs.*: belongs to policy unimax"),
        ("cap: 10", "policy: weighted\n  size: 5", "strata.*: policy weighted is one draw without strata"),
        ("cap: 10", "cap: 10\n  min: 11", "min 11 is above cap 10"),
        ("cap: 10", "size: 10\n  min: 11\n  max: 3", "min 11 is above max 3"),
        ("cap: 10", "policy: rake\n  size: 5\n  marginals: {prise: uniform}", "no axis .* Did you mean 'price'"),
        ("cap: 10", "policy: target\n  size: 5\n  target: {values: {a: 0.7, b: 0.4}}", "the shares sum to 1.1"),
        ("cap: 10", "policy: target\n  size: 5\n  target: {}", "one of values, lognormal and files"),
        ("cap: 10", "policy: target\n  size: 5\n  target: unifrom", "unifrom"),
        ("cap: 10", "policy: target\n  size: 5", "target.*: is missing"),
        ("cap: 10", "size: {tokens: 0}", "found 0, expected at least 1"),
        ("cap: 10", "cap: 10\n  stats: {lo: mn(price)}", r"stats\.lo.*'mn\(price\)' is no number over the pool"),
        ("cap: 10", "cap: 10\n  stats: {lo: 'quantile(price, 2)'}", "expected a quantile between 0 and 1"),
        ("round: 1", "round: 1, width: 5", "round and width contradict each other"),
        ("round: 1", "edges: [1, 1]", "the edges do not grow"),
        ("round: 1", "unit: s", "no `part` of a date is asked for"),
        ("round: 1", "part: yaer", "Did you mean 'year'"),
        ("round: 1", "log: 1", "found 1, expected at least 1.01"),
        ("cap: 10", "polcy: cap\n  cap: 10", "unknown key 'polcy'. Did you mean 'policy'"),
        ("price >= 100", "prise >= 100", r"'prise' is no column of the strata.*Did you mean 'price'"),
        ("price >= 100", "price + 1", "take_all"),
        ("price >= 100", "price > (select max(price) from read_csv('/etc/passwd'))", "one row|subquery"),
        ("{title} $", "{title!r} $", "looks into a value"),
        ("{title} $", "{title.x} $", "looks into a value"),
        ("{title} $", "{} $", "a field without a name"),
        ("{title} $", "{title", "expected '}'"),
        ("{price:.0f}", "{price:.0q}", "'.0q' is no format"),
        ("{price:.0f}", "{title:.0f}", "'title' is text here, a number is needed"),
        ("round: 1", "round: 0", "found 0, expected more than 0"),
        ("round: 1", "round: .inf", "found inf, expected a finite number"),
        ("id: sku", "id: __id__", "names between double underscores are Evenly's own"),
        ("test: 0.1", "lite: {trian: 10}", r"split\.lite\.trian.*no split\. Did you mean 'train'"),
        ("train: 0.9", "train: 50, lite: {train: 60}", "60 rows are wanted of a split of 50"),
        ("test: 0.1", "test: 1", "1 is a number of rows"),
        ("test: 0.1", "te-st: 0.1", "'te-st' is no name of a split"),
        ("name: small", "name: small\nholdout: {fraction: 2.0}", "found 2.0, expected at most 0.4"),
        ("name: small", "name: small\nvariants: {b: {seed: 3}}", "variants.b.seed: is the same for all variants"),
        ("name: small", "name: small\nvariants: {b: {balance: {cap: -3}}}", "recipe.variants.b: recipe.balance.cap"),
        ("number: {column: price, min: 0.5}", "numbre: {column: price}", "unknown key 'numbre'. Did you mean 'number'"),
        ("number: {column: price, min: 0.5}", "unique: {columns: title}", "stands after 'unique', which looks at all"),
        ("min_tokens: 1", "min_tokens: 5, max_tokens: 2", "min_tokens 5 is above max_tokens 2"),
        ("split:", "export: {keep: [tokens]}\nsplit:", "'tokens' is a column that the output has of its own"),
        ("id: sku", "id: sku, columns: {c: {from_path: '('}}", "is no regular expression"),
        ("id: sku", "id: sku, columns: {c: {from_path: 'x'}}", "has no group"),
        ("name: small", "name: a/b", "expected a name of letters"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_its_place(old: str, new: str, told: str) -> None:
    import re

    assert old in SOUND
    found = faults(SOUND.replace(old, new))
    assert any(re.search(told, fault, re.DOTALL) for fault in found), found
    assert all(fault.startswith("recipe") for fault in found)


def test_yaml_is_version_1_2() -> None:
    recipe = evenly.Recipe.from_text(SOUND.replace("name: small", "name: no"))
    assert recipe.name == "no"
    assert faults("name: [a\nb: c") == (
        "recipe:2: not YAML: expected ',' or ']', but got ':'. Check its brackets, quotes and indents.",
    )
    assert "not YAML" in faults("a: 1\na: 2")[0]
    assert "expected keys" in faults("- 1")[0]
    assert "expected keys" in faults("")[0]
    assert faults("a: &a {b: *a}")


def test_set_changes_a_key_and_names_one_that_is_not_there() -> None:
    recipe = evenly.Recipe.from_text(
        SOUND, ["balance.cap=3", "sources.0.files=[a.csv, b.csv]", "curate.0.number.max=9"]
    )
    assert (recipe.balance.cap, recipe.sources[0].files) == (3, ["a.csv", "b.csv"])
    assert recipe.curate[0].number is not None
    assert recipe.curate[0].number.max == 9
    assert "unknown key 'kap'. Did you mean 'cap'" in faults(SOUND, "balance.kap=3")[0]
    assert "expected KEY=VALUE" in faults(SOUND, "balance.cap")[0]
    assert "expected a number from 0 to 0" in faults(SOUND, "sources.1.files=x")[0]
    assert "has no keys" in faults(SOUND, "name.x.y=1")[0]


def test_files_are_taken_from_the_recipes_folder_and_overrides_from_here(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(SOUND, encoding="utf-8")
    assert evenly.Recipe.from_file(path).sources[0].files == [f"{tmp_path}/in/*.jsonl"]
    assert evenly.Recipe.from_file(path, ["sources.0.files=x.jsonl"]).sources[0].files == ["x.jsonl"]


def test_a_recipe_survives_the_way_to_data_and_back() -> None:
    recipe = evenly.Recipe.from_text(SOUND)
    again = evenly.Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    assert again.fingerprint() == recipe.fingerprint()


def test_the_fingerprint_is_of_what_is_asked_not_of_where_files_lie() -> None:
    one = evenly.Recipe.from_text(SOUND)
    assert one.fingerprint() == evenly.Recipe.from_text(SOUND, ["sources.0.files=elsewhere/*.jsonl"]).fingerprint()
    assert one.fingerprint() != evenly.Recipe.from_text(SOUND, ["balance.cap=11"]).fingerprint()


def test_the_schema_names_every_key() -> None:
    text = json.dumps(json_schema())
    for key in (*evenly.Recipe.model_fields, *Step.model_fields):
        assert f'"{key}"' in text


def test_reasons_are_names_or_kinds() -> None:
    from evenly.recipe.steps import reasons

    steps = [
        {"chars": {"column": "a"}},
        {"chars": {"column": "a"}},
        {"chars": {"column": "a", "name": "long"}},
        {"filter": "a = 'x'"},
    ]
    assert reasons([Step.model_validate(step) for step in steps]) == ["chars", "chars-2", "long", "filter"]


KEYS = st.sampled_from([*evenly.Recipe.model_fields, *Step.model_fields, "column", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["name", "seed", "sources", "curate", "template", "balance", "split", "export"]))
def test_anything_at_all_under_a_key_is_a_recipe_or_a_fault(value: Any, key: str) -> None:
    data = evenly.Recipe.from_text(SOUND).to_dict()
    data[key] = value
    try:
        told = (f"recipe {evenly.Recipe.from_dict(data).name}",)
    except evenly.RecipeError as fault:
        told = fault.faults
    assert told
    assert all(text.startswith("recipe") for text in told)


@pytest.mark.parametrize(
    ("weight", "fault"),
    [
        ({"column": "c", "values": {"a": 1}, "default": -4}, "balance.weight.default: found -4, expected at least 0."),
        ({"inverse_density": {"column": "c", "width": 0}}, "balance.weight.inverse_density.width: found 0"),
    ],
)
def test_of_a_weight_only_the_kind_that_is_meant_is_judged(weight: object, fault: str) -> None:
    recipe = {
        "name": "r",
        "sources": [{"name": "s", "files": "x", "id": "id"}],
        "template": {"prompt": "{c}"},
        "balance": {"strata": [{"column": "c"}], "cap": 1, "weight": weight},
    }
    with pytest.raises(evenly.RecipeError) as caught:
        evenly.check(recipe)
    (only,) = caught.value.faults
    assert fault in only


def test_faults_reach_the_caller_from_a_worker_as_they_are() -> None:
    fault = pickle.loads(pickle.dumps(RecipeError(["a: one", "b: two"])))  # noqa: S301 - made here
    assert (fault.faults, str(fault)) == (("a: one", "b: two"), "a: one\nb: two")


def test_a_recipe_that_is_not_there_may_have_another_name(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(SOUND, encoding="utf-8")
    with pytest.raises(evenly.RecipeError, match=r"no such recipe\. .* Did you mean 'prices.yaml'\?"):
        evenly.Recipe.from_file(tmp_path / "price.yaml")
    with pytest.raises(evenly.RecipeError, match=r"no such recipe\. Give the path of a YAML file\.$"):
        evenly.Recipe.from_file(tmp_path / "nowhere" / "price.yaml")


def test_an_encoding_may_have_another_name() -> None:
    found = faults(SOUND.replace("id: sku", "id: sku, encoding: utf-88"))
    assert any("is no encoding that Python knows" in fault and "Did you mean 'utf_8'?" in fault for fault in found), (
        found
    )
