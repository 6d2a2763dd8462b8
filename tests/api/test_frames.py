"""`evenly.balance`: what a run selects, of a table in memory, as the same kind of table."""

from __future__ import annotations

import datetime as dt
import decimal
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import datasets
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import evenly
from evenly.core.default_axis import default_axis
from evenly.errors import UserError
from evenly.io.blocks import as_record
from evenly.io.records import as_records

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

ROWS = 3_000


def made(rows: int = ROWS) -> pl.DataFrame:
    """Listings of all sorts of columns: skewed prices, two thirds of one category, nulls."""
    chance = np.random.default_rng(5)
    price = chance.lognormal(3, 1, rows).round(2)
    return pl.DataFrame(
        {
            "sku": [f"s{number}" for number in range(rows)],
            "price": [None if number % 97 == 0 else float(one) for number, one in enumerate(price)],
            "category": pl.Series(
                chance.choice(["car", "home", "book"], rows, p=[0.7, 0.2, 0.1]), dtype=pl.Categorical
            ),
            "title": [f'thing "{number}"\n' for number in range(rows)],
            "seen": [dt.date(2024, 1, 1) + dt.timedelta(days=number % 90) for number in range(rows)],
            "when": pl.Series(
                [dt.datetime(2024, 1, 1, number % 24, tzinfo=dt.UTC) for number in range(rows)],
                dtype=pl.Datetime("ms", "UTC"),
            ),
            "tags": [["a", None] if number % 2 else None for number in range(rows)],
            "more": [{"k": number, "j": None} for number in range(rows)],
            "stars": pl.Series([number % 5 for number in range(rows)], dtype=pl.Int8),
            "paid": [decimal.Decimal("1.50")] * rows,
        }
    )


TABLE = made()

WISH: dict[str, Any] = {"label": "price", "by": ["category"], "size": 600}


def pandas_table() -> pd.DataFrame:
    plain = TABLE.drop("tags", "more", "paid").to_pandas()
    return plain.astype({"stars": "Int8"}).set_index(pd.Index(range(7, 7 + ROWS), name="row"))


KINDS: dict[str, Callable[[], Any]] = {
    "polars": lambda: TABLE,
    "lazy": TABLE.lazy,
    "pandas": pandas_table,
    "arrow": TABLE.to_arrow,
    "arrow in chunks": lambda: pa.Table.from_batches(TABLE.to_arrow().to_batches(max_chunksize=70)),
    "dataset": lambda: datasets.Dataset(cast("Any", TABLE.drop("paid").to_arrow())),
    "dataset with indices": lambda: datasets.Dataset(cast("Any", TABLE.drop("paid").to_arrow())).shuffle(seed=3),
}


def ids_of(table: Any) -> list[str]:
    if isinstance(table, pl.LazyFrame):
        table = table.collect()
    column = table["sku"]
    return column.to_pylist() if isinstance(table, pa.Table) else list(column)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_comes_back_as_it_is_with_the_same_rows(kind: str) -> None:
    table = KINDS[kind]()
    found = evenly.balance(table, **WISH, id="sku")
    assert type(found) is type(table)
    assert sorted(ids_of(found)) == sorted(ids_of(evenly.balance(TABLE, **WISH, id="sku")))
    place = {sku: row for row, sku in enumerate(ids_of(table))}
    rows = [place[sku] for sku in ids_of(found)]
    assert rows == sorted(rows)  # in the order in which they were given
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(found, table.iloc[rows])
    elif isinstance(table, pa.Table):
        assert found.equals(table.take(rows))
    elif isinstance(table, datasets.Dataset):
        assert found.features == table.features
        assert found.to_list() == table.select(rows).to_list()
    else:
        assert_frame_equal(found.lazy().collect(), TABLE[rows])


def recipe_of(*ids: str, **balance: Any) -> dict[str, Any]:
    return {
        "name": "twin",
        "sources": [{"name": "data", "id": list(ids)}],
        "template": {"prompt": "{title}"},
        "balance": balance,
        "export": {"keep": ["title"]},
    }


PRICE = {"column": "price", "log": 2}


