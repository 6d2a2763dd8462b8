"""A recipe's YAML with changes: what no change is about stays as it was written."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.errors import RecipeError
from evenly.web.state import GONE, changes
from evenly.web.written import overridden, rewritten

ROOT = Path(__file__).resolve().parents[2]
RECIPES = [*sorted((ROOT / "recipes").glob("*.yaml")), ROOT / "src/evenly/catalogue/demo.yaml"]

ODD = """\
---
# top of it
name: odd   # the name
sources:
  - name: "shop"   # in quotes
    files: [a.jsonl,b.jsonl,  'c.jsonl']
    id: sku
    filter: ~
template: {prompt: '{title}', completion: "{price:.0f}"}
balance:
  label: price

  # why these
  strata: &strata [{column: price, round: 1}]
  cap: 1_000          # of each
  take_all: >-
    price >= 10
    and price < 1e3
  min: null
  weight: {column: year, values: {2019: 3, 2020: 0.50}, default: 1}
holdout: {fraction: 0.1, group: id, strata: *strata}
card:
  source: "a sentence that goes on and on and on, well beyond the width at which lines could be folded, and then some"
  tags: [x,
    y]
"""


def lines_changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """Return the lines that went and those that came."""
    found = list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
    gone, came = ([line[1:] for line in found if line.startswith(sign)] for sign in "-+")
    return gone, came


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_without_changes_is_what_it_was(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert rewritten(text, []) == text


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_change_touches_the_lines_that_it_is_about(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    gone, came = lines_changed(text, rewritten(text, [(("seed",), 123), (("balance", "shortfall"), "accept")]))
    assert [line.split(":")[0].strip() for line in came] == ["seed", "shortfall"]
    assert all(line.startswith("seed:") or line.lstrip().startswith("shortfall:") for line in gone)
    changed = evenly.Recipe.from_text(rewritten(text, [(("seed",), 123), (("balance", "shortfall"), "accept")]))
    assert (changed.seed, changed.balance.shortfall) == (123, "accept")


@pytest.mark.parametrize(
    ("changed", "gone", "came"),
    [
        (
            [(("balance", "cap"), 900)],
            ["  cap: 1_000          # of each"],
            ["  cap: 900            # of each"],
        ),
        ([(("seed",), 2**60)], [], [f"seed: {2**60}"]),
        ([(("balance", "label"), GONE)], ["  label: price", ""], []),
        (
            [(("balance", "weight", "values", "2019"), 4)],
            ["  weight: {column: year, values: {2019: 3, 2020: 0.50}, default: 1}"],
            ["  weight: {column: year, values: {2019: 4, 2020: 0.50}, default: 1}"],
        ),
        (
            [(("balance", "weight", "values", "2020"), GONE)],
            ["  weight: {column: year, values: {2019: 3, 2020: 0.50}, default: 1}"],
            ["  weight: {column: year, values: {2019: 3}, default: 1}"],
        ),
        ([(("sources", 0, "name"), "x")], ['  - name: "shop"   # in quotes'], ['  - name: "x"      # in quotes']),
    ],
)
def test_quotes_comments_and_blanks_of_other_lines_stay(
    changed: list[tuple[tuple[str | int, ...], Any]], gone: list[str], came: list[str]
) -> None:
    assert lines_changed(ODD, rewritten(ODD, changed)) == (gone, came)


@pytest.mark.parametrize("dash", ["", "  ", "    "])
@pytest.mark.parametrize("key", ["  ", "    "])
def test_blanks_before_keys_and_dashes_stay(key: str, dash: str) -> None:
    text = f"sources:\n{dash}- name: a\n{dash}  files: b\nbalance:\n{key}cap: 3\n{key}min: 1\n"
    gone, came = lines_changed(text, rewritten(text, [(("balance", "cap"), 4), (("sources", 0, "files"), "c")]))
    if (key, dash) != ("  ", "    "):  # nobody writes that; it stays right, in blanks of its own
        assert (gone, came) == ([f"{dash}  files: b", f"{key}cap: 3"], [f"{dash}  files: c", f"{key}cap: 4"])


def test_what_an_anchor_names_changes_in_one_place_alone() -> None:
    before = evenly.Recipe.from_text(ODD)
    text = rewritten(ODD, [(("balance", "strata", 0, "round"), 5)])
    after = evenly.Recipe.from_text(text)
    assert before.holdout is not None
    assert after.balance.strata[0].round == 5
    assert after.holdout == before.holdout
    assert "# top of it" in text
    assert "# in quotes" in text


def test_a_merge_elsewhere_brings_what_it_brought() -> None:
    odd = ODD.replace("balance:", "balance: &own") + "variants:  # these\n  other: {balance: {<<: *own, cap: 5}}\n"
    before = evenly.Recipe.from_text(odd)
    text = rewritten(odd, [(("balance", "weight", "values", "2019"), 4)])
    after = evenly.Recipe.from_text(text)
    assert after.variants == before.variants
    assert after.to_dict()["balance"]["weight"]["values"] == {"2019": 4, "2020": 0.5}
    assert "# why these" in text


def test_what_a_merge_brings_can_be_taken_out() -> None:
    text = "name: x\nbase: &b {cap: 3, min: 1}  # both\nbalance:\n  <<: *b\n  max: 9\n"
    found = rewritten(text, [(("balance", "cap"), GONE)])
    assert "# both" in found
    assert "cap: 3" in found.splitlines()[1]
    assert rewritten(found, [(("name",), "y")]).startswith("name: y\n")
    assert "cap" not in found.partition("balance:")[2]


KEYS = st.text("abcxyz_", min_size=1, max_size=4)
NUMBERS = st.integers(-5, 2**60) | st.floats(-9, 9, width=16)
TEXTS = st.text("ab: #'\"{}[],&*!|>%@-é\n\\0", max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(KEYS, PLAIN, max_size=4)


@settings(max_examples=40)
@given(MAPPINGS, MAPPINGS)
def test_what_is_rewritten_reads_as_what_was_wanted(before: dict[str, Any], after: dict[str, Any]) -> None:
    from ruamel.yaml import YAML

    from evenly.reporting.card import to_yaml

    reader: Any = YAML(typ="safe", pure=True)
    text = "# kept\nKept: [1,2]   # of it\n" + to_yaml(before) if before else "# kept\nKept: [1,2]   # of it\n"
    found = rewritten(text, list(changes({"Kept": [1, 2], **before}, {"Kept": [1, 2], **after})))
    assert not any(changes(reader.load(found), {"Kept": [1, 2], **after}))
    assert found.startswith("# kept\nKept: [1,2]   # of it\n")


def test_overrides_stand_in_the_text_and_name_files_as_seen_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf").mkdir()
    monkeypatch.chdir(tmp_path)
    overrides = [
        "sources.0.files.1=mine/b.jsonl",
        "balance.cap=7",
        "tokenizer=mine/tokenizer.json",
        "balance.target={files: 'mine/*.jsonl'}",
        "curate=[{exclude: {files: /far/off.jsonl, on: id}}]",
        "name=s3://not/files",
    ]
    text = overridden(ODD, overrides, Path("shelf"))
    assert "[a.jsonl, ../mine/b.jsonl, 'c.jsonl']" in text
    assert "tokenizer: ../mine/tokenizer.json" in text
    assert "../mine/*.jsonl" in text
    assert "files: /far/off.jsonl" in text
    assert "name: s3://not/files" in text
    assert "  cap: 7              # of each" in text
    assert overridden(ODD, [], Path("shelf")) == ODD


def test_a_recipe_with_overrides_is_the_same_recipe_from_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shelf").mkdir()
    monkeypatch.chdir(tmp_path)
    place = Path("shelf/odd.yaml")
    place.write_text(ODD, encoding="utf-8")
    overrides = ["sources.0.files=[mine/b.jsonl, 'other/{c,d}.jsonl']", "seed=9"]
    place.with_name("again.yaml").write_text(overridden(ODD, overrides, place.parent), encoding="utf-8")
    given, again = evenly.Recipe.from_file(place, overrides), evenly.Recipe.from_file(place.with_name("again.yaml"))
    assert again.fingerprint() == given.fingerprint()
    assert [Path(file).resolve() for file in again.sources[0].files] == [
        Path(file).resolve() for file in given.sources[0].files
    ]


@pytest.mark.parametrize("one", ["cap", "balance.cap.x=3", "sources.7.files=x", "balance.strata.0.column.y=1"])
def test_an_override_that_leads_nowhere_is_refused(one: str) -> None:
    with pytest.raises(RecipeError, match=f"--set {one}"):
        overridden(ODD, [one], Path())
