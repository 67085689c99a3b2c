"""Accuracy on functional tests, by what they check and by the group they aim at."""

from __future__ import annotations

from collections.abc import Sequence

from probatum.report.content import ReportContent
from probatum.report.plots.dots import dots
from probatum.report.plots.plot import Plot, labels, span
from probatum.verdict.further_results import BehaviourRow
from probatum.verdict.wording import number


def plots(content: ReportContent) -> list[Plot]:
    """Return a figure by functionality and one by group; none where the study names no functional tests."""
    found = content.verdict.behaviour
    if found is None:
        return []
    both = (
        ("behaviour", "Functional tests by what they check", found.functionalities),
        ("behaviour-groups", "Functional tests by group", found.groups),
    )
    return [_plot(content, name, title, [found.overall, *rows]) for name, title, rows in both if rows]


def _plot(content: ReportContent, name: str, title: str, rows: Sequence[BehaviourRow]) -> Plot:
    systems = [system for system in content.telling_systems if system in rows[0].figures]
    places = labels(row.value for row in rows)
    found = [(row, system, row.figures[system]["accuracy"]) for row in rows for system in systems]
    values = [
        {"place": places[row.value], "system": system, "note": f"{row.n:,}"} | span(interval)
        for row, system, interval in found
        if interval.defined
    ]
    cells = [
        [row.value, system, f"{row.n:,}", *(number(end) for end in (interval.value, interval.low, interval.high))]
        for row, system, interval in found
    ]
    spec = dots(values, systems, "accuracy", order=list(places.values()))
    what = f"Accuracy of {', '.join(systems)} on functional tests with intervals that draw whole templates."
    return Plot(name, title, what, spec, ("tests", "system", "n", "accuracy", "from", "to"), cells)
