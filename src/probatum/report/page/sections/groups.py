"""FPR and FNR by group, from baseline to tuned, and what lies between groups."""

from __future__ import annotations

from math import isnan

from markupsafe import Markup

from probatum.report.content import ReportContent
from probatum.report.page.html import joined, outside, table, tag
from probatum.report.page.section import Section, of_plots
from probatum.report.page.sections.systems import with_span
from probatum.report.plots import groups as plot
from probatum.verdict.results import Comparison
from probatum.verdict.wording import number


def section(content: ReportContent) -> Section | None:
    """Return the groups; `None` where posts have none."""
    found = of_plots("groups", "By group", "", plot.plots(content))
    if found is None:
        return None
    change = _changes(content.change) if content.change and content.change.groups else None
    return Section(found.name, found.title, joined([found.html, change, _between(content)]), found.figures)


def _changes(change: Comparison) -> Markup:
    rows = [
        (outside(one.value), with_span(one.fpr, sign=True), _p(one.fpr_p), with_span(one.fnr, sign=True), _p(one.fnr_p))
        for one in change.groups
    ]
    title = tag("h3", "Change from ", outside(change.other), " to ", outside(change.system))
    header = ("group", "FPR", "p (Holm)", "FNR", "p (Holm)")
    return title + table(header, rows, caption="Change of FPR and FNR by group", class_="numbers")


def _p(value: float) -> str:
    return "–" if isnan(value) else f"{value:.2g}"


def _between(content: ReportContent) -> Markup | None:
    rows = [
        (
            outside(name),
            with_span(one.demographic_parity.interval),
            with_span(one.equalised_odds.interval),
            *(number(one.mean_areas[kind].value) for kind in ("subgroup", "bpsn", "bnsp")),
        )
        for name, one in ((name, system.fairness) for name, system in content.verdict.systems.items())
        if one is not None
    ]
    if not rows:
        return None
    areas = (f"{kind} AUC" for kind in ("subgroup", "BPSN", "BNSP"))
    header = ("system", "demographic-parity difference", "equalised-odds difference", *areas)
    return tag("h3", "Between groups") + table(header, rows, caption="Differences between groups", class_="numbers")
