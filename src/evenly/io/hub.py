"""Files of the Hugging Face Hub: listed at one commit, fetched into huggingface_hub's cache (it resumes and verifies).

An address is `hf://datasets/<owner>/<name>[@<revision>]/<path>`, where the path may be a glob with braces. A file is
called by its address with the commit in it, so that the same recipe names the same bytes on any machine.

`HF_TOKEN`, `HF_ENDPOINT`, `HF_HUB_OFFLINE` and `HF_HUB_CACHE` hold as they do for every tool of the Hub. A listing is
kept in Evenly's cache, so that globs work offline too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import unquote

import bracex
from wcmatch import glob

from evenly.errors import DataError, EvenlyError, TokenizerError, choices_line, did_you_mean
from evenly.io.blocks import FORMATS, File
from evenly.io.cache import cache_folder, kept_at
from evenly.io.within import stays_inside

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from evenly.io.remote import Phase

ADDRESS: Final = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.*))?")
TOKENIZER: Final = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>.+))?")
HUB: Final = "https://huggingface.co"
FETCHERS: Final = 4
"""Files that are fetched at once."""

BESIDE: Final = {"tokenizer_config.json", "chat_template.jinja"}
"""What is fetched beside a tokenizer.json where it is there: the chat template."""


@dataclass(frozen=True)
class Listing:
    """A repository at one commit: path -> bytes."""

    commit: str
    files: dict[str, int]


def dataset_files(address: str, where: str, phase: Phase) -> list[File]:
    """Fetch the files that an address stands for; `where` is its place in the recipe.

    Raises:
        DataError: for what is not there, not allowed, or can't be reached.
    """
    match = ADDRESS.fullmatch(address)
    if match is None:
        message = f"{where}: '{address}' is no dataset on the Hub. Write hf://datasets/OWNER/NAME/path/*.parquet."
        raise DataError(message)
    repo, revision = match["repo"], unquote(match["revision"] or "main")
    ask = _Asked(f"{where}: '{address}'", f"datasets/{repo}", DataError)
    listing = _listing("dataset", repo, revision, ask)
    paths = _matching(match["path"] or "", listing.files, ask)
    total = sum(listing.files[path] for path in paths)
    with phase("fetch", total, "bytes") as advance:
        fetch = partial(_fetch, repo=repo, kind="dataset", revision=listing.commit, ask=ask, advance=advance)
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="evenly-fetch") as pool:
            places = list(pool.map(fetch, paths))
    named = f"hf://datasets/{repo}@{listing.commit}"
    return [File(place, f"{named}/{path}", listing.commit) for path, place in zip(paths, places, strict=True)]


def fetch_output(address: str, phase: Phase) -> Path:
    """Fetch a whole dataset repository, `OWNER/NAME[@revision]` or `hf://datasets/…`; return the folder of its files.

    Raises:
        DataError: for what is not there, not allowed, or can't be reached.
    """
    named = address if address.startswith("hf://") else f"hf://datasets/{address}"
    match = ADDRESS.fullmatch(named)
    if match is None or match["path"]:
        message = f"'{address}' is no folder, and no dataset on the Hub. Give the folder of a run, or OWNER/NAME."
        raise DataError(message)
    repo, revision = match["repo"], unquote(match["revision"] or "main")
    ask = _Asked(f"'{address}'", f"datasets/{repo}", DataError)
    listing = _listing("dataset", repo, revision, ask)
    with phase("fetch", sum(listing.files.values()), "bytes") as advance:
        fetch = partial(_fetch, repo=repo, kind="dataset", revision=listing.commit, ask=ask, advance=advance)
        with ThreadPoolExecutor(FETCHERS, thread_name_prefix="evenly-fetch") as pool:
            places = dict(zip(listing.files, pool.map(fetch, listing.files), strict=True))
    if not places:
        text = "holds no file. Name another."
        raise ask.error(text)
    name, place = next(iter(places.items()))
    return place.parents[len(Path(name).parts) - 1]


def tokenizer_file(spec: str) -> Path:
    """Fetch the tokenizer.json of a model, and its chat template where there is one; return the file's place.

    Raises:
        TokenizerError: for what is not there, not allowed, or can't be reached.
    """
    match = TOKENIZER.fullmatch(spec)
    if match is None:
        message = f"recipe.tokenizer: '{spec}' is no id on the Hub. Write OWNER/NAME."
        raise TokenizerError(message)
    instead = "Or set an open one that comes with Evenly: --set tokenizer=o200k_base."
    ask = _Asked(f"recipe.tokenizer: '{spec}'", match["repo"], TokenizerError, instead)
    listing = _listing("model", match["repo"], unquote(match["revision"] or "main"), ask)
    if "tokenizer.json" not in listing.files:
        text = f"holds no tokenizer.json.{did_you_mean('tokenizer.json', listing.files)} Name a model that has one."
        raise ask.error(text)
    for name in BESIDE & listing.files.keys():
        _fetch(name, match["repo"], "model", listing.commit, ask)
    return _fetch("tokenizer.json", match["repo"], "model", listing.commit, ask)


def token_is_set() -> bool:
    """Say whether requests to the Hub carry a token: of HF_TOKEN, or of a login; its value is nobody's business."""
    from huggingface_hub import get_token  # noqa: PLC0415 - half a second, which only remote files are worth

    return get_token() is not None


