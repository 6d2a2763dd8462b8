"""The dataset card: README.md of an output, plain, with the front matter that `load_dataset` reads.

Names come from the recipe and the data and may be anything: `words` and `code` write them so that Markdown reads no
sign of its own in them, `fenced` whole texts, `to_yaml` YAML that hides nothing.
"""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any, Final, cast

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from evenly.reporting.design import spelled, visible

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

TYPES = {
    "String": "string",
    "Boolean": "bool",
    "Float32": "float32",
    "Float64": "float64",
    **{f"{sign}Int{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)},
}
"""Polars' name of a type -> the one that `datasets` has for it; others are shown as they are."""

TURNS: Final = re.compile(r"List\(Struct\((\{('.*?': String(, )?)+\})\)\)")
"""Polars' name of the type of conversations."""

SHOWN_INPUTS: Final = 20

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

KEPT: Final = "kept from the raw data"

PICTURES: Final = {
    "label": "How many records there are along the label, in the pool and as selected.",
    "strata": "What is drawn of each stratum.",
    "categories": "Records by category, in the pool and as selected.",
    "mix": "The categories along the label.",
}
"""Charts that a card shows, by name, with what they show."""

NO_LICENSE: Final = (
    "**The recipe names no licence.** Whoever uses these rows has to find out what the raw data allow: a selection of "
    "records has the licence of the records."
)


AGAIN: Final = """The same recipe over the same records selects the same rows, on any machine:

```sh
pip install evenly
evenly run recipe.yaml      # the lines below
evenly verify OUTPUT --from-source
```
"""


def write_card(manifest: Mapping[str, Any], columns: Mapping[str, str], sizes: Mapping[str, int]) -> str:
    """Return the card's Markdown: from the manifest, the data's `columns` with their types, splits' unpacked bytes."""
    rows, recipe = manifest["rows"], manifest["recipe"]
    told: Mapping[str, Any] = recipe.get("card") or {}
    shown = [name for name in PICTURES if recipe["export"]["report"] and _has_picture(name, manifest)]
    sections = [
        f"---\n{to_yaml(front_matter(manifest, columns, sizes))}---\n",
        f"# {recipe['name']}\n",
        _story(manifest),
        "## Before and after\n" if shown else "",
        *[f"![{PICTURES[name]}](charts/{name}.png)\n" for name in shown],
        "## Where the rows went\n",
        "| | rows |\n|---|---:|",
        *[f"| {words(name)} | {count:,} |" for name, count in _flow(rows)],
        "\n## Columns\n",
        "| column | type | what |\n|---|---|---|",
        *[
            f"| {code(name, cell=True)} | {words(TYPES.get(kind, kind))} | {COLUMNS.get(name, KEPT)} |"
            for name, kind in columns.items()
        ],
        "\n## Load it\n",
        _loading(manifest),
        "## Train with it\n",
        training_text(recipe["export"]["format"]),
        "## Design weights\n",
        _weights(manifest),
        "## Source and licence\n",
        *([f"Source: {words(told['source'])}\n"] if told.get("source") else []),
        f"Licence: `{told['license']}`\n" if told.get("license") else f"{NO_LICENSE}\n",
        _inputs(manifest),
        "## The recipe\n",
        f"Evenly {manifest['evenly']}, seed {manifest['seed']}. {AGAIN}",
        fenced(to_yaml(recipe), "yaml"),
    ]
    return "\n".join(section for section in sections if section)


def front_matter(manifest: Mapping[str, Any], columns: Mapping[str, str], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return what the Hub and `load_dataset` read at the top of a card; numbers are those of the files."""
    rows, recipe = manifest["rows"], manifest["recipe"]
    told: Mapping[str, Any] = recipe.get("card") or {}
    ending = recipe["export"]["files"]
    written = {name: _of_split(manifest, name) for name in rows["splits"]}
    total = sum(count for count, _ in written.values())
    front: dict[str, Any] = {"pretty_name": recipe["name"]}
    for key, name in (("license", "license"), ("language", "language")):
        if told.get(key):
            front[name] = told[key]
    front["task_categories"] = told.get("tasks", ["text-generation"])
    front["size_categories"] = [next((label for limit, label in SIZES if total < limit), "1B<n<10B")]
    front["tags"] = ["evenly", "balanced", *told.get("tags", [])]
    lite: Mapping[str, int] = recipe["split"].get("lite") or {}
    rooms: dict[str, list[str]] = {
        "data": list(rows["splits"]),
        "lite": list(lite),
        "holdout": list(manifest.get("holdout", {})),
    }
    configs: list[dict[str, Any]] = []
    for room, names in rooms.items():
        files = [{"split": name, "path": f"{room}/{name}-*.{ending}"} for name in names]
        if room == "data":
            configs.append({"config_name": "default", "data_files": files, "default": True})
        elif files:
            configs.append({"config_name": room, "data_files": files})
    front["configs"] = configs
    features = [_feature(name, kind) for name, kind in columns.items()]
    info: dict[str, Any] = {"config_name": "default"}
    if all(feature is not None for feature in features):
        info["features"] = features
    info["splits"] = [
        {"name": name, "num_bytes": sizes[name], "num_examples": count} for name, (count, _) in written.items()
    ]
    info["download_size"] = sum(size for _, size in written.values())
    info["dataset_size"] = sum(sizes.values())
    front["dataset_info"] = [info]
    return front


def _of_split(manifest: Mapping[str, Any], split: str) -> tuple[int, int]:
    """Return the rows and the bytes of a split's files."""
    own = [one for one in manifest["files"] if one["path"].startswith(f"data/{split}-")]
    return sum(int(one["rows"]) for one in own), sum(int(one["bytes"]) for one in own)


def _feature(name: str, kind: str) -> dict[str, Any] | None:
    """Return a column as `dataset_info` writes it; None for a type that it has no word for."""
    if kind in TYPES:
        return {"name": name, "dtype": TYPES[kind]}
    turns = TURNS.fullmatch(kind)
    if turns is None:
        return None
    return {
        "name": name,
        "list": [{"name": one, "dtype": "string"} for one in re.findall(r"'(.*?)': String", turns[1])],
    }


def _has_picture(name: str, manifest: Mapping[str, Any]) -> bool:
    labelled = manifest["balance"]["before"].get("label_mean") is not None
    named = manifest["balance"].get("category") is not None
    return {"label": labelled, "categories": named, "mix": labelled and named}.get(name, True)


def _loading(manifest: Mapping[str, Any]) -> str:
    lines = [
        "from datasets import load_dataset",
        "",
        'dataset = load_dataset("OWNER/NAME")   # or the path of this folder',
    ]
    if manifest["recipe"]["split"].get("lite"):
        lines.append('small = load_dataset("OWNER/NAME", "lite")')
    if manifest.get("holdout"):
        lines.append('tests = load_dataset("OWNER/NAME", "holdout")   # natural and balanced, in no split')
    code = "\n".join(lines)
    return f'```python\n{code}\n```\n\n`evenly.load("OWNER/NAME")` checks it against its manifest besides.\n'


def training_text(kind: str) -> str:
    """Return how rows of a format are trained on with TRL, Axolotl and Unsloth."""
    trl = {
        "text": 'SFTConfig(dataset_text_field="text")',
        "prompt-completion": "SFTConfig(completion_only_loss=True)",
        "messages": "SFTConfig(assistant_only_loss=True)",
    }[kind]
    axolotl = {
        "text": "    type: completion\n    field: text",
        "prompt-completion": (
            "    type:\n      field_instruction: prompt\n      field_output: completion\n"
            '      format: "{instruction}"\n      no_input_format: "{instruction}"'
        ),
        "messages": "    type: chat_template\n    field_messages: messages",
    }[kind]
    return f"""With [TRL](https://huggingface.co/docs/trl):

```python
from trl import SFTConfig, SFTTrainer

SFTTrainer("MODEL", args={trl}, train_dataset=dataset["train"]).train()
```

With [Axolotl](https://docs.axolotl.ai), in its YAML:

```yaml
datasets:
  - path: OWNER/NAME
{axolotl}
```

With [Unsloth](https://docs.unsloth.ai) model and tokenizer come from `FastLanguageModel.from_pretrained`; the trainer
is TRL's, as above.
"""


def _weights(manifest: Mapping[str, Any]) -> str:
    text = """A row of a split stands for `design_weight` records of the curated pool. Weighted by it, sums and means
over the balanced rows estimate those of the pool, and a loss that is weighted by it is the loss on the pool.
`inclusion_probability` is the probability that the draw takes the record, 1 where its stratum is taken whole.
"""
    if manifest["balance"]["before"].get("label_mean") is None:
        return text
    name: str = manifest["recipe"]["balance"]["label"]
    label = json.dumps(name, ensure_ascii=not name.isprintable())
    return f"""{text}
```python
rows = dataset["train"].to_pandas()
mean = (rows[{label}] * rows["design_weight"]).sum() / rows["design_weight"].sum()   # of the pool
```
"""


def _inputs(manifest: Mapping[str, Any]) -> str:
    shown = [f"- {code(one['path'])} {str(one.get('sha256', ''))[:16]}" for one in manifest["inputs"][:SHOWN_INPUTS]]
    more = len(manifest["inputs"]) - SHOWN_INPUTS
    if more > 0:
        shown.append(f"- and {more:,} more, in `manifest.json`")
    return "Read from (path, beginning of the sha256):\n\n" + "\n".join(shown) + "\n"


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
        text += f" Mean {words(label)}: {before['label_mean']:,.2f} before, {after['label_mean']:,.2f} after."
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


SIGNS: Final = re.compile(r"[\\`*\[\]<>|~]")
"""What Markdown and HTML would read as their own."""

LINE_ENDS: Final = "\x85\u2028\u2029"
"""What YAML takes for the end of a line besides LF."""

HIDDEN: Final = re.compile(r"[^\n -~]")


def words(text: str) -> str:
    r"""Return a text as words of Markdown, on one line.

    >>> print(words("a|b <img>"))
    a\|b \<img\>
    """
    return SIGNS.sub(r"\\\g<0>", spelled(text))


def code(text: str, *, cell: bool = False) -> str:
    """Return a text as a span of code, on one line; in a `cell` of a table a bar would end it.

    >>> code("a`b")
    '`` a`b ``'
    """
    shown = spelled(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if fence != "`" else ""
    if cell:
        shown = shown.replace("|", r"\|")
    return f"{fence}{space}{shown}{space}{fence}"


def fenced(text: str, kind: str) -> str:
    """Return a text that ends with a line end as a block of code, whatever fences it holds itself."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{kind}\n{text}{fence}\n"


def to_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML that no line of text is folded in, and in which nothing is hidden."""
    yaml = YAML(typ="rt")
    yaml.width = 4096  # a folded line would change a text
    yaml.default_flow_style = False
    out = io.StringIO()
    yaml.dump(_quoted(data), out)
    return HIDDEN.sub(lambda one: one[0] if _shows(one[0]) else f"\\U{ord(one[0]):08x}", out.getvalue())


def _shows(character: str) -> bool:
    return character not in LINE_ENDS and visible(character) == character


def _quoted(data: Any) -> Any:  # noqa: ANN401 - plain data
    """Return plain data with texts that hide something in double quotes, where YAML takes escapes."""
    if isinstance(data, str):
        return data if all(map(_shows, data.replace("\n", ""))) else DoubleQuotedScalarString(data)
    if isinstance(data, dict):
        return {_quoted(key): _quoted(value) for key, value in cast("dict[Any, Any]", data).items()}
    return [_quoted(one) for one in cast("list[Any]", data)] if isinstance(data, list) else data
