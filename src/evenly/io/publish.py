"""Publishing a finished output to the Hugging Face Hub: only what is not there yet, in one commit, checked afterwards.

Large files go up one by one before the commit; the Hub keeps them by their sha256, so that a push that broke goes on
where it was. Nothing is seen in the repository until the commit, in which the manifest comes with all that it lists.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evenly.errors import EvenlyError, UserError, redacted
from evenly.io.manifest import NAME, is_manifest, read_manifest
from evenly.io.sources import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from evenly.io.remote import Phase

REPO: Final = re.compile(r"(?:hf://datasets/)?(?P<repo>[\w.-]+/[\w.-]+)")

BESIDE: Final = (NAME, "README.md", "report.html")
"""Files that are published besides those of the manifest and the charts. What could not be read stays here."""

OURS: Final = ("data/", "lite/", "holdout/", "ledger/", "charts/")
"""Folders of a repository whose files belong to an output: those that the new one has not are deleted."""

TRIES: Final = 5
LONGEST_WAIT: Final = 60.0
"""Seconds between two tries, at most, whatever the Hub asks for."""

AGAIN: Final = {408, 429, 500, 502, 503, 504}
"""Answers after which it is worth trying again."""


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    Attributes:
        repo, url, commit: where the output is now; the commit is None where nothing had to be sent.
        sent, same, removed: files that were sent, were there already, were taken out.
        bytes: of those that were sent.
    """

    repo: str
    url: str
    commit: str | None
    sent: int
    same: int
    removed: int
    bytes: int


class PushError(UserError):
    """What the Hub refuses."""


def repo_name(text: str) -> str:
    """Return OWNER/NAME.

    Raises:
        PushError: for what names no repository.
    """
    match = REPO.fullmatch(text)
    if match is None:
        message = f"'{text}' is no repository of the Hub. Write OWNER/NAME."
        raise PushError(message)
    return match["repo"]


