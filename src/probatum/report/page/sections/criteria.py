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
    "Why a criterion did not pass stands in the verdict above."
)

NONE = tag("span", "–", class_="none")  # where screens are narrow it is left out


def section(content: ReportContent) -> Section | None:
    """Return the criteria; `None` where the study sets none."""
    results = content.verdict.criteria
    if not results:
        return None
    level = f"{content.verdict.confidence * 100:g}% interval"
    header = ("criterion", "outcome", "beside the limit", "value", level, "limit", "measured on")
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
        tag("span", outside(result.text), _reason(result)),
        tag("span", result.outcome, class_=f"chip {result.outcome}"),
        chart(_element(at), picture, "bar") if drawn else "",
        NONE if isnan(result.value) or result.criterion["metric"] == "training" else value,
        f"{low} to {high}" if low != "-" else NONE,
        _limits(result) or NONE,
        _measured_on(result) or NONE,
    ]


def _reason(result: CriterionResult) -> Markup | None:
    """Return why a criterion passed; why one did not stands in the verdict."""
    return tag("small", outside(result.reason, 600)) if result.outcome == "passed" else None


def _measured_on(result: CriterionResult) -> str:
    what = "tokens" if result.criterion["metric"] == "retention_nll" else "posts"
    return f"{result.n:,} {what}" if result.n else ""


def _limits(result: CriterionResult) -> str:
    return " to ".join(limit(value) for value in result.limit) if is_drawn(result) else ""
