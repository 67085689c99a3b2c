"""Every criterion with its interval beside the line that it must clear."""

from __future__ import annotations

from math import isnan

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import outside, table, tag
from probatum.report.page.section import Section, chart
from probatum.report.plots.criteria import bar, is_drawn
from probatum.report.plots.plot import FIT_WIDTH
from probatum.verdict.results import CriterionResult
from probatum.verdict.wording import limit, number

LEGEND = (
    "The dot is what was measured, the bar its interval, the broken line the limit; the side that passes is shaded. "
    "A criterion is inconclusive where the interval lies on both sides."
)


def section(content: ReportContent) -> Section | None:
    """Return the criteria; `None` where the study sets none."""
    results = content.verdict.criteria
    if not results:
        return None
    level = f"{content.verdict.confidence * 100:g}% interval"
    header = ("criterion", "outcome", "beside the limit", "value", level, "limit", "posts")
    rows = [_row(at, result) for at, result in enumerate(results)]
    figures = {
        _element(at): bar(result) | {**FIT_WIDTH, "height": 18, "padding": 1}
        for at, result in enumerate(results)
        if is_drawn(result)
    }
    html = tag("p", LEGEND) + table(header, rows, caption="Criteria", class_="criteria")
    return Section("criteria", "Criteria", html, figures)


def _element(at: int) -> str:
    return f"criterion-{at + 1}"


def _row(at: int, result: CriterionResult) -> list[Markup | str]:
    signed = bool(result.criterion.get("gain_over") or result.criterion.get("rise_over"))
    value, low, high = (number(end, signed) for end in (result.value, result.low, result.high))
    drawn = is_drawn(result)
    picture = f"{value}, interval {low} to {high}, limit {_limits(result)}: {result.outcome}"
    return [
        tag("span", outside(result.text), tag("small", outside(result.reason, 600))),
        tag("span", result.outcome, class_=f"chip {result.outcome}"),
        chart(_element(at), picture, "bar") if drawn else "",
        "–" if isnan(result.value) or result.criterion["metric"] == "training" else value,
        f"{low} to {high}" if low != "-" else "–",
        _limits(result) or "–",
        f"{result.n:,}" if result.n else "–",
    ]


def _limits(result: CriterionResult) -> str:
    return " to ".join(limit(value) for value in result.limit) if is_drawn(result) else ""
