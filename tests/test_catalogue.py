from __future__ import annotations

import hashlib
import json
import math
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from evenly.catalogue import Catalogue, prices, write_catalogue
from evenly.catalogue.shelves import SHELVES
from evenly.errors import OutputError, UserError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 24_000
# SHA-256 of the eight files, one after the other, of 1,000 rows with seed 42.
GOLDEN = "13eb5440c14fdbb79ead91983142433af6959327f7abc0e6e07fe1c8f179ea65"
KEYS = [
    "main_category", "title", "average_rating", "rating_number", "features", "description", "price", "images", "videos",
    "store", "categories", "details", "parent_asin", "bought_together",
]  # fmt: skip


def _category(path: Path) -> str:
    return path.name.removeprefix("meta_").removesuffix(".jsonl")


def _read(catalogue: Catalogue) -> tuple[list[dict[str, Any]], int]:
    """Every object, with its category as `category`, and how many lines are none."""
    good: list[dict[str, Any]] = []
    bad = 0
    for path in catalogue.files:
        for line in path.read_bytes().splitlines():
            try:
                row = json.loads(line.decode("utf-8"))
            except ValueError:
                bad += 1
                continue
            if isinstance(row, dict):
                good.append({"category": _category(path), **row})
            else:
                bad += 1
    return good, bad


def _digest(catalogue: Catalogue) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in catalogue.files)).hexdigest()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return write_catalogue(tmp_path_factory.mktemp("demo"), rows=ROWS, seed=42)


@pytest.fixture(scope="module")
def listings(written: Catalogue) -> list[dict[str, Any]]:
    return _read(written)[0]


@pytest.fixture(scope="module")
def usable(listings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in listings if isinstance(row["price"], float) and 0.5 <= row["price"] <= 999.49]


def test_one_file_per_category_and_rows_are_lines(written: Catalogue) -> None:
    assert [_category(path) for path in written.files] == [shelf.category for shelf in SHELVES]
    assert sorted(written.folder.iterdir()) == sorted(written.files)
    assert sum(path.read_bytes().count(b"\n") for path in written.files) == written.rows == ROWS


def test_same_seed_same_bytes(written: Catalogue, tmp_path: Path) -> None:
    assert _digest(write_catalogue(tmp_path / "again", rows=ROWS, seed=42)) == _digest(written)


def test_another_seed_differs_in_text_and_ids(written: Catalogue, tmp_path: Path) -> None:
    other = write_catalogue(tmp_path, rows=1000, seed=43)
    rows, _ = _read(other)
    mine, _ = _read(written)
    assert not {row["parent_asin"] for row in rows} & {row["parent_asin"] for row in mine}
    assert not {row["title"] for row in rows} <= {row["title"] for row in mine}


def test_bytes_are_those_of_every_machine(tmp_path: Path) -> None:
    # A change here changes every demo in print: intended ones replace the digest, and say so in the changelog.
    assert _digest(write_catalogue(tmp_path, rows=1000, seed=42)) == GOLDEN


def test_more_rows_begin_with_the_same_lines(written: Catalogue, tmp_path: Path) -> None:
    fewer = write_catalogue(tmp_path, rows=ROWS // 3, seed=42)
    for short, long in zip(fewer.files, written.files, strict=True):
        assert long.read_bytes().startswith(short.read_bytes())


def test_pieces_do_not_show(written: Catalogue, tmp_path: Path) -> None:
    # A file longer than a piece goes on where the last one ended: the same rows, with no id twice.
    more = write_catalogue(tmp_path, rows=60_000, seed=42)
    first = more.files[0].read_bytes()
    assert first.startswith(written.files[0].read_bytes())
    assert first.count(b"\n") > 2 * 8192


def test_lines_have_the_raw_keys_in_raw_order(listings: list[dict[str, Any]]) -> None:
    for row in listings:
        assert list(row) == ["category", *KEYS]
        assert isinstance(row["features"], list)
        assert isinstance(row["description"], list)
        assert all(isinstance(text, str) for text in [*row["features"], *row["description"]])
        assert isinstance(row["details"], dict)
        assert row["bought_together"] is None
        assert 1 <= len(row["images"]) <= 2


def test_lines_are_what_json_dumps_writes(written: Catalogue) -> None:
    # So that nothing downstream depends on how a line happens to be spaced, escaped or spelled.
    lines = written.files[0].read_text(encoding="utf-8", errors="replace").splitlines()
    same = [json.dumps(json.loads(line)) == line for line in lines if line.endswith("}") and "\ufffd" not in line]
    assert all(same)
    assert len(same) > 0.99 * len(lines)


def test_lines_have_the_shape_of_the_real_ones(shared_data: Path, listings: list[dict[str, Any]]) -> None:
    real = (shared_data / "amazon-2023" / "raw-shape-rows.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(json.loads(real[0])) == list(listings[0])[1:]


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def test_details_hold_mixed_values_and_no_key_twice(written: Catalogue) -> None:
    kinds: Counter[str] = Counter()
    for line in written.files[2].read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line, object_pairs_hook=_no_key_twice)
        except ValueError:
            continue
        kinds.update(type(value).__name__ for value in (row["details"] if isinstance(row, dict) else {}).values())
    assert {"str", "dict", "float", "int", "list"} <= set(kinds)
    assert kinds["str"] > 0.8 * kinds.total()


def test_ids_are_unique_and_look_like_real_ones(listings: list[dict[str, Any]]) -> None:
    ids = [row["parent_asin"] for row in listings]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"B0[0-9A-Z]{8}", each) for each in ids)


