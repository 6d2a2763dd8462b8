"""Finished outputs: report, compare, verify, why, load, push."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evenly.audit.compare import Comparison, compare_outputs
from evenly.audit.load import load_splits
from evenly.audit.verify import Verification, verify_folder
from evenly.audit.why import Reasons, explain
from evenly.core.pictures import SIDES
from evenly.errors import VerificationError
from evenly.flow.report import read_numbers, summary_of, write_report
from evenly.flow.run import RunResult
from evenly.io.hub import fetch_output
from evenly.io.outputs import open_output
from evenly.io.publish import Pushed, push_output, repo_name
from evenly.io.stores import fetched_output, is_address
from evenly.reporting.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Generator

    from evenly.reporting.progress import Reporter


def report(folder: str | Path, *, price: float | None = None) -> RunResult:
    """Make the charts and `report.html` of an output anew, and return what its run did.

    `price` is what a million tokens of training cost; the page then says what an epoch does.

    Raises:
        UserError: when the folder is no output, or was made without a report.
    """
    place = Path(folder)
    manifest, numbers = open_output(place), read_numbers(place)
    write_report(place, manifest, numbers, price)
    return RunResult(place, manifest, *(summary_of(numbers, side) for side in SIDES), pool_reused=True)


def compare(*given: str | Path, engine: str = "local", reporter: Reporter | None = None) -> Comparison:
    """Compare two to eight outputs (folders) or recipes (files, which are run for it).

    The result's `write_page(path)` makes one page of it, `to_dict()` plain data.

    Raises:
        UserError: for another number of them, and for what is neither.
    """
    return compare_outputs(given, engine, reporter)


def verify(
    place: str | Path, *, from_source: bool = False, engine: str = "local", reporter: Reporter | None = None
) -> Verification:
    """Check an output (a folder, or a dataset of the Hub) against its manifest: files, rows, sums, digests.

    With `from_source` its recipe is run again, and what it selects and writes is compared. `Verification.holds` says
    whether all checks hold.

    Raises:
        UserError: when there is no such output, or it has no manifest.
    """
    told = reporter or Silent()
    with _output(place, told) as folder:
        return verify_folder(folder, from_source=from_source, engine=engine, reporter=told, place=str(place))


def why(folder: str | Path, asked: str) -> Reasons:
    """Say what became of a record, by its id or by FILE:LINE: dropped, held out, in which stratum, selected or not.

    Raises:
        UserError: for an output without a ledger, and for what nobody knows.
    """
    with _output(folder, Silent()) as place:
        return explain(place, asked)


def push(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    reporter: Reporter | None = None,
) -> Pushed:
    """Publish an output to a dataset repository of the Hub: what is there already is not sent again.

    The folder is checked against its manifest first, the repository against the folder afterwards. `HF_TOKEN` and
    `HF_ENDPOINT` hold as everywhere.

    Raises:
        UserError: for a folder that is no output, or what the Hub refuses.
        VerificationError: when a file of the folder is not what its manifest says.
    """
    return publish(folder, repo, private=private, revision=revision, reporter=reporter)


def load(
    place: str | Path,
    *,
    kind: Literal["polars", "datasets"] = "polars",
    check: bool = True,
    reporter: Reporter | None = None,
) -> Any:  # noqa: ANN401 - a mapping of frames, or a DatasetDict of a library that may not be there
    """Open the splits of an output (a folder, or a dataset of the Hub): split -> Polars frame, or a `DatasetDict`.

    With `check` they are checked against the manifest first.

    Raises:
        UserError: when there is no such output.
        VerificationError: when it is not what its manifest says.
    """
    with _output(place, reporter or Silent()) as folder:
        return load_splits(folder, str(place), kind, check=check)


def publish(
    folder: str | Path,
    repo: str,
    *,
    private: bool = False,
    revision: str | None = None,
    reporter: Reporter | None = None,
) -> Pushed:
    """Publish an output; see `push`, whose name a parameter of `run` has."""
    place, told = Path(folder), reporter or Silent()
    repo_name(repo)
    manifest = open_output(place)
    found = verify_folder(place, reporter=told)
    if not found.holds:
        wrong = next(check for check in found.checks if not check.holds)
        message = f"{place}: {wrong.name}: {wrong.found}. Nothing was sent. Run the recipe again."
        raise VerificationError(message)
    told_of = f"{manifest['recipe']['name']}: {manifest['rows']['selected']:,} records (Evenly {manifest['evenly']})"
    return push_output(place, repo, private=private, revision=revision, message=told_of, phase=told.phase)


@contextmanager
def _output(place: str | Path, reporter: Reporter) -> Generator[Path]:
    """Yield the folder of an output: as it is given, or a copy of what a store or the Hub has."""
    if isinstance(place, str) and is_address(place):
        with fetched_output(place, reporter.phase) as folder:
            yield folder
    elif isinstance(place, Path) or Path(place).exists() or place.startswith((".", "/")):
        yield Path(place)
    else:
        yield fetch_output(place, reporter.phase)