def push_output(folder: Path, repo: str, *, private: bool, revision: str | None, message: str, phase: Phase) -> Pushed:
    """Send a finished output to a dataset repository, which is made where it is not there, and check what arrived.

    Raises:
        PushError: for what the Hub refuses, a card that it rejects among it.
        EvenlyError: when it can't be reached, or what arrived is not what was sent.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi  # noqa: PLC0415 - half a second
    from huggingface_hub.utils import disable_progress_bars, logging  # noqa: PLC0415

    disable_progress_bars()
    logging.set_verbosity_error()  # it tells of every try; what matters is told at the end
    api = HfApi(endpoint=_endpoint())
    hub = _Hub(api, repo_name(repo), revision)
    if not hub.call(lambda: api.repo_exists(hub.repo, repo_type="dataset")):
        hub.call(lambda: api.create_repo(hub.repo, repo_type="dataset", private=private or None, exist_ok=True))
    if private and not hub.call(lambda: api.dataset_info(hub.repo)).private:
        text = f"{hub.repo}: is there already, and public. Make it private on the Hub, or push without --private."
        raise PushError(text)
    if revision is not None:
        hub.call(lambda: api.create_branch(hub.repo, branch=revision, repo_type="dataset", exist_ok=True))
    local = _local(folder)
    head, there = hub.head(), hub.tree()
    _refuse_foreign(hub, there)
    new = [path for path in local if there.get(path) != _identity(folder / path, there.get(path))]
    gone = [path for path in there if path.startswith(OURS) and path not in local]
    size = sum((folder / path).stat().st_size for path in new)
    commit: str | None = None
    if new or gone:
        _check_card(api, hub, folder, new)
        additions = [CommitOperationAdd(path, str(folder / path)) for path in new]
        with phase("push", size, "bytes") as advance:
            for addition in additions:
                hub.call(
                    lambda addition=addition: api.preupload_lfs_files(
                        hub.repo, [addition], repo_type="dataset", revision=revision, num_threads=1, free_memory=False
                    )
                )
                advance((folder / addition.path_in_repo).stat().st_size)
            operations = [*additions, *(CommitOperationDelete(path) for path in gone)]
            made: Any = hub.call(
                lambda: api.create_commit(
                    hub.repo,
                    operations,
                    commit_message=message,
                    repo_type="dataset",
                    revision=revision,
                    parent_commit=head,
                )
            )
            commit = str(made.oid)
    _check_arrived(hub, folder, local)
    url = redacted(f"{_endpoint()}/datasets/{hub.repo}")
    return Pushed(hub.repo, url, commit, len(new), len(local) - len(new), len(gone), size)


@dataclass(frozen=True)
class _Hub:
    """A repository, and how it is asked."""

    api: Any
    repo: str
    revision: str | None

    def call(self, ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the Hub answers
        """Return what the Hub answers; try again where that is worth it, with longer and longer waits."""
        for number in range(1, TRIES + 1):
            with _told(self.repo) as trouble:
                return _unwrapped(ask)
            if number == TRIES or not trouble.again:
                raise trouble.error
            time.sleep(trouble.wait(number))
        return None

    def head(self) -> str:
        """Return the commit that a change is made to: another one in between is noticed."""
        return str(self.call(lambda: self.api.dataset_info(self.repo, revision=self.revision)).sha)

    def fetched(self, path: str) -> Any:  # noqa: ANN401 - plain data
        """Return a small file of the repository as plain data; None where it is no JSON."""
        import huggingface_hub  # noqa: PLC0415 - half a second

        def asked() -> str:
            return huggingface_hub.hf_hub_download(
                self.repo, path, repo_type="dataset", revision=self.revision, endpoint=_endpoint()
            )

        try:
            return json.loads(Path(self.call(asked)).read_text(encoding="utf-8"))
        except ValueError:
            return None

    def tree(self) -> dict[str, str]:
        """Return path -> what tells its content: the sha256 of a large file, the git hash of another."""

        def asked() -> dict[str, str]:
            found: dict[str, str] = {}
            for one in self.api.list_repo_tree(self.repo, recursive=True, revision=self.revision, repo_type="dataset"):
                if hasattr(one, "blob_id"):
                    lfs = getattr(one, "lfs", None)
                    found[one.path] = f"sha256:{lfs.sha256}" if lfs is not None else f"git:{one.blob_id}"
            return found

        return self.call(asked)


def _unwrapped(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the Hub answers
    """Return what the Hub answers; what a large file could not be sent for is raised itself, not as a RuntimeError."""
    try:
        return ask()
    except RuntimeError as fault:
        if isinstance(fault.__cause__, Exception):
            raise fault.__cause__ from None
        raise


def _local(folder: Path) -> list[str]:
    """Return the files of an output that are published: what its manifest lists, and what a run leaves beside."""
    listed = [str(one["path"]) for one in read_manifest(folder)["files"]]
    charts = [path.relative_to(folder).as_posix() for path in (folder / "charts").glob("*") if path.is_file()]
    beside = [name for name in BESIDE if (folder / name).is_file()]
    return sorted({*listed, *charts, *beside})


def _identity(path: Path, like: str | None) -> str:
    """Return what tells a file's content, in the way that the repository's own is told."""
    if like is not None and like.startswith("git:"):
        content = path.read_bytes()
        head = b"blob %d\0" % len(content)
        return f"git:{hashlib.sha1(head + content, usedforsecurity=False).hexdigest()}"
    return f"sha256:{sha256_of(path)}"


def _check_card(api: Any, hub: _Hub, folder: Path, new: Sequence[str]) -> None:  # noqa: ANN401 - huggingface_hub's
    """Let the Hub look at the card before anything is sent.

    Raises:
        PushError: saying which field it rejects.
    """
    card = folder / "README.md"
    if "README.md" not in new or not card.is_file():
        return
    text = card.read_text(encoding="utf-8")

    def asked() -> str:
        try:
            api._validate_yaml(text, repo_type="dataset")  # noqa: SLF001 - what create_commit asks itself
        except ValueError as fault:
            return " ".join(str(fault).split())
        return ""

    rejected = hub.call(asked)
    if rejected:
        message = (
            f"{card}: the Hub rejects the card: {rejected}. Change it in the recipe, or in the file, and push again."
        )
        raise PushError(message)


def _refuse_foreign(hub: _Hub, there: Mapping[str, str]) -> None:
    """Refuse a repository that holds something, but no output of Evenly's: its files would go.

    Raises:
        PushError: naming a file of it.
    """
    files = [path for path in there if path not in {".gitattributes", "README.md"}]
    if not files:
        return
    told = hub.fetched(NAME) if NAME in there else None
    if told is None or not is_manifest(told):
        message = (
            f"{hub.repo}: holds files that are no output of Evenly's ({files[0]} among them), which a push would "
            "replace. Name another repository, or a branch with --revision."
        )
        raise PushError(message)


def _check_arrived(hub: _Hub, folder: Path, local: Sequence[str]) -> None:
    """Compare the repository with the folder.

    Raises:
        EvenlyError: naming a file that is not what was sent.
    """
    there = hub.tree()
    wrong = [path for path in local if there.get(path) != _identity(folder / path, there.get(path))]
    wrong += [path for path in there if path.startswith(OURS) and path not in local]
    if wrong:
        message = (
            f"{hub.repo}: {len(wrong):,} files of the repository are not what was sent, {wrong[0]} among them. "
            "Somebody else may have written to it. Push again."
        )
        raise EvenlyError(message)


@dataclass
class _Trouble:
    """What went wrong with a request, and whether to ask again."""

    error: EvenlyError
    again: bool = False
    after: float | None = None

    def wait(self, number: int) -> float:
        """Return the seconds to wait before the next try: what the Hub asks for, or longer and longer."""
        if self.after is not None:
            return min(self.after, LONGEST_WAIT)
        return min(LONGEST_WAIT, 2.0 ** (number - 1) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret: a pause


@contextmanager
def _told(repo: str) -> Generator[_Trouble]:
    """Keep what a request fails with, as one clear line."""
    from huggingface_hub import errors  # noqa: PLC0415 - half a second

    trouble = _Trouble(EvenlyError(f"{repo}: the Hub gave no answer. Push again to go on."))
    page = f"{_endpoint()}/datasets/{repo}"
    try:
        yield trouble
    except errors.HFValidationError:
        trouble.error = PushError(f"'{repo}' is no name that the Hub knows. Write OWNER/NAME.")
    except errors.HfHubHTTPError as fault:
        status = fault.response.status_code
        trouble.again = status in AGAIN
        trouble.after = _seconds(fault.response.headers.get("Retry-After"))
        trouble.error = _refused(repo, status, page)
    except errors.HTTPError as fault:  # pyright: ignore[reportPrivateImportUsage] - what all that speaks HTTP raises
        trouble.again = True
        trouble.error = EvenlyError(f"{_endpoint()}: can't be reached ({type(fault).__name__}). Push again to go on.")
    except errors.OfflineModeIsEnabled:
        trouble.error = PushError(f"{repo}: HF_HUB_OFFLINE is set, so nothing can be sent. Unset it.")
    except (ConnectionError, TimeoutError) as fault:
        trouble.again = True
        trouble.error = EvenlyError(f"{_endpoint()}: can't be reached ({type(fault).__name__}). Push again to go on.")


def _refused(repo: str, status: int, page: str) -> EvenlyError:
    token = "HF_TOKEN" if os.environ.get("HF_TOKEN") else "HF_TOKEN is not set, and a token"
    match status:
        case 401:
            text = f"{repo}: the Hub does not know who asks (401). Set HF_TOKEN to a token with the right to write."
        case 403:
            text = f"{repo}: {token} has no right to write to {page} (403). Take a token with that right."
        case 404:
            text = (
                f"{repo}: there is none at {page}, and it can't be made (404). Check the name and the token's rights."
            )
        case 412:
            text = f"{repo}: somebody else wrote to it meanwhile (412). Push again to go on."
        case _:
            text = f"{repo}: {_endpoint()} answered with {status}. What was sent is kept there: push again to go on."
    return EvenlyError(text) if status in AGAIN or status == 412 else PushError(text)  # noqa: PLR2004 - HTTP's


def _seconds(told: str | None) -> float | None:
    try:
        return None if told is None else max(0.0, float(told))
    except ValueError:
        return None


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
