"""From data to a recipe that runs: every kind of data, any small table, the command line, the three questions."""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evenly
from evenly.errors import UserError
from evenly.propose.counts import Counted
from evenly.propose.sizes import size_of

from .tables import answers, chats, listings, prose, reviews, texts, write_csv, write_jsonl

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: dict[str, tuple[Callable[[int], list[dict[str, Any]]], str]] = {
    "listings": (listings, "price"),
    "reviews": (reviews, "sentiment"),
    "chats": (chats, "none"),
    "answers": (answers, "none"),
    "texts": (texts, "none"),
}


def guessed(made: Any) -> dict[str, str]:
    return {one["guess"]: one["value"] for one in made.guesses}


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_runs_as_it_is(kind: str, tmp_path: Path) -> None:
    rows, label = KINDS[kind]
    data = write_jsonl(tmp_path / f"{kind}.jsonl", rows(300))
    made = evenly.init(data, tmp_path / "recipe.yaml")
    assert guessed(made)["label"] == label
    assert (made.rows, made.whole, made.counted) == (300, True, True)
    run = evenly.run(made.path, tmp_path / "out")
    assert run.manifest["rows"]["selected"] + run.manifest["rows"]["repeated"] == made.recipe.balance.size
    assert all(run.manifest["rows"]["splits"].values())


def test_a_csv_of_another_delimiter_and_encoding(tmp_path: Path) -> None:
    rows = [row | {"title": f"Käsemesser {row['title']}"} for row in listings(200)]
    made = evenly.init(write_csv(tmp_path / "shop.csv", rows, ";", "cp1252"), tmp_path / "recipe.yaml")
    assert guessed(made)["text"] == "title, description"
    assert evenly.plan(made.path).plan.selected == made.recipe.balance.size


def test_files_whose_names_differ_in_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    for place, name in enumerate(("Books", "Garden_Tools", "Toys")):
        rows = listings(900)[place * 300 : place * 300 + 300]
        write_jsonl(tmp_path / "raw" / f"meta_{name}.jsonl", [row | {"shelf": None} for row in rows])
    made = evenly.init("raw", "recipes/recipe.yaml")
    source = made.recipe.sources[0]
    assert guessed(made)["category"] == "category"
    assert source.columns["category"].from_path == r"meta_(\w+)\.[^/]*$"
    assert "- ../raw/meta_Books.jsonl" in made.path.read_text(encoding="utf-8")
    assert evenly.plan(made.path).plan.selected == made.recipe.balance.size


def test_a_folder_of_several_formats_is_a_source_each(tmp_path: Path) -> None:
    folder = tmp_path / "shops"
    folder.mkdir()
    write_csv(folder / "north.csv", listings(300))
    write_jsonl(folder / "south.jsonl", listings(200))
    (folder / "notes.txt").write_text("not data", encoding="utf-8")
    made = evenly.init(folder, tmp_path / "recipe.yaml")
    assert [source.name for source in made.recipe.sources] == ["north", "south"]
    assert guessed(made)["category"] == "source"
    assert evenly.run(made.path, tmp_path / "out").manifest["rows"]["read"] == 500


def test_names_that_a_recipe_uses_otherwise_are_renamed(tmp_path: Path) -> None:
    rows = [
        {"text": prose(number), "prompt.score": number % 400 + 0.5, "source": ("a", "a", "a", "b", "c")[number % 5]}
        for number in range(300)
    ]
    made = evenly.init(write_jsonl(tmp_path / "odd.jsonl", rows), tmp_path / "recipe.yaml", label="prompt.score")
    assert made.recipe.sources[0].rename == {"prompt.score": "prompt_score", "source": "data_source"}
    assert evenly.run(made.path, tmp_path / "out").manifest["balance"]["category"] == "data_source"


def test_the_same_rows_in_any_order_give_the_same_recipe(tmp_path: Path) -> None:
    rows = listings(300)
    first = evenly.init(write_jsonl(tmp_path / "a.jsonl", rows), tmp_path / "recipe.yaml").path.read_text("utf-8")
    random.Random(5).shuffle(rows)
    write_jsonl(tmp_path / "a.jsonl", rows)
    again = evenly.init(tmp_path / "a.jsonl", tmp_path / "recipe.yaml", force=True).path.read_text("utf-8")
    assert first == again


