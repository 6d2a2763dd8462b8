"""The manifest's sums and digests, by hand."""

from __future__ import annotations

import hashlib
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenly.errors import EvenlyError
from evenly.io.manifest import Rows, file_entry, read_manifest, selection_digest, write_manifest

if TYPE_CHECKING:
    from pathlib import Path


def rows(**changes: Any) -> Rows:
    given: dict[str, Any] = {
        "read": 100,
        "dropped": {"number": 20, "chars": 5},
        "quarantined": 5,
        "kept": 70,
        "outside_strata": 6,
        "held_out": 4,
        "selected": 50,
        "splits": {"train": 40, "test": 7},
    }
    return Rows(**{**given, **changes})


def test_what_follows_is_worked_out() -> None:
    counts = rows().to_dict()
    assert counts == {
        "read": 100,
        "dropped": {"number": 20, "chars": 5},
        "quarantined": 5,
        "kept": 70,
        "outside_strata": 6,
        "held_out": 4,
        "selected": 50,
        "not_selected": 10,
        "splits": {"train": 40, "test": 7},
        "unassigned": 3,
        "repeated": 0,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"read": 101},
        {"read": 99},
        {"dropped": {"number": 20}},
        {"quarantined": 4},
        {"kept": 71},
        {"selected": 61},
        {"outside_strata": 17},
        {"splits": {"train": 51}},
    ],
)
def test_sums_that_do_not_hold_are_never_published(changes: dict[str, Any]) -> None:
    with pytest.raises(EvenlyError, match="do not add up") as caught:
        rows(**changes).to_dict()
    assert caught.value.exit_code == 1


@given(
    dropped=st.dictionaries(st.sampled_from("abc"), st.integers(0, 50)),
    sizes=st.lists(st.integers(0, 50), min_size=6, max_size=6),
)
def test_the_sums_of_design_section_6(dropped: dict[str, int], sizes: list[int]) -> None:
    quarantined, outside, held_out, not_selected, unassigned, train = sizes
    selected = unassigned + train
    kept = outside + held_out + selected + not_selected
    counts = Rows(
        read=kept + sum(dropped.values()) + quarantined,
        dropped=dropped,
        quarantined=quarantined,
        kept=kept,
        outside_strata=outside,
        held_out=held_out,
        selected=selected,
        splits={"train": train},
    ).to_dict()
    assert counts["not_selected"] == not_selected
    assert counts["unassigned"] == unassigned
    assert counts["read"] == counts["kept"] + sum(counts["dropped"].values()) + counts["quarantined"]
    assert counts["kept"] == counts["outside_strata"] + counts["held_out"] + counts["selected"] + counts["not_selected"]
    assert counts["selected"] == sum(counts["splits"].values()) + counts["unassigned"]


def test_digests_by_hand() -> None:
    assert selection_digest([pl.Series(["a", "b"])]) == hashlib.sha256(b"a\nb").hexdigest()
    assert selection_digest([]) == hashlib.sha256(b"").hexdigest()
    # UTF-16 would sort U+FF5E after U+1F600; by UTF-8 bytes it comes first.
    astral, wide = "\U0001f600", "\uff5e"
    ids = pl.Series([astral, wide, "z", "Z"]).sort()
    assert selection_digest([ids]) == hashlib.sha256(f"Z\nz\n{wide}\n{astral}".encode()).hexdigest()


@given(ids=st.sets(st.text(st.characters(exclude_categories=["Cs"])), min_size=1), cuts=st.sets(st.integers(0, 20)))
def test_digests_do_not_know_how_ids_are_cut_into_ranges(ids: set[str], cuts: set[int]) -> None:
    ordered = sorted(ids, key=str.encode)
    edges = [0, *sorted(cuts), len(ordered)]
    ranges = [pl.Series(ordered[low:high], dtype=pl.String) for low, high in pairwise(edges)]
    assert selection_digest(ranges) == hashlib.sha256("\n".join(ordered).encode()).hexdigest()


def test_file_entries_and_the_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "data" / "train.parquet"
    path.parent.mkdir()
    path.write_bytes(b"hello")
    entry = file_entry(tmp_path, path, 3)
    assert entry == {
        "path": "data/train.parquet",
        "rows": 3,
        "bytes": 5,
        "sha256": hashlib.sha256(b"hello").hexdigest(),
    }
    told = {"evenly": "1", "rows": {}, "selection_digest": {}}
    manifest = {**told, "files": [entry], "recipe": {"name": "日本語"}}
    write_manifest(tmp_path, manifest)
    assert read_manifest(tmp_path) == manifest
    text = (tmp_path / "manifest.json").read_bytes()
    assert text.endswith(b"}\n")
    assert "日本語".encode() in text
    assert json.loads(text) == manifest


@pytest.mark.parametrize("content", [None, b"", b"{", b"\xff"])
def test_a_folder_without_a_sound_manifest_is_no_output(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(EvenlyError, match="no finished output"):
        read_manifest(tmp_path)
