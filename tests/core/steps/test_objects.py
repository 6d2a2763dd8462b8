"""The json step: keys go, numbers come out, in pounds where they are weights."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import evenly
from evenly.core.steps.objects import objects, pounds
from evenly.recipe.steps import Json

VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6)
OBJECTS = st.dictionaries(
    st.sampled_from(["Item Weight", "Part Number", "Color"]), VALUES | st.lists(VALUES, max_size=2)
)


def step(**more: Any) -> Json:
    return Json.model_validate({"column": "d", **more})


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("3.2 pounds", 3.2),
        ("1 pound", 1.0),
        ("1,234 pounds", 1234.0),
        ("1,234.5 Pounds", 1234.5),
        ("8 ounces", 0.5),
        ("8 oz.", 0.5),
        ("453.59237 grams", 1.0),
        ("0.45359237 kilograms", 1.0),
        ("453592.37 milligrams", 1.0),
        ("12 hundredths pounds", 0.12),
        ("12 Hundredths of a Pound", 0.12),
        (".5 pounds", 0.5),
        ("-2", -2.0),
        (7, 7.0),
        (7.25, 7.25),
        ("2017", 2017.0),
        ("heavy", None),
        ("", None),
        (".", None),
        ("pounds", None),
        ("12,34 pounds", None),
        ("3 feet", None),
        ("3 x 4 inches", None),
        (True, None),
        (None, None),
        ({"a": 1}, None),
        ([1], None),
    ],
)
def test_measures(value: Any, number: float | None) -> None:
    assert pounds(value) == (None if number is None else pytest.approx(number, rel=1e-12))


def test_keys_go_and_numbers_come() -> None:
    rows = ['{"Item Weight": "8 ounces", "Part Number": "X", "\\u00e9": 1.0}', "no object", None, "[1]", "{}"]
    done = objects(pl.DataFrame({"d": rows}), step(drop_keys=["Part Number"], extract={"weight": "Item Weight"}))
    assert done["d"].to_list() == ['{"Item Weight": "8 ounces", "\\u00e9": 1.0}', "no object", None, "[1]", "{}"]
    assert done["weight"].to_list() == [0.5, None, None, None, None]
    given_default = step(extract={"weight": {"key": "Item Weight", "default": 0.0}})
    assert objects(pl.DataFrame({"d": rows}), given_default)["weight"].to_list() == [0.5, 0, 0, 0, 0]
    assert objects(pl.DataFrame({"d": rows}), given_default)["d"].to_list() == rows


@given(st.lists(OBJECTS, max_size=8))
def test_the_text_is_what_json_gives_for_the_rest(records: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame({"d": [json.dumps(record) for record in records]}, schema={"d": pl.String})
    done = objects(frame, step(drop_keys=["Color"]))
    expected = [json.dumps({key: value for key, value in record.items() if key != "Color"}) for record in records]
    assert done["d"].to_list() == expected


def test_in_a_recipe_a_weight_is_a_number_like_any_other(tmp_path: Any) -> None:
    lines = [json.dumps({"id": n, "details": {"Item Weight": f"{n} ounces", "Noise": n}}) for n in range(64)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = {
        "name": "weights",
        "sources": [{"name": "s", "files": f"{tmp_path}/in.jsonl", "id": "id", "as_text": "details"}],
        "curate": [
            {"json": {"column": "details", "drop_keys": "Noise", "extract": {"weight": "Item Weight"}}},
            {"filter": "weight >= 1"},
        ],
        "template": {"prompt": "{details} ", "completion": "{weight:.1f}"},
        "balance": {"label": "weight", "strata": [{"column": "weight", "round": 1}], "cap": 5},
    }
    rows = evenly.run(recipe, tmp_path / "out").manifest["rows"]
    assert rows["dropped"] == {"filter": 16}
    assert "Noise" not in pl.read_parquet(tmp_path / "out" / "data" / "*.parquet")["text"][0]
