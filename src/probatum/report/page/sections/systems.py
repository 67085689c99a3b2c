"""All systems side by side: figures, what scoring took, and the paired differences."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from probatum.metrics.intervals import Interval
from probatum.report.content import ReportContent
from probatum.report.figures import metric_title
from probatum.report.page.html import joined, outside, table, tag
from probatum.report.page.section import Section, figure
from probatum.report.plots import systems as plot
from probatum.verdict.results import Comparison, SystemResult, Verdict
from probatum.verdict.wording import number

METRICS = ("f1", "accuracy", "precision", "recall", "fpr", "fnr", "mcc", "auroc", "auprc", "brier", "flag_rate")
NO_BREAK = "\N{NO-BREAK SPACE}"
DIFFERENCES = ("f1", "accuracy", "fpr", "fnr")


def section(content: ReportContent) -> Section:
    """Return the systems."""
    verdict = content.verdict
    plots = plot.plots(content)
    intro = f"{verdict.n:,} posts; {verdict.confidence * 100:g}% intervals below each figure. Positive is "
    html = joined(
        [
            tag("p", intro, outside(verdict.positive), "."),
            *(figure(one) for one in plots),
            _figures(verdict),
            tag("h3", "Paired differences on the same posts"),
            _paired(verdict.comparisons) if verdict.comparisons else tag("p", "There is only one system."),
        ]
    )
    return Section("systems", "Systems side by side", html, {f"plot-{one.name}": one.spec for one in plots})


def _figures(verdict: Verdict) -> Markup:
    systems = list(verdict.systems.values())
    rows: list[Sequence[object]] = [
        (metric_title(metric), *(with_span(one.metrics[metric]) if metric in one.metrics else "–" for one in systems))
        for metric in METRICS
    ]
    rows.append(("ECE", *(_calibration(one) for one in systems)))
    rows += [
        (title, *(f"{getattr(one, name):,}" for one in systems))
        for name, title in (("unparsed", "unparsed answers"), ("errors", "errors"), ("truncated", "cut posts"))
        if any(getattr(one, name) for one in systems)
    ]
    if any(one.valid_only for one in systems):
        rows.append(("F1 without unparsed", *(_valid(one) for one in systems)))
    rows += [
        (title, *(_amount(getattr(one.usage, title), form) for one in systems))
        for title, form in (("seconds", ",.1f"), ("tokens", ",d"), ("cost", ",.4f"))
        if any(getattr(one.usage, title) is not None for one in systems)
    ]
    return table(
        ("", *(outside(one.name) for one in systems)), rows, caption="Figures of every system", class_="numbers"
    )


def with_span(interval: Interval, sign: bool = False) -> Markup:
    """Return a value with its interval below; what there is none of says why."""
    if not interval.defined:
        return tag("span", "–", title=interval.reason)
    if not interval.bounded:
        return tag("span", number(interval.value, sign), title=interval.reason)
    return tag(
        "span",
        number(interval.value, sign),
        tag("small", f"{number(interval.low, sign)}{NO_BREAK}to {number(interval.high, sign)}"),
    )


def _calibration(system: SystemResult) -> Markup | str:
    found = system.calibration
    if not found.ece.defined:
        return "–"
    return tag("span", number(found.ece.value), tag("small", f"chance {number(found.ece_by_chance.value)}"))


def _valid(system: SystemResult) -> Markup | str:
    return with_span(system.valid_only["f1"]) if system.valid_only else "–"


def _amount(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _paired(comparisons: Sequence[Comparison]) -> Markup:
    rows = [
        (
            joined([outside(one.system), " − ", outside(one.other)]),
            *(with_span(one.differences[metric], sign=True) for metric in DIFFERENCES),
            f"{one.mcnemar_p:.2g}",
            f"{len(one.fixed):,}",
            f"{len(one.broken):,}",
        )
        for one in comparisons
    ]
    header = ("difference", *(metric_title(metric) for metric in DIFFERENCES), "McNemar p", "fixed", "broken")
    return table(header, rows, caption="Paired differences", class_="numbers")
