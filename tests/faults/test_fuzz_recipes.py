"""Recipes and expressions that nobody would write: each is sound, or refused by lines that say where and what.

Recipes are drawn from the published JSON Schema, or are a sound one, of which some places hold something else.
"""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.errors import RecipeError, UserError
from evenly.recipe.expression import ExpressionError, parse_expression, to_polars
from evenly.recipe.expression_operations import FUNCTIONS
from evenly.recipe.load import parse_recipe, read_recipe

from ..recipe.test_expression_oracle import ORACLE, ROWS, _expressions  # noqa: TID252 - the tests are no package to name
from .conftest import RECIPE
from .test_mutations import mutated

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

SCHEMA: Final = evenly.schema()
DEFS: Final[dict[str, Any]] = SCHEMA["$defs"]

WORDS: Final = [
    *("price", "title", "shelf", "sku", "text", "tokens", "source", "a", "train", "test", "id", "rows.jsonl"),
    *("price > 2", "price * 2", "shelf = 'a'", "{title} costs", "{price:.0f}", "min(price)", "max(price)", "uniform"),
    *(
        "",
        " ",
        "é",
        "__id__",
        "{",
        "{}",
        "{price!r}",
        "(",
        "*",
        "x" * 300,
        "a\nb",
        "\x00",
        "\ud800",
        "1",
        "no",
        "..",
        "^a$",
    ),
]
ODD: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2, 7, 10**9, 2**53, 2**63, 10**400, 0.5, -0.0, 1.5, 1e300, 5e-324),
    *(float("inf"), float("nan"), [], {}, [[]], [{}], {"a": 1}, {"": None}, ["a", "a"], [None], b"a", {1: 2}),
]


def fitting(schema: dict[str, Any], depth: int = 6) -> st.SearchStrategy[Any]:
    """Return what a schema allows; of texts only those of `WORDS`, whatever pattern they should have."""
    if "$ref" in schema:
        return fitting(DEFS[schema["$ref"].rpartition("/")[2]], depth)
    if "anyOf" in schema or "oneOf" in schema:
        return st.one_of(*(fitting(one, depth) for one in [*schema.get("anyOf", []), *schema.get("oneOf", [])]))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    match schema.get("type"):
        case "object" if depth:
            return _objects(schema, depth)
        case "array" if depth:
            return st.lists(fitting(schema["items"], depth - 1), min_size=schema.get("minItems", 0), max_size=3)
        case kind:
            return _scalars(schema).get(str(kind), st.sampled_from(ODD))