def test_counts_are_what_is_in_the_files(written: Catalogue) -> None:
    rows, bad = _read(written)
    assert bad == written.broken
    assert sum(not isinstance(row["price"], float) for row in rows) == written.unpriced
    assert written.unpriced / ROWS == pytest.approx(0.25, abs=0.02)
    texts = Counter(re.sub(r"[\d.]+", "#", str(row["price"])) for row in rows if not isinstance(row["price"], float))
    assert set(texts) == {"None", "—", "from #"}
    assert any(row["price"] is None for row in rows)
    assert any(row["price"] == "None" for row in rows)
    assert {0.01, 12999.0} <= {row["price"] for row in rows}


@pytest.mark.parametrize("rows", [1000, 5000, ROWS])
def test_a_few_lines_are_broken_in_each_way(tmp_path: Path, rows: int) -> None:
    written = write_catalogue(tmp_path, rows=rows)
    kinds: Counter[str] = Counter()
    for line in b"".join(path.read_bytes() for path in written.files).splitlines():
        try:
            kinds[type(json.loads(line.decode("utf-8"))).__name__] += 1
        except UnicodeDecodeError:
            kinds["not UTF-8"] += 1
        except json.JSONDecodeError:
            kinds["cut off"] += 1
    assert set(kinds) == {"dict", "list", "not UTF-8", "cut off"}
    assert 3 <= written.broken == rows - kinds["dict"] < 0.005 * rows


def test_categories_have_the_published_shares(usable: list[dict[str, Any]]) -> None:
    counts = Counter(row["category"] for row in usable)
    items = sum(shelf.items for shelf in SHELVES)
    assert items == 2_811_408
    for shelf in SHELVES:
        share = shelf.items / items
        assert counts[shelf.category] / len(usable) == pytest.approx(share, abs=4 * math.sqrt(share / len(usable)))


def test_shelves_carry_the_course_s_figures(shared_data: Path) -> None:
    figures = json.loads((shared_data / "course-figures.json").read_text(encoding="utf-8"))
    assert {shelf.category: shelf.items for shelf in SHELVES} == {
        name: each["items"] for name, each in figures["categories"].items()
    }
    above = list(figures["price_histogram_sample_approx"].values())[24:]
    assert list(prices.LISTINGS[24:]) == above
    assert sum(prices.LISTINGS) == pytest.approx(figures["items"], rel=1e-4)


def test_prices_have_a_heavy_tail(usable: list[dict[str, Any]]) -> None:
    price = np.array([row["price"] for row in usable])
    assert price.mean() == pytest.approx(59.7, rel=0.1)
    assert 0.42 < (price < 20).mean() < 0.5
    assert (price >= 240).mean() == pytest.approx(0.0494, abs=0.008)
    assert price.max() > 900


def test_prices_end_as_people_price(usable: list[dict[str, Any]]) -> None:
    cents = Counter(round(row["price"] * 100) % 100 for row in usable)
    assert cents.most_common(1)[0][0] == 99
    assert cents[99] / len(usable) == pytest.approx(0.48, abs=0.03)
    assert len(cents) == 100
    whole = Counter(int(row["price"]) for row in usable)
    assert whole[19] > whole[18]
    assert whole[399] > 3 * whole[398]
    assert whole[499] > 3 * whole[498]