@pytest.mark.parametrize(
    ("ids", "arguments", "recipe"),
    [
        ((), WISH, {"label": "price", "strata": [PRICE, {"column": "category"}], "size": 600}),
        (
            ("sku",),
            {"label": "price", "strata": {"column": "price", "round": 10}, "cap": 40, "take_all": "price >= 70"},
            {"label": "price", "strata": [{"column": "price", "round": 10}], "cap": 40, "take_all": "price >= 70"},
        ),
        (
            ("sku", "title"),
            {"by": "category", "policy": "power", "alpha": 0.3, "size": 500, "weight": "stars + 1"},
            {"strata": [{"column": "category"}], "policy": "power", "alpha": 0.3, "size": 500, "weight": "stars + 1"},
        ),
        (
            ("sku",),
            {"policy": "weighted", "size": 300, "weight": {"column": "category", "values": {"car": 1}, "default": 9}},
            {"policy": "weighted", "size": 300, "weight": {"column": "category", "values": {"car": 1}, "default": 9}},
        ),
        (
            (),
            {"label": "seen", "strata": [{"column": "price", "quantile": 4}], "policy": "equal", "size": 200},
            {
                "label": "seen",
                "strata": [{"column": "seen", "part": "month"}, {"column": "price", "quantile": 4}],
                "policy": "equal",
                "size": 200,
            },
        ),
    ],
)
def test_a_run_of_the_recipe_that_says_the_same_selects_the_same(
    tmp_path: Path, arguments: dict[str, Any], recipe: dict[str, Any], ids: tuple[str, ...]
) -> None:
    evenly.run(recipe_of(*ids, **recipe), tmp_path / "out", data=TABLE)
    written = pl.read_parquet(tmp_path / "out" / "data" / "*.parquet").sort("title")
    found = evenly.balance(TABLE, **arguments, id=ids or None, with_weights=True).sort("title")
    assert found["title"].to_list() == written["title"].to_list()
    assert found["inclusion_probability"].to_list() == written["inclusion_probability"].to_list()
    assert found["design_weight"].to_list() == written["design_weight"].to_list()


@settings(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(0, 50))
def test_neither_order_nor_index_nor_kind_changes_what_is_selected_of_equal_rows(
    dice: random.Random, seed: int
) -> None:
    rows = [(f"t{number % 7}", number % 3) for number in range(60)]
    dice.shuffle(rows)
    expected = Counter(
        evenly.balance(pl.DataFrame(sorted(rows), orient="row", schema=["t", "n"]), by="n", cap=9, seed=seed).rows()
    )
    assert expected.total() == 27
    table = pl.DataFrame(rows, orient="row", schema=["t", "n"])
    assert Counter(evenly.balance(table, by="n", cap=9, seed=seed).rows()) == expected
    turned = evenly.balance(table.select("n", "t"), by="n", cap=9, seed=seed)
    assert Counter(turned.select("t", "n").rows()) == expected
    labelled = pd.DataFrame(rows, columns=["t", "n"], index=dice.sample(range(100), 60))
    taken = evenly.balance(labelled, by="n", cap=9, seed=seed)
    assert Counter(taken.itertuples(index=False, name=None)) == expected
    shuffled = labelled.loc[dice.sample(list(labelled.index), 60)]
    assert set(evenly.balance(shuffled, by="n", cap=9, seed=seed).index) == set(taken.index)


def test_design_weights_add_up_to_the_table() -> None:
    found = evenly.balance(TABLE, by="stars", size=250, with_weights=True)
    assert found.group_by("stars").agg(pl.col("design_weight").sum()).sort("stars").rows() == [
        (n, 600.0) for n in range(5)
    ]
    assert found["inclusion_probability"].to_list() == [50 / 600] * 250
    for table in (TABLE.to_arrow(), KINDS["dataset"](), pandas_table()):
        other = evenly.balance(table, by="stars", size=250, with_weights=True)
        weights = other["design_weight"].to_pylist() if isinstance(table, pa.Table) else list(other["design_weight"])
        assert weights == [12.0] * 250


def test_a_column_that_is_called_source_and_names_that_are_no_text() -> None:
    table = pl.DataFrame({"source": ["a"] * 30 + ["b"] * 9, "n": range(39)})
    assert evenly.balance(table, by="source", cap=9)["source"].value_counts().sort("source").rows() == [
        ("a", 9),
        ("b", 9),
    ]
    plain = pd.DataFrame({0: range(30), "k": [1, 2, 3] * 10})
    assert evenly.balance(plain, by="k", cap=2).columns.tolist() == [0, "k"]


@pytest.mark.parametrize(
    ("values", "axis"),
    [
        ([1, 2, 5] * 9, {}),
        (["a", "b"], {}),
        ([True, False], {}),
        ([float(n) for n in range(1, 101)], {"log": 2}),
        ([float(n) for n in range(1, 100)], {"quantile": 10}),
        ([0.0, *range(1, 900)], {"quantile": 10}),
        ([-1.0, *range(1, 900)], {"quantile": 10}),
        ([None, float("nan"), float("inf"), *map(float, range(5, 600))], {"log": 2}),
        ([dt.date(2024, 1, 3)], {"part": "month"}),
        ([None], {}),
    ],
)
def test_the_strata_of_a_label_that_nobody_described(values: list[Any], axis: dict[str, Any]) -> None:
    column = pl.Series("x", values, strict=False)
    assert default_axis(column) == {"column": "x"} | axis
    assert default_axis(column.reverse()) == {"column": "x"} | axis


