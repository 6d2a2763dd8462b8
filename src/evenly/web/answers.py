"""What the page is told: of a state, of a bar's records, of weights that make shares equal. Plain data, for JSON.

A view comes in two parts: its ground, which quotas and weights do not change and which the page keeps under an id, and
the answer, counts along it. So an answer at 2.8 million records is a few tens of kilobytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec
import polars as pl

from evenly.columns import COMPLETION, ID, PROMPT, TOKENS
from evenly.core.split import SplitError, refuse_large_lite, split_sizes
from evenly.core.template import render, template_columns
from evenly.errors import RecipeError, UserError
from evenly.flow.plan import category_column
from evenly.flow.report import measures_of, strata_numbers
from evenly.recipe.balance import Balance
from evenly.recipe.faults import checked
from evenly.recipe.needs import data_needs, shown_columns
from evenly.reporting.design import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenly.flow.live import Live
    from evenly.flow.plan import Plan
    from evenly.recipe.model import Recipe

SHOWN: Final = 5
"""Records of a bar that are shown at once."""

SHOWN_CHARS: Final = 4_000
"""Characters of a record's text that are sent."""

EDGED: Final = ("label", "label_log", "tokens")

PLACED: Final = re.compile(r"^recipe\.([\w.\[\]]+)(?: \(line \d+\))?: ")
"""How an error says which key of a recipe it is about."""

KEYS: Final = frozenset(Balance.model_fields)


class ImpossibleError(UserError):
    """A state that is no sound recipe, or whose wishes can't be met together.

    Attributes:
        faults: `keys` of the recipe that a fault is about, and its `text`.
    """

    def __init__(self, faults: Sequence[tuple[Sequence[str], str]]) -> None:
        """Keep the faults."""
        super().__init__("\n  ".join(text for _, text in faults))
        self.faults: list[dict[str, Any]] = [{"keys": list(keys), "text": text} for keys, text in faults]


def recipe_of(data: dict[str, Any]) -> Recipe:
    """Return a state's recipe.

    Raises:
        ImpossibleError: with every fault.
    """
    recipe, faults = checked(data)
    if recipe is None or faults:
        raise ImpossibleError([([key_of(path)], text) for _, path, text in faults])
    return recipe


def key_of(path: str) -> str:
    """Return a recipe's key as `--set` has it.

    >>> key_of("balance.strata[0].round")
    'balance.strata.0.round'
    """
    return re.sub(r"\[(\d+)\]", r".\1", path)


def impossible(fault: UserError) -> ImpossibleError:
    """Return an error as the faults of keys: those that it begins with, and those that it says conflict."""
    if isinstance(fault, ImpossibleError):
        return fault
    texts = fault.faults if isinstance(fault, RecipeError) else [str(fault)]
    return ImpossibleError([_placed(text) for text in texts])


def _placed(text: str) -> tuple[list[str], str]:
    found = PLACED.match(text)
    if found is None:
        return [], text
    key, rest = key_of(found[1]), text[found.end() :]
    if key != "balance":
        return [key], rest
    named = re.findall(r"\w+", rest.partition(":")[0])
    return [f"balance.{name}" for name in dict.fromkeys(named) if name in KEYS] or [key], rest


def refuse_misfit(held: Recipe, asked: Recipe, quarantined: int) -> None:
    """Refuse a recipe that reads columns otherwise than the one whose pool is held: a run would make another pool.

    A column that it no longer reads matters where rows were `quarantined`, since that may have been for this column.

    Raises:
        UserError: naming the first of them.
    """
    for number in range(len(held.sources)):
        reads = {need.column: need for need in data_needs(asked, number)}
        for need in data_needs(held, number):
            found = reads.get(need.column)
            if found is not None and found.kind != need.kind:
                message = (
                    f"recipe.{found.path}: the curated pool has no column '{need.column}' read as {found.kind}: "
                    f"it was read as {need.kind}. Curate another pool, or leave the column as it was."
                )
                raise UserError(message)
            if found is None and need.kind != "any" and quarantined:
                message = (
                    f"recipe.balance: the curated pool has no column '{need.column}' left unread, and {quarantined:,} "
                    "rows that could not be read may be good without it. Curate another pool, or use the column."
                )
                raise UserError(message)
    apart = asked.holdout is not None and asked.holdout.group in {"exact", "near"}
    if apart and shown_columns(held) != shown_columns(asked):
        message = (
            "recipe.balance.label: the curated pool has no column of texts without this label, which is what the "
            "holdout's groups go by. Curate another pool, or leave the label as it was."
        )
        raise UserError(message)


