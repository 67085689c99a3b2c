"""What another threshold would do: a slider over the scores, and the frontier."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from probatum.metrics.intervals import critical_value
from probatum.report.content import ReportContent
from probatum.report.decisions import calibration_text
from probatum.report.page.html import joined, outside, tag
from probatum.report.page.section import Section, chart, figure
from probatum.report.plots import frontier
from probatum.report.plots.dots import dots
from probatum.report.plots.groups import group_labels
from probatum.report.plots.plot import label

WARNING = (
    "These are the test posts. Move the slider to see what a threshold costs; to use another one, let validation posts "
    "choose it, or its figures are flattered. Intervals here are Wilson's and take every post as one of its own."
)


def section(content: ReportContent) -> Section | None:
    """Return slider, confusion matrix, group rates and frontier; `None` where no system gave scores."""
    systems = content.scored_systems
    if not systems:
        return None
    plots = frontier.plots(content)
    frontiers = tag("div", *(figure(plot) for plot in plots), class_="plots")
    html = joined([tag("p", WARNING), _rules(content), _controls(), _results(content), frontiers])
    groups = group_labels(content)
    places = np.unique(content.evidence.column("group")).tolist()  # in the order of the page's data
    order = ["all posts", *groups.values()]
    rates = dots([], ["FPR", "FNR"], "rate at this threshold", order=order, name="rates")
    figures = {"threshold-rates": rates} | {f"plot-{plot.name}": plot.spec for plot in plots}
    data = {
        "systems": systems,
        "system": content.judged if content.judged in systems else systems[-1],
        "chosen": {name: content.threshold(name) for name in systems},
        "groups": [[shown, places.index(group)] for group, shown in groups.items()],
        "critical": critical_value(content.verdict.confidence),
    }
    return Section("threshold", "Threshold", html, figures, data)


def _rules(content: ReportContent) -> Markup | None:
    """Return how each threshold was chosen, and the calibration before it; `None` where the study gives all."""
    found = [one for one in content.decisions.values() if one.chosen or one.calibration.method != "none"]
    told = (
        f"{one.system}: {one.threshold:.6g}, {one.rule}; calibration: "
        + calibration_text(one.calibration.method, one.calibration.temperature)
        + ("; it keeps its cap on validation" if one.meets_cap else "")
        for one in found
    )
    return tag("ul", *(tag("li", outside(line, 400)) for line in told)) if found else None


def _controls() -> Markup:
    return tag(
        "div",
        tag("label", "system ", tag("select", id="threshold-system")),
        tag(
            "label", "threshold ",
            tag("input", type="range", id="threshold-slider", min="0", step="1", aria_describedby="threshold-note"),
        ),
        tag("output", id="threshold-value", for_="threshold-slider"),
        tag("button", "back to the one in use", type="button", id="threshold-reset"),
        class_="controls",
    )  # fmt: skip


def _results(content: ReportContent) -> Markup:
    positive = label(content.verdict.positive)
    head = tag("tr", tag("td"), tag("th", f"called {positive}", scope="col"), tag("th", "called other", scope="col"))
    rows = (
        tag("tr", tag("th", name, scope="row"), *(tag("td", "–", id=f"threshold-{cell}") for cell in cells))
        for name, cells in ((f"is {positive}", ("tp", "fn")), ("is other", ("fp", "tn")))
    )
    matrix = tag(
        "table",
        tag("caption", "Confusion matrix"),
        tag("tbody", head, *rows),
        class_="confusion",
    )
    figures = tag(
        "dl",
        *(
            tag("div", tag("dt", name), tag("dd", "–", id=f"threshold-{key}"))
            for key, name in (("f1", "F1"), ("accuracy", "accuracy"), ("fpr", "FPR"), ("fnr", "FNR"))
        ),
        class_="tiles",
    )
    picture = "FPR and FNR of all posts and of each group at the slider's threshold, with intervals"
    note = tag("p", id="threshold-note", class_="what", role="status")
    return tag("div", tag("div", matrix, figures, note), chart("threshold-rates", picture), class_="plots")
