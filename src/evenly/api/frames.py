"""From a table in memory to a balanced one, in one call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from evenly.core.default_axis import default_axis
from evenly.errors import RecipeError, UserError, choices_line, did_you_mean
from evenly.flow.frames import needed, take_from
from evenly.io.frames import frame_of, read_frame
from evenly.recipe.model import Recipe
from evenly.recipe.needs import Need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.io.frames import Frame

POLICIES: Final = ("cap", "proportional", "equal", "power", "weighted")
"""Those that say all they want in the arguments of `balance`, and repeat no row."""

OTHERS: Final = {
    "unimax": "repeats records, and so changes what a row stands for",
    "target": "wants a distribution",
    "rake": "wants marginals",
}
"""Policies of recipes alone -> why."""

WEIGHTS: Final = ("inclusion_probability", "design_weight")

ARGUMENTS: Final = {"sources": "id"}
"""Key of a recipe -> the argument that it comes from, where that has another name."""


def balance(  # noqa: PLR0913 - what a recipe's balance says, in one call; all by keyword
    data: Any,  # noqa: ANN401 - a table of any library
    *,
    label: str | None = None,
    by: str | Sequence[str] = (),
    size: int | None = None,
    cap: int | None = None,
    policy: str | None = None,
    alpha: float | None = None,
    weight: str | Mapping[str, Any] | None = None,
    take_all: str | None = None,
    seed: int = 42,
    id: str | Sequence[str] | None = None,  # noqa: A002 - the recipe's word
    shortfall: Literal["error", "redistribute", "accept"] = "error",
    strata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    with_weights: bool = False,
) -> Any:  # noqa: ANN401 - the same kind of table
    """Return a balanced selection of a table's rows, as the same kind of table: Polars, pandas, Arrow, `datasets`.

    The strata are what `label` is cut into, crossed with the values of the columns `by`. A label of text, or with at
    most 20 different numbers, goes by value; other numbers are cut where they double if they span powers of ten (all
    above 0, the largest at least 100 times the least), else into ten intervals of equal counts; dates go by month.
    `strata` says it otherwise, as a recipe does: `strata={"column": "price", "round": 1, "max": 999}`, or several.
    Rows with a null there are in no stratum, and are not selected.

    `size` rows are selected, exactly, or at most `cap` of each stratum. `policy` is one of a recipe's: `cap` (the
    default; with `size` the cap is solved for), `proportional`, `equal`, `power` (with `alpha`), and `weighted`, one
    draw without strata. `weight` makes rows likelier within a stratum: an expression (`"power(price, 2)"`), or a table
    by a column's values (`{"column": "category", "values": {"Car": 1}, "default": 5}`). `take_all` takes strata whole
    (`"price >= 240"`). `shortfall` says what happens where strata hold less than is wanted.

    Rows come in their order, with all columns, types and a pandas index as they were. What is selected depends on the
    rows, the arguments and `seed`, never on the order of the rows. `id` names the column, or several, by which rows are
    known; without it that is all they hold, which takes longer. Of rows that are equal it does not matter which are
    taken, and each of them counts. `with_weights` adds `inclusion_probability` and `design_weight`, by which sums over
    the selection estimate sums over the table.

    >>> import polars as pl
    >>> table = pl.DataFrame({"sku": range(1000), "shelf": ["top"] * 900 + ["low"] * 100})
    >>> balance(table, by="shelf", cap=50, id="sku")["shelf"].value_counts(sort=True).sort("shelf").rows()
    [('low', 50), ('top', 50)]

    Raises:
        UserError: for columns that are not there, arguments that contradict each other, and more rows than there are.
    """
    frame = frame_of(data)
    _refuse_policy(policy)
    named = {"label": label, "by": by, "id": id}
    for argument, given in named.items():
        for column in _columns(given):
            _refuse_unknown(frame, column, f"{argument}={given!r}")
    if with_weights and (taken := [name for name in WEIGHTS if name in frame.columns]):
        message = f"balance: the data have a column '{taken[0]}' already. Rename it, or leave with_weights out."
        raise UserError(message)
    wish = {"label": label, "size": size, "cap": cap, "alpha": alpha, "weight": weight, "take_all": take_all}
    wish |= {"policy": policy or ("cap" if alpha is None else "power"), "shortfall": shortfall}
    try:
        axes = _axes(frame, label, _columns(by), strata, weighted=policy == "weighted")
        recipe = _recipe(wish | {"strata": axes}, seed)
        for need in needed(recipe):
            _refuse_unknown(frame, need.column, re.sub(r"^balance\.(\w+).*", r"\1=…", need.path))
        found = take_from(frame, recipe, _columns(id))
    except UserError as fault:
        raise UserError(_told(fault)) from None
    weights = (found.probability, 1 / found.probability) if with_weights else ()
    return frame.taken(found.rows, dict(zip(WEIGHTS, weights, strict=False)))


def _recipe(wish: Mapping[str, Any], seed: int) -> Recipe:
    """Return the recipe that says what the arguments do; numbers of numpy are numbers."""
    plain = {key: _plain(value) for key, value in wish.items() if value is not None}
    return Recipe.from_dict(
        {
            "name": "balance",
            "seed": _plain(seed),
            "sources": [{"name": "data"}],
            "template": {"prompt": "-"},
            "balance": plain,
        }
    )


def _axes(
    frame: Frame,
    label: str | None,
    by: Sequence[str],
    strata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    *,
    weighted: bool,
) -> list[dict[str, Any]]:
    """Return the axes: the label's unless `strata` has it, then `strata`, then the columns `by`."""
    given = [strata] if isinstance(strata, Mapping) else list(strata or ())
    axes: list[dict[str, Any]] = [{**one} for one in given]
    if label is not None and not weighted and all(one.get("column") != label for one in axes):
        need = Need(label, "any", "balance.label")
        axes.insert(0, dict(default_axis(read_frame(frame, [need])[label])))
    axes += [{"column": column} for column in by]
    if not axes and not weighted:
        message = "balance: nothing says what to balance by. Give a label, columns to go by, or strata."
        raise UserError(message)
    return axes


def _columns(given: str | Sequence[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else list(given or ())


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a user hands over
    return value.item() if hasattr(value, "item") else value


def _refuse_policy(policy: str | None) -> None:
    if policy in OTHERS:
        message = (
            f"balance(policy='{policy}'): {policy} {OTHERS[policy]}. Write a recipe, and give it the table: "
            "evenly.run(recipe, data=table)."
        )
        raise UserError(message)
    if policy is not None and policy not in POLICIES:
        near = did_you_mean(policy, POLICIES)
        message = f"balance(policy='{policy}'): no such policy.{near}{choices_line('policies', POLICIES)}"
        raise UserError(message)


def _refuse_unknown(frame: Frame, column: str, where: str) -> None:
    if column not in frame.columns:
        near, there = did_you_mean(str(column), frame.columns), choices_line("columns", frame.columns)
        message = f"balance({where}): the data have no column '{column}'.{near}{there}"
        raise UserError(message)


def _told(fault: UserError) -> str:
    """Return a recipe's fault in the words of the call: `recipe.balance.size: …` is about the argument `size`."""
    text = fault.faults[0] if isinstance(fault, RecipeError) else str(fault)
    found = re.match(r"recipe\.(?:balance\.)?(\w+)[^:]*(?=:)", text)
    if found is None:
        return text if text.startswith(("balance", "data:")) else f"balance: {text}"
    argument, rest = ARGUMENTS.get(found[1], found[1]), text[found.end() :]
    return f"balance{rest}" if argument == "balance" else f"balance({argument}=…){rest}"
