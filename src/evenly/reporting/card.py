"""The dataset card: README.md of an output, plain, with the front matter that `load_dataset` reads."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
)
"""Rows below -> the Hub's name for that size."""

TYPES = {"String": "string", "Boolean": "bool", "Float64": "float64", "Int64": "int64", "UInt32": "uint32"}
"""Polars' name of a type -> the one that `datasets` has for it; others are shown as they are."""

COLUMNS = {
    "id": "names the record in the raw data",
    "text": "prompt and answer; rows of the test split end before the answer",
    "prompt": "what the model reads",
    "completion": "what the model should answer",
    "messages": "the example as a conversation",
    "tokens": "tokens of prompt plus answer",
    "stratum": "the stratum that the record was drawn from",
    "epoch": "1, or which time the record is in the data: small strata are repeated",
    "inclusion_probability": "probability that the draw takes the record",
    "design_weight": "how many records of the curated pool the row stands for, within its split",
}


def write_card(manifest: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """Return the card's Markdown: from the manifest, and `columns`, the data's columns with their types."""
    rows, recipe = manifest["rows"], manifest["recipe"]
    ending = recipe["export"]["files"]
    configs = [{"split": name, "path": f"data/{name}-*.{ending}"} for name in rows["splits"]]
    size = next((label for limit, label in SIZES if sum(rows["splits"].values()) < limit), "1B<n<10B")
    front: dict[str, Any] = {
        "pretty_name": recipe["name"],
        "size_categories": [size],
        "configs": [{"config_name": "default", "data_files": configs, "default": True}],
    }
    lite = [{"split": name, "path": f"lite/{name}-*.{ending}"} for name in recipe["split"].get("lite", {})]
    if lite:
        front["configs"].append({"config_name": "lite", "data_files": lite})
    tests = [{"split": name, "path": f"holdout/{name}-*.{ending}"} for name in manifest.get("holdout", {})]
    if tests:
        front["configs"].append({"config_name": "holdout", "data_files": tests})
    sections = [
        f"---\n{to_yaml(front)}---\n",
        f"# {recipe['name']}\n",
        _story(manifest),
        "## Columns\n",
        "| column | type | what |\n|---|---|---|",
        *[
            f"| `{name}` | {TYPES.get(kind, kind)} | {COLUMNS.get(name, 'kept from the raw data')} |"
            for name, kind in columns.items()
        ],
        "\n## Where the rows went\n",
        "| | rows |\n|---|---:|",
        *[f"| {name} | {count:,} |" for name, count in _flow(rows)],
        "\n## Load it\n",
        '```python\nfrom datasets import load_dataset\n\ndataset = load_dataset("path/to/this/folder")\n```\n',
        "## The recipe\n",
        f"Evenly {manifest['evenly']}, seed {manifest['seed']}.\n",
        f"```yaml\n{to_yaml(recipe)}```\n",
    ]
    return "\n".join(sections)


def _story(manifest: Mapping[str, Any]) -> str:
    rows, strata = manifest["rows"], manifest["strata"]
    before, after = manifest["balance"]["before"], manifest["balance"]["after"]
    text = (
        f"{rows['selected']:,} of {rows['kept']:,} curated records, drawn from {strata['count']:,} strata "
        f"({strata['take_all']:,} taken whole, {strata['capped']:,} have more than was drawn). "
        f"The rows are as even as {after['effective_strata']:,.0f} equal strata would be; "
        f"the pool was like {before['effective_strata']:,.0f}."
    )
    if before.get("label_mean") is not None:
        label = manifest["recipe"]["balance"]["label"]
        text += f" Mean {label}: {before['label_mean']:,.2f} before, {after['label_mean']:,.2f} after."
    return text + "\n"


def _flow(rows: Mapping[str, Any]) -> list[tuple[str, int]]:
    dropped = [(f"dropped by {reason}", count) for reason, count in rows["dropped"].items()]
    splits = [(f"split {name}", count) for name, count in rows["splits"].items()]
    return [
        ("read", rows["read"]),
        ("quarantined (could not be read)", rows["quarantined"]),
        *dropped,
        ("kept", rows["kept"]),
        *([("held out for tests", rows["held_out"])] if rows["held_out"] else []),
        ("outside the strata", rows["outside_strata"]),
        ("not selected", rows["not_selected"]),
        ("selected", rows["selected"]),
        *splits,
        ("selected, in no split", rows["unassigned"]),
        *([("rows that repeat a record", rows["repeated"])] if rows["repeated"] else []),
    ]


def to_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML that no line of text is folded in."""
    yaml = YAML(typ="rt")
    yaml.width = 4096  # a folded line would change a text
    yaml.default_flow_style = False
    out = io.StringIO()
    yaml.dump(data, out)
    return out.getvalue()