def test_more_data_than_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evenly.propose.look.BUDGET", 2**18)
    monkeypatch.setattr("evenly.propose.counts.COUNTED_BYTES", 0)
    data = write_jsonl(tmp_path / "large.jsonl", listings(5_000))
    made = evenly.init(data, tmp_path / "recipe.yaml")
    assert (made.whole, made.counted) == (False, False)
    assert made.rows == pytest.approx(5_000, rel=0.05)
    assert made.usable == pytest.approx(5_000, rel=0.05)
    assert made.recipe.sources[0].duplicate_ids == "drop"
    assert made.recipe.balance.shortfall == "accept"
    assert evenly.plan(made.path).plan.selected == made.recipe.balance.size


CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 10**6)
    | st.floats()
    | st.text(max_size=30)
    | st.lists(st.text(max_size=9), max_size=2)
)
NAMES = st.sampled_from(
    ["id", "price", "label", "text", "title", "source", "a b", "x.y", "tokens", "{z}", "0", "messages"]
)
TABLES = st.lists(NAMES, min_size=1, max_size=5, unique=True).flatmap(
    lambda names: st.lists(
        st.fixed_dictionaries({name: CELLS | st.just("a text of several words") for name in names}), max_size=12
    )
)


@settings(max_examples=40)
@given(rows=TABLES)
def test_any_small_table_gives_a_sound_recipe_or_one_line(
    rows: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evenly.propose.proposal.count", lambda *_: Counted(len(rows), exact=True))
    path = write_jsonl(tmp_path / "any.jsonl", rows)
    try:
        made = evenly.init(path, tmp_path / "recipe.yaml", force=True)
    except UserError as fault:
        refused = str(fault)
    else:
        assert evenly.check(made.path, sources=True).to_dict() == made.recipe.to_dict()
        return
    assert len(refused.splitlines()) <= 2


@pytest.mark.slow
@settings(max_examples=4)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"id": st.integers(0, 9), "text": st.text(max_size=40), "label": CELLS, "kind": st.sampled_from("abc")}
        ),
        min_size=1,
        max_size=12,
    )
)
def test_small_tables_run(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "any.jsonl", rows)
    try:
        made = evenly.init(path, tmp_path / "recipe.yaml", force=True)
    except UserError as fault:
        refused = str(fault)
    else:
        run = evenly.run(made.path, tmp_path / "out", force=True)
        assert run.manifest["rows"]["selected"] == made.recipe.balance.size
        return
    assert len(refused.splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("400k", 400_000),
        ("1,200 rows", 1_200),
        ("50Mtokens", {"tokens": 50_000_000}),
        ("1.5M t", {"tokens": 1_500_000}),
    ],
)
def test_sizes(text: str, size: object) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "many", "0", "-3", "4kk", "1e400"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UserError, match="is no size"):
        size_of(text)


