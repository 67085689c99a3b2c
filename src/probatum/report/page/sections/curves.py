"""What scores are worth: ranking, reliability, and how they spread."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.page.section import Section, of_plots
from probatum.report.plots import ranking as ranking_plots
from probatum.report.plots import reliability as reliability_plots
from probatum.report.plots import scores as score_plots


def ranking(content: ReportContent) -> Section | None:
    """Return ROC and precision-recall curves."""
    return of_plots("ranking", "Ranking", "", ranking_plots.plots(content))


def reliability(content: ReportContent) -> Section | None:
    """Return the reliability diagrams."""
    intro = "Of the posts with a score near 0.8, 80% should be positive. Larger dots stand for more posts."
    return of_plots("reliability", "Reliability", intro, reliability_plots.plots(content))


def scores(content: ReportContent) -> Section | None:
    """Return how scores spread by label."""
    return of_plots("scores", "Scores by label", "", score_plots.plots(content))
