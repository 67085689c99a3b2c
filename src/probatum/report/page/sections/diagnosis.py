"""Why the figures may be as they are, in the order in which to look into it."""

from __future__ import annotations

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import joined, outside, tag
from probatum.report.page.section import Section, of_plots
from probatum.report.plots import learning
from probatum.verdict.further_results import Cause

LONG = 600


def section(content: ReportContent) -> Section | None:
    """Return causes with their commands and the learning curve; `None` where there is neither."""
    curve = of_plots("diagnosis", "Diagnosis", "", learning.plots(content))
    causes = content.verdict.diagnosis.causes
    if not causes and curve is None:
        return None
    listed = tag("ol", *map(_cause, causes)) if causes else tag("p", "No cause was found.")
    html = joined([listed, curve.html if curve else None])
    return Section("diagnosis", "Diagnosis", html, curve.figures if curve else {})


def _cause(cause: Cause) -> Markup:
    what = tag("p", tag("b", cause.kind.replace("_", " ")), ": ", outside(cause.sentence, LONG), "; ",
               outside(cause.advice, LONG), ".")  # fmt: skip
    return tag("li", what, tag("pre", tag("code", cause.command), class_="command", tabindex="0"))
