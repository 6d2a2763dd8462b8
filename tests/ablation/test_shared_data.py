"""On real listings: what balance does to the proxy, in the six cells of the experiment that ablations began with."""

from __future__ import annotations

from pathlib import Path

import pytest

import evenly

RECIPE = Path(__file__).parents[2] / "recipes" / "proportional.yaml"


@pytest.mark.slow
def test_balance_helps_the_tail_and_the_balanced_test_and_hurts_everyday_items(
    shared_data: Path, tmp_path: Path
) -> None:
    assert shared_data.is_dir()
    result = evenly.ablate(RECIPE, out=tmp_path / "out", seeds=3, bands=[240.0], proxies=["ridge"], scales=["units"])
    variants = {one["name"]: one for one in result.numbers["results"][0]["variants"]}
    for name in ("power-0.8", "equal"):
        words = {one["region"]: one["word"] for one in variants[name]["verdicts"]}
        assert (words["natural"], words["balanced"], words["240 and over"]) == ("hurts", "helps", "helps"), name
    # Trained on design weights, the same rows give back most of what the natural test lost.
    natural = {name: variants[name]["measures"]["natural"]["mae"]["value"] for name in variants if name != "constant"}
    lost = natural["equal"] - natural["proportional"]
    assert natural["equal-weighted"] < natural["proportional"] + lost / 2