def errors(tmp_path: Path) -> list[tuple[list[str], str]]:
    write_csv(tmp_path / "shop.csv", listings(20))
    write_csv(tmp_path / "numbers.csv", [{"a": number, "b": number / 7} for number in range(30)])
    write_jsonl(tmp_path / "nested.jsonl", [{"images": [{"thumb": "x"}]} for _ in range(3)])
    (tmp_path / "empty.csv").write_text("a,b\n", encoding="utf-8")
    (tmp_path / "nothing.jsonl").write_text("", encoding="utf-8")
    (tmp_path / "book.xlsx").write_bytes(b"PK\x03\x04more")
    (tmp_path / "broken.jsonl").write_text("{no\n{no\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    shop = str(tmp_path / "shop.csv")
    return [
        ([str(tmp_path / "shp.csv")], "Did you mean 'shop.csv'?"),
        ([str(tmp_path / "*.tsv")], "there is no"),
        ([str(tmp_path / "empty.csv")], "holds no rows"),
        ([str(tmp_path / "nothing.jsonl")], "holds no rows"),
        ([str(tmp_path / "numbers.csv")], "only numbers"),
        ([str(tmp_path / "nested.jsonl")], "no text to learn from"),
        ([str(tmp_path / "book.xlsx")], "an Excel or zip file"),
        ([str(tmp_path / "broken.jsonl")], "can't be read"),
        ([str(tmp_path / "folder")], "holds no data files"),
        ([shop, "--label", "prise"], "Did you mean 'price'?"),
        ([shop, "--label", "currency"], "nothing to balance"),
        ([shop, "--label", "title", "--text", "title"], "would tell the answer"),
        ([shop, "--size", "lots"], "is no size"),
        ([], "Missing argument"),
    ]


def test_faults_are_one_line(tmp_path: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    for arguments, told in errors(tmp_path):
        code, out, err = command("init", *arguments, "--out", str(tmp_path / "recipe.yaml"), "--quiet")
        assert (code, out) == (2, ""), arguments
        assert told in err, arguments
        assert len(err.strip().splitlines()) <= 2, err
    assert not (tmp_path / "recipe.yaml").exists()


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    from evenly import cli

    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["evenly", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


def test_the_command_piped(
    tmp_path: Path, command: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "shop.csv", listings(200))
    code, out, _ = command("init", "shop.csv")
    assert code == 0
    assert "the guesses were taken" in out
    assert "looked at 200 of 200 rows in 1 file" in out
    assert "next: evenly plan recipe.yaml" in out
    assert (tmp_path / "recipe.yaml").read_text(encoding="utf-8").startswith("# Proposed by `evenly init shop.csv`")
    code, out, err = command("init", "shop.csv", "--yes")
    assert (code, out) == (2, "")
    assert "--force" in err
    code, out, _ = command("init", "shop.csv", "--force", "--json", "--label", "shelf", "--size", "50", "--id", "none")
    told = json.loads(out)
    assert (code, told["path"], told["recipe"]["balance"]["label"]) == (0, "recipe.yaml", "shelf")
    assert told["recipe"]["balance"]["size"] == 50
    assert "id" not in told["recipe"]["sources"][0] or told["recipe"]["sources"][0]["id"] == []
    assert command("init", "shop.csv", "--force", "--quiet") == (0, "", "")


def test_a_proposal_shows_itself(tmp_path: Path) -> None:
    made = evenly.init(write_csv(tmp_path / "shop.csv", listings(60)), tmp_path / "recipe.yaml")
    shown = made._repr_mimebundle_()
    assert "label: price" in shown["text/plain"]
    assert "<td>price</td>" in shown["text/html"]


def typed(folder: Path, answers: list[str]) -> str:
    """Run the command on a terminal of its own, answer its questions, and return what it showed."""
    import pty  # which Windows has not

    ours, theirs = pty.openpty()
    environment = os.environ | {"COLUMNS": "100", "PYTHONPATH": str(Path(evenly.__file__).parents[1])}
    command = [sys.executable, "-m", "evenly", "init", "shop.csv"]
    shown, waiting = b"", iter(answers)
    with subprocess.Popen(command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 2**16)
            except OSError:  # how a terminal says that nobody is there any more
                break
            if shown.rstrip(b" ").endswith(b"]:"):
                os.write(ours, f"{next(waiting)}\n".encode())
                shown += b"\n"
        child.kill()
    os.close(ours)
    return shown.decode("utf-8", "replace")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_the_three_questions(tmp_path: Path) -> None:
    write_csv(tmp_path / "shop.csv", listings(200))
    shown = typed(tmp_path, ["", "shlf", "title, shelf", "many", "40"])
    assert [f"{number} of 3" in shown for number in (1, 2, 3)] == [True] * 3
    assert "Did you mean 'shelf'?" in shown
    assert "is no size" in shown
    recipe = evenly.Recipe.from_file(tmp_path / "recipe.yaml")
    assert (recipe.balance.label, recipe.balance.size) == ("price", 40)
    assert next(step.body.columns for step in recipe.curate if step.kind == "join") == ["title", "shelf"]
