"""What some recipes select, written down: a version or a platform that changes a selection is seen here.

A change that is wanted makes these anew, and says so in CHANGELOG.md: whoever runs a recipe again gets another set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ..matrix import ARRANGEMENTS, recipes, run  # noqa: TID252 - the tests are no package to name

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: Final[dict[str, Any]] = {name: values[0] for name, values in ARRANGEMENTS.items()} | {"engine": "threads"}

DIGESTS: Final[dict[str, dict[str, str]]] = {
    "crossed": {
        "train": "e474d2b6c9415b163764ff7583928d3cdbeaad57425598ba626928cc42355aa6",
        "validation": "4c617fca384e61e38a915dac2db326f61dc242436c786a233c21229c3ca44980",
        "test": "370dc4425f1590ad7af95462ca6f63de22457d6c28233afe843449debd4e51c9",
    },
    "dates": {
        "train": "bad1cc9e632fa9873e25175356a2def0b79e21373e13a3ff61d225c96596ee50",
        "test": "f4a3113513d9730f0e67fa19b25699dbe0a416a33e950d592c2118d5b2b8ad12",
    },
    "repeats": {
        "train": "4ecebffe37e613492436b9f534eedfb7fec81bd88d7d688e51f32fbe9a39ebbc",
        "test": "1eec4b007ab52e912e02eae4f6ac2e52a557016535da45d1b5f89dbb5c8b53c2",
    },
    "raked": {
        "train": "46f8f797c74782238899216ec2423f5362282795d468486d3a824b6c78178ca5",
        "test": "91df9b5e91b7e089fa757aba2d078610f852bdfbd81136845e1b9f33b7f6b11a",
    },
    "budget": {
        "train": "dd01270ec2280abcd5ebbd2ae1fa8a061432962cf03bc02f16bdfb62f5bf30f5",
        "test": "8071679f8b1cf5f5bd732e49d58f46d0305709c44d8de2718473b3ce8a4ebe9a",
    },
    "rare": {
        "train": "efebf8c95462d2be52b91c9516e548b880fd735b68128af39dd1dfee6c65bd5a",
        "test": "6d6eb8a30a1c742f7c4df28c44a54420226233cc5b5a63f0bded985a6440f620",
    },
    "drawn": {
        "train": "757bc9e75bd4d85d90741f3b26497bf83e0a23a4d24700cf2ac2709fefde25dd",
        "test": "6cc511d0caba47fe9da3eabdacbdd20736af1679f851aeae64f92a963f623f3c",
    },
    "target": {
        "train": "3dca2f7809ede53d943cb8e7e63d72a07bc7fca093bfc888abf1fbd3f03fbfc7",
        "test": "13c02161569b904d1468da3d8554de5eb403a124482cb2b3ba7bfa73025acec9",
    },
    "held": {
        "train": "02ae7c350747cb6e03ee2137a833fb0591043b13f899d579e28c60004ff5ff75",
        "test": "c9755389364e9793074eb0fbb2f5820f640e11fb94f918f789b11f3f0a566bf0",
    },
    "held apart": {
        "train": "af8cf7988309bbf7c1c6f9f140204c89072b10fbd85227d40b1269a490ac52b3",
        "test": "f8eef80272794a5f86513699d8b72780d7c068ff7d5c487c97236ad6fddae331",
    },
    "hashed": {
        "train": "adea4fc907a69cee4a652826d1bb1a174743d22b289644670f9dadc77b2aa665",
        "test": "219c0a5c20308b8031dc31c42163cf77ed28952d496138fa4d29006546146d4b",
    },
}


def test_every_recipe_of_the_matrix_has_its_digests() -> None:
    assert DIGESTS.keys() == recipes().keys()


@pytest.mark.parametrize("name", DIGESTS)
def test_a_recipe_selects_what_it_always_did(name: str, tmp_path: Path) -> None:
    found = run(PLAIN | {"recipes": [name]}, tmp_path)
    assert found[name]["selection_digest"] == DIGESTS[name]
