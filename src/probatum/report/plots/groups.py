"""FPR and FNR by group, from baseline to tuned."""

from __future__ import annotations

import math
from typing import Any

from probatum.report.content import ReportContent
from probatum.report.plots.dots import dots
from probatum.report.plots.plot import Plot, labels, span
from probatum.verdict.results import SliceRow
from probatum.verdict.wording import number

MOST_GROUPS = 20
RATES = {
    "fpr": ("False-positive rate by group", "harmless posts flagged", "negatives"),
    "fnr": ("False-negative rate by group", "hateful posts missed", "positives"),
}


def plots(content: ReportContent) -> list[Plot]:
    """Return a figure for each of the two rates; none where posts have no group."""
    return [_plot(content, rate) for rate in RATES] if content.verdict.groups else []


def _plot(content: ReportContent, rate: str) -> Plot:
    title, _, of = RATES[rate]
    systems = content.telling_systems
    rows = [row for row in content.verdict.groups if row.system in systems]
    places = group_labels(content)
    shown = [row for row in rows if row.row.value in places and getattr(row.row, rate).defined]
    change = content.change
    joined = [change.other, change.system] if change else []
    text = f"{rate.upper()} of {' and '.join(systems)} in each group, with intervals."
    return Plot(
        rate,
        title,
        text,
        dots(
            [_row(row, places[row.row.value], rate, of) for row in shown],
            systems,
            rate.upper(),
            order=list(places.values()),
            joined=joined,
            highest=_highest(content),
        ),
        ("group", "system", of, rate.upper(), "from", "to"),
        [_cells(row, rate, of) for row in rows],
    )


def _highest(content: ReportContent) -> float:
    """Return where both axes end, the same for both rates: the next tenth above every interval."""
    shown = [
        getattr(row.row, rate).high
        for row in content.verdict.groups
        for rate in RATES
        if row.system in content.telling_systems
    ]
    return min(1.0, math.ceil(10 * max((end for end in shown if not math.isnan(end)), default=1.0)) / 10)


def group_labels(content: ReportContent) -> dict[str, str]:
    """Return the largest groups with the labels that figures give them, the largest first."""
    return dict(list(labels(row.row.value for row in content.verdict.groups).items())[:MOST_GROUPS])


def _row(row: SliceRow, place: str, rate: str, of: str) -> dict[str, Any]:
    note = f"{getattr(row.row, of):,} {of[:-1]}"
    return {"place": place, "system": row.system, "note": note} | span(getattr(row.row, rate))


def _cells(row: SliceRow, rate: str, of: str) -> list[str]:
    interval = getattr(row.row, rate)
    ends = [number(end) for end in (interval.value, interval.low, interval.high)]
    return [row.row.value, row.system, f"{getattr(row.row, of):,}", *ends]