def test_the_course_s_cap_would_leave_the_published_sample(shared_data: Path) -> None:
    """Expected counts at full scale: whole dollars capped at 1,200 below $240, Automotive a fifth as likely."""
    figures = json.loads((shared_data / "course-figures.json").read_text(encoding="utf-8"))["categories"]
    counts = np.zeros((len(SHELVES), 1001))
    for i, shelf in enumerate(SHELVES):
        weights = prices.dollar_weights(shelf)
        per_cent = np.repeat(weights / weights.sum() * shelf.items / 1000, 1000)
        dollars = np.repeat(np.arange(len(weights)), 1000)
        cents = prices.cents_of(dollars, np.tile(np.arange(1000), len(weights)))
        np.add.at(counts[i], np.rint(cents / 100).astype(int), per_cent)
    weight = np.array([1 if shelf.category == "Automotive" else 5 for shelf in SHELVES])[:, None]
    low, high = np.zeros(1001), np.full(1001, 100.0)
    for _ in range(60):  # the cut-off of each stratum, by halving
        middle = (low + high) / 2
        over = (counts * -np.expm1(-weight * middle)).sum(axis=0) > 1200
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    taken = counts * -np.expm1(-weight * high)
    taken[:, 240:], taken[:, 0] = counts[:, 240:], 0
    for shelf, expected in zip(SHELVES, taken.sum(axis=1), strict=True):
        assert expected == pytest.approx(figures[shelf.category]["sample"], rel=0.02)
    assert taken.sum() == pytest.approx(408_635, rel=0.01)


def test_titles_differ(listings: list[dict[str, Any]]) -> None:
    titles = [row["title"] for row in listings if row["category"] == "Automotive"][:1000]
    assert len(set(titles)) > 0.97 * len(titles)


def test_some_rows_fall_short_and_some_text_is_not_ascii(usable: list[dict[str, Any]]) -> None:
    size = [sum(map(len, [*row["description"], *row["features"], json.dumps(row["details"])])) for row in usable]
    assert 0.005 < np.mean(np.array(size) <= 300) < 0.02
    assert np.median(size) > 900
    beyond = [not json.dumps(row, ensure_ascii=False).isascii() for row in usable]
    assert 0.03 < np.mean(beyond) < 0.25
    text = json.dumps(usable, ensure_ascii=False)
    assert all(character in text for character in "é™【】✅🎁\u00a0²")


def test_part_numbers_stand_in_titles_and_details(usable: list[dict[str, Any]]) -> None:
    number = re.compile(r"(?=\S*\d)\S{7,}")
    assert 0.3 < np.mean([bool(number.search(row["title"])) for row in usable]) < 0.9
    assert np.mean(["Item model number" in row["details"] for row in usable]) > 0.9


@pytest.mark.statistical
def test_price_can_be_learned_from_the_text(usable: list[dict[str, Any]]) -> None:
    """The mean ln price of its words, learned on two thirds, ranks the rest: well, and far from perfectly."""

    def words(row: dict[str, Any]) -> set[str]:
        return set(re.findall(r"[a-z]+", " ".join([row["title"], *row["features"], *row["description"]]).lower()))

    log = np.log([row["price"] for row in usable])
    train, test = [i for i in range(len(usable)) if i % 3], range(0, len(usable), 3)
    seen: defaultdict[str, list[float]] = defaultdict(list)
    for i in train:
        for word in words(usable[i]):
            seen[word].append(float(log[i]))
    mean = {word: float(np.mean(values)) for word, values in seen.items() if len(values) >= 20}
    guess = [float(np.mean([mean[word] for word in words(usable[i]) if word in mean])) for i in test]
    rank_guess, rank_true = (np.argsort(np.argsort(values)) for values in (guess, log[list(test)]))
    assert 0.6 < np.corrcoef(rank_guess, rank_true)[0, 1] < 0.97


def test_progress_counts_lines_to_the_end(tmp_path: Path) -> None:
    seen: list[int] = []
    write_catalogue(tmp_path, rows=30_000, progress=seen.append)
    assert seen == sorted(set(seen))
    assert seen[-1] == 30_000
    assert len(seen) > len(SHELVES)


def test_the_smallest_catalogue_has_a_line_per_category(tmp_path: Path) -> None:
    written = write_catalogue(tmp_path, rows=8)
    assert [path.read_bytes().count(b"\n") for path in written.files] == [1] * 8
    assert written.broken == 0


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"rows: found 7, expected at least 8"):
        write_catalogue(tmp_path, rows=7)


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"seed: found -1, expected 0 or more"):
        write_catalogue(tmp_path, rows=100, seed=-1)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="can't be written there"):
        write_catalogue(tmp_path / "demo", rows=100)
    assert (tmp_path / "demo").read_text(encoding="utf-8") == "mine"
