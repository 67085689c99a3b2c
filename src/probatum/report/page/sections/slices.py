"""Where the errors are."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.page.section import Section, of_plots
from probatum.report.plots import slices


def section(content: ReportContent) -> Section | None:
    """Return the slices that hold more errors than their size explains; `None` without any."""
    intro = "Slices of one or two columns. They are leads to read posts by: of so many slices some stand out by chance."
    return of_plots("slices", "Where the errors are", intro, slices.plots(content), class_="plots one")
