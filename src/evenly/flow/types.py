"""The one type of each column that passes through untouched: a fold over what all pieces met, no sample decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenly.errors import DataError
from evenly.recipe.needs import column_flow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenly.flow.pieces import Job, PieceSummary
    from evenly.io.blocks import File


def shared_types(job: Job, summaries: Sequence[PieceSummary]) -> dict[str, str]:
    """Return each passed-through column's type, shared by all its values: integer, number, text or boolean.

    Raises:
        DataError: when sources disagree.
    """
    recipe = job.recipe
    shared: dict[str, tuple[str, str]] = {}
    for number, source in enumerate(recipe.sources):
        flow = column_flow(recipe, number)
        passed = {name for name, need in flow.needs.items() if need.kind == "any" and name not in flow.made}
        own = [summary for summary in summaries if summary.piece.source == number]
        for column in sorted(passed & set(job.carried)):
            kind = _type_in_source(column, own, flow.needs[column].path, source.drift)
            known, first = shared.setdefault(column, (kind, source.name))
            if {known, kind} == {"integer", "number"} or known == "null":
                shared[column] = (kind if known == "null" else "number", source.name)
            elif kind not in {known, "null"}:
                message = (
                    f"recipe.{flow.needs[column].path}: column '{column}' is {known} in source '{first}' and {kind} in "
                    f"source '{source.name}'. Make numbers of both (`- number: {{column: {column}}}`), or name it "
                    "under as_text in both."
                )
                raise DataError(message)
    return {column: kind for column, (kind, _) in shared.items() if kind != "null"}


def _type_in_source(column: str, summaries: Sequence[PieceSummary], path: str, drift: str) -> str:
    """Return the type that a source's values of a column share; its files must agree unless `drift` says otherwise.

    Raises:
        DataError: naming two files that disagree.
    """
    met: dict[File, set[str]] = {}
    for summary in summaries:
        met.setdefault(summary.piece.file, set()).update(summary.types.get(column, set()))
    by_type = {shared_type(types): file for file, types in met.items()}
    several = sorted(by_type.keys() - {"null"})
    if drift == "error" and len(several) > 1 and several != ["integer", "number"]:
        shown = " and ".join(f"{kind} in {by_type[kind]}" for kind in several)
        message = (
            f"recipe.{path}: column '{column}' is {shown}. Make it a number "
            f"(`- number: {{column: {column}}}`), name it under as_text, or write `drift: coerce` in the source, "
            "which makes text of it."
        )
        raise DataError(message)
    return shared_type(set[str]().union(*met.values()))


def shared_type(types: set[str]) -> str:
    """Return the one type that stands for all the types met: `null` for none, `text` where they don't go together."""
    if types == {"integer", "number"}:
        return "number"
    return "null" if not types else next(iter(types)) if len(types) == 1 else "text"
