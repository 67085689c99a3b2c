"""Loss curves with the kept checkpoint, and how training ended."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.page.html import outside, table, tag
from probatum.report.page.section import Section, of_plots
from probatum.report.plots import losses


def section(content: ReportContent) -> Section | None:
    """Return how training went; `None` where nothing was trained."""
    training = content.context.training
    found = of_plots("training", "Training", "", losses.plots(content))
    if training is None:
        return found
    rows = [
        (title, "–" if value is None else value)
        for title, value in (
            ("completed", None if training.completed is None else "yes" if training.completed else "no"),
            ("steps", None if training.steps is None else f"{training.steps:,} of {training.planned_steps or 0:,}"),
            ("validation loss before the first step", _loss(training.start_loss)),
            ("validation loss of the kept checkpoint", _loss(training.best_loss)),
            ("validation loss at the last step", _loss(training.final_loss)),
            ("loss on general text, baseline", _loss(training.retention_nll_baseline)),
            ("loss on general text, tuned", _loss(training.retention_nll_tuned)),
        )
        if value is not None
    ]
    notes = tag("ul", *(tag("li", outside(note, 600)) for note in training.notes)) if training.notes else ""
    facts = table(("", ""), rows, caption="How training went") + notes
    return Section("training", "Training", (found.html if found else "") + facts, found.figures if found else {})


def _loss(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
