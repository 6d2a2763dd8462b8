"""The dataset card: front matter that the Hub and `load_dataset` take, and sections that say what there is to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import evenly

from ..conftest import write_lines  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path


def output(tmp_path: Path, **changes: Any) -> Path:
    rows = [
        {"id": f"r{n}", "text": f"item {n}", "price": float(n % 40), "shelf": "ab"[n % 2], "new": n % 3 == 0}
        for n in range(300)
    ]
    recipe: dict[str, Any] = {
        "name": "prices",
        "sources": [{"name": "s", "files": str(write_lines(tmp_path / "in.jsonl", rows)), "id": "id"}],
        "template": {"prompt": "{text} costs ", "completion": "{price:.0f}"},
        "balance": {"label": "price", "strata": [{"column": "price", "round": 5}], "cap": 20},
        "split": {"train": 0.8, "test": 0.2, "lite": {"train": 10}},
        "holdout": {"fraction": 0.2},
        "export": {"keep": ["shelf", "new"]},
    }
    return evenly.run(recipe | changes, tmp_path / "out").folder


@pytest.mark.parametrize("files", ["parquet", "jsonl"])
@pytest.mark.parametrize("kind", ["text", "prompt-completion", "messages"])
def test_datasets_takes_what_the_card_says_of_the_files(tmp_path: Path, kind: str, files: str) -> None:
    from datasets import load_dataset, load_dataset_builder

    folder = output(tmp_path, export={"format": kind, "files": files, "keep": ["new"]})
    told: Any = load_dataset_builder(str(folder), cache_dir=str(tmp_path / "cache")).info
    loaded = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"), verification_mode="all_checks")
    assert {name: split.num_examples for name, split in told.splits.items()} == {
        name: len(rows) for name, rows in loaded.items()
    }
    assert all(split.num_bytes > 0 for split in told.splits.values())
    assert told.features == loaded["train"].features
    assert set(told.features) >= {"id", "price", "new", "stratum", "design_weight"}
    for config, splits in (("lite", {"train"}), ("holdout", {"natural", "balanced"})):
        assert set(load_dataset(str(folder), config, cache_dir=str(tmp_path / "cache"))) == splits


def test_the_hub_reads_the_front_matter(tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    card = {"license": "cc-by-4.0", "language": ["en", "pt-BR"], "source": "https://example.org", "tags": ["prices"]}
    told = DatasetCard.load(output(tmp_path, card=card) / "README.md")
    data = told.data.to_dict()
    assert (data["license"], data["language"]) == ("cc-by-4.0", ["en", "pt-BR"])
    assert data["tags"] == ["evenly", "balanced", "prices"]
    assert data["task_categories"] == ["text-generation"]
    assert data["size_categories"] == ["n<1K"]
    assert [one["config_name"] for one in data["configs"]] == ["default", "lite", "holdout"]
    assert "Source: https://example.org" in told.text
    assert "names no licence" not in told.text


def test_a_card_says_what_it_takes_to_use_the_set(tmp_path: Path) -> None:
    text = (output(tmp_path, export={"format": "prompt-completion"}) / "README.md").read_text()
    assert "**The recipe names no licence.**" in text
    assert "SFTConfig(completion_only_loss=True)" in text
    assert "field_instruction: prompt" in text
    assert "Unsloth" in text
    assert '(rows["price"] * rows["design_weight"]).sum()' in text
    assert "evenly verify OUTPUT --from-source" in text
    assert "| held out for tests |" in text
    assert "![" in text


def test_a_card_without_a_report_shows_no_pictures_that_are_not_there(tmp_path: Path) -> None:
    assert "![" not in (output(tmp_path, export={"report": False}) / "README.md").read_text()


@pytest.mark.drawn
def test_every_picture_of_a_card_is_there(tmp_path: Path) -> None:
    import re

    folder = output(tmp_path, export={"keep": ["shelf"]})
    shown = re.findall(r"\]\((charts/.*?)\)", (folder / "README.md").read_text())
    assert shown
    assert all((folder / path).is_file() for path in shown)


@pytest.mark.parametrize(
    ("card", "told"),
    [
        ({"license": "CC BY 4.0"}, "recipe.card.license"),
        ({"language": ["English"]}, "recipe.card.language[0]"),
        ({"licence": "mit"}, "unknown key 'licence'. Did you mean 'license'?"),
    ],
)
def test_a_card_that_can_not_be_is_told(tmp_path: Path, card: dict[str, Any], told: str) -> None:
    with pytest.raises(evenly.RecipeError) as fault:
        output(tmp_path, card=card)
    assert told in str(fault.value)
