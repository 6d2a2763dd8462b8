"""Every chart, drawn from the numbers of a report (see `evenly.flow.report`): no record is looked at.

A chart is one or two panels (before and after, side by side on a page and in a file), a sentence that says what is
seen, for those who can't see it, and a table of the numbers that it shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenly.reporting.charts.along import density, histogram, mix
from evenly.reporting.charts.base import Chart, clean
from evenly.reporting.charts.records import category_bars, category_shares, funnel
from evenly.reporting.charts.strata import lorenz, strata

if TYPE_CHECKING:
    from evenly.reporting.charts.base import Numbers

__all__ = ["Chart", "draw_charts", "draw_plan"]


def draw_plan(numbers: Numbers) -> Chart:
    """Return the chart of a plan, from the `strata` and the `counts` of a report's numbers."""
    return strata(clean(numbers))


def draw_charts(numbers: Numbers) -> list[Chart]:
    """Return all charts that there are numbers for, in the order in which a report shows them."""
    numbers = clean(numbers)
    pictures = numbers["pictures"]
    made = [
        histogram(numbers, "label") if "label" in pictures else None,
        histogram(numbers, "label_log") if "label_log" in pictures else None,
        strata(numbers),
        lorenz(numbers),
        category_bars(numbers) if len(numbers["categories"]["names"]) > 1 else None,
        category_shares(numbers) if len(numbers["categories"]["names"]) > 1 else None,
        mix(numbers) if "mix" in pictures and len(numbers["categories"]["names"]) > 1 else None,
        histogram(numbers, "tokens") if "tokens" in pictures else None,
        density(numbers) if "density" in pictures else None,
        funnel(numbers),
    ]
    return [one for one in made if one is not None]