def view(live: Live, recipe: Recipe, known: str | None) -> dict[str, Any]:
    """Return what a state selects, and its ground unless that is the `known` one.

    Raises:
        UserError: when the wishes can't be met together, or a column is not in the pool.
    """
    look = live.look(recipe)
    plan = live.plan(recipe, look)
    pictures = live.pictures(recipe, look, density=False)
    categories, facts = live.categories(recipe, look), live.facts(recipe, look)
    strata = strata_numbers(recipe, plan)
    drawn = (plan.strata["quota"] + plan.strata["repeated"]).cast(pl.Int64).to_numpy()
    answer = {
        "pictures": {name: picture["after"] for name, picture in pictures.items()},
        "categories": None if categories is None else _after(categories),
        "facts": facts,
        "strata": {"cap": _cap(recipe, plan)} | {key: [row[key] for row in strata["rows"]] for key in _DRAWN},
        "bounds": _bounds(plan),
        "measures": measures_of(drawn, recipe, plan),
        "rows": {
            "kept": plan.pool.rows + plan.held_out,
            "outside": plan.outside,
            "held_out": plan.held_out,
            "selected": plan.selected,
            "repeated": facts["rows"] - facts["records"],  # the plan's, but for those of records outside `train`
            "missing": plan.missing,
        },
        "marginals": [] if plan.marginals is None else plan.marginals.to_dicts(),
        **_splits(recipe, plan),
    }
    ground = _ground(recipe, plan, pictures, categories, strata)
    return answer | {"on": ground["id"]} | ({} if ground["id"] == known else {"ground": _showing(ground)})


def _showing(ground: dict[str, Any]) -> dict[str, Any]:
    """Return a ground with nothing hidden in the names, which come from data."""
    names: list[str] = ground["strata"]["names"]
    ground["strata"]["names"] = [_named(name) for name in names]
    if ground["strata"]["kind"] == "ranked":
        ground["strata"]["keys"] = names  # as they are, they are keys of a target
    if ground["categories"] is not None:  # as they are, they are keys of weights
        ground["categories"]["shown"] = [_named(name) for name in ground["categories"]["names"]]
    if "mix" in ground["pictures"]:
        mix = ground["pictures"]["mix"]
        mix["categories"] = [_named(name) for name in mix["categories"]]
    return ground


def _named(name: str) -> str:
    return visible(name) or "(empty)"


_DRAWN: Final = ("n", "wanted", "bound")


def _after(categories: Mapping[str, Any]) -> dict[str, Any]:
    return {"after": categories["after"], "others": categories["others"]["after"]}


def _cap(recipe: Recipe, plan: Plan) -> int | None:
    """Return the rows that a stratum has at most: the recipe's, or what was solved for."""
    if recipe.balance.policy != "cap":
        return None
    if recipe.balance.cap is not None:
        return recipe.balance.cap
    capped = plan.strata.filter(pl.col("bound") == "cap")
    return int((capped["quota"] + capped["repeated"]).max()) if capped.height else None  # pyright: ignore[reportArgumentType] - whole numbers


def _bounds(plan: Plan) -> list[dict[str, Any]]:
    """Return by what bound how many strata are, and the rows drawn of them; most rows first."""
    counted = plan.strata.group_by("bound").agg(
        pl.len().alias("strata"), (pl.col("quota") + pl.col("repeated")).sum().cast(pl.Int64).alias("rows")
    )
    return counted.sort(["rows", "bound"], descending=[True, False]).to_dicts()


def _splits(recipe: Recipe, plan: Plan) -> dict[str, Any]:
    """Return the rows of each split, or why a build would be refused."""
    try:
        sizes = split_sizes(recipe.split.shares, plan.selected)
        refuse_large_lite(recipe.split.lite or {}, sizes)
    except SplitError as fault:
        return {"splits": None, "blocked": str(fault)}
    return {"splits": sizes, "blocked": None}