def hub_account() -> str | None:
    """Ask the Hub who the token belongs to; None without one, where any answer will do.

    Raises:
        EvenlyError: when the Hub can't be reached, or refuses the token.
    """
    from huggingface_hub import HfApi, errors  # noqa: PLC0415 - half a second, which only remote files are worth

    ask = _Asked("hub", "", EvenlyError)
    if _offline():
        text = "HF_HUB_OFFLINE is set, so that nothing is asked. Unset it."
        raise ask.error(text)
    api = HfApi(endpoint=_endpoint())
    with _told(ask):
        if token_is_set():
            return str(cast("dict[str, Any]", api.whoami())["name"])
        try:
            api.model_info("openai-community/gpt2", timeout=10)
        except errors.RepositoryNotFoundError:
            return None  # a Hub of one's own need not have it
    return None


@dataclass(frozen=True)
class _Asked:
    """What was asked of the Hub, for errors."""

    where: str
    page: str
    kind: type[EvenlyError]
    instead: str = ""

    def error(self, text: str) -> EvenlyError:
        return self.kind(" ".join(filter(None, [f"{self.where}: {text}", self.instead])))


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", HUB).rstrip("/")


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}


def _listing(kind: str, repo: str, revision: str, ask: _Asked) -> Listing:
    """List a repository; offline, or where the Hub can't be reached, as it was listed last."""
    key = hashlib.sha256(json.dumps([_endpoint(), kind, repo, revision]).encode()).hexdigest()[:32]
    kept = cache_folder() / "listings" / f"{key}.json"
    if _offline():
        try:
            return Listing(**json.loads(kept.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            text = f"HF_HUB_OFFLINE is set, and what the {kind} holds is not known here. Run once without it."
            raise ask.error(text) from None
    from huggingface_hub import HfApi  # noqa: PLC0415 - half a second, which only remote files are worth

    with _told(ask):
        api = HfApi(endpoint=_endpoint())
        ask_for: Callable[..., Any] = api.dataset_info if kind == "dataset" else api.model_info
        info = ask_for(repo, revision=revision, files_metadata=True)
    listing = Listing(str(info.sha), _sizes(info.siblings or []))
    if (out := next((name for name in listing.files if not stays_inside(name)), None)) is not None:
        text = f"lists a file '{out}', whose name leads out of the repository. Nothing was fetched. Name others."
        raise ask.error(text)
    with kept_at(kept) as unfinished:
        unfinished.write_text(json.dumps(asdict(listing)), encoding="utf-8")
    return listing


def _sizes(siblings: list[Any]) -> dict[str, int]:
    return {one.rfilename: one.size or 0 for one in siblings}


def _matching(pattern: str, files: dict[str, int], ask: _Asked) -> list[str]:
    """Return the files that a pattern stands for, sorted; each alternative of its braces must match some.

    Without a pattern: all Parquet files, or else all JSON Lines.
    """
    if not pattern:
        for ending in (".parquet", ".jsonl"):
            found = [
                name for name in files if name.endswith((ending, *(f"{ending}{pack}" for pack in (".gz", ".zst"))))
            ]
            if found:
                return sorted(found)
        text = f"holds no Parquet and no JSON Lines. Name its files.{choices_line('files', sorted(files))}"
        raise ask.error(text)
    if pattern in files:
        return [pattern]
    matched: set[str] = set()
    for one in bracex.iexpand(pattern, keep_escapes=True, limit=10_000):
        here = [str(name) for name in glob.globfilter(list(files), one, flags=glob.GLOBSTAR)]
        if not here:
            near = did_you_mean(one, files)
            data = [name for name in sorted(files) if any(ending in name for ending in FORMATS)]
            text = f"no file matches '{one}'. Check the path.{near}{choices_line('files', data or files)}"
            raise ask.error(text)
        matched.update(here)
    return sorted(matched)


def _fetch(
    name: str, repo: str, kind: str, revision: str, ask: _Asked, advance: Callable[[int], None] | None = None
) -> Path:
    """Fetch one file, or find it in the cache; return its place."""
    import huggingface_hub  # noqa: PLC0415 - half a second, which only remote files are worth

    fetched: Callable[[], Any] = partial(
        huggingface_hub.hf_hub_download,
        repo,
        name,
        repo_type=kind,
        revision=revision,
        endpoint=_endpoint(),
        cache_dir=os.environ.get("HF_HUB_CACHE"),
        tqdm_class=_bar(advance),
        local_files_only=_offline(),
    )
    with _told(ask):
        return Path(fetched())


def _bar(advance: Callable[[int], None] | None) -> Any:  # noqa: ANN401 - stands for a class of tqdm's
    """Return what huggingface_hub takes for a progress bar, and tells of each chunk."""

    class Bar:
        def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
            self.update(initial)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, amount: float | None = 1) -> None:
            if advance is not None and amount:
                advance(int(amount))

        def __getattr__(self, name: str) -> Callable[..., None]:
            """Take whatever else a bar is told: postfixes, closing."""
            return lambda *_, **__: None

    return Bar


@contextmanager
def _told(ask: _Asked) -> Generator[None]:
    """Tell what the Hub refuses, or that it can't be reached, as one clear line."""
    from huggingface_hub import errors  # noqa: PLC0415 - half a second, which only remote files are worth

    page = f"{_endpoint()}/{ask.page}"
    try:
        yield
    except errors.GatedRepoError:
        text = f"is gated. Ask for access at {page}, then set HF_TOKEN to a token of yours."
        raise ask.error(text) from None
    except errors.RevisionNotFoundError:
        text = f"has no such revision. See {page}."
        raise ask.error(text) from None
    except errors.RepositoryNotFoundError:
        text = f"there is none at {page}, or it is private. Check the name; for a private one set HF_TOKEN."
        raise ask.error(text) from None
    except errors.LocalEntryNotFoundError as fault:
        raise ask.error(_unreached(fault.__cause__ or fault)) from None
    except errors.EntryNotFoundError:
        text = f"the file is not in {page}. Check the path."
        raise ask.error(text) from None
    except errors.HFValidationError:
        text = "is no name that the Hub knows. Write OWNER/NAME."
        raise ask.error(text) from None
    except errors.HTTPError as fault:  # pyright: ignore[reportPrivateImportUsage] - what all that speaks HTTP raises
        raise ask.error(_unreached(fault)) from None
    except OSError as fault:
        text = f"can't be kept: {fault.strerror or fault}. Is the disk full? Free some room, or set HF_HOME."
        raise ask.error(text) from None


def _unreached(fault: BaseException) -> str:
    """Return what to tell of a Hub that did not answer, or not as it should."""
    if _offline():
        return "HF_HUB_OFFLINE is set, and the file is not in the cache. Run once without it."
    answer = getattr(getattr(fault, "response", None), "status_code", None)
    said = f"answered with {answer}" if answer is not None else "can't be reached"
    return f"{_endpoint()} {said}. Check the connection and try again, or set HF_HUB_OFFLINE=1 to use what is here."
