"""What ran where, how long, at what cost."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.markdown import statistics
from probatum.report.page.html import joined, outside, table, tag
from probatum.report.page.section import Section


def section(content: ReportContent) -> Section:
    """Return seconds by stage, cost, hardware and versions."""
    context = content.context
    stages = [(outside(stage), f"{seconds:,.1f}") for stage, seconds in context.stage_seconds.items()]
    together = [("together", f"{sum(context.stage_seconds.values()):,.1f}")] if len(stages) > 1 else []
    cost = [("cost of the whole run", f"{context.cost:,.2f}")] if context.cost is not None else []
    facts = [(outside(name), outside(what)) for name, what in {**context.hardware, **context.versions}.items()]
    parts = [
        table(("stage", "seconds"), [*stages, *together, *cost], caption="Time and cost", class_="numbers")
        if stages
        else None,
        table(("", ""), facts, caption="Hardware and versions") if facts else None,
    ]
    html = tag("div", *parts, class_="plots") + tag("p", statistics(content.verdict), class_="what")
    return Section("what-ran", "What ran", joined([html]))