def _ground(
    recipe: Recipe,
    plan: Plan,
    pictures: Mapping[str, Any],
    categories: Mapping[str, Any] | None,
    strata: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what quotas and weights do not change, under an id that is its hash."""
    rows: list[dict[str, Any]] = strata["rows"]
    before = plan.strata["rows"].cast(pl.Int64).to_numpy()
    told = {key: value for key, value in strata.items() if key not in {"rows", "cap"}}
    ground = {
        "label": recipe.balance.label,
        "dates": plan.pool.dated,
        "category": category_column(recipe),
        "strata": told
        | {"names": [row["stratum"] for row in rows], "N": [row["N"] for row in rows]}
        | ({"x": [row["x"] for row in rows]} if strata["kind"] == "along" else {}),
        "pictures": {
            name: {key: value for key, value in picture.items() if key != "after"} for name, picture in pictures.items()
        },
        "categories": None
        if categories is None
        else {
            "names": categories["names"],
            "before": categories["before"],
            "others": {key: categories["others"][key] for key in ("count", "before")},
        },
        "facts": _facts(plan),
        "measures": measures_of(before, recipe, plan),
        "aim": "the target" if recipe.balance.policy == "target" else "even strata",
    }
    return ground | {"id": hashlib.blake2b(msgspec.json.encode(ground), digest_size=12).hexdigest()}


def _facts(plan: Plan) -> dict[str, Any]:
    pool = plan.pool
    facts: dict[str, Any] = {"rows": pool.rows}
    if pool.dated:
        facts["label"] = {"mean": sum(day * rows for day, rows in pool.dates.items()) / max(1, pool.dates.total())}
    elif pool.label:
        facts["label"] = {"mean": pool.label_mean}
    if pool.token_counts:
        facts["tokens"] = {"total": pool.tokens, "mean": pool.tokens / max(1, pool.rows)}
    return facts


class Asked(Protocol):
    """What is asked of a bar; see `evenly.flow.live.Live.bar`."""

    chart: str
    place: int
    category: int | None
    selected: bool
    skip: int


def bar(live: Live, recipe: Recipe, asked: Asked) -> dict[str, Any]:
    """Return some records of a bar: `count` in all, `rows` of each `facts` [[name, value]] and `parts` [{role, text}].

    Raises:
        UserError: for a bar that is not there, and as `view`.
    """
    count, rows = live.bar(
        recipe,
        live.look(recipe),
        asked.chart,
        asked.place,
        asked.category,
        selected=asked.selected,
        skip=asked.skip,
        most=SHOWN,
    )
    return {"count": count, "skip": asked.skip, "rows": _shown(live, recipe, rows)}


def _shown(live: Live, recipe: Recipe, rows: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - Int64 [rows]
    facts = [recipe.balance.label, category_column(recipe), TOKENS if recipe.tokenizer is not None else None]
    named = list(dict.fromkeys(name for name in facts if name is not None))
    frame = live.read(rows, list(dict.fromkeys([ID, *named, *template_columns(recipe.template)])))
    texts = render(frame, recipe.template).select(PROMPT, COMPLETION)
    return [
        {
            "facts": [["id", short(facts[ID])], *([name.strip("_"), short(facts[name])] for name in named)],
            "parts": _turns(prompt) if recipe.template.messages else _parts(prompt, completion),
        }
        for facts, (prompt, completion) in zip(frame.iter_rows(named=True), texts.iter_rows(), strict=True)
    ]


def _parts(prompt: str | None, completion: str | None) -> list[dict[str, str]]:
    both = {"prompt": prompt, "completion": completion}
    return [{"role": role, "text": short(text)} for role, text in both.items() if text]


def _turns(conversation: str | None) -> list[dict[str, str]]:
    return [{"role": short(one["role"]), "text": short(one["content"])} for one in json.loads(conversation or "[]")]


def short(value: object) -> str:
    """Return a value as text in which nothing is hidden, a long one cut."""
    text = "–" if value is None else f"{value:,.6g}" if isinstance(value, float) else visible(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]} … ({len(text):,} characters)"
