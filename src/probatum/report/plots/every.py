"""All figures of a run, in the order of the page."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.plots import (
    behaviour,
    criteria,
    frontier,
    groups,
    learning,
    losses,
    ranking,
    reliability,
    scores,
    slices,
    swaps,
    systems,
)
from probatum.report.plots.plot import Plot

MODULES = (
    criteria,
    systems,
    groups,
    frontier,
    ranking,
    reliability,
    scores,
    losses,
    learning,
    slices,
    behaviour,
    swaps,
)


def every_plot(content: ReportContent) -> list[Plot]:
    """Return every figure that the run has the data for."""
    return [plot for module in MODULES for plot in module.plots(content)]
