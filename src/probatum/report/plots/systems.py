"""The main figures of all systems side by side."""

from __future__ import annotations

from probatum.report.content import ReportContent
from probatum.report.plots.dots import dots
from probatum.report.plots.plot import Plot, span
from probatum.verdict.wording import number

METRICS = {"f1": "F1", "accuracy": "accuracy", "fpr": "FPR", "fnr": "FNR", "auroc": "AUROC"}


def plots(content: ReportContent) -> list[Plot]:
    """Return one figure: F1, accuracy, FPR, FNR and AUROC of every telling system, with intervals."""
    systems = content.telling_systems
    found = [
        (title, system, content.verdict.systems[system].metrics[metric])
        for metric, title in METRICS.items()
        for system in systems
    ]
    rows = [
        {"place": title, "system": system, "note": f"{interval.n:,}"} | span(interval)
        for title, system, interval in found
        if interval.defined
    ]
    cells = [
        [title, system, *(number(end) for end in (interval.value, interval.low, interval.high))]
        for title, system, interval in found
    ]
    what = (
        f"F1, accuracy, error rates and AUROC of {', '.join(systems)} with intervals. High is good but for FPR and FNR."
    )
    spec = dots(rows, systems, "value", order=list(METRICS.values()))
    return [Plot("systems", "The main figures", what, spec, ("figure", "system", "value", "from", "to"), cells)]