@pytest.mark.parametrize(
    ("data", "arguments", "said"),
    [
        ([{"a": 1}], {"by": "a", "cap": 1}, "data: is list, expected a Polars, pandas or Arrow table"),
        (datasets.DatasetDict(), {"by": "a", "cap": 1}, "data: is DatasetDict.*Balance one of its splits"),
        (
            TABLE,
            {"label": "prise", "cap": 1},
            "balance.label='prise'.: the data have no column 'prise'. Did you mean 'price'",
        ),
        (TABLE, {"by": ["stars", "categry"], "cap": 1}, "no column 'categry'. Did you mean 'category'"),
        (
            TABLE,
            {"by": "stars", "cap": 1, "id": "sk"},
            "balance.id='sk'.: the data have no column 'sk'. Did you mean 'sku'",
        ),
        (TABLE, {"by": "stars", "cap": 1, "weight": "prize + 1"}, "no column 'prize'. Did you mean 'price'"),
        (TABLE, {"by": "stars", "cap": 1, "strata": {"column": "pric"}}, "no column 'pric'. Did you mean 'price'"),
        (
            TABLE,
            {"by": "stars", "cap": 1, "strata": {"column": "price", "rund": 1}},
            r"balance\(strata=…\).*'rund'.*Did you mean 'round'",
        ),
        (TABLE, {"by": "stars", "size": 1, "policy": "eqal"}, "no such policy. Did you mean 'equal'"),
        (TABLE, {"by": "stars", "size": 1, "policy": "unimax"}, "repeats records.*Write a recipe"),
        (TABLE, {"by": "stars", "size": 1, "policy": "rake"}, "wants marginals.*Write a recipe"),
        (TABLE, {"cap": 1}, "nothing says what to balance by"),
        (TABLE, {"by": "stars"}, "balance: policy cap needs `cap`"),
        (TABLE, {"by": "stars", "cap": 1, "size": 1}, "cap and size contradict each other"),
        (TABLE, {"by": "stars", "cap": 0}, r"balance\(cap=…\): found 0"),
        (TABLE, {"by": "stars", "size": 5_000}, r"5,000"),
        (
            TABLE,
            {"label": "title", "strata": {"column": "title", "round": 1}, "cap": 1},
            "column 'title' of the data is String, expected a number",
        ),
        (TABLE, {"by": "stars", "cap": 1, "id": "stars"}, "balance.id=….: '0' stands for several rows"),
        (TABLE, {"by": "stars", "cap": 1, "id": "price"}, "balance.id=….: 31 rows have none"),
        (TABLE.clear(), {"by": "stars", "cap": 1}, "data: has no rows"),
        (
            TABLE.with_columns(design_weight=1),
            {"by": "stars", "cap": 1, "with_weights": True},
            "'design_weight' already",
        ),
        (TABLE.with_columns(x=None), {"by": "x", "cap": 1}, r"balance\(strata=…\): none of 3,000 records"),
        (pd.DataFrame({"a": [1, "b"]}), {"by": "a", "cap": 1}, "data: can't be made into an Arrow table"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"by": "a", "cap": 1}, "two columns have the name 'a'"),
    ],
)
def test_what_can_not_be_is_told_in_a_line(data: Any, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said) as told:
        evenly.balance(data, **arguments)
    first, *choices = str(told.value).splitlines()
    assert "recipe." not in first
    assert len(choices) <= 1


def test_whole_rows_are_written_as_one_by_one() -> None:
    odd = pl.DataFrame(
        {
            "z": ['a"b', "c\\d", None, "é\n\t\x01\x7f", "", "plain"],
            "a": [1, None, 3, 4, 5, 6],
            "b": [0.0, -0.0, float("nan"), None, 1e22, 0.1],
            "f": pl.Series([0.1, None, 2, 3, 4, 5], dtype=pl.Float32),
            "d": [dt.date(2024, 1, 1), None] * 3,
            "t": pl.Series(["2024-01-01 02:03:04.000005", None] * 3).str.to_datetime(),
            "dec": [decimal.Decimal("1.50"), None] * 3,
            "n": [None] * 6,
            "yes": [True, None, False] * 2,
            "l": [["x", None], None, []] * 2,
            "s": [{"k": 1, "j": None}, None, {"k": None, "j": "q"}] * 2,
            "bin": [b"a\xff", None] * 3,
            "dur": [dt.timedelta(1), None] * 3,
            "c": pl.Series(["u", None] * 3, dtype=pl.Categorical),
            'q"k': [1] * 6,
        }
    )
    for frame in (odd, odd.select("n"), odd.clear()):
        assert as_records(frame).to_list() == [as_record(row) for row in frame.iter_rows(named=True)]
