"""What the threshold trades: F1 against the FPR of the group that is treated worst."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from probatum.metrics.classification import Flags
from probatum.metrics.curves import thinned
from probatum.metrics.ranking import ranked_wrong
from probatum.metrics.threshold import OperatingPoint
from probatum.report.content import ReportContent
from probatum.report.plots.plot import FIT_WIDTH, Plot, Spec, colour, label, none_if_nan, share_axis, system_scales
from probatum.report.safe import one_line
from probatum.verdict.decision import Decision
from probatum.verdict.evidence import NO_VALUE
from probatum.verdict.wording import number

MOST_POINTS = 120
FEWEST_NEGATIVES = 10  # a rate over fewer posts is noise, and the worst of many such rates is near 1
HEIGHT = 300
HEADER = ("system", "threshold in use", "F1", "worst FPR", "group")


def plots(content: ReportContent) -> list[Plot]:
    """Return what a threshold trades on the validation posts, where it was chosen there, and on the test posts."""
    return _on_validation(content) + _on_test(content)


def _on_validation(content: ReportContent) -> list[Plot]:
    """Return the frontiers that thresholds were chosen from; none where the study gives the threshold."""
    frontiers = {name: one for name, one in content.decisions.items() if one.frontier}
    if not frontiers:
        return []
    rows = [_chosen_row(name, point) for name, one in frontiers.items() for point in one.frontier]
    marks = [_chosen_row(name, one.validation) for name, one in frontiers.items() if one.validation]
    what = (
        "Thresholds on the validation posts that no other beats in both; the mark is the one chosen: "
        f"{one_line(_rules(frontiers), 1000)}."
    )
    title = "F1 and the worst group, on validation"
    spec = _spec(rows, marks, list(frontiers))
    return [Plot("frontier-validation", title, what, spec, HEADER, [_cells(row) for row in marks])]


def _rules(frontiers: Mapping[str, Decision]) -> str:
    """Return what the thresholds were chosen for; by system where they differ, as where one misses its cap."""
    rules = list(dict.fromkeys(one.rule for one in frontiers.values()))
    return rules[0] if len(rules) == 1 else "; ".join(f"{name}: {one.rule}" for name, one in frontiers.items())


def _chosen_row(system: str, point: OperatingPoint) -> dict[str, Any]:
    shares = {"f1": none_if_nan(point.f1), "fpr": none_if_nan(point.worst_fpr)}
    return {"system": system, "threshold": point.threshold, "group": label(point.worst_group)} | shares


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [row["system"], f"{row['threshold']:.3f}", number(row["f1"]), number(row["fpr"]), row["group"]]


def _on_test(content: ReportContent) -> list[Plot]:
    """Return the frontier of every system with scores; none where no group has enough negative posts."""
    groups = _groups(content)
    if not groups or not content.truth.any() or not content.scored_systems:
        return []
    rows = [row for name in content.scored_systems for row in _rows(content, name, groups)]
    marks = [_point(content, name, groups, content.threshold(name)) for name in content.scored_systems]
    what = (
        "F1 against the false-positive rate of the group where it is highest, at every threshold on the test posts; "
        "the mark is the threshold in use. Choose on validation posts: a threshold chosen here would be flattered."
    )
    spec = _spec(rows, marks, content.scored_systems)
    return [Plot("frontier", "F1 and the worst group, on test", what, spec, HEADER, [_cells(row) for row in marks])]


def _groups(content: ReportContent) -> dict[str, Flags]:
    """Return the negative posts of each group that has enough of them, as bool[n]."""
    if "group" not in content.evidence.columns:
        return {}
    values = content.evidence.column("group")
    found = {str(value): (values == value) & ~content.truth for value in np.unique(values) if value != NO_VALUE}
    return {name: mask for name, mask in found.items() if mask.sum() >= FEWEST_NEGATIVES}


def _rows(content: ReportContent, system: str, groups: Mapping[str, Flags]) -> Iterator[dict[str, Any]]:
    points = content.points[system]
    for at in thinned(len(points.threshold), MOST_POINTS):
        if np.isfinite(points.threshold[at]):
            yield _point(content, system, groups, float(points.threshold[at]))


def _point(content: ReportContent, system: str, groups: Mapping[str, Flags], threshold: float) -> dict[str, Any]:
    called, points = ranked_wrong(content.truth, content.scores(system)), content.points[system]
    rates = {name: float((called[mask] >= threshold).mean()) for name, mask in groups.items()}
    worst = max(rates, key=lambda name: rates[name])
    return {
        "system": system,
        "threshold": threshold,
        "f1": round(float(points.f1[points.at(threshold)]), 5),
        "fpr": round(rates[worst], 5),
        "group": label(worst),
    }


def _spec(rows: list[dict[str, Any]], marks: list[dict[str, Any]], systems: list[str]) -> Spec:
    by_colour, by_shape = system_scales(systems)
    where = {"x": share_axis("FPR of the worst group") | {"field": "fpr"}, "y": share_axis("F1") | {"field": "f1"}}
    told = [
        {"field": "system", "title": "system"},
        {"field": "threshold", "type": "quantitative", "format": ".3f"},
        {"field": "f1", "type": "quantitative", "title": "F1", "format": ".3f"},
        {"field": "fpr", "type": "quantitative", "title": "worst FPR", "format": ".3f"},
        {"field": "group", "title": "worst group"},
    ]
    order = {"field": "threshold", "type": "quantitative"}
    return {
        **FIT_WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "line", "strokeWidth": 1, "point": {"size": 16}},
                "encoding": where | {"color": by_colour, "order": order, "tooltip": told},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "point", "size": 130, "opacity": 1, "stroke": colour("paper"), "strokeWidth": 1.5},
                "encoding": where | {"color": by_colour, "shape": by_shape, "tooltip": told},
            },
        ],
    }