def _objects(schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    named = {name: fitting(one, depth - 1) for name, one in schema.get("properties", {}).items()}
    required = {name: named.pop(name) for name in schema.get("required", [])}
    own = st.fixed_dictionaries(required, optional=named)
    other: Any = schema.get("additionalProperties")
    if not isinstance(other, dict):
        return own
    more = st.dictionaries(st.sampled_from(WORDS), fitting(other, depth - 1), max_size=3)
    return st.builds(lambda some, fixed: {**some, **fixed}, more, own)


def _scalars(schema: dict[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
    low = schema.get("minimum", schema.get("exclusiveMinimum", -5))
    high = schema.get("maximum", schema.get("exclusiveMaximum", low + 50))
    return {
        "string": st.sampled_from(WORDS),
        "boolean": st.booleans(),
        "null": st.none(),
        "integer": st.integers(int(low), int(min(high, low + 50))),
        "number": st.floats(low, min(high, low + 50)) | st.integers(int(low) + 1, int(min(high, low + 50)) + 1),
    }


def bent(recipe: Any, dice: random.Random, times: int) -> Any:
    """Return plain data with some of its places changed: another value, a key more or less, one of another place."""
    made = copy.deepcopy(recipe)
    for _ in range(times):
        holders = [one for one in inner(made) if one]
        if not holders:
            break
        holder = dice.choice(holders)
        key = dice.choice(list(holder)) if isinstance(holder, dict) else dice.randrange(len(holder))
        match dice.randrange(6):
            case 0 | 1:
                holder[key] = copy.deepcopy(dice.choice([*ODD, *WORDS]))
            case 2:
                holder[key] = copy.deepcopy(dice.choice(list(inner(made))))
            case 3:
                del holder[key]
            case 4 if isinstance(holder, dict):
                holder[f"{key}{dice.choice(['s', '', ' ', '_x'])}"] = holder.pop(key)
            case _:
                holder[key] = [holder[key]]
    return made


def inner(data: Any) -> list[Any]:
    """Return all mappings and lists in plain data, itself first."""
    if not isinstance(data, dict | list):
        return []
    return [data, *(held for one in (data.values() if isinstance(data, dict) else data) for held in inner(one))]


def assert_told(fault: UserError, place: str = "recipe") -> None:
    """Faults are lines that say where, none of them endless, of nothing that steers a terminal."""
    text = str(fault)
    lines = text.split("\n")
    assert all(len(line) < 1_500 for line in lines), text[:3_000]
    assert all(character.isprintable() or character == "\n" for character in text), repr(text[:3_000])
    if isinstance(fault, RecipeError):
        assert fault.faults
        assert all(one.partition(":")[0].startswith((place, "recipe", "--set")) for one in fault.faults), text[:3_000]


DICE: Final = st.randoms(use_true_random=False)


@settings(max_examples=250)
@given(data=fitting(SCHEMA), dice=DICE, times=st.integers(0, 3))
def test_any_recipe_of_the_schema_is_sound_or_told(data: Any, dice: random.Random, times: int) -> None:
    try:
        recipe = evenly.check(bent(data, dice, times))
    except UserError as fault:
        assert_told(fault)
        return
    assert evenly.check(recipe.to_dict()).fingerprint() == recipe.fingerprint()


@pytest.mark.parametrize("name", ["\x00", "a\x00b", "\ud800", "rot13", "..", "x" * 300])
def test_an_encoding_that_is_none_is_told_whatever_its_name_holds(name: str) -> None:
    with pytest.raises(RecipeError, match=r"^recipe.sources\[0\].encoding: "):
        evenly.check({**RECIPE, "sources": [{"name": "shop", "files": "x.csv", "encoding": name}]})


RICH: Final[dict[str, Any]] = {
    **RECIPE,
    "seed": 7,
    "sources": [
        {
            "name": "shop",
            "files": "rows.jsonl",
            "id": "sku",
            "duplicate_ids": "drop",
            "rename": {"cost": "price"},
            "columns": {"origin": {"value": "x"}, "stem": {"from_path": "(rows)"}},
            "filter": "price > 0",
            "as_text": ["more"],
        }
    ],
    "curate": [
        {"number": {"column": "price", "min": 0.5, "max": 99}},
        {"join": {"columns": ["title", "tags"], "into": "text"}},
        {"replace": {"column": "text", "values": {"thing": "item"}}},
        {"json": {"column": "more", "drop_keys": ["x"], "extract": {"weight": "Weight"}}},
        {"chars": {"column": "text", "min": 1, "max": 100, "truncate": 50}},
        {"derive": {"cheap": "price < 3", "double": "price * 2"}},
        {"filter": "length(text) > 1 OR cheap"},
        {"unique": {"columns": ["sku", "text"], "fold": ["case"]}},
        {"near_unique": {"column": "text", "threshold": 0.95}},
    ],
    "balance": {
        "label": "price",
        "strata": [{"column": "price", "width": 2, "min": 0, "max": 50}, {"column": "shelf", "other_below": 3}],
        "policy": "power",
        "alpha": 0.5,
        "size": 30,
        "min": 1,
        "max": 20,
        "weight": {"column": "shelf", "values": {"a": 2.0}, "default": 1.0},
        "shortfall": "accept",
        "stats": {"lo": "min(price)"},
    },
    "split": {"train": 0.5, "validation": 0.2, "test": 2, "lite": {"train": 2}},
    "holdout": {"fraction": 0.4, "group": "column", "column": "shelf", "natural": 5},
    "export": {"format": "text", "keep": ["shelf", "double"], "shard_rows": 10},
    "card": {"license": "mit", "language": ["en"], "source": "a shop", "tags": ["x"]},
}
"""A recipe with nearly every part there is."""

BASES: Final = [
    RICH,
    RECIPE,
    {**RICH, "balance": {"policy": "weighted", "size": 25, "weight": "price"}, "holdout": None},
    {**RICH, "balance": {**RICH["balance"], "policy": "cap", "alpha": None, "size": None, "cap": 4}},
    {
        **RICH,
        "balance": {
            "strata": [{"column": "shelf"}, {"column": "price", "quantile": 3}],
            "policy": "rake",
            "marginals": {"shelf": "uniform", "price": "uniform"},
            "size": 12,
            "weight": {"inverse_density": {"column": "price", "width": 1.0}},
        },
    },
    {
        **RICH,
        "balance": {
            "label": "price",
            "strata": [{"column": "price", "round": 1.0}],
            "policy": "target",
            "target": {"lognormal": {"median": 3.0, "sigma": 1.0}},
            "size": {"tokens": 200},
        },
        "tokenizer": "cl100k_base",
    },
]


def write_rows(folder: Path) -> None:
    rows = (
        {"sku": f"s{n}", "title": f"thing {n}", "cost": 1 + n * n % 9, "price": n % 9, "shelf": "abcdefgh"[n * 5 % 8]}
        | {"tags": ["x", f"t{n % 5}"], "more": {"Weight": f"{n} pounds", "x": n}, "text": f"text {n}"}
        for n in range(90)
    )
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def shop_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    write_rows(folder)
    monkeypatch.chdir(folder)
    return folder


def run_or_refuse(data: Any, folder: Path) -> bool:
    """Check, plan and run a recipe; say whether it went through, with sums that hold."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    try:
        evenly.plan(data)
        rows = evenly.run(data, folder / "out").manifest["rows"]
    except UserError as fault:
        assert_told(fault)
        assert not (folder / "out").exists()
        return False
    assert rows["read"] == rows["kept"] + sum(rows["dropped"].values()) + rows["quarantined"]
    assert rows["kept"] == rows["outside_strata"] + rows["held_out"] + rows["selected"] + rows["not_selected"]
    assert rows["selected"] == sum(rows["splits"].values()) + rows["unassigned"]
    return True


def seeds(base: str, count: int) -> list[random.Random]:
    """Return dice of fixed throws, others under another EVENLY_FUZZ_SEED."""
    return [random.Random(f"{os.environ.get('EVENLY_FUZZ_SEED', '1')} {base} {number}") for number in range(count)]


def bend_and_run(folder: Path, count: int) -> None:
    """Run recipes that are nearly sound: enough of them go through."""
    finished = [
        run_or_refuse(bent(dice.choice(BASES), dice, dice.randrange(3)), folder) for dice in seeds("recipes", count)
    ]
    assert sum(finished) > count / 5


def test_a_recipe_that_is_nearly_sound_runs_or_is_told(shop_folder: Path) -> None:
    bend_and_run(shop_folder, 30)


@pytest.mark.soak
def test_thousands_of_recipes_that_are_nearly_sound_run_or_are_told(shop_folder: Path) -> None:
    bend_and_run(shop_folder, 1_000)


def test_every_base_is_sound(shop_folder: Path) -> None:
    assert all(run_or_refuse(base, shop_folder) for base in BASES)


# ---------------------------------------------------------------- YAML


@settings(max_examples=150)
@given(dice=DICE)
def test_a_recipe_of_damaged_text_is_sound_or_told(tmp_path: Path, dice: random.Random) -> None:
    """The text is YAML or nearly: bytes flipped, doubled, moved, lines indented otherwise."""
    path = tmp_path / "recipe.yaml"
    content = mutated(dice.choice(TEXTS_OF_RECIPES), dice)
    path.write_bytes(content)
    try:
        recipe = read_recipe(path)
    except RecipeError as fault:
        assert_told(fault, str(path))
        return
    assert evenly.check(recipe.to_dict()).fingerprint() == recipe.fingerprint()


def _yaml(data: dict[str, Any]) -> bytes:
    from io import StringIO

    from ruamel.yaml import YAML

    out = StringIO()
    writer: Any = YAML()
    writer.dump(json.loads(json.dumps(data)), out)
    return out.getvalue().encode()


TEXTS_OF_RECIPES: Final = [_yaml(base) for base in BASES] + [json.dumps(RECIPE).encode()]

SCALARS: Final = [
    *(
        "~",
        "null",
        "no",
        "1e6",
        "0x1F",
        "0o17",
        "1_000",
        ".inf",
        ".nan",
        "2024-01-31",
        "12:30:45",
        "- 1",
        "[",
        "{a",
        '"',
    ),
    *(
        "'a",
        "&a 1",
        "*a",
        "? x",
        "|",
        ">-",
        "!",
        "@",
        "`",
        "%",
        "\t",
        "a: b",
        "#",
        "---",
        "...",
        "<<",
        "=",
        "\x85",
        "\ufeff",
    ),
]


STUMBLES: Final = ["b: !!int ", "a: !!bool maybe", "!!omap >\n',!!seq 1", '2024-01-01]<<: #!!seq \n\n  0x1"...\n\n  ']


@pytest.mark.parametrize("text", STUMBLES)
def test_yaml_that_its_reader_stumbles_over_is_told(text: str) -> None:
    with pytest.raises(RecipeError, match=r"^recipe(: YAML that can't be read: |:1: a tag \()"):
        parse_recipe(text)


def test_yaml_with_a_key_that_is_no_key_is_told() -> None:
    with pytest.raises(RecipeError, match=r"^recipe:1: a list or mapping as a key, expected a name\. Put it in quotes"):
        parse_recipe("? : ~2024-01-01!!timestamp a,- {,b: ")


def test_an_anchor_of_a_name_given_before_is_no_fault() -> None:
    with pytest.raises(RecipeError, match="unknown key"):
        parse_recipe("a: &x 1\nb: &x 2\nc: *x\n")


@pytest.mark.parametrize("written", SCALARS)
@pytest.mark.parametrize(
    "key", ["name", "seed", "sources", "balance.cap", "split.train", "export", "curate", "x.y", "."]
)
def test_any_value_of_an_override_is_taken_or_told(key: str, written: str) -> None:
    text = json.dumps(RECIPE)
    for override in (f"{key}={written}", f"{key}{written}", f"{written}={key}", f"sources.{written}={written}"):
        try:
            parse_recipe(text, [override])
        except RecipeError as fault:
            assert_told(fault)


# ---------------------------------------------------------------- expressions

LEAVES: Final = [
    "x",
    "y",
    "s",
    "t",
    "f",
    "1",
    "0",
    "2.5",
    "1e300",
    "'a'",
    "''",
    "NULL",
    "TRUE",
    '"x"',
    "gone",
    "'%'",
    "'('",
]
SIGNS: Final = [
    *("+", "-", "*", "/", "%", "=", "<>", "!=", "<", "<=", ">", ">=", "||", "AND", "OR", "NOT", "IN", "IS", "BETWEEN"),
    *(
        "LIKE",
        "ILIKE",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "CAST",
        "AS",
        "double",
        "int",
        "text",
        "(",
        ")",
        ",",
        "(",
    ),
    *(";", ".", "::", "--", "/*", "*/", "[", "{", "$1", "?", "\\", "\x00", "\u2028", "é", "DISTINCT", "FROM", "SELECT"),
    *("OVER", "INTERVAL", "DATE", "EXISTS", "ANY", "ESCAPE", "COLLATE", "AT", "@", "~", "^", "&", "|", "#", "!", ":="),
]
FRAME: Final = pl.DataFrame({**ROWS, "gone": [None] * len(ROWS["x"])})


def assert_one_line(text: str) -> None:
    assert text.isprintable()
    assert len(text) < 900


def evaluated(text: str) -> list[Any] | None:
    """Return what an expression gives for the rows, one value each; None where it is refused, in one line."""
    try:
        parsed = parse_expression(text)
        built = to_polars(parsed)
    except ExpressionError as fault:
        assert_one_line(str(fault))
        return None
    others = [pl.lit(None).alias(name) for name in parsed.columns if name not in FRAME.columns]
    found = FRAME.with_columns(others).with_columns(built.alias("answer"))["answer"].to_list()
    assert len(found) == FRAME.height
    return found


@settings(max_examples=300)
@given(words=st.lists(st.sampled_from([*LEAVES, *SIGNS, *FUNCTIONS]), max_size=14), dice=DICE)
def test_any_words_are_an_expression_or_told(words: list[str], dice: random.Random) -> None:
    evaluated(dice.choice([" ", "", "  ", "\n"]).join(words))


@settings(max_examples=300)
@given(made=_expressions(), dice=DICE)
def test_a_damaged_expression_is_an_expression_or_told(made: tuple[str, Any], dice: random.Random) -> None:
    words = made[0].split(" ")
    for _ in range(dice.randrange(4)):
        place = dice.randrange(len(words) + 1)
        match dice.randrange(3):
            case 0:
                words.insert(place, dice.choice([*LEAVES, *SIGNS, *FUNCTIONS]))
            case 1:
                del words[place : place + 1]
            case _:
                words[place : place + 1] = [dice.choice(LEAVES)]
    evaluated(" ".join(words))


@pytest.mark.soak
@settings(max_examples=10_000)
@given(_expressions())
def test_thousands_of_expressions_mean_what_sqlite_means(made: tuple[str, Any]) -> None:
    text, kind = made
    expected = [answer for (answer,) in ORACLE.execute(f"SELECT {text} FROM rows ORDER BY rowid")]  # noqa: S608
    found = FRAME.with_columns(to_polars(parse_expression(text, kind)).alias("answer"))["answer"].to_list()
    assert found == expected
