"""How an ablation is made: the budget, the seeds, the proxies, and what counts as an effect."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict, cast

from evenly.errors import UserError, choices_line, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SCALES: Final = ("units", "log")
"""What a numeric label is predicted as: itself, or log(1 + label)."""

PROXY_NAMES: Final = ("ridge", "trees")

MANY: Final = ("sizes", "bands", "proxies", "scales")
"""Options that are several values."""

DEFAULT_ROWS: Final = 12_000
"""Training rows of each variant, at most, where no budget is given."""

OF_THE_LAST: Final = ("bands", "last_seeds", "smallest_effect")
"""Options of a search that are about its last measurement."""

DEFAULT_EFFECT: Final = 0.02

FEWEST_SEEDS: Final = 2


class AblationOptions(TypedDict, total=False):
    """The options of an ablation, as its public call takes them; see `Options`."""

    rows: int | None
    tokens: int | None
    seeds: int
    sizes: Sequence[int]
    smallest_effect: float
    measure: str | None
    bands: Sequence[float]
    proxies: Sequence[str]
    scales: Sequence[str]


@dataclass(frozen=True)
class Options:
    """How an ablation is made.

    Attributes:
        rows, tokens: what each variant is trained on, one of them; None: `DEFAULT_ROWS`, or what the smallest has.
        seeds: how many selections of each variant are trained on.
        sizes: training rows of a size curve, growing; the largest is the budget.
        smallest_effect: the relative change that matters.
        measure: what verdicts are about; None: `mae`, or `macro_f1` for classes.
        bands: values of a numeric label that part it into regions of their own.
        proxies, scales: which models are fitted.
    """

    rows: int | None = None
    tokens: int | None = None
    seeds: int = 10
    sizes: tuple[int, ...] = ()
    smallest_effect: float = DEFAULT_EFFECT
    measure: str | None = None
    bands: tuple[float, ...] = ()
    proxies: tuple[str, ...] = PROXY_NAMES
    scales: tuple[str, ...] = SCALES

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UserError: naming the option.
        """
        if sum(bool(one) for one in (self.rows, self.tokens, self.sizes)) > 1:
            message = "--rows, --tokens, --sizes: each of them is the budget. Give one of them."
            raise UserError(message)
        for name, value in (("rows", self.rows), ("tokens", self.tokens), *(("sizes", size) for size in self.sizes)):
            if value is not None and value < 1:
                message = f"--{name}: found {value}, expected at least 1."
                raise UserError(message)
        if self.seeds < FEWEST_SEEDS:
            message = f"--seeds: found {self.seeds}, expected at least {FEWEST_SEEDS}: an interval needs a spread."
            raise UserError(message)
        if not 0 < self.smallest_effect < 1:
            message = f"--smallest-effect: found {self.smallest_effect:g}, expected a share such as 0.02."
            raise UserError(message)
        _known("--proxies", self.proxies, PROXY_NAMES)
        _known("--scales", self.scales, SCALES)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain data."""
        return {key: list(value) if key in MANY else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Options:
        """Return options from plain data, as `to_dict` gives it."""
        given: dict[str, Any] = {key: tuple(value) if key in MANY else value for key, value in data.items()}
        return cls(**given)


class SearchOptions(TypedDict, total=False):
    """The options of a search, as its public call takes them, see `Search`; `seeds` of the last measurement too."""

    trials: int
    minutes: float | None
    seeds: int
    rows: int | None
    search: Sequence[str]
    measure: str | None
    scale: Literal["units", "log"]
    bands: Sequence[float]
    last_seeds: int
    smallest_effect: float


@dataclass(frozen=True)
class Search:
    """How a search is made.

    Attributes:
        trials: recipes that are tried; `minutes` ends it earlier.
        seeds: selections of each.
        rows: training rows of each.
        knobs: keys that are searched, as `--search` takes them; empty: those of `evenly.ablation.knobs.knobs_of`.
        measure: `mae`, or `macro_f1` for classes, where None.
        scale: as what a number is predicted.
    """

    trials: int = 50
    minutes: float | None = None
    seeds: int = 3
    rows: int | None = None
    knobs: tuple[str, ...] = ()
    measure: str | None = None
    scale: Literal["units", "log"] = "units"

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UserError: naming the option.
        """
        if self.trials < 1:
            message = f"--trials: found {self.trials}, expected at least 1."
            raise UserError(message)
        if self.minutes is not None and self.minutes <= 0:
            message = f"--minutes: found {self.minutes:g}, expected more than 0."
            raise UserError(message)
        if self.seeds < FEWEST_SEEDS:
            message = f"--seeds: found {self.seeds}, expected at least {FEWEST_SEEDS}."
            raise UserError(message)
        if self.scale not in SCALES:
            message = f"--scale: found '{self.scale}', expected units or log.{did_you_mean(self.scale, SCALES)}"
            raise UserError(message)


def search_options(given: SearchOptions) -> tuple[Search, Options]:
    """Return how a search is made, and the ablation that measures what it chose."""
    own = {key: value for key, value in given.items() if key not in OF_THE_LAST}
    if "search" in own:
        own["knobs"] = tuple(given.get("search", ()))
        del own["search"]
    search = Search(**cast("dict[str, Any]", own))
    last = Options(
        rows=search.rows,
        measure=search.measure,
        seeds=given.get("last_seeds", 10),
        bands=tuple(given.get("bands", ())),
        smallest_effect=given.get("smallest_effect", DEFAULT_EFFECT),
    )
    return search, last


def _known(option: str, given: Iterable[str], there: tuple[str, ...]) -> None:
    for name in given:
        if name not in there:
            message = f"{option}: '{name}' is none.{did_you_mean(name, there)}{choices_line('expected', there)}"
            raise UserError(message)
    if not tuple(given):
        message = f"{option}: none is given. Name some.{choices_line('expected', there)}"
        raise UserError(message)
